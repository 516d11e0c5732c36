/* history_test.c - what is expected of a function's next call, from those before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scheduler/history.h"

#define MB INT64_C(1048576)

static void
learn(History *history, int64_t run_us, int64_t memory)
{
	HistoryCalls calls = {0};

	history_calls_add(&calls, run_us, memory);
	history_learn(history, &calls);
}

static void
test_a_few_calls_are_no_history(void **state)
{
	History history = {0};

	(void) state;
	assert_int_equal(history_guess(&history).run_us, 0);
	assert_int_equal(history_guess(&history).memory, 0);
	for (int i = 1; i < HISTORY_CALLS_LEAST; i++)
	{
		learn(&history, 1000, 0);
		assert_int_equal(history_guess(&history).run_us, 0);
	}
	learn(&history, 1000, 0);
	assert_int_equal(history_guess(&history).run_us, 1000);
	assert_int_equal(history_guess(&history).memory, 0);
}

static void
test_the_first_calls_count_alike(void **state)
{
	History history = {0};

	(void) state;
	for (int64_t run = 1; run <= 16; run++)
		learn(&history, 1000 * run, 0);
	assert_in_range(history_guess(&history).run_us, 8500, 8501);
}

static void
test_calls_that_differ_tell_nothing(void **state)
{
	History history = {0};

	(void) state;
	for (int i = 0; i < 200; i++)
		learn(&history, i % 20 == 0 ? 1000000 : 1000, 0);
	assert_int_equal(history_guess(&history).run_us, 0);
	for (int i = 0; i < 200; i++)
		learn(&history, i % 2 == 0 ? 500 : 1500, 0);
	assert_in_range(history_guess(&history).run_us, 950, 1050);
}

static void
test_a_function_that_changes_is_believed(void **state)
{
	History history = {0};

	(void) state;
	for (int i = 0; i < 1000; i++)
		learn(&history, 100, 0);
	for (int i = 0; i < 64; i++)
		learn(&history, 100000, 0);
	assert_in_range(history_guess(&history).run_us, 97000, 100000);
}

/* What a backend adds up is as good as call after call. */
static void
test_many_at_once_are_as_one_by_one(void **state)
{
	History single = {0}, summed = {0};
	HistoryCalls calls = {0};

	(void) state;
	for (int i = 0; i < 300; i++)
		learn(&single, i < 200 ? 4000 : 1000, 0);
	for (int i = 0; i < 200; i++)
		history_calls_add(&calls, 4000, 0);
	history_learn(&summed, &calls);
	calls = (HistoryCalls){0};
	for (int i = 0; i < 100; i++)
		history_calls_add(&calls, 1000, 0);
	history_learn(&summed, &calls);
	assert_in_range(history_guess(&single).run_us, 1000, 1010);
	assert_in_range(history_guess(&summed).run_us, 1000, 1010);
	history_learn(&summed, &(HistoryCalls){0});
	assert_int_equal(summed.calls, 300);
}

static void
test_memory_is_what_most_stay_below(void **state)
{
	History history = {0};

	(void) state;
	for (int i = 0; i < 100; i++)
		learn(&history, 1000, i % 25 == 0 ? 900 * MB : 100 * MB);
	assert_in_range(history_guess(&history).memory, 100 * MB, 119 * MB);
	for (int i = 0; i < 20; i++)
		learn(&history, 1000, 900 * MB);
	assert_in_range(history_guess(&history).memory, 900 * MB, 1024 * MB);
	for (int i = 0; i < 2000; i++)
		learn(&history, 1000, 100 * MB);
	assert_in_range(history_guess(&history).memory, 100 * MB, 119 * MB);
}

static void
test_extremes(void **state)
{
	History history = {0}, nothing = {0};

	(void) state;
	for (int i = 0; i < 70000; i++)
		learn(&history, INT64_MAX, INT64_MAX);
	assert_int_equal(history_guess(&history).run_us, INT64_C(1) << 50);
	assert_int_equal(history_guess(&history).memory, INT64_C(1) << 40);
	for (int i = 0; i < HISTORY_CALLS_LEAST; i++)
		learn(&nothing, 0, 1);
	assert_int_equal(history_guess(&nothing).run_us, 1);
	assert_in_range(history_guess(&nothing).memory, MB, 2 * MB);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_few_calls_are_no_history),
		cmocka_unit_test(test_the_first_calls_count_alike),
		cmocka_unit_test(test_calls_that_differ_tell_nothing),
		cmocka_unit_test(test_a_function_that_changes_is_believed),
		cmocka_unit_test(test_many_at_once_are_as_one_by_one),
		cmocka_unit_test(test_memory_is_what_most_stay_below),
		cmocka_unit_test(test_extremes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
