/*
 * queue_configure.c - new definitions of node, pools and caps, while calls hold and wait. Under the lock; queue_try and
 * queue_give_back go on meanwhile, see queue_seat.h.
 */
#include "scheduler/queue_seat.h"

/* Where pools and caps of the old numbers are now. */
typedef struct Moves
{
	const int32_t *pools, *caps; /* NULL: as they were */
	int32_t old_pools, old_caps; /* so many there were */
	int32_t pool_count, cap_count;
	int32_t priorities[QUEUE_POOLS_MAX]; /* of old pools */
} Moves;

static Charge
charge_moved(const Moves *moves, Charge charge)
{
	bool known = moves->pools != NULL && charge.pool < moves->old_pools;
	Charge moved = {known ? moves->pools[charge.pool] : charge.pool, 0};

	if (moved.pool < 0 || moved.pool >= moves->pool_count)
		moved.pool = 0;
	EACH_BIT(cap, charge.caps)
	{
		int32_t to = moves->caps != NULL && (int32_t) cap < moves->old_caps ? moves->caps[cap] : (int32_t) cap;

		if (to >= 0 && to < moves->cap_count)
			moved.caps |= UINT32_C(1) << to;
	}
	return moved;
}

/* The pool's new priority goes for all whose own it was. */
static uint64_t
seat_moved(const Queue *queue, const Moves *moves, uint64_t seat)
{
	Charge charge = charge_moved(moves, seat_charge(seat));
	int32_t own = seat_own_priority(seat), priority = seat_priority(seat);
	int32_t new_own = own == moves->priorities[seat_pool(seat)] ? queue->pools[charge.pool].priority : own;

	if (priority == own || priority < new_own)
		priority = new_own;
	return seat_make(seat_state(seat), charge, priority, new_own) | (seat & (SEAT_ASKED | SEAT_AGED));
}

static void
account_move(Queue *queue, int32_t who, const Moves *moves)
{
	_Atomic uint64_t *account = &queue->callers[who].account;
	uint64_t word = atomic_load(account);
	Charge charge;

	do
	{
		if (account_pages(word) == 0)
			return;
		charge = charge_moved(moves, account_charge(word));
	} while (!atomic_compare_exchange_weak(account, &word, account_make(account_pages(word), charge)));
	memory_shift(queue, account_pages(word), account_charge(word), charge);
}

static void
holder_move(Queue *queue, int32_t who, const Moves *moves)
{
	_Atomic uint64_t *seat = &queue->callers[who].seat;
	uint64_t before = atomic_load(seat), after;

	do
	{
		if (seat_state(before) != QUEUE_HOLDING)
			return;
		after = seat_moved(queue, moves, before);
	} while (!atomic_compare_exchange_weak(seat, &before, after));
	slots_shift(queue, seat_charge(before), seat_charge(after));
}

/* Each tier's passes go with the pools; of pools that became one, the greatest. */
static void
passes_move(Queue *queue, const Moves *moves, int32_t old_count)
{
	for (int32_t priority = 0; moves->pools != NULL && priority <= QUEUE_PRIORITY_MAX; priority++)
	{
		QueueTier *tier = &queue->tiers[priority];
		uint64_t passes[QUEUE_POOLS_MAX];

		for (int32_t i = 0; i < QUEUE_POOLS_MAX; i++)
			passes[i] = tier->start;
		for (int32_t i = 0; i < old_count; i++)
		{
			int32_t to = charge_moved(moves, (Charge){i, 0}).pool;

			if (pass_is_before(passes[to], RELAXED(tier->pass[i])))
				passes[to] = RELAXED(tier->pass[i]);
		}
		for (int32_t i = 0; i < QUEUE_POOLS_MAX; i++)
			RELAXED_SET(tier->pass[i], passes[i]);
	}
}

/* What a pool remembers beside its counts. */
static void
memories_move(Queue *queue, const Moves *moves, int32_t old_count)
{
	int64_t means[QUEUE_POOLS_MAX] = {0}, aged[QUEUE_POOLS_MAX];

	for (int32_t i = 0; i < QUEUE_POOLS_MAX; i++)
		aged[i] = INT64_MIN;
	for (int32_t i = 0; i < old_count; i++)
	{
		int32_t to = charge_moved(moves, (Charge){i, 0}).pool;

		means[to] = RELAXED(queue->pools[i].mean_us);
		aged[to] = queue->pools[i].aged_at > aged[to] ? queue->pools[i].aged_at : aged[to];
	}
	for (int32_t i = 0; i < QUEUE_POOLS_MAX; i++)
	{
		RELAXED_SET(queue->pools[i].mean_us, means[i]);
		queue->pools[i].aged_at = aged[i];
	}
}

static void
pool_define(QueuePool *pool, const QueueRule *rule)
{
	pool->priority = rule->priority < 0 ? 0 : rule->priority;
	if (pool->priority > QUEUE_PRIORITY_MAX)
		pool->priority = QUEUE_PRIORITY_MAX;
	pool->length = rule->length;
	pool->contention = rule->contention;
	pool->ageing_us = rule->ageing_us;
	RELAXED_SET(pool->weight, rule->weight < 1 ? 1 : rule->weight);
	RELAXED_SET(pool->slots, rule->slots);
	RELAXED_SET(pool->memory, rule->memory > 0 ? rule->memory : INT64_MAX);
}

static void
queue_define(Queue *queue, const QueueSetup *setup)
{
	RELAXED_SET(queue->slots, setup->slots);
	RELAXED_SET(queue->memory, setup->memory > 0 ? setup->memory : INT64_MAX);
	queue->quantum_us = setup->quantum_us;
	queue->pool_count = setup->pool_count;
	queue->cap_count = setup->cap_count;
	for (int32_t i = 0; i < setup->pool_count; i++)
		pool_define(&queue->pools[i], &setup->pools[i]);
	for (int32_t i = 0; i < setup->cap_count; i++)
	{
		RELAXED_SET(queue->caps[i].slots, setup->caps[i].slots > 0 ? setup->caps[i].slots : INT32_MAX);
		RELAXED_SET(queue->caps[i].memory, setup->caps[i].memory > 0 ? setup->caps[i].memory : INT64_MAX);
	}
}

/* Out of the lists by the old numbers, into them by the new ones. */
static void
waiters_move(Queue *queue, const Moves *moves, void (*move)(Queue *queue, int32_t who, const Moves *moves))
{
	for (int32_t who = 0; who < RELAXED(queue->callers_seen); who++)
		if (seat_state(RELAXED(queue->callers[who].seat)) == QUEUE_WAITING)
			move(queue, who, moves);
}

static void
waiter_take_out(Queue *queue, int32_t who, const Moves *moves)
{
	(void) moves;
	waiter_remove(queue, who);
}

static void
waiter_put_in(Queue *queue, int32_t who, const Moves *moves)
{
	QueueCaller *caller = &queue->callers[who];

	atomic_store(&caller->seat, seat_moved(queue, moves, RELAXED(caller->seat)));
	waiter_insert(queue, who);
}

void
queue_configure(Queue *queue, const QueueSetup *setup)
{
	int32_t old_count = queue->pool_count;
	Moves moves = {setup->pool_moves, setup->cap_moves, old_count, queue->cap_count,
				   setup->pool_count, setup->cap_count, {0}};

	for (int32_t i = 0; i < old_count; i++)
		moves.priorities[i] = queue->pools[i].priority;
	atomic_fetch_or(&queue->crowd, QUEUE_CHANGING);
	waiters_move(queue, &moves, waiter_take_out);
	passes_move(queue, &moves, old_count);
	memories_move(queue, &moves, old_count);
	queue_define(queue, setup);
	for (int32_t who = 0; who < RELAXED(queue->callers_seen); who++)
	{
		holder_move(queue, who, &moves);
		account_move(queue, who, &moves);
	}
	waiters_move(queue, &moves, waiter_put_in);
	atomic_store(&queue->version, setup->version != 0 ? setup->version : atomic_load(&queue->version) + 1);
	atomic_fetch_and(&queue->crowd, ~QUEUE_CHANGING);
}
