/*
 * launcher_interpreter.c - the life of an interpreter as a state × event table, every cell answered.
 *
 * DESIGN. The launcher is not the interpreters' parent: it learns of a death by the pidfd at once, and how it came by the
 * zygote's CONTROL_EXITED, which ends the object. A zygote that does not tell in time is killed, and that ends it too.
 * Nothing is freed but in death_conclude. Runs in the launcher.
 */
#include "sandbox/launcher_interpreter.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/launcher_backend.h"
#include "sandbox/launcher_birth.h"
#include "sandbox/launcher_death.h"
#include "sandbox/launcher_layer.h"
#include "sandbox/launcher_lease.h"
#include "sandbox/launcher_proc.h"
#include "sandbox/launcher_watch.h"
#include "sandbox/launcher_zygote.h"

#define INTERPRETER_RECENT_MS 80 /* for so long what was read of one is told to views again */

typedef void (*InterpreterAction)(Interpreter *interpreter, const ControlMessage *message, int *fds);

/* How long an interpreter may stay in a state; 0: for ever, or until the idle check says so. */
static const int64_t interpreter_limit_ms[INTERPRETER_STATE_COUNT] = {
	[INTERPRETER_FORKING] = 20000,
	[INTERPRETER_ARMING] = 20000,
	[INTERPRETER_DYING] = 30000, /* a large one on a busy machine takes a while to tear down */
};

void
interpreter_enter(Interpreter *interpreter, InterpreterState state)
{
	interpreter->zygote->counts[interpreter->state]--;
	interpreter->zygote->counts[state]++;
	interpreter->state = state;
	interpreter->deadline_ms =
		interpreter_limit_ms[state] == 0 ? LAUNCHER_NEVER : launcher_now_ms() + interpreter_limit_ms[state];
}

static void
action_ignore(Interpreter *interpreter, const ControlMessage *message, int *fds)
{
	(void) interpreter, (void) message, (void) fds;
}

/* Out of turn: only a zygote that is no longer ours would do that. */
static void
action_distrust(Interpreter *interpreter, const ControlMessage *message, int *fds)
{
	(void) message, (void) fds;
	zygote_kill(interpreter->zygote, "it broke the protocol");
}

static void
action_kill(Interpreter *interpreter, const ControlMessage *message, int *fds)
{
	(void) message, (void) fds;
	launcher_source_close(interpreter->launcher, &interpreter->socket);
	interpreter->was_killed = true;
	death_kill(interpreter);
	interpreter_enter(interpreter, INTERPRETER_DYING);
}

static void
action_adopt(Interpreter *interpreter, const ControlMessage *message, int *fds)
{
	char reason[CONTROL_TEXT_SIZE];
	int pidfd = fds[0];

	(void) message;
	fds[0] = -1;
	if (birth_adopt(interpreter, pidfd, reason, sizeof(reason)) == 0)
	{
		interpreter_enter(interpreter, INTERPRETER_ARMING);
		return;
	}
	zygote_child_failed(interpreter->zygote, reason);
	action_kill(interpreter, NULL, NULL);
}

static void
action_arm(Interpreter *interpreter, const ControlMessage *message, int *fds)
{
	Zygote *zygote = interpreter->zygote;
	Launcher *launcher = interpreter->launcher;
	uint32_t missing;

	(void) fds;
	interpreter->layers = message->layers | (zygote->layers & launcher->cgroup.layers);
	missing = policy_layers_missing(&launcher->policy, &zygote->pool, zygote->trusted, interpreter->layers);
	if (zygote->retired)
		action_kill(interpreter, NULL, NULL);
	else if (missing != 0)
	{
		char reason[CONTROL_TEXT_SIZE];

		launcher_layer_describe(launcher, missing, reason, sizeof(reason));
		lease_refuse_all(zygote, CONTROL_REFUSED_LAYER, missing, reason);
		zygote_child_failed(zygote, reason);
		action_kill(interpreter, NULL, NULL);
	}
	else
	{
		zygote->failures = 0;
		interpreter_enter(interpreter, INTERPRETER_SPARE);
		zygote_advance(zygote);
	}
}

static void
action_fail(Interpreter *interpreter, const ControlMessage *message, int *fds)
{
	zygote_child_failed(interpreter->zygote, message->text);
	action_kill(interpreter, message, fds);
}

/* The fork itself failed: there is no process. */
static void
action_stillborn(Interpreter *interpreter, const ControlMessage *message, int *fds)
{
	(void) fds;
	zygote_child_failed(interpreter->zygote,
						message->text[0] != '\0' ? message->text : "it ended before it was confined");
	death_conclude(interpreter, 0);
}

/* The lease starts idle, but from now on, not since ever. */
static void
action_hand_over(Interpreter *interpreter, const ControlMessage *message, int *fds)
{
	const Zygote *zygote = interpreter->zygote;
	ControlMessage answer = *message;
	const int descriptors[] = {interpreter->wire_fd, interpreter->socket.fd, interpreter->life.fd,
							   interpreter->watch_fd};

	(void) fds;
	interpreter_enter(interpreter, INTERPRETER_LEASED);
	interpreter->was_leased = true;
	interpreter->leased_ms = launcher_now_ms();
	interpreter->role = message->role;
	interpreter->request = message->generation;
	if (zygote->pool.idle_timeout_ms > 0 && interpreter->shared != NULL)
	{
		__atomic_store_n(&interpreter->shared->idle_since_ms, (uint64_t) launcher_now_ms(), __ATOMIC_RELAXED);
		interpreter->deadline_ms = launcher_now_ms() + zygote->pool.idle_timeout_ms;
	}
	answer.kind = CONTROL_LEASED;
	answer.id = interpreter->id;
	answer.pid = interpreter->pid;
	answer.layers = interpreter->layers;
	answer.status = message->status; /* not 0: it had to wait for one to be made */
	answer.memory_limit = zygote->pool.limits.memory;
	backend_send(interpreter->owner, &answer, descriptors, 4);
	watch_begin(interpreter);
	launcher_source_close(interpreter->launcher, &interpreter->socket);
	close(interpreter->wire_fd);
	interpreter->wire_fd = -1;
}

/* What it said last says more than how it ended, and may be heard of later. */
static void
interpreter_hear_out(Interpreter *interpreter)
{
	ControlMessage message;
	int fds[CONTROL_FDS_MAX], count;

	if (interpreter->state != INTERPRETER_ARMING || interpreter->socket.fd < 0 ||
		control_receive(interpreter->socket.fd, &message, fds, &count) != 1)
		return;
	for (int i = 0; i < count; i++)
		close(fds[i]);
	if (message.kind != CONTROL_FAILED)
		return;
	zygote_child_failed(interpreter->zygote, message.text);
	interpreter->was_killed = true;
}

/* Dead: its zygote is about to tell how, or about to be found dead itself. */
static void
action_end(Interpreter *interpreter, const ControlMessage *message, int *fds)
{
	(void) message, (void) fds;
	interpreter_hear_out(interpreter);
	launcher_source_close(interpreter->launcher, &interpreter->life);
	launcher_source_close(interpreter->launcher, &interpreter->socket);
	interpreter_enter(interpreter, INTERPRETER_DYING);
}

static void
action_end_killed(Interpreter *interpreter, const ControlMessage *message, int *fds)
{
	(void) message, (void) fds;
	launcher_source_close(interpreter->launcher, &interpreter->life);
}

static void
action_conclude(Interpreter *interpreter, const ControlMessage *message, int *fds)
{
	char reason[64];
	int status = message->status;

	(void) fds;
	interpreter_hear_out(interpreter);
	if (!interpreter->was_leased && !interpreter->was_killed)
	{
		snprintf(reason, sizeof(reason), WIFSIGNALED(status) ? "killed by signal %d" : "ended with exit status %d",
				 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
		zygote_child_failed(interpreter->zygote, reason);
	}
	death_conclude(interpreter, status);
}

static void
action_orphan(Interpreter *interpreter, const ControlMessage *message, int *fds)
{
	(void) message, (void) fds;
	if (!interpreter->is_doomed)
		interpreter->verdict = interpreter->zygote->end_cause;
	interpreter->is_doomed = true;
	death_conclude(interpreter, SIGKILL);
}

static void
action_wedged(Interpreter *interpreter, const ControlMessage *message, int *fds)
{
	(void) message, (void) fds;
	zygote_kill(interpreter->zygote, "it did not answer in time");
	interpreter->deadline_ms = LAUNCHER_NEVER;
}

void
interpreter_doom(Interpreter *interpreter, ControlCause cause)
{
	interpreter->is_doomed = true;
	interpreter->verdict = cause;
	action_kill(interpreter, NULL, NULL);
}

/*
 * The lease's owner and the child write these words too: the owner wins the race for BUSY by compare-and-swap, and a
 * child that lies can only shorten or lengthen its own lease.
 */
static void
action_check_idle(Interpreter *interpreter, const ControlMessage *message, int *fds)
{
	WireShared *shared = interpreter->shared;
	int64_t now = launcher_now_ms(), timeout = interpreter->zygote->pool.idle_timeout_ms;
	uint32_t idle = WIRE_LEASE_IDLE;
	uint64_t since = __atomic_load_n(&shared->idle_since_ms, __ATOMIC_ACQUIRE);
	int64_t idle_ms = since <= (uint64_t) now ? now - (int64_t) since : 0;

	if (__atomic_load_n(&shared->lease_state, __ATOMIC_ACQUIRE) != WIRE_LEASE_IDLE)
		idle_ms = 0;
	if (idle_ms < timeout)
	{
		interpreter->deadline_ms = now + timeout - idle_ms;
		return;
	}
	if (!__atomic_compare_exchange_n(&shared->lease_state, &idle, WIRE_LEASE_RECLAIMED, false, __ATOMIC_SEQ_CST,
									 __ATOMIC_SEQ_CST))
	{
		interpreter->deadline_ms = now + timeout;
		return;
	}
	(void) message, (void) fds;
	interpreter_doom(interpreter, CONTROL_CAUSE_IDLE);
}

static const InterpreterAction interpreter_actions[INTERPRETER_STATE_COUNT][INTERPRETER_EVENT_COUNT] = {
	[INTERPRETER_FORKING] =
		{
			[INTERPRETER_FORKED] = action_adopt,
			[INTERPRETER_ARMED] = action_distrust,
			[INTERPRETER_FAILED] = action_stillborn,
			[INTERPRETER_HANDED] = action_ignore,
			[INTERPRETER_RELEASED] = action_ignore,
			[INTERPRETER_ENDED] = action_ignore,
			[INTERPRETER_EXITED] = action_stillborn,
			[INTERPRETER_ORPHANED] = action_orphan,
			[INTERPRETER_EXPIRED] = action_wedged,
		},
	[INTERPRETER_ARMING] =
		{
			[INTERPRETER_FORKED] = action_distrust,
			[INTERPRETER_ARMED] = action_arm,
			[INTERPRETER_FAILED] = action_fail,
			[INTERPRETER_HANDED] = action_ignore,
			[INTERPRETER_RELEASED] = action_kill,
			[INTERPRETER_ENDED] = action_end,
			[INTERPRETER_EXITED] = action_conclude,
			[INTERPRETER_ORPHANED] = action_orphan,
			[INTERPRETER_EXPIRED] = action_wedged,
		},
	[INTERPRETER_SPARE] =
		{
			[INTERPRETER_FORKED] = action_distrust,
			[INTERPRETER_ARMED] = action_kill,
			[INTERPRETER_FAILED] = action_fail,
			[INTERPRETER_HANDED] = action_hand_over,
			[INTERPRETER_RELEASED] = action_kill,
			[INTERPRETER_ENDED] = action_end,
			[INTERPRETER_EXITED] = action_conclude,
			[INTERPRETER_ORPHANED] = action_orphan,
			[INTERPRETER_EXPIRED] = action_ignore,
		},
	[INTERPRETER_LEASED] =
		{
			[INTERPRETER_FORKED] = action_distrust,
			[INTERPRETER_ARMED] = action_ignore,
			[INTERPRETER_FAILED] = action_kill,
			[INTERPRETER_HANDED] = action_ignore,
			[INTERPRETER_RELEASED] = action_kill,
			[INTERPRETER_ENDED] = action_end,
			[INTERPRETER_EXITED] = action_conclude,
			[INTERPRETER_ORPHANED] = action_orphan,
			[INTERPRETER_EXPIRED] = action_check_idle,
		},
	[INTERPRETER_DYING] =
		{
			[INTERPRETER_FORKED] = action_distrust,
			[INTERPRETER_ARMED] = action_ignore,
			[INTERPRETER_FAILED] = action_ignore,
			[INTERPRETER_HANDED] = action_ignore,
			[INTERPRETER_RELEASED] = action_ignore,
			[INTERPRETER_ENDED] = action_end_killed,
			[INTERPRETER_EXITED] = action_conclude,
			[INTERPRETER_ORPHANED] = action_orphan,
			[INTERPRETER_EXPIRED] = action_wedged,
		},
};

bool
interpreter_table_is_full(void)
{
	for (int state = 0; state < INTERPRETER_STATE_COUNT; state++)
		for (int event = 0; event < INTERPRETER_EVENT_COUNT; event++)
			if (interpreter_actions[state][event] == NULL)
				return false;
	return true;
}

void
interpreter_event(Interpreter *interpreter, InterpreterEvent event, const ControlMessage *message, int *fds)
{
	interpreter_actions[interpreter->state][event](interpreter, message, fds);
}

Interpreter *
interpreter_find(const Launcher *launcher, uint64_t id)
{
	for (Interpreter *interpreter = launcher->interpreters; interpreter != NULL; interpreter = interpreter->next)
		if (interpreter->id == id)
			return interpreter;
	return NULL;
}

Interpreter *
interpreter_spare(const Zygote *zygote)
{
	Interpreter *interpreter = zygote->counts[INTERPRETER_SPARE] > 0 ? zygote->launcher->interpreters : NULL;

	while (interpreter != NULL && (interpreter->zygote != zygote || interpreter->state != INTERPRETER_SPARE))
		interpreter = interpreter->next;
	return interpreter;
}

void
interpreter_hand_over(Interpreter *interpreter, Backend *backend, const ControlMessage *request)
{
	interpreter->owner = backend;
	interpreter_event(interpreter, INTERPRETER_HANDED, request, NULL);
}

void
interpreter_release_all(Launcher *launcher, const Backend *backend)
{
	for (Interpreter *interpreter = launcher->interpreters; interpreter != NULL; interpreter = interpreter->next)
		if (interpreter->owner == backend)
		{
			interpreter->owner = NULL;
			interpreter_event(interpreter, INTERPRETER_RELEASED, NULL, NULL);
		}
}

void
interpreter_release_spares(Zygote *zygote)
{
	Interpreter *next;

	for (Interpreter *interpreter = zygote->launcher->interpreters; interpreter != NULL; interpreter = next)
	{
		next = interpreter->next;
		if (interpreter->zygote == zygote && interpreter->state != INTERPRETER_LEASED)
			interpreter_event(interpreter, INTERPRETER_RELEASED, NULL, NULL);
	}
}

void
interpreter_orphan_all(Zygote *zygote)
{
	Interpreter *next;

	for (Interpreter *interpreter = zygote->launcher->interpreters; interpreter != NULL; interpreter = next)
	{
		next = interpreter->next;
		if (interpreter->zygote == zygote)
			interpreter_event(interpreter, INTERPRETER_ORPHANED, NULL, NULL);
	}
}

void
interpreter_usage_read(const Interpreter *interpreter, CgroupUsage *usage)
{
	const Cgroup *cgroup = &interpreter->launcher->cgroup;

	memset(usage, 0, sizeof(*usage));
	if (interpreter->group[0] != '\0' && cgroup->backend->group_usage(cgroup, interpreter->group, usage) == 0)
		return;
	if (interpreter->pid > 0)
		launcher_proc_usage(interpreter->pid, &usage->memory, &usage->cpu_ns);
	usage->memory_peak = usage->memory;
}

const CgroupUsage *
interpreter_usage_recent(Interpreter *interpreter, int64_t now_ms)
{
	if (interpreter->usage_ms == 0 || now_ms - interpreter->usage_ms >= INTERPRETER_RECENT_MS)
	{
		interpreter_usage_read(interpreter, &interpreter->usage);
		interpreter->usage_ms = now_ms;
	}
	return &interpreter->usage;
}

/* Bytes in its private /tmp. */
static uint64_t
interpreter_temp(const Interpreter *interpreter)
{
	struct statfs status;

	if (interpreter->tmp_fd < 0 || fstatfs(interpreter->tmp_fd, &status) < 0)
		return 0;
	return (uint64_t) (status.f_blocks - status.f_bfree) * (uint64_t) status.f_bsize;
}

/* Of none: zeros. */
static ControlUsage
interpreter_measure(Interpreter *interpreter, bool is_recent)
{
	CgroupUsage usage = {0};

	if (interpreter == NULL)
		return (ControlUsage){0};
	if (is_recent)
		usage = *interpreter_usage_recent(interpreter, launcher_now_ms());
	else
		interpreter_usage_read(interpreter, &usage);
	return (ControlUsage){
		.id = interpreter->id,
		.memory = usage.memory,
		.memory_peak = usage.memory_peak,
		.cpu_ns = usage.cpu_ns,
		.temp = is_recent ? 0 : interpreter_temp(interpreter),
	};
}

void
interpreter_usages_read(const Launcher *launcher, ControlMessage *message)
{
	for (uint32_t i = 0; i < message->count; i++)
	{
		uint64_t id = message->usages[i].id;

		message->usages[i] = interpreter_measure(interpreter_find(launcher, id), message->status != 0);
		message->usages[i].id = id;
	}
}

int64_t
interpreter_deadline(const Launcher *launcher)
{
	int64_t deadline = LAUNCHER_NEVER;

	for (const Interpreter *interpreter = launcher->interpreters; interpreter != NULL; interpreter = interpreter->next)
	{
		if (interpreter->deadline_ms < deadline)
			deadline = interpreter->deadline_ms;
		if (interpreter->state == INTERPRETER_LEASED && interpreter->look.due_ms < deadline)
			deadline = interpreter->look.due_ms;
	}
	return deadline;
}

void
interpreter_expire(Launcher *launcher, int64_t now_ms)
{
	for (Interpreter *interpreter = launcher->interpreters; interpreter != NULL; interpreter = interpreter->next)
	{
		if (interpreter->state == INTERPRETER_LEASED && interpreter->look.due_ms <= now_ms)
			watch_look(interpreter, now_ms);
		if (interpreter->deadline_ms <= now_ms)
		{
			interpreter_event(interpreter, INTERPRETER_EXPIRED, NULL, NULL);
			return;
		}
	}
}
