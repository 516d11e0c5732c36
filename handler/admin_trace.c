/*
 * admin_trace.c - pybox.trace_start(), trace_stop(), trace_state(), trace_rows(). Runs in backends; needs no slot and no
 * interpreter.
 */
#include "handler/admin.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "scheduler/recorder.h"
#include "scheduler/shared.h"

PG_FUNCTION_INFO_V1(pybox_trace_start);
PG_FUNCTION_INFO_V1(pybox_trace_stop);
PG_FUNCTION_INFO_V1(pybox_trace_state);
PG_FUNCTION_INFO_V1(pybox_trace_rows);

/* The columns of pybox.trace_rows(), in order. */
enum
{
	COLUMN_AT,
	COLUMN_DATABASE,
	COLUMN_ROLE,
	COLUMN_FUNCTION,
	COLUMN_POOL,
	COLUMN_RUN,
	COLUMN_SQL,
	COLUMN_QUERIES,
	COLUMN_MEMORY,
	COLUMN_QUEUE,
	COLUMN_PAUSED,
	COLUMN_OUTCOME,
	COLUMN_COUNT
};

Datum
pybox_trace_start(PG_FUNCTION_ARGS)
{
	shared_require();
	if (!recorder_start(GetCurrentTimestamp()))
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("there is no room for a trace"),
						errdetail("pybox.trace_calls_max is 0."),
						errhint("Set pybox.trace_calls_max to how many calls to keep, and restart the server.")));
	PG_RETURN_INT32(recorder_calls_max);
}

Datum
pybox_trace_stop(PG_FUNCTION_ARGS)
{
	RecorderState state;

	shared_require();
	recorder_stop();
	recorder_state(&state);
	PG_RETURN_INT64(state.calls);
}

Datum
pybox_trace_state(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rows = admin_rows(fcinfo);
	RecorderState state;
	Datum values[5];
	bool nulls[5] = {0};

	shared_require();
	recorder_state(&state);
	values[0] = BoolGetDatum(state.recording);
	values[1] = TimestampTzGetDatum(state.since);
	nulls[1] = state.since == 0;
	values[2] = Int64GetDatum(state.calls);
	values[3] = Int64GetDatum(recorder_calls_max);
	values[4] = Int64GetDatum(state.missed);
	tuplestore_putvalues(rows->setResult, rows->setDesc, values, nulls);
	return (Datum) 0;
}

static const char *
outcome_name(StatCause cause)
{
	return cause == STAT_OK ? "done" : stat_cause_name(cause);
}

static void
trace_row(ReturnSetInfo *rows, const RecorderCall *call, int64 first_us)
{
	Datum values[COLUMN_COUNT] = {
		[COLUMN_AT] = Int64GetDatum(call->at_us - first_us),
		[COLUMN_DATABASE] = ObjectIdGetDatum(call->database),
		[COLUMN_ROLE] = ObjectIdGetDatum(call->role),
		[COLUMN_FUNCTION] = ObjectIdGetDatum(call->function),
		[COLUMN_POOL] = CStringGetTextDatum(call->pool),
		[COLUMN_RUN] = Int64GetDatum(call->run_us),
		[COLUMN_SQL] = Int64GetDatum(call->sql_us),
		[COLUMN_QUERIES] = Int32GetDatum((int32) Min(call->queries, PG_INT32_MAX)),
		[COLUMN_MEMORY] = Int64GetDatum(call->memory),
		[COLUMN_QUEUE] = Int64GetDatum(call->queue_us),
		[COLUMN_PAUSED] = Int64GetDatum(call->paused_us),
		[COLUMN_OUTCOME] = CStringGetTextDatum(outcome_name(call->cause)),
	};
	bool nulls[COLUMN_COUNT] = {0};

	nulls[COLUMN_FUNCTION] = !OidIsValid(call->function);
	nulls[COLUMN_MEMORY] = call->memory <= 0;
	tuplestore_putvalues(rows->setResult, rows->setDesc, values, nulls);
}

Datum
pybox_trace_rows(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rows = admin_rows(fcinfo);
	int64 first_us = PG_INT64_MAX, count;
	RecorderCall *calls;
	RecorderState state;

	shared_require();
	recorder_state(&state);
	calls = MemoryContextAllocHuge(CurrentMemoryContext, ((Size) state.calls + 1) * sizeof(RecorderCall));
	count = recorder_read(calls, state.calls);
	for (int64 i = 0; i < count; i++)
		first_us = Min(first_us, calls[i].at_us);
	for (int64 i = 0; i < count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		trace_row(rows, &calls[i], first_us);
	}
	pfree(calls);
	return (Datum) 0;
}
