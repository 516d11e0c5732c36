/*
 * queue.h - the priority queue in front of the slots and the memory budget: who may run Python now, who waits, who is next,
 * who has to give way.
 *
 * DESIGN. Pure: no clock, no allocation, no pointer inside, so that it lives in shared memory, in unit tests and in the
 * simulator alike; the time is an argument, in microseconds. Each caller ("who") is a small number, a backend's, and waits
 * or holds at most once.
 *
 * Order. Strict by priority, which is a caller's (its pool's, unless somebody set it). Among pools whose best waiters have
 * the same priority: stride scheduling by weight, charged by the time that slots were held while anybody waited; a pool
 * that begins to wait joins where its tier's last grant began. Inside a pool: those that resume within their quantum in
 * order of return, then the one with the least rank, then first come. Rank: what history says of a call that has had so much slot
 * time (rank.h); without history the time it has had. Out of turn: a pool's longest waiter that has waited for the pool's ageing time is
 * granted next, unless the pool had such a grant within that time; of several pools the one that is due first. So the k-th
 * longest waiter of a pool gets a slot after k times the pool's ageing time and a quantum for each pool that ages, at most,
 * unless holders that are never asked, or caps, or memory, stand in its way.
 *
 * Turns. A call's turn begins when it is granted a slot in order, and goes on over SQL: its quantum is of slot time, of all
 * the slots of the turn together. A call that resumes after SQL goes first for what is left of it, and then waits in order for
 * its next turn, as one that gave way does. While nobody waits it is as one that ran on. Calls inside a call share its turn, and
 * are no more urgent than it is, so that none comes to turns by small calls in its SQL.
 *
 * Giving way. queue_ask() names holders whose slot a better waiter should have: at once when the waiter's priority is
 * higher; when the holder's quantum is over and the order puts the waiter first; and sooner, after a millisecond, for one of
 * its own pool that history says has half its rank. The caller of queue_ask wakes them;
 * they answer with queue_yield(), or end. It never asks more than there are waiters to help, nor holders of pools that
 * yield only between calls; and one granted out of turn keeps its slot for a quantum. Whoever is asked frees all that the
 * waiter lacks: one who lacks a pool's slot that one call holds and a cap's that another holds waits until either of them
 * gives its slot back for SQL or ends, however old it is; then the other one is asked. Wall limits are the only bound of that.
 *
 * Memory. A claim reserves bytes from the budgets of node, pool and caps along with the slot and keeps them over SQL and
 * pauses, until queue_unreserve(). No budget is ever exceeded. Who waits for memory is passed by those that fit, until it
 * has waited for its pool's ageing time: then nobody reserves from the budget that it lacks before it does. Where more than
 * half of a budget is reserved, a pool's waiters that have memory already go before those of their priority that come for
 * some, so that calls which gave way end before others begin. A claim inside another call never waits for memory: it is
 * refused, since it would wait for itself; and so it does not wait for the aged either.
 *
 * Concurrency. Counts are atomics. queue_try() and queue_give_back() need no lock and work while nobody waits; all else
 * that changes the queue is called under the caller's lock. Whoever begins to wait says so (Queue.crowd) before it looks at
 * the counts, and whoever gives back looks at it after: one of the two sees the other. See queue_seat.h.
 */
#ifndef PYBOX_QUEUE_H
#define PYBOX_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scheduler/queue_state.h"

typedef enum QueueState
{
	QUEUE_IDLE,
	QUEUE_WAITING,
	QUEUE_HOLDING,
	QUEUE_STATE_COUNT
} QueueState;

typedef enum QueueAnswer
{
	QUEUE_GRANTED,
	QUEUE_QUEUED,
	QUEUE_FULL,		 /* the pool's queue has its length already */
	QUEUE_TOO_LARGE, /* the claim's memory exceeds a whole budget, see queue_why() */
	QUEUE_NESTED	 /* a claim inside another call does not fit the memory budget */
} QueueAnswer;

/* What a waiter lacks, the first of these that applies. */
typedef enum QueueWhy
{
	QUEUE_WHY_NOTHING, /* does not wait */
	QUEUE_WHY_NODE_SLOTS,
	QUEUE_WHY_POOL_SLOTS, /* of pools and caps, index says which */
	QUEUE_WHY_CAP_SLOTS,
	QUEUE_WHY_NODE_MEMORY,
	QUEUE_WHY_POOL_MEMORY,
	QUEUE_WHY_CAP_MEMORY,
	QUEUE_WHY_ORDER, /* there is room, others go first */
	QUEUE_WHY_COUNT
} QueueWhy;

/* What a pool's definition says; see PolicyPool. */
typedef struct QueueRule
{
	int32_t priority, weight, slots, length;
	QueueContention contention;
	int64_t memory;	   /* bytes all its calls may reserve; 0: no budget of its own */
	int64_t ageing_us; /* 0: does not age */
} QueueRule;

typedef struct QueueCapRule
{
	int32_t slots;	/* 0: any */
	int64_t memory; /* 0: any */
} QueueCapRule;

typedef struct QueueSetup
{
	int32_t slots;
	int64_t memory;		/* 0: no budget */
	int64_t quantum_us; /* 0: never over */
	int32_t pool_count, cap_count;
	const QueueRule *pools;
	const QueueCapRule *caps;
	const int32_t *pool_moves; /* by old number: the new one; NULL: unchanged */
	const int32_t *cap_moves;  /* by old number: the new one, or QUEUE_NOBODY; NULL: unchanged */
	uint64_t version;		   /* of these definitions, see QueueClaim; 0: the last one's and one more */
} QueueSetup;

typedef struct QueueClaim
{
	int32_t pool, priority; /* priority -1: its pool's */
	bool resumes;			/* goes on after SQL: not refused, first of its priority and pool while its quantum lasts */
	bool nested;			/* inside another call of the same backend */
	uint64_t caps;			/* bits 1 << number of the caps it counts against */
	int64_t memory;			/* bytes to reserve beside what it has reserved already; 0: none */
	int64_t predicted;		/* us of slot time that the whole call is expected to take; 0: no history */
	int64_t attained;		/* us that it has had */
	RankTable ranks;		/* how urgent it is; all zero: by the two above */
	int64_t rank_least;		/* but no more than one of this rank, as the call that it is inside of */
	int64_t since;			/* when it began to wait for its first slot; 0: now */
	uint64_t version; /* of the definitions that pool and caps are numbers of, for queue_try; 0: the ones in force */
} QueueClaim;

size_t queue_size(int32_t callers);
void queue_init(Queue *queue, int32_t callers);
/* New definitions. Nobody loses a slot or memory; what is less takes effect as it is given back. Under the lock. */
void queue_configure(Queue *queue, const QueueSetup *setup);

/* Without the lock: takes a slot for an idle caller when nobody waits and all that it claims is free. False: take the lock. */
bool queue_try(Queue *queue, int32_t who, const QueueClaim *claim, int64_t now);
/* Without the lock: gives back the slot of a holder. True: somebody waits, so take the lock and call queue_grant. */
bool queue_give_back(Queue *queue, int32_t who, int64_t now);
/* Without the lock: gives memory back. True: as above. */
bool queue_unreserve(Queue *queue, int32_t who, int64_t bytes);

/* The rest is called under the lock. */
/* Asks for a slot for an idle caller. Call queue_grant afterwards, whatever the answer. */
QueueAnswer queue_acquire(Queue *queue, int32_t who, const QueueClaim *claim, int64_t now);
/* A holder gives way: it waits for the rest of its time. Call queue_grant afterwards. */
void queue_yield(Queue *queue, int32_t who, int64_t now);
/* Leaves the queue, or gives the slot back; right in every state. Call queue_grant afterwards. */
void queue_release(Queue *queue, int32_t who, int64_t now);
/* Gives a free slot to the best waiter. Returns who to wake, or QUEUE_NOBODY; call until nobody. */
int32_t queue_grant(Queue *queue, int64_t now);
/*
 * A holder to be asked to give way, marked so, or QUEUE_NOBODY; call until nobody. *due: when, if nothing else happens, to
 * call again, as when the next quantum is over or the next waiter has aged, if anybody is to be asked then. 0: not before
 * somebody begins to wait.
 */
int32_t queue_ask(Queue *queue, int64_t now, int64_t *due);
/*
 * Pool, priority and caps of the claim for a waiter or holder; nothing else of it. Nobody loses a slot; memory stays where it was
 * reserved until the next claim that has some.
 */
void queue_move(Queue *queue, int32_t who, const QueueClaim *claim);
/* At least this priority, lent by who waits for it, until the next claim or a lend of -1. */
void queue_lend(Queue *queue, int32_t who, int32_t priority);

/* Of one caller. Exact for that caller and under the lock, else a hint. */
QueueState queue_state(const Queue *queue, int32_t who);
bool queue_is_asked(const Queue *queue, int32_t who);
int32_t queue_pool(const Queue *queue, int32_t who);
int32_t queue_priority(const Queue *queue, int32_t who); /* the greater of its own and what is lent to it */
int64_t queue_reserved(const Queue *queue, int32_t who); /* bytes */
/* Of these, what counts against a budget: index is the pool's or the cap's number. */
int64_t queue_reserved_of(const Queue *queue, int32_t who, QueueWhy why, int32_t index);
/* Bytes of a budget that nobody has reserved, and what a waiter is to reserve with its slot. */
int64_t queue_budget_free(const Queue *queue, QueueWhy why, int32_t index);
int64_t queue_claimed(const Queue *queue, int32_t who);

/* The greatest priority of those that wait, -1: nobody does. Under the lock. */
int32_t queue_priority_waiting(const Queue *queue);
/* 1 for the next of its pool, 0 when it does not wait. */
int32_t queue_position(const Queue *queue, int32_t who);
QueueWhy queue_why(const Queue *queue, int32_t who, int32_t *index);
/* Microseconds until a waiter has its slot if all goes as predicted; -1: no telling. */
int64_t queue_estimate(const Queue *queue, int32_t who, int64_t now);
/* How long the pool's longest waiter has waited; 0: there is none. */
int64_t queue_pool_oldest_wait(const Queue *queue, int32_t pool, int64_t now);
/* NULL when every count and list agrees, else what does not. */
const char *queue_check(const Queue *queue);

#endif
