/*
 * queue_state.h - what the queue keeps of pools, caps and callers. For queue*.c; others read fields of pools and caps, and go
 * through the functions of queue.h for the rest.
 *
 * What is _Atomic is read and written without the lock too; the rest under the lock alone. Times in us, memory in bytes.
 */
#ifndef PYBOX_QUEUE_STATE_H
#define PYBOX_QUEUE_STATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "scheduler/rank.h"

#define QUEUE_POOLS_MAX 32
#define QUEUE_CAPS_MAX 32
#define QUEUE_NOBODY (-1)
#define QUEUE_PRIORITY_MAX 100

/* What a pool's holders do when a better call waits; PolicyContention. */
typedef enum QueueContention
{
	QUEUE_PAUSE, /* are asked to give way */
	QUEUE_YIELD, /* keep the slot until the call or its batch ends: never asked */
	QUEUE_SHARE	 /* are asked, and run on at the lowest weight without a slot */
} QueueContention;

#define QUEUE_PAGE 65536 /* bytes: what memory is counted in; claims are rounded up */

typedef struct QueuePool
{
	_Atomic int32_t priority;
	int32_t length;
	QueueContention contention;
	int64_t ageing_us;
	_Atomic int32_t weight, slots, holding;
	_Atomic int64_t memory, reserved; /* memory: INT64_MAX when it has no budget */
	_Atomic int64_t mean_us;		  /* slot time between grant and give-back, lately; 0: not known */
	int32_t waiting;
	int32_t fresh;			/* of these, those that have had no slot yet: what length bounds */
	int32_t known;			/* of waiting, those that history tells of */
	int32_t first, last;	/* waiters in order, through QueueCaller.next and .previous */
	int32_t oldest, newest; /* the same by age, through .younger and .older */
	int64_t aged_at;		/* when its last grant out of turn was due; INT64_MIN: it had none */
} QueuePool;

typedef struct QueueCap
{
	_Atomic int32_t slots, holding;	  /* slots: INT32_MAX when it has none */
	_Atomic int64_t memory, reserved; /* memory: INT64_MAX when it has no budget */
} QueueCap;

/* What the order goes by comes first, in a line of the cache where it may. */
typedef struct QueueCaller
{
	_Atomic uint64_t seat; /* state, pool, caps, priorities: see queue_seat.h */
	_Atomic int64_t since; /* when it was granted its slot, or began to wait */
	int64_t rank;		   /* of a waiter */
	uint64_t ticket;	   /* grows with each that begins to wait */
	int32_t next, previous, younger, older;
	uint32_t pages;						 /* to reserve with the slot */
	bool resumes, fresh, known;			 /* known: of a waiter, that history tells of it */
	bool listed;						 /* among the holders that are known, see queue_victim.c */
	_Atomic int64_t predicted, attained; /* attained: before this slot */
	_Atomic uint64_t account;			 /* what memory it has reserved from whom */
	_Atomic uint64_t charged;			 /* pass its pool has paid for this slot already */
	_Atomic uint64_t ranks[RANK_WORDS];	 /* a RankTable */
	_Atomic int64_t turn;				 /* slot time that its turn has had before this slot */
	int32_t reason, reason_index;		 /* QueueWhy of the last refusal */
	uint64_t looked;					 /* queue_ask's own: the look that has seen to it, ... */
	int32_t helps;						 /* ... for whose good, ... */
	int32_t holder;						 /* ... and the how manieth of Queue.holders is who; not about this caller */
	_Atomic int64_t rank_least;			 /* of the claim */
} QueueCaller;

_Static_assert(sizeof(QueueCaller) % 64 == 0, "no two callers write to the same line");

/* One priority's stride scheduling; by pool. */
typedef struct QueueTier
{
	_Atomic uint64_t pass[QUEUE_POOLS_MAX]; /* virtual time, see QUEUE_STRIDE; compared by difference */
	int32_t waiting[QUEUE_POOLS_MAX];
	uint64_t start; /* pass at which the last grant began: who comes new begins there */
} QueueTier;

#define QUEUE_STRIDE 65536 /* pass that a microsecond of slot time costs at weight 1 */

typedef struct Queue
{
	_Atomic int32_t holding;
	_Atomic int32_t slots;
	_Atomic int64_t memory, reserved; /* memory: INT64_MAX when it has no budget */
	_Atomic uint64_t version;
	char apart[64];				   /* what is written with each call lies apart from what is read with each */
	_Atomic uint32_t crowd;		   /* waiters, and QUEUE_CHANGING; 0: queue_try may go ahead */
	_Atomic int64_t crowded_since; /* when the first of those that wait now, without a break, began */
	int64_t quantum_us;
	int32_t waiting, wanting_memory; /* wanting_memory: waiters that have some to reserve */
	uint32_t waiting_pools;			 /* bits of the pools that have waiters */
	_Atomic int32_t pool_count, cap_count;
	int32_t caller_count;
	_Atomic int32_t callers_seen; /* nobody from this number on has ever held or waited */
	uint64_t tickets, looks;
	int32_t holders; /* known, in QueueCaller.holder of the first so many callers */
	QueuePool pools[QUEUE_POOLS_MAX];
	QueueCap caps[QUEUE_CAPS_MAX];
	QueueTier tiers[QUEUE_PRIORITY_MAX + 1];
	QueueCaller callers[]; /* caller_count of them */
} Queue;

#define QUEUE_CHANGING (UINT32_C(1) << 31) /* queue_configure is at work */

#endif
