/*
 * python_child.c - a new interpreter, from its fork to its first frame. Runs in: child.
 */
#include <Python.h>

#include "sandbox/python_child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/control.h"
#include "sandbox/fault.h"
#include "sandbox/python_channel.h"
#include "sandbox/python_memory.h"
#include "sandbox/python_serve.h"
#include "sandbox/python_start.h"

#define CHILD_SOCKET LOCKDOWN_SOCKET

/* As control_send, but by a call that the last filter leaves: it forbids those that pass descriptors. */
static int
child_send(const ControlMessage *message)
{
	return send(CHILD_SOCKET, message, sizeof(*message), MSG_NOSIGNAL) == (ssize_t) sizeof(*message) ? 0 : -1;
}

_Noreturn static void
child_fail(int error, const char *stage)
{
	ControlMessage message = {.kind = CONTROL_FAILED, .status = error};

	snprintf(message.text, sizeof(message.text), "%s: %s", stage, strerror(error));
	child_send(&message);
	_exit(1);
}

static void
child_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	signal(SIGCHLD, SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/*
 * The zygote's descriptors are not the child's; the socket becomes number 3 and blocks. Programs that an untrusted
 * function starts do not get it: whoever holds it keeps the backend from seeing that the interpreter is gone.
 */
static void
child_descriptors(bool trusted, int socket, int null_fd)
{
	if (trusted && (dup2(null_fd, STDOUT_FILENO) < 0 || dup2(null_fd, STDERR_FILENO) < 0))
		_exit(1);
	if (dup3(socket, CHILD_SOCKET, O_CLOEXEC) < 0)
		_exit(1);
	if (syscall(SYS_close_range, CHILD_SOCKET + 1, ~0U, 0) < 0)
		_exit(1);
	fcntl(CHILD_SOCKET, F_SETFL, fcntl(CHILD_SOCKET, F_GETFL) & ~O_NONBLOCK);
}

static void *
child_map(int memfd)
{
	struct stat status;
	void *map;

	if (fstat(memfd, &status) != 0 || status.st_size != WIRE_MAP_SIZE)
		return NULL;
	map = mmap(NULL, WIRE_MAP_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
	return map == MAP_FAILED ? NULL : map;
}

/* It has one thread, so that this is quick; see cgroup.h. */
static void
child_enter_groups(const int *fds, int count)
{
	for (int i = 0; i < count; i++)
	{
		if (write(fds[i], "0", 1) != 1)
			child_fail(errno, "cgroup");
		close(fds[i]);
	}
}

static void
child_wait_go(void)
{
	int fds[CONTROL_FDS_MAX], fd_count;
	ControlMessage message;
	int result = control_receive(CHILD_SOCKET, &message, fds, &fd_count);

	if (result == 0)
		_exit(0);
	if (result < 0)
		child_fail(-result, "go");
	if (message.kind != CONTROL_GO)
		child_fail(EPROTO, "go");
	child_enter_groups(fds, fd_count);
}

_Noreturn void
child_run(const LockdownPlan *plan, bool trusted, int memfd, int socket, int null_fd)
{
	ControlMessage message = {.kind = CONTROL_ARMED};
	const char *stage = "lockdown";
	void *map = child_map(memfd);
	int result;

	child_signals();
	child_descriptors(trusted, socket, null_fd);
	if (map == NULL)
		child_fail(EINVAL, "wire");
	if (start_reseed() != 0)
		child_fail(ENOTRECOVERABLE, "reseed");
	if (FAULT_POINT("child.forked") < 0)
		child_fail(EIO, "fault");
	child_wait_go();
	result = lockdown_apply(plan, &message.layers, &stage);
	if (result < 0)
		child_fail(-result, stage);
	channel_open(CHILD_SOCKET, map);
	memory_limit_set((uint64_t) plan->memory);
	if (FAULT_POINT("child.armed") < 0)
		child_fail(EIO, "fault");
	if (child_send(&message) != 0)
		_exit(1);
	serve_forever();
}
