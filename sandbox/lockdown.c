/*
 * lockdown.c - puts the last layers on a new interpreter, in the order of one table.
 *
 * DESIGN. Each step belongs to a layer, or to none, and both acts and verifies; the layer counts as in force when its
 * step returns 0. The filter comes last, since it forbids the steps before it, and then the self-test. There is no way
 * back: a step that fails leaves a process that must end.
 *
 * Runs in an interpreter between fork and its first source, with one thread. Must not know Python or PostgreSQL.
 */
#include "sandbox/lockdown.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/capability.h"
#include "sandbox/control.h"
#include "sandbox/landlock.h"
#include "sandbox/lockdown_check.h"
#include "sandbox/seccomp.h"

#define STEP_ALWAYS (-1)

typedef struct LockdownStep
{
	const char *stage;
	int layer; /* LayerId, or STEP_ALWAYS */
	int (*run)(const LockdownPlan *plan);
} LockdownStep;

static int
lockdown_plan_check(const LockdownPlan *plan)
{
	if (plan->magic != LOCKDOWN_MAGIC || plan->rlimit_count > LOCKDOWN_RLIMITS_MAX ||
		plan->path_count > LOCKDOWN_PATHS_MAX || plan->filter_length > LOCKDOWN_FILTER_MAX || plan->tmp < 0 ||
		plan->memory < 0)
		return -EINVAL;
	for (uint32_t i = 0; i < plan->path_count; i++)
		if (memchr(plan->paths[i], '\0', LOCKDOWN_PATH_SIZE) == NULL)
			return -EINVAL;
	return 0;
}

/*
 * A copy, not a mapping: children shall share no file with their zygote, and kernels before 6.7 may refuse a shared mapping
 * of a file that is sealed against writing, even for reading.
 */
int
lockdown_read(int fd, LockdownPlan **plan)
{
	LockdownPlan *copy;
	struct stat status;
	ssize_t got;
	int result;

	if (fstat(fd, &status) < 0)
		return -errno;
	if (status.st_size != (off_t) sizeof(LockdownPlan))
		return -EINVAL;
	copy = malloc(sizeof(LockdownPlan));
	if (copy == NULL)
		return -ENOMEM;
	got = pread(fd, copy, sizeof(LockdownPlan), 0);
	result = got < 0 ? -errno : got != (ssize_t) sizeof(LockdownPlan) ? -EINVAL : lockdown_plan_check(copy);
	if (result < 0)
		free(copy);
	else
		*plan = copy;
	return result;
}

/* The zygote's end is the interpreter's, also where no pid namespace sees to it. */
static int
step_process(const LockdownPlan *plan)
{
	(void) plan;
	if (setpgid(0, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return -errno;
	return 0;
}

/* 1 and 2 lead to the server's log, which is no place for what a user prints. */
static int
step_output(const LockdownPlan *plan)
{
	if (plan->trusted && (dup2(STDIN_FILENO, STDOUT_FILENO) < 0 || dup2(STDIN_FILENO, STDERR_FILENO) < 0))
		return -errno;
	return 0;
}

/*
 * Landlock, capabilities and the filter bind the thread that asks for them, so there must be no other: a module that was
 * preloaded may have hooks that start one after a fork. The kernel does not unshare a thread group of more than one.
 */
static int
step_alone(const LockdownPlan *plan)
{
	(void) plan;
	if (unshare(CLONE_THREAD) == 0)
		return 0;
	return errno == EINVAL ? -EBUSY : -errno;
}

/* Inodes are the kernel's memory, which size does not count: as many as small files would fill the size with. */
#define TMP_BYTES_PER_INODE 4096
#define TMP_INODES_MIN 16

/* The launcher cannot look into this mount namespace; once the filter is loaded, no descriptor can be passed. */
static int
tmp_show(void)
{
	const ControlMessage message = {.kind = CONTROL_TMP};
	int fd = open("/tmp", O_PATH | O_DIRECTORY | O_CLOEXEC), result;

	if (fd < 0)
		return -errno;
	result = control_send(LOCKDOWN_SOCKET, &message, &fd, 1);
	close(fd);
	return result;
}

static int
step_tmp(const LockdownPlan *plan)
{
	char options[96];

	if (plan->tmp == 0)
		return 0;
	snprintf(options, sizeof(options), "mode=0700,size=%lld,nr_inodes=%lld", (long long) plan->tmp,
			 (long long) (plan->tmp / TMP_BYTES_PER_INODE + TMP_INODES_MIN));
	if (unshare(CLONE_NEWNS) < 0 || mount("pybox", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, options) < 0)
		return -errno;
	return chdir("/tmp") < 0 ? -errno : tmp_show();
}

static int
step_capabilities(const LockdownPlan *plan)
{
	(void) plan;
	return capability_drop(0);
}

static int
step_no_new_privs(const LockdownPlan *plan)
{
	(void) plan;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}

static int
step_rlimits(const LockdownPlan *plan)
{
	for (uint32_t i = 0; i < plan->rlimit_count; i++)
	{
		struct rlimit now, limit = {plan->rlimits[i].limit, plan->rlimits[i].limit};

		if (syscall(SYS_prlimit64, 0, plan->rlimits[i].resource, NULL, &now) < 0)
			return -errno;
		if (now.rlim_max < limit.rlim_max)
			limit.rlim_cur = limit.rlim_max = now.rlim_max;
		if (syscall(SYS_prlimit64, 0, plan->rlimits[i].resource, &limit, NULL) < 0 ||
			syscall(SYS_prlimit64, 0, plan->rlimits[i].resource, NULL, &now) < 0)
			return -errno;
		if (now.rlim_cur != limit.rlim_cur || now.rlim_max != limit.rlim_max)
			return -EACCES;
	}
	return 0;
}

/* Keeps other processes of the same user from reading its memory. */
static int
step_dumpable(const LockdownPlan *plan)
{
	(void) plan;
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 ? 0 : -EACCES;
}

static int
landlock_fence_files(const LockdownPlan *plan)
{
	LandlockPath paths[LOCKDOWN_PATHS_MAX + 2];
	size_t count = 0;

	for (uint32_t i = 0; i < plan->path_count; i++)
		paths[count++] = (LandlockPath){plan->paths[i], LANDLOCK_MAY_READ};
	if (plan->tmp > 0)
		paths[count++] = (LandlockPath){"/tmp", LANDLOCK_MAY_KEEP_FILES};
	if (plan->has_null)
		paths[count++] = (LandlockPath){"/dev/null", LANDLOCK_MAY_WRITE_DEVICE};
	return landlock_restrict(LANDLOCK_REACH_ALL, paths, count);
}

static int
step_landlock(const LockdownPlan *plan)
{
	static const LandlockPath everywhere = {"/", LANDLOCK_MAY_MOVE_FILES};

	return plan->fences_files ? landlock_fence_files(plan)
							  : landlock_restrict(LANDLOCK_REACH_PROCESSES, &everywhere, 1);
}

/* The program was made before anyone knew this process: its own pid goes where the program compares with SECCOMP_SELF. */
static int
step_seccomp(const LockdownPlan *plan)
{
	static struct sock_filter filter[LOCKDOWN_FILTER_MAX];
	struct sock_fprog program = {.len = (unsigned short) plan->filter_length, .filter = filter};

	errno = 0;
	memcpy(filter, plan->filter, plan->filter_length * sizeof(filter[0]));
	for (uint32_t i = 0; i < plan->filter_length; i++)
		if (filter[i].code == (BPF_JMP | BPF_JEQ | BPF_K) && filter[i].k == SECCOMP_SELF)
			filter[i].k = (uint32_t) getpid();
	/* A thread that is there after all gets it too, or the call fails with that thread's number. */
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0)
		return 0;
	return errno != 0 ? -errno : -EBUSY;
}

static const LockdownStep lockdown_steps[] = {
	{"a preloaded module starts threads in new interpreters, which cannot be confined", STEP_ALWAYS, step_alone},
	{"process", STEP_ALWAYS, step_process},
	{"output", STEP_ALWAYS, step_output},
	{"tmp", STEP_ALWAYS, step_tmp},
	{"capabilities", LAYER_CAPABILITIES, step_capabilities},
	{"no_new_privs", LAYER_NO_NEW_PRIVS, step_no_new_privs},
	{"rlimits", LAYER_RLIMITS, step_rlimits},
	{"dumpable", STEP_ALWAYS, step_dumpable},
	{"landlock", LAYER_LANDLOCK, step_landlock},
	{"seccomp", LAYER_SECCOMP, step_seccomp},
};

int
lockdown_apply(const LockdownPlan *plan, uint32_t *layers, const char **stage)
{
	/* What the jail did is taken from the plan, but for what has to be done or verified again here. */
	uint32_t in_force = plan->layers & ~plan->wanted;

	for (size_t i = 0; i < sizeof(lockdown_steps) / sizeof(lockdown_steps[0]); i++)
	{
		const LockdownStep *step = &lockdown_steps[i];
		int result;

		if (step->layer != STEP_ALWAYS && (plan->wanted & LAYER_BIT(step->layer)) == 0)
			continue;
		*stage = step->stage;
		result = step->run(plan);
		if (result < 0)
			return result;
		if (step->layer != STEP_ALWAYS)
			in_force |= LAYER_BIT(step->layer);
	}
	*layers = in_force;
	return lockdown_check(plan, stage);
}
