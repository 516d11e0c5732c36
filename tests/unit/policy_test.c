/*
 * policy_test.c - every message of a bad policy, good ones, precedence of assignments, texts broken at random.
 *
 * Reads the shipped policies and the room's README from the source tree: run it there, or define PYBOX_SOURCE.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policies/policy.h"
#include "policies/policy_show.h"
#include "policies/policy_value.h"
#include "sandbox/layer.h"

#ifndef PYBOX_SOURCE
#define PYBOX_SOURCE "."
#endif

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define POOL(keys) "version: 1\npools:\n  a: {" keys "}\n"
#define TAIL(text) "version: 1\npools: {a: {}}\n" text
#define TWO(text) "version: 1\npools: {a: {}, b: {}}\nassign: [{pool: a}]\n" text
#define RULE(keys) TWO("rules: [{name: r, " keys "}]")
#define FILTER(keys) TWO("filters: [{name: f, " keys "}]")
#define BUDGET(keys) TWO("budgets: [{name: b, " keys "}]")
#define CAP(keys) "version: 1\nnode: {slots: 8, memory: 8GB}\npools: {a: {}}\ncaps: [{" keys "}]"
#define UNTOUCHED 0x5a
#define MUTATIONS 4000

typedef struct Bad
{
	const char *text;
	int line, column;
	const char *message;
} Bad;

static const Bad bad[] = {
#include "policy_bad.inc"
};

/* Texts that are right, and what one of their values must be. */
static const struct
{
	const char *text;
	size_t offset; /* into Policy */
	size_t size;
	int64_t value;
} good[] = {
#define FIELD(field) offsetof(Policy, field), sizeof(((Policy *) 0)->field)
	{"---\nversion: 1\npools:\n  a: {}\n...\n", FIELD(pool_count), 1},
	{"\357\273\277version: 1\r\npools:\r\n  a: {}\r\n", FIELD(pool_count), 1},
	{"pools: {a: {}} # version last\nversion: '1'", FIELD(pool_count), 1},
	{"version: 1\npools: {a: {}}\nnode: {slots: 7}", FIELD(pools[0].slots), 7},
	{"version: 1\npools: {a: {}}\nnode: {id: 16383}", FIELD(node_id), 16383},
	{"version: 1\npools: {a: {}}\nnode: {}", FIELD(node_memory), 0},
	{"version: 1\npools: {a: {}}\nnode: {memory: 4GB}", FIELD(node_memory), INT64_C(4) << 30},
	{"version: 1\npools: {a: {}}\nnode: {memory: 64MB}", FIELD(pools[0].limits.memory), 64 << 20},
	{"version: 1\npools: {a: {}}\nassign: [{pool: a}]", FIELD(assigns[0].line), 3},
	{"version: 1\npools: {a: {}}\nassign: []", FIELD(assign_count), 1},
	{"version: 1\npools: {'null': {}}\nassign: [{pool: 'null'}]", FIELD(assign_count), 1},
	{"version: 1\npools:\n\n  b: {}\n  a: {}\nassign: [{pool: a}]", FIELD(assigns[0].pool), 1},
	{"version: 1\npools:\n\n  b: {}\n  a: {}\nassign: [{pool: a}]", FIELD(pools[0].line), 4},
	{"version: 1\nrequire: all\npools: {a: {}}", FIELD(require), LAYER_ALL},
	{"version: 1\nrequire: [seccomp, all]\npools: {a: {}}", FIELD(require), LAYER_ALL},
	{POOL(""), FIELD(pools[0].limits.memory), 512 << 20},
	{POOL(""), FIELD(pools[0].limits.wall_ms), 600000},
	{POOL(""), FIELD(pools[0].limits.cpu_percent), 100},
	{POOL(""), FIELD(pools[0].limits.cpu_ms), 0},
	{POOL(""), FIELD(pools[0].limits.log), 16 << 20},
	{POOL(""), FIELD(pools[0].limits.tmp), 0},
	{POOL(""), FIELD(pools[0].queue_length), 100},
	{POOL(""), FIELD(pools[0].spares), 1},
	{POOL("queue: {}"), FIELD(pools[0].queue_timeout_ms), 60000},
	{POOL("queue: {timeout: 1500ms}"), FIELD(pools[0].queue_timeout_ms), 1500},
	{POOL("queue: {timeout: 24h}"), FIELD(pools[0].queue_timeout_ms), 86400000},
	{POOL("queue: {length: 0}"), FIELD(pools[0].queue_length), 0},
	{POOL("limits: {memory: 32768KB}"), FIELD(pools[0].limits.memory), 32 << 20},
	{POOL("limits: {memory: 32768kB}"), FIELD(pools[0].limits.memory), 32 << 20},
	{POOL("limits: {memory: 33554433B}"), FIELD(pools[0].limits.memory), (32 << 20) + 1},
	{POOL("limits: {tmp: 0}"), FIELD(pools[0].limits.tmp), 0},
	{POOL("limits: {tmp: 0MB}"), FIELD(pools[0].limits.tmp), 0},
	{POOL("limits: {cpu: \"200%\"}"), FIELD(pools[0].limits.cpu_percent), 200},
	{POOL("limits: {wall: 2d}"), FIELD(pools[0].limits.wall_ms), 172800000},
	{POOL("limits: {cpu_time: 0}"), FIELD(pools[0].limits.cpu_ms), 0},
	{POOL("limits: {cpu_time: 90s}"), FIELD(pools[0].limits.cpu_ms), 90000},
	{POOL("limits: {log: 4kB}"), FIELD(pools[0].limits.log), 4096},
	{POOL("preload: []"), FIELD(pools[0].preload_count), 0},
	{POOL("preload: [numpy, scipy.stats, _x1.Y]"), FIELD(pools[0].preload_count), 3},
	{POOL("packages: [/srv/a b, /srv/..., /srv/.hidden]"), FIELD(pools[0].package_count), 3},
	{POOL("read: [/srv, /etc/ssl, /procs, /var/lib/models]"), FIELD(pools[0].read_count), 4},
	{POOL("dev_null: write"), FIELD(pools[0].dev_null), POLICY_NULL_WRITE},
	{POOL("dev_null: none"), FIELD(pools[0].dev_null), POLICY_NULL_NONE},
	{POOL("arrays: numpy"), FIELD(pools[0].arrays), POLICY_ARRAYS_NUMPY},
	{POOL("fs: none"), FIELD(pools[0].fs), POLICY_REACH_NONE},
	{POOL("fs: none"), FIELD(pools[0].net), POLICY_REACH_HOST},
	{POOL(""), FIELD(quantum_ms), 50},
	{POOL(""), FIELD(node_weight), 100},
	{TAIL("node: {weight: 1}"), FIELD(node_weight), 1},
	{POOL(""), FIELD(pools[0].ageing_ms), 10000},
	{POOL(""), FIELD(pools[0].memory), 0},
	{POOL(""), FIELD(pools[0].reserve), 512 << 20},
	{POOL(""), FIELD(pools[0].contention), POLICY_CONTENTION_PAUSE},
	{TAIL("node: {quantum: 1ms}"), FIELD(quantum_ms), 1},
	{POOL("queue: {ageing: 0}"), FIELD(pools[0].ageing_ms), 0},
	{POOL("memory: 64MB"), FIELD(pools[0].limits.memory), 64 << 20},
	{POOL("memory: 64MB"), FIELD(pools[0].reserve), 64 << 20},
	{POOL("memory: 4GB, reserve: 100MB"), FIELD(pools[0].limits.memory), 512 << 20},
	{POOL("memory: 4GB, reserve: 100MB"), FIELD(pools[0].reserve), 100 << 20},
	{POOL("on_contention: yield"), FIELD(pools[0].contention), POLICY_CONTENTION_YIELD},
	{POOL("on_contention: share"), FIELD(pools[0].contention), POLICY_CONTENTION_SHARE},
	{CAP("role: r, slots: 8"), FIELD(caps[0].slots), 8},
	{CAP("role: r, slots: 8"), FIELD(caps[0].memory), 0},
	{CAP("role: r, slots: 8"), FIELD(caps[0].who.pool), -1},
	{CAP("role: r, slots: 8"), FIELD(caps[0].line), 4},
	{CAP("pool: a, memory: 512MB"), FIELD(caps[0].memory), 512 << 20},
	{CAP("pool: a, memory: 512MB"), FIELD(caps[0].slots), 0},
	{CAP("pool: a, memory: 512MB"), FIELD(caps[0].who.pool), 0},
	{CAP("role: r, slots: 1}, {role: r, database: d, slots: 1"), FIELD(cap_count), 2},
	{FILTER("role: r"), FIELD(filters[0].days), 0},
	{FILTER("days: sun"), FIELD(filters[0].days), 1},
	{FILTER("days: [sat, mon]"), FIELD(filters[0].days), 1 << 6 | 1 << 1},
	{FILTER("hours: 22:00-06:30"), FIELD(filters[0].from_min), 22 * 60},
	{FILTER("hours: '22:00-06:30'"), FIELD(filters[0].until_min), 6 * 60 + 30},
	{FILTER("hours: 00:00-24:00"), FIELD(filters[0].until_min), 1440},
	{FILTER("argument_size: 10MB"), FIELD(filters[0].argument_size), 10 << 20},
	{FILTER("cost: 1}, {name: g, cost: 2"), FIELD(filter_count), 2},
	{FILTER("database: d, pool: b"), FIELD(filters[0].who.pool), 1},
	{RULE("when: {elapsed: 10min}, action: log"), FIELD(rules[0].terms[0].above), 600000},
	{RULE("when: {elapsed: 10min}, action: log"), FIELD(rules[0].for_ms), 0},
	{RULE("when: {elapsed: 10min}, action: log"), FIELD(rules[0].cooldown_ms), 60000},
	{RULE("when: {elapsed: 10min}, action: log"), FIELD(rules[0].after), 1},
	{RULE("when: {elapsed: 10min}, action: log"), FIELD(rules[0].priority), -1},
	{RULE("when: {elapsed: 10min}, action: log"), FIELD(rules[0].to), -1},
	{RULE("when: {elapsed: 10min}, action: log"), FIELD(rules[0].dry_run), 0},
	{RULE("when: {elapsed: 10min}, action: log, dry_run: true"), FIELD(rules[0].dry_run), 1},
	{RULE("when: {elapsed: 10min}, action: log, dry_run: false"), FIELD(rules[0].dry_run), 0},
	{RULE("when: {temp: 1GB, memory: 2GB}, action: kill"), FIELD(rules[0].term_count), 2},
	{RULE("when: {temp: 1GB, memory: 2GB}, action: kill"), FIELD(rules[0].terms[0].metric), POLICY_METRIC_MEMORY},
	{RULE("when: {temp: 1GB, memory: 2GB}, action: kill"), FIELD(rules[0].terms[1].metric), POLICY_METRIC_TEMP},
	{RULE("when: {temp: 1GB, memory: 2GB}, action: kill"), FIELD(rules[0].terms[1].above), 1 << 30},
	{RULE("when: {calls: 1000}, for: 1s, action: demote, priority: 0"), FIELD(rules[0].priority), 0},
	{RULE("when: {calls: 1000}, for: 1s, action: demote, priority: 0"), FIELD(rules[0].for_ms), 1000},
	{RULE("when: {rows: 5}, action: move, to: b"), FIELD(rules[0].to), 1},
	{RULE("pool: b, when: {rows: 5}, action: move, to: a"), FIELD(rules[0].to), 0},
	{RULE("when: {cpu_time: 5s}, action: pause"), FIELD(rules[0].duration_ms), 0},
	{RULE("when: {cpu_time: 5s}, action: pause, duration: 5s"), FIELD(rules[0].duration_ms), 5000},
	{RULE("when: {run_time: 5s}, action: quarantine, duration: 1h, after: 3"), FIELD(rules[0].after), 3},
	{RULE("when: {queue_time: 5s}, action: cancel, cooldown: 0"), FIELD(rules[0].cooldown_ms), 0},
	{BUDGET("cpu_time: 100s, window: 1h, action: refuse"), FIELD(budgets[0].cpu_ms), 100000},
	{BUDGET("cpu_time: 100s, window: 1h, action: refuse"), FIELD(budgets[0].window_ms), 3600000},
	{BUDGET("cpu_time: 100s, window: 1h, action: refuse"), FIELD(budgets[0].action), POLICY_OVERDRAFT_REFUSE},
	{BUDGET("role: r, cpu_time: 100s, window: 1h, action: demote, priority: 7"), FIELD(budgets[0].priority), 7},
};

/* A Policy and a message, in the heap because of the size. */
typedef struct Result
{
	Policy policy;
	PolicyError error;
} Result;

static Result *
result_new(void)
{
	Result *result = malloc(sizeof(*result));

	assert_non_null(result);
	memset(result, UNTOUCHED, sizeof(*result));
	return result;
}

static void
untouched_check(const Policy *policy)
{
	const unsigned char *bytes = (const unsigned char *) policy;

	assert_int_equal(bytes[0], UNTOUCHED);
	assert_memory_equal(bytes, bytes + 1, sizeof(*policy) - 1);
}

/* The text in memory of exactly its length, so that ASan sees a step beyond it. */
static int
text_parse(const char *text, size_t length, Result *result)
{
	char *exact = malloc(length);
	int parsed;

	assert_true(exact != NULL || length == 0);
	if (length > 0)
		memcpy(exact, text, length);
	parsed = policy_parse(exact, length, &result->policy, &result->error);
	free(exact);
	return parsed;
}

static void
bad_check(const char *text, size_t length, int line, int column, const char *message)
{
	Result *result = result_new();

	if (text_parse(text, length, result) == 0)
		fail_msg("accepted: %.80s", text);
	if (strcmp(result->error.message, message) != 0 || result->error.line != line || result->error.column != column)
		fail_msg("in \"%.80s\": expected %d:%d: %s, got %d:%d: %s", text, line, column, message, result->error.line,
				 result->error.column, result->error.message);
	untouched_check(&result->policy);
	free(result);
}

static Result *
good_parse(const char *text)
{
	Result *result = result_new();

	if (text_parse(text, strlen(text), result) < 0)
		fail_msg("in \"%.80s\": %d:%d: %s", text, result->error.line, result->error.column, result->error.message);
	return result;
}

static void
test_bad(void **state)
{
	(void) state;
	for (size_t i = 0; i < COUNT(bad); i++)
		bad_check(bad[i].text, strlen(bad[i].text), bad[i].line, bad[i].column, bad[i].message);
}

static void
test_good(void **state)
{
	(void) state;
	for (size_t i = 0; i < COUNT(good); i++)
	{
		Result *result = good_parse(good[i].text);
		const char *field = (const char *) &result->policy + good[i].offset;
		int32_t narrow;
		int64_t value;

		memcpy(&narrow, field, sizeof(narrow));
		value = good[i].size == sizeof(bool) ? *(const bool *) field : narrow;
		if (good[i].size == sizeof(value))
			memcpy(&value, field, sizeof(value));
		if (value != good[i].value)
			fail_msg("in \"%.80s\": expected %lld, got %lld", good[i].text, (long long) good[i].value,
					 (long long) value);
		free(result);
	}
}

static void
test_nul(void **state)
{
	static const char text[] = "version: 1\npools: {\0}";

	(void) state;
	bad_check(text, sizeof(text) - 1, 2, 9, "expected text, found the character U+0000");
}

/* Fills a text of `length` bytes with copies of a piece. */
static char *
text_repeat(const char *piece, size_t length)
{
	char *text = malloc(length + 1);

	assert_non_null(text);
	for (size_t i = 0; i < length; i++)
		text[i] = piece[i % strlen(piece)];
	text[length] = '\0';
	return text;
}

static void
test_size(void **state)
{
	static const char head[] = "version: 1\npools: {a: {}}\n#";
	char *text = text_repeat("x", POLICY_TEXT_MAX + 1);
	Result *result = result_new();

	(void) state;
	memcpy(text, head, sizeof(head) - 1);
	assert_int_equal(text_parse(text, POLICY_TEXT_MAX, result), 0);
	bad_check(text, POLICY_TEXT_MAX + 1, 0, 0, "the policy is 65537 bytes long, expected at most 65536");
	free(result);
	free(text);
}

/* Texts that are small for what a careless reader makes of them. */
static void
test_bombs(void **state)
{
	static const struct
	{
		const char *piece;
		int line, column;
		const char *message;
	} bombs[] = {
		{"[", 1, 17, "lists and mappings are nested too deep"},
		{"{", 1, 17, "lists and mappings are nested too deep"},
		{"- ", 1, 33, "lists and mappings are nested too deep"},
		{"? ", 1, 33, "lists and mappings are nested too deep"},
		{"[{", 1, 17, "lists and mappings are nested too deep"},
		{"[\n", 17, 1, "lists and mappings are nested too deep"},
		{"- a\n", 1, 1, "expected a mapping of keys to values, found a list"},
		{"a: \n", 1, 1,
		 "unknown key \"a\", expected one of version, node, require, pools, assign, caps, filters, rules, budgets"},
		{"- &a [*a,*a]\n", 1, 3, "anchors (&name) are not allowed: write the value out where it is wanted"},
		{"a", 1, 1, "expected a mapping of keys to values, found \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...\""},
	};

	(void) state;
	for (size_t i = 0; i < COUNT(bombs); i++)
	{
		char *text = text_repeat(bombs[i].piece, POLICY_TEXT_MAX);

		bad_check(text, POLICY_TEXT_MAX, bombs[i].line, bombs[i].column, bombs[i].message);
		free(text);
	}
}

/* Appends to a text of POLICY_TEXT_MAX bytes. */
static void text_append(char *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void
text_append(char *text, const char *format, ...)
{
	size_t used = strlen(text);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text + used, POLICY_TEXT_MAX - used, format, arguments);
	va_end(arguments);
}

/* As many entries as fit, and one more. */
static void
test_counts(void **state)
{
	static const struct
	{
		const char *head, *entry, *tail;
		int most;
		const char *message;
	} counts[] = {
		{"version: 1\npools: {", "p%d: {}, ", "}\nassign: [{pool: p0}]", POLICY_POOLS_MAX,
		 "pools: expected at most 32 pools"},
		{"version: 1\npools: {a: {preload: [", "m%d, ", "]}}", POLICY_PRELOADS_MAX,
		 "pools.a.preload: expected at most 32 entries"},
		{"version: 1\npools: {a: {packages: [", "/p%d, ", "]}}", POLICY_PACKAGES_MAX,
		 "pools.a.packages: expected at most 8 entries"},
		{"version: 1\npools: {a: {}}\nassign: [{pool: a}, ", "{role: r%d, pool: a}, ", "]", POLICY_ASSIGNS_MAX - 1,
		 "assign[257]: expected at most 256 entries"},
		{"version: 1\npools: {a: {}}\ncaps: [", "{role: r%d, slots: 1}, ", "]", POLICY_CAPS_MAX,
		 "caps[33]: expected at most 32 entries"},
		{"version: 1\npools: {a: {}}\nfilters: [", "{name: f%d, cost: 1}, ", "]", POLICY_FILTERS_MAX,
		 "filters[65]: expected at most 64 entries"},
		{"version: 1\npools: {a: {}}\nrules: [", "{name: r%d, when: {rows: 1}, action: log}, ", "]", POLICY_RULES_MAX,
		 "rules[65]: expected at most 64 entries"},
		{"version: 1\npools: {a: {}}\nbudgets: [", "{name: b%d, cpu_time: 1s, window: 1h, action: log}, ", "]",
		 POLICY_BUDGETS_MAX, "budgets[33]: expected at most 32 entries"},
		{"version: 1\npools: {a: {}}\nassign: [", "{role: r%d, pool: a}, ", "]", POLICY_ASSIGNS_MAX - 1,
		 "assign: expected at most 255 assignments beside the default"},
	};
	char *text = malloc(POLICY_TEXT_MAX);
	Result *result = result_new();

	(void) state;
	for (size_t i = 0; i < COUNT(counts); i++)
		for (int count = counts[i].most; count <= counts[i].most + 1; count++)
		{
			snprintf(text, POLICY_TEXT_MAX, "%s", counts[i].head);
			for (int k = 0; k < count; k++)
			{
				char entry[64];

				snprintf(entry, sizeof(entry), counts[i].entry, k);
				text_append(text, "%s", entry);
			}
			text_append(text, "%s", counts[i].tail);
			assert_int_equal(text_parse(text, strlen(text), result), count == counts[i].most ? 0 : -1);
			if (count > counts[i].most)
				assert_string_equal(result->error.message, counts[i].message);
		}
	free(result);
	free(text);
}

static int64_t
amount_round_trip(const PolicyKey *key, int64_t value, char text[POLICY_VALUE_SIZE], bool *taken)
{
	int32_t narrow = (int32_t) value;
	double cost = (double) value;
	void *const fields[] = {
		[POLICY_KIND_INTEGER] = &narrow, [POLICY_KIND_PERCENT] = &narrow, [POLICY_KIND_SIZE] = &value,
		[POLICY_KIND_DURATION] = &value, [POLICY_KIND_AMOUNT] = &value,	  [POLICY_KIND_COST] = &cost,
	};
	const bool is_narrow = fields[key->kind] == &narrow, is_cost = fields[key->kind] == &cost;

	policy_value_print(key, fields[key->kind], text, POLICY_VALUE_SIZE);
	memset(fields[key->kind], 0, is_narrow ? sizeof(narrow) : sizeof(value));
	*taken = policy_value_read(key, text, fields[key->kind]);
	return is_narrow ? narrow : is_cost ? (int64_t) cost : value;
}

/*
 * One number: its bounds are taken, what lies beyond is not, and its default lies inside or is 0 or -1: not said, or
 * worked out.
 */
static void
number_check(const PolicyKey *key)
{
	const struct
	{
		int64_t value;
		bool taken;
	} cases[] = {{key->min, true}, {key->max, true}, {key->min - 1, false}, {key->max + 1, false}};

	assert_true(key->fallback == 0 || key->fallback == -1 || (key->fallback >= key->min && key->fallback <= key->max));
	for (size_t i = 0; i < COUNT(cases); i++)
	{
		char text[POLICY_VALUE_SIZE];
		bool taken;
		int64_t again = amount_round_trip(key, cases[i].value, text, &taken);

		if (taken != cases[i].taken)
			fail_msg("%s: %s is %s", key->name, text, cases[i].taken ? "refused" : "taken");
		if (taken)
			assert_true(again == cases[i].value);
	}
}

/* Every row of every table makes sense and is in the room's README. */
static void
keys_check(const PolicyKey *keys, const char *readme)
{
	int row = 0;

	for (; keys[row].name != NULL; row++)
	{
		const PolicyKey *key = &keys[row];

		if (strstr(readme, key->name) == NULL)
			fail_msg("README.md lacks %s", key->name);
		assert_in_range(key->kind, 0, POLICY_KIND_COUNT - 1);
		if (key->kind <= POLICY_KIND_COST)
			number_check(key);
		if (key->below != NULL && key->kind != POLICY_KIND_LIST)
			keys_check(key->below, readme);
	}
	assert_in_range(row, 1, POLICY_KEYS_MAX);
}

/* A file of the source tree, NUL-terminated; the caller frees it. */
static char *
file_load(const char *name)
{
	char path[512];
	char *text = calloc(1, POLICY_TEXT_MAX + 1);
	FILE *file;

	assert_non_null(text);
	snprintf(path, sizeof(path), "%s/%s", PYBOX_SOURCE, name);
	file = fopen(path, "r");
	if (file == NULL)
		fail_msg("cannot open %s", path);
	assert_true(fread(text, 1, POLICY_TEXT_MAX, file) > 0);
	fclose(file);
	return text;
}

static void
test_keys(void **state)
{
	char *readme = file_load("policies/README.md");

	(void) state;
	keys_check(policy_keys, readme);
	free(readme);
}

static const char *const shipped[] = {"policies/laptop.yaml", "policies/analytics.yaml", "policies/payroll.yaml",
									  "policies/strict.yaml"};

/* Uses every key, and text that must be quoted. */
static const char full_text[] =
	"version: 1\n"
	"node: {name: n-1.example, id: 7, slots: 4, memory: 3000MB, weight: 50, quantum: 20ms}\n"
	"require: [landlock, cgroup_memory]\n"
	"pools:\n"
	"  a:\n"
	"    priority: 1\n"
	"    weight: 2\n"
	"    slots: 3\n"
	"    memory: 2GB\n"
	"    reserve: 90MB\n"
	"    on_contention: share\n"
	"    queue: {length: 4, timeout: 90s, ageing: 7s}\n"
	"    limits: {memory: 100MB, wall: 61s, cpu: 7%, pids: 8, tmp: 9B, output: 65537B,\n"
	"      cpu_time: 62s, log: 4097B}\n"
	"    preload: [numpy, scipy.stats]\n"
	"    packages: ['/srv/it''s', /opt/x]\n"
	"    arrays: numpy\n"
	"    idle_timeout: 36h\n"
	"    spares: 0\n"
	"    fs: none\n"
	"    net: none\n"
	"  'null': {}\n"
	"assign:\n"
	"  - {function: 'my schema.F x', role: 'true, or {not}', pool: a}\n"
	"  - {role: \"J\\xf6rg's # role\", database: '- 1', pool: 'null'}\n"
	"  - {pool: 'null'}\n"
	"caps:\n"
	"  - {function: 'my schema.F x', role: 'true', database: \"J\\xf6rg\", pool: a, slots: 2}\n"
	"  - {pool: 'null', memory: 600MB}\n"
	"filters:\n"
	"  - {name: 'null', pool: a, message: \"it's {late}, # go home: J\\xf6rg\"}\n"
	"  - {name: office, role: r, database: d, function: s.f, days: [fri, mon],\n"
	"     hours: 08:00-17:59, cost: 1000000000000000, argument_size: 1025kB}\n"
	"rules:\n"
	"  - {name: r1, role: ana, when: {elapsed: 10min, run_time: 9min, queue_time: 8min,\n"
	"     cpu_time: 7min, memory: 1GB, calls: 1000, rows: 2, temp: 3B}, action: log}\n"
	"  - {name: r2, when: {calls: 1}, for: 2s, action: demote, priority: 0, cooldown: 0}\n"
	"  - {name: r3, when: {temp: 1kB}, action: move, to: 'null', dry_run: true}\n"
	"  - {name: r4, when: {rows: 1}, action: quarantine, after: 3, duration: 1h}\n"
	"  - {name: r5, when: {rows: 1}, action: pause}\n"
	"budgets:\n"
	"  - {name: 'true', cpu_time: 100s, window: 1h, action: log}\n"
	"  - {name: b, role: r, cpu_time: 100s, window: 31d, action: demote, priority: 0}\n";

static void
lines_clear(Policy *policy)
{
	for (int i = 0; i < POLICY_POOLS_MAX; i++)
		policy->pools[i].line = 0;
	for (int i = 0; i < POLICY_ASSIGNS_MAX; i++)
		policy->assigns[i].line = 0;
	for (int i = 0; i < POLICY_CAPS_MAX; i++)
		policy->caps[i].line = 0;
	for (int i = 0; i < POLICY_FILTERS_MAX; i++)
		policy->filters[i].line = 0;
	for (int i = 0; i < POLICY_RULES_MAX; i++)
		policy->rules[i].line = 0;
	for (int i = 0; i < POLICY_BUDGETS_MAX; i++)
		policy->budgets[i].line = 0;
}

/* What is shown parses to what was shown. */
static void
show_check(const Policy *policy)
{
	size_t length = policy_show(policy, NULL, 0);
	char *text = malloc(length + 1);
	Result *again, *first = result_new();

	assert_non_null(text);
	assert_int_equal(policy_show(policy, text, length + 1), length);
	assert_int_equal(strlen(text), length);
	again = good_parse(text);
	memcpy(&first->policy, policy, sizeof(*policy));
	lines_clear(&first->policy);
	lines_clear(&again->policy);
	assert_memory_equal(&first->policy, &again->policy, sizeof(*policy));
	free(text);
	free(again);
	free(first);
}

static void
test_show(void **state)
{
	char cut[10];
	Result *result = good_parse(full_text);

	(void) state;
	show_check(&result->policy);
	assert_true(policy_show(&result->policy, cut, sizeof(cut)) > sizeof(cut));
	assert_string_equal(cut, "version: ");
	free(result);
}

static void
test_shipped(void **state)
{
	Result *built_in = good_parse(policy_default_text());

	(void) state;
	show_check(&built_in->policy);
	for (size_t i = 0; i < COUNT(shipped); i++)
	{
		char *text = file_load(shipped[i]);
		Result *result = good_parse(text);

		show_check(&result->policy);
		lines_clear(&result->policy);
		lines_clear(&built_in->policy);
		if (i == 0)
			assert_memory_equal(&result->policy, &built_in->policy, sizeof(Policy));
		free(result);
		free(text);
	}
	free(built_in);
}

/* Some layers are required whatever the file says; without the key, all that need no cgroups. */
static void
test_require(void **state)
{
	const uint32_t always = LAYER_BIT(LAYER_SECCOMP) | LAYER_BIT(LAYER_NO_NEW_PRIVS) | LAYER_BIT(LAYER_RLIMITS);
	const uint32_t cgroups = LAYER_BIT(LAYER_CGROUP_NAMESPACE) | LAYER_BIT(LAYER_CGROUP_MEMORY) |
							 LAYER_BIT(LAYER_CGROUP_PIDS) | LAYER_BIT(LAYER_CGROUP_CPU);
	const struct
	{
		const char *text;
		uint32_t layers;
	} cases[] = {
		{POOL(""), LAYER_ALL & ~cgroups},
		{POOL("") "require: []\n", always},
		{POOL("") "require: [root]\n", always | LAYER_BIT(LAYER_ROOT)},
		{POOL("") "require: cgroup_cpu\n", always | LAYER_BIT(LAYER_CGROUP_CPU)},
	};

	(void) state;
	for (size_t i = 0; i < COUNT(cases); i++)
	{
		Result *result = good_parse(cases[i].text);

		assert_int_equal(result->policy.require, cases[i].layers);
		free(result);
	}
}

/* As the file says them: the rows of the tables stand in the order of the enums. */
static void
test_names(void **state)
{
	(void) state;
	assert_string_equal(policy_metric_name(POLICY_METRIC_ELAPSED), "elapsed");
	assert_string_equal(policy_metric_name(POLICY_METRIC_TEMP), "temp");
	assert_string_equal(policy_action_name(POLICY_ACTION_LOG), "log");
	assert_string_equal(policy_action_name(POLICY_ACTION_QUARANTINE), "quarantine");
	assert_string_equal(policy_overdraft_name(POLICY_OVERDRAFT_REFUSE), "refuse");
}

static uint32_t
noise(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

/* Replaces a few bytes at a random place by a random piece, in a text of room bytes. */
static size_t
text_mutate(char *text, size_t length, size_t room, uint32_t *seed)
{
	static const char *const pieces[] = {
		"",		  "[",		"]",	"{",		  "}",		 ": ",	  ", ",			  "\n",
		"\n  - ", "&a ",	"*a",	"!!map ",	  "? ",		 "---\n", "\"",			  "'",
		"#",	  "\t",		"%",	"\\x0",		  "\r",		 "| \n",  "> \n",		  "~",
		"pool: ", "- {}\n", "0",	"9999999999", "MB",		 "ms",	  "\0",			  "\377",
		"\302",	  "<<",		"a: {", "null",		  "version", "all",	  "\xe2\x80\xa8", "'a': ",
	};
	size_t from = noise(seed) % (length + 1);
	size_t gone = noise(seed) % 4;
	const char *piece = pieces[noise(seed) % COUNT(pieces)];
	size_t added = *piece == '\0' ? noise(seed) % 2 : strlen(piece);

	if (gone > length - from)
		gone = length - from;
	if (length - gone + added > room)
		added = 0;
	memmove(text + from + added, text + from + gone, length - from - gone);
	memcpy(text + from, piece, added);
	return length - gone + added;
}

/* A text is taken, and then shows as itself; or it is refused with a message in ASCII, the Policy untouched. */
static void
mutant_check(const char *text, size_t length)
{
	Result *result = result_new();

	if (text_parse(text, length, result) == 0)
		show_check(&result->policy);
	else
	{
		untouched_check(&result->policy);
		assert_true(result->error.line >= 0 && result->error.column >= 0);
		assert_in_range(strlen(result->error.message), 1, sizeof(result->error.message) - 1);
		for (const char *c = result->error.message; *c != '\0'; c++)
			assert_in_range(*c, 0x20, 0x7e);
	}
	free(result);
}

static void
test_mutations(void **state)
{
	uint32_t seed = 20240229;
	char *mutant = malloc(POLICY_TEXT_MAX);

	(void) state;
	for (size_t i = 0; i <= COUNT(shipped); i++)
	{
		char *text = i < COUNT(shipped) ? file_load(shipped[i]) : strdup(full_text);

		for (int turn = 0; turn < MUTATIONS; turn++)
		{
			size_t length = strlen(text);

			memcpy(mutant, text, length);
			for (uint32_t count = 1 + noise(&seed) % 4; count > 0; count--)
				length = text_mutate(mutant, length, POLICY_TEXT_MAX, &seed);
			mutant_check(mutant, length);
		}
		free(text);
	}
	free(mutant);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad),		cmocka_unit_test(test_good),	cmocka_unit_test(test_nul),
		cmocka_unit_test(test_size),	cmocka_unit_test(test_bombs),	cmocka_unit_test(test_counts),
		cmocka_unit_test(test_keys),	cmocka_unit_test(test_require), cmocka_unit_test(test_show),
		cmocka_unit_test(test_shipped), cmocka_unit_test(test_names),	cmocka_unit_test(test_mutations),
	};

	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
