/*
 * launcher_birth.c - an interpreter from the request to its zygote until it is armed.
 *
 * DESIGN. The zygote has run packages and is not believed: the process behind its pidfd has to be its child and nobody
 * else's interpreter. The child waits for CONTROL_GO and is in its cgroup before it does anything of its own; where it goes
 * there by itself, that is looked at before it is leased.
 * Runs in the launcher.
 */
#include "sandbox/launcher_birth.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sandbox/fault.h"
#include "sandbox/launcher_death.h"
#include "sandbox/launcher_memfd.h"
#include "sandbox/launcher_proc.h"
#include "sandbox/launcher_slice.h"
#include "sandbox/launcher_watch.h"
#include "sandbox/launcher_weight.h"
#include "sandbox/launcher_zygote.h"

#define BIRTH_OOM_SCORE 1000 /* the first to go, before the zygote and long before the server */

static int
birth_wire_make(Interpreter *interpreter)
{
	const WireShared shared = {.magic = WIRE_MAGIC, .version = WIRE_VERSION, .lease_state = WIRE_LEASE_IDLE};
	void *map;

	interpreter->wire_fd =
		launcher_memfd_make("pybox-wire", WIRE_MAP_SIZE, &shared, sizeof(shared), LAUNCHER_SEAL_SIZE);
	if (interpreter->wire_fd < 0)
		return interpreter->wire_fd;
	if (interpreter->zygote->pool.idle_timeout_ms <= 0)
		return 0;
	map = mmap(NULL, WIRE_HEADER_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, interpreter->wire_fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	interpreter->shared = map;
	return 0;
}

/* Sends the request with the child's ends; ours go into the interpreter. */
static int
birth_request(Interpreter *interpreter)
{
	const ControlMessage request = {.kind = CONTROL_FORK, .id = interpreter->id};
	int sockets[2], descriptors[2];
	int result = FAULT_POINT("launcher.fork");

	if (result < 0)
		return result;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return -errno;
	descriptors[0] = interpreter->wire_fd;
	descriptors[1] = sockets[1];
	result = control_send(interpreter->zygote->control.fd, &request, descriptors, 2);
	close(sockets[1]);
	if (result < 0)
	{
		close(sockets[0]);
		return result;
	}
	return launcher_source_open(interpreter->launcher, &interpreter->socket, sockets[0], birth_socket_ready,
								interpreter);
}

int
interpreter_fork(Zygote *zygote)
{
	Launcher *launcher = zygote->launcher;
	Interpreter *interpreter = calloc(1, sizeof(*interpreter));
	int result;

	if (interpreter == NULL)
		return -ENOMEM;
	interpreter->launcher = launcher;
	interpreter->zygote = zygote;
	interpreter->id = launcher->next_id++;
	interpreter->born_ms = launcher_now_ms();
	interpreter->socket.fd = interpreter->life.fd = interpreter->wire_fd = interpreter->watch_fd = -1;
	interpreter->tmp_fd = -1;
	interpreter->weight = WEIGHT_USUAL;
	interpreter->next = launcher->interpreters;
	launcher->interpreters = interpreter;
	launcher->interpreter_count++;
	zygote->counts[INTERPRETER_FORKING]++;
	interpreter_enter(interpreter, INTERPRETER_FORKING); /* sets its deadline */
	result = birth_wire_make(interpreter);
	if (result == 0)
		result = watch_make(interpreter);
	if (result == 0)
		result = birth_request(interpreter);
	if (result < 0)
		death_forget(interpreter);
	return result;
}

static bool
birth_pid_is_known(const Launcher *launcher, pid_t pid)
{
	for (const Interpreter *other = launcher->interpreters; other != NULL; other = other->next)
		if (other->pid == pid)
			return true;
	return false;
}

static int
birth_pid_check(Interpreter *interpreter)
{
	pid_t pid = launcher_proc_pidfd_pid(interpreter->life.fd);

	if (pid < 0 || birth_pid_is_known(interpreter->launcher, pid) ||
		launcher_proc_parent(pid) != interpreter->zygote->pid)
		return -ESRCH;
	interpreter->pid = pid;
	return 0;
}

static int
birth_group_make(Interpreter *interpreter)
{
	const PolicyPool *pool = &interpreter->zygote->pool;
	const Cgroup *cgroup = &interpreter->launcher->cgroup;
	const CgroupLimits limits = {
		.memory = pool->limits.memory, .pids = pool->limits.pids, .cpu_percent = pool->limits.cpu_percent};
	int result = FAULT_POINT("launcher.group_make");

	snprintf(interpreter->group, sizeof(interpreter->group), CGROUP_TOP "/%s/%" PRIu64, pool->name, interpreter->id);
	return result == 0 ? cgroup->backend->group_make(cgroup, interpreter->group, &limits) : result;
}

static int
birth_oom_score(Interpreter *interpreter)
{
	return launcher_proc_oom_score(interpreter->pid, BIRTH_OOM_SCORE);
}

/* It runs as well with another slice. */
static int
birth_slice(Interpreter *interpreter)
{
	(void) slice_set(interpreter->pid, slice_of_pool(&interpreter->launcher->policy, interpreter->zygote->pool.name));
	return 0;
}

/* It goes into its group by itself where that is quicker, or has been put there. */
static int
birth_go(Interpreter *interpreter)
{
	const ControlMessage go = {.kind = CONTROL_GO, .id = interpreter->id};
	const Cgroup *cgroup = &interpreter->launcher->cgroup;
	int doors[CGROUP_CONTROLLERS_MAX];
	int count = cgroup->backend->group_doors(cgroup, interpreter->group, doors);
	int result = count < 0 ? count : FAULT_POINT("launcher.group_attach");

	if (result == 0 && count == 0)
		result = cgroup->backend->group_attach(cgroup, interpreter->group, interpreter->pid);
	if (result == 0)
		result = FAULT_POINT("launcher.go");
	if (result == 0)
		result = control_send(interpreter->socket.fd, &go, doors, count);
	for (int i = 0; i < count; i++)
		close(doors[i]);
	return result;
}

static const struct
{
	const char *stage;
	int (*run)(Interpreter *interpreter);
} birth_steps[] = {
	{"process", birth_pid_check},
	{"oom_score_adj", birth_oom_score},
	{"cgroup", birth_group_make},
	{"slice", birth_slice},
	{"go", birth_go},
};

static bool
birth_is_dead(const Interpreter *interpreter)
{
	struct pollfd life = {.fd = interpreter->life.fd, .events = POLLIN};

	return poll(&life, 1, 0) > 0;
}

static void
birth_life_ready(void *owner)
{
	interpreter_event(owner, INTERPRETER_ENDED, NULL, NULL);
}

int
birth_adopt(Interpreter *interpreter, int pidfd, char *reason, size_t size)
{
	int result = pidfd < 0 ? -EBADF
						   : launcher_source_open(interpreter->launcher, &interpreter->life, pidfd, birth_life_ready,
												  interpreter);

	if (result < 0)
	{
		snprintf(reason, size, "pidfd: %s", strerror(-result));
		return -1;
	}
	for (size_t i = 0; i < sizeof(birth_steps) / sizeof(birth_steps[0]); i++)
	{
		result = birth_steps[i].run(interpreter);
		if (result == 0)
			continue;
		/* The dead cannot be prepared: how it ended is what counts, and that is on its way. */
		if (birth_is_dead(interpreter))
			return 0;
		snprintf(reason, size, "%s: %s", birth_steps[i].stage, strerror(-result));
		return -1;
	}
	return 0;
}

static const struct
{
	uint32_t kind;
	InterpreterEvent event;
} birth_messages[] = {
	{CONTROL_ARMED, INTERPRETER_ARMED},
	{CONTROL_FAILED, INTERPRETER_FAILED},
};

/* What it says of itself is not believed: one that is not in its group has failed. */
static void
birth_group_check(const Interpreter *interpreter, ControlMessage *message)
{
	const Cgroup *cgroup = &interpreter->launcher->cgroup;
	int result = cgroup->backend->group_holds(cgroup, interpreter->group, interpreter->pid);

	if (result < 0 && !birth_is_dead(interpreter))
		*message = (ControlMessage){.kind = CONTROL_FAILED, .status = -result, .text = "cgroup: it is not in its own"};
}

/* One, of whoever was said to have a private /tmp; it is only ever asked how full it is. */
static bool
birth_tmp_keep(Interpreter *interpreter, int fd)
{
	if (interpreter->state != INTERPRETER_ARMING || interpreter->tmp_fd >= 0 || fd < 0 ||
		interpreter->zygote->pool.limits.tmp <= 0)
		return false;
	interpreter->tmp_fd = fd;
	return true;
}

/* Anything else, its end included, is answered with death. */
void
birth_socket_ready(void *owner)
{
	Interpreter *interpreter = owner;
	ControlMessage message;
	int fds[CONTROL_FDS_MAX], count;
	int result = control_receive(interpreter->socket.fd, &message, fds, &count);

	if (result == 1 && message.kind == CONTROL_TMP && count == 1 && birth_tmp_keep(interpreter, fds[0]))
		return;
	for (int i = 0; i < count; i++)
		close(fds[i]);
	if (result == -EAGAIN)
		return;
	if (result == 1 && message.kind == CONTROL_ARMED)
		birth_group_check(interpreter, &message);
	for (size_t i = 0; i < sizeof(birth_messages) / sizeof(birth_messages[0]) && result == 1; i++)
		if (birth_messages[i].kind == message.kind)
		{
			interpreter_event(interpreter, birth_messages[i].event, &message, NULL);
			return;
		}
	if (result == 0 || result == -ECONNRESET)
	{
		/* Most likely it is dead, alone or with its zygote: which of them is about to be told. */
		launcher_source_close(interpreter->launcher, &interpreter->socket);
		death_kill(interpreter);
		return;
	}
	message = (ControlMessage){.text = "it broke the protocol"};
	interpreter_event(interpreter, INTERPRETER_FAILED, &message, NULL);
}
