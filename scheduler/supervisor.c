/*
 * supervisor.c - the launcher's life as the scheduler sees it.
 *
 * DESIGN. A state × event table. The launcher lives as long as its end of the control socket: closing ours makes it
 * clean up and exit, however this worker ends. Losing it makes launcher_generation even, so that every backend knows
 * its leases are gone. Restarts back off from 100 ms to 30 s and start over after a minute of health.
 */
#include "scheduler/supervisor.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "miscadmin.h"
#include "port.h"

#include "sandbox/control.h"
#include "sandbox/fault.h"
#include "scheduler/clock.h"
#include "scheduler/policy_floor.h"
#include "scheduler/rule_tick.h"
#include "scheduler/shared.h"

#define BACKOFF_FIRST_MS 100
#define BACKOFF_LAST_MS 30000
#ifdef PYBOX_FAULTS
#define HEALTHY_MS 0 /* who kills a hundred launchers has no time for their back-off */
#else
#define HEALTHY_MS 60000
#endif
#define STARTING_MS 30000 /* a launcher that is not ready by then is hung */
#define LINGER_TICK_MS 50
#define POLICY_TICK_MS 200 /* until it is tried again to send a policy */
#define LAUNCHER_FD 3

typedef enum SupervisorState
{
	LAUNCHER_DOWN,
	LAUNCHER_STARTING,
	LAUNCHER_READY,
	LAUNCHER_STATE_COUNT
} SupervisorState;
typedef enum SupervisorEvent
{
	EVENT_DUE,
	EVENT_READY,
	EVENT_LOST,
	EVENT_POLICY,
	EVENT_COUNT
} SupervisorEvent;

char *supervisor_cgroup = NULL;

static SupervisorState state = LAUNCHER_DOWN;
static int control = -1;
static pid_t launcher = 0;
static pid_t lingering = 0; /* a launcher that is lost but not reaped */
static long backoff_ms = BACKOFF_FIRST_MS;
static TimestampTz due_at = 0, ready_at = 0;

static void event_handle(SupervisorEvent event);

/* False when it was not sent: to a launcher that is busy, which has its socket full, in silence. */
static bool
launcher_send(const ControlMessage *message, const int *fds, int count)
{
	int result = control_send(control, message, fds, count);

	if (result < 0 && result != -EAGAIN)
		ereport(LOG, (errmsg("could not send to the pybox launcher: %s", strerror(-result))));
	return result == 0;
}

/* Only async-signal-safe calls: this is the child of a fork in a server process. */
static void
launcher_exec(const char *path, int socket)
{
	char *const argv[] = {"pybox-launcher", NULL};
	char *const envp[] = {NULL};
	sigset_t none;
	int null = open("/dev/null", O_RDONLY);

	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (null < 0 || dup2(null, 0) < 0 || dup2(socket, LAUNCHER_FD) < 0)
		_exit(127);
	if (socket == LAUNCHER_FD)
		fcntl(LAUNCHER_FD, F_SETFD, 0);
	close_range(LAUNCHER_FD + 1, ~0U, 0);
	execve(path, argv, envp);
	_exit(127);
}

static void
launcher_configure(const char *interpreter)
{
	ControlMessage message = {.kind = CONTROL_CONFIG};

	if (snprintf(message.text, sizeof(message.text), "%s\n%s\n%s\n%s", supervisor_cgroup ? supervisor_cgroup : "",
				 SUPERVISOR_SOCKET, DataDir, interpreter) >= (int) sizeof(message.text))
		ereport(ERROR, (errmsg("paths for the pybox launcher are longer than %zu bytes", sizeof(message.text))));
	(void) launcher_send(&message, NULL, 0);
	event_handle(EVENT_POLICY);
}

static void
launcher_start(void)
{
	char path[MAXPGPATH], interpreter[MAXPGPATH];
	int sockets[2];

	get_parent_directory(strcpy(path, my_exec_path));
	snprintf(interpreter, sizeof(interpreter), "%s/pybox-interpreter", path);
	strlcat(path, "/pybox-launcher", sizeof(path));
	due_at = TimestampTzPlusMilliseconds(clock_now(), backoff_ms);
	if (FAULT_POINT("scheduler.launcher_start") < 0 ||
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
	{
		ereport(LOG, (errmsg("could not make a socket for the pybox launcher: %m")));
		return;
	}
	launcher = fork();
	if (launcher == 0)
		launcher_exec(path, sockets[1]);
	close(sockets[1]);
	if (launcher < 0)
	{
		ereport(LOG, (errmsg("could not fork the pybox launcher: %m")));
		close(sockets[0]);
		launcher = 0;
		return;
	}
	control = sockets[0];
	(void) fcntl(control, F_SETFL, O_NONBLOCK);
	state = LAUNCHER_STARTING;
	due_at = TimestampTzPlusMilliseconds(clock_now(), STARTING_MS);
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	shared->launcher_pid = launcher;
	LWLockRelease(shared->lock);
	launcher_configure(interpreter);
}

static void
launcher_ready(void)
{
	state = LAUNCHER_READY;
	ready_at = clock_now();
	if (!shared_launcher_ready())
		pg_atomic_fetch_add_u32(&shared->launcher_generation, 1);
	ereport(LOG, (errmsg("pybox launcher is ready, pid %d", (int) launcher)));
}

static void
launcher_lost(void)
{
	TimestampTz now = clock_now();
	int status = 0;

	close(control);
	control = -1;
	if (shared_launcher_ready())
		pg_atomic_fetch_add_u32(&shared->launcher_generation, 1);
	if (state == LAUNCHER_READY && TimestampDifferenceExceeds(ready_at, now, HEALTHY_MS))
		backoff_ms = BACKOFF_FIRST_MS;
	/* It may still be cleaning up after it closed its socket, but not for long; its lock keeps the next one waiting. */
	if (waitpid(launcher, &status, WNOHANG) == launcher)
		ereport(LOG, (errmsg("pybox launcher (pid %d) ended: %s", (int) launcher, wait_result_to_str(status)),
					  errdetail("It starts again in %ld ms.", backoff_ms)));
	else
	{
		lingering = launcher;
		ereport(LOG, (errmsg("pybox launcher (pid %d) closed its socket", (int) launcher),
					  errdetail("It starts again in %ld ms.", backoff_ms)));
	}
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	shared->launcher_pid = 0;
	for (int pool = 0; pool < POLICY_POOLS_MAX; pool++)
		shared->zygotes[pool][0].state = shared->zygotes[pool][1].state = -1;
	LWLockRelease(shared->lock);
	state = LAUNCHER_DOWN;
	due_at = TimestampTzPlusMilliseconds(now, backoff_ms);
	backoff_ms = Min(backoff_ms * 2, BACKOFF_LAST_MS);
}

static void
launcher_hung(void)
{
	ereport(LOG, (errmsg("pybox launcher (pid %d) is not ready after %d s and is killed", (int) launcher,
						 STARTING_MS / 1000)));
	(void) kill(launcher, SIGKILL);
	launcher_lost();
}

static void
policy_send(void)
{
	ControlMessage message = {.kind = CONTROL_POLICY};
	int memory = FAULT_POINT("scheduler.policy_send") < 0 ? -1 : memfd_create("pybox-policy", MFD_CLOEXEC);
	bool written;

	if (memory < 0)
	{
		ereport(LOG, (errmsg("could not make a memory file for the pybox policy: %m")));
		return;
	}
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	message.generation = pg_atomic_read_u64(&shared->policy_generation);
	written = write(memory, shared->policy_text, shared->policy_length) == (ssize_t) shared->policy_length;
	shared->policy_changed = false;
	LWLockRelease(shared->lock);
	if (!written)
		ereport(LOG, (errmsg("could not write the pybox policy to a memory file: %m")));
	/* What the launcher has not heard of it is told by the next tick. */
	if (!written || !launcher_send(&message, &memory, 1))
		shared->policy_changed = true;
	close(memory);
}

static void
nothing(void)
{
}

static void (*const transitions[LAUNCHER_STATE_COUNT][EVENT_COUNT])(void) = {
	[LAUNCHER_DOWN] =
		{[EVENT_DUE] = launcher_start, [EVENT_READY] = nothing, [EVENT_LOST] = nothing, [EVENT_POLICY] = nothing},
	[LAUNCHER_STARTING] = {[EVENT_DUE] = launcher_hung,
						   [EVENT_READY] = launcher_ready,
						   [EVENT_LOST] = launcher_lost,
						   [EVENT_POLICY] = policy_send},
	[LAUNCHER_READY] =
		{[EVENT_DUE] = nothing, [EVENT_READY] = nothing, [EVENT_LOST] = launcher_lost, [EVENT_POLICY] = policy_send},
};

static void
event_handle(SupervisorEvent event)
{
	transitions[state][event]();
}

static void
ready_received(const ControlMessage *message)
{
	event_handle(EVENT_READY);
}

static void
layer_received(const ControlMessage *message)
{
	const char *end = strchrnul(message->text, '\n');
	SharedLayer *layer;

	if (message->id >= LAYER_COUNT)
		return;
	layer = &shared->layers[message->id];
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	layer->known = true;
	layer->error = message->status;
	strlcpy(layer->detail, message->text, Min(sizeof(layer->detail), (size_t) (end - message->text) + 1));
	strlcpy(layer->hint, *end == '\n' ? end + 1 : "", sizeof(layer->hint));
	LWLockRelease(shared->lock);
}

static void
zygote_received(const ControlMessage *message)
{
	SharedZygote *zygote;
	int pool;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	pool = policy_pool_find(&shared->policy, message->pool);
	/* Of another policy's pool of that name it says nothing of ours; once it has ours, the launcher tells of all. */
	if (pool >= 0 && message->generation == pg_atomic_read_u64(&shared->policy_generation))
	{
		zygote = &shared->zygotes[pool][message->trusted != 0];
		zygote->state = message->status;
		zygote->layers = message->layers;
		zygote->pid = message->pid;
		strlcpy(zygote->reason, message->text, sizeof(zygote->reason));
		if (message->memory_peak > 0)
			policy_floor_learn(&shared->policy.pools[pool], message->memory_peak);
	}
	LWLockRelease(shared->lock);
	if (message->status == CONTROL_ZYGOTE_BROKEN)
		ereport(LOG, (errmsg("pybox pool \"%s\" has no %s interpreters: %s", message->pool,
							 message->trusted ? "trusted" : "untrusted", message->text)));
}

static const struct
{
	uint32 kind;
	void (*handle)(const ControlMessage *message);
} receivers[] = {
	{CONTROL_READY, ready_received},
	{CONTROL_LAYER, layer_received},
	{CONTROL_ZYGOTE, zygote_received},
	{CONTROL_USAGE, rule_tick_usage},
};

static void
message_handle(const ControlMessage *message)
{
	for (int i = 0; i < (int) lengthof(receivers); i++)
		if (receivers[i].kind == message->kind)
		{
			receivers[i].handle(message);
			return;
		}
	ereport(LOG, (errmsg("pybox launcher sent a message of unknown kind %u", message->kind)));
}

void
supervisor_read(void)
{
	ControlMessage message;
	int fds[CONTROL_FDS_MAX], count;
	int result;

	while (control >= 0 && (result = control_receive(control, &message, fds, &count)) != -EAGAIN)
	{
		for (int i = 0; i < count; i++)
			close(fds[i]);
		if (result == 1)
			message_handle(&message);
		else if (result != -EINTR)
			event_handle(EVENT_LOST);
	}
}

long
supervisor_tick(TimestampTz now)
{
	/* Reaps a launcher that took its time to clean up; the one in charge is launcher_lost()'s. */
	if (lingering > 0 && waitpid(lingering, NULL, WNOHANG) != 0)
		lingering = 0;
	/* Without a policy there is nothing to launch; installing one sets our latch. */
	if (pg_atomic_read_u64(&shared->policy_generation) == 0)
		return -1;
	if (shared->policy_changed)
		event_handle(EVENT_POLICY);
	if (now >= due_at)
		event_handle(EVENT_DUE);
	if (shared->policy_changed && state != LAUNCHER_DOWN)
		return POLICY_TICK_MS;
	if (state == LAUNCHER_READY && lingering == 0)
		return -1;
	return Max(LINGER_TICK_MS, TimestampDifferenceMilliseconds(now, state == LAUNCHER_READY ? now : due_at));
}

void
supervisor_send(const ControlMessage *message)
{
	if (state == LAUNCHER_READY)
		(void) control_send(control, message, NULL, 0);
}

pgsocket
supervisor_socket(void)
{
	return control < 0 ? PGINVALID_SOCKET : control;
}
