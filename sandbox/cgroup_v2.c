/*
 * cgroup_v2.c - control groups version 2: one tree, plain files. Runs in the launcher.
 *
 * DESIGN. Root delegates a directory with the controllers enabled for its children, and the server lives in it, since a
 * process may move only below an ancestor of both places whose cgroup.procs the mover may write. The kernel gives no
 * controllers to the children of a group that holds processes itself: a server that a service manager started right
 * there is moved on into a child, V2_SERVER. A pool's group enables the controllers for its own children in turn.
 */
#include "sandbox/cgroup.h"

#include <errno.h>
#include <mntent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/cgroup_file.h"
#include "sandbox/layer.h"

#define V2_PERIOD_US 100000
#define V2_ROOT 0 /* the only one of Cgroup.roots in use */
#define V2_SERVER "server"
#define V2_SERVER_TRIES 100 /* processes that are forked meanwhile start where their parents were */

static const struct
{
	const char *name;
	const char *enable;
	uint32_t layer;
} v2_controllers[] = {
	{"memory", "+memory", LAYER_BIT(LAYER_CGROUP_MEMORY)},
	{"pids", "+pids", LAYER_BIT(LAYER_CGROUP_PIDS)},
	{"cpu", "+cpu", LAYER_BIT(LAYER_CGROUP_CPU)},
};

#define V2_CONTROLLERS (sizeof(v2_controllers) / sizeof(v2_controllers[0]))

/* The limits as texts; false: leave the file alone. */
static bool
v2_memory(const CgroupLimits *limits, char *text, size_t size)
{
	return limits->memory < 0	? snprintf(text, size, "max") > 0
		   : limits->memory > 0 ? snprintf(text, size, "%lld", (long long) limits->memory) > 0
								: false;
}

static bool
v2_swap(const CgroupLimits *limits, char *text, size_t size)
{
	return limits->memory > 0 && snprintf(text, size, "0") > 0;
}

static bool
v2_pids(const CgroupLimits *limits, char *text, size_t size)
{
	return limits->pids > 0 && snprintf(text, size, "%d", limits->pids) > 0;
}

static bool
v2_quota(const CgroupLimits *limits, char *text, size_t size)
{
	return limits->cpu_percent > 0 &&
		   snprintf(text, size, "%lld %d", (long long) limits->cpu_percent * (V2_PERIOD_US / 100), V2_PERIOD_US) > 0;
}

static bool
v2_weight(const CgroupLimits *limits, char *text, size_t size)
{
	return limits->cpu_weight > 0 && snprintf(text, size, "%d", limits->cpu_weight) > 0;
}

static const struct
{
	uint32_t layer;
	const char *file;
	bool (*value)(const CgroupLimits *limits, char *text, size_t size);
	bool optional; /* not every kernel has the file */
} v2_limits[] = {
	{LAYER_BIT(LAYER_CGROUP_MEMORY), "memory.max", v2_memory, false},
	{LAYER_BIT(LAYER_CGROUP_MEMORY), "memory.swap.max", v2_swap, true},
	{LAYER_BIT(LAYER_CGROUP_PIDS), "pids.max", v2_pids, false},
	{LAYER_BIT(LAYER_CGROUP_CPU), "cpu.max", v2_quota, true},
	{LAYER_BIT(LAYER_CGROUP_CPU), "cpu.weight", v2_weight, false},
};

static int
v2_mount_find(char *path, size_t size)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *mount;
	int result = -ENOENT;

	if (mounts == NULL)
		return -errno;
	while (result == -ENOENT && (mount = getmntent(mounts)) != NULL)
		if (strcmp(mount->mnt_type, "cgroup2") == 0)
			result = snprintf(path, size, "%s", mount->mnt_dir) < (int) size ? 0 : -ENAMETOOLONG;
	endmntent(mounts);
	return result;
}

static bool
v2_word_find(const char *text, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = strstr(text, word); at != NULL; at = strstr(at + 1, word))
		if ((at == text || at[-1] == ' ') && strchr(" \n", at[length]) != NULL)
			return true;
	return false;
}

/* Enables what can be enabled for the children of group; returns the layers that are. */
static uint32_t
v2_controllers_enable(const char *root, const char *group)
{
	char text[256];
	uint32_t layers = 0;

	for (size_t i = 0; i < V2_CONTROLLERS; i++)
		(void) cgroup_file_write(root, group, "cgroup.subtree_control", v2_controllers[i].enable);
	if (cgroup_file_read(root, group, "cgroup.subtree_control", text, sizeof(text)) < 0)
		return 0;
	for (size_t i = 0; i < V2_CONTROLLERS; i++)
		if (v2_word_find(text, v2_controllers[i].name))
			layers |= v2_controllers[i].layer;
	return layers;
}

/* Moves the group's own processes into its child V2_SERVER, until there are none. Theirs is the server's user or root's. */
static int
v2_server_move(const char *root)
{
	char path[CGROUP_PATH_SIZE], text[4096];
	int result = cgroup_file_path(path, root, V2_SERVER, "");

	if (result == 0 && mkdir(path, 0755) < 0 && errno != EEXIST)
		result = -errno;
	for (int try = 0; try < V2_SERVER_TRIES && result == 0; try++)
	{
		char *rest = text;

		result = cgroup_file_read(root, "", "cgroup.procs", text, sizeof(text));
		if (result < 0 || text[0] == '\0')
			return result;
		/* The last number may be cut off: the next read begins with it. One that has ended is no longer there. */
		for (char *end = strchr(rest, '\n'); end != NULL && result == 0; rest = end + 1, end = strchr(rest, '\n'))
		{
			result = cgroup_file_write_number(root, V2_SERVER, "cgroup.procs", strtol(rest, NULL, 10));
			result = result == -ESRCH ? 0 : result;
		}
	}
	return result == 0 ? -EBUSY : result;
}

/* True when the group has processes of its own, which stand in the way of its children's controllers. */
static bool
v2_is_inhabited(const char *root)
{
	char text[32];

	return cgroup_file_read(root, "", "cgroup.procs", text, sizeof(text)) == 0 && text[0] != '\0';
}

/* Says which controllers the delegated directory did not get from the one above it. */
static void
v2_missing_name(Cgroup *cgroup)
{
	int used = 0;

	for (size_t i = 0; i < V2_CONTROLLERS; i++)
		if ((cgroup->layers & v2_controllers[i].layer) == 0)
			used += snprintf(cgroup->why + used, sizeof(cgroup->why) - (size_t) used, "%s %s",
							 used > 0 ? "," : "controllers not given to it:", v2_controllers[i].name);
	if (used > 0)
		snprintf(cgroup->why + used, sizeof(cgroup->why) - (size_t) used, " (%.160s)", cgroup->roots[V2_ROOT]);
}

/* Enables the controllers of the delegated directory, and says in why what keeps it from having them. */
static int
v2_root_open(Cgroup *cgroup)
{
	const char *root = cgroup->roots[V2_ROOT];
	int result = v2_is_inhabited(root) ? v2_server_move(root) : 0;

	if (result < 0)
		snprintf(cgroup->why, sizeof(cgroup->why), "%.160s: the server cannot be moved into " V2_SERVER ": %s", root,
				 strerror(-result));
	else
	{
		cgroup->layers = v2_controllers_enable(root, "");
		v2_missing_name(cgroup);
	}
	return result == 0 && cgroup->layers == 0 ? -ENOENT : result;
}

/* On a hybrid machine version 2 is mounted, but has no controllers: then it is of no use. */
static int
v2_probe(Cgroup *cgroup)
{
	char mount[CGROUP_PATH_SIZE], text[256], *root = cgroup->roots[V2_ROOT];
	int result;

	if (cgroup->name[0] == '\0' || v2_mount_find(mount, sizeof(mount)) < 0 ||
		cgroup_file_read(mount, "", "cgroup.controllers", text, sizeof(text)) < 0 ||
		!v2_word_find(text, v2_controllers[0].name))
		return -ENOSYS;
	result = cgroup_file_path(root, mount, cgroup->name, "");
	if (result < 0)
		return result;
	if (access(root, W_OK | X_OK) < 0)
	{
		result = -errno;
		snprintf(cgroup->why, sizeof(cgroup->why), "%.200s: %s", root, strerror(-result));
		return result;
	}
	return v2_root_open(cgroup);
}

static int
v2_group_limit(const Cgroup *cgroup, const char *group, const CgroupLimits *limits)
{
	int result = 0;

	for (size_t i = 0; i < sizeof(v2_limits) / sizeof(v2_limits[0]) && result == 0; i++)
	{
		char text[64];

		if ((cgroup->layers & v2_limits[i].layer) == 0 || !v2_limits[i].value(limits, text, sizeof(text)))
			continue;
		result = cgroup_file_write(cgroup->roots[V2_ROOT], group, v2_limits[i].file, text);
		if (result == -ENOENT && v2_limits[i].optional)
			result = 0;
	}
	return result;
}

/* Only groups of the last level hold processes: the others' children may have controllers. */
static int
v2_group_make(const Cgroup *cgroup, const char *group, const CgroupLimits *limits)
{
	char path[CGROUP_PATH_SIZE];
	int result = cgroup_file_path(path, cgroup->roots[V2_ROOT], group, "");

	if (result == 0 && mkdir(path, 0755) < 0 && errno != EEXIST)
		result = -errno;
	if (result == 0 && (strchr(group, '/') == NULL || strchr(group, '/') == strrchr(group, '/')))
		(void) v2_controllers_enable(cgroup->roots[V2_ROOT], group);
	return result == 0 ? v2_group_limit(cgroup, group, limits) : result;
}

static int
v2_group_attach(const Cgroup *cgroup, const char *group, pid_t pid)
{
	return cgroup_file_write_number(cgroup->roots[V2_ROOT], group, "cgroup.procs", pid);
}

/* Here the kernel moves whole processes only, whoever asks. */
static int
v2_group_doors(const Cgroup *cgroup, const char *group, int fds[CGROUP_CONTROLLERS_MAX])
{
	(void) cgroup, (void) group, (void) fds;
	return 0;
}

static int
v2_group_holds(const Cgroup *cgroup, const char *group, pid_t pid)
{
	(void) cgroup, (void) group, (void) pid;
	return 0;
}

static int
v2_group_usage(const Cgroup *cgroup, const char *group, CgroupUsage *usage)
{
	const char *root = cgroup->roots[V2_ROOT];

	if ((cgroup->layers & LAYER_BIT(LAYER_CGROUP_MEMORY)) == 0)
		return -ENOSYS;
	usage->memory = cgroup_file_number(root, group, "memory.current");
	usage->memory_peak = cgroup_file_number(root, group, "memory.peak"); /* 0 before Linux 5.19 */
	usage->oom_kills = cgroup_file_keyed(root, group, "memory.events", "oom_kill");
	usage->cpu_ns = cgroup_file_keyed(root, group, "cpu.stat", "usage_usec") * 1000;
	return 0;
}

static uint64_t
v2_group_throttled(const Cgroup *cgroup, const char *group)
{
	return cgroup_file_keyed(cgroup->roots[V2_ROOT], group, "cpu.stat", "nr_throttled");
}

static int
v2_group_freeze(const Cgroup *cgroup, const char *group)
{
	return cgroup_file_write(cgroup->roots[V2_ROOT], group, "cgroup.freeze", "1");
}

static int
v2_group_thaw(const Cgroup *cgroup, const char *group)
{
	return cgroup_file_write(cgroup->roots[V2_ROOT], group, "cgroup.freeze", "0");
}

/* cgroup.kill, since Linux 5.14, takes frozen processes and new forks as well, and all below. */
static int
v2_group_kill(const Cgroup *cgroup, const char *group)
{
	const char *root = cgroup->roots[V2_ROOT];
	int result = cgroup_file_write(root, group, "cgroup.kill", "1");

	if (result == 0)
		return 0;
	result = cgroup_file_walk(root, group, cgroup_file_kill);
	(void) v2_group_thaw(cgroup, group);
	return result;
}

static int
v2_group_remove(const Cgroup *cgroup, const char *group)
{
	return cgroup_file_walk(cgroup->roots[V2_ROOT], group, cgroup_file_remove);
}

const CgroupBackend cgroup_v2 = {
	.name = "v2",
	.whole = CGROUP_TOP, /* beside V2_SERVER */
	.probe = v2_probe,
	.group_make = v2_group_make,
	.group_limit = v2_group_limit,
	.group_attach = v2_group_attach,
	.group_doors = v2_group_doors,
	.group_holds = v2_group_holds,
	.group_usage = v2_group_usage,
	.group_throttled = v2_group_throttled,
	.group_freeze = v2_group_freeze,
	.group_thaw = v2_group_thaw,
	.group_kill = v2_group_kill,
	.group_remove = v2_group_remove,
};
