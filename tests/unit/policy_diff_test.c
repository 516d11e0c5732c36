/*
 * policy_diff_test.c - settings with their lines, what differs between two policies, and what that does to calls.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policies/policy_diff.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A policy, its text, and what must be said of it. */
typedef struct Source
{
	Policy policy;
	PolicySource from;
} Source;

static Source *
source_new(const char *text)
{
	Source *source = malloc(sizeof(*source));
	PolicyError error;

	assert_non_null(source);
	if (policy_parse(text, strlen(text), &source->policy, &error) < 0)
		fail_msg("in \"%.80s\": %d:%d: %s", text, error.line, error.column, error.message);
	source->from = (PolicySource){&source->policy, text, strlen(text)};
	return source;
}

static const char settings_text[] = "version: 1\n"
									"node: {slots: 8}\n"
									"pools:\n"
									"  day: {}\n"
									"  night:\n"
									"    slots: 2\n"
									"    queue: {length: 5}\n"
									"assign:\n"
									"  - {role: etl, database: dw, pool: night}\n"
									"  - {pool: day}\n"
									"caps:\n"
									"  - {role: \"it's\", slots: 3}\n"
									"filters:\n"
									"  - name: late\n"
									"    hours: 22:00-06:00\n"
									"rules:\n"
									"  - name: runaway\n"
									"    when: {memory: 1GB, elapsed: 1min}\n"
									"    action: quarantine\n"
									"    duration: 1h\n"
									"budgets:\n"
									"  - {name: analysts, role: ana, cpu_time: 1h, window: 1d, action: refuse}\n";

/* Lines of the source, 0 for what is not said there. */
static const struct
{
	const char *path, *value;
	int line;
} settings[] = {
	{"version", "1", 1},
	{"node.name", "node0", 0},
	{"node.slots", "8", 2},
	{"node.quantum", "50ms", 0},
	{"pools.day.slots", "8", 0},
	{"pools.day.preload", "[]", 0},
	{"pools.day.reserve", "512MB", 0},
	{"pools.day.on_contention", "pause", 0},
	{"pools.night.slots", "2", 6},
	{"pools.night.queue.length", "5", 7},
	{"pools.night.queue.ageing", "10s", 0},
	{"assign[role: etl, database: dw].pool", "night", 9},
	{"assign[any].pool", "day", 10},
	{"caps[role: 'it''s'].slots", "3", 12},
	{"filters.late.name", "late", 14},
	{"filters.late.hours", "22:00-06:00", 15},
	{"rules.runaway.when", "{elapsed: 1min, memory: 1GB}", 18},
	{"rules.runaway.action", "quarantine", 19},
	{"rules.runaway.after", "1", 0},
	{"rules.runaway.duration", "1h", 20},
	{"rules.runaway.cooldown", "1min", 0},
	{"rules.runaway.dry_run", "false", 0},
	{"budgets.analysts.role", "ana", 22},
	{"budgets.analysts.action", "refuse", 22},
};

/* What says nothing when it is left out has no row, and what is in the path has none either. */
static const char *const settings_absent[] = {
	"filters.late.days", "filters.late.cost",		  "filters.late.message",		"rules.runaway.priority",
	"rules.runaway.to",	 "rules.runaway.role",		  "caps[role: 'it''s'].memory", "caps[role: 'it''s'].role",
	"assign[any].role",	 "budgets.analysts.priority",
};

static const PolicySetting *
setting_find(const PolicySettings *list, const char *path)
{
	for (int i = 0; i < list->count; i++)
		if (strcmp(list->rows[i].path, path) == 0)
			return &list->rows[i];
	return NULL;
}

static void
test_settings(void **state)
{
	Source *source = source_new(settings_text);
	PolicySettings list;
	PolicyError error;

	(void) state;
	assert_int_equal(policy_settings_list(&source->policy, settings_text, strlen(settings_text), &list, &error), 0);
	for (size_t i = 0; i < COUNT(settings); i++)
	{
		const PolicySetting *found = setting_find(&list, settings[i].path);

		if (found == NULL)
			fail_msg("%s is not listed", settings[i].path);
		if (strcmp(found->value, settings[i].value) != 0 || found->line != settings[i].line)
			fail_msg("%s: expected %s of line %d, got %s of line %d", settings[i].path, settings[i].value,
					 settings[i].line, found->value, found->line);
	}
	for (size_t i = 0; i < COUNT(settings_absent); i++)
		if (setting_find(&list, settings_absent[i]) != NULL)
			fail_msg("%s is listed", settings_absent[i]);
	for (int i = 0; i < list.count; i++)
		assert_ptr_equal(setting_find(&list, list.rows[i].path), &list.rows[i]); /* no path comes twice */
	policy_settings_free(&list);
	free(source);
}

/* Of the default that a single pool implies there is no line, and it is the one row. */
static void
test_settings_implied(void **state)
{
	static const char text[] = "version: 1\npools: {a: {}}\n";
	Source *source = source_new(text);
	PolicySettings list;
	PolicyError error;

	(void) state;
	assert_int_equal(policy_settings_list(&source->policy, text, strlen(text), &list, &error), 0);
	assert_int_equal(setting_find(&list, "assign[any].pool")->line, 0);
	policy_settings_free(&list);
	free(source);
}

#define HEAD "version: 1\nnode: {slots: 8, memory: 8GB}\n"
#define BASE HEAD "pools: {a: {slots: 4}, b: {slots: 4}}\nassign: [{role: r, pool: b}, {pool: a}]\n"
#define KEEPS "running calls keep the old limit; idle interpreters of the pool end, sessions get new ones"
#define ANEW "queued calls are judged anew"
#define STAYS "running calls stay in their pool, " ANEW

/* The calls there are: 6 in all, 3 in a, where 2 wait, 1 in b; 2 fall under the first cap. */
static const PolicyUse use = {.running = 6, .pool_running = {3, 1}, .pool_waiting = {2, 0}, .cap_running = {2}};

/* One change each: its row, and with calls counted the effect if that is another. */
static const struct
{
	const char *old, *new, *path, *before, *after, *effect, *counted;
} changes[] = {
	{BASE, HEAD "pools: {a: {slots: 1}, b: {slots: 4}}\nassign: [{role: r, pool: b}, {pool: a}]\n", "pools.a.slots",
	 "4", "1", "calls that run beyond the new cap run until they end", "2 calls run beyond the new cap until they end"},
	{BASE, HEAD "pools: {a: {slots: 2}, b: {slots: 4}}\nassign: [{role: r, pool: b}, {pool: a}]\n", "pools.a.slots",
	 "4", "2", "calls that run beyond the new cap run until they end", "1 call runs beyond the new cap until they end"},
	{BASE, HEAD "pools: {a: {slots: 5}, b: {slots: 4}}\nassign: [{role: r, pool: b}, {pool: a}]\n", "pools.a.slots",
	 "4", "5", "in force at once", NULL},
	{BASE, HEAD "pools: {a: {slots: 3}, b: {slots: 4}}\nassign: [{role: r, pool: b}, {pool: a}]\n", "pools.a.slots",
	 "4", "3", "calls that run beyond the new cap run until they end", "in force at once"},
	{BASE,
	 "version: 1\nnode: {slots: 5, memory: 8GB}\npools: {a: {slots: 4}, b: {slots: 4}}\nassign: [{role: r, pool: b}, "
	 "{pool: a}]\n",
	 "node.slots", "8", "5", "calls that run beyond the new cap run until they end",
	 "1 call runs beyond the new cap until they end"},
	{BASE, HEAD "pools: {a: {slots: 4, limits: {wall: 1s}}, b: {slots: 4}}\nassign: [{role: r, pool: b}, {pool: a}]\n",
	 "pools.a.limits.wall", "10min", "1s", KEEPS, NULL},
	{BASE, HEAD "pools: {a: {slots: 4, weight: 5}, b: {slots: 4}}\nassign: [{role: r, pool: b}, {pool: a}]\n",
	 "pools.a.weight", "100", "5", ANEW, NULL},
	{BASE, HEAD "pools: {a: {slots: 4, memory: 1GB}, b: {slots: 4}}\nassign: [{role: r, pool: b}, {pool: a}]\n",
	 "pools.a.memory", "0", "1GB", "running calls keep what they have reserved", NULL},
	{BASE, HEAD "pools: {a: {slots: 4}, b: {slots: 4}}\nassign: [{role: r, pool: a}, {pool: a}]\n",
	 "assign[role: r].pool", "b", "a", STAYS, NULL},
	{BASE, HEAD "pools: {a: {slots: 4}, b: {slots: 4}}\nassign: [{pool: a}]\n", "assign[role: r]", "{pool: b}", NULL,
	 STAYS, NULL},
	{BASE, HEAD "pools: {a: {slots: 4}, b: {slots: 4}}\nassign: [{pool: a}, {role: r, pool: b}]\n", "assign", NULL,
	 NULL, "the order has changed, which decides among roles that a caller is a member of", NULL},
	{BASE, BASE "caps: [{role: r, slots: 1}]\n", "caps[role: r]", NULL, "{slots: 1}",
	 "queued calls are judged anew; running calls do not count against a new cap", NULL},
	{BASE "caps: [{role: r, slots: 8}]\n", BASE "caps: [{role: r, slots: 1}]\n", "caps[role: r].slots", "8", "1",
	 "calls that run beyond the new cap run until they end", "1 call runs beyond the new cap until they end"},
	{BASE "caps: [{role: r, slots: 1}]\n", BASE "caps: [{role: r, slots: 1, memory: 1GB}]\n", "caps[role: r].memory",
	 NULL, "1GB", "running calls keep what they have reserved", NULL},
	{BASE, BASE "filters: [{name: f, cost: 5}]\n", "filters.f", NULL, "{cost: 5}",
	 "for calls that have not started; running calls go on", NULL},
	{BASE "rules: [{name: x, when: {rows: 1}, action: kill}]\n", BASE, "rules.x", "{when: {rows: 1}, action: kill}",
	 NULL, "a new rule is for calls that come from now on, one that is gone judges none", NULL},
	{BASE "rules: [{name: x, when: {rows: 1}, action: kill}]\n",
	 BASE "rules: [{name: x, when: {rows: 2}, action: kill}]\n", "rules.x.when", "{rows: 1}", "{rows: 2}",
	 "running and queued calls of the rule are judged by it at once", NULL},
	{BASE "rules: [{name: x, when: {rows: 1}, action: kill}]\n",
	 BASE "rules: [{name: x, when: {rows: 1}, action: kill, role: r}]\n", "rules.x.role", NULL, "r",
	 "for calls that come from now on", NULL},
	{BASE, BASE "budgets: [{name: c, cpu_time: 1s, window: 1h, action: log}]\n", "budgets.c", NULL,
	 "{cpu_time: 1s, window: 1h, action: log}",
	 "for calls that start from now on; what was used under that name counts", NULL},
};

static bool
text_equals(const char *one, const char *other)
{
	return one == other || (one != NULL && other != NULL && strcmp(one, other) == 0);
}

static void
diff_make(const char *old, const char *new, const PolicyUse *counted, PolicyDiff *diff)
{
	Source *before = source_new(old), *after = source_new(new);
	PolicyError error;

	assert_int_equal(policy_diff(&before->from, &after->from, counted, diff, &error), 0);
	free(before);
	free(after);
}

static void
change_check(size_t row, const PolicyUse *counted, const char *effect)
{
	PolicyDiff diff;

	diff_make(changes[row].old, changes[row].new, counted, &diff);
	if (diff.count != 1)
		fail_msg("change %zu of %s: %d rows, the first of %s", row, changes[row].path, diff.count,
				 diff.count > 0 ? diff.rows[0].path : "none");
	assert_string_equal(diff.rows[0].path, changes[row].path);
	if (!text_equals(diff.rows[0].old, changes[row].before) || !text_equals(diff.rows[0].new, changes[row].after))
		fail_msg("%s: got %s -> %s", changes[row].path, diff.rows[0].old, diff.rows[0].new);
	assert_string_equal(diff.rows[0].effect, effect);
	policy_diff_free(&diff);
}

static void
test_changes(void **state)
{
	(void) state;
	for (size_t i = 0; i < COUNT(changes); i++)
	{
		change_check(i, NULL, changes[i].effect);
		change_check(i, &use, changes[i].counted != NULL ? changes[i].counted : changes[i].effect);
	}
}

/* Lines, layout, comments and the order of pools and entries but assignments make no difference. */
static void
test_same(void **state)
{
	static const char *const same[] = {
		BASE "rules: [{name: x, when: {rows: 1}, action: log}, {name: y, when: {rows: 2, temp: 1kB}, action: log}]\n",
		"# a comment\n" BASE
		"rules:\n- {name: y, action: log, when: {temp: 1024B, rows: 2}}\n- {name: x, for: 0, when: {rows: "
		"1}, action: log}\n",
		"version: 1\npools: {b: {slots: 4}, a: {slots: 4, priority: 50}}\nnode: {memory: 8192MB, slots: 8}\nassign: "
		"[{role: r, "
		"pool: b}, {pool: a}]\nrules: [{name: x, when: {rows: 1}, action: log}, {name: y, when: {rows: 2, temp: 1kB}, "
		"action: log}]\n",
	};

	(void) state;
	for (size_t i = 0; i < COUNT(same); i++)
		for (size_t k = 0; k < COUNT(same); k++)
		{
			PolicyDiff diff;

			diff_make(same[i], same[k], NULL, &diff);
			if (diff.count != 0)
				fail_msg("%zu and %zu: %s", i, k, diff.rows[0].path);
			policy_diff_free(&diff);
		}
}

/* A pool that is gone: its row says where its calls go, and what named it is gone or another. */
static void
test_pool_gone(void **state)
{
	static const char new[] = HEAD "pools: {b: {slots: 4}, c: {slots: 4}}\nassign: [{role: r, pool: b}, {pool: c}]\n";
	PolicyDiff diff;

	(void) state;
	diff_make(BASE, new, &use, &diff);
	assert_int_equal(diff.count, 3);
	assert_string_equal(diff.rows[0].path, "pools.a");
	assert_string_equal(diff.rows[0].old, "{slots: 4}");
	assert_null(diff.rows[0].new);
	assert_string_equal(diff.rows[0].effect,
						"its calls, 3 running and 2 queued, go on in pool c; its interpreters end when they are idle");
	assert_string_equal(diff.rows[1].path, "pools.c");
	assert_string_equal(diff.rows[2].path, "assign[any].pool");
	policy_diff_free(&diff);

	diff_make(BASE, new, NULL, &diff);
	assert_string_equal(diff.rows[0].effect, "its calls go on in pool c; its interpreters end when they are idle");
	policy_diff_free(&diff);
}

static void
keys_check(const PolicyKey *keys, bool says_effect)
{
	for (const PolicyKey *key = keys; key->name != NULL; key++)
	{
		const bool only_holds = key->kind == POLICY_KIND_MAP || key->kind == POLICY_KIND_NODE;

		if (key->doc == NULL || *key->doc == '\0')
			fail_msg("%s: what does it mean?", key->name);
		if (says_effect && (key->effect == POLICY_EFFECT_UNSAID) != only_holds)
			fail_msg("%s: what does a change of it do?", key->name);
		if (key->below != NULL && key->kind != POLICY_KIND_LIST)
			keys_check(key->below, key->kind != POLICY_KIND_TERMS);
	}
}

static void
test_keys(void **state)
{
	(void) state;
	keys_check(policy_keys, true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_settings), cmocka_unit_test(test_settings_implied), cmocka_unit_test(test_changes),
		cmocka_unit_test(test_same),	 cmocka_unit_test(test_pool_gone),		  cmocka_unit_test(test_keys),
	};

	return cmocka_run_group_tests_name("policy_diff", tests, NULL, NULL);
}
