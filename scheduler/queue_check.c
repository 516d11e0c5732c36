/*
 * queue_check.c - whether the queue's counts and lists agree, for tests and assertions; true only while nobody uses queue_try
 * or queue_give_back at the same time.
 */
#include "scheduler/queue_seat.h"

typedef struct Sum
{
	int32_t holding, waiting, listed;
	int32_t pool_holding[QUEUE_POOLS_MAX], cap_holding[QUEUE_CAPS_MAX];
	int64_t reserved, pool_reserved[QUEUE_POOLS_MAX], cap_reserved[QUEUE_CAPS_MAX];
} Sum;

static const char *
caller_check(const Queue *queue, int32_t who, Sum *sum)
{
	uint64_t seat = atomic_load(&queue->callers[who].seat), account = atomic_load(&queue->callers[who].account);
	int64_t bytes = (int64_t) account_pages(account) * QUEUE_PAGE;

	if (seat_state(seat) == QUEUE_HOLDING)
	{
		sum->holding++;
		sum->pool_holding[seat_pool(seat)]++;
		EACH_BIT(cap, seat_charge(seat).caps)
		sum->cap_holding[cap]++;
	}
	sum->waiting += seat_state(seat) == QUEUE_WAITING;
	sum->listed += queue->callers[who].listed;
	if (who < queue->holders && !queue->callers[queue->callers[who].holder].listed)
		return "the list of holders has one that does not know of it";
	sum->reserved += bytes;
	sum->pool_reserved[account_charge(account).pool] += bytes;
	EACH_BIT(cap, account_charge(account).caps)
	sum->cap_reserved[cap] += bytes;
	if (seat_state(seat) != QUEUE_IDLE && seat_pool(seat) >= queue->pool_count)
		return "a caller is in a pool that is not there";
	if (seat_state(seat) == QUEUE_IDLE && seat != QUEUE_IDLE)
		return "an idle caller has something in its seat";
	if ((seat & (SEAT_ASKED | SEAT_AGED)) != 0 && seat_state(seat) != QUEUE_HOLDING)
		return "one that holds nothing is asked to give way";
	if (seat_priority(seat) < seat_own_priority(seat))
		return "a caller's priority is less than its own";
	return NULL;
}

static const char *
order_check(const Queue *queue, int32_t number)
{
	const QueuePool *pool = &queue->pools[number];
	int32_t previous = QUEUE_NOBODY, listed = 0, fresh = 0, known = 0;

	for (int32_t who = pool->first; who != QUEUE_NOBODY; who = queue->callers[who].next)
	{
		uint64_t seat = atomic_load(&queue->callers[who].seat);

		if (queue->callers[who].previous != previous)
			return "a waiter's back link is wrong";
		if (seat_state(seat) != QUEUE_WAITING || seat_pool(seat) != number)
			return "a listed caller does not wait for this pool";
		if (previous != QUEUE_NOBODY && waiter_precedes(queue, who, previous))
			return "a list of waiters is not in order";
		if (++listed > queue->caller_count)
			return "a list of waiters has a loop";
		fresh += queue->callers[who].fresh;
		known += queue->callers[who].known;
		previous = who;
	}
	if (pool->last != previous)
		return "a list's end is wrong";
	if (fresh != pool->fresh || known != pool->known)
		return "a pool's number of new waiters, or of known ones, is wrong";
	return listed == pool->waiting ? NULL : "a pool's number of waiters is wrong";
}

static const char *
age_check(const Queue *queue, int32_t number)
{
	const QueuePool *pool = &queue->pools[number];
	int32_t older = QUEUE_NOBODY, listed = 0;
	int64_t since = INT64_MIN;

	for (int32_t who = pool->oldest; who != QUEUE_NOBODY; who = queue->callers[who].younger)
	{
		if (queue->callers[who].older != older || RELAXED(queue->callers[who].since) < since)
			return "a list by age is not in order";
		if (++listed > pool->waiting)
			return "a list by age is too long";
		since = RELAXED(queue->callers[who].since);
		older = who;
	}
	if (pool->newest != older)
		return "the end of a list by age is wrong";
	return listed == pool->waiting ? NULL : "a list by age is too short";
}

static const char *
pool_check(const Queue *queue, int32_t number, const Sum *sum)
{
	const QueuePool *pool = &queue->pools[number];
	const char *wrong = order_check(queue, number);
	int32_t tiers = 0;

	if (wrong == NULL)
		wrong = age_check(queue, number);
	if (wrong != NULL)
		return wrong;
	for (int32_t priority = 0; priority <= QUEUE_PRIORITY_MAX; priority++)
		tiers += queue->tiers[priority].waiting[number];
	if ((queue->waiting_pools >> number & 1) != (pool->waiting > 0))
		return "a pool's waiters are not known of";
	if (tiers != pool->waiting)
		return "the tiers' numbers of waiters are wrong";
	if (atomic_load(&pool->holding) != sum->pool_holding[number])
		return "a pool's number of holders is wrong";
	return atomic_load(&pool->reserved) == sum->pool_reserved[number] ? NULL : "a pool's reserved memory is wrong";
}

const char *
queue_check(const Queue *queue)
{
	Sum sum = {0};
	int32_t waiting = 0;

	for (int32_t who = 0; who < queue->caller_count; who++)
	{
		const char *wrong = caller_check(queue, who, &sum);

		if (wrong != NULL)
			return wrong;
	}
	for (int32_t i = 0; i < QUEUE_POOLS_MAX; i++)
	{
		const char *wrong = pool_check(queue, i, &sum);

		if (wrong != NULL)
			return wrong;
		waiting += queue->pools[i].waiting;
	}
	for (int32_t i = 0; i < QUEUE_CAPS_MAX; i++)
	{
		if (atomic_load(&queue->caps[i].holding) != sum.cap_holding[i])
			return "a cap's number of holders is wrong";
		if (atomic_load(&queue->caps[i].reserved) != sum.cap_reserved[i])
			return "a cap's reserved memory is wrong";
	}
	if (sum.waiting != waiting || sum.waiting != queue->waiting || (uint32_t) sum.waiting != atomic_load(&queue->crowd))
		return "the number of waiters is wrong";
	if (queue->holders != sum.listed)
		return "the list of holders is too long or too short";
	if (atomic_load(&queue->holding) != sum.holding)
		return "the number of holders is wrong";
	return atomic_load(&queue->reserved) == sum.reserved ? NULL : "the reserved memory is wrong";
}
