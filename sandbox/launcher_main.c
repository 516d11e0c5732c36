/*
 * launcher_main.c - the program pybox-launcher: its options, its start, its end.
 *
 * DESIGN. The scheduler starts it with one socket and nothing else. It has no privileges and one thread. However it is
 * told to end (the socket's end, a signal), it takes every process and cgroup of its own with it; should it be killed
 * itself, the kernel ends its zygotes, and the next launcher removes the cgroups.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "sandbox/launcher.h"
#include "sandbox/launcher_backend.h"
#include "sandbox/launcher_layer.h"
#include "sandbox/launcher_zygote.h"

#ifndef PYBOX_VERSION
#define PYBOX_VERSION "1.0"
#endif

#define EXIT_USAGE 2
#define LOCK_PAUSE_MS 20
#define LOCK_LIMIT_MS 10000
#define INTERPRETERS_MAX 1024
#define DESCRIPTORS_EACH 4	  /* of an interpreter, its lease included */
#define DESCRIPTORS_OTHER 256 /* zygotes, backends without a lease, the launcher itself */
#define ID_SHIFT 10			  /* ids start at the time in ms: no launcher makes a thousand in one */

static Launcher launcher;

/* No signal of a terminal's or the postmaster's process group is meant for us; the scheduler's socket is. */
static int
launcher_signals_open(void)
{
	sigset_t blocked, handled;
	int fd;

	(void) setsid();
	for (int number = 1; number < NSIG; number++)
		(void) signal(number, SIG_DFL);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGINT);
	sigaddset(&blocked, SIGHUP);
	sigaddset(&blocked, SIGPIPE);
	sigaddset(&blocked, SIGXFSZ);
	sigemptyset(&handled);
	sigaddset(&handled, SIGTERM);
	sigaddset(&handled, SIGQUIT);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGQUIT);
	if (sigprocmask(SIG_SETMASK, &blocked, NULL) < 0)
		return -errno;
	fd = signalfd(-1, &handled, SFD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static void
launcher_signal_ready(void *owner)
{
	((Launcher *) owner)->stopping = true;
}

/* Each interpreter takes a few descriptors: as many as we are allowed. */
static void
launcher_descriptors_raise(void)
{
	struct rlimit limit;
	rlim_t interpreters;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void) setrlimit(RLIMIT_NOFILE, &limit);
	interpreters = limit.rlim_cur > DESCRIPTORS_OTHER ? (limit.rlim_cur - DESCRIPTORS_OTHER) / DESCRIPTORS_EACH : 1;
	launcher.interpreter_max = interpreters < INTERPRETERS_MAX ? (int) interpreters : INTERPRETERS_MAX;
}

static int
launcher_scheduler_is_gone(void)
{
	struct pollfd scheduler = {.fd = launcher.scheduler.fd};

	return poll(&scheduler, 1, LOCK_PAUSE_MS) > 0 && (scheduler.revents & (POLLHUP | POLLERR)) != 0;
}

/*
 * A former launcher of the same server may still be clearing up. The lock is on the data directory, where we stand, and
 * goes with the process.
 */
static int
launcher_lock(void)
{
	int64_t limit = launcher_now_ms() + LOCK_LIMIT_MS;

	launcher.directory_fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (launcher.directory_fd < 0)
		return -errno;
	while (flock(launcher.directory_fd, LOCK_EX | LOCK_NB) < 0)
	{
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (launcher_scheduler_is_gone() || launcher_now_ms() > limit)
			return -EAGAIN;
	}
	return 0;
}

static int
launcher_prepare(void)
{
	int signals = launcher_signals_open();

	launcher.scheduler.fd = LAUNCHER_CONTROL_FD;
	launcher.listener.fd = launcher.signals.fd = -1;
	launcher.accept_ms = LAUNCHER_NEVER;
	umask(077);
	launcher_descriptors_raise();
	if (signals < 0)
		return signals;
	if (launcher_loop_open(&launcher) < 0)
		return -errno;
	return launcher_source_open(&launcher, &launcher.signals, signals, launcher_signal_ready, &launcher);
}

/* Without its cgroup a launcher is of use as far as the policy lets it be. */
static int
launcher_claim(void)
{
	if (cgroup_claim(&launcher.cgroup) < 0)
		launcher_log("runs without a cgroup: %s", launcher.cgroup.why);
	return 0;
}

static int
launcher_clean(void)
{
	int result = cgroup_sweep(&launcher.cgroup);

	if (result < 0)
		launcher_log("could not remove what a former launcher left in cgroup \"%s\": %s", launcher.cgroup.name,
					 strerror(-result));
	return 0;
}

static int
launcher_probe(void)
{
	launcher_layer_probe(&launcher, LAYER_ALL);
	launcher_scheduler_report(&launcher);
	return 0;
}

static int
launcher_read_config(void)
{
	return launcher_scheduler_read_config(&launcher);
}

static int
launcher_listen(void)
{
	return backend_listen(&launcher);
}

static int
launcher_announce(void)
{
	const ControlMessage ready = {.kind = CONTROL_READY, .pid = getpid()};
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	launcher.next_id = ((uint64_t) now.tv_sec * 1000 + (uint64_t) now.tv_nsec / 1000000) << ID_SHIFT;
	launcher_scheduler_send(&launcher, &ready);
	launcher_scheduler_apply(&launcher);
	return launcher_source_open(&launcher, &launcher.scheduler, LAUNCHER_CONTROL_FD, launcher_scheduler_ready,
								&launcher);
}

/* In this order. */
static const struct
{
	const char *stage;
	int (*run)(void);
} launcher_stages[] = {
	{"prepare", launcher_prepare},
	{"read the configuration", launcher_read_config},
	{"lock", launcher_lock},
	{"claim the cgroup", launcher_claim},
	{"probe the layers", launcher_probe},
	{"clean up", launcher_clean},
	{"listen", launcher_listen},
	{"announce", launcher_announce},
};

static int
launcher_run(void)
{
	for (size_t i = 0; i < sizeof(launcher_stages) / sizeof(launcher_stages[0]); i++)
	{
		int result = launcher_stages[i].run();

		if (result < 0)
		{
			launcher_log("could not %s: %s", launcher_stages[i].stage, strerror(-result));
			return EXIT_FAILURE;
		}
	}
	launcher_loop_run(&launcher);
	/* First of all nobody may come any more. */
	backend_stop(&launcher);
	zygote_stop(&launcher);
	cgroup_unclaim(&launcher.cgroup);
	return EXIT_SUCCESS;
}

static int
option_help(void)
{
	printf("pybox-launcher starts and confines the Python interpreters of a PostgreSQL server with pybox.\n\n"
		   "It is started by the server and of no use by hand.\n\n"
		   "  --help     show this help, then exit\n"
		   "  --version  show the version, then exit\n");
	return EXIT_SUCCESS;
}

static int
option_version(void)
{
	printf("pybox-launcher (pybox) " PYBOX_VERSION "\n");
	return EXIT_SUCCESS;
}

static const struct
{
	const char *name;
	int (*run)(void);
} launcher_options[] = {
	{"--help", option_help},
	{"--version", option_version},
};

int
main(int count, char **arguments)
{
	struct stat status;

	for (size_t i = 0; i < sizeof(launcher_options) / sizeof(launcher_options[0]) && count == 2; i++)
		if (strcmp(arguments[1], launcher_options[i].name) == 0)
			return launcher_options[i].run();
	if (count > 1)
	{
		fprintf(stderr, "pybox-launcher: unknown option \"%s\"\nTry \"pybox-launcher --help\".\n", arguments[1]);
		return EXIT_USAGE;
	}
	if (fstat(LAUNCHER_CONTROL_FD, &status) < 0 || !S_ISSOCK(status.st_mode))
	{
		fprintf(stderr, "pybox-launcher: is started by the server, not by hand\nTry \"pybox-launcher --help\".\n");
		return EXIT_USAGE;
	}
	(void) fcntl(LAUNCHER_CONTROL_FD, F_SETFD, FD_CLOEXEC);
	(void) syscall(SYS_close_range, LAUNCHER_CONTROL_FD + 1, ~0U, 0);
	return launcher_run();
}
