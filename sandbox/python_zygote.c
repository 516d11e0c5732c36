/*
 * python_zygote.c - forks interpreters on the launcher's word, reaps them and says how they ended.
 *
 * It is the first process of its pid namespace, so it also reaps what its children leave behind, and they all die with it.
 * Runs in: zygote.
 */
#include <Python.h>

#include "sandbox/python_zygote.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/control.h"
#include "sandbox/fault.h"
#include "sandbox/python_child.h"

typedef struct ZygoteChild
{
	pid_t pid;
	uint64_t id; /* the launcher's */
} ZygoteChild;

static struct
{
	const StartOptions *options;
	const LockdownPlan *plan;
	int null_fd, signal_fd;
	ZygoteChild *children;
	size_t count, capacity;
} zygote;

/* Without its launcher a zygote has no purpose. */
static void
zygote_send(const ControlMessage *message, const int *fds, int fd_count)
{
	if (control_send(ZYGOTE_CONTROL, message, fds, fd_count) < 0)
		_exit(0);
}

static void
zygote_report_failure(uint64_t id, int error, const char *text)
{
	ControlMessage message = {.kind = CONTROL_FAILED, .id = id, .status = error};

	snprintf(message.text, sizeof(message.text), "%s", text);
	zygote_send(&message, NULL, 0);
}

static int
zygote_reserve(void)
{
	size_t capacity = zygote.capacity == 0 ? 64 : 2 * zygote.capacity;
	ZygoteChild *children;

	if (zygote.count < zygote.capacity)
		return 0;
	children = realloc(zygote.children, capacity * sizeof(ZygoteChild));
	if (children == NULL)
		return -1;
	zygote.children = children;
	zygote.capacity = capacity;
	return 0;
}

/* In the child: child_run. In the zygote: the pid, or -1. */
static pid_t
zygote_fork(int memfd, int socket)
{
	pid_t pid;

	if (FAULT_POINT("zygote.fork") < 0)
	{
		errno = EIO;
		return -1;
	}
	PyOS_BeforeFork();
	pid = fork();
	if (pid != 0)
	{
		int error = errno;

		PyOS_AfterFork_Parent();
		errno = error;
		return pid;
	}
	PyOS_AfterFork_Child();
	if (zygote.children != NULL)
		explicit_bzero(zygote.children,
					   zygote.capacity * sizeof(ZygoteChild)); /* who its siblings are is not its business */
	child_run(zygote.plan, zygote.options->trusted, memfd, socket, zygote.null_fd);
}

/* The child cannot be reaped before its pidfd is open: this process has one thread. */
static void
zygote_report_fork(uint64_t id, pid_t pid)
{
	ControlMessage message = {.kind = CONTROL_FORKED, .id = id, .pid = pid};
	int pidfd = FAULT_POINT("zygote.forked") < 0 ? -1 : (int) syscall(SYS_pidfd_open, pid, 0);

	if (pidfd < 0)
	{
		zygote_report_failure(id, errno, "pidfd: cannot open");
		kill(pid, SIGKILL);
		return;
	}
	zygote.children[zygote.count++] = (ZygoteChild){.pid = pid, .id = id};
	zygote_send(&message, &pidfd, 1);
	close(pidfd);
}

static void
zygote_serve_fork(const ControlMessage *message, const int *fds)
{
	char text[128];
	pid_t pid;

	if (zygote_reserve() != 0)
	{
		zygote_report_failure(message->id, ENOMEM, "fork: out of memory");
		return;
	}
	pid = zygote_fork(fds[0], fds[1]);
	if (pid > 0)
	{
		zygote_report_fork(message->id, pid);
		return;
	}
	snprintf(text, sizeof(text), "fork: %s", strerror(errno));
	zygote_report_failure(message->id, errno, text);
}

static void
zygote_serve_control(void)
{
	int fds[CONTROL_FDS_MAX], fd_count;
	ControlMessage message;
	int result = control_receive(ZYGOTE_CONTROL, &message, fds, &fd_count);

	if (result == -EAGAIN)
		return;
	if (result == -EMFILE)
	{
		zygote_report_failure(message.id, EMFILE, "fork: Too many open files");
		return;
	}
	if (result <= 0)
		_exit(0);
	if (message.kind == CONTROL_FORK && fd_count == 2)
		zygote_serve_fork(&message, fds);
	else
		zygote_report_failure(message.id, EPROTO, "zygote: message is not expected");
	for (int i = 0; i < fd_count; i++)
		close(fds[i]);
}

static ZygoteChild *
zygote_child_find(pid_t pid)
{
	for (size_t i = 0; i < zygote.count; i++)
		if (zygote.children[i].pid == pid)
			return &zygote.children[i];
	return NULL;
}

static void
zygote_report_exit(ZygoteChild *child, int status)
{
	const ControlMessage message = {.kind = CONTROL_EXITED, .status = status, .pid = child->pid, .id = child->id};

	(void) FAULT_POINT("zygote.exited");
	*child = zygote.children[--zygote.count];
	zygote_send(&message, NULL, 0);
}

/* Whoever it has forked goes along, as far as its process group goes: until it is reaped, its number is nobody else's. */
static void
zygote_bury(pid_t pid)
{
	ZygoteChild *child = zygote_child_find(pid);
	int status;

	if (child != NULL)
		(void) kill(-pid, SIGKILL);
	if (waitpid(pid, &status, WNOHANG) == pid && child != NULL)
		zygote_report_exit(child, status);
}

static void
zygote_reap(void)
{
	struct signalfd_siginfo ignored;
	siginfo_t dead = {0};

	while (read(zygote.signal_fd, &ignored, sizeof(ignored)) > 0)
		;
	while (waitid(P_ALL, 0, &dead, WEXITED | WNOHANG | WNOWAIT) == 0 && dead.si_pid > 0)
	{
		zygote_bury(dead.si_pid);
		dead.si_pid = 0;
	}
}

/* An interpreter that is paused, or goes on, is no matter of the zygote's: told of it, it would run in the midst of both. */
static int
zygote_prepare(void)
{
	const struct sigaction deaths_only = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDSTOP};
	sigset_t child;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	sigaction(SIGCHLD, &deaths_only, NULL);
	zygote.signal_fd = signalfd(-1, &child, SFD_NONBLOCK | SFD_CLOEXEC);
	zygote.null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	return zygote.signal_fd < 0 || zygote.null_fd < 0 ? -1 : 0;
}

_Noreturn static void
zygote_loop(void)
{
	struct pollfd polled[] = {{.fd = ZYGOTE_CONTROL, .events = POLLIN}, {.fd = zygote.signal_fd, .events = POLLIN}};

	for (;;)
	{
		if (poll(polled, 2, -1) < 0)
			continue;
		if (polled[1].revents != 0)
			zygote_reap();
		if (polled[0].revents != 0)
			zygote_serve_control();
	}
}

void
zygote_run(const StartOptions *options, const LockdownPlan *plan)
{
	ControlMessage up = {
		.kind = CONTROL_ZYGOTE_UP, .pid = getpid(), .layers = plan->layers, .trusted = options->trusted};
	char text[CONTROL_TEXT_SIZE];

	zygote.options = options;
	zygote.plan = plan;
	if (zygote_prepare() != 0)
	{
		zygote_report_failure(0, errno, "zygote: cannot open /dev/null or signals");
		return;
	}
	if (FAULT_POINT("zygote.start") < 0)
	{
		zygote_report_failure(0, EIO, "zygote: cannot start");
		return;
	}
	if (start_python(options, text, sizeof(text)) != 0)
	{
		zygote_report_failure(0, EINVAL, text);
		return;
	}
	snprintf(up.pool, sizeof(up.pool), "%s", options->pool);
	zygote_send(&up, NULL, 0);
	zygote_loop();
}
