/*
 * policy_key.c - every key of a policy: kind, range, default, field. README.md shows the same for readers.
 */
#include "policies/policy_key.h"

#define KB INT64_C(1024)
#define MB (1024 * KB)
#define GB (1024 * MB)
#define TB (1024 * GB)
#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define DAY (24 * 60 * MINUTE)

#define NODE(field) .offset = offsetof(Policy, field)
#define POOL(field) .offset = offsetof(PolicyPool, field)
#define ASSIGN(field) .offset = offsetof(PolicyAssign, field)

/* clang-format off */
static const PolicyKey node_keys[] = {
	{"name", POLICY_KIND_LABEL, .min = 1, .max = POLICY_NAME_SIZE - 1, .fallback_text = "node0", NODE(node_name)},
	{"id", POLICY_KIND_INTEGER, .max = 16383, NODE(node_id)},
	/* A fallback of 0, here and below, lies outside the range: policy_check.c works the default out. */
	{"slots", POLICY_KIND_INTEGER, .min = 1, .max = 1024, NODE(node_slots)},
	{"memory", POLICY_KIND_SIZE, .max = 1024 * TB, NODE(node_memory)},
	{0},
};

static const PolicyKey queue_keys[] = {
	{"length", POLICY_KIND_INTEGER, .max = 10000, .fallback = 100, POOL(queue_length)},
	{"timeout", POLICY_KIND_DURATION, .min = 10, .max = DAY, .fallback = MINUTE, POOL(queue_timeout_ms)},
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

static const PolicyKey pool_keys[] = {
	{"priority", POLICY_KIND_INTEGER, .max = 100, .fallback = 50, POOL(priority)},
	{"weight", POLICY_KIND_INTEGER, .min = 1, .max = 10000, .fallback = 100, POOL(weight)},
	{"slots", POLICY_KIND_INTEGER, .min = 1, .max = 1024, POOL(slots)},
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

static const PolicyKey assign_keys[] = {
	{"function", POLICY_KIND_FUNCTION, .min = 3, .max = POLICY_FUNCTION_SIZE - 1, ASSIGN(function)},
	{"role", POLICY_KIND_NAME, .min = 1, .max = POLICY_NAME_SIZE - 1, ASSIGN(role)},
	{"database", POLICY_KIND_NAME, .min = 1, .max = POLICY_NAME_SIZE - 1, ASSIGN(database)},
	{"pool", POLICY_KIND_POOL, .required = true, ASSIGN(pool)},
	{0},
};

const PolicyKey policy_keys[] = {
	{"version", POLICY_KIND_VERSION, .required = true},
	{"node", POLICY_KIND_NODE, .below = node_keys},
	{"require", POLICY_KIND_LAYERS, NODE(require)},
	{"pools", POLICY_KIND_POOLS, .required = true, .max = POLICY_POOLS_MAX, .below = pool_keys},
	{"assign", POLICY_KIND_ASSIGNS, .max = POLICY_ASSIGNS_MAX, .below = assign_keys},
	{0},
};
/* clang-format on */
