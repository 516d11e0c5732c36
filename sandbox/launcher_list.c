/*
 * launcher_list.c - lists interpreters for whoever asks, a page at a time. Runs in the launcher.
 *
 * DESIGN. The order is that of their numbers, and a page says up to where it goes: nothing is kept from one page to the next.
 */
#include "sandbox/launcher_list.h"

#include <stdio.h>
#include <string.h>

#include "sandbox/launcher_interpreter.h"
#include "sandbox/launcher_zygote.h"
#include "sandbox/watch.h"

static const ControlListedState watch_states[] = {
	[WATCH_RESTS] = CONTROL_LISTED_IDLE,
	[WATCH_RUNS] = CONTROL_LISTED_RUNNING,
	[WATCH_STOPPED] = CONTROL_LISTED_STOPPED,
};

/* Those that are being made or taken apart serve nobody. */
static Interpreter *
list_next(const Launcher *launcher, uint64_t id)
{
	Interpreter *next = NULL;

	for (Interpreter *at = launcher->interpreters; at != NULL; at = at->next)
		if (at->id > id && (next == NULL || at->id < next->id) &&
			(at->state == INTERPRETER_SPARE || at->state == INTERPRETER_LEASED))
			next = at;
	return next;
}

/* The page is the backend's to write, too: a number there stands for no state of ours. */
static ControlListedState
list_state(const Interpreter *interpreter)
{
	uint32_t state = __atomic_load_n(&interpreter->watch->state, __ATOMIC_RELAXED);

	if (interpreter->state == INTERPRETER_SPARE)
		return CONTROL_LISTED_SPARE;
	return state < sizeof(watch_states) / sizeof(watch_states[0]) ? watch_states[state] : CONTROL_LISTED_RUNNING;
}

static void
list_lease(const Interpreter *interpreter, ControlListed *listed, int64_t now_ms)
{
	int64_t idle_since_ms = (int64_t) __atomic_load_n(&interpreter->watch->idle_ms, __ATOMIC_RELAXED);

	listed->backend_pid = interpreter->owner != NULL ? interpreter->owner->pid : 0;
	listed->role = interpreter->role;
	listed->calls = __atomic_load_n(&interpreter->watch->calls, __ATOMIC_RELAXED);
	if (listed->state == CONTROL_LISTED_RUNNING)
		return;
	if (idle_since_ms < interpreter->leased_ms) /* it has yet to serve its first call */
		idle_since_ms = interpreter->leased_ms;
	listed->idle_ms = now_ms > idle_since_ms ? now_ms - idle_since_ms : 0;
}

static void
list_one(Interpreter *interpreter, ControlListed *listed, int64_t now_ms)
{
	const CgroupUsage *usage = interpreter_usage_recent(interpreter, now_ms);

	*listed = (ControlListed){
		.id = interpreter->id,
		.memory = usage->memory,
		.memory_peak = usage->memory_peak,
		.cpu_ns = usage->cpu_ns,
		.age_ms = now_ms - interpreter->born_ms,
		.idle_ms = -1,
		.pid = interpreter->pid,
		.trusted = interpreter->zygote->trusted,
		.state = list_state(interpreter),
	};
	snprintf(listed->pool, sizeof(listed->pool), "%s", interpreter->zygote->pool.name);
	if (interpreter->state == INTERPRETER_LEASED)
		list_lease(interpreter, listed, now_ms);
}

void
list_request(Backend *backend, const ControlMessage *message)
{
	ControlMessage answer = *message;
	int64_t now_ms = launcher_now_ms();
	Interpreter *next = list_next(backend->launcher, answer.id);

	memset(answer.listed, 0, sizeof(answer.listed));
	for (answer.count = 0; answer.count < CONTROL_LISTED_MAX && next != NULL; answer.count++)
	{
		list_one(next, &answer.listed[answer.count], now_ms);
		answer.id = next->id;
		next = list_next(backend->launcher, answer.id);
	}
	answer.status = next != NULL;
	backend_send(backend, &answer, NULL, 0);
}
