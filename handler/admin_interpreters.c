/*
 * admin_interpreters.c - pybox.interpreters: what the launcher keeps, spares included. Runs in backends.
 */
#include "handler/admin.h"

#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "handler/admin_snapshot.h"

PG_FUNCTION_INFO_V1(pybox_interpreters);

/* The columns of pybox.interpreters, in order, with the role's oid. */
enum
{
	INTERPRETER_NODE,
	INTERPRETER_POOL,
	INTERPRETER_LANGUAGE,
	INTERPRETER_PID,
	INTERPRETER_BACKEND_PID,
	INTERPRETER_ROLE,
	INTERPRETER_STATE,
	INTERPRETER_AGE,
	INTERPRETER_IDLE,
	INTERPRETER_CALLS,
	INTERPRETER_CPU,
	INTERPRETER_MEMORY,
	INTERPRETER_MEMORY_PEAK,
	INTERPRETER_COLUMNS
};

static const char *const state_names[CONTROL_LISTED_STATE_COUNT] = {
	[CONTROL_LISTED_SPARE] = "spare",
	[CONTROL_LISTED_IDLE] = "idle",
	[CONTROL_LISTED_RUNNING] = "running",
	[CONTROL_LISTED_STOPPED] = "stopped",
};

/* The launcher does not know that a call is paused. */
static const char *
state_name(const ControlListed *listed, const AdminSnapshot *calls)
{
	for (int i = 0; i < calls->count; i++)
		if (calls->calls[i].call.interpreter == listed->id && calls->calls[i].call.state == ACTIVITY_PAUSED)
			return "paused";
	return listed->state < CONTROL_LISTED_STATE_COUNT ? state_names[listed->state] : "running";
}

static void
interpreter_row(ReturnSetInfo *rows, const ControlListed *listed, const AdminSnapshot *calls)
{
	bool is_spare = listed->state == CONTROL_LISTED_SPARE, measured = listed->memory > 0;
	Datum values[INTERPRETER_COLUMNS];
	bool nulls[INTERPRETER_COLUMNS] = {0};

	values[INTERPRETER_NODE] = CStringGetTextDatum(calls->node);
	values[INTERPRETER_POOL] = CStringGetTextDatum(listed->pool);
	values[INTERPRETER_LANGUAGE] = CStringGetTextDatum(listed->trusted ? "pybox" : "pyboxu");
	values[INTERPRETER_PID] = Int32GetDatum(listed->pid);
	values[INTERPRETER_BACKEND_PID] = Int32GetDatum(listed->backend_pid);
	nulls[INTERPRETER_BACKEND_PID] = listed->backend_pid == 0;
	values[INTERPRETER_ROLE] = ObjectIdGetDatum(listed->role);
	nulls[INTERPRETER_ROLE] = is_spare;
	values[INTERPRETER_STATE] = CStringGetTextDatum(state_name(listed, calls));
	values[INTERPRETER_AGE] = admin_interval(listed->age_ms * 1000);
	values[INTERPRETER_IDLE] = admin_interval(listed->idle_ms * 1000);
	nulls[INTERPRETER_IDLE] = is_spare || listed->idle_ms < 0;
	values[INTERPRETER_CALLS] = Int64GetDatum((int64) listed->calls);
	values[INTERPRETER_CPU] = admin_interval((int64) (listed->cpu_ns / 1000));
	values[INTERPRETER_MEMORY] = Int64GetDatum((int64) listed->memory);
	values[INTERPRETER_MEMORY_PEAK] = Int64GetDatum((int64) listed->memory_peak);
	nulls[INTERPRETER_CPU] = nulls[INTERPRETER_MEMORY] = nulls[INTERPRETER_MEMORY_PEAK] = !measured;
	tuplestore_putvalues(rows->setResult, rows->setDesc, values, nulls);
}

/* Spares are nobody's, and everybody may see them. */
static bool
interpreter_is_visible(const ControlListed *listed)
{
	return listed->state == CONTROL_LISTED_SPARE || admin_may_see(listed->role);
}

Datum
pybox_interpreters(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rows = admin_rows(fcinfo);
	ControlListed *list;
	AdminSnapshot calls;
	int count = admin_snapshot_interpreters(&list);

	admin_snapshot_calls(&calls);
	for (int i = 0; i < count; i++)
		if (interpreter_is_visible(&list[i]))
			interpreter_row(rows, &list[i], &calls);
	return (Datum) 0;
}
