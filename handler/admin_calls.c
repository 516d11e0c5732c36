/*
 * admin_calls.c - pybox.activity and pybox.queue. Runs in backends.
 */
#include "handler/admin.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "handler/admin_snapshot.h"
#include "handler/launcher.h"
#include "scheduler/blocker.h"

PG_FUNCTION_INFO_V1(pybox_activity);
PG_FUNCTION_INFO_V1(pybox_queue);

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
	COLUMN_LANGUAGE,	/* since 1.1: what the catalog of 1.0 lacks is not read */
	COLUMN_WAITING_FOR, /* since 1.2 */
	COLUMN_PREDICTED,
	COLUMN_ATTAINED,
	COLUMN_ROWS,
	COLUMN_COUNT
};

static const char *const state_names[ACTIVITY_STATE_COUNT] = {
	[ACTIVITY_FREE] = "free",		[ACTIVITY_QUEUED] = "queued", [ACTIVITY_STARTING] = "starting",
	[ACTIVITY_RUNNING] = "running", [ACTIVITY_PAUSED] = "paused", [ACTIVITY_SQL] = "sql",
};

static void
calls_measure(const AdminSnapshot *snapshot, ControlUsage *usages)
{
	for (int i = 0; i < snapshot->count; i++)
		usages[i] = (ControlUsage){.id = snapshot->calls[i].call.interpreter};
	for (int first = 0; first < snapshot->count; first += CONTROL_USAGES_MAX)
		if (!launcher_usage(usages + first, Min(snapshot->count - first, CONTROL_USAGES_MAX)))
			return;
}

/* Null when there is nothing to tell. */
static void
interval_column(int64 us, Datum *value, bool *is_null)
{
	*is_null = us <= 0;
	*value = *is_null ? (Datum) 0 : admin_interval(us);
}

static void
call_row(ReturnSetInfo *rows, const AdminCall *shown, const ControlUsage *usage, Datum node)
{
	const ActivityCall *call = &shown->call;
	Datum values[COLUMN_COUNT] = {0};
	bool nulls[COLUMN_COUNT] = {0}, measured = usage->id != 0 && usage->memory > 0;

	values[COLUMN_CALL_ID] = Int64GetDatum((int64) call->call_id);
	values[COLUMN_PID] = Int32GetDatum(call->pid);
	values[COLUMN_LEADER_PID] = Int32GetDatum(call->leader_pid);
	nulls[COLUMN_LEADER_PID] = call->leader_pid == 0;
	values[COLUMN_NODE] = node;
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
	values[COLUMN_CPU] = admin_interval((int64) (usage->cpu_ns / 1000));
	values[COLUMN_MEMORY] = Int64GetDatum((int64) usage->memory);
	values[COLUMN_MEMORY_PEAK] = Int64GetDatum((int64) usage->memory_peak);
	nulls[COLUMN_CPU] = nulls[COLUMN_MEMORY] = nulls[COLUMN_MEMORY_PEAK] = !measured;
	values[COLUMN_INTERPRETER_PID] = Int32GetDatum(call->interpreter_pid);
	nulls[COLUMN_INTERPRETER_PID] = call->interpreter_pid == 0;
	values[COLUMN_TRUSTED] = BoolGetDatum(call->trusted);
	values[COLUMN_LANGUAGE] = CStringGetTextDatum(call->language);
	values[COLUMN_WAITING_FOR] = CStringGetTextDatum(shown->waiting_for);
	nulls[COLUMN_WAITING_FOR] = shown->waiting_for[0] == '\0';
	interval_column(shown->predicted_us, &values[COLUMN_PREDICTED], &nulls[COLUMN_PREDICTED]);
	interval_column(shown->attained_us, &values[COLUMN_ATTAINED], &nulls[COLUMN_ATTAINED]);
	values[COLUMN_ROWS] = Int64GetDatum((int64) call->rows);
	tuplestore_putvalues(rows->setResult, rows->setDesc, values, nulls);
}

Datum
pybox_activity(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rows = admin_rows(fcinfo);
	AdminSnapshot snapshot;
	ControlUsage *usages;
	Datum node;

	admin_snapshot_calls(&snapshot);
	usages = palloc((snapshot.count + 1) * sizeof(ControlUsage));
	calls_measure(&snapshot, usages);
	node = CStringGetTextDatum(snapshot.node);
	for (int i = 0; i < snapshot.count; i++)
		call_row(rows, &snapshot.calls[i], &usages[i], node);
	return (Datum) 0;
}

/* The columns of pybox.queue, in order, with oids for names. */
enum
{
	QUEUE_COLUMN_POSITION,
	QUEUE_COLUMN_CALL_ID,
	QUEUE_COLUMN_PID,
	QUEUE_COLUMN_ROLE,
	QUEUE_COLUMN_DATABASE,
	QUEUE_COLUMN_FUNCTION,
	QUEUE_COLUMN_POOL,
	QUEUE_COLUMN_PRIORITY,
	QUEUE_COLUMN_STATE,
	QUEUE_COLUMN_WAITING_FOR,
	QUEUE_COLUMN_WAITED,
	QUEUE_COLUMN_ESTIMATE,
	QUEUE_COLUMN_PREDICTED,
	QUEUE_COLUMN_MEMORY,
	QUEUE_COLUMN_BLOCKS,
	QUEUE_COLUMN_COUNT
};

/* Who waits for locks of whom, each pair once, in order. */
typedef struct Blocks
{
	Blocker *pairs;
	int count;
} Blocks;

static int
blocker_compare(const void *left, const void *right)
{
	const Blocker *one = left, *other = right;

	return one->blocker != other->blocker ? one->blocker - other->blocker : one->blocked - other->blocked;
}

static Blocks
blocks_find(void)
{
	Blocks blocks;
	int found;

	blocks.pairs = blocker_list(MaxBackends, &found);
	blocks.count = 0;
	qsort(blocks.pairs, found, sizeof(Blocker), blocker_compare);
	for (int i = 0; i < found; i++)
		if (i == 0 || blocker_compare(&blocks.pairs[i], &blocks.pairs[i - 1]) != 0)
			blocks.pairs[blocks.count++] = blocks.pairs[i];
	return blocks;
}

static Datum
blocks_array(const Blocks *blocks, int pid)
{
	Datum *pids = palloc((blocks->count + 1) * sizeof(Datum));
	int count = 0;

	for (int i = 0; i < blocks->count; i++)
		if (blocks->pairs[i].blocker == pid)
			pids[count++] = Int32GetDatum(blocks->pairs[i].blocked);
	return PointerGetDatum(construct_array(pids, count, INT4OID, sizeof(int32), true, TYPALIGN_INT));
}

static void
queue_row(ReturnSetInfo *rows, const AdminCall *shown, const Blocks *blocks)
{
	const ActivityCall *call = &shown->call;
	Datum values[QUEUE_COLUMN_COUNT] = {0};
	bool nulls[QUEUE_COLUMN_COUNT] = {0};

	values[QUEUE_COLUMN_POSITION] = Int32GetDatum(shown->position);
	nulls[QUEUE_COLUMN_POSITION] = shown->position == 0;
	values[QUEUE_COLUMN_CALL_ID] = Int64GetDatum((int64) call->call_id);
	values[QUEUE_COLUMN_PID] = Int32GetDatum(call->pid);
	values[QUEUE_COLUMN_ROLE] = ObjectIdGetDatum(call->role);
	values[QUEUE_COLUMN_DATABASE] = ObjectIdGetDatum(call->database);
	values[QUEUE_COLUMN_FUNCTION] = ObjectIdGetDatum(call->function);
	nulls[QUEUE_COLUMN_FUNCTION] = !OidIsValid(call->function);
	values[QUEUE_COLUMN_POOL] = CStringGetTextDatum(call->pool_name);
	values[QUEUE_COLUMN_PRIORITY] = Int32GetDatum(shown->priority);
	values[QUEUE_COLUMN_STATE] = CStringGetTextDatum(state_names[call->state]);
	values[QUEUE_COLUMN_WAITING_FOR] = CStringGetTextDatum(shown->waiting_for);
	nulls[QUEUE_COLUMN_WAITING_FOR] = shown->waiting_for[0] == '\0';
	nulls[QUEUE_COLUMN_WAITED] = shown->waited_us < 0;
	values[QUEUE_COLUMN_WAITED] = admin_interval(shown->waited_us);
	nulls[QUEUE_COLUMN_ESTIMATE] = shown->estimate_us < 0;
	values[QUEUE_COLUMN_ESTIMATE] = admin_interval(shown->estimate_us);
	interval_column(shown->predicted_us, &values[QUEUE_COLUMN_PREDICTED], &nulls[QUEUE_COLUMN_PREDICTED]);
	values[QUEUE_COLUMN_MEMORY] = Int64GetDatum(shown->memory);
	nulls[QUEUE_COLUMN_MEMORY] = shown->memory == 0;
	values[QUEUE_COLUMN_BLOCKS] = blocks_array(blocks, call->leader_pid != 0 ? call->leader_pid : call->pid);
	tuplestore_putvalues(rows->setResult, rows->setDesc, values, nulls);
}

/* Those that have their turn already but have yet to notice it wait no more. */
static bool
call_waits(const AdminCall *shown)
{
	return shown->state == QUEUE_WAITING ||
		   (shown->call.state == ACTIVITY_PAUSED && shown->held && shown->state != QUEUE_HOLDING);
}

Datum
pybox_queue(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rows = admin_rows(fcinfo);
	AdminSnapshot snapshot;
	Blocks blocks = {0};
	bool looked = false;

	admin_snapshot_calls(&snapshot);
	for (int i = 0; i < snapshot.count; i++)
	{
		if (!call_waits(&snapshot.calls[i]))
			continue;
		if (!looked)
			blocks = blocks_find();
		looked = true;
		queue_row(rows, &snapshot.calls[i], &blocks);
	}
	return (Datum) 0;
}
