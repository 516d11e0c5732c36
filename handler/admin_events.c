/*
 * admin_events.c - pybox.events. Runs in backends; needs no slot and no interpreter.
 */
#include "handler/admin.h"

#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "scheduler/event.h"

PG_FUNCTION_INFO_V1(pybox_events);

/* The columns of pybox.events_rows(), in order. */
enum
{
	COLUMN_NUMBER,
	COLUMN_AT,
	COLUMN_NODE,
	COLUMN_KIND,
	COLUMN_RULE,
	COLUMN_DRY_RUN,
	COLUMN_ACTOR,
	COLUMN_ACTOR_PID,
	COLUMN_CALL_ID,
	COLUMN_PID,
	COLUMN_ROLE,
	COLUMN_DATABASE,
	COLUMN_FUNCTION,
	COLUMN_POOL,
	COLUMN_METRIC,
	COLUMN_VALUE,
	COLUMN_THRESHOLD,
	COLUMN_DETAIL,
	COLUMN_COUNT
};

typedef struct EventRow
{
	Datum values[COLUMN_COUNT];
	bool nulls[COLUMN_COUNT];
} EventRow;

static void
oid_put(EventRow *row, int column, Oid oid)
{
	row->values[column] = ObjectIdGetDatum(oid);
	row->nulls[column] = !OidIsValid(oid);
}

static void
text_put(EventRow *row, int column, const char *text)
{
	row->nulls[column] = text[0] == '\0';
	if (!row->nulls[column])
		row->values[column] = CStringGetTextDatum(text);
}

static void
number_put(EventRow *row, int column, Datum value, bool is_null)
{
	row->values[column] = value;
	row->nulls[column] = is_null;
}

static void
event_row(ReturnSetInfo *rows, const Event *event, Datum node)
{
	bool measured = event->metric >= 0 && event->metric < POLICY_METRIC_COUNT;
	EventRow row = {0};

	number_put(&row, COLUMN_NUMBER, Int64GetDatum((int64) event->number), false);
	number_put(&row, COLUMN_AT, TimestampTzGetDatum(event->at), false);
	number_put(&row, COLUMN_NODE, node, false);
	text_put(&row, COLUMN_KIND, event_kind_name(event->kind));
	text_put(&row, COLUMN_RULE, event->rule);
	number_put(&row, COLUMN_DRY_RUN, BoolGetDatum(event->dry_run), false);
	oid_put(&row, COLUMN_ACTOR, event->actor);
	number_put(&row, COLUMN_ACTOR_PID, Int32GetDatum(event->actor_pid), event->actor_pid == 0);
	number_put(&row, COLUMN_CALL_ID, Int64GetDatum((int64) event->call_id), event->call_id == 0);
	number_put(&row, COLUMN_PID, Int32GetDatum(event->pid), event->pid == 0);
	oid_put(&row, COLUMN_ROLE, event->role);
	oid_put(&row, COLUMN_DATABASE, event->database);
	oid_put(&row, COLUMN_FUNCTION, event->function);
	text_put(&row, COLUMN_POOL, event->pool);
	text_put(&row, COLUMN_METRIC, measured ? policy_metric_name(event->metric) : "");
	number_put(&row, COLUMN_VALUE, Float8GetDatum(event->value), !measured);
	number_put(&row, COLUMN_THRESHOLD, Float8GetDatum(event->threshold), !measured);
	text_put(&row, COLUMN_DETAIL, event->detail);
	tuplestore_putvalues(rows->setResult, rows->setDesc, row.values, row.nulls);
}

Datum
pybox_events(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rows = admin_rows(fcinfo);
	Event *events = palloc(EVENT_RING * sizeof(Event));
	int count = event_read(events);
	Datum node = admin_node();

	for (int i = 0; i < count; i++)
		if (admin_may_see(events[i].role) || (OidIsValid(events[i].actor) && admin_may_see(events[i].actor)))
			event_row(rows, &events[i], node);
	return (Datum) 0;
}
