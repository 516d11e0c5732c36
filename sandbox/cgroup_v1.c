/*
 * cgroup_v1.c - control groups version 1: a directory for each group below every controller. Runs in the launcher.
 *
 * DESIGN. libcgroup finds the controllers, makes groups, sets their limits and attaches processes. Reading, killing and
 * removing are plain files: libcgroup's reading takes every value of a group at once, it cannot kill, and its removal
 * moves processes to the parent instead of waiting for their end.
 */
#include "sandbox/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <libcgroup.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sandbox/cgroup_file.h"
#include "sandbox/layer.h"

#define V1_PERIOD_US 100000 /* the kernel's own cfs_period_us */
#define V1_SHARES_OF_WEIGHT(weight) ((weight) *INT64_C(1024) / 100)
#define V1_SHARES_MIN 2

typedef enum V1Controller
{
	V1_MEMORY,
	V1_PIDS,
	V1_CPU,
	V1_CPUACCT,
	V1_FREEZER,
	V1_COUNT
} V1Controller;

_Static_assert(V1_COUNT <= CGROUP_CONTROLLERS_MAX, "every controller has a root");

static const struct
{
	const char *name;
	uint32_t layer; /* LAYER_BIT, 0: only useful */
} v1_controllers[V1_COUNT] = {
	[V1_MEMORY] = {"memory", LAYER_BIT(LAYER_CGROUP_MEMORY)},
	[V1_PIDS] = {"pids", LAYER_BIT(LAYER_CGROUP_PIDS)},
	[V1_CPU] = {"cpu", LAYER_BIT(LAYER_CGROUP_CPU)},
	[V1_CPUACCT] = {"cpuacct", 0},
	[V1_FREEZER] = {"freezer", 0},
};

static int64_t
v1_memory(const CgroupLimits *limits)
{
	return limits->memory;
}

static int64_t
v1_pids(const CgroupLimits *limits)
{
	return limits->pids;
}

static int64_t
v1_quota(const CgroupLimits *limits)
{
	return (int64_t) limits->cpu_percent * (V1_PERIOD_US / 100);
}

static int64_t
v1_shares(const CgroupLimits *limits)
{
	int64_t shares = V1_SHARES_OF_WEIGHT(limits->cpu_weight);

	return limits->cpu_weight > 0 && shares < V1_SHARES_MIN ? V1_SHARES_MIN : shares;
}

/* In the order of writing: memory and swap together may not be less than memory alone. */
static const struct
{
	V1Controller controller;
	const char *file;
	int64_t (*value)(const CgroupLimits *limits); /* 0: leave the file alone */
	bool optional;								  /* not every kernel has the file */
} v1_limits[] = {
	{V1_MEMORY, "memory.limit_in_bytes", v1_memory, false},
	{V1_MEMORY, "memory.memsw.limit_in_bytes", v1_memory, true},
	{V1_PIDS, "pids.max", v1_pids, false},
	{V1_CPU, "cpu.cfs_quota_us", v1_quota, true},
	{V1_CPU, "cpu.shares", v1_shares, false},
};

/* libcgroup prints to stderr by itself otherwise; its errors come back as results and are worded by the caller. */
static void
v1_log_nothing(void *userdata, int level, const char *format, va_list arguments)
{
	(void) userdata, (void) level, (void) format, (void) arguments;
}

static int
v1_errno(int result)
{
	if (result == 0)
		return 0;
	if (result == ECGOTHER && cgroup_get_last_errno() > 0)
		return -cgroup_get_last_errno();
	return result == ECGROUPNOTALLOWED || result == ECGROUPNOTOWNER ? -EPERM : -EIO;
}

/* A controller counts when root has delegated its directory, that is, when we may write there. */
static int
v1_controller_find(Cgroup *cgroup, V1Controller controller)
{
	char *mount = NULL, *root = cgroup->roots[controller];
	int result;

	if (cgroup_get_subsys_mount_point(v1_controllers[controller].name, &mount) != 0)
		return -ENOENT;
	result = cgroup_file_path(root, mount, cgroup->name, "");
	free(mount);
	if (result == 0 && access(root, W_OK | X_OK) < 0)
		result = -errno;
	if (result < 0)
	{
		if (cgroup->why[0] == '\0')
			snprintf(cgroup->why, sizeof(cgroup->why), "%.200s: %s", root, strerror(-result));
		root[0] = '\0';
	}
	return result;
}

static int
v1_probe(Cgroup *cgroup)
{
	int found = 0;

	cgroup_set_logger(v1_log_nothing, CGROUP_LOG_ERROR, NULL);
	if (cgroup->name[0] == '\0' || cgroup_init() != 0)
		return -ENOSYS;
	for (int controller = 0; controller < V1_COUNT; controller++)
		if (v1_controller_find(cgroup, (V1Controller) controller) == 0)
		{
			cgroup->layers |= v1_controllers[controller].layer;
			found++;
		}
	return found > 0 ? 0 : -ENOENT;
}

/* libcgroup's idea of a group, with no values yet; NULL when out of memory. cgroup_free gives it back. */
static struct cgroup *
v1_group_open(const Cgroup *cgroup, const char *group)
{
	char name[CGROUP_PATH_SIZE];
	struct cgroup *handle;

	if (cgroup_file_path(name, cgroup->name, group, "") < 0)
		return NULL;
	handle = cgroup_new_cgroup(name);
	for (int controller = 0; handle != NULL && controller < V1_COUNT; controller++)
		if (cgroup->roots[controller][0] != '\0' &&
			cgroup_add_controller(handle, v1_controllers[controller].name) == NULL)
			cgroup_free(&handle);
	return handle;
}

static bool
v1_limit_applies(const Cgroup *cgroup, size_t limit, const char *group)
{
	char path[CGROUP_PATH_SIZE];
	const char *root = cgroup->roots[v1_limits[limit].controller];

	if (root[0] == '\0')
		return false;
	if (!v1_limits[limit].optional)
		return true;
	return cgroup_file_path(path, root, group, v1_limits[limit].file) == 0 && access(path, W_OK) == 0;
}

static int
v1_group_limit(const Cgroup *cgroup, const char *group, const CgroupLimits *limits)
{
	int result = 0;

	/* A higher limit may pass the old one of memory and swap together, which is written after it. */
	if (limits->memory != 0)
		(void) cgroup_file_write_number(cgroup->roots[V1_MEMORY], group, "memory.memsw.limit_in_bytes", -1);
	for (size_t i = 0; i < sizeof(v1_limits) / sizeof(v1_limits[0]) && result == 0; i++)
	{
		int64_t value = v1_limits[i].value(limits);

		if (value != 0 && v1_limit_applies(cgroup, i, group))
			result = cgroup_file_write_number(cgroup->roots[v1_limits[i].controller], group, v1_limits[i].file, value);
	}
	return result;
}

static int
v1_group_make(const Cgroup *cgroup, const char *group, const CgroupLimits *limits)
{
	struct cgroup *handle = v1_group_open(cgroup, group);
	int result;

	if (handle == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < sizeof(v1_limits) / sizeof(v1_limits[0]); i++)
	{
		int64_t value = v1_limits[i].value(limits);

		/* Whether the kernel has an optional file is seen above the group, which does not exist yet. */
		if (value != 0 && v1_limit_applies(cgroup, i, ""))
			cgroup_set_value_int64(cgroup_get_controller(handle, v1_controllers[v1_limits[i].controller].name),
								   v1_limits[i].file, value);
	}
	result = v1_errno(cgroup_create_cgroup(handle, 1));
	cgroup_free(&handle);
	return result;
}

static int
v1_group_attach(const Cgroup *cgroup, const char *group, pid_t pid)
{
	struct cgroup *handle = v1_group_open(cgroup, group);
	int result;

	if (handle == NULL)
		return -ENOMEM;
	result = v1_errno(cgroup_attach_task_pid(handle, pid));
	cgroup_free(&handle);
	return result;
}

static int
v1_group_doors(const Cgroup *cgroup, const char *group, int fds[CGROUP_CONTROLLERS_MAX])
{
	char path[CGROUP_PATH_SIZE];
	int count = 0, result = 0;

	for (int controller = 0; controller < V1_COUNT && result == 0; controller++)
	{
		if (cgroup->roots[controller][0] == '\0')
			continue;
		result = cgroup_file_path(path, cgroup->roots[controller], group, "tasks");
		if (result == 0)
			fds[count] = open(path, O_WRONLY | O_CLOEXEC);
		if (result == 0 && fds[count] < 0)
			result = -errno;
		if (result == 0)
			count++;
	}
	while (result < 0 && count > 0)
		close(fds[--count]);
	return result < 0 ? result : count;
}

static int
v1_group_holds(const Cgroup *cgroup, const char *group, pid_t pid)
{
	char wanted[16], tasks[32];

	snprintf(wanted, sizeof(wanted), "%d\n", (int) pid);
	for (int controller = 0; controller < V1_COUNT; controller++)
	{
		int result = cgroup->roots[controller][0] == '\0'
						 ? 0
						 : cgroup_file_read(cgroup->roots[controller], group, "tasks", tasks, sizeof(tasks));

		if (result < 0)
			return result;
		if (cgroup->roots[controller][0] != '\0' && strcmp(tasks, wanted) != 0)
			return -ESRCH;
	}
	return 0;
}

static int
v1_group_usage(const Cgroup *cgroup, const char *group, CgroupUsage *usage)
{
	const char *memory = cgroup->roots[V1_MEMORY], *cpu = cgroup->roots[V1_CPUACCT];

	if (memory[0] == '\0')
		return -ENOSYS;
	usage->memory = cgroup_file_number(memory, group, "memory.usage_in_bytes");
	usage->memory_peak = cgroup_file_number(memory, group, "memory.max_usage_in_bytes");
	usage->oom_kills = cgroup_file_keyed(memory, group, "memory.oom_control", "oom_kill");
	usage->cpu_ns = cpu[0] == '\0' ? 0 : cgroup_file_number(cpu, group, "cpuacct.usage");
	return 0;
}

static uint64_t
v1_group_throttled(const Cgroup *cgroup, const char *group)
{
	return cgroup_file_keyed(cgroup->roots[V1_CPU], group, "cpu.stat", "nr_throttled");
}

static int
v1_group_freeze(const Cgroup *cgroup, const char *group)
{
	const char *root = cgroup->roots[V1_FREEZER];

	return root[0] == '\0' ? -ENOSYS : cgroup_file_write(root, group, "freezer.state", "FROZEN");
}

static int
v1_thaw(const char *root, const char *group)
{
	return cgroup_file_write(root, group, "freezer.state", "THAWED");
}

static int
v1_group_thaw(const Cgroup *cgroup, const char *group)
{
	const char *root = cgroup->roots[V1_FREEZER];

	return root[0] == '\0' ? -ENOSYS : v1_thaw(root, group);
}

static int
v1_thaw_anyhow(const char *root, const char *group)
{
	(void) v1_thaw(root, group);
	return 0;
}

/* A frozen process does not die before it is thawed. */

static int
v1_group_kill(const Cgroup *cgroup, const char *group)
{
	for (int controller = 0; controller < V1_COUNT; controller++)
		if (cgroup->roots[controller][0] != '\0')
			(void) cgroup_file_walk(cgroup->roots[controller], group, cgroup_file_kill);
	if (cgroup->roots[V1_FREEZER][0] != '\0')
		(void) cgroup_file_walk(cgroup->roots[V1_FREEZER], group, v1_thaw_anyhow);
	return 0;
}

static int
v1_group_remove(const Cgroup *cgroup, const char *group)
{
	int result = 0;

	for (int controller = 0; controller < V1_COUNT; controller++)
		if (cgroup->roots[controller][0] != '\0')
		{
			int removed = cgroup_file_walk(cgroup->roots[controller], group, cgroup_file_remove);

			if (removed < 0)
				result = removed;
		}
	return result;
}

const CgroupBackend cgroup_v1 = {
	.name = "v1",
	.whole = "", /* the server is outside of the delegated directory */
	.probe = v1_probe,
	.group_make = v1_group_make,
	.group_limit = v1_group_limit,
	.group_attach = v1_group_attach,
	.group_doors = v1_group_doors,
	.group_holds = v1_group_holds,
	.group_usage = v1_group_usage,
	.group_throttled = v1_group_throttled,
	.group_freeze = v1_group_freeze,
	.group_thaw = v1_group_thaw,
	.group_kill = v1_group_kill,
	.group_remove = v1_group_remove,
};
