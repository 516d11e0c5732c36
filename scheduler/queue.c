/*
 * queue.c - the priority queue's rules. Pure; see queue.h. Linked into the server and the unit tests.
 */
#include "scheduler/queue.h"

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
		queue->callers[i].next = queue->callers[i].previous = QUEUE_NOBODY;
	for (int32_t i = 0; i < QUEUE_POOLS_MAX; i++)
		queue->pools[i].first = queue->pools[i].last = QUEUE_NOBODY;
}

static void
pool_append(Queue *queue, int32_t who)
{
	QueueCaller *caller = &queue->callers[who];
	QueuePool *pool = &queue->pools[caller->pool];

	caller->previous = pool->last;
	caller->next = QUEUE_NOBODY;
	if (pool->last == QUEUE_NOBODY)
		pool->first = who;
	else
		queue->callers[pool->last].next = who;
	pool->last = who;
}

/* Puts who behind the last resuming waiter, ahead of every new call. */
static void
pool_insert_resuming(Queue *queue, int32_t who)
{
	QueueCaller *caller = &queue->callers[who];
	QueuePool *pool = &queue->pools[caller->pool];
	int32_t before = pool->first;

	while (before != QUEUE_NOBODY && queue->callers[before].resumes)
		before = queue->callers[before].next;
	if (before == QUEUE_NOBODY)
	{
		pool_append(queue, who);
		return;
	}
	caller->next = before;
	caller->previous = queue->callers[before].previous;
	queue->callers[before].previous = who;
	if (caller->previous == QUEUE_NOBODY)
		pool->first = who;
	else
		queue->callers[caller->previous].next = who;
}

static void
pool_remove(Queue *queue, int32_t who)
{
	QueueCaller *caller = &queue->callers[who];
	QueuePool *pool = &queue->pools[caller->pool];

	if (caller->previous == QUEUE_NOBODY)
		pool->first = caller->next;
	else
		queue->callers[caller->previous].next = caller->next;
	if (caller->next == QUEUE_NOBODY)
		pool->last = caller->previous;
	else
		queue->callers[caller->next].previous = caller->previous;
	caller->next = caller->previous = QUEUE_NOBODY;
	pool->waiting--;
	queue->waiting--;
}

/* A pool that begins to wait must not spend the time it did not use: it joins at its tier's minimum. */
static void
pool_join(Queue *queue, int32_t number)
{
	QueuePool *pool = &queue->pools[number];
	uint64_t minimum = UINT64_MAX;

	for (int32_t i = 0; i < queue->pool_count; i++)
	{
		const QueuePool *other = &queue->pools[i];

		if (i != number && other->priority == pool->priority && other->waiting + other->holding > 0 &&
			other->pass < minimum)
			minimum = other->pass;
	}
	if (minimum != UINT64_MAX && pool->pass < minimum)
		pool->pass = minimum;
}

static void
caller_hold(Queue *queue, int32_t who, int64_t now)
{
	QueueCaller *caller = &queue->callers[who];
	QueuePool *pool = &queue->pools[caller->pool];

	caller->state = QUEUE_HOLDING;
	caller->since = now;
	pool->holding++;
	pool->pass += QUEUE_STRIDE / (uint64_t) pool->weight;
	queue->holding++;
}

static bool
pool_has_room(const Queue *queue, const QueuePool *pool)
{
	return queue->holding < queue->slots && pool->holding < pool->slots;
}

QueueAnswer
queue_acquire(Queue *queue, int32_t who, int32_t number, bool resumes, int64_t now)
{
	QueueCaller *caller = &queue->callers[who];
	QueuePool *pool = &queue->pools[number];

	caller->pool = number;
	caller->resumes = resumes;
	if (pool->waiting + pool->holding == 0)
		pool_join(queue, number);
	if (queue->waiting == 0 && pool_has_room(queue, pool))
	{
		caller_hold(queue, who, now);
		return QUEUE_GRANTED;
	}
	/* Waiters of capped pools do not use the free slots: what counts is whether the best one is this caller. */
	if (!resumes && pool->waiting >= pool->length && !(pool->waiting == 0 && pool_has_room(queue, pool)))
		return QUEUE_FULL;
	caller->state = QUEUE_WAITING;
	caller->since = now;
	if (resumes)
		pool_insert_resuming(queue, who);
	else
		pool_append(queue, who);
	pool->waiting++;
	queue->waiting++;
	return QUEUE_QUEUED;
}

void
queue_release(Queue *queue, int32_t who)
{
	QueueCaller *caller = &queue->callers[who];

	if (caller->state == QUEUE_WAITING)
		pool_remove(queue, who);
	else if (caller->state == QUEUE_HOLDING)
	{
		queue->pools[caller->pool].holding--;
		queue->holding--;
	}
	caller->state = QUEUE_IDLE;
	caller->since = 0;
}

/* The pool whose first waiter is served next, or NULL. */
static QueuePool *
queue_best_pool(Queue *queue)
{
	QueuePool *best = NULL;

	for (int32_t i = 0; i < queue->pool_count; i++)
	{
		QueuePool *pool = &queue->pools[i];

		if (pool->waiting == 0 || !pool_has_room(queue, pool))
			continue;
		if (best == NULL || pool->priority > best->priority ||
			(pool->priority == best->priority && pool->pass < best->pass))
			best = pool;
	}
	return best;
}

int32_t
queue_grant(Queue *queue, int64_t now)
{
	QueuePool *best = queue->waiting > 0 ? queue_best_pool(queue) : NULL;
	int32_t who;

	if (best == NULL)
		return QUEUE_NOBODY;
	who = best->first;
	pool_remove(queue, who);
	caller_hold(queue, who, now);
	return who;
}

int32_t
queue_position(const Queue *queue, int32_t who)
{
	int32_t position = 1;

	if (queue->callers[who].state != QUEUE_WAITING)
		return 0;
	for (int32_t at = queue->callers[who].previous; at != QUEUE_NOBODY; at = queue->callers[at].previous)
		position++;
	return position;
}

/* Lists are built anew in order of arrival, so that waiters of merged pools interleave fairly. */
static void
queue_relist(Queue *queue)
{
	for (int32_t i = 0; i < QUEUE_POOLS_MAX; i++)
		queue->pools[i].first = queue->pools[i].last = QUEUE_NOBODY;
	for (;;)
	{
		int32_t oldest = QUEUE_NOBODY;

		for (int32_t who = 0; who < queue->caller_count; who++)
		{
			const QueueCaller *caller = &queue->callers[who];
			bool listed = caller->previous != QUEUE_NOBODY || queue->pools[caller->pool].first == who;

			if (caller->state == QUEUE_WAITING && !listed &&
				(oldest == QUEUE_NOBODY || caller->since < queue->callers[oldest].since))
				oldest = who;
		}
		if (oldest == QUEUE_NOBODY)
			return;
		if (queue->callers[oldest].resumes)
			pool_insert_resuming(queue, oldest);
		else
			pool_append(queue, oldest);
	}
}

void
queue_configure(Queue *queue, int32_t slots, const QueueRule *rules, int32_t count, const int32_t *moves)
{
	uint64_t passes[QUEUE_POOLS_MAX] = {0};

	for (int32_t i = 0; moves != NULL && i < queue->pool_count; i++)
		passes[moves[i]] = queue->pools[i].pass;
	for (int32_t i = 0; i < count; i++)
		queue->pools[i] = (QueuePool){
			.priority = rules[i].priority,
			.weight = rules[i].weight,
			.slots = rules[i].slots,
			.length = rules[i].length,
			.pass = moves != NULL ? passes[i] : queue->pools[i].pass,
		};
	queue->slots = slots;
	queue->pool_count = count;
	for (int32_t who = 0; who < queue->caller_count; who++)
	{
		QueueCaller *caller = &queue->callers[who];

		caller->next = caller->previous = QUEUE_NOBODY;
		if (caller->state == QUEUE_IDLE)
			continue;
		if (moves != NULL)
			caller->pool = moves[caller->pool];
		if (caller->state == QUEUE_HOLDING)
			queue->pools[caller->pool].holding++;
		else
			queue->pools[caller->pool].waiting++;
	}
	queue_relist(queue);
}

static const char *
pool_check(const Queue *queue, int32_t number)
{
	const QueuePool *pool = &queue->pools[number];
	int32_t previous = QUEUE_NOBODY;
	int32_t listed = 0;

	for (int32_t who = pool->first; who != QUEUE_NOBODY; who = queue->callers[who].next)
	{
		if (queue->callers[who].previous != previous)
			return "a waiter's back link is wrong";
		if (queue->callers[who].state != QUEUE_WAITING || queue->callers[who].pool != number)
			return "a listed caller does not wait for this pool";
		if (++listed > queue->caller_count)
			return "a list of waiters has a loop";
		previous = who;
	}
	if (pool->last != previous)
		return "a list's end is wrong";
	return listed == pool->waiting ? NULL : "a pool's number of waiters is wrong";
}

const char *
queue_check(const Queue *queue)
{
	int32_t holding[QUEUE_POOLS_MAX] = {0};
	int32_t all_holding = 0, all_waiting = 0;

	for (int32_t who = 0; who < queue->caller_count; who++)
	{
		if (queue->callers[who].state == QUEUE_HOLDING)
			holding[queue->callers[who].pool]++;
	}
	for (int32_t i = 0; i < queue->pool_count; i++)
	{
		const char *wrong = pool_check(queue, i);

		if (wrong != NULL)
			return wrong;
		if (holding[i] != queue->pools[i].holding)
			return "a pool's number of holders is wrong";
		all_holding += queue->pools[i].holding;
		all_waiting += queue->pools[i].waiting;
	}
	if (all_holding != queue->holding || all_waiting != queue->waiting)
		return "the queue's totals are wrong";
	return NULL;
}
