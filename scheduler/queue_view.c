/*
 * queue_view.c - what can be told of a waiter: its place, what it lacks, when it may go. Changes nothing. Under the lock.
 */
#include "scheduler/queue_seat.h"

int32_t
queue_priority_waiting(const Queue *queue)
{
	int32_t greatest = -1;

	EACH_BIT(i, queue->waiting_pools)
	{
		int32_t priority = seat_priority(RELAXED(queue->callers[queue->pools[i].first].seat));

		greatest = priority > greatest ? priority : greatest;
	}
	return greatest;
}

int32_t
queue_position(const Queue *queue, int32_t who)
{
	int32_t position = 1;

	if (queue_state(queue, who) != QUEUE_WAITING)
		return 0;
	for (int32_t at = queue->callers[who].previous; at != QUEUE_NOBODY; at = queue->callers[at].previous)
		position++;
	return position;
}

QueueWhy
queue_why(const Queue *queue, int32_t who, int32_t *index)
{
	const QueueCaller *caller = &queue->callers[who];
	uint64_t seat = atomic_load(&caller->seat);
	QueueWhy lack;

	*index = 0;
	if (seat_state(seat) == QUEUE_IDLE)
	{
		*index = caller->reason_index;
		return (QueueWhy) caller->reason;
	}
	if (seat_state(seat) != QUEUE_WAITING)
		return QUEUE_WHY_NOTHING;
	lack = slots_lack(queue, seat_charge(seat), index);
	if (lack == QUEUE_WHY_NOTHING)
		lack = memory_lack(queue, who, seat_charge(seat), caller->pages, NULL, index);
	return lack == QUEUE_WHY_NOTHING ? QUEUE_WHY_ORDER : lack;
}

int64_t
queue_reserved_of(const Queue *queue, int32_t who, QueueWhy why, int32_t index)
{
	uint64_t account = atomic_load(&queue->callers[who].account);
	Charge charge = account_charge(account);
	int64_t bytes = (int64_t) account_pages(account) * QUEUE_PAGE;

	if (why == QUEUE_WHY_POOL_MEMORY)
		return charge.pool == index ? bytes : 0;
	if (why == QUEUE_WHY_CAP_MEMORY)
		return (charge.caps >> index & 1) != 0 ? bytes : 0;
	return why == QUEUE_WHY_NODE_MEMORY ? bytes : 0;
}

int64_t
queue_budget_free(const Queue *queue, QueueWhy why, int32_t index)
{
	if (why == QUEUE_WHY_POOL_MEMORY)
		return RELAXED(queue->pools[index].memory) - atomic_load(&queue->pools[index].reserved);
	if (why == QUEUE_WHY_CAP_MEMORY)
		return RELAXED(queue->caps[index].memory) - atomic_load(&queue->caps[index].reserved);
	return RELAXED(queue->memory) - atomic_load(&queue->reserved);
}

int64_t
queue_claimed(const Queue *queue, int32_t who)
{
	return (int64_t) queue->callers[who].pages * QUEUE_PAGE;
}

int64_t
queue_pool_oldest_wait(const Queue *queue, int32_t pool, int64_t now)
{
	int32_t oldest = queue->pools[pool].oldest;

	return oldest == QUEUE_NOBODY ? 0 : time_between(RELAXED(queue->callers[oldest].since), now);
}

/* Slot time still to be served, as far as it is known. */
typedef struct Work
{
	int64_t us;
	int64_t first; /* until the first holder is through; INT64_MAX: there is none */
	int32_t ahead; /* waiters */
	bool unknown;
} Work;

static void
work_add(Work *work, int64_t us)
{
	if (us < 0)
		work->unknown = true;
	else
		work->us = time_after(work->us, us);
}

/* What a call still needs, once it has a slot; -1: not known. */
static int64_t
time_left(const Queue *queue, int32_t who, int64_t held)
{
	const QueueCaller *caller = &queue->callers[who];
	int64_t left = RELAXED(caller->predicted) - time_after(RELAXED(caller->attained), held);
	int64_t mean = RELAXED(queue->pools[queue_pool(queue, who)].mean_us);

	if (left > 0)
		return left;
	return mean > held ? mean - held : -1;
}

/* Whether this waiter goes before who; one of another pool of the same priority does when its pool's pass is not greater. */
static bool
goes_before(const Queue *queue, int32_t other, int32_t who)
{
	int32_t priority = queue_priority(queue, who), pool = queue_pool(queue, who);
	const QueueTier *tier = &queue->tiers[priority];

	if (queue_priority(queue, other) != priority)
		return queue_priority(queue, other) > priority;
	if (queue_pool(queue, other) == pool)
		return waiter_precedes(queue, other, who);
	return !pass_is_before(RELAXED(tier->pass[pool]), RELAXED(tier->pass[queue_pool(queue, other)]));
}

/* Work of holders and waiters ahead of who: of its pool alone, or of all. */
static Work
work_before(const Queue *queue, int32_t who, bool all, int64_t now)
{
	Work work = {.first = INT64_MAX};

	for (int32_t other = 0; other < RELAXED(queue->callers_seen); other++)
	{
		QueueState state = queue_state(queue, other);
		int64_t held = time_between(RELAXED(queue->callers[other].since), now), left;

		if (other == who || state == QUEUE_IDLE || (!all && queue_pool(queue, other) != queue_pool(queue, who)))
			continue;
		if (state == QUEUE_WAITING && goes_before(queue, other, who))
		{
			work_add(&work, time_left(queue, other, 0));
			work.ahead++;
		}
		if (state != QUEUE_HOLDING)
			continue;
		left = time_left(queue, other, held);
		work_add(&work, left);
		if (left >= 0 && left < work.first)
			work.first = left;
	}
	return work;
}

/* Until so many slots are through with it; none of it is before the first holder is. */
static int64_t
work_time(const Work *work, int32_t slots, int32_t holding)
{
	int64_t first = holding < slots || work->first == INT64_MAX ? 0 : work->first;
	int64_t spread = work->ahead > 0 ? work->us / slots : 0;

	return spread > first ? spread : first;
}

int64_t
queue_estimate(const Queue *queue, int32_t who, int64_t now)
{
	const QueuePool *pool = &queue->pools[queue_pool(queue, who)];
	int32_t index = 0, slots = RELAXED(queue->slots), pool_slots = RELAXED(pool->slots);
	QueueWhy why = queue_why(queue, who, &index);
	Work all, own;
	int64_t node_time, pool_time;

	if (queue_state(queue, who) != QUEUE_WAITING || slots <= 0 || pool_slots <= 0)
		return -1;
	if (why != QUEUE_WHY_NODE_SLOTS && why != QUEUE_WHY_POOL_SLOTS)
		return why == QUEUE_WHY_ORDER ? 0 : -1;
	all = work_before(queue, who, true, now);
	own = work_before(queue, who, false, now);
	if (all.unknown)
		return -1;
	node_time = work_time(&all, slots, atomic_load(&queue->holding));
	pool_time = work_time(&own, pool_slots, atomic_load(&pool->holding));
	return node_time > pool_time ? node_time : pool_time;
}
