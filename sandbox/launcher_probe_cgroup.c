/*
 * launcher_probe_cgroup.c - puts a process into a group with a limit, lets it go beyond, and looks what becomes of it.
 *
 * Runs in forked children of the launcher. The group is named after the prober, so that a launcher and `pybox doctor` do
 * not meet.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sandbox/launcher_probe.h"

#define PROBE_MEMORY (INT64_C(8) << 20)
#define PROBE_POLL_MS 1
#define PROBE_POLLS 2000

typedef struct ProbeCgroup
{
	int layer;
	CgroupLimits limits;
	int (*exceed)(void);												/* in the group: its exit status */
	int (*judge)(const Cgroup *cgroup, const char *group, pid_t child); /* 0, or -errno */
} ProbeCgroup;

/* Twice the limit; the kernel's OOM killer must be free to take it, which a server protected from that passes on. */
static int
exceed_memory(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	char *memory = mmap(NULL, 2 * PROBE_MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	/* The kernel's log tells of it by this name. */
	(void) prctl(PR_SET_NAME, "pybox-probe", 0, 0, 0);
	if (fd < 0 || write(fd, "1000", 4) != 4 || memory == MAP_FAILED)
		return errno;
	memset(memory, 1, 2 * PROBE_MEMORY);
	return PROBE_NOT_HELD;
}

/* It is the one process that is allowed. */
static int
exceed_pids(void)
{
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	return child < 0 && errno == EAGAIN ? 0 : PROBE_NOT_HELD;
}

static int
exceed_cpu(void)
{
	for (;;)
		(void) getppid();
	return 0;
}

static int
probe_status(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
}

static int
judge_memory(const Cgroup *cgroup, const char *group, pid_t child)
{
	CgroupUsage usage = {0};
	int result = probe_status(child);

	if (result != -EINTR)
		return result == 0 ? -PROBE_NOT_HELD : result;
	result = cgroup->backend->group_usage(cgroup, group, &usage);
	return result == 0 && usage.oom_kills == 0 ? -PROBE_NOT_HELD : result;
}

static int
judge_pids(const Cgroup *cgroup, const char *group, pid_t child)
{
	(void) cgroup, (void) group;
	return probe_status(child);
}

/* Until the kernel has counted that it held it back. */
static int
judge_cpu(const Cgroup *cgroup, const char *group, pid_t child)
{
	int result = -PROBE_NOT_HELD;

	for (int i = 0; i < PROBE_POLLS && result == -PROBE_NOT_HELD; i++)
	{
		if (cgroup->backend->group_throttled(cgroup, group) > 0)
			result = 0;
		else
			(void) poll(NULL, 0, PROBE_POLL_MS);
	}
	/* Held back it would not die at once. */
	(void) cgroup->backend->group_limit(cgroup, group, &(CgroupLimits){.cpu_percent = 1000});
	kill(child, SIGKILL);
	(void) probe_status(child);
	return result;
}

static const ProbeCgroup probe_cgroups[] = {
	{LAYER_CGROUP_MEMORY, {.memory = PROBE_MEMORY}, exceed_memory, judge_memory},
	{LAYER_CGROUP_PIDS, {.pids = 1}, exceed_pids, judge_pids},
	{LAYER_CGROUP_CPU, {.cpu_percent = 1}, exceed_cpu, judge_cpu},
};

/* A process that goes beyond the limit once it is told that it is in the group. */
static pid_t
probe_child(const ProbeCgroup *probe, int go[2])
{
	pid_t child = fork();
	char byte;

	if (child != 0)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	close(go[1]);
	if (read(go[0], &byte, 1) != 1)
		_exit(ECANCELED);
	_exit(probe->exceed());
}

static int
probe_in_group(const Cgroup *cgroup, const ProbeCgroup *probe, const char *group)
{
	int go[2], result;
	pid_t child;

	if (pipe2(go, O_CLOEXEC) < 0)
		return -errno;
	child = probe_child(probe, go);
	result = child < 0 ? -errno : cgroup->backend->group_attach(cgroup, group, child);
	if (result == 0 && write(go[1], "", 1) != 1)
		result = -errno;
	close(go[0]);
	close(go[1]);
	if (result == 0)
		return probe->judge(cgroup, group, child);
	if (child > 0)
		(void) probe_status(child);
	return result;
}

static int
probe_cgroup(const Launcher *launcher, const ProbeCgroup *probe)
{
	const Cgroup *cgroup = &launcher->cgroup;
	char pool[CGROUP_GROUP_SIZE], group[CGROUP_GROUP_SIZE];
	int result;

	if ((cgroup->layers & LAYER_BIT(probe->layer)) == 0)
		return -ENOENT;
	/* No pool has a name with a dash. */
	snprintf(pool, sizeof(pool), CGROUP_TOP "/probe-%d", getpid());
	snprintf(group, sizeof(group), CGROUP_TOP "/probe-%d/1", getpid());
	result = cgroup->backend->group_make(cgroup, CGROUP_TOP, &(CgroupLimits){0});
	if (result == 0)
		result = cgroup->backend->group_make(cgroup, pool, &(CgroupLimits){0});
	if (result == 0)
		result = cgroup->backend->group_make(cgroup, group, &probe->limits);
	if (result == 0)
		result = probe_in_group(cgroup, probe, group);
	(void) cgroup->backend->group_remove(cgroup, pool);
	return result;
}

int
probe_cgroup_memory(const Launcher *launcher)
{
	return probe_cgroup(launcher, &probe_cgroups[0]);
}

int
probe_cgroup_pids(const Launcher *launcher)
{
	return probe_cgroup(launcher, &probe_cgroups[1]);
}

int
probe_cgroup_cpu(const Launcher *launcher)
{
	return probe_cgroup(launcher, &probe_cgroups[2]);
}
