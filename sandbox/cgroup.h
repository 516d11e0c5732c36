/*
 * cgroup.h - one door to the kernel's control groups, whichever version the machine has.
 *
 * A group is named by its path below the delegated directory: CGROUP_TOP, below it one for each pool, below that one for
 * each process: "pools/etl/42". Groups above the last level hold no processes. Runs in the launcher only.
 * Every function returns 0 or -errno; a missing controller is no error, its layer bit is not set.
 */
#ifndef PYBOX_CGROUP_H
#define PYBOX_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CGROUP_PATH_SIZE 512
#define CGROUP_GROUP_SIZE 128
#define CGROUP_CONTROLLERS_MAX 5
#define CGROUP_AUTO "auto" /* in a path's place: the group of version 2 that the caller is in */
#define CGROUP_TOP                                                                                                     \
	"pools" /* above all groups; what else lies in the delegated directory, such as the server, is not ours */

typedef struct CgroupLimits
{
	int64_t memory;		 /* bytes; 0: leave it, -1: lift it */
	int32_t pids;		 /* 0: none */
	int32_t cpu_percent; /* 100 is one core; 0: none */
	int32_t cpu_weight;	 /* 1..10000, 100 is usual; 0: none */
} CgroupLimits;

typedef struct CgroupUsage
{
	uint64_t memory, memory_peak; /* bytes */
	uint64_t cpu_ns;
	uint64_t oom_kills;
} CgroupUsage;

typedef struct CgroupBackend CgroupBackend;

typedef struct Cgroup
{
	const CgroupBackend *backend;
	uint32_t layers;			 /* LAYER_CGROUP_ bits that work */
	char why[256];				 /* why the others do not */
	char name[CGROUP_PATH_SIZE]; /* of the delegated directory below each controller, no slash in front */
	char roots[CGROUP_CONTROLLERS_MAX][CGROUP_PATH_SIZE]; /* absolute, by the back end's own numbers; empty: none */
	int claim_fd;										  /* holds the claim; -1: none */
} Cgroup;

struct CgroupBackend
{
	const char *name;
	const char *whole; /* the group that competes with the server's processes: its weight is that of all interpreters */
	/* Fills layers and roots. -ENOSYS: the machine has its controllers elsewhere; another error: they cannot be used. */
	int (*probe)(Cgroup *cgroup);
	int (*group_make)(const Cgroup *cgroup, const char *group, const CgroupLimits *limits);
	int (*group_limit)(const Cgroup *cgroup, const char *group, const CgroupLimits *limits);
	int (*group_attach)(const Cgroup *cgroup, const char *group, pid_t pid);
	/*
	 * Descriptors by which a process of one thread puts itself into the group: it writes "0" into each. The kernel then needs no
	 * grace period of RCU, which stops group_attach for some ten milliseconds. Returns their number, or 0 where that is not to be
	 * had. Whoever leaves it to the process asks group_holds afterwards.
	 */
	int (*group_doors)(const Cgroup *cgroup, const char *group, int fds[CGROUP_CONTROLLERS_MAX]);
	int (*group_holds)(const Cgroup *cgroup, const char *group, pid_t pid); /* 0: this process and no other */
	int (*group_usage)(const Cgroup *cgroup, const char *group, CgroupUsage *usage);
	uint64_t (*group_throttled)(const Cgroup *cgroup, const char *group); /* how often the cpu limit held it back */
	/* All processes of the group, forks that are under way included, stand still before long; until they are thawed or killed. */
	int (*group_freeze)(const Cgroup *cgroup, const char *group);
	int (*group_thaw)(const Cgroup *cgroup, const char *group);
	int (*group_kill)(const Cgroup *cgroup, const char *group);	  /* thaws and kills all below */
	int (*group_remove)(const Cgroup *cgroup, const char *group); /* -EBUSY while something still dies in it */
};

extern const CgroupBackend cgroup_v2, cgroup_v1, cgroup_none;

/*
 * Chooses a back end for a path such as "/pybox", CGROUP_AUTO, or empty: none. Never fails: there is always cgroup_none.
 * Version 2 moves processes that are in the group itself into its child "server".
 */
void cgroup_open(Cgroup *cgroup, const char *path);
/*
 * Makes the delegated directory this launcher's until it ends. -EBUSY: another server's launcher has it, which would kill our
 * interpreters as its own leftovers, and we its: the cgroup is opened anew as none, and why says so. Waits for a moment.
 */
int cgroup_claim(Cgroup *cgroup);
void cgroup_unclaim(Cgroup *cgroup);
/* Whether somebody, such as a launcher, has made CGROUP_TOP. */
bool cgroup_is_in_use(const Cgroup *cgroup);
/* Removes what a probe left of CGROUP_TOP, unless a launcher has the directory by now. */
void cgroup_leave(const Cgroup *cgroup);
/* Kills all in CGROUP_TOP and removes it; waits for their end, for a second at most. */
int cgroup_sweep(const Cgroup *cgroup);

#endif
