/*
 * cgroup_none.c - the back end of a machine without a delegated cgroup: every group exists and holds nothing.
 *
 * Memory is then capped by RLIMIT_AS only, and what an untrusted interpreter started may outlive it until its zygote ends.
 */
#include "sandbox/cgroup.h"

#include <errno.h>

static int
none_probe(Cgroup *cgroup)
{
	(void) cgroup;
	return 0;
}

static int
none_group_make(const Cgroup *cgroup, const char *group, const CgroupLimits *limits)
{
	(void) cgroup, (void) group, (void) limits;
	return 0;
}

static int
none_group_attach(const Cgroup *cgroup, const char *group, pid_t pid)
{
	(void) cgroup, (void) group, (void) pid;
	return 0;
}

static int
none_group_doors(const Cgroup *cgroup, const char *group, int fds[CGROUP_CONTROLLERS_MAX])
{
	(void) cgroup, (void) group, (void) fds;
	return 0;
}

/* The caller stops the process itself instead, and those of its process group. */
static int
none_group_still(const Cgroup *cgroup, const char *group)
{
	(void) cgroup, (void) group;
	return -ENOSYS;
}

/* The caller looks at the process itself instead. */
static int
none_group_usage(const Cgroup *cgroup, const char *group, CgroupUsage *usage)
{
	(void) cgroup, (void) group, (void) usage;
	return -ENOSYS;
}

static uint64_t
none_group_throttled(const Cgroup *cgroup, const char *group)
{
	(void) cgroup, (void) group;
	return 0;
}

static int
none_group_end(const Cgroup *cgroup, const char *group)
{
	(void) cgroup, (void) group;
	return 0;
}

const CgroupBackend cgroup_none = {
	.name = "none",
	.whole = "",
	.probe = none_probe,
	.group_make = none_group_make,
	.group_limit = none_group_make,
	.group_attach = none_group_attach,
	.group_doors = none_group_doors,
	.group_holds = none_group_attach,
	.group_usage = none_group_usage,
	.group_throttled = none_group_throttled,
	.group_freeze = none_group_still,
	.group_thaw = none_group_still,
	.group_kill = none_group_end,
	.group_remove = none_group_end,
};
