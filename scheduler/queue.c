/*
 * queue.c - the priority queue's doors: takes, waits, gives back. Pure; see queue.h. Linked into the server and the unit tests.
 */
#include "scheduler/queue_seat.h"

#include <string.h>

size_t
queue_size(int32_t callers)
{
	return sizeof(Queue) + (size_t) callers * sizeof(QueueCaller);
}

void
queue_init(Queue *queue, int32_t callers)
{
	memset(queue, 0, queue_size(callers));
	queue->caller_count = callers;
	for (int32_t i = 0; i < callers; i++)
	{
		QueueCaller *caller = &queue->callers[i];

		caller->next = caller->previous = caller->younger = caller->older = QUEUE_NOBODY;
	}
	for (int32_t i = 0; i < QUEUE_POOLS_MAX; i++)
	{
		QueuePool *pool = &queue->pools[i];

		pool->first = pool->last = pool->oldest = pool->newest = QUEUE_NOBODY;
		pool->aged_at = INT64_MIN;
		pool->weight = 1;
	}
}

static inline void
caller_seen(Queue *queue, int32_t who)
{
	int32_t seen = RELAXED(queue->callers_seen);

	while (who >= seen && !atomic_compare_exchange_weak(&queue->callers_seen, &seen, who + 1))
		continue;
}

/* A claim with everything in its range. */
typedef struct Wanted
{
	Charge charge;
	int32_t priority;
	uint32_t pages;
} Wanted;

static Wanted
claim_read(const Queue *queue, const QueueClaim *claim)
{
	int32_t pool = claim->pool >= 0 && claim->pool < queue->pool_count ? claim->pool : 0;
	int32_t priority = claim->priority < 0 ? queue->pools[pool].priority : claim->priority;
	uint64_t known = (UINT64_C(1) << queue->cap_count) - 1;

	return (Wanted){
		.charge = {pool, (uint32_t) (claim->caps & known)},
		.priority = priority > QUEUE_PRIORITY_MAX ? QUEUE_PRIORITY_MAX : priority,
		.pages = pages_of(claim->memory),
	};
}

static void
caller_describe(QueueCaller *caller, const QueueClaim *claim, int64_t since)
{
	RELAXED_SET(caller->since, since);
	RELAXED_SET(caller->charged, 0);
	RELAXED_SET(caller->predicted, claim->predicted > 0 ? claim->predicted : 0);
	RELAXED_SET(caller->attained, claim->attained > 0 ? claim->attained : 0);
	for (int i = 0; i < RANK_WORDS; i++)
		RELAXED_SET(caller->ranks[i], claim->ranks.words[i]);
	RELAXED_SET(caller->rank_least, claim->rank_least);
	if (!claim->resumes)
		RELAXED_SET(caller->turn, 0);
}

/* Slot and memory, both or none. */
static bool
wanted_take(Queue *queue, int32_t who, const Wanted *wanted)
{
	if (!slots_take(queue, wanted->charge))
		return false;
	QUEUE_STEP(STEP_SLOTS_TAKEN);
	if (memory_take(queue, who, wanted->charge, wanted->pages))
		return true;
	slots_drop(queue, wanted->charge);
	return false;
}

bool
queue_try(Queue *queue, int32_t who, const QueueClaim *claim, int64_t now)
{
	QueueCaller *caller = &queue->callers[who];
	uint64_t version = atomic_load(&queue->version);
	Wanted wanted;

	if (atomic_load(&queue->crowd) != 0 || seat_state(RELAXED(caller->seat)) != QUEUE_IDLE ||
		(claim->version != 0 && claim->version != version))
		return false;
	QUEUE_STEP(STEP_LOOKED);
	caller_seen(queue, who);
	wanted = claim_read(queue, claim);
	if (!wanted_take(queue, who, &wanted))
		return false;
	caller_describe(caller, claim, now);
	QUEUE_STEP(STEP_ALL_TAKEN);
	atomic_store(&caller->seat, seat_make(QUEUE_HOLDING, wanted.charge, wanted.priority, wanted.priority));
	QUEUE_STEP(STEP_SEATED);
	if (atomic_load(&queue->version) == version && (atomic_load(&queue->crowd) & QUEUE_CHANGING) == 0)
		return true;
	slots_drop(queue, seat_charge(atomic_exchange(&caller->seat, QUEUE_IDLE)));
	memory_drop(queue, who, wanted.pages);
	return false;
}

/* What a slot's time tells of its pool and turn, and costs the pool; the seat is that of a holder, who is through. */
static void
hold_account(Queue *queue, int32_t who, uint64_t seat, int64_t now)
{
	_Atomic int64_t *mean = &queue->pools[seat_pool(seat)].mean_us, *turn = &queue->callers[who].turn;
	int64_t held = time_between(RELAXED(queue->callers[who].since), now);
	int64_t before = RELAXED(*mean);

	RELAXED_SET(*turn, time_after(RELAXED(*turn), held));
	RELAXED_SET(*mean, before == 0 ? held : before + (held - before) / 8);
	pass_settle(queue, who, seat, now);
}

bool
queue_give_back(Queue *queue, int32_t who, int64_t now)
{
	QueueCaller *caller = &queue->callers[who];
	uint64_t seat = atomic_load(&caller->seat);

	if (seat_state(seat) != QUEUE_HOLDING)
		return seat_state(seat) == QUEUE_WAITING;
	seat = atomic_exchange(&caller->seat, QUEUE_IDLE);
	hold_account(queue, who, seat, now);
	slots_drop(queue, seat_charge(seat));
	return atomic_load(&queue->crowd) != 0;
}

bool
queue_unreserve(Queue *queue, int32_t who, int64_t bytes)
{
	memory_drop(queue, who, pages_of(bytes));
	return atomic_load(&queue->crowd) != 0;
}

static void
crowd_join(Queue *queue, int32_t who, int64_t now)
{
	if (queue->waiting == 0)
		RELAXED_SET(queue->crowded_since, now);
	atomic_fetch_add(&queue->crowd, 1);
	queue->callers[who].ticket = ++queue->tickets;
	caller_seen(queue, who);
}

static void
crowd_leave(Queue *queue, int32_t who)
{
	waiter_remove(queue, who);
	atomic_fetch_sub(&queue->crowd, 1);
}

/* The next one ages from when this one's turn came, not from when it got its slot, so that delays do not add up. */
static void
aged_note(Queue *queue, int32_t who, int64_t now)
{
	QueuePool *pool = &queue->pools[queue_pool(queue, who)];
	int64_t due = waiter_aged_due(queue, who);

	pool->aged_at = time_between(due, now) > pool->ageing_us ? now - pool->ageing_us : due;
}

/* The waiter takes what it claims; false: somebody without the lock was faster. */
static bool
waiter_grant(Queue *queue, int32_t who, bool aged, int64_t now)
{
	QueueCaller *caller = &queue->callers[who];
	uint64_t seat = RELAXED(caller->seat);
	Wanted wanted = {seat_charge(seat), seat_priority(seat), caller->pages};

	if (!wanted_take(queue, who, &wanted))
		return false;
	pass_charge(queue, who);
	if (aged)
		aged_note(queue, who, now);
	waiter_remove(queue, who);
	caller->pages = 0;
	if (!caller->resumes)
		RELAXED_SET(caller->turn, 0);
	RELAXED_SET(caller->since, now);
	atomic_store(&caller->seat, (seat & ~UINT64_C(3)) | QUEUE_HOLDING | (aged ? SEAT_AGED : 0));
	holder_list(queue, who);
	atomic_fetch_sub(&queue->crowd, 1);
	return true;
}

int32_t
queue_grant(Queue *queue, int64_t now)
{
	const Look look = {.now = now};
	bool aged;
	int32_t who;

	do
		who = queue_choose(queue, &look, &aged);
	while (who != QUEUE_NOBODY && !waiter_grant(queue, who, aged, now));
	return who;
}

/* Takes the slot at once when the order says that this waiter is next. */
static bool
waiter_is_next(Queue *queue, int32_t who, int64_t now)
{
	const Look look = {.now = now};
	bool aged;

	return queue_choose(queue, &look, &aged) == who && waiter_grant(queue, who, aged, now);
}

static QueueAnswer
caller_refuse(QueueCaller *caller, QueueAnswer answer, QueueWhy reason, int32_t index)
{
	caller->reason = (int32_t) reason;
	caller->reason_index = index;
	return answer;
}

/* Memory for a call inside another one, which must not wait for it. */
static bool
nested_reserve(Queue *queue, int32_t who, const Wanted *wanted)
{
	QueueWhy lack = QUEUE_WHY_NOTHING;
	int32_t index = 0;

	while (lack == QUEUE_WHY_NOTHING && !memory_take(queue, who, wanted->charge, wanted->pages))
	{
		QUEUE_STEP(STEP_NESTED_REFUSED);
		lack = memory_lack(queue, who, wanted->charge, wanted->pages, NULL, &index);
	}
	if (lack != QUEUE_WHY_NOTHING)
		(void) caller_refuse(&queue->callers[who], QUEUE_NESTED, lack, index);
	return lack == QUEUE_WHY_NOTHING;
}

QueueAnswer
queue_acquire(Queue *queue, int32_t who, const QueueClaim *claim, int64_t now)
{
	QueueCaller *caller = &queue->callers[who];
	Wanted wanted = claim_read(queue, claim);
	int32_t index = 0;
	QueueWhy never = memory_never(queue, who, wanted.charge, wanted.pages, &index);

	if (seat_state(RELAXED(caller->seat)) != QUEUE_IDLE)
		return seat_state(RELAXED(caller->seat)) == QUEUE_HOLDING ? QUEUE_GRANTED : QUEUE_QUEUED;
	if (never != QUEUE_WHY_NOTHING)
		return caller_refuse(caller, QUEUE_TOO_LARGE, never, index);
	caller_describe(caller, claim, claim->since > 0 && claim->since < now ? claim->since : now);
	crowd_join(queue, who, now);
	if (claim->nested && !nested_reserve(queue, who, &wanted))
	{
		atomic_fetch_sub(&queue->crowd, 1);
		return QUEUE_NESTED;
	}
	caller->pages = claim->nested ? 0 : wanted.pages;
	caller->resumes = claim->resumes && (queue->quantum_us <= 0 || quantum_left(queue, caller) > 0);
	caller->fresh = !claim->resumes;
	caller->rank = caller_rank(caller, 0);
	caller->reason = QUEUE_WHY_NOTHING;
	atomic_store(&caller->seat, seat_make(QUEUE_WAITING, wanted.charge, wanted.priority, wanted.priority));
	waiter_insert(queue, who);
	if (waiter_is_next(queue, who, now))
		return QUEUE_GRANTED;
	if (!claim->resumes && queue->pools[wanted.charge.pool].fresh > queue->pools[wanted.charge.pool].length)
	{
		crowd_leave(queue, who);
		RELAXED_SET(caller->seat, QUEUE_IDLE);
		memory_drop(queue, who, claim->nested ? wanted.pages : 0);
		return QUEUE_FULL;
	}
	return QUEUE_QUEUED;
}

void
queue_yield(Queue *queue, int32_t who, int64_t now)
{
	QueueCaller *caller = &queue->callers[who];
	uint64_t seat = atomic_load(&caller->seat);
	int64_t held = time_between(RELAXED(caller->since), now);

	if (seat_state(seat) != QUEUE_HOLDING)
		return;
	crowd_join(queue, who, now);
	hold_account(queue, who, seat, now);
	slots_drop(queue, seat_charge(seat));
	RELAXED_SET(caller->attained, time_after(RELAXED(caller->attained), held));
	RELAXED_SET(caller->since, now);
	caller->pages = 0;
	caller->resumes = caller->fresh = false;
	caller->rank = caller_rank(caller, 0);
	atomic_store(&caller->seat, (seat & ~(UINT64_C(3) | SEAT_ASKED | SEAT_AGED)) | QUEUE_WAITING);
	waiter_insert(queue, who);
}

void
queue_release(Queue *queue, int32_t who, int64_t now)
{
	if (seat_state(atomic_load(&queue->callers[who].seat)) != QUEUE_WAITING)
	{
		(void) queue_give_back(queue, who, now);
		return;
	}
	crowd_leave(queue, who);
	atomic_store(&queue->callers[who].seat, QUEUE_IDLE);
}

/* What a holder has paid goes along, by the weight of where it goes. */
static void
charged_move(Queue *queue, int32_t who, uint64_t from, uint64_t to)
{
	uint64_t charged = RELAXED(queue->callers[who].charged);
	uint64_t us = charged * (uint64_t) RELAXED(queue->pools[seat_pool(from)].weight) / QUEUE_STRIDE;
	uint64_t moved = pass_of(&queue->pools[seat_pool(to)], (int64_t) us);

	if (!atomic_compare_exchange_strong(&queue->callers[who].charged, &charged, moved))
		return;
	atomic_fetch_sub(&queue->tiers[seat_priority(from)].pass[seat_pool(from)], charged);
	atomic_fetch_add(&queue->tiers[seat_priority(to)].pass[seat_pool(to)], moved);
}

void
caller_reseat(Queue *queue, int32_t who, uint64_t seat)
{
	QueueCaller *caller = &queue->callers[who];
	uint64_t before = atomic_load(&caller->seat);

	if (seat_state(before) == QUEUE_WAITING)
	{
		waiter_remove(queue, who);
		atomic_store(&caller->seat, seat);
		waiter_insert(queue, who);
		return;
	}
	if (!atomic_compare_exchange_strong(&caller->seat, &before, seat))
		return; /* it gave its slot back meanwhile */
	slots_shift(queue, seat_charge(before), seat_charge(seat));
	charged_move(queue, who, before, seat);
}

void
queue_move(Queue *queue, int32_t who, const QueueClaim *claim)
{
	uint64_t before = atomic_load(&queue->callers[who].seat);
	Wanted wanted = claim_read(queue, claim);
	int32_t own = seat_own_priority(before), effective = seat_priority(before);
	uint64_t seat;

	if (seat_state(before) == QUEUE_IDLE)
		return;
	if (effective == own || effective < wanted.priority)
		effective = wanted.priority;
	seat = seat_make(seat_state(before), wanted.charge, effective, wanted.priority);
	caller_reseat(queue, who, seat | (before & (SEAT_ASKED | SEAT_AGED)));
}

void
queue_lend(Queue *queue, int32_t who, int32_t priority)
{
	uint64_t before = atomic_load(&queue->callers[who].seat);
	int32_t own = seat_own_priority(before);
	int32_t lent = priority > QUEUE_PRIORITY_MAX ? QUEUE_PRIORITY_MAX : priority;
	int32_t effective = lent > own ? lent : own;
	uint64_t seat = seat_make(seat_state(before), seat_charge(before), effective, own);

	if (seat_state(before) != QUEUE_IDLE && effective != seat_priority(before))
		caller_reseat(queue, who, seat | (before & (SEAT_ASKED | SEAT_AGED)));
}

QueueState
queue_state(const Queue *queue, int32_t who)
{
	return seat_state(atomic_load(&queue->callers[who].seat));
}

bool
queue_is_asked(const Queue *queue, int32_t who)
{
	return (atomic_load(&queue->callers[who].seat) & SEAT_ASKED) != 0;
}

int32_t
queue_pool(const Queue *queue, int32_t who)
{
	return seat_pool(atomic_load(&queue->callers[who].seat));
}

int32_t
queue_priority(const Queue *queue, int32_t who)
{
	return seat_priority(atomic_load(&queue->callers[who].seat));
}

int64_t
queue_reserved(const Queue *queue, int32_t who)
{
	return (int64_t) account_pages(atomic_load(&queue->callers[who].account)) * QUEUE_PAGE;
}
