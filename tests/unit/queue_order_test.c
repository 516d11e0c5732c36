/* queue_order_test.c - who is next: priorities, ranks, weights, ageing. */
#include "tests/unit/queue_fixture.h"

#define POOL(level, share, ...)                                                                                        \
	{                                                                                                                  \
		.priority = (level), .weight = (share), .slots = 64, .length = 64, __VA_ARGS__                                 \
	}

static void
test_the_higher_priority_goes_first(void **state)
{
	const QueueRule rules[] = {POOL(10, 100), POOL(90, 100)};
	Queue *queue = QUEUE_OF(1, rules);

	(void) state;
	assert_int_equal(enters(queue, 0, 0, 0), QUEUE_GRANTED);
	for (int32_t who = 1; who <= 20; who++)
		assert_int_equal(enters(queue, who, 0, who), QUEUE_QUEUED);
	assert_int_equal(enters(queue, 40, 1, 99), QUEUE_QUEUED);
	assert_int_equal(claims(queue, 41, (QueueClaim){.pool = 0, .priority = 50}, 99),
					 QUEUE_QUEUED); /* one of a pool alone */
	assert_int_equal(next_after(queue, 0, 100), 40);
	assert_int_equal(next_after(queue, 40, 100), 41);
	for (int32_t who = 1; who <= 20; who++)
		assert_int_equal(next_after(queue, who == 1 ? 41 : who - 1, 100), who);
	free(queue);
}

/* Every pair of waiters of one pool, in either order of coming: the first of the row goes first. */
static void
test_order_inside_a_pool(void **state)
{
	const QueueRule rules[] = {POOL(50, 100)};
	const struct
	{
		const char *why;
		QueueClaim first, second;
	} pairs[] = {
		{"priority before all", {.priority = 51, .predicted = 900}, {.priority = 50, .resumes = true, .predicted = 1}},
		{"resumes before rank", {.priority = 50, .resumes = true, .predicted = 900}, {.priority = 50, .predicted = 1}},
		{"shorter", {.priority = 50, .predicted = 8}, {.priority = 50, .predicted = 9}},
		{"less left", {.priority = 50, .predicted = 9, .attained = 2}, {.priority = 50, .predicted = 8}},
		{"less attained", {.priority = 50, .attained = 3}, {.priority = 50, .attained = 4}},
		{"nothing attained", {.priority = 50}, {.priority = 50, .predicted = 1}},
		{"longer than predicted counts as attained",
		 {.priority = 50, .predicted = 10},
		 {.priority = 50, .predicted = 5, .attained = 11}},
		{"as long as predicted, too",
		 {.priority = 50, .predicted = 4},
		 {.priority = 50, .predicted = 5, .attained = 5}},
		{"first come", {.priority = 50, .since = 5}, {.priority = 50, .since = 6}},
	};

	(void) state;
	for (int32_t i = 0; i < 2 * COUNT(pairs); i++)
	{
		Queue *queue = QUEUE_OF(1, rules);
		int32_t first = 1 + i % 2, second = 2 - i % 2;

		assert_int_equal(enters(queue, 0, 0, 9), QUEUE_GRANTED);
		assert_int_equal(claims(queue, 1, i % 2 == 0 ? pairs[i / 2].first : pairs[i / 2].second, 10), QUEUE_QUEUED);
		assert_int_equal(claims(queue, 2, i % 2 == 0 ? pairs[i / 2].second : pairs[i / 2].first, 10), QUEUE_QUEUED);
		if (queue_position(queue, first) != 1 || next_after(queue, 0, 11) != first)
			fail_msg("%s", pairs[i / 2].why);
		assert_int_equal(next_after(queue, first, 12), second);
		free(queue);
	}
}

static void
test_resumers_go_in_order_of_return(void **state)
{
	const QueueRule rules[] = {POOL(50, 100)};
	Queue *queue = QUEUE_OF(1, rules);

	(void) state;
	assert_int_equal(enters(queue, 0, 0, 0), QUEUE_GRANTED);
	assert_int_equal(enters(queue, 1, 0, 1), QUEUE_QUEUED);
	assert_int_equal(claims(queue, 2, (QueueClaim){.priority = -1, .resumes = true, .attained = 99}, 2), QUEUE_QUEUED);
	assert_int_equal(claims(queue, 3, (QueueClaim){.priority = -1, .resumes = true, .since = 1}, 3), QUEUE_QUEUED);
	assert_int_equal(queue_position(queue, 1), 3);
	assert_int_equal(next_after(queue, 0, 4), 2);
	assert_int_equal(next_after(queue, 2, 4), 3);
	assert_int_equal(next_after(queue, 3, 4), 1);
	free(queue);
}

/* One who gives way waits by what it has had meanwhile. */
static void
test_attained_service_counts(void **state)
{
	const QueueRule rules[] = {POOL(50, 100)};
	Queue *queue = QUEUE_OF(1, rules);

	(void) state;
	assert_int_equal(enters(queue, 0, 0, 0), QUEUE_GRANTED);
	assert_int_equal(claims(queue, 1, (QueueClaim){.priority = -1, .attained = 30}, 0), QUEUE_QUEUED);
	assert_int_equal(claims(queue, 2, (QueueClaim){.priority = -1, .attained = 31}, 0), QUEUE_QUEUED);
	assert_int_equal(next_after_yield(queue, 0, 30), 1);   /* 30 each, and that one came first */
	assert_int_equal(next_after_yield(queue, 1, 31), 0);   /* 30 against 31 and 31 */
	assert_int_equal(next_after_yield(queue, 0, 100), 2);  /* 99 against 31 and 31: first come */
	assert_int_equal(next_after_yield(queue, 2, 1000), 1); /* 31 */
	free(queue);
}

/*
 * Pools that always have waiters, on a clock that the calls move: the slot time that each pool had, in thousandths. Calls of
 * pool i take sizes[i], longer ones in turns of a quantum, as somebody asks.
 */
static void
shares_measure(Queue *queue, int32_t pools, int32_t slots, const int64_t *sizes, int64_t until, int64_t *shares)
{
	int64_t now = 0, left[CALLERS], since[CALLERS], had[QUEUE_POOLS_MAX] = {0}, all = 0, due;
	int32_t who;

	for (who = 0; who < pools * (slots + 1); who++)
	{
		(void) enters(queue, who, who % pools, now);
		left[who] = sizes[who % pools];
		since[who] = now;
	}
	while (now < until)
	{
		int32_t first = QUEUE_NOBODY;
		int64_t end = INT64_MAX;

		for (who = 0; who < pools * (slots + 1); who++)
		{
			int64_t turn = left[who] < 50 * MS ? left[who] : 50 * MS;

			if (queue_state(queue, who) == QUEUE_HOLDING && since[who] + turn < end)
			{
				end = since[who] + turn;
				first = who;
			}
		}
		now = end;
		had[first % pools] += now - since[first];
		left[first] -= now - since[first];
		if (left[first] > 0)
		{
			(void) queue_ask(queue, now, &due);
			if (queue_is_asked(queue, first))
				queue_yield(queue, first, now);
			since[first] = now;
		}
		else
		{
			(void) queue_give_back(queue, first, now);
			left[first] = sizes[first % pools];
			(void) queue_acquire(queue, first, &(QueueClaim){.pool = first % pools, .priority = -1}, now);
			since[first] = now;
		}
		while ((who = queue_grant(queue, now)) != QUEUE_NOBODY)
			since[who] = now;
	}
	assert_sane(queue);
	for (int32_t i = 0; i < pools; i++)
		all += had[i];
	for (int32_t i = 0; i < pools; i++)
		shares[i] = had[i] * 1000 / all;
}

/* Weights 1 to 2 to 5, whatever the sizes of the calls: shares of slot time, within 2 %. */
static void
test_weights_share_slot_time(void **state)
{
	const QueueRule rules[] = {POOL(50, 100), POOL(50, 200), POOL(50, 500)};
	const int64_t sizes[][3] = {{200, 200, 200}, {10 * MS, 100, 3 * MS},	 {100, 3 * MS, 10 * MS},
								{1, 1, 1},		 {3 * SECOND, 200, 70 * MS}, {MS, 2 * SECOND, SECOND}};

	(void) state;
	for (int32_t i = 0; i < COUNT(sizes); i++)
	{
		for (int32_t slots = 1; slots <= 4; slots++)
		{
			Queue *queue = QUEUE_OF(slots, rules);
			int64_t shares[3], longest = 0;

			for (int32_t pool = 0; pool < 3; pool++)
				longest = sizes[i][pool] > longest ? sizes[i][pool] : longest;
			shares_measure(queue, 3, slots, sizes[i], (longest > 50 * MS ? 50 * MS : longest) * 2000, shares);
			assert_in_range(shares[0], 123, 127);
			assert_in_range(shares[1], 245, 255);
			assert_in_range(shares[2], 612, 638);
			free(queue);
		}
	}
}

/* New weights hold from then on, and make nobody pay for what was. */
static void
test_new_weights_hold_at_once(void **state)
{
	const QueueRule before[] = {POOL(50, 100), POOL(50, 100)}, after[] = {POOL(50, 100), POOL(50, 900)};
	const int64_t sizes[] = {MS, MS};
	Queue *queue = QUEUE_OF(1, before);
	int64_t shares[2];

	(void) state;
	shares_measure(queue, 2, 1, sizes, SECOND, shares);
	assert_in_range(shares[0], 490, 510);
	for (int32_t who = 0; who < 4; who++)
		queue_release(queue, who, SECOND);
	queue_configure(queue, &(QueueSetup){.slots = 1, .quantum_us = 50 * MS, .pool_count = 2, .pools = after});
	shares_measure(queue, 2, 1, sizes, 200 * MS, shares);
	assert_in_range(shares[0], 95, 105);
	free(queue);
}

/* A pool that was idle while another ran for long gets its share from now on, not the past's. */
static void
test_idle_time_is_not_saved_up(void **state)
{
	const QueueRule rules[] = {POOL(50, 100), POOL(50, 100)};
	Queue *queue = QUEUE_OF(1, rules);
	int32_t holder = 0, latecomer = 0;
	int64_t now = 0;

	(void) state;
	assert_int_equal(enters(queue, 0, 0, now), QUEUE_GRANTED);
	for (int32_t who = 1; who <= 10; who++)
		assert_int_equal(enters(queue, who, 0, now), QUEUE_QUEUED);
	for (int i = 0; i < 1000; i++)
	{
		int32_t next = next_after(queue, holder, now += MS);

		assert_int_equal(enters(queue, holder, 0, now), QUEUE_QUEUED);
		holder = next;
	}
	for (int32_t who = 20; who < 30; who++)
		assert_int_equal(enters(queue, who, 1, now), QUEUE_QUEUED);
	for (int i = 0; i < 10; i++)
	{
		holder = next_after(queue, holder, now += MS);
		latecomer += holder >= 20;
	}
	assert_in_range(latecomer, 4, 6);
	free(queue);
}

/* While nobody waits nobody pays: what ran alone for an hour is not behind one that comes then. */
static void
test_running_alone_costs_nothing(void **state)
{
	const QueueRule rules[] = {POOL(50, 100), POOL(50, 100)};
	const int64_t sizes[] = {MS, MS};
	Queue *queue = QUEUE_OF(1, rules);
	int64_t shares[2];

	(void) state;
	for (int i = 0; i < 3600; i++)
	{
		const QueueClaim claim = {.pool = i % 2 == 0 ? 0 : 1, .priority = -1};

		assert_true(queue_try(queue, 0, &claim, i * SECOND));
		assert_false(queue_give_back(queue, 0, i * SECOND + (i % 2 == 0 ? SECOND : 1)));
	}
	shares_measure(queue, 2, 1, sizes, 100 * MS, shares);
	assert_in_range(shares[0], 490, 510);
	free(queue);
}

/* Passes wrap: after 2^63 and 2^64 of them shares are what they were. */
static void
test_passes_may_wrap(void **state)
{
	const QueueRule rules[] = {POOL(50, 1), POOL(50, 2)};
	const int64_t sizes[] = {MS, MS};
	Queue *queue = QUEUE_OF(1, rules);
	int64_t shares[2];

	(void) state;
	for (uint64_t quarter = 1; quarter <= 4; quarter++)
	{
		uint64_t at = quarter << 62; /* the last is 2^64 */

		queue->tiers[50].start = queue->tiers[50].pass[0] = queue->tiers[50].pass[1] = at - 10000;
		shares_measure(queue, 2, 1, sizes, SECOND, shares);
		assert_in_range(shares[0], 326, 340);
		for (int32_t who = 0; who < 4; who++)
			queue_release(queue, who, SECOND);
	}
	free(queue);
}

/* What is owed from long ago is an hour's at most. */
static void
test_debts_are_bounded(void **state)
{
	const QueueRule rules[] = {POOL(50, 100), POOL(50, 100)};
	Queue *queue = QUEUE_OF(1, rules);

	(void) state;
	queue->tiers[50].pass[0] = UINT64_C(1) << 62;
	assert_int_equal(enters(queue, 0, 1, 0), QUEUE_GRANTED);
	assert_int_equal(enters(queue, 1, 0, 0), QUEUE_QUEUED);
	assert_in_range(queue->tiers[50].pass[0], 3600 * SECOND * QUEUE_STRIDE / 100, 3601 * SECOND * QUEUE_STRIDE / 100);
	free(queue);
}

/* One old call behind a stream of better ones: it is granted when it has aged, once an ageing time. */
static void
test_the_longest_waiter_ages(void **state)
{
	const QueueRule rules[] = {POOL(10, 100, .ageing_us = SECOND), POOL(90, 100)};
	Queue *queue = QUEUE_OF(1, rules);
	int32_t holder = 10;

	(void) state;
	assert_int_equal(enters(queue, 10, 1, 0), QUEUE_GRANTED);
	for (int32_t who = 11; who < 14; who++)
		assert_int_equal(enters(queue, who, 1, 0), QUEUE_QUEUED);
	for (int32_t who = 0; who < 3; who++)
		assert_int_equal(enters(queue, who, 0, who), QUEUE_QUEUED);
	for (int64_t now = 100 * MS; now <= 3500 * MS; now += 100 * MS)
	{
		int32_t next = next_after(queue, holder, now);
		if (now % SECOND == 0)
			assert_int_equal(next, now / SECOND - 1); /* oldest first */
		else
			assert_in_range(next, 10, 13);
		if (holder >= 10)
			assert_int_equal(enters(queue, holder, 1, now), QUEUE_QUEUED);
		holder = next;
	}
	free(queue);
}

/* Without an ageing time nobody ages; and a clock that stands still, or is set back, ages nobody. */
static void
test_who_does_not_age(void **state)
{
	const QueueRule rules[] = {POOL(10, 100), POOL(90, 100), POOL(20, 100, .ageing_us = SECOND)};
	Queue *queue = QUEUE_OF(1, rules);

	(void) state;
	assert_int_equal(enters(queue, 0, 1, 5000), QUEUE_GRANTED);
	assert_int_equal(enters(queue, 1, 0, 5000), QUEUE_QUEUED);
	assert_int_equal(enters(queue, 2, 1, 5000), QUEUE_QUEUED);
	assert_int_equal(enters(queue, 3, 2, 5000), QUEUE_QUEUED);
	assert_int_equal(enters(queue, 4, 1, 5000), QUEUE_QUEUED);
	assert_int_equal(next_after(queue, 0, 0), 2);
	assert_int_equal(next_after(queue, 2, INT64_MIN), 4);
	assert_int_equal(next_after(queue, 4, INT64_MAX), 3);
	assert_int_equal(next_after(queue, 3, INT64_MAX), 1);
	free(queue);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_higher_priority_goes_first),
		cmocka_unit_test(test_order_inside_a_pool),
		cmocka_unit_test(test_resumers_go_in_order_of_return),
		cmocka_unit_test(test_attained_service_counts),
		cmocka_unit_test(test_weights_share_slot_time),
		cmocka_unit_test(test_new_weights_hold_at_once),
		cmocka_unit_test(test_idle_time_is_not_saved_up),
		cmocka_unit_test(test_running_alone_costs_nothing),
		cmocka_unit_test(test_passes_may_wrap),
		cmocka_unit_test(test_debts_are_bounded),
		cmocka_unit_test(test_the_longest_waiter_ages),
		cmocka_unit_test(test_who_does_not_age),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
