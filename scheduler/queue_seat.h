/*
 * queue_seat.h - the words and counts that queue*.c share; nobody else includes it, but for tests.
 *
 * DESIGN. A seat says in one word what a caller's slot is counted against, and an account the same of its memory. Who takes a
 * slot without the lock raises the counts first, then writes its seat; who gives it back takes the word out by one exchange and
 * lowers what the word names. A change by another (move, lend, configure, ask) holds the lock and replaces the word by compare-
 * exchange, then moves the counts: whichever comes first, each count is lowered once, where it is.
 *
 * No wake-up is lost: who begins to wait raises Queue.crowd and then looks at the counts; who gives back, or takes back what
 * it raised in vain, lowers the counts and then looks at crowd. All of these are sequentially consistent, so that one of the two
 * sees the other: either the first finds room, or the second takes the lock and grants. Who raised in vain always takes the lock
 * (queue_try answers false), and whoever holds the lock ends with queue_grant.
 *
 * A new policy renumbers pools and caps. It announces itself in crowd, rewrites seats and accounts, and counts the version up. A
 * queue_try that overlaps finds one or the other changed after it wrote its seat, and takes everything back as the word says then.
 */
#ifndef PYBOX_QUEUE_SEAT_H
#define PYBOX_QUEUE_SEAT_H

#include "scheduler/queue.h"

#define SEAT_ASKED (UINT64_C(1) << 2)
#define SEAT_AGED (UINT64_C(1) << 3) /* granted out of turn: keeps the slot for a quantum */
#define ACCOUNT_PAGES_MAX ((UINT32_C(1) << 27) - 1)

/* What a call counts against, out of a claim, a seat or an account. */
typedef struct Charge
{
	int32_t pool;
	uint32_t caps;
} Charge;

static inline uint64_t
seat_make(QueueState state, Charge charge, int32_t priority, int32_t own)
{
	return (uint64_t) state | (uint64_t) charge.pool << 4 | (uint64_t) priority << 9 | (uint64_t) own << 16 |
		   (uint64_t) charge.caps << 32;
}

static inline QueueState
seat_state(uint64_t seat)
{
	return (QueueState) (seat & 3);
}

static inline int32_t
seat_pool(uint64_t seat)
{
	return (int32_t) (seat >> 4 & 31);
}

static inline int32_t
seat_priority(uint64_t seat)
{
	return (int32_t) (seat >> 9 & 127);
}

static inline int32_t
seat_own_priority(uint64_t seat)
{
	return (int32_t) (seat >> 16 & 127);
}

static inline Charge
seat_charge(uint64_t seat)
{
	return (Charge){seat_pool(seat), (uint32_t) (seat >> 32)};
}

static inline uint64_t
account_make(uint32_t pages, Charge charge)
{
	return pages == 0 ? 0 : (uint64_t) pages | (uint64_t) charge.pool << 27 | (uint64_t) charge.caps << 32;
}

static inline uint32_t
account_pages(uint64_t account)
{
	return (uint32_t) (account & ACCOUNT_PAGES_MAX);
}

static inline Charge
account_charge(uint64_t account)
{
	return (Charge){(int32_t) (account >> 27 & 31), (uint32_t) (account >> 32)};
}

/* Steps of the path without the lock, between which others may come; a test defines it to make them come. */
#ifndef QUEUE_STEP
#define QUEUE_STEP(name) ((void) 0)
#endif

/* For values that nothing else is ordered by. */
#define RELAXED(field) atomic_load_explicit(&(field), memory_order_relaxed)
#define RELAXED_SET(field, value) atomic_store_explicit(&(field), (value), memory_order_relaxed)

/* For each number whose bit is set. */
#define EACH_BIT(number, bits)                                                                                         \
	for (uint32_t rest_ = (bits), number; rest_ != 0 && (number = (uint32_t) __builtin_ctz(rest_), true);              \
		 rest_ &= rest_ - 1)

/* now - since, never negative and never too large. */
static inline int64_t
time_between(int64_t since, int64_t now)
{
	int64_t passed;

	if (now <= since)
		return 0;
	return __builtin_sub_overflow(now, since, &passed) ? INT64_MAX : passed;
}

static inline int64_t
time_after(int64_t since, int64_t us)
{
	int64_t at;

	return __builtin_add_overflow(since, us, &at) ? INT64_MAX : at;
}

/* What is left of the quantum of a caller's turn when it is granted a slot. */
static inline int64_t
quantum_left(const Queue *queue, const QueueCaller *caller)
{
	int64_t turn = RELAXED(caller->turn);

	return turn < queue->quantum_us ? queue->quantum_us - turn : 0;
}

/* What queue_ask takes for given beside the counts: who will go, and who will come. */
typedef struct Hope
{
	int32_t node, pools[QUEUE_POOLS_MAX], caps[QUEUE_CAPS_MAX];
	int64_t node_bytes, pool_bytes[QUEUE_POOLS_MAX], cap_bytes[QUEUE_CAPS_MAX];
	uint64_t pass[QUEUE_POOLS_MAX];
} Hope;

/* How a choice looks at the waiters. */
typedef struct Look
{
	int64_t now;
	const Hope *hope; /* NULL: only who could go now counts */
	uint64_t number;  /* waiters whose looked is this have been seen; 0: none has */
	uint32_t closed;  /* pools that are not looked at any more */
	uint32_t aged;	  /* pools whose turn out of turn is over */
} Look;

/* queue_count.c: what is held and reserved. */
uint32_t pages_of(int64_t bytes);
bool slots_take(Queue *queue, Charge charge);
void slots_drop(Queue *queue, Charge charge);
void slots_shift(Queue *queue, Charge from, Charge to);
/* Reserves pages for who, and takes over to charge what it has reserved already; all or nothing. */
bool memory_take(Queue *queue, int32_t who, Charge charge, uint32_t pages);
void memory_drop(Queue *queue, int32_t who, uint32_t pages);
void memory_shift(Queue *queue, uint32_t pages, Charge from, Charge to);
/* hope: NULL for what is so now. */
QueueWhy memory_lack(const Queue *queue, int32_t who, Charge charge, uint32_t pages, const Hope *hope, int32_t *index);
QueueWhy slots_lack(const Queue *queue, Charge charge, int32_t *index);
/* Whether a waiter comes for its first memory while more than half of a budget that it draws on is reserved. */
bool memory_is_scarce(const Queue *queue, int32_t who);
/* The budget that pages and what who has would not fit into even if it were empty; QUEUE_WHY_NOTHING: none. */
QueueWhy memory_never(const Queue *queue, int32_t who, Charge charge, uint32_t pages, int32_t *index);

/* queue.c */
/* Replaces a waiter's or holder's seat but for its state, and moves all that depends on it. */
void caller_reseat(Queue *queue, int32_t who, uint64_t seat);

/* queue_victim.c: who has been granted a slot is a holder to look at. */
void holder_list(Queue *queue, int32_t who);

/* queue_order.c: lists, ranks and passes. */
void waiter_insert(Queue *queue, int32_t who);
void waiter_remove(Queue *queue, int32_t who);
int64_t caller_rank(const QueueCaller *caller, int64_t held);
int64_t caller_rank_above(const QueueCaller *caller, int64_t rank, int64_t held, int64_t until);
/* Whether waiter one goes before waiter other of the same pool. */
bool waiter_precedes(const Queue *queue, int32_t one, int32_t other);
bool pass_is_before(uint64_t one, uint64_t other);
uint64_t pass_of(const QueuePool *pool, int64_t us);
/* What the next slot of a waiter is expected to cost: of a long call a quantum. */
uint64_t pass_expected(const Queue *queue, int32_t who);
/* Charges a new grant beforehand, then in the course of it and at its end by what it has used. Nobody pays while nobody waits. */
void pass_charge(Queue *queue, int32_t who);
void pass_update(Queue *queue, int32_t who, uint64_t seat, int64_t now);
void pass_settle(Queue *queue, int32_t who, uint64_t seat, int64_t now);

/* When a waiter is to go out of turn, if it is its pool's longest, and the pool ages. */
int64_t waiter_aged_due(const Queue *queue, int32_t who);
/* Who is next: the best waiter that could go now. *aged: out of turn. */
int32_t queue_choose(const Queue *queue, const Look *look, bool *aged);

#endif
