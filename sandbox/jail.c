/*
 * jail.c - makes a process in its namespaces and takes it, step by step, to a confined program.
 *
 * DESIGN. One table is the whole order. A step belongs to a layer and is taken when the specification wants the layer
 * (or lacks it, for what stands in for it). No recovery: a step that fails sends its name and errno through the report
 * pipe and ends the child; the launcher words it. The child is a fork of a single-threaded process, so that it may use
 * the heap. Runs in the launcher and, up to execve, in its child.
 */
#include "sandbox/jail.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/fault.h"
#include "sandbox/jail_step.h"
#include "sandbox/layer.h"

#define JAIL_REPORT_FD 5
#define JAIL_FD_CLEAR 16	 /* above all numbers that are given out */
#define JAIL_OOM_SCORE "500" /* before any server process, after the interpreters */
#define JAIL_FAILED_EXIT 126

/* Written in one piece, so that it is read in one piece. */
typedef struct JailReport
{
	int error;
	char stage[32];
} JailReport;

typedef struct JailChild
{
	const JailSpec *spec;
	uid_t user; /* as they were outside: a new user namespace knows neither */
	gid_t group;
	int report_fd;
} JailChild;

typedef struct JailStep
{
	const char *stage;
	uint32_t wanted, unwanted; /* LAYER_BITs */
	int (*run)(const JailChild *child);
} JailStep;

/* The launcher's end is the zygote's, even where that end is SIGKILL. */
static int
step_parent(const JailChild *child)
{
	(void) child;
	return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 ? -errno : 0;
}

/* By the kernel's own call: the C library refuses to touch two signals, which may be ignored like any other. */
static int
step_signals(const JailChild *child)
{
	static const uint64_t by_default[8]; /* a struct sigaction of the kernel's: SIG_DFL, no flags, no mask */
	sigset_t none;

	(void) child;
	for (int number = 1; number < NSIG; number++)
		(void) syscall(SYS_rt_sigaction, number, by_default, NULL, sizeof(uint64_t));
	sigemptyset(&none);
	return sigprocmask(SIG_SETMASK, &none, NULL) < 0 ? -errno : 0;
}

/* A score that is higher already may not be lowered, and need not be. */
static int
step_oom_score(const JailChild *child)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	int result = 0;

	(void) child;
	if (fd < 0)
		return -errno;
	if (write(fd, JAIL_OOM_SCORE, strlen(JAIL_OOM_SCORE)) < 0 && errno != EACCES)
		result = -errno;
	close(fd);
	return result;
}

/* Looks, since a filter around the server may let the kernel's answer be a lie. */
static int
step_descriptors_check(void)
{
	DIR *folder = opendir("/proc/self/fd");
	struct dirent *entry;
	int result = 0;

	if (folder == NULL)
		return -errno;
	while ((entry = readdir(folder)) != NULL)
		if (atoi(entry->d_name) > JAIL_REPORT_FD && atoi(entry->d_name) != dirfd(folder))
			result = -EMFILE;
	closedir(folder);
	return result;
}

/* Out of the way first, then to their numbers, so that none is overwritten before it is copied. */
static int
step_descriptors(const JailChild *child)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	const int from[] = {null,
						FAULT_FILE(STDERR_FILENO),
						STDERR_FILENO,
						child->spec->control_fd,
						child->spec->plan_fd,
						child->report_fd};
	int clear[sizeof(from) / sizeof(from[0])];

	_Static_assert(sizeof(from) / sizeof(from[0]) == JAIL_REPORT_FD + 1, "the report pipe is the last");
	for (int i = 0; i <= JAIL_REPORT_FD; i++)
	{
		clear[i] = fcntl(from[i], F_DUPFD_CLOEXEC, JAIL_FD_CLEAR);
		if (clear[i] < 0)
			return -errno;
	}
	for (int i = 0; i <= JAIL_REPORT_FD; i++)
		if (dup3(clear[i], i, i == JAIL_REPORT_FD ? O_CLOEXEC : 0) < 0)
			return -errno;
	return syscall(SYS_close_range, JAIL_REPORT_FD + 1, ~0U, 0) < 0 ? -errno : step_descriptors_check();
}

static int
step_inheritance(const JailChild *child)
{
	(void) child;
	return jail_inheritance_drop();
}

static int
step_user(const JailChild *child)
{
	return jail_namespace_map(child->user, child->group);
}

static int
step_host_name(const JailChild *child)
{
	(void) child;
	return sethostname("pybox", strlen("pybox")) < 0 ? -errno : 0;
}

/* An interpreter's own limits come later; none of them may be higher than these. */
static int
step_rlimits(const JailChild *child)
{
	const struct rlimit none = {0, 0};

	(void) child;
	return setrlimit(RLIMIT_CORE, &none) < 0 ? -errno : 0;
}

static int
step_root(const JailChild *child)
{
	return jail_root_enter(child->spec);
}

static int
step_host(const JailChild *child)
{
	return jail_host_enter(child->spec);
}

static int
step_directory(const JailChild *child)
{
	(void) child;
	umask(077);
	return chdir("/") < 0 ? -errno : 0;
}

static int
step_capabilities(const JailChild *child)
{
	return jail_capability_drop(child->spec);
}

static int
step_no_new_privs(const JailChild *child)
{
	(void) child;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}

static int
step_landlock(const JailChild *child)
{
	return jail_landlock_apply(child->spec);
}

static int
step_seccomp(const JailChild *child)
{
	return jail_seccomp_apply(child->spec);
}

static int
step_exec(const JailChild *child)
{
	execve(child->spec->program, child->spec->arguments, child->spec->environment);
	return -errno;
}

#define WITH(layer) LAYER_BIT(LAYER_##layer), 0
#define ALWAYS 0, 0

static const JailStep jail_steps[] = {
	{"parent", ALWAYS, step_parent},
	{"signals", ALWAYS, step_signals},
	{"descriptors", ALWAYS, step_descriptors},
	{"oom_score_adj", ALWAYS, step_oom_score},
	{"inheritance", ALWAYS, step_inheritance},
	{"user_namespace", WITH(USER_NAMESPACE), step_user},
	{"uts_namespace", WITH(UTS_NAMESPACE), step_host_name},
	{"rlimits", WITH(RLIMITS), step_rlimits},
	{"root", WITH(ROOT), step_root},
	{"host files", LAYER_BIT(LAYER_MOUNT_NAMESPACE), LAYER_BIT(LAYER_ROOT), step_host},
	{"directory", ALWAYS, step_directory},
	{"capabilities", WITH(CAPABILITIES), step_capabilities},
	{"no_new_privs", WITH(NO_NEW_PRIVS), step_no_new_privs},
	{"landlock", WITH(LANDLOCK), step_landlock},
	{"seccomp", WITH(SECCOMP), step_seccomp},
	{"execve", ALWAYS, step_exec},
};

static void __attribute__((noreturn)) jail_child_run(JailChild *child)
{
	for (size_t i = 0; i < sizeof(jail_steps) / sizeof(jail_steps[0]); i++)
	{
		const JailStep *step = &jail_steps[i];
		JailReport report = {0};

		if ((child->spec->layers & step->wanted) != step->wanted || (child->spec->layers & step->unwanted) != 0)
			continue;
		report.error = -step->run(child);
		if (step->run == step_descriptors)
			child->report_fd = JAIL_REPORT_FD;
		if (report.error == 0)
			continue;
		snprintf(report.stage, sizeof(report.stage), "%s", step->stage);
		(void) !write(child->report_fd, &report, sizeof(report));
		break;
	}
	_exit(JAIL_FAILED_EXIT);
}

int
jail_start(const JailSpec *spec, JailProcess *process)
{
	JailChild child = {.spec = spec, .user = geteuid(), .group = getegid()};
	struct clone_args arguments = {
		.flags = CLONE_PIDFD | jail_namespace_flags(spec->layers),
		.pidfd = (uint64_t) (uintptr_t) &process->pidfd,
		.exit_signal = SIGCHLD,
	};
	int report[2];
	long pid;

	if (pipe2(report, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	child.report_fd = report[1];
	pid = syscall(SYS_clone3, &arguments, sizeof(arguments));
	if (pid == 0)
		jail_child_run(&child);
	if (pid < 0)
	{
		int error = errno;

		close(report[0]);
		close(report[1]);
		return -error;
	}
	close(report[1]);
	process->pid = (pid_t) pid;
	process->report_fd = report[0];
	return 0;
}

bool
jail_report_read(int report_fd, char reason[JAIL_REASON_SIZE])
{
	JailReport report;

	if (read(report_fd, &report, sizeof(report)) != sizeof(report))
		return false;
	report.stage[sizeof(report.stage) - 1] = '\0';
	snprintf(reason, JAIL_REASON_SIZE, "%s: %s", report.stage, strerror(report.error));
	return true;
}
