/* wire_spin_test.c - when to spin: learnt from vain spins, forgotten by good ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "sandbox/wire_spin.h"

static void
test_a_vain_spin_before_a_short_sleep_rests(void **state)
{
	WireSpin spin = {0};

	(void) state;
	assert_true(wire_spin_allowed(&spin));
	wire_spin_failed(&spin, 200, 10);
	for (int i = 0; i < WIRE_SPIN_REST_FIRST; i++)
		assert_false(wire_spin_allowed(&spin));
	assert_true(wire_spin_allowed(&spin));
	wire_spin_failed(&spin, 200, 10);
	assert_int_equal(spin.rest, 2 * WIRE_SPIN_REST_FIRST);
}

static void
test_a_long_function_is_not_contention(void **state)
{
	WireSpin spin = {0};

	(void) state;
	wire_spin_failed(&spin, 200, 5000);
	assert_true(wire_spin_allowed(&spin));
}

static void
test_the_rest_is_bounded_and_forgotten(void **state)
{
	WireSpin spin = {0};

	(void) state;
	for (int i = 0; i < 100; i++)
		wire_spin_failed(&spin, 200, 0);
	assert_int_equal(spin.rest, WIRE_SPIN_REST_LAST);
	for (int i = 0; i < 20; i++)
		wire_spin_succeeded(&spin);
	wire_spin_failed(&spin, 200, 0);
	assert_int_equal(spin.rest, WIRE_SPIN_REST_FIRST);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_vain_spin_before_a_short_sleep_rests),
		cmocka_unit_test(test_a_long_function_is_not_contention),
		cmocka_unit_test(test_the_rest_is_bounded_and_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
