/*
 * measure.c - stretches of a call's time, and what is counted of it when it ends. Runs in backends.
 */
#include "handler/measure.h"

#include "miscadmin.h"

#include "handler/call.h"
#include "handler/limit.h"
#include "sandbox/watch.h"
#include "scheduler/clock.h"
#include "scheduler/recorder.h"
#include "scheduler/slot.h"

/* At what point of its life a call failed: bits. */
#define BEFORE 1 /* it never had a slot */
#define ALIVE 2
#define DEAD 4 /* its interpreter is */
#define ALWAYS (BEFORE | ALIVE | DEAD)

/* Why calls fail, where nobody took a note of it; the first row that fits. Code 0: any. */
static const struct
{
	int when;
	int code;
	StatCause cause;
} causes[] = {
	{ALWAYS, ERRCODE_QUERY_CANCELED, STAT_CANCEL},
	{ALWAYS, ERRCODE_ADMIN_SHUTDOWN, STAT_CANCEL},
	{BEFORE, 0, STAT_REFUSED},
	{ALWAYS, ERRCODE_OUT_OF_MEMORY, STAT_MEMORY},
	{ALWAYS, ERRCODE_INSUFFICIENT_RESOURCES, STAT_RESOURCE},
	{DEAD, ERRCODE_PROGRAM_LIMIT_EXCEEDED, STAT_RESOURCE},
	{DEAD, 0, STAT_CRASH},
	{ALIVE, ERRCODE_PROGRAM_LIMIT_EXCEEDED, STAT_RESOURCE},
	{ALIVE, ERRCODE_DISK_FULL, STAT_RESOURCE},
	{ALIVE, ERRCODE_PROTOCOL_VIOLATION, STAT_CRASH},
	{ALIVE, ERRCODE_SYSTEM_ERROR, STAT_REFUSED},
	{ALIVE, ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, STAT_REFUSED},
	{ALIVE, 0, STAT_PYTHON},
};

static StatCause
cause_find(const Call *call, int code)
{
	StatCause noted = stat_cause_take();
	int when = call->started_at == 0 ? BEFORE : call->lease != NULL && call->lease->channel.dead ? DEAD : ALIVE;

	if (noted != STAT_OK)
		return noted;
	for (int i = 0; i < (int) lengthof(causes); i++)
		if ((causes[i].when & when) != 0 && (causes[i].code == 0 || causes[i].code == code))
			return causes[i].cause;
	return STAT_PYTHON;
}

void
measure_turn_at(Call *call, MeasureStretch stretch, TimestampTz now)
{
	Measure *measure = &call->measure;

	if (measure->stretch != MEASURE_NOTHING)
		measure->spent_us[measure->stretch] += now - measure->since;
	measure->queries += stretch == MEASURE_SQL;
	measure->stretch = stretch;
	measure->since = now;
}

void
measure_turn(Call *call, MeasureStretch stretch)
{
	measure_turn_at(call, stretch, clock_now());
}

int64
measure_run_us(const Call *call)
{
	const Measure *measure = &call->measure;

	return measure->spent_us[MEASURE_RUN] + (measure->stretch == MEASURE_RUN ? clock_now() - measure->since : 0);
}

void
measure_wait_begin(Call *call)
{
	call->measure.waited_us = slot_waited_us();
	call->measure.waits = true;
}

void
measure_wait_end(Call *call)
{
	if (call->measure.waits)
		call->measure.queue_us += slot_waited_us() - call->measure.waited_us;
	call->measure.waits = false;
}

void
measure_interpreter(Call *call)
{
	call->measure.turn = lease_turn(call->lease);
	call->measure.cold_start = call->lease->is_cold;
	call->lease->is_cold = false;
}

static int64
cpu_used(const Call *call)
{
	return Max(0, limit_cpu_used(call) - call->measure.inner_cpu_us);
}

/* What this step used is not its callers', as far as these go by the clock of the same interpreter. */
static void
cpu_take_from_outer(Call *call)
{
	int64 used, before = call->measure.step_cpu_us;

	if (likely(call->outer == NULL) || call->lease == NULL || call->cpu_look_at == 0)
		return;
	used = cpu_used(call);
	for (Call *outer = call->outer; outer != NULL; outer = outer->outer)
		if (outer->lease == call->lease && outer->cpu_base_us >= 0)
			outer->measure.inner_cpu_us += used - before;
	call->measure.step_cpu_us = used;
}

void
measure_cpu_begin(Call *call)
{
	for (const Call *inner = current_call; inner != NULL && inner != call; inner = inner->outer)
		if (inner->lease == call->lease && inner->cpu_look_at != 0)
			call->measure.inner_cpu_us -= cpu_used(inner) - inner->measure.step_cpu_us;
}

void
measure_step_begin(Call *call)
{
	call->measure.step_run_us = call->measure.spent_us[MEASURE_RUN];
	call->measure.step_cpu_us = Max(0, call->cpu_us - call->measure.inner_cpu_us);
}

static StatCall
measured(const Measure *measure, uint64 rows, uint64 received)
{
	return (StatCall){
		.database = MyDatabaseId,
		.queue_us = measure->queue_us,
		.run_us = measure->spent_us[MEASURE_RUN],
		.sql_us = measure->spent_us[MEASURE_SQL],
		.paused_us = measure->spent_us[MEASURE_PAUSED],
		.queries = measure->queries,
		.rows = rows,
		.bytes_in = measure->bytes_in,
		.bytes_out = received,
		.cold_start = measure->cold_start,
		.ended_at = measure->since,
	};
}

static StatCall
measured_call(const Call *call, StatCause cause)
{
	StatCall stat = measured(&call->measure, call->rows, call->received);
	bool had_slot = call->started_at != 0;

	stat.function = call->function->oid;
	stat.role = call->role;
	stat.pool = call->pool->name;
	stat.cause = cause;
	stat.started = had_slot || stat.run_us > 0; /* the next step of a set may fail before it has its own */
	stat.cpu_us = had_slot && call->lease != NULL ? cpu_used(call) : call->measure.step_cpu_us;
	return stat;
}

static void
count(Call *call, StatCall *stat)
{
	if (!call->measure.is_check)
	{
		stat_call_add(stat);
		recorder_call_add(stat);
	}
	call->measure.is_counted = true;
	if (call->lease != NULL)
		call->lease->watch->calls++;
}

static bool
is_to_count(Call *call)
{
	if (call->measure.is_counted)
		return false;
	if (call->measure.stretch != MEASURE_NOTHING || call->measure.since == 0)
		measure_turn(call, MEASURE_NOTHING);
	measure_wait_end(call);
	return true;
}

/* DO blocks are as one function. */
static StatMemory *
memory_of(const Call *call)
{
	static StatMemory blocks;

	return call->function->is_inline ? &blocks : &call->function->memory;
}

void
measure_end(Call *call)
{
	StatCall stat;

	cpu_take_from_outer(call);
	if (!is_to_count(call))
		return;
	stat = measured_call(call, STAT_OK);
	if (call->lease != NULL)
		stat.memory_peak =
			lease_memory(call->lease, call->measure.turn, stat_memory_is_due(memory_of(call), stat.ended_at));
	count(call, &stat);
}

void
measure_abort(Call *call)
{
	StatCall stat;

	if (call->counted != NULL)
		*call->counted = true;
	cpu_take_from_outer(call);
	if (!is_to_count(call))
		return;
	stat = measured_call(call, cause_find(call, geterrcode()));
	if (stat.cause == STAT_MEMORY)
		stat.memory_peak = call->pool->limits.memory;
	else if (call->lease != NULL)
		stat.memory_peak = lease_memory(call->lease, call->measure.turn, false);
	count(call, &stat);
}

void
measure_exit(Call *innermost)
{
	for (Call *call = innermost; call != NULL; call = call->outer)
	{
		StatCall stat;

		cpu_take_from_outer(call);
		if (!is_to_count(call))
			continue;
		stat = measured_call(call, STAT_CANCEL);
		count(call, &stat);
	}
}

void
measure_set_closed(const CallProgress *progress, Oid function, Oid role, const char *pool)
{
	StatCall stat = measured(&progress->measure, progress->rows, progress->received);

	stat.function = function;
	stat.role = role;
	stat.pool = pool;
	stat.started = true;
	stat.cpu_us = Max(0, progress->cpu_us - progress->measure.inner_cpu_us);
	stat_call_add(&stat);
	recorder_call_add(&stat);
}
