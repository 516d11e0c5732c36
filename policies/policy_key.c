/*
 * policy_key.c - every key of a policy: kind, range, default, field. README.md shows the same for readers.
 */
#include "policies/policy_check.h"
#include "policies/policy_key.h"

#define KB INT64_C(1024)
#define MB (1024 * KB)
#define GB (1024 * MB)
#define TB (1024 * GB)
#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define DAY (24 * 60 * MINUTE)
#define AMOUNT_MAX INT64_C(1000000000000000) /* whole numbers up to here are doubles too */

#define NODE(field) .offset = offsetof(Policy, field)
#define POOL(field) .offset = offsetof(PolicyPool, field)
#define ASSIGN(field) .offset = offsetof(PolicyAssign, field)
#define CAP(field) .offset = offsetof(PolicyCap, field)
#define FILTER(field) .offset = offsetof(PolicyFilter, field)
#define RULE(field) .offset = offsetof(PolicyRule, field)
#define BUDGET(field) .offset = offsetof(PolicyBudget, field)

/* clang-format off */
static const PolicyKey node_keys[] = {
	{"name", POLICY_KIND_LABEL, .min = 1, .max = POLICY_NAME_SIZE - 1, .fallback_text = "node0", NODE(node_name)},
	{"id", POLICY_KIND_INTEGER, .max = 16383, NODE(node_id)},
	/* A fallback of 0, here and below, lies outside the range: policy_check.c works the default out. */
	{"slots", POLICY_KIND_INTEGER, .min = 1, .max = 1024, NODE(node_slots)},
	{"memory", POLICY_KIND_SIZE, .max = 1024 * TB, NODE(node_memory)},
	{"quantum", POLICY_KIND_DURATION, .min = 1, .max = 10 * SECOND, .fallback = 50, NODE(quantum_ms)},
	{0},
};

static const PolicyKey queue_keys[] = {
	{"length", POLICY_KIND_INTEGER, .max = 10000, .fallback = 100, POOL(queue_length)},
	{"timeout", POLICY_KIND_DURATION, .min = 10, .max = DAY, .fallback = MINUTE, POOL(queue_timeout_ms)},
	{"ageing", POLICY_KIND_DURATION, .max = DAY, .fallback = 10 * SECOND, POOL(ageing_ms)},
	{0},
};

static const PolicyKey limits_keys[] = {
	{"memory", POLICY_KIND_SIZE, .min = 32 * MB, .max = TB, POOL(limits.memory)},
	{"wall", POLICY_KIND_DURATION, .min = 10, .max = 30 * DAY, .fallback = 10 * MINUTE, POOL(limits.wall_ms)},
	{"cpu_time", POLICY_KIND_DURATION, .max = 30 * DAY, POOL(limits.cpu_ms)},
	{"cpu", POLICY_KIND_PERCENT, .min = 1, .max = 102400, .fallback = 100, POOL(limits.cpu_percent)},
	{"pids", POLICY_KIND_INTEGER, .min = 4, .max = 4096, .fallback = 64, POOL(limits.pids)},
	{"tmp", POLICY_KIND_SIZE, .max = TB, POOL(limits.tmp)},
	{"output", POLICY_KIND_SIZE, .min = 64 * KB, .max = TB, .fallback = 256 * MB, POOL(limits.output)},
	{"log", POLICY_KIND_SIZE, .min = 4 * KB, .max = TB, .fallback = 16 * MB, POOL(limits.log)},
	{0},
};

static const PolicyKey preload_entry[] = {
	{"", POLICY_KIND_MODULE, .min = 1, .max = POLICY_MODULE_SIZE - 1},
};

static const PolicyKey read_entry[] = {
	{"", POLICY_KIND_PATH, .min = 2, .max = POLICY_PATH_SIZE - 1},
};

static const PolicyKey packages_entry[] = {
	{"", POLICY_KIND_PATH, .min = 2, .max = POLICY_PATH_SIZE - 1},
};

static const char *const arrays_words[] = {[POLICY_ARRAYS_LIST] = "list", [POLICY_ARRAYS_NUMPY] = "numpy", NULL};
static const char *const reach_words[] = {[POLICY_REACH_HOST] = "host", [POLICY_REACH_NONE] = "none", NULL};

static const char *const null_words[] = {[POLICY_NULL_NONE] = "none", [POLICY_NULL_WRITE] = "write", NULL};

static const char *const contention_words[] = {
	[POLICY_CONTENTION_PAUSE] = "pause", [POLICY_CONTENTION_YIELD] = "yield", [POLICY_CONTENTION_SHARE] = "share", NULL};

static const PolicyKey pool_keys[] = {
	{"priority", POLICY_KIND_INTEGER, .max = 100, .fallback = 50, POOL(priority)},
	{"weight", POLICY_KIND_INTEGER, .min = 1, .max = 10000, .fallback = 100, POOL(weight)},
	{"slots", POLICY_KIND_INTEGER, .min = 1, .max = 1024, POOL(slots)},
	{"memory", POLICY_KIND_SIZE, .max = 1024 * TB, POOL(memory)},
	{"reserve", POLICY_KIND_SIZE, .min = MB, .max = TB, POOL(reserve)},
	{"on_contention", POLICY_KIND_WORD, .words = contention_words, POOL(contention)},
	{"queue", POLICY_KIND_MAP, .below = queue_keys},
	{"limits", POLICY_KIND_MAP, .below = limits_keys},
	{"preload", POLICY_KIND_LIST, .max = POLICY_PRELOADS_MAX, POOL(preload),
		.count_offset = offsetof(PolicyPool, preload_count), .below = preload_entry},
	{"packages", POLICY_KIND_LIST, .max = POLICY_PACKAGES_MAX, POOL(packages),
		.count_offset = offsetof(PolicyPool, package_count), .below = packages_entry},
	{"read", POLICY_KIND_LIST, .max = POLICY_READS_MAX, POOL(read),
		.count_offset = offsetof(PolicyPool, read_count), .below = read_entry},
	{"arrays", POLICY_KIND_WORD, .words = arrays_words, POOL(arrays)},
	{"idle_timeout", POLICY_KIND_DURATION, .min = SECOND, .max = 30 * DAY, .fallback = 10 * MINUTE,
		POOL(idle_timeout_ms)},
	{"spares", POLICY_KIND_INTEGER, .max = 64, .fallback = 1, POOL(spares)},
	{"fs", POLICY_KIND_WORD, .words = reach_words, POOL(fs)},
	{"net", POLICY_KIND_WORD, .words = reach_words, POOL(net)},
	{"dev_null", POLICY_KIND_WORD, .words = null_words, POOL(dev_null)},
	{0},
};

/* Which calls an entry is about: the fields of who, in a struct of the given type. */
#define SELECTOR(type, who)                                                                                            \
	{"function", POLICY_KIND_FUNCTION, .min = 3, .max = POLICY_FUNCTION_SIZE - 1, .offset = offsetof(type, who.function)}, \
	{"role", POLICY_KIND_NAME, .min = 1, .max = POLICY_NAME_SIZE - 1, .offset = offsetof(type, who.role)},             \
	{"database", POLICY_KIND_NAME, .min = 1, .max = POLICY_NAME_SIZE - 1, .offset = offsetof(type, who.database)},     \
	{"pool", POLICY_KIND_POOL, .offset = offsetof(type, who.pool)}

#define ENTRY_NAME(type)                                                                                               \
	{"name", POLICY_KIND_IDENTIFIER, .required = true, .min = 1, .max = POLICY_NAME_SIZE - 1, .offset = offsetof(type, name)}

static const PolicyKey assign_keys[] = {
	{"function", POLICY_KIND_FUNCTION, .min = 3, .max = POLICY_FUNCTION_SIZE - 1, ASSIGN(function)},
	{"role", POLICY_KIND_NAME, .min = 1, .max = POLICY_NAME_SIZE - 1, ASSIGN(role)},
	{"database", POLICY_KIND_NAME, .min = 1, .max = POLICY_NAME_SIZE - 1, ASSIGN(database)},
	{"pool", POLICY_KIND_POOL, .required = true, ASSIGN(pool)},
	{0},
};

static const PolicyKey cap_keys[] = {
	SELECTOR(PolicyCap, who),
	{"slots", POLICY_KIND_INTEGER, .min = 1, .max = 1024, CAP(slots)},
	{"memory", POLICY_KIND_SIZE, .min = MB, .max = 1024 * TB, CAP(memory)},
	{0},
};

static const char *const day_words[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};

static const PolicyKey filter_keys[] = {
	ENTRY_NAME(PolicyFilter),
	SELECTOR(PolicyFilter, who),
	{"days", POLICY_KIND_FLAGS, .words = day_words, FILTER(days)},
	{"hours", POLICY_KIND_HOURS, FILTER(from_min)},
	{"cost", POLICY_KIND_COST, .min = 1, .max = AMOUNT_MAX, FILTER(cost)},
	{"argument_size", POLICY_KIND_SIZE, .min = 1, .max = TB, FILTER(argument_size)},
	{"message", POLICY_KIND_TEXT, .min = 1, .max = POLICY_MESSAGE_SIZE - 1, FILTER(message)},
	{0},
};

static const PolicyKey metric_keys[] = {
	[POLICY_METRIC_ELAPSED] = {"elapsed", POLICY_KIND_DURATION, .min = 1, .max = 30 * DAY},
	[POLICY_METRIC_RUN_TIME] = {"run_time", POLICY_KIND_DURATION, .min = 1, .max = 30 * DAY},
	[POLICY_METRIC_QUEUE_TIME] = {"queue_time", POLICY_KIND_DURATION, .min = 1, .max = 30 * DAY},
	[POLICY_METRIC_CPU_TIME] = {"cpu_time", POLICY_KIND_DURATION, .min = 1, .max = 30 * DAY},
	[POLICY_METRIC_MEMORY] = {"memory", POLICY_KIND_SIZE, .min = 1, .max = 1024 * TB},
	[POLICY_METRIC_CALLS] = {"calls", POLICY_KIND_AMOUNT, .min = 1, .max = AMOUNT_MAX},
	[POLICY_METRIC_ROWS] = {"rows", POLICY_KIND_AMOUNT, .min = 1, .max = AMOUNT_MAX},
	[POLICY_METRIC_TEMP] = {"temp", POLICY_KIND_SIZE, .min = 1, .max = 1024 * TB},
	[POLICY_METRIC_COUNT] = {0},
};

static const char *const action_words[] = {
	[POLICY_ACTION_LOG] = "log",		   [POLICY_ACTION_DEMOTE] = "demote", [POLICY_ACTION_MOVE] = "move",
	[POLICY_ACTION_PAUSE] = "pause",	   [POLICY_ACTION_CANCEL] = "cancel", [POLICY_ACTION_KILL] = "kill",
	[POLICY_ACTION_QUARANTINE] = "quarantine", [POLICY_ACTION_COUNT] = NULL};

static const PolicyKey rule_keys[] = {
	ENTRY_NAME(PolicyRule),
	SELECTOR(PolicyRule, who),
	{"when", POLICY_KIND_TERMS, .required = true, .max = POLICY_TERMS_MAX, RULE(terms),
		.count_offset = offsetof(PolicyRule, term_count), .below = metric_keys},
	{"for", POLICY_KIND_DURATION, .max = DAY, RULE(for_ms)},
	{"action", POLICY_KIND_WORD, .required = true, .words = action_words, RULE(action)},
	{"priority", POLICY_KIND_INTEGER, .max = 100, .fallback = -1, RULE(priority)},
	{"to", POLICY_KIND_POOL, RULE(to)},
	{"after", POLICY_KIND_INTEGER, .min = 1, .max = 1000, .fallback = 1, RULE(after)},
	{"duration", POLICY_KIND_DURATION, .max = 30 * DAY, RULE(duration_ms)},
	{"cooldown", POLICY_KIND_DURATION, .max = DAY, .fallback = MINUTE, RULE(cooldown_ms)},
	{"dry_run", POLICY_KIND_SWITCH, RULE(dry_run)},
	{0},
};

static const char *const overdraft_words[] = {[POLICY_OVERDRAFT_LOG] = "log", [POLICY_OVERDRAFT_DEMOTE] = "demote",
	[POLICY_OVERDRAFT_REFUSE] = "refuse", NULL};

static const PolicyKey budget_keys[] = {
	ENTRY_NAME(PolicyBudget),
	SELECTOR(PolicyBudget, who),
	{"cpu_time", POLICY_KIND_DURATION, .required = true, .min = 1, .max = 365 * DAY, BUDGET(cpu_ms)},
	{"window", POLICY_KIND_DURATION, .required = true, .min = SECOND, .max = 31 * DAY, BUDGET(window_ms)},
	{"action", POLICY_KIND_WORD, .required = true, .words = overdraft_words, BUDGET(action)},
	{"priority", POLICY_KIND_INTEGER, .max = 100, .fallback = -1, BUDGET(priority)},
	{0},
};

#define ENTRIES(type, field, count)                                                                                    \
	.offset = offsetof(Policy, field), .count_offset = offsetof(Policy, count), .stride = sizeof(type),                \
	.line_offset = offsetof(type, line)

const PolicyKey policy_keys[] = {
	{"version", POLICY_KIND_VERSION, .required = true},
	{"node", POLICY_KIND_NODE, .below = node_keys},
	{"require", POLICY_KIND_LAYERS, NODE(require)},
	{"pools", POLICY_KIND_POOLS, .required = true, .max = POLICY_POOLS_MAX, .below = pool_keys},
	{"assign", POLICY_KIND_ASSIGNS, .max = POLICY_ASSIGNS_MAX, .below = assign_keys, .check = policy_check_assign,
		ENTRIES(PolicyAssign, assigns, assign_count)},
	{"caps", POLICY_KIND_ENTRIES, .max = POLICY_CAPS_MAX, .below = cap_keys, .check = policy_check_cap,
		ENTRIES(PolicyCap, caps, cap_count)},
	{"filters", POLICY_KIND_ENTRIES, .max = POLICY_FILTERS_MAX, .below = filter_keys, .check = policy_check_filter,
		ENTRIES(PolicyFilter, filters, filter_count)},
	{"rules", POLICY_KIND_ENTRIES, .max = POLICY_RULES_MAX, .below = rule_keys, .check = policy_check_rule,
		ENTRIES(PolicyRule, rules, rule_count)},
	{"budgets", POLICY_KIND_ENTRIES, .max = POLICY_BUDGETS_MAX, .below = budget_keys, .check = policy_check_budget,
		ENTRIES(PolicyBudget, budgets, budget_count)},
	{0},
};
/* clang-format on */

const char *
policy_metric_name(PolicyMetric metric)
{
	return metric_keys[metric].name;
}

const char *
policy_action_name(PolicyAction action)
{
	return action_words[action];
}

const char *
policy_overdraft_name(PolicyOverdraft action)
{
	return overdraft_words[action];
}
