/*
 * launcher_plan.c - limits, readable folders and filter programs for one pool and language. Runs in the launcher.
 */
#include "sandbox/launcher_plan.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/jail_step.h"
#include "sandbox/launcher_memfd.h"
#include "sandbox/seccomp.h"

#define MIB (INT64_C(1) << 20)
/*
 * OpenBLAS hangs when it cannot reserve its buffers, which grow with the cores: below this much address space a limit
 * would do harm instead of good.
 */
#define ADDRESS_SPACE_FLOOR(cores) (768 * MIB + 128 * MIB * (cores))
#define NO_LIMIT (-1)

typedef struct PlanInput
{
	const Launcher *launcher;
	const PolicyPool *pool;
	bool trusted;
	const LauncherPlan *plan;
} PlanInput;

/* What it writes goes to its own /tmp or nowhere. */
static int64_t
limit_file_size(const PlanInput *input)
{
	if (!input->trusted)
		return NO_LIMIT;
	return input->plan->has_tmp ? input->pool->limits.tmp : 0;
}

/* Stands in for the cgroup, and only then: it counts what is reserved, not what is used. */
static int64_t
limit_address_space(const PlanInput *input)
{
	int64_t memory = input->pool->limits.memory, floor = ADDRESS_SPACE_FLOOR(sysconf(_SC_NPROCESSORS_ONLN));

	if ((input->launcher->layers & LAYER_BIT(LAYER_CGROUP_MEMORY)) != 0 || memory <= 0)
		return NO_LIMIT;
	return memory > floor ? memory : floor;
}

static int64_t
limit_descriptors(const PlanInput *input)
{
	return input->trusted ? 256 : 4096;
}

static int64_t
limit_none_at_all(const PlanInput *input)
{
	(void) input;
	return 0;
}

static int64_t
limit_locked(const PlanInput *input)
{
	return input->trusted ? 64 * 1024 : NO_LIMIT;
}

/* No RLIMIT_NPROC: it counts all processes of the server's user; pids are the cgroup's to cap. */
static const struct
{
	int resource;
	int64_t (*limit)(const PlanInput *input);
} plan_limits[] = {
	{RLIMIT_CORE, limit_none_at_all},	{RLIMIT_FSIZE, limit_file_size},  {RLIMIT_AS, limit_address_space},
	{RLIMIT_NOFILE, limit_descriptors}, {RLIMIT_MEMLOCK, limit_locked},	  {RLIMIT_MSGQUEUE, limit_none_at_all},
	{RLIMIT_RTPRIO, limit_none_at_all}, {RLIMIT_NICE, limit_none_at_all},
};

_Static_assert(sizeof(plan_limits) / sizeof(plan_limits[0]) <= LOCKDOWN_RLIMITS_MAX, "every limit has a place");

static void
plan_limits_put(const PlanInput *input, LockdownPlan *lockdown)
{
	for (size_t i = 0; i < sizeof(plan_limits) / sizeof(plan_limits[0]); i++)
	{
		int64_t limit = plan_limits[i].limit(input);

		if (limit != NO_LIMIT)
			lockdown->rlimits[lockdown->rlimit_count++] =
				(LockdownRlimit){.resource = plan_limits[i].resource, .limit = (uint64_t) limit};
	}
}

static int
plan_path_put(LockdownPlan *lockdown, const char *path)
{
	if (lockdown->path_count == LOCKDOWN_PATHS_MAX)
		return -E2BIG;
	if (snprintf(lockdown->paths[lockdown->path_count], LOCKDOWN_PATH_SIZE, "%s", path) >= LOCKDOWN_PATH_SIZE)
		return -ENAMETOOLONG;
	lockdown->path_count++;
	return 0;
}

/* Links are passed over: what they lead to is in the table itself. */
static int
plan_pattern_put(LockdownPlan *lockdown, const char *pattern)
{
	glob_t found;
	int result = 0;

	if (glob(pattern, GLOB_NOSORT, NULL, &found) != 0)
		return 0;
	for (size_t i = 0; i < found.gl_pathc && result == 0; i++)
	{
		struct stat status;

		if (lstat(found.gl_pathv[i], &status) == 0 && S_ISDIR(status.st_mode))
			result = plan_path_put(lockdown, found.gl_pathv[i]);
	}
	globfree(&found);
	return result;
}

static int
plan_paths_put(const PlanInput *input, LockdownPlan *lockdown)
{
	int result = 0;

	for (size_t i = 0; i < jail_path_count && result == 0; i++)
		if (jail_paths[i].kind == JAIL_PATH_LIBRARY)
			result = plan_pattern_put(lockdown, jail_paths[i].pattern);
	for (int i = 0; i < input->pool->package_count && result == 0; i++)
		result = plan_path_put(lockdown, input->pool->packages[i]);
	for (int i = 0; i < input->pool->read_count && result == 0; i++)
		result = plan_path_put(lockdown, input->pool->read[i]);
	return result;
}

static unsigned
plan_filter_options(const PlanInput *input)
{
	const LauncherPlan *plan = input->plan;
	bool without_net = input->trusted || input->pool->net == POLICY_REACH_NONE;

	return (plan->has_tmp ? SECCOMP_WHEN_TMP : SECCOMP_WHEN_NO_TMP) | (without_net ? SECCOMP_WHEN_NO_NET : 0) |
		   (plan->has_tmp || plan->has_null ? SECCOMP_WHEN_WRITING : 0);
}

static int
plan_filters_put(const PlanInput *input, LauncherPlan *plan, LockdownPlan *lockdown)
{
	unsigned options = plan_filter_options(input);
	int length = seccomp_compile(&seccomp_zygote, options, plan->filter, LOCKDOWN_FILTER_MAX);

	if (length < 0)
		return length;
	plan->program = (struct sock_fprog){.len = (unsigned short) length, .filter = plan->filter};
	length = seccomp_compile(input->trusted ? &seccomp_trusted : &seccomp_untrusted, options, lockdown->filter,
							 LOCKDOWN_FILTER_MAX);
	lockdown->filter_length = length < 0 ? 0 : (uint32_t) length;
	return length < 0 ? length : 0;
}

/* A trusted /tmp only in a root of its own: the calls that come with it could change the machine's files. */
static bool
plan_tmp_is_possible(const PolicyPool *pool, bool trusted, uint32_t layers)
{
	return pool->limits.tmp > 0 && (layers & LAYER_BIT(trusted ? LAYER_ROOT : LAYER_MOUNT_NAMESPACE)) != 0;
}

/*
 * Python is refused more before the kernel has to kill it, so that it can say which line it was. The rest is for what no
 * allocator sees: stacks, page tables, and pages of the zygote's that are written to.
 */
static int64_t
plan_memory(int64_t limit)
{
	int64_t memory = limit - limit / 16 - 8 * MIB;

	return memory > limit / 2 ? memory : limit / 2;
}

/* A filter sees no path. So that "to write" means one device only takes two layers that do: the root and Landlock. */
static bool
plan_null_is_possible(const PolicyPool *pool, uint32_t layers)
{
	const uint32_t needed = LAYER_BIT(LAYER_ROOT) | LAYER_BIT(LAYER_LANDLOCK);

	return pool->dev_null == POLICY_NULL_WRITE && (layers & needed) == needed;
}

static int
plan_fill(const PlanInput *input, LauncherPlan *plan, LockdownPlan *lockdown)
{
	int result;

	lockdown->magic = LOCKDOWN_MAGIC;
	lockdown->trusted = input->trusted;
	lockdown->layers = plan->layers;
	lockdown->wanted = plan->layers & (LAYER_BIT(LAYER_CAPABILITIES) | LAYER_BIT(LAYER_NO_NEW_PRIVS) |
									   LAYER_BIT(LAYER_RLIMITS) | LAYER_BIT(LAYER_LANDLOCK) | LAYER_BIT(LAYER_SECCOMP));
	lockdown->fences_files = plan->fences_files;
	lockdown->has_null = plan->has_null;
	lockdown->tmp = plan->has_tmp ? input->pool->limits.tmp : 0;
	lockdown->memory = plan_memory(input->pool->limits.memory);
	plan_limits_put(input, lockdown);
	result = plan_paths_put(input, lockdown);
	if (result == 0)
		result = plan_filters_put(input, plan, lockdown);
	if (result < 0)
		return result;
	plan->lockdown_fd =
		launcher_memfd_make("pybox-plan", sizeof(*lockdown), lockdown, sizeof(*lockdown), LAUNCHER_SEAL_ALL);
	return plan->lockdown_fd < 0 ? plan->lockdown_fd : 0;
}

int
launcher_plan_make(const Launcher *launcher, const PolicyPool *pool, bool trusted, LauncherPlan **plan)
{
	LauncherPlan *made = calloc(1, sizeof(*made));
	LockdownPlan *lockdown = calloc(1, sizeof(*lockdown));
	const PlanInput input = {launcher, pool, trusted, made};
	int result = -ENOMEM;

	if (made != NULL && lockdown != NULL)
	{
		made->lockdown_fd = -1;
		made->layers = launcher->layers & policy_layers_wanted(pool, trusted);
		made->has_tmp = plan_tmp_is_possible(pool, trusted, made->layers);
		made->has_null = plan_null_is_possible(pool, made->layers);
		made->fences_files = trusted || pool->fs == POLICY_REACH_NONE;
		result = plan_fill(&input, made, lockdown);
	}
	free(lockdown);
	if (result < 0)
	{
		launcher_plan_free(made);
		made = NULL;
	}
	*plan = made;
	return result;
}

void
launcher_plan_free(LauncherPlan *plan)
{
	if (plan == NULL)
		return;
	if (plan->lockdown_fd >= 0)
		close(plan->lockdown_fd);
	free(plan);
}
