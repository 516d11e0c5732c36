/*
 * policy_assign_test.c - which pool a call gets, and which calls a cap, filter, rule or budget is about.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "policies/policy.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* In the heap because of the size; the caller frees it. */
static Policy *
policy_make(const char *text)
{
	Policy *policy = malloc(sizeof(*policy));
	PolicyError error;

	assert_non_null(policy);
	if (policy_parse(text, strlen(text), policy, &error) < 0)
		fail_msg("%d:%d: %s", error.line, error.column, error.message);
	return policy;
}

/* Least telling first, so that a reader who takes the first that applies gets it wrong. */
static const char precedence_text[] =
	"version: 1\n"
	"pools: {p0: {}, p1: {}, p2: {}, p3: {}, p4: {}, p5: {}, p6: {}, p7: {}, p8: {}}\n"
	"assign:\n"
	"  - {pool: p0}\n"
	"  - {database: sales, pool: p1}\n"
	"  - {role: staff, pool: p2}\n"
	"  - {role: ana, pool: p3}\n"
	"  - {role: staff, database: sales, pool: p4}\n"
	"  - {role: ana, database: sales, pool: p5}\n"
	"  - {function: lib.fit, role: ana, pool: p6}\n"
	"  - {function: lib.fit, pool: p7}\n"
	"  - {function: lib.fit, database: sales, pool: p8}\n";

static const struct
{
	const char *function, *role, *database, *member; /* member: of this role */
	const char *pool, *why;
} lookups[] = {
	{NULL, "bob", "stock", NULL, "p0", "default"},
	{NULL, NULL, NULL, NULL, "p0", "default"},
	{"lib.other", "bob", "stock", "guests", "p0", "default"},
	{"lib.other", "bob", "sales", NULL, "p1", "database"},
	{NULL, "bob", "stock", "staff", "p2", "role by membership"},
	{NULL, "staff", "stock", NULL, "p2", "role"},
	{NULL, "ana", "stock", "staff", "p3", "role"},
	{NULL, "bob", "sales", "staff", "p4", "role in database by membership"},
	{NULL, "staff", "sales", NULL, "p4", "role in database"},
	{NULL, "ana", "sales", "staff", "p5", "role in database"},
	{NULL, "bob", "sales", "ana", "p5", "role in database by membership"},
	{"lib.fit", "ana", "sales", "staff", "p6", "function"},
	{"lib.fit", "bob", "sales", "ana", "p6", "function"},
	{"lib.fit", "bob", "sales", NULL, "p7", "function"},
	{"lib.fit", NULL, NULL, NULL, "p7", "function"},
	{"LIB.fit", "BOB", "SALES", NULL, "p0", "default"},
};

static bool
is_member(void *arg, const char *role)
{
	return strcmp(arg, role) == 0;
}

static void
lookup_check(const Policy *policy, size_t row)
{
	const PolicyCaller caller = {
		.function = lookups[row].function,
		.role = lookups[row].role,
		.database = lookups[row].database,
		.is_member = lookups[row].member != NULL ? is_member : NULL,
		.arg = (void *) lookups[row].member,
	};
	const char *why = NULL;
	const PolicyAssign *assign = policy_assign_find(policy, &caller, &why);

	assert_non_null(assign);
	if (strcmp(policy->pools[assign->pool].name, lookups[row].pool) != 0 || strcmp(why, lookups[row].why) != 0)
		fail_msg("lookup %zu: expected %s by %s, got %s by %s", row, lookups[row].pool, lookups[row].why,
				 policy->pools[assign->pool].name, why);
	assert_ptr_equal(policy_assign_find(policy, &caller, NULL), assign);
}

static void
test_precedence(void **state)
{
	Policy *policy = policy_make(precedence_text);

	(void) state;
	for (size_t row = 0; row < COUNT(lookups); row++)
		lookup_check(policy, row);
	assert_int_equal(policy_pool_find(policy, "p8"), 8);
	assert_int_equal(policy_pool_find(policy, "p9"), -1);
	assert_int_equal(policy_pool_find(policy, ""), -1);
	free(policy);
}

/* Between classes the order in the file says nothing: any rotation of those that differ in class gives the same. */
static void
test_precedence_order(void **state)
{
	Policy *policy = policy_make(precedence_text);

	(void) state;
	policy->assign_count = 6; /* without those by function, which share a class */
	for (int turn = 0; turn < policy->assign_count; turn++)
	{
		PolicyAssign first = policy->assigns[0];

		memmove(policy->assigns, policy->assigns + 1, (size_t) (policy->assign_count - 1) * sizeof(first));
		policy->assigns[policy->assign_count - 1] = first;
		for (size_t row = 0; row < COUNT(lookups); row++)
			if (strcmp(lookups[row].why, "function") != 0 &&
				strcmp(lookups[row].member ? lookups[row].member : "", "ana") != 0)
				lookup_check(policy, row);
	}
	free(policy);
}

/* Each part of a selector constrains, and all that is named must hold. */
static void
test_selector(void **state)
{
	static const PolicyCaller ana = {"lib.fit", "ana", "sales", is_member, (void *) "staff"};
	static const PolicyCaller block = {NULL, "ana", "sales", NULL, NULL};
	static const struct
	{
		PolicySelector who;
		const PolicyCaller *caller;
		bool holds;
	} cases[] = {
		{{"", "", "", POLICY_NO_POOL}, &ana, true},
		{{"", "", "", POLICY_NO_POOL}, &block, true},
		{{"", "", "", 3}, &ana, true},
		{{"", "", "", 2}, &ana, false},
		{{"lib.fit", "", "", POLICY_NO_POOL}, &ana, true},
		{{"lib.fit", "", "", POLICY_NO_POOL}, &block, false},
		{{"lib.other", "", "", POLICY_NO_POOL}, &ana, false},
		{{"", "ana", "", POLICY_NO_POOL}, &block, true},
		{{"", "staff", "", POLICY_NO_POOL}, &ana, true},
		{{"", "staff", "", POLICY_NO_POOL}, &block, false},
		{{"", "bob", "", POLICY_NO_POOL}, &ana, false},
		{{"", "", "sales", POLICY_NO_POOL}, &ana, true},
		{{"", "", "stock", POLICY_NO_POOL}, &ana, false},
		{{"lib.fit", "staff", "sales", 3}, &ana, true},
		{{"lib.fit", "staff", "stock", 3}, &ana, false},
	};

	(void) state;
	for (size_t i = 0; i < COUNT(cases); i++)
		if (policy_selector_holds(&cases[i].who, cases[i].caller, 3) != cases[i].holds)
			fail_msg("selector %zu", i);
}

/* A pool is reached by an assignment or a rule that moves calls there. */
static void
test_reached(void **state)
{
	Policy *policy = policy_make("version: 1\npools: {a: {}, b: {}, c: {}, d: {}}\n"
								 "assign: [{role: r, pool: b}, {pool: a}]\n"
								 "rules: [{name: x, pool: d, when: {rows: 1}, action: move, to: c}]\n");
	static const bool reached[] = {true, true, true, false};

	(void) state;
	for (int pool = 0; pool < (int) COUNT(reached); pool++)
		assert_int_equal(policy_pool_is_reached(policy, pool), reached[pool]);
	free(policy);
}

/* A pool that is gone leaves its calls to the default's, whatever its number was. */
static void
test_heir(void **state)
{
	Policy *policy = policy_make("version: 1\npools: {a: {}, b: {}, c: {}}\nassign: [{role: r, pool: b}, {pool: c}]\n");

	(void) state;
	assert_int_equal(policy_pool_heir(policy, "a"), 0);
	assert_int_equal(policy_pool_heir(policy, "b"), 1);
	assert_int_equal(policy_pool_heir(policy, "gone"), 2);
	free(policy);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_precedence), cmocka_unit_test(test_precedence_order),
		cmocka_unit_test(test_selector),   cmocka_unit_test(test_reached),
		cmocka_unit_test(test_heir),
	};

	return cmocka_run_group_tests_name("policy_assign", tests, NULL, NULL);
}
