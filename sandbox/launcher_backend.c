/*
 * launcher_backend.c - listens for server processes and answers them by a table of messages. Runs in the launcher.
 *
 * A connection is the life of its leases: when it ends, however it ends, they end.
 */
#include "sandbox/launcher_backend.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "sandbox/fault.h"
#include "sandbox/launcher_interpreter.h"
#include "sandbox/launcher_lease.h"
#include "sandbox/launcher_list.h"
#include "sandbox/launcher_watch.h"

#define BACKEND_BACKLOG 128
#define BACKEND_ACCEPT_PAUSE_MS 100

static void
backend_release(Backend *backend, const ControlMessage *message)
{
	Interpreter *interpreter = interpreter_find(backend->launcher, message->id);

	if (interpreter == NULL || interpreter->owner != backend)
		return;
	(void) FAULT_POINT("launcher.release");
	interpreter->owner = NULL;
	interpreter_event(interpreter, INTERPRETER_RELEASED, NULL, NULL);
}

/* The request still waits, or its interpreter is on its way to a session that would find it at its next call only. */
static void
backend_withdraw(Backend *backend, const ControlMessage *message)
{
	Interpreter *interpreter = backend->launcher->interpreters;

	lease_withdraw(backend, message->generation);
	while (interpreter != NULL && (interpreter->owner != backend || interpreter->request != message->generation))
		interpreter = interpreter->next;
	if (interpreter == NULL)
		return;
	interpreter->owner = NULL;
	interpreter_event(interpreter, INTERPRETER_RELEASED, NULL, NULL);
}

/* For the views of all sessions. */
static void
backend_usage(Backend *backend, const ControlMessage *message)
{
	ControlMessage answer = *message;

	interpreter_usages_read(backend->launcher, &answer);
	backend_send(backend, &answer, NULL, 0);
}

/* NULL unless it is leased to this backend, in a group of its own. */
static Interpreter *
backend_leased(const Backend *backend, const ControlMessage *message)
{
	Interpreter *interpreter = interpreter_find(backend->launcher, message->id);

	if (interpreter == NULL || interpreter->owner != backend || interpreter->state != INTERPRETER_LEASED ||
		interpreter->group[0] == '\0')
		return NULL;
	return interpreter;
}

/* The backend has stopped what its signals reach; here is the rest, such as a child in a session of its own. */
static void
backend_freeze(Backend *backend, const ControlMessage *message)
{
	const Interpreter *interpreter = backend_leased(backend, message);
	const Cgroup *cgroup = &backend->launcher->cgroup;

	if (interpreter != NULL)
		(void) cgroup->backend->group_freeze(cgroup, interpreter->group);
}

static void
backend_thaw(Backend *backend, const ControlMessage *message)
{
	const Interpreter *interpreter = backend_leased(backend, message);
	const Cgroup *cgroup = &backend->launcher->cgroup;

	if (interpreter != NULL)
		(void) cgroup->backend->group_thaw(cgroup, interpreter->group);
}

static void
backend_weigh(Backend *backend, const ControlMessage *message)
{
	Interpreter *interpreter = backend_leased(backend, message);

	if (interpreter != NULL)
		watch_weigh(interpreter, message->status, launcher_now_ms());
}

static const struct
{
	uint32_t kind;
	void (*handle)(Backend *backend, const ControlMessage *message);
} backend_messages[] = {
	{CONTROL_LEASE, lease_request}, {CONTROL_WITHDRAW, backend_withdraw}, {CONTROL_RELEASE, backend_release},
	{CONTROL_USAGE, backend_usage}, {CONTROL_LIST, list_request},		  {CONTROL_FREEZE, backend_freeze},
	{CONTROL_THAW, backend_thaw},	{CONTROL_WEIGH, backend_weigh},
};

static void
backend_ready(void *owner)
{
	Backend *backend = owner;
	ControlMessage message;
	int fds[CONTROL_FDS_MAX], count;
	int result = control_receive(backend->socket.fd, &message, fds, &count);

	for (int i = 0; i < count; i++)
		close(fds[i]);
	if (result == -EAGAIN)
		return;
	for (size_t i = 0; i < sizeof(backend_messages) / sizeof(backend_messages[0]) && result == 1; i++)
		if (backend_messages[i].kind == message.kind)
		{
			backend_messages[i].handle(backend, &message);
			return;
		}
	backend->is_broken = true;
}

void
backend_send(Backend *backend, const ControlMessage *message, const int *fds, int count)
{
	int result;

	if (backend->is_broken)
		return;
	result = FAULT_POINT("launcher.answer");
	if (result == 0)
		result = control_send(backend->socket.fd, message, fds, count);
	if (result == 0)
		return;
	if (result != -EPIPE && result != -ECONNRESET)
		launcher_log("could not answer a backend: %s", strerror(-result));
	backend->is_broken = true;
}

/* Who connects; 0: somebody who may not read the server's files, and so not have its interpreters. */
static pid_t
backend_peer(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == geteuid() ? peer.pid : 0;
}

/* How many descriptors this process may have. */
static int
backend_descriptor_max(void)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < INT_MAX ? (int) limit.rlim_cur : INT_MAX;
}

/* Whether there are descriptors for one more and those that its interpreters take: these may never be short. */
static bool
backend_fits(const Launcher *launcher)
{
	int fd = FAULT_POINT("launcher.accept") < 0 ? -1 : fcntl(launcher->listener.fd, F_DUPFD_CLOEXEC, 0);
	int max = backend_descriptor_max();
	int kept = max / 4 < LAUNCHER_DESCRIPTORS_KEPT ? max / 4 : LAUNCHER_DESCRIPTORS_KEPT;

	if (fd >= 0)
		close(fd);
	return fd >= 0 && fd < max - kept;
}

/* Who wants to connect waits in the kernel meanwhile; the listener would be ready for ever, without an end. */
static void
backend_accept_later(Launcher *launcher)
{
	if (launcher->accept_failures++ == 0)
		launcher_log("too many open files for another session, of %d: it waits until others end",
					 backend_descriptor_max());
	launcher->accept_ms = launcher_now_ms() + BACKEND_ACCEPT_PAUSE_MS;
	launcher_source_mute(launcher, &launcher->listener);
}

static void
backend_accept(void *owner)
{
	Launcher *launcher = owner;
	Backend *backend;
	pid_t pid;
	int fd;

	if (!backend_fits(launcher))
	{
		backend_accept_later(launcher);
		return;
	}
	fd = accept4(launcher->listener.fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
	{
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			backend_accept_later(launcher);
		return;
	}
	launcher->accept_failures = 0;
	pid = backend_peer(fd);
	backend = pid != 0 ? calloc(1, sizeof(*backend)) : NULL;
	if (backend == NULL)
	{
		close(fd);
		return;
	}
	backend->launcher = launcher;
	backend->pid = pid;
	backend->socket.fd = -1;
	if (launcher_source_open(launcher, &backend->socket, fd, backend_ready, backend) < 0)
	{
		free(backend);
		return;
	}
	backend->next = launcher->backends;
	launcher->backends = backend;
}

static void
backend_close(Backend *backend)
{
	Launcher *launcher = backend->launcher;

	lease_forget(launcher, backend);
	interpreter_release_all(launcher, backend);
	launcher_source_close(launcher, &backend->socket);
	free(backend);
}

int64_t
backend_deadline(const Launcher *launcher)
{
	return launcher->accept_ms;
}

void
backend_expire(Launcher *launcher, int64_t now_ms)
{
	Backend **link = &launcher->backends;

	if (launcher->accept_ms <= now_ms)
	{
		launcher->accept_ms = LAUNCHER_NEVER;
		launcher_source_unmute(launcher, &launcher->listener);
	}
	while (*link != NULL)
	{
		Backend *backend = *link;

		if (backend->is_broken)
		{
			*link = backend->next;
			backend_close(backend);
		}
		else
			link = &backend->next;
	}
}

int
backend_listen(Launcher *launcher)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	mode_t mask;
	int fd, result;

	if (snprintf(address.sun_path, sizeof(address.sun_path), "%s", launcher->socket_path) >=
		(int) sizeof(address.sun_path))
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	(void) unlink(launcher->socket_path);
	mask = umask(077);
	result =
		bind(fd, (struct sockaddr *) &address, sizeof(address)) < 0 || listen(fd, BACKEND_BACKLOG) < 0 ? -errno : 0;
	umask(mask);
	if (result == 0)
		return launcher_source_open(launcher, &launcher->listener, fd, backend_accept, launcher);
	close(fd);
	return result;
}

void
backend_stop(Launcher *launcher)
{
	if (launcher->listener.fd >= 0)
		(void) unlink(launcher->socket_path);
	launcher_source_close(launcher, &launcher->listener);
}
