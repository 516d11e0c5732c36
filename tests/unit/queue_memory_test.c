/* queue_memory_test.c - memory budgets of node, pools and caps next to slots. */
#include "tests/unit/queue_fixture.h"

#define POOL(level, ...)                                                                                               \
	{                                                                                                                  \
		.priority = (level), .weight = 100, .slots = 64, .length = 64, __VA_ARGS__                                     \
	}

static const QueueRule two_pools[] = {POOL(50, .memory = 60 * MB, .ageing_us = SECOND), POOL(50, .ageing_us = SECOND)};
static const QueueCapRule one_cap[] = {{.memory = 40 * MB}};

/* 100 MB in all, 60 for pool 0, 40 for cap 0. */
static Queue *
budgets_new(void)
{
	return queue_new((QueueSetup){.slots = 8,
								  .memory = 100 * MB,
								  .quantum_us = 50 * MS,
								  .pool_count = 2,
								  .pools = two_pools,
								  .cap_count = 1,
								  .caps = one_cap});
}

static QueueAnswer
reserves(Queue *queue, int32_t who, int32_t pool, uint64_t caps, int64_t memory, int64_t now)
{
	return claims(queue, who, (QueueClaim){.pool = pool, .priority = -1, .caps = caps, .memory = memory}, now);
}

static void
frees(Queue *queue, int32_t who, int64_t bytes)
{
	(void) queue_unreserve(queue, who, bytes);
	assert_sane(queue);
}

/* What each budget has free, the claim that does not fit, and why. */
static void
test_each_budget_bounds(void **state)
{
	const struct
	{
		int32_t pool;
		uint64_t caps;
		int64_t first, second;
		QueueWhy why;
	} rows[] = {
		{1, 0, 100 * MB, 1, QUEUE_WHY_NODE_MEMORY},	 {1, 0, 70 * MB, 31 * MB, QUEUE_WHY_NODE_MEMORY},
		{0, 0, 60 * MB, 1, QUEUE_WHY_POOL_MEMORY},	 {0, 0, 1, 60 * MB, QUEUE_WHY_POOL_MEMORY},
		{1, 1, 40 * MB, 1, QUEUE_WHY_CAP_MEMORY},	 {0, 1, 20 * MB, 20 * MB + 1, QUEUE_WHY_CAP_MEMORY},
		{1, 0, 50 * MB, 50 * MB, QUEUE_WHY_NOTHING}, {0, 1, 20 * MB, 20 * MB, QUEUE_WHY_NOTHING},
		{0, 0, 30 * MB, 30 * MB, QUEUE_WHY_NOTHING},
	};

	(void) state;
	for (int32_t i = 0; i < COUNT(rows); i++)
	{
		Queue *queue = budgets_new();
		QueueAnswer answer = rows[i].why == QUEUE_WHY_NOTHING ? QUEUE_GRANTED : QUEUE_QUEUED;
		int32_t index = -1;

		assert_int_equal(reserves(queue, 0, rows[i].pool, rows[i].caps, rows[i].first, 1), QUEUE_GRANTED);
		assert_int_equal(reserves(queue, 1, rows[i].pool, rows[i].caps, rows[i].second, 1), answer);
		assert_int_equal(queue_why(queue, 1, &index), rows[i].why);
		assert_int_equal(queue_estimate(queue, 1, 1), -1);
		assert_int_equal(next_after(queue, 0, 2), QUEUE_NOBODY); /* a slot alone does not help */
		assert_int_equal(queue_reserved(queue, 0) > 0, true);
		assert_true(queue_unreserve(queue, 0, rows[i].first) || answer == QUEUE_GRANTED);
		assert_int_equal(queue_reserved(queue, 0), 0);
		assert_int_equal(grants(queue, 2), answer == QUEUE_GRANTED ? QUEUE_NOBODY : 1);
		free(queue);
	}
}

/* A claim that no budget will ever hold is refused, with the budget's name; what it has already counts too. */
static void
test_claims_that_are_too_large(void **state)
{
	const struct
	{
		int32_t pool;
		uint64_t caps;
		int64_t memory;
		QueueWhy why;
	} rows[] = {
		{1, 0, 100 * MB + 1, QUEUE_WHY_NODE_MEMORY}, {0, 0, 60 * MB + 1, QUEUE_WHY_POOL_MEMORY},
		{1, 1, 40 * MB + 1, QUEUE_WHY_CAP_MEMORY},	 {0, 1, 101 * MB, QUEUE_WHY_NODE_MEMORY},
		{1, 0, INT64_MAX, QUEUE_WHY_NODE_MEMORY},
	};
	Queue *queue = budgets_new();
	int32_t index;

	(void) state;
	for (int32_t i = 0; i < COUNT(rows); i++)
	{
		assert_int_equal(reserves(queue, 0, rows[i].pool, rows[i].caps, rows[i].memory, 1), QUEUE_TOO_LARGE);
		assert_int_equal(queue_why(queue, 0, &index), rows[i].why);
		assert_int_equal(queue_state(queue, 0), QUEUE_IDLE);
		assert_false(queue_try(queue, 0,
							   &(QueueClaim){.pool = rows[i].pool, .caps = rows[i].caps, .memory = rows[i].memory}, 1));
		assert_int_equal(queue->reserved, 0);
	}
	assert_int_equal(reserves(queue, 0, 0, 1, 30 * MB, 1), QUEUE_GRANTED);
	assert_int_equal(queue_why(queue, 0, &index), QUEUE_WHY_NOTHING);
	assert_int_equal(next_after(queue, 0, 2), QUEUE_NOBODY);
	assert_int_equal(reserves(queue, 0, 0, 1, 11 * MB, 2), QUEUE_TOO_LARGE);
	assert_int_equal(queue_why(queue, 0, &index), QUEUE_WHY_CAP_MEMORY);
	assert_int_equal(reserves(queue, 0, 0, 1, 10 * MB, 2), QUEUE_GRANTED);
	assert_int_equal(queue_reserved(queue, 0), 40 * MB);
	free(queue);
}

static void
test_without_a_budget_all_fits(void **state)
{
	const QueueRule rules[] = {POOL(50)};
	Queue *queue = QUEUE_OF(4, rules);

	(void) state;
	for (int32_t who = 0; who < 4; who++)
		assert_int_equal(reserves(queue, who, 0, 0, INT64_C(1) << 42, 1), QUEUE_GRANTED);
	assert_int_equal(queue->reserved, INT64_C(4) << 42);
	free(queue);
}

/* Kept over SQL and pauses, given back in parts, never more than there is. */
static void
test_memory_outlives_the_slot(void **state)
{
	Queue *queue = budgets_new();

	(void) state;
	assert_int_equal(reserves(queue, 0, 0, 1, 30 * MB, 1), QUEUE_GRANTED);
	assert_int_equal(next_after(queue, 0, 2), QUEUE_NOBODY);
	assert_int_equal(queue_reserved(queue, 0), 30 * MB);
	assert_int_equal(claims(queue, 0, (QueueClaim){.resumes = true, .priority = -1}, 3), QUEUE_GRANTED);
	assert_int_equal(next_after_yield(queue, 0, 4), 0);
	assert_int_equal(queue_reserved(queue, 0), 30 * MB);
	frees(queue, 0, 10 * MB);
	assert_int_equal(queue_reserved(queue, 0), 20 * MB);
	frees(queue, 0, -5);
	assert_int_equal(queue_reserved(queue, 0), 20 * MB);
	frees(queue, 0, INT64_MAX);
	frees(queue, 0, MB);
	assert_int_equal(queue->reserved, 0);
	free(queue);
}

/* Another pool and other caps: memory goes along with the next claim that has some, or does not fit there. */
static void
test_memory_follows_its_claim(void **state)
{
	Queue *queue = budgets_new();
	int32_t index;

	(void) state;
	assert_int_equal(reserves(queue, 0, 1, 1, 35 * MB, 1), QUEUE_GRANTED);
	assert_int_equal(next_after(queue, 0, 2), QUEUE_NOBODY);
	assert_int_equal(reserves(queue, 1, 0, 0, 30 * MB, 2), QUEUE_GRANTED);
	assert_int_equal(reserves(queue, 0, 0, 0, MB, 3), QUEUE_QUEUED); /* 30 + 36 of pool 0's 60 */
	assert_int_equal(queue_why(queue, 0, &index), QUEUE_WHY_POOL_MEMORY);
	frees(queue, 1, 6 * MB);
	assert_int_equal(grants(queue, 4), 0);
	assert_int_equal(queue->pools[0].reserved, 60 * MB);
	assert_int_equal(queue->pools[1].reserved, 0);
	assert_int_equal(queue->caps[0].reserved, 0);
	assert_int_equal(queue->reserved, 60 * MB);
	free(queue);
}

/* Who does not fit is passed by those that do, inside a pool and out of another, */
static void
test_waiters_for_memory_are_passed(void **state)
{
	Queue *queue = budgets_new();

	(void) state;
	assert_int_equal(reserves(queue, 0, 1, 0, 80 * MB, 1), QUEUE_GRANTED);
	assert_int_equal(reserves(queue, 1, 1, 0, 30 * MB, 1), QUEUE_QUEUED);
	assert_int_equal(reserves(queue, 2, 1, 0, 10 * MB, 2), QUEUE_GRANTED);
	assert_int_equal(reserves(queue, 3, 0, 0, 10 * MB, 3), QUEUE_GRANTED);
	assert_int_equal(enters(queue, 4, 1, 4), QUEUE_GRANTED);
	free(queue);
}

/* ... until it has waited for its pool's ageing time: then they wait too, unless they need none of what it waits for. */
static void
test_aged_waiters_for_memory_go_first(void **state)
{
	Queue *queue = budgets_new();

	(void) state;
	assert_int_equal(reserves(queue, 0, 1, 0, 80 * MB, 1), QUEUE_GRANTED);
	assert_int_equal(reserves(queue, 1, 1, 0, 30 * MB, 1), QUEUE_QUEUED);
	assert_int_equal(reserves(queue, 2, 1, 0, 10 * MB, SECOND), QUEUE_GRANTED);
	assert_int_equal(next_after(queue, 2, SECOND), QUEUE_NOBODY);
	frees(queue, 2, INT64_MAX);
	assert_int_equal(reserves(queue, 2, 1, 0, 10 * MB, SECOND + 1), QUEUE_QUEUED); /* would fit */
	assert_int_equal(enters(queue, 3, 1, SECOND + 1), QUEUE_GRANTED);			   /* needs none */
	/* One of a running call cannot wait: it takes what there is. */
	assert_int_equal(
		claims(queue, 4, (QueueClaim){.pool = 1, .priority = -1, .nested = true, .memory = 10 * MB}, SECOND + 1),
		QUEUE_GRANTED);
	frees(queue, 4, INT64_MAX);
	frees(queue, 0, 9 * MB);
	assert_int_equal(grants(queue, SECOND + 2), QUEUE_NOBODY);
	frees(queue, 0, MB);
	assert_int_equal(grants(queue, SECOND + 2), 1);
	assert_int_equal(grants(queue, SECOND + 2), QUEUE_NOBODY);
	frees(queue, 0, INT64_MAX);
	assert_int_equal(grants(queue, SECOND + 2), 2);
	free(queue);
}

/* Of a pool's or a cap's budget only those are kept away who count against it. */
static void
test_aged_waiters_keep_their_budget_alone(void **state)
{
	Queue *queue = budgets_new();

	(void) state;
	assert_int_equal(reserves(queue, 0, 0, 0, 40 * MB, 1), QUEUE_GRANTED);
	assert_int_equal(reserves(queue, 1, 0, 0, 30 * MB, 1), QUEUE_QUEUED);
	assert_int_equal(reserves(queue, 2, 0, 0, MB, 2 * SECOND), QUEUE_QUEUED);
	assert_int_equal(reserves(queue, 3, 1, 1, 30 * MB, 2 * SECOND), QUEUE_GRANTED);
	queue_release(queue, 1, 2 * SECOND);
	assert_int_equal(grants(queue, 2 * SECOND), 2);
	assert_int_equal(reserves(queue, 4, 1, 1, 20 * MB, 2 * SECOND), QUEUE_QUEUED);
	assert_int_equal(reserves(queue, 5, 1, 1, MB, 4 * SECOND), QUEUE_QUEUED); /* the cap's */
	assert_int_equal(reserves(queue, 6, 1, 0, MB, 4 * SECOND), QUEUE_GRANTED);
	free(queue);
}

/* While more than half of a budget is reserved, nobody new of a pool takes the turn of one of it that has its memory already. */
static void
test_scarce_memory_lets_calls_end(void **state)
{
	const QueueRule rules[] = {POOL(50, .memory = 60 * MB), POOL(50)};
	const struct
	{
		int64_t holder; /* of pool 0's 60 MB and the node's 100 */
		int64_t waiter; /* of the same pool */
		int64_t others; /* that pool 1 has reserved */
		bool goes;		/* the waiter may displace the holder */
	} rows[] = {
		{31 * MB, MB, 0, false}, {30 * MB, MB, 0, true}, {1, MB, 50 * MB, false},
		{1, MB, 49 * MB, true},	 {31 * MB, 0, 0, true},	 {0, MB, 60 * MB, true},
	};

	(void) state;
	for (int32_t i = 0; i < COUNT(rows); i++)
	{
		Queue *queue = queue_new(
			(QueueSetup){.slots = 1, .memory = 100 * MB, .quantum_us = 50 * MS, .pool_count = 2, .pools = rules});

		assert_int_equal(reserves(queue, 9, 1, 0, rows[i].others, 0), QUEUE_GRANTED);
		assert_int_equal(next_after(queue, 9, 0), QUEUE_NOBODY);
		assert_int_equal(reserves(queue, 0, 0, 0, rows[i].holder, 0), QUEUE_GRANTED);
		assert_int_equal(reserves(queue, 1, 0, 0, rows[i].waiter, 1), QUEUE_QUEUED);
		if (rows[i].goes)
			asks_only(queue, 0, 60 * MS);
		else
			(void) asks_nobody(queue, 3600 * SECOND);
		assert_int_equal(next_after_yield(queue, 0, 60 * MS), rows[i].goes ? 1 : 0);
		free(queue);
	}
}

/* But one of a better priority does. */
static void
test_scarce_memory_and_priority(void **state)
{
	Queue *queue = budgets_new();

	(void) state;
	queue_configure(queue, &(QueueSetup){.slots = 1, .memory = 100 * MB, .pool_count = 2, .pools = two_pools});
	assert_int_equal(reserves(queue, 0, 0, 0, 55 * MB, 0), QUEUE_GRANTED);
	assert_int_equal(claims(queue, 1, (QueueClaim){.priority = 60, .memory = MB}, 1), QUEUE_QUEUED);
	assert_int_equal(claims(queue, 2, (QueueClaim){.priority = 50, .memory = MB}, 1), QUEUE_QUEUED);
	assert_int_equal(next_after_yield(queue, 0, 2), 1);
	assert_int_equal(next_after(queue, 1, 3), 0);
	assert_int_equal(next_after(queue, 0, 4), 2);
	free(queue);
}

/* A budget that became too small for a waiter: it does not keep the others away. */
static void
test_a_lowered_budget(void **state)
{
	Queue *queue = budgets_new();

	(void) state;
	assert_int_equal(reserves(queue, 0, 1, 0, 80 * MB, 1), QUEUE_GRANTED);
	assert_int_equal(reserves(queue, 1, 1, 0, 90 * MB, 1), QUEUE_QUEUED);
	queue_configure(queue, &(QueueSetup){.slots = 8, .memory = 50 * MB, .pool_count = 2, .pools = two_pools});
	assert_sane(queue);
	assert_int_equal(queue_reserved(queue, 0), 80 * MB); /* nobody loses any */
	assert_int_equal(reserves(queue, 2, 1, 0, MB, 2), QUEUE_QUEUED);
	assert_int_equal(grants(queue, 3 * SECOND), QUEUE_NOBODY);
	frees(queue, 0, 31 * MB);
	assert_int_equal(grants(queue, 3 * SECOND), 2);
	assert_int_equal(queue->reserved, 50 * MB);
	free(queue);
}

static void
test_nested_calls_do_not_wait_for_memory(void **state)
{
	const QueueClaim nested = {.pool = 1, .priority = -1, .nested = true, .resumes = true, .memory = 30 * MB};
	Queue *queue = budgets_new();
	int32_t index;

	(void) state;
	assert_int_equal(reserves(queue, 0, 1, 0, 60 * MB, 1), QUEUE_GRANTED);
	assert_int_equal(reserves(queue, 1, 1, 0, 20 * MB, 1), QUEUE_GRANTED);
	assert_int_equal(next_after(queue, 0, 2), QUEUE_NOBODY);
	assert_int_equal(claims(queue, 0, nested, 3), QUEUE_NESTED);
	assert_int_equal(queue_why(queue, 0, &index), QUEUE_WHY_NODE_MEMORY);
	assert_int_equal(queue_reserved(queue, 0), 60 * MB);
	frees(queue, 1, 10 * MB);
	assert_int_equal(claims(queue, 0, nested, 3), QUEUE_GRANTED);
	assert_int_equal(queue_reserved(queue, 0), 90 * MB);
	assert_int_equal(next_after(queue, 0, 4), QUEUE_NOBODY);
	assert_int_equal(claims(queue, 0, nested, 5), QUEUE_TOO_LARGE);
	frees(queue, 0, 30 * MB);
	assert_int_equal(queue_reserved(queue, 0), 60 * MB);
	free(queue);
}

/* It may wait for a slot; its memory is its own from the first. */
static void
test_nested_calls_wait_for_slots(void **state)
{
	const QueueRule rules[] = {{.priority = 50, .weight = 1, .slots = 1, .length = 0}};
	const QueueClaim nested = {.priority = -1, .nested = true, .memory = 30 * MB};
	Queue *queue = queue_new((QueueSetup){.slots = 1, .memory = 50 * MB, .pool_count = 1, .pools = rules});

	(void) state;
	assert_int_equal(enters(queue, 0, 0, 1), QUEUE_GRANTED);
	assert_int_equal(claims(queue, 1, nested, 2), QUEUE_FULL);
	assert_int_equal(queue->reserved, 0);
	queue_configure(
		queue,
		&(QueueSetup){.slots = 1, .memory = 50 * MB, .pool_count = 1, .pools = &(QueueRule){.slots = 1, .length = 1}});
	assert_int_equal(claims(queue, 1, nested, 2), QUEUE_QUEUED);
	assert_int_equal(queue_reserved(queue, 1), 30 * MB);
	assert_int_equal(next_after(queue, 0, 3), 1);
	assert_int_equal(queue_reserved(queue, 1), 30 * MB);
	free(queue);
}

/* Leaving the queue takes nothing that was not reserved. */
static void
test_giving_up_waiting(void **state)
{
	Queue *queue = budgets_new();

	(void) state;
	assert_int_equal(reserves(queue, 0, 1, 0, 90 * MB, 1), QUEUE_GRANTED);
	assert_int_equal(reserves(queue, 1, 1, 0, 20 * MB, 1), QUEUE_QUEUED);
	queue_release(queue, 1, 2);
	frees(queue, 1, 20 * MB);
	assert_int_equal(queue->reserved, 90 * MB);
	free(queue);
}

/* Who has what of which budget, and what is free of it: what tells of calls that wait for each other's memory. */
static void
test_whose_memory_it_is(void **state)
{
	const struct
	{
		QueueWhy why;
		int32_t index;
		int64_t reserved, budget_free; /* reserved: by the first */
	} rows[] = {
		{QUEUE_WHY_NODE_MEMORY, 0, 30 * MB, 50 * MB},
		{QUEUE_WHY_POOL_MEMORY, 0, 30 * MB, 30 * MB},
		{QUEUE_WHY_POOL_MEMORY, 1, 0, INT64_MAX - 20 * MB},
		{QUEUE_WHY_CAP_MEMORY, 0, 30 * MB, 10 * MB},
		{QUEUE_WHY_ORDER, 0, 0, 50 * MB},
	};
	Queue *queue = budgets_new();
	int32_t index;

	(void) state;
	assert_int_equal(reserves(queue, 0, 0, 1, 30 * MB, 1), QUEUE_GRANTED);
	assert_int_equal(reserves(queue, 1, 1, 0, 20 * MB, 1), QUEUE_GRANTED);
	assert_int_equal(reserves(queue, 2, 0, 0, 40 * MB, 1), QUEUE_QUEUED);
	assert_int_equal(queue_why(queue, 2, &index), QUEUE_WHY_POOL_MEMORY);
	assert_int_equal(index, 0);
	assert_int_equal(queue_claimed(queue, 2), 40 * MB);
	assert_int_equal(queue_claimed(queue, 0), 0);
	for (int32_t i = 0; i < COUNT(rows); i++)
	{
		assert_int_equal(queue_reserved_of(queue, 0, rows[i].why, rows[i].index), rows[i].reserved);
		assert_int_equal(queue_budget_free(queue, rows[i].why, rows[i].index), rows[i].budget_free);
	}
	free(queue);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_budget_bounds),
		cmocka_unit_test(test_claims_that_are_too_large),
		cmocka_unit_test(test_without_a_budget_all_fits),
		cmocka_unit_test(test_memory_outlives_the_slot),
		cmocka_unit_test(test_memory_follows_its_claim),
		cmocka_unit_test(test_waiters_for_memory_are_passed),
		cmocka_unit_test(test_aged_waiters_for_memory_go_first),
		cmocka_unit_test(test_aged_waiters_keep_their_budget_alone),
		cmocka_unit_test(test_scarce_memory_lets_calls_end),
		cmocka_unit_test(test_scarce_memory_and_priority),
		cmocka_unit_test(test_a_lowered_budget),
		cmocka_unit_test(test_nested_calls_do_not_wait_for_memory),
		cmocka_unit_test(test_nested_calls_wait_for_slots),
		cmocka_unit_test(test_giving_up_waiting),
		cmocka_unit_test(test_whose_memory_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
