/*
 * admin_calls.c - pybox.activity. Runs in backends.
 */
#include "handler/admin.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "handler/launcher.h"
#include "scheduler/activity.h"
#include "scheduler/shared.h"

PG_FUNCTION_INFO_V1(pybox_activity);

/* The columns of pybox.activity, in order. */
enum
{
	COLUMN_CALL_ID,
	COLUMN_PID,
	COLUMN_LEADER_PID,
	COLUMN_NODE,
	COLUMN_ROLE,
	COLUMN_DATABASE,
	COLUMN_FUNCTION,
	COLUMN_POOL,
	COLUMN_PRIORITY,
	COLUMN_STATE,
	COLUMN_QUEUE_POSITION,
	COLUMN_QUEUED_AT,
	COLUMN_STARTED_AT,
	COLUMN_ELAPSED,
	COLUMN_CPU,
	COLUMN_MEMORY,
	COLUMN_MEMORY_PEAK,
	COLUMN_INTERPRETER_PID,
	COLUMN_TRUSTED,
	COLUMN_LANGUAGE, /* since 1.1: what the catalog of 1.0 lacks is not read */
	COLUMN_COUNT
};

static const char *const state_names[ACTIVITY_STATE_COUNT] = {
	[ACTIVITY_FREE] = "free",		[ACTIVITY_QUEUED] = "queued", [ACTIVITY_STARTING] = "starting",
	[ACTIVITY_RUNNING] = "running", [ACTIVITY_PAUSED] = "paused", [ACTIVITY_SQL] = "sql",
};

typedef struct Shown
{
	ActivityCall call;
	int position;
	ControlUsage usage;
	bool measured;
} Shown;

static int
calls_collect(Shown *shown)
{
	int count = 0;

	for (int i = 0; i < activity_entries(); i++)
	{
		Shown *next = &shown[count];

		if (!activity_read(i, &next->call) || !admin_may_see(next->call.role))
			continue;
		LWLockAcquire(shared->lock, LW_SHARED);
		next->position = next->call.state == ACTIVITY_QUEUED ? queue_position(shared_queue(), activity_backend(i)) : 0;
		LWLockRelease(shared->lock);
		count++;
	}
	return count;
}

static void
calls_measure(Shown *shown, int count)
{
	for (int first = 0; first < count; first += CONTROL_USAGES_MAX)
	{
		ControlUsage usages[CONTROL_USAGES_MAX] = {0};
		int some = Min(count - first, CONTROL_USAGES_MAX);

		for (int i = 0; i < some; i++)
			usages[i].id = shown[first + i].call.interpreter;
		if (!launcher_usage(usages, some))
			return;
		for (int i = 0; i < some; i++)
		{
			shown[first + i].usage = usages[i];
			shown[first + i].measured = usages[i].id != 0 && usages[i].memory > 0;
		}
	}
}

static void
call_row(ReturnSetInfo *rows, const Shown *shown)
{
	const ActivityCall *call = &shown->call;
	Datum values[COLUMN_COUNT] = {0};
	bool nulls[COLUMN_COUNT] = {0};

	values[COLUMN_CALL_ID] = Int64GetDatum((int64) call->call_id);
	values[COLUMN_PID] = Int32GetDatum(call->pid);
	values[COLUMN_LEADER_PID] = Int32GetDatum(call->leader_pid);
	nulls[COLUMN_LEADER_PID] = call->leader_pid == 0;
	values[COLUMN_NODE] = admin_node();
	values[COLUMN_ROLE] = ObjectIdGetDatum(call->role);
	values[COLUMN_DATABASE] = ObjectIdGetDatum(call->database);
	values[COLUMN_FUNCTION] = ObjectIdGetDatum(call->function);
	nulls[COLUMN_FUNCTION] = !OidIsValid(call->function);
	values[COLUMN_POOL] = CStringGetTextDatum(call->pool_name);
	values[COLUMN_PRIORITY] = Int32GetDatum(call->priority);
	values[COLUMN_STATE] = CStringGetTextDatum(state_names[call->state]);
	values[COLUMN_QUEUE_POSITION] = Int32GetDatum(shown->position);
	nulls[COLUMN_QUEUE_POSITION] = shown->position == 0;
	values[COLUMN_QUEUED_AT] = TimestampTzGetDatum(call->queued_at);
	values[COLUMN_STARTED_AT] = TimestampTzGetDatum(call->started_at);
	nulls[COLUMN_STARTED_AT] = call->started_at == 0;
	values[COLUMN_ELAPSED] = admin_interval(GetCurrentTimestamp() - call->queued_at);
	values[COLUMN_CPU] = admin_interval((int64) (shown->usage.cpu_ns / 1000));
	values[COLUMN_MEMORY] = Int64GetDatum((int64) shown->usage.memory);
	values[COLUMN_MEMORY_PEAK] = Int64GetDatum((int64) shown->usage.memory_peak);
	nulls[COLUMN_CPU] = nulls[COLUMN_MEMORY] = nulls[COLUMN_MEMORY_PEAK] = !shown->measured;
	values[COLUMN_INTERPRETER_PID] = Int32GetDatum(call->interpreter_pid);
	nulls[COLUMN_INTERPRETER_PID] = call->interpreter_pid == 0;
	values[COLUMN_TRUSTED] = BoolGetDatum(call->trusted);
	values[COLUMN_LANGUAGE] = CStringGetTextDatum(call->language);
	tuplestore_putvalues(rows->setResult, rows->setDesc, values, nulls);
}

Datum
pybox_activity(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rows = admin_rows(fcinfo);
	Shown *shown = palloc0(activity_entries() * sizeof(Shown));
	int count = calls_collect(shown);

	calls_measure(shown, count);
	for (int i = 0; i < count; i++)
		call_row(rows, &shown[i]);
	return (Datum) 0;
}
