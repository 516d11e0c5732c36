/*
 * queue.h - the priority queue in front of the slots: who may run Python now, who waits, who is next.
 *
 * DESIGN. Pure: no clock, no allocation, no pointer inside, so that it lives in shared memory and in unit tests alike;
 * the caller holds the lock and passes the time. Each caller ("who") is a small number, a backend's, and waits at most
 * once. Between pools: strict by priority tier, then stride scheduling by weight inside the tier; a pool that begins to
 * wait joins at its tier's current minimum. Inside a pool: those that resume after SQL first, then first come, first served.
 */
#ifndef PYBOX_QUEUE_H
#define PYBOX_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUEUE_POOLS_MAX 32
#define QUEUE_NOBODY (-1)
#define QUEUE_STRIDE (UINT64_C(1) << 20) /* pass a grant costs at weight 1 */

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
	QUEUE_FULL
} QueueAnswer;

typedef struct QueuePool
{
	int32_t priority, weight;
	int32_t slots;	/* how many of the node's slots it may hold */
	int32_t length; /* how many may wait */
	int32_t holding, waiting;
	int32_t first, last; /* list of waiters through QueueCaller.next and .previous */
	uint64_t pass;		 /* stride scheduling's virtual time */
} QueuePool;

typedef struct QueueCaller
{
	int32_t state; /* QueueState */
	int32_t pool;
	int32_t next, previous;
	bool resumes;  /* goes on after SQL: never refused, goes first in its pool */
	int64_t since; /* when it began to wait or to hold, the caller's clock */
} QueueCaller;

typedef struct Queue
{
	int32_t slots, holding, waiting;
	int32_t pool_count, caller_count;
	QueuePool pools[QUEUE_POOLS_MAX];
	QueueCaller callers[]; /* caller_count of them */
} Queue;

/* What a pool's definition says; see PolicyPool. */
typedef struct QueueRule
{
	int32_t priority, weight, slots, length;
} QueueRule;

size_t queue_size(int32_t callers);
void queue_init(Queue *queue, int32_t callers);
/*
 * New definitions for pools 0..count-1; moves[old] is the new number of each old pool (NULL: unchanged), where its
 * holders and waiters go. Nobody loses a slot; fewer slots take effect as they are given back.
 */
void queue_configure(Queue *queue, int32_t slots, const QueueRule *rules, int32_t count, const int32_t *moves);

/* Asks for a slot for an idle caller. QUEUE_FULL leaves it idle. */
QueueAnswer queue_acquire(Queue *queue, int32_t who, int32_t pool, bool resumes, int64_t now);
/* Gives the slot back, or leaves the queue; right in every state. Call queue_grant afterwards. */
void queue_release(Queue *queue, int32_t who);
/* Gives a free slot to the best waiter. Returns who to wake, or QUEUE_NOBODY; call until nobody. */
int32_t queue_grant(Queue *queue, int64_t now);
/* 1 for the next of its pool, 0 when it does not wait. */
int32_t queue_position(const Queue *queue, int32_t who);
/* NULL when every count and list agrees, else what does not. */
const char *queue_check(const Queue *queue);

#endif
