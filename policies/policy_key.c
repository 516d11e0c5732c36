/*
 * policy_key.c - every key of a policy: kind, range, default, field, meaning.
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

#define DOC(kind, text) .effect = POLICY_EFFECT_##kind, .doc = text
#define OTHERWISE(text) .otherwise = text
#define COUNT(field) .count_offset = offsetof(PolicyPool, field)

/* clang-format off */
static const PolicyKey node_keys[] = {
	{"name", POLICY_KIND_LABEL, .min = 1, .max = POLICY_NAME_SIZE - 1, .fallback_text = "node0", NODE(node_name),
		DOC(ONCE, "Name of this server in views and events")},
	{"id", POLICY_KIND_INTEGER, .max = 16383, NODE(node_id),
		DOC(LATER, "Number of this server in the ids of calls; unique among the nodes")},
	/* A fallback of 0, here and below, lies outside the range: policy_check.c works the default out. */
	{"slots", POLICY_KIND_INTEGER, .min = 1, .max = 1024, NODE(node_slots), OTHERWISE("number of online cores"),
		DOC(SLOTS, "Calls that run Python at once; a call that waits for its own SQL does not count")},
	{"memory", POLICY_KIND_SIZE, .max = 1024 * TB, NODE(node_memory),
		DOC(BUDGET, "Memory of all interpreters together, kept by the kernel with cgroups, and what all calls together may reserve; 0: not capped, else at least 32MB")},
	{"weight", POLICY_KIND_INTEGER, .min = 1, .max = 10000, .fallback = 100, NODE(node_weight),
		DOC(ONCE, "Share of the CPU that all interpreters together have beside the server's own processes, whose is 100, where there is not enough for both; kept by the kernel with cgroups")},
	{"quantum", POLICY_KIND_DURATION, .min = 1, .max = 10 * SECOND, .fallback = 50, NODE(quantum_ms),
		DOC(ONCE, "How long a call runs, SQL not counted, before another of the same priority may have its slot; one of its pool that history says is far shorter may sooner")},
	{0},
};

static const PolicyKey queue_keys[] = {
	{"length", POLICY_KIND_INTEGER, .max = 10000, .fallback = 100, POOL(queue_length),
		DOC(QUEUE, "Calls that may wait; one more is refused with 53400")},
	{"timeout", POLICY_KIND_DURATION, .min = 10, .max = DAY, .fallback = MINUTE, POOL(queue_timeout_ms),
		DOC(ORDER, "Longest wait of a call for its first slot; then it ends with 57014")},
	{"ageing", POLICY_KIND_DURATION, .max = DAY, .fallback = 10 * SECOND, POOL(ageing_ms),
		DOC(ONCE, "The longest waiter goes out of turn after this; 0: never")},
	{0},
};

static const PolicyKey limits_keys[] = {
	{"memory", POLICY_KIND_SIZE, .min = 32 * MB, .max = TB, POOL(limits.memory),
		OTHERWISE("512MB, or what `pools.*.memory` and `node.memory` leave"),
		DOC(LIMIT, "Memory of one interpreter beside its zygote's; at most `pools.*.memory` and `node.memory`")},
	{"wall", POLICY_KIND_DURATION, .min = 10, .max = 30 * DAY, .fallback = 10 * MINUTE, POOL(limits.wall_ms),
		DOC(LIMIT, "Time that one call may take, SQL included; time in the queue or paused does not count")},
	{"cpu_time", POLICY_KIND_DURATION, .max = 30 * DAY, POOL(limits.cpu_ms),
		DOC(LIMIT, "CPU time that Python may use in one call; 0: as the other limits have it")},
	{"cpu", POLICY_KIND_PERCENT, .min = 1, .max = 102400, .fallback = 100, POOL(limits.cpu_percent),
		DOC(LIMIT, "CPU of one interpreter, kept by the kernel with cgroups; 100% is one core")},
	{"pids", POLICY_KIND_INTEGER, .min = 4, .max = 4096, .fallback = 64, POOL(limits.pids),
		DOC(LIMIT, "Threads and processes of one interpreter")},
	{"tmp", POLICY_KIND_SIZE, .max = TB, POOL(limits.tmp),
		DOC(LIMIT, "Size of an interpreter's private /tmp, in memory; 0: none")},
	{"output", POLICY_KIND_SIZE, .min = 64 * KB, .max = TB, .fallback = 256 * MB, POOL(limits.output),
		DOC(LIMIT, "Size of what one call sends back: results, SQL, messages")},
	{"log", POLICY_KIND_SIZE, .min = 4 * KB, .max = TB, .fallback = 16 * MB, POOL(limits.log),
		DOC(LIMIT, "Size of the messages of one call, `plpy.log` and its kin; each counts 128 bytes more")},
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
	{"priority", POLICY_KIND_INTEGER, .max = 100, .fallback = 50, POOL(priority),
		DOC(ORDER, "Tier; the higher goes first, always")},
	{"weight", POLICY_KIND_INTEGER, .min = 1, .max = 10000, .fallback = 100, POOL(weight),
		DOC(ORDER, "Share of the slots among pools of equal priority")},
	{"slots", POLICY_KIND_INTEGER, .min = 1, .max = 1024, POOL(slots), OTHERWISE("`node.slots`"),
		DOC(SLOTS, "Calls of the pool that run Python at once; at most `node.slots`")},
	{"memory", POLICY_KIND_SIZE, .max = 1024 * TB, POOL(memory),
		DOC(BUDGET, "What all calls of the pool together may reserve, at most `node.memory`; 0: as `node.memory` has it, else at least 32MB. Paused calls keep what they reserved: give pools of long calls less than `node.memory`, so that better ones find some")},
	{"reserve", POLICY_KIND_SIZE, .min = MB, .max = TB, POOL(reserve), OTHERWISE("`limits.memory`"),
		DOC(LATER, "Reserved for a call of a function without history; at most `limits.memory`")},
	{"on_contention", POLICY_KIND_WORD, .words = contention_words, POOL(contention),
		DOC(ORDER, "What running calls do while better ones wait: stand still, run on to the end of the call or batch, or run on without a slot at the kernel's lowest weight")},
	{"queue", POLICY_KIND_MAP, .below = queue_keys, .doc = "Of calls that wait"},
	{"limits", POLICY_KIND_MAP, .below = limits_keys, .doc = "Of one call and of one interpreter"},
	{"preload", POLICY_KIND_LIST, .max = POLICY_PRELOADS_MAX, POOL(preload), COUNT(preload_count), .below = preload_entry,
		DOC(LIMIT, "Python modules imported once for all interpreters of the pool")},
	{"packages", POLICY_KIND_LIST, .max = POLICY_PACKAGES_MAX, POOL(packages), COUNT(package_count), .below = packages_entry,
		DOC(LIMIT, "Folders put on `sys.path`, read-only")},
	{"read", POLICY_KIND_LIST, .max = POLICY_READS_MAX, POOL(read), COUNT(read_count), .below = read_entry,
		DOC(LIMIT, "Folders shown read-only and noexec at their own place in a private root")},
	{"arrays", POLICY_KIND_WORD, .words = arrays_words, POOL(arrays),
		DOC(LIMIT, "How arrays of fixed-width elements without nulls reach Python")},
	{"idle_timeout", POLICY_KIND_DURATION, .min = SECOND, .max = 30 * DAY, .fallback = 10 * MINUTE, POOL(idle_timeout_ms),
		DOC(LIMIT, "A session's interpreter that has run nothing for so long ends")},
	{"spares", POLICY_KIND_INTEGER, .max = 64, .fallback = 1, POOL(spares),
		DOC(SPARES, "Warm interpreters kept ready for each language in use")},
	{"fs", POLICY_KIND_WORD, .words = reach_words, POOL(fs),
		DOC(LIMIT, "For `pyboxu` only: the host's files, the data directory hidden, or a private root")},
	{"net", POLICY_KIND_WORD, .words = reach_words, POOL(net),
		DOC(LIMIT, "For `pyboxu` only: the host's network, or none")},
	{"dev_null", POLICY_KIND_WORD, .words = null_words, POOL(dev_null),
		DOC(LIMIT, "Whether `/dev/null` of a private root can be opened")},
	{0},
};

/* Which calls an entry is about: the fields of who, in a struct of the given type. */
#define SELECTOR(type, who, kind)                                                                                      \
	{"function", POLICY_KIND_FUNCTION, .min = 3, .max = POLICY_FUNCTION_SIZE - 1, .offset = offsetof(type, who.function), \
		DOC(kind, "Calls of this function, as `schema.name`")},                                                        \
	{"role", POLICY_KIND_NAME, .min = 1, .max = POLICY_NAME_SIZE - 1, .offset = offsetof(type, who.role),              \
		DOC(kind, "Calls by this role and its members")},                                                              \
	{"database", POLICY_KIND_NAME, .min = 1, .max = POLICY_NAME_SIZE - 1, .offset = offsetof(type, who.database),      \
		DOC(kind, "Calls in this database")},                                                                          \
	{"pool", POLICY_KIND_POOL, .offset = offsetof(type, who.pool), DOC(kind, "Calls of this pool")}

#define ENTRY_NAME(type, kind)                                                                                         \
	{"name", POLICY_KIND_IDENTIFIER, .required = true, .min = 1, .max = POLICY_NAME_SIZE - 1,                          \
		.offset = offsetof(type, name), DOC(kind, "Its name in views, events and errors; unique")}

static const PolicyKey assign_keys[] = {
	{"function", POLICY_KIND_FUNCTION, .min = 3, .max = POLICY_FUNCTION_SIZE - 1, ASSIGN(function),
		DOC(ASSIGN, "Calls of this function, as `schema.name`")},
	{"role", POLICY_KIND_NAME, .min = 1, .max = POLICY_NAME_SIZE - 1, ASSIGN(role),
		DOC(ASSIGN, "Calls by this role and its members")},
	{"database", POLICY_KIND_NAME, .min = 1, .max = POLICY_NAME_SIZE - 1, ASSIGN(database),
		DOC(ASSIGN, "Calls in this database")},
	{"pool", POLICY_KIND_POOL, .required = true, ASSIGN(pool), DOC(ASSIGN, "The pool that they get")},
	{0},
};

static const PolicyKey cap_keys[] = {
	SELECTOR(PolicyCap, who, ORDER),
	{"slots", POLICY_KIND_INTEGER, .min = 1, .max = 1024, CAP(slots), OTHERWISE("any"),
		DOC(SLOTS, "These calls that run Python at once; at most `node.slots`")},
	{"memory", POLICY_KIND_SIZE, .min = MB, .max = 1024 * TB, CAP(memory), OTHERWISE("any"),
		DOC(BUDGET, "What these calls together may reserve; at most `node.memory`")},
	{0},
};

static const char *const day_words[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};

static const PolicyKey filter_keys[] = {
	ENTRY_NAME(PolicyFilter, FILTER),
	SELECTOR(PolicyFilter, who, FILTER),
	{"days", POLICY_KIND_FLAGS, .words = day_words, FILTER(days), OTHERWISE("every day"),
		DOC(FILTER, "On these days, by the server's clock and `log_timezone`; after midnight it is the next day")},
	{"hours", POLICY_KIND_HOURS, FILTER(from_min), OTHERWISE("all day"),
		DOC(FILTER, "At these hours; `22:00-06:00` goes over midnight, `24:00` is the day's end")},
	{"cost", POLICY_KIND_COST, .min = 1, .max = AMOUNT_MAX, FILTER(cost), OTHERWISE("any"),
		DOC(FILTER, "The planner's total cost of the statement, or of a query in it that is dearer, is above this")},
	{"argument_size", POLICY_KIND_SIZE, .min = 1, .max = TB, FILTER(argument_size), OTHERWISE("any"),
		DOC(FILTER, "All arguments of the call together are larger than this")},
	{"message", POLICY_KIND_TEXT, .min = 1, .max = POLICY_MESSAGE_SIZE - 1, FILTER(message), OTHERWISE("none"),
		DOC(FILTER, "For the hint of the error: what to do instead")},
	{0},
};

static const PolicyKey metric_keys[] = {
	[POLICY_METRIC_ELAPSED] = {"elapsed", POLICY_KIND_DURATION, .min = 1, .max = 30 * DAY,
		.doc = "Time since the call came, queue and pauses included"},
	[POLICY_METRIC_RUN_TIME] = {"run_time", POLICY_KIND_DURATION, .min = 1, .max = 30 * DAY,
		.doc = "Time with a slot or in SQL, pauses excluded"},
	[POLICY_METRIC_QUEUE_TIME] = {"queue_time", POLICY_KIND_DURATION, .min = 1, .max = 30 * DAY,
		.doc = "Time that it waited for its first slot"},
	[POLICY_METRIC_CPU_TIME] = {"cpu_time", POLICY_KIND_DURATION, .min = 1, .max = 30 * DAY,
		.doc = "CPU time of its Python"},
	[POLICY_METRIC_MEMORY] = {"memory", POLICY_KIND_SIZE, .min = 1, .max = 1024 * TB,
		.doc = "Memory that its interpreter holds now"},
	[POLICY_METRIC_CALLS] = {"calls", POLICY_KIND_AMOUNT, .min = 1, .max = AMOUNT_MAX,
		.doc = "Calls of the function by the statement so far"},
	[POLICY_METRIC_ROWS] = {"rows", POLICY_KIND_AMOUNT, .min = 1, .max = AMOUNT_MAX,
		.doc = "Rows that its set has returned so far"},
	[POLICY_METRIC_TEMP] = {"temp", POLICY_KIND_SIZE, .min = 1, .max = 1024 * TB,
		.doc = "Bytes in its private /tmp"},
	[POLICY_METRIC_COUNT] = {0},
};

static const char *const action_words[] = {
	[POLICY_ACTION_LOG] = "log",		   [POLICY_ACTION_DEMOTE] = "demote", [POLICY_ACTION_MOVE] = "move",
	[POLICY_ACTION_PAUSE] = "pause",	   [POLICY_ACTION_CANCEL] = "cancel", [POLICY_ACTION_KILL] = "kill",
	[POLICY_ACTION_QUARANTINE] = "quarantine", [POLICY_ACTION_COUNT] = NULL};

static const PolicyKey rule_keys[] = {
	ENTRY_NAME(PolicyRule, RULE),
	SELECTOR(PolicyRule, who, LATER),
	{"when", POLICY_KIND_TERMS, .required = true, .max = POLICY_TERMS_MAX, RULE(terms),
		.count_offset = offsetof(PolicyRule, term_count), .below = metric_keys,
		DOC(RULE, "Values that the call must be above, each of them")},
	{"for", POLICY_KIND_DURATION, .max = DAY, RULE(for_ms),
		DOC(RULE, "How long that must have been so; 0: at once")},
	{"action", POLICY_KIND_WORD, .required = true, .words = action_words, RULE(action),
		DOC(RULE, "What is done to the call; of several rules the most severe, in the order of the words")},
	{"priority", POLICY_KIND_INTEGER, .max = 100, .fallback = -1, RULE(priority), OTHERWISE("required by `demote`"),
		DOC(RULE, "Of `demote`: the call's priority from now on")},
	{"to", POLICY_KIND_POOL, RULE(to), OTHERWISE("required by `move`"), DOC(RULE, "Of `move`: the call's pool from now on")},
	{"after", POLICY_KIND_INTEGER, .min = 1, .max = 1000, .fallback = 1, RULE(after),
		DOC(RULE, "Of `quarantine`: the how manieth such call of the function, with the same body, has it refused; all are cancelled")},
	{"duration", POLICY_KIND_DURATION, .max = 30 * DAY, RULE(duration_ms), OTHERWISE("required by `quarantine`, else 0"),
		DOC(RULE, "Of `quarantine`: how long the function is refused; of `pause`: how long the call stands still, 0: until somebody resumes it")},
	{"cooldown", POLICY_KIND_DURATION, .max = DAY, .fallback = MINUTE, RULE(cooldown_ms),
		DOC(RULE, "Time to the next action of the rule on the same call")},
	{"dry_run", POLICY_KIND_SWITCH, RULE(dry_run), DOC(RULE, "Only an event says what would have been done")},
	{0},
};

static const char *const overdraft_words[] = {[POLICY_OVERDRAFT_LOG] = "log", [POLICY_OVERDRAFT_DEMOTE] = "demote",
	[POLICY_OVERDRAFT_REFUSE] = "refuse", NULL};

static const PolicyKey budget_keys[] = {
	ENTRY_NAME(PolicyBudget, OVERDRAFT),
	SELECTOR(PolicyBudget, who, OVERDRAFT),
	{"cpu_time", POLICY_KIND_DURATION, .required = true, .min = 1, .max = 365 * DAY, BUDGET(cpu_ms),
		DOC(OVERDRAFT, "CPU time that these calls may use together; with `role`, each role has as much for itself")},
	{"window", POLICY_KIND_DURATION, .required = true, .min = SECOND, .max = 31 * DAY, BUDGET(window_ms),
		DOC(WINDOW, "In so much time, at every moment the last such stretch")},
	{"action", POLICY_KIND_WORD, .required = true, .words = overdraft_words, BUDGET(action),
		DOC(OVERDRAFT, "What is done to calls that start when it is used up")},
	{"priority", POLICY_KIND_INTEGER, .max = 100, .fallback = -1, BUDGET(priority), OTHERWISE("required by `demote`"),
		DOC(OVERDRAFT, "Of `demote`: the priority of these calls")},
	{0},
};

#define ENTRIES(type, field, count)                                                                                    \
	.offset = offsetof(Policy, field), .count_offset = offsetof(Policy, count), .stride = sizeof(type),                \
	.line_offset = offsetof(type, line)

const PolicyKey policy_keys[] = {
	{"version", POLICY_KIND_VERSION, .required = true, DOC(ONCE, "Version of this format: 1")},
	{"node", POLICY_KIND_NODE, .below = node_keys, .doc = "This server"},
	{"require", POLICY_KIND_LAYERS, NODE(require),
		OTHERWISE("all but `cgroup_namespace`, `cgroup_memory`, `cgroup_pids`, `cgroup_cpu`"),
		DOC(LAYERS, "Layers of the sandbox without which trusted calls are refused; `no_new_privs`, `rlimits` and `seccomp` are so in any case, and of `root` and `landlock` one")},
	{"pools", POLICY_KIND_POOLS, .required = true, .max = POLICY_POOLS_MAX, .below = pool_keys,
		DOC(ASSIGN, "Classes of work, by their names")},
	{"assign", POLICY_KIND_ASSIGNS, .max = POLICY_ASSIGNS_MAX, .below = assign_keys, .check = policy_check_assign,
		ENTRIES(PolicyAssign, assigns, assign_count), OTHERWISE("everybody in the only pool"),
		DOC(ASSIGN, "Which calls get which pool")},
	{"caps", POLICY_KIND_ENTRIES, .max = POLICY_CAPS_MAX, .below = cap_keys, .check = policy_check_cap,
		ENTRIES(PolicyCap, caps, cap_count), DOC(CAP, "What some calls share, beside node and pool; all that hold for a call count")},
	{"filters", POLICY_KIND_ENTRIES, .max = POLICY_FILTERS_MAX, .below = filter_keys, .check = policy_check_filter,
		ENTRIES(PolicyFilter, filters, filter_count), DOC(FILTER, "Calls that are refused before they start, with 53400: those for which all holds that an entry says")},
	{"rules", POLICY_KIND_ENTRIES, .max = POLICY_RULES_MAX, .below = rule_keys, .check = policy_check_rule,
		ENTRIES(PolicyRule, rules, rule_count), DOC(RULES, "What is done to calls that run away")},
	{"budgets", POLICY_KIND_ENTRIES, .max = POLICY_BUDGETS_MAX, .below = budget_keys, .check = policy_check_budget,
		ENTRIES(PolicyBudget, budgets, budget_count), DOC(OVERDRAFT, "CPU time in a stretch of time")},
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
