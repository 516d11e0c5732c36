/*
 * rule_test.c - runaway rules: every action with every metric at every edge, and what several rules make of one call. The time
 * is an argument.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "scheduler/rule.h"

#define ABOVE 100
#define FOR_MS 500
#define COOL_MS 2000
#define MS INT64_C(1000)
#define START (INT64_C(1000000) * MS)
#define ALL (~UINT32_C(0))

static PolicyRule
rule_make(PolicyAction action, PolicyMetric metric)
{
	return (PolicyRule){.term_count = 1, .terms = {{metric, ABOVE}}, .action = action};
}

static RuleMetrics
metrics_make(PolicyMetric metric, int64_t value)
{
	RuleMetrics metrics = {.known = ALL};

	metrics.values[metric] = value;
	return metrics;
}

/* Looks with one metric's value, all others 0; returns how many rules act. */
static int32_t
look(const PolicyRule *rules, int32_t count, PolicyMetric metric, int64_t value, RuleWatch *watch, int64_t at_ms,
	 RuleDue *due)
{
	RuleMetrics metrics = metrics_make(metric, value);
	uint64_t begun;

	return rule_look(rules, (UINT64_C(1) << count) - 1, &metrics, watch, START + at_ms * MS, due, &begun);
}

static bool
ends(PolicyAction action)
{
	return action >= POLICY_ACTION_CANCEL;
}

/* One look of a walk: at which time which value, and whether a rule acts that is milder than a cancel, or one that is not. */
typedef struct Step
{
	int64_t at_ms, value;
	bool mild, ends;
} Step;

typedef struct Walk
{
	const char *name;
	int64_t for_ms, cooldown_ms;
	Step steps[10]; /* until at_ms is below 0 */
} Walk;

static const Walk walks[] = {
	{"not below, nor at the threshold",
	 0,
	 0,
	 {{0, 0, 0, 0}, {100, ABOVE - 1, 0, 0}, {200, ABOVE, 0, 0}, {-1, 0, 0, 0}}},
	{"above it at once, and once",
	 0,
	 0,
	 {{0, ABOVE + 1, 1, 1}, {100, ABOVE + 1, 0, 0}, {99999, ABOVE + 9, 0, 0}, {-1, 0, 0, 0}}},
	{"again in the next spell, what ends a call excepted",
	 0,
	 0,
	 {{0, ABOVE + 1, 1, 1}, {100, ABOVE, 0, 0}, {200, ABOVE + 1, 1, 0}, {300, ABOVE + 1, 0, 0}, {-1, 0, 0, 0}}},
	{"only after its time",
	 FOR_MS,
	 0,
	 {{0, ABOVE + 1, 0, 0},
	  {FOR_MS - 1, ABOVE + 1, 0, 0},
	  {FOR_MS, ABOVE + 1, 1, 1},
	  {FOR_MS + 1, ABOVE + 1, 0, 0},
	  {-1, 0, 0, 0}}},
	{"a break begins its time anew",
	 FOR_MS,
	 0,
	 {{0, ABOVE + 1, 0, 0},
	  {FOR_MS - 1, ABOVE, 0, 0},
	  {FOR_MS, ABOVE + 1, 0, 0},
	  {2 * FOR_MS - 1, ABOVE + 1, 0, 0},
	  {2 * FOR_MS, ABOVE + 1, 1, 1},
	  {-1, 0, 0, 0}}},
	{"again after the cool-down, not before",
	 0,
	 COOL_MS,
	 {{0, ABOVE + 1, 1, 1},
	  {COOL_MS - 1, ABOVE + 1, 0, 0},
	  {COOL_MS, ABOVE + 1, 1, 0},
	  {COOL_MS + 1, ABOVE + 1, 0, 0},
	  {2 * COOL_MS, ABOVE + 1, 1, 0},
	  {-1, 0, 0, 0}}},
	{"a new spell waits for the cool-down",
	 0,
	 COOL_MS,
	 {{0, ABOVE + 1, 1, 1}, {100, 0, 0, 0}, {200, ABOVE + 1, 0, 0}, {COOL_MS, ABOVE + 1, 1, 0}, {-1, 0, 0, 0}}},
	{"time and cool-down",
	 FOR_MS,
	 COOL_MS,
	 {{0, ABOVE + 1, 0, 0},
	  {FOR_MS, ABOVE + 1, 1, 1},
	  {FOR_MS + COOL_MS - 1, ABOVE + 1, 0, 0},
	  {FOR_MS + COOL_MS, ABOVE, 0, 0},
	  {FOR_MS + COOL_MS + 1, ABOVE + 1, 0, 0},
	  {2 * FOR_MS + COOL_MS, ABOVE + 1, 0, 0},
	  {2 * FOR_MS + COOL_MS + 1, ABOVE + 1, 1, 0},
	  {-1, 0, 0, 0}}},
};

static void
walk_check(const Walk *walk, PolicyAction action, PolicyMetric metric, bool dry_run)
{
	PolicyRule rule = rule_make(action, metric);
	RuleWatch watch = {0};

	rule.for_ms = walk->for_ms;
	rule.cooldown_ms = walk->cooldown_ms;
	rule.dry_run = dry_run;
	for (const Step *step = walk->steps; step->at_ms >= 0; step++)
	{
		RuleDue due[POLICY_RULES_MAX];
		int32_t expected = ends(action) ? step->ends : step->mild;
		int32_t count = look(&rule, 1, metric, step->value, &watch, step->at_ms, due);

		if (count != expected)
			fail_msg("%s, %s by %s%s at %d ms: %d act", walk->name, policy_action_name(action),
					 policy_metric_name(metric), dry_run ? " on trial" : "", (int) step->at_ms, (int) count);
		if (count == 0)
			continue;
		assert_int_equal(due[0].rule, 0);
		assert_int_equal(due[0].metric, metric);
		assert_int_equal(due[0].value, step->value);
		assert_int_equal(due[0].threshold, ABOVE);
		assert_int_equal(due[0].dry_run, dry_run);
	}
}

/* On trial as well as in force: the moments are the same. */
static void
test_every_action_by_every_metric(void **state)
{
	(void) state;
	for (size_t walk = 0; walk < sizeof(walks) / sizeof(walks[0]); walk++)
		for (int action = 0; action < POLICY_ACTION_COUNT; action++)
			for (int metric = 0; metric < POLICY_METRIC_COUNT; metric++)
			{
				walk_check(&walks[walk], (PolicyAction) action, (PolicyMetric) metric, false);
				walk_check(&walks[walk], (PolicyAction) action, (PolicyMetric) metric, true);
			}
}

static void
test_what_is_not_known_holds_nothing(void **state)
{
	(void) state;
	for (int metric = 0; metric < POLICY_METRIC_COUNT; metric++)
	{
		PolicyRule rule = rule_make(POLICY_ACTION_LOG, (PolicyMetric) metric);
		RuleMetrics metrics = metrics_make((PolicyMetric) metric, ABOVE + 1);
		RuleWatch watch = {0};
		RuleDue due[POLICY_RULES_MAX];
		uint64_t begun;

		metrics.known = ALL & ~(UINT32_C(1) << metric);
		assert_int_equal(rule_look(&rule, 1, &metrics, &watch, START, due, &begun), 0);
		assert_int_equal(begun, 0);
		metrics.known = ALL;
		assert_int_equal(rule_look(&rule, 1, &metrics, &watch, START, due, &begun), 1);
		assert_int_equal(begun, 1);
		assert_int_equal(rule_metrics_used(&rule, 1), 1 << metric);
	}
}

static void
test_all_terms_have_to_hold(void **state)
{
	PolicyRule rule = {
		.term_count = 2, .terms = {{POLICY_METRIC_ROWS, 10}, {POLICY_METRIC_MEMORY, 20}}, .action = POLICY_ACTION_LOG};
	static const struct
	{
		int64_t rows, memory;
		int32_t acts;
	} cases[] = {{10, 20, 0}, {11, 20, 0}, {10, 21, 0}, {11, 21, 1}};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		RuleMetrics metrics = {.known = ALL};
		RuleWatch watch = {0};
		RuleDue due[POLICY_RULES_MAX];
		uint64_t begun;

		metrics.values[POLICY_METRIC_ROWS] = cases[i].rows;
		metrics.values[POLICY_METRIC_MEMORY] = cases[i].memory;
		assert_int_equal(rule_look(&rule, 1, &metrics, &watch, START, due, &begun), cases[i].acts);
	}
	assert_int_equal(rule_metrics_used(&rule, 1), 1 << POLICY_METRIC_ROWS | 1 << POLICY_METRIC_MEMORY);
	assert_int_equal(rule_metrics_used(&rule, 0), 0);
}

/* Two rules that are due together, both orders of the file: the more severe acts, the other at the next look unless it is over. */
static void
test_the_most_severe_wins(void **state)
{
	(void) state;
	for (int one = 0; one < POLICY_ACTION_COUNT; one++)
		for (int other = 0; other < POLICY_ACTION_COUNT; other++)
		{
			const PolicyRule rules[] = {rule_make((PolicyAction) one, POLICY_METRIC_ROWS),
										rule_make((PolicyAction) other, POLICY_METRIC_ROWS)};
			int winner = other > one ? 1 : 0;
			bool over = ends((PolicyAction) (winner == 1 ? other : one));
			RuleWatch watch = {0};
			RuleDue due[POLICY_RULES_MAX];

			assert_int_equal(look(rules, 2, POLICY_METRIC_ROWS, ABOVE + 1, &watch, 0, due), 1);
			assert_int_equal(due[0].rule, winner);
			assert_int_equal(look(rules, 2, POLICY_METRIC_ROWS, ABOVE + 1, &watch, 100, due), over ? 0 : 1);
			if (!over)
				assert_int_equal(due[0].rule, 1 - winner);
			assert_int_equal(look(rules, 2, POLICY_METRIC_ROWS, ABOVE + 1, &watch, 200, due), 0);
		}
}

/* What ended a call is followed by what is more severe alone. */
static void
test_after_an_end_only_what_is_more_severe(void **state)
{
	(void) state;
	for (int first = POLICY_ACTION_CANCEL; first < POLICY_ACTION_COUNT; first++)
		for (int later = 0; later < POLICY_ACTION_COUNT; later++)
		{
			PolicyRule rules[] = {rule_make((PolicyAction) first, POLICY_METRIC_ROWS),
								  rule_make((PolicyAction) later, POLICY_METRIC_ROWS)};
			RuleWatch watch = {0};
			RuleDue due[POLICY_RULES_MAX];

			rules[1].terms[0].above = 2 * ABOVE;
			assert_int_equal(look(rules, 2, POLICY_METRIC_ROWS, ABOVE + 1, &watch, 0, due), 1);
			assert_int_equal(look(rules, 2, POLICY_METRIC_ROWS, 2 * ABOVE + 1, &watch, 100, due), later > first);
		}
}

/* A rule on trial is told of when it would have acted in force, and what is in force acts as if it were not there. */
static void
test_a_trial_changes_nothing(void **state)
{
	(void) state;
	for (int trial = 0; trial < POLICY_ACTION_COUNT; trial++)
		for (int real = 0; real < POLICY_ACTION_COUNT; real++)
		{
			PolicyRule rules[] = {rule_make((PolicyAction) trial, POLICY_METRIC_ROWS),
								  rule_make((PolicyAction) real, POLICY_METRIC_ROWS)};
			bool told = trial >= real; /* the first of equals */
			RuleWatch watch = {0};
			RuleDue due[POLICY_RULES_MAX];
			int32_t count;

			rules[0].dry_run = true;
			count = look(rules, 2, POLICY_METRIC_ROWS, ABOVE + 1, &watch, 0, due);
			assert_int_equal(count, told ? 2 : 1);
			assert_int_equal(due[count - 1].rule, 1);
			assert_false(due[count - 1].dry_run);
			if (told)
				assert_true(due[0].rule == 0 && due[0].dry_run);
			count = look(rules, 2, POLICY_METRIC_ROWS, ABOVE + 1, &watch, 100, due);
			assert_int_equal(count, !told && !ends((PolicyAction) real));
			assert_int_equal(look(rules, 2, POLICY_METRIC_ROWS, ABOVE + 1, &watch, 200, due), 0);
		}
}

/* Nor what comes later: not even by what would have ended the call. Of equals the first in the file would have acted. */
static void
test_a_trial_holds_nothing_back(void **state)
{
	PolicyRule rules[] = {rule_make(POLICY_ACTION_QUARANTINE, POLICY_METRIC_ROWS),
						  rule_make(POLICY_ACTION_LOG, POLICY_METRIC_ROWS)};
	RuleWatch watch = {0}, equals = {0};
	RuleDue due[POLICY_RULES_MAX];

	(void) state;
	rules[0].dry_run = true;
	rules[1].terms[0].above = 2 * ABOVE;
	assert_int_equal(look(rules, 2, POLICY_METRIC_ROWS, ABOVE + 1, &watch, 0, due), 1);
	assert_int_equal(look(rules, 2, POLICY_METRIC_ROWS, 2 * ABOVE + 1, &watch, 100, due), 1);
	assert_int_equal(due[0].rule, 1);
	rules[0] = rules[1] = rule_make(POLICY_ACTION_CANCEL, POLICY_METRIC_ROWS);
	rules[1].dry_run = true;
	assert_int_equal(look(rules, 2, POLICY_METRIC_ROWS, ABOVE + 1, &equals, 0, due), 1);
	assert_int_equal(due[0].rule, 0);
}

static void
test_a_rule_of_another_pool_starts_over(void **state)
{
	PolicyRule rule = rule_make(POLICY_ACTION_LOG, POLICY_METRIC_ROWS);
	RuleMetrics metrics = metrics_make(POLICY_METRIC_ROWS, ABOVE + 1);
	RuleWatch watch = {0};
	RuleDue due[POLICY_RULES_MAX];
	uint64_t begun;

	(void) state;
	rule.for_ms = FOR_MS;
	assert_int_equal(rule_look(&rule, 1, &metrics, &watch, START, due, &begun), 0);
	assert_int_equal(rule_look(&rule, 0, &metrics, &watch, START + 100 * MS, due, &begun), 0);
	assert_int_equal(rule_look(&rule, 1, &metrics, &watch, START + FOR_MS * MS, due, &begun), 0);
	assert_int_equal(rule_look(&rule, 1, &metrics, &watch, START + 2 * FOR_MS * MS, due, &begun), 1);
}

static void
test_a_new_policy_moves_what_is_known(void **state)
{
	const int32_t moves[] = {2, -1, 0};
	RuleWatch watch = {0};

	(void) state;
	watch.ended = 5;
	for (int i = 0; i < 4; i++)
		watch.states[i].held_since = i + 1;
	rule_watch_renumber(&watch, moves, 3);
	assert_int_equal(watch.states[0].held_since, 3);
	assert_int_equal(watch.states[1].held_since, 0);
	assert_int_equal(watch.states[2].held_since, 1);
	assert_int_equal(watch.states[3].held_since, 0);
	assert_int_equal(watch.ended, 5);
	assert_int_equal(rule_mask_renumber(7, moves, 3), 5);
	assert_int_equal(rule_mask_renumber(2, moves, 3), 0);
	assert_int_equal(rule_mask_renumber(4, moves, 3), 1);
}

/* What was said and could not be done, since the call was over: as if it had not been said. */
static void
test_what_was_not_done_is_due_again(void **state)
{
	(void) state;
	for (int action = 0; action < POLICY_ACTION_COUNT; action++)
	{
		PolicyRule rules[] = {rule_make((PolicyAction) action, POLICY_METRIC_CALLS),
							  rule_make(POLICY_ACTION_LOG, POLICY_METRIC_CALLS)};
		RuleWatch watch = {0};
		RuleDue due[POLICY_RULES_MAX];

		rules[0].cooldown_ms = COOL_MS;
		rules[1].terms[0].above = 2 * ABOVE;
		assert_int_equal(look(rules, 2, POLICY_METRIC_CALLS, ABOVE + 1, &watch, 0, due), 1);
		rule_watch_undo(&watch, 0);
		assert_int_equal(watch.ended, 0);
		assert_int_equal(look(rules, 2, POLICY_METRIC_CALLS, ABOVE + 1, &watch, 100, due), 1);
		assert_int_equal(due[0].rule, 0);
		assert_int_equal(watch.ended, ends((PolicyAction) action) ? action + 1 : 0);
		assert_int_equal(look(rules, 2, POLICY_METRIC_CALLS, ABOVE + 1, &watch, 200, due), 0);
		rule_watch_undo(&watch, 0);
		rules[0].terms[0].above = 3 * ABOVE; /* the other is not held back by an end that there was not */
		assert_int_equal(look(rules, 2, POLICY_METRIC_CALLS, 2 * ABOVE + 1, &watch, 300, due), 1);
		assert_int_equal(due[0].rule, 1);
	}
}

/* A reload puts a rule in force that was on trial, or makes it another one: it acts on the call that it has acted on. */
static void
test_what_a_rule_has_become_acts_anew(void **state)
{
	(void) state;
	for (int before = 0; before < POLICY_ACTION_COUNT; before++)
		for (int after = 0; after < POLICY_ACTION_COUNT; after++)
			for (int trial = 0; trial < 2; trial++)
			{
				PolicyRule rule = rule_make((PolicyAction) before, POLICY_METRIC_ROWS);
				bool held = !trial && (after == before || (ends((PolicyAction) before) && after < before));
				RuleWatch watch = {0};
				RuleDue due[POLICY_RULES_MAX];

				rule.dry_run = trial;
				assert_int_equal(look(&rule, 1, POLICY_METRIC_ROWS, ABOVE + 1, &watch, 0, due), 1);
				rule.dry_run = false;
				rule.action = (PolicyAction) after;
				assert_int_equal(look(&rule, 1, POLICY_METRIC_ROWS, ABOVE + 1, &watch, 100, due), !held);
				assert_int_equal(look(&rule, 1, POLICY_METRIC_ROWS, ABOVE + 1, &watch, 200, due), 0);
				rule.dry_run = true;
				assert_int_equal(look(&rule, 1, POLICY_METRIC_ROWS, ABOVE + 1, &watch, 300, due), 0);
			}
}

static void
test_the_last_rule_there_can_be(void **state)
{
	static PolicyRule rules[POLICY_RULES_MAX];
	RuleMetrics metrics = metrics_make(POLICY_METRIC_TEMP, ABOVE + 1);
	RuleWatch watch = {0};
	RuleDue due[POLICY_RULES_MAX];
	uint64_t begun;

	(void) state;
	for (int i = 0; i < POLICY_RULES_MAX; i++)
	{
		rules[i] = rule_make(POLICY_ACTION_LOG, POLICY_METRIC_TEMP);
		rules[i].dry_run = true;
	}
	assert_int_equal(rule_look(rules, UINT64_MAX, &metrics, &watch, START, due, &begun), POLICY_RULES_MAX);
	assert_int_equal(due[POLICY_RULES_MAX - 1].rule, POLICY_RULES_MAX - 1);
	assert_true(begun == UINT64_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_action_by_every_metric),
		cmocka_unit_test(test_what_is_not_known_holds_nothing),
		cmocka_unit_test(test_all_terms_have_to_hold),
		cmocka_unit_test(test_the_most_severe_wins),
		cmocka_unit_test(test_after_an_end_only_what_is_more_severe),
		cmocka_unit_test(test_a_trial_changes_nothing),
		cmocka_unit_test(test_a_trial_holds_nothing_back),
		cmocka_unit_test(test_a_rule_of_another_pool_starts_over),
		cmocka_unit_test(test_a_new_policy_moves_what_is_known),
		cmocka_unit_test(test_what_was_not_done_is_due_again),
		cmocka_unit_test(test_what_a_rule_has_become_acts_anew),
		cmocka_unit_test(test_the_last_rule_there_can_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
