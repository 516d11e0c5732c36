/* budget_test.c - sliding windows of CPU time, with the time as an argument. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scheduler/budget.h"

#define WINDOW INT64_C(60000000) /* a minute, so that a part is a second */
#define SECOND INT64_C(1000000)

static void
test_use_counts_for_a_window(void **state)
{
	BudgetWindow window = {0};

	(void) state;
	budget_add(&window, WINDOW, 1000 * SECOND, 5);
	budget_add(&window, WINDOW, 1000 * SECOND + 1, 7);
	assert_int_equal(budget_used(&window, WINDOW, 1000 * SECOND), 12);
	assert_int_equal(budget_used(&window, WINDOW, 1059 * SECOND + SECOND - 1), 12);
	assert_int_equal(budget_used(&window, WINDOW, 1060 * SECOND), 0);
	assert_int_equal(budget_used(&window, WINDOW, 5000 * SECOND), 0);
}

static void
test_parts_leave_one_by_one(void **state)
{
	BudgetWindow window = {0};

	(void) state;
	for (int64_t second = 0; second < 120; second++)
		budget_add(&window, WINDOW, second * SECOND, 1);
	assert_int_equal(budget_used(&window, WINDOW, 119 * SECOND), 60);
	for (int64_t passed = 1; passed <= 60; passed++)
		assert_int_equal(budget_used(&window, WINDOW, (119 + passed) * SECOND), 60 - passed);
}

/* A part that comes round again does not hold what it held a window ago, however much was skipped. */
static void
test_old_parts_are_emptied(void **state)
{
	static const int64_t gaps[] = {1, 2, 59, 60, 61, 119, 120, 100000};

	(void) state;
	for (size_t i = 0; i < sizeof(gaps) / sizeof(gaps[0]); i++)
	{
		BudgetWindow window = {0};
		int64_t later = (200 + gaps[i]) * SECOND;

		budget_add(&window, WINDOW, 200 * SECOND, 100);
		budget_add(&window, WINDOW, later, 1);
		assert_int_equal(budget_used(&window, WINDOW, later), gaps[i] < 60 ? 101 : 1);
	}
}

static void
test_free_at_is_when_enough_has_left(void **state)
{
	BudgetWindow window = {0};
	int64_t now = 130 * SECOND, free_at;

	(void) state;
	assert_int_equal(budget_free_at(&window, WINDOW, 10, now), now);
	budget_add(&window, WINDOW, 100 * SECOND, 4);
	budget_add(&window, WINDOW, 110 * SECOND, 5);
	budget_add(&window, WINDOW, 120 * SECOND, 6);
	assert_int_equal(budget_free_at(&window, WINDOW, 16, now), now);
	free_at = budget_free_at(&window, WINDOW, 15, now);
	assert_int_equal(free_at, 160 * SECOND);
	assert_true(budget_used(&window, WINDOW, free_at - 1) >= 15);
	assert_true(budget_used(&window, WINDOW, free_at) < 15);
	assert_int_equal(budget_free_at(&window, WINDOW, 7, now), 170 * SECOND);
	assert_int_equal(budget_free_at(&window, WINDOW, 1, now), 180 * SECOND);
	assert_int_equal(budget_used(&window, WINDOW, 180 * SECOND), 0);
}

/* Whatever is added when: what the window says lies between what was used in it and in a part more. */
static void
test_used_is_that_of_a_window_and_a_part(void **state)
{
	BudgetWindow window = {0};
	int64_t times[400], now = 0;
	uint32_t random = 7;

	(void) state;
	for (int i = 0; i < 400; i++)
	{
		int64_t exact = 0, more = 0;

		random = random * 1103515245u + 12345u;
		now += (int64_t) (random >> 16) % (3 * SECOND);
		times[i] = now;
		budget_add(&window, WINDOW, now, 1);
		for (int j = 0; j <= i; j++)
		{
			exact += now - times[j] <= WINDOW - SECOND;
			more += now - times[j] < WINDOW;
		}
		assert_in_range(budget_used(&window, WINDOW, now), exact, more);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_use_counts_for_a_window),
		cmocka_unit_test(test_parts_leave_one_by_one),
		cmocka_unit_test(test_old_parts_are_emptied),
		cmocka_unit_test(test_free_at_is_when_enough_has_left),
		cmocka_unit_test(test_used_is_that_of_a_window_and_a_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
