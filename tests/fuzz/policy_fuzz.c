/*
 * policy_fuzz.c - a policy file of anybody's making: refused with a place and a reason, or a policy that holds together.
 */
#include "tests/fuzz/fuzz.h"

#include "policies/policy.h"
#include "policies/policy_key.h"
#include "policies/policy_show.h"
#include "sandbox/layer.h"

#define SHOWN_MAX (4 * 1024 * 1024)
#define WORDS_MAX 256

static bool
member_of_some(void *arg, const char *role)
{
	return strlen(role) % 2 == (size_t) (arg != NULL);
}

/* Every call falls under some assignment, and that names a pool there is. */
static void
assignments_check(const Policy *policy)
{
	static const PolicyCaller callers[] = {
		{.role = "ana", .database = "postgres"},
		{.function = "public.f", .role = "ana", .database = "postgres", .is_member = member_of_some},
		{.function = "ml.train", .role = "etl", .database = "dw", .is_member = member_of_some, .arg = (void *) callers},
	};

	for (size_t i = 0; i < sizeof(callers) / sizeof(callers[0]); i++)
	{
		const char *why = NULL;
		const PolicyAssign *assign = policy_assign_find(policy, &callers[i], &why);

		FUZZ_CHECK(assign != NULL && why != NULL);
		FUZZ_CHECK(assign->pool >= 0 && assign->pool < policy->pool_count);
	}
}

static void
pools_check(const Policy *policy)
{
	FUZZ_CHECK(policy->pool_count >= 1 && policy->pool_count <= POLICY_POOLS_MAX);
	FUZZ_CHECK(policy->assign_count >= 0 && policy->assign_count <= POLICY_ASSIGNS_MAX);
	FUZZ_CHECK(policy->node_slots >= 1 && policy->node_slots <= 1024);
	FUZZ_CHECK(policy->quantum_ms >= 1 && policy->quantum_ms <= 10000);
	for (int i = 0; i < policy->pool_count; i++)
	{
		const PolicyPool *pool = &policy->pools[i];

		FUZZ_CHECK(memchr(pool->name, '\0', sizeof(pool->name)) != NULL && pool->name[0] != '\0');
		FUZZ_CHECK(policy_pool_find(policy, pool->name) == i);
		FUZZ_CHECK(pool->slots >= 1 && pool->slots <= policy->node_slots);
		FUZZ_CHECK(pool->limits.wall_ms > 0 && pool->limits.output > 0 && pool->limits.memory > 0);
		FUZZ_CHECK(pool->reserve > 0 && pool->reserve <= pool->limits.memory);
		FUZZ_CHECK(pool->memory == 0 || pool->limits.memory <= pool->memory);
		FUZZ_CHECK(pool->preload_count >= 0 && pool->preload_count <= POLICY_PRELOADS_MAX);
		FUZZ_CHECK(pool->package_count >= 0 && pool->package_count <= POLICY_PACKAGES_MAX);
		for (int j = 0; j < pool->package_count; j++)
			FUZZ_CHECK(pool->packages[j][0] == '/' && strstr(pool->packages[j], "..") != pool->packages[j]);
	}
}

static void
selector_check(const Policy *policy, const PolicySelector *who)
{
	FUZZ_CHECK(who->pool >= POLICY_NO_POOL && who->pool < policy->pool_count);
	FUZZ_CHECK(memchr(who->role, '\0', sizeof(who->role)) != NULL);
	FUZZ_CHECK(memchr(who->function, '\0', sizeof(who->function)) != NULL);
}

/* What the scheduler takes for granted of the lists. */
static void
entries_check(const Policy *policy)
{
	FUZZ_CHECK(policy->cap_count >= 0 && policy->cap_count <= POLICY_CAPS_MAX);
	FUZZ_CHECK(policy->filter_count >= 0 && policy->filter_count <= POLICY_FILTERS_MAX);
	FUZZ_CHECK(policy->rule_count >= 0 && policy->rule_count <= POLICY_RULES_MAX);
	FUZZ_CHECK(policy->budget_count >= 0 && policy->budget_count <= POLICY_BUDGETS_MAX);
	for (int i = 0; i < policy->cap_count; i++)
	{
		selector_check(policy, &policy->caps[i].who);
		FUZZ_CHECK(policy->caps[i].slots > 0 || policy->caps[i].memory > 0);
	}
	for (int i = 0; i < policy->filter_count; i++)
	{
		selector_check(policy, &policy->filters[i].who);
		FUZZ_CHECK(policy->filters[i].from_min >= 0 && policy->filters[i].from_min < 1440);
		FUZZ_CHECK(policy->filters[i].until_min >= 0 && policy->filters[i].until_min <= 1440);
		FUZZ_CHECK(policy->filters[i].days < 128);
	}
	for (int i = 0; i < policy->rule_count; i++)
	{
		const PolicyRule *rule = &policy->rules[i];

		selector_check(policy, &rule->who);
		FUZZ_CHECK(rule->term_count >= 1 && rule->term_count <= POLICY_TERMS_MAX);
		FUZZ_CHECK(rule->action < POLICY_ACTION_COUNT);
		FUZZ_CHECK((rule->action == POLICY_ACTION_MOVE) == (rule->to >= 0));
		FUZZ_CHECK((rule->action == POLICY_ACTION_DEMOTE) == (rule->priority >= 0));
		FUZZ_CHECK(rule->action != POLICY_ACTION_QUARANTINE || rule->duration_ms > 0);
	}
	for (int i = 0; i < policy->budget_count; i++)
	{
		selector_check(policy, &policy->budgets[i].who);
		FUZZ_CHECK(policy->budgets[i].cpu_ms > 0 && policy->budgets[i].window_ms > 0);
	}
}

/* What is shown parses again and shows the same, unless it is longer than a policy may be. */
static void
shown_check(const Policy *policy)
{
	static char shown[SHOWN_MAX], again[SHOWN_MAX];
	static Policy copy;
	PolicyError error = {0};
	size_t length = policy_show(policy, shown, sizeof(shown));

	FUZZ_CHECK(length < sizeof(shown) && strlen(shown) == length);
	if (length > POLICY_TEXT_MAX)
		return;
	FUZZ_CHECK(policy_parse(shown, length, &copy, &error) == 0);
	FUZZ_CHECK(policy_show(&copy, again, sizeof(again)) == length && memcmp(shown, again, length) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static Policy policy, before;
	PolicyError error = {0};

	memset(&policy, 0x5a, sizeof(policy));
	memcpy(&before, &policy, sizeof(before));
	if (policy_parse((const char *) data, size, &policy, &error) == 0)
	{
		pools_check(&policy);
		assignments_check(&policy);
		entries_check(&policy);
		shown_check(&policy);
		return 0;
	}
	FUZZ_CHECK(memcmp(&before, &policy, sizeof(before)) == 0);
	FUZZ_CHECK(memchr(error.message, '\0', sizeof(error.message)) != NULL && error.message[0] != '\0');
	FUZZ_CHECK(error.line >= 0 && error.column >= 0);
	return 0;
}

static const char *const words[] = {
	"version: 1\n",
	"pools:\n",
	"assign:\n",
	"node:\n",
	"require: [",
	"]",
	"{",
	"}",
	"- ",
	"\n  ",
	": ",
	", ",
	"\"",
	"'",
	"\\u0000",
	"\\x80",
	"&a ",
	"*a",
	"!!str ",
	"%YAML 1.1\n",
	"---\n",
	"...\n",
	"<<: ",
	"|\n ",
	">\n ",
	"# ",
	"\t",
	"\r\n",
	"\xef\xbb\xbf",
	"\xe2\x80\xa8",
	"-1",
	"0",
	"1",
	"1024",
	"1e9",
	"0x10",
	"9223372036854775807",
	"99999999999999999999",
	"128MB",
	"1.5GB",
	"1TB",
	"10ms",
	"2min",
	"30d",
	"100%",
	"102400%",
	"true",
	"null",
	"numpy",
	"/opt/packages",
	"public.f",
	"default",
	"host",
	"none",
	"list",
	"22:00-06:00",
	"24:00",
	"[mon, tue]",
	"quarantine",
	"demote",
	"move",
	"refuse",
	"pause",
	"share",
};

/* The keys of the tables, as the parser knows them. */
static void
keys_collect(const PolicyKey *keys, const char **found, unsigned *count)
{
	for (const PolicyKey *key = keys; key->name != NULL && *count < WORDS_MAX; key++)
	{
		found[(*count)++] = key->name;
		if (key->below != NULL && key->below->name != NULL && key->below->name[0] != '\0')
			keys_collect(key->below, found, count);
	}
}

const char *
fuzz_word(unsigned number)
{
	static const char *keys[WORDS_MAX];
	static unsigned count = 0;
	const unsigned fixed = sizeof(words) / sizeof(words[0]);

	if (count == 0)
		keys_collect(policy_keys, keys, &count);
	if (number < fixed)
		return words[number];
	if (number < fixed + count)
		return keys[number - fixed];
	return layer_name((int) (number - fixed - count));
}

static const char *const files[] = {"policies/analytics.yaml", "policies/laptop.yaml", "policies/payroll.yaml",
									"policies/strict.yaml",	   "tests/policy.yaml",	   "tests/isolation.yaml"};

static const char *const texts[] = {
	"version: 1\npools: {a: {}}\n",
	"version: 1\nnode: {name: n, id: 1, slots: 8, memory: 4GB}\nrequire: [seccomp, landlock]\npools:\n  a: {priority: "
	"1, weight: 2, "
	"slots: 3, queue: {length: 4, timeout: 5s}, limits: {memory: 64MB, wall: 1min, cpu: 50%, pids: 16, tmp: 1MB, "
	"output: 1MB}, "
	"preload: [numpy, scipy.stats], packages: [/opt/a], arrays: numpy, idle_timeout: 2min, spares: 2, fs: none, net: "
	"none}\n"
	"assign:\n  - {function: public.f, role: r, database: d, pool: a}\n  - {pool: a}\n",
	"version: 1\nnode: {slots: 8, memory: 8GB, quantum: 20ms}\npools:\n  a: {memory: 4GB, reserve: 100MB, "
	"on_contention: "
	"share, queue: {ageing: 3s}}\n  b: {on_contention: yield}\nassign:\n  - {pool: a}\ncaps:\n  - {role: r, slots: 2, "
	"memory: 1GB}\n  - {function: s.f, database: d, pool: b, slots: 1}\n",
	"version: 1\npools: {a: {}, b: {}}\nassign: [{pool: a}]\nfilters:\n  - {name: night, role: r, days: [mon, sun], "
	"hours: "
	"'22:00-06:00', message: \"not now\"}\n  - {name: big, pool: b, cost: 1000000, argument_size: 10MB}\nrules:\n"
	"  - {name: r1, when: {elapsed: 10min, run_time: 1s, queue_time: 1s, cpu_time: 1s, memory: 1GB, calls: 1000, rows: "
	"1, "
	"temp: 1B}, for: 1s, action: quarantine, after: 3, duration: 1h, cooldown: 0, dry_run: true}\n  - {name: r2, when: "
	"{rows: 1}, action: move, to: b}\n  - {name: r3, when: {rows: 1}, action: demote, priority: 0}\nbudgets:\n"
	"  - {name: b1, role: r, cpu_time: 100s, window: 1h, action: demote, priority: 10}\n",
};

size_t
fuzz_seed(unsigned number, uint8_t *data, size_t capacity)
{
	const unsigned file_count = sizeof(files) / sizeof(files[0]), text_count = sizeof(texts) / sizeof(texts[0]);
	const char *text = policy_default_text();
	FILE *file;
	size_t size;

	if (number > file_count + text_count)
		return 0;
	if (number >= file_count)
	{
		if (number < file_count + text_count)
			text = texts[number - file_count];
		size = strlen(text) < capacity ? strlen(text) : capacity;
		memcpy(data, text, size);
		return size;
	}
	file = fopen(files[number], "rb");
	FUZZ_CHECK(file != NULL);
	size = fread(data, 1, capacity, file);
	fclose(file);
	return size;
}
