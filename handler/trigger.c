/*
 * trigger.c - one firing of a trigger: TD for the child, and the row that its answer makes. Runs in backends.
 *
 * DESIGN. A trigger function is a function of its own for each table (function.h), with its own SD, as in PL/Python. Nothing
 * about the table is kept from one firing to the next but what the type cache keeps of its row type. The answer's columns
 * are checked here whatever the child has checked: it may be anybody's by then.
 */
#include "handler/trigger.h"

#include "access/htup_details.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/rel.h"

#include "handler/call.h"
#include "handler/error.h"

typedef struct TriggerRow
{
	TriggerData *data;
	TupleDesc desc; /* of the table */
	TypeInfo *type; /* of its rows */
} TriggerRow;

/* In the order in which PL/Python puts them into TD. */
#define TD_COUNT 10

static const char *
event_name(TriggerEvent event)
{
	return TRIGGER_FIRED_BY_INSERT(event)	? "INSERT"
		   : TRIGGER_FIRED_BY_DELETE(event) ? "DELETE"
		   : TRIGGER_FIRED_BY_UPDATE(event) ? "UPDATE"
											: "TRUNCATE";
}

static const char *
when_name(TriggerEvent event)
{
	return TRIGGER_FIRED_BEFORE(event) ? "BEFORE" : TRIGGER_FIRED_AFTER(event) ? "AFTER" : "INSTEAD OF";
}

/* The row after the event, or NULL. */
static HeapTuple
row_new(const TriggerData *data)
{
	if (!TRIGGER_FIRED_FOR_ROW(data->tg_event) || TRIGGER_FIRED_BY_DELETE(data->tg_event))
		return NULL;
	return TRIGGER_FIRED_BY_INSERT(data->tg_event) ? data->tg_trigtuple : data->tg_newtuple;
}

/* The row before the event, or NULL. */
static HeapTuple
row_old(const TriggerData *data)
{
	if (!TRIGGER_FIRED_FOR_ROW(data->tg_event) || TRIGGER_FIRED_BY_INSERT(data->tg_event))
		return NULL;
	return data->tg_trigtuple;
}

static bool
column_is_live(const TriggerRow *row, int column)
{
	return row->type->columns[column] != NULL;
}

static bool
column_is_generated(const TriggerRow *row, int column)
{
	return TupleDescAttr(row->desc, column)->attgenerated != '\0';
}

/* Before the event, the generated columns of the new row have no values yet. */
static bool
column_is_given(const TriggerRow *row, int column)
{
	return column_is_live(row, column) && !column_is_generated(row, column);
}

static void
text_put(FrameOut *out, const char *name, const char *text)
{
	frame_put_cstring(out, name);
	wire_put_u8(&out->writer, WIRE_TEXT);
	frame_put_cstring(out, text);
}

/* The columns of tuple that are shown. */
static void
row_put(FrameOut *out, const TriggerRow *row, HeapTuple tuple, bool (*shown)(const TriggerRow *row, int column))
{
	int natts = row->desc->natts, count = 0;
	Datum *values = palloc(Max(natts, 1) * sizeof(Datum));
	bool *nulls = palloc(Max(natts, 1) * sizeof(bool));

	heap_deform_tuple(tuple, row->desc, values, nulls);
	for (int i = 0; i < natts; i++)
		count += shown(row, i);
	wire_put_u8(&out->writer, WIRE_RECORD);
	wire_put_u16(&out->writer, count);
	for (int i = 0; i < natts; i++)
	{
		if (!shown(row, i))
			continue;
		frame_put_cstring(out, NameStr(TupleDescAttr(row->desc, i)->attname));
		if (nulls[i])
			wire_put_u8(&out->writer, WIRE_NULL);
		else
			value_in(out, row->type->columns[i], values[i]);
	}
}

static void
new_put(FrameOut *out, const TriggerRow *row)
{
	HeapTuple tuple = row_new(row->data);

	frame_put_cstring(out, "new");
	if (tuple == NULL)
		wire_put_u8(&out->writer, WIRE_NULL);
	else
		row_put(out, row, tuple, TRIGGER_FIRED_BEFORE(row->data->tg_event) ? column_is_given : column_is_live);
}

static void
old_put(FrameOut *out, const TriggerRow *row)
{
	HeapTuple tuple = row_old(row->data);

	frame_put_cstring(out, "old");
	if (tuple == NULL)
		wire_put_u8(&out->writer, WIRE_NULL);
	else
		row_put(out, row, tuple, column_is_live);
}

static void
args_put(FrameOut *out, const Trigger *trigger)
{
	frame_put_cstring(out, "args");
	if (trigger->tgnargs == 0)
	{
		wire_put_u8(&out->writer, WIRE_NULL);
		return;
	}
	wire_put_u8(&out->writer, WIRE_ARRAY);
	wire_put_u8(&out->writer, 1);
	wire_put_u32(&out->writer, trigger->tgnargs);
	for (int i = 0; i < trigger->tgnargs; i++)
	{
		wire_put_u8(&out->writer, WIRE_TEXT);
		frame_put_cstring(out, trigger->tgargs[i]);
	}
}

static void
td_put(FrameOut *out, const TriggerRow *row)
{
	const TriggerData *data = row->data;
	bool new_first = row_old(data) != NULL;

	wire_put_u8(&out->writer, WIRE_RECORD);
	wire_put_u16(&out->writer, TD_COUNT);
	text_put(out, "name", data->tg_trigger->tgname);
	text_put(out, "relid", psprintf("%u", RelationGetRelid(data->tg_relation)));
	text_put(out, "table_name", SPI_getrelname(data->tg_relation));
	text_put(out, "table_schema", SPI_getnspname(data->tg_relation));
	text_put(out, "when", when_name(data->tg_event));
	text_put(out, "level", TRIGGER_FIRED_FOR_ROW(data->tg_event) ? "ROW" : "STATEMENT");
	if (new_first)
		new_put(out, row);
	old_put(out, row);
	if (!new_first)
		new_put(out, row);
	text_put(out, "event", event_name(data->tg_event));
	args_put(out, data->tg_trigger);
}

/* Whether the event is one that MODIFY goes with: the others ignore it. */
static bool
event_may_modify(TriggerEvent event)
{
	return TRIGGER_FIRED_BY_INSERT(event) || TRIGGER_FIRED_BY_UPDATE(event);
}

/* As columns are counted on the wire, without dropped ones. */
static void
generated_put(FrameOut *out, const TriggerRow *row)
{
	int live = 0, count = 0;

	for (int i = 0; i < row->desc->natts; i++)
		count += column_is_live(row, i) && column_is_generated(row, i);
	wire_put_u16(&out->writer, count);
	for (int i = 0; i < row->desc->natts; i++)
	{
		if (!column_is_live(row, i))
			continue;
		if (column_is_generated(row, i))
			wire_put_u16(&out->writer, live);
		live++;
	}
}

static void
trigger_put(FrameOut *out, const Call *call, const TriggerRow *row)
{
	wire_put_u32(&out->writer, call->function->handle);
	wire_put_u32(&out->writer, row->type->handle);
	wire_put_u8(&out->writer, event_may_modify(row->data->tg_event));
	generated_put(out, row);
	td_put(out, row);
}

/* The index in the table's description of a column of the wire that may be set. */
static int
column_get(WireReader *reader, const TriggerRow *row)
{
	int number = wire_get_u16(reader), live = 0;

	for (int i = 0; i < row->desc->natts; i++)
	{
		if (!column_is_live(row, i) || live++ != number)
			continue;
		if (column_is_generated(row, i))
			value_malformed("a value for a generated column");
		return i;
	}
	value_malformed("a column that the row does not have");
}

static void
modify_context(void *arg)
{
	errcontext("while modifying trigger row");
}

/* What is new in a row, by column of the table. */
typedef struct TriggerChange
{
	Datum *values;
	bool *nulls, *replaced;
} TriggerChange;

/* Takes the next item; false: it was the last. */
static bool
change_get(Call *call, WireReader *reader, const TriggerRow *row, TriggerChange *change)
{
	uint8 item = wire_get_u8(reader);
	int column;

	if (item == WIRE_TRIGGER_FAULT)
	{
		error_context_stack = &call->context; /* the fault brings the rest along */
		error_raise(*reader, &call->context);
	}
	if (item != WIRE_TRIGGER_COLUMN)
	{
		if (item != WIRE_TRIGGER_END || reader->error != 0)
			value_malformed("a trigger's columns without an end");
		return false;
	}
	column = column_get(reader, row);
	change->values[column] = value_out(reader, row->type->columns[column], &change->nulls[column]);
	change->replaced[column] = true;
	return true;
}

static HeapTuple
row_modify(Call *call, WireReader *reader, const TriggerRow *row, HeapTuple tuple)
{
	int natts = Max(row->desc->natts, 1);
	TriggerChange change = {
		.values = palloc0(natts * sizeof(Datum)),
		.nulls = palloc0(natts * sizeof(bool)),
		.replaced = palloc0(natts * sizeof(bool)),
	};

	while (change_get(call, reader, row, &change))
		call_check(call);
	if (tuple == NULL)
		ereport(
			ERROR,
			(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
			 errmsg("trigger function returned \"MODIFY\" in a statement-level trigger, which has no row to modify")));
	return heap_modify_tuple(tuple, row->desc, change.values, change.nulls, change.replaced);
}

static HeapTuple
row_modify_or_warn(Call *call, WireReader *reader, const TriggerRow *row, HeapTuple tuple)
{
	ErrorContextCallback context = {.previous = error_context_stack, .callback = modify_context};

	if (!event_may_modify(row->data->tg_event))
	{
		ereport(WARNING, (errmsg("PL/Python trigger function returned \"MODIFY\" in a DELETE trigger -- ignored")));
		return tuple;
	}
	error_context_stack = &context;
	tuple = row_modify(call, reader, row, tuple);
	error_context_stack = context.previous;
	return tuple;
}

/* The row that the answer asks for; NULL: none, or the statement's. */
static HeapTuple
answer_get(Call *call, const TriggerRow *row)
{
	WireReader reader = call_reader(call);
	uint8 action = wire_get_u8(&reader);
	HeapTuple tuple = row_new(row->data);

	if (tuple == NULL)
		tuple = row_old(row->data);
	if (action == WIRE_TRIGGER_MODIFY)
		tuple = row_modify_or_warn(call, &reader, row, tuple);
	if (reader.error != 0)
		value_malformed(wire_strerror(reader.error));
	if (action >= WIRE_TRIGGER_ACTION_COUNT || wire_left(&reader) > 0)
		value_malformed("an answer of a trigger that is none");
	return action == WIRE_TRIGGER_SKIP ? NULL : tuple;
}

static HeapTuple
trigger_run(Call *call, TriggerData *data)
{
	TriggerRow row = {
		.data = data,
		.desc = RelationGetDescr(data->tg_relation),
		.type = type_get_for(data->tg_relation->rd_rel->reltype, -1, call->function->transforms),
	};

	if (row.type->desc == NULL || row.type->desc->natts != row.desc->natts)
		elog(ERROR, "row type of relation %u is not that of its trigger", RelationGetRelid(data->tg_relation));
	call->result = row.type;
	call->trigger = data;
	trigger_put(&call->buffers->out, call, &row);
	(void) call_ask(call, WIRE_TRIGGER, 1u << WIRE_RESULT);
	return answer_get(call, &row);
}

Datum
trigger_fire(FunctionCallInfo info)
{
	TriggerData *data = (TriggerData *) info->context;
	Function *function = function_get(info->flinfo->fn_oid, RelationGetRelid(data->tg_relation));
	volatile HeapTuple tuple = NULL;
	Call call;

	call_begin(&call, function, NULL);
	PG_TRY();
	{
		tuple = trigger_run(&call, data);
	}
	PG_CATCH();
	{
		call_abort(&call);
		PG_RE_THROW();
	}
	PG_END_TRY();
	call_end(&call);
	return PointerGetDatum(tuple);
}
