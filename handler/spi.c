/*
 * spi.c - runs the SQL requests of the child. Runs in backends, inside a subtransaction that request.c opens.
 */
#include "handler/spi.h"

#include "access/htup_details.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "parser/parse_type.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "handler/error.h"

#define PLANS_MAX 10000

/* A plan belongs to the interpreter that prepared it, and goes with it. */
typedef struct PreparedPlan
{
	struct PreparedPlan *next;
	uint32 number;
	uint64 lease;
	int users;	 /* executions under way */
	bool doomed; /* freed with the last of them */
	SPIPlanPtr plan;
	MemoryContext context;
	int arg_count;
	TypeInfo **args;
	uint32 *handles; /* of args in the interpreter: these stay */
} PreparedPlan;

static PreparedPlan *plans = NULL;
static int plan_count = 0;
static uint32 last_plan = 0;

static void
row_put(FrameOut *out, TypeInfo **types, HeapTuple tuple, TupleDesc desc)
{
	for (int i = 0; i < desc->natts; i++)
	{
		bool is_null;
		Datum value;

		if (TupleDescAttr(desc, i)->attisdropped)
			continue;
		value = heap_getattr(tuple, i + 1, desc, &is_null);
		if (is_null)
			wire_put_u8(&out->writer, WIRE_NULL);
		else
			value_in(out, types[i], value);
	}
}

static TypeInfo **
columns_put(FrameOut *out, TupleDesc desc, const TransformSet *transforms)
{
	TypeInfo **types = palloc0(Max(desc->natts, 1) * sizeof(TypeInfo *));
	int live = 0;

	for (int i = 0; i < desc->natts; i++)
		live += !TupleDescAttr(desc, i)->attisdropped;
	wire_put_u16(&out->writer, live);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);

		if (attribute->attisdropped)
			continue;
		frame_put_cstring(out, NameStr(attribute->attname));
		wire_put_u32(&out->writer, attribute->atttypid);
		wire_put_u32(&out->writer, (uint32) attribute->atttypmod);
		types[i] = type_get_for(attribute->atttypid, attribute->atttypmod, transforms);
	}
	return types;
}

/* Large arrays are copied: the rows are gone before the frame is sent. */
void
spi_rows_put(Call *call, FrameOut *out, int status)
{
	SPITupleTable *table = SPI_tuptable;
	uint64 rows = SPI_processed;
	TypeInfo **types;
	bool needs_snapshot = !ActiveSnapshotSet(); /* for values out of line; after a commit there is none */

	wire_put_u32(&out->writer, (uint32) status);
	wire_put_u64(&out->writer, rows);
	wire_put_u8(&out->writer, table != NULL);
	if (table == NULL)
		return;
	if (needs_snapshot)
		PushActiveSnapshot(GetTransactionSnapshot());
	types = columns_put(out, table->tupdesc, call->function->transforms);
	wire_put_u64(&out->writer, rows);
	for (uint64 i = 0; i < rows; i++)
	{
		CHECK_FOR_INTERRUPTS(); /* millions of rows take seconds */
		row_put(out, types, table->vals[i], table->tupdesc);
	}
	frame_settle(out);
	if (needs_snapshot)
		PopActiveSnapshot();
	SPI_freetuptable(table);
}

/* SPI's own refusals have no SQLSTATE: to Python they are a plain SPIError. */
static void
status_check(int status, const char *what)
{
	if (status < 0)
		ereport(ERROR,
				(errcode(ERROR_WITHOUT_SQLSTATE), errmsg("%s failed: %s", what, SPI_result_code_string(status))));
}

/* A negative one is SPI's to refuse. */
static long
limit_get(WireReader *reader)
{
	return (long) (int64) wire_get_u64(reader);
}

void
spi_execute(Call *call, WireReader *reader, FrameOut *out)
{
	long limit = limit_get(reader);
	char *query = frame_get_cstring(reader);
	int status = SPI_execute(query, call->function->read_only, limit);

	status_check(status, "SPI_execute");
	spi_rows_put(call, out, status);
}

static void
plan_free(PreparedPlan **link)
{
	PreparedPlan *plan = *link;

	*link = plan->next;
	plan_count--;
	SPI_freeplan(plan->plan);
	MemoryContextDelete(plan->context);
}

/* Frees the plans that are done with, and those of interpreters that are gone. */
static void
plans_sweep(void)
{
	PreparedPlan **link = &plans;

	while (*link != NULL)
		if ((*link)->users == 0 && ((*link)->doomed || lease_find((*link)->lease) == NULL))
			plan_free(link);
		else
			link = &(*link)->next;
}

static PreparedPlan *
plan_make(Call *call, int arg_count)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "pybox plan", ALLOCSET_SMALL_SIZES);
	PreparedPlan *plan = MemoryContextAllocZero(context, sizeof(PreparedPlan));

	plan->context = context;
	plan->number = ++last_plan;
	plan->lease = call->lease->id;
	plan->arg_count = arg_count;
	plan->args = MemoryContextAllocZero(context, Max(arg_count, 1) * sizeof(TypeInfo *));
	plan->handles = MemoryContextAllocZero(context, Max(arg_count, 1) * sizeof(uint32));
	for (int i = 0; i < arg_count; i++)
		plan->handles[i] = type_handle_next();
	return plan;
}

static Oid *
plan_types_get(Call *call, WireReader *reader, int count, TypeInfo **infos)
{
	Oid *types = palloc(Max(count, 1) * sizeof(Oid));

	for (int i = 0; i < count; i++)
	{
		int32 typmod;

		parseTypeString(frame_get_cstring(reader), &types[i], &typmod, false);
		infos[i] = type_get_for(types[i], typmod, call->function->transforms);
	}
	return types;
}

void
spi_prepare(Call *call, WireReader *reader, FrameOut *out)
{
	char *query = frame_get_cstring(reader);
	int count = wire_get_u16(reader);
	TypeInfo **infos;
	Oid *types;
	SPIPlanPtr prepared;
	PreparedPlan *plan;

	if (reader->error != 0 || (size_t) count > wire_left(reader))
		value_malformed("a plan with more types than its message holds");
	plans_sweep();
	if (plan_count >= PLANS_MAX)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("too many prepared plans"),
						errdetail("This session's Python functions hold %d, the limit.", PLANS_MAX),
						errhint("Keep plans in SD and use them again.")));
	infos = palloc(Max(count, 1) * sizeof(TypeInfo *));
	types = plan_types_get(call, reader, count, infos);
	prepared = SPI_prepare(query, count, types);
	if (prepared == NULL)
		status_check(SPI_result, "SPI_prepare");
	plan = plan_make(call, count);
	memcpy(plan->args, infos, count * sizeof(TypeInfo *));
	SPI_keepplan(prepared);
	plan->plan = prepared;
	plan->next = plans;
	plans = plan;
	plan_count++;
	wire_put_u32(&out->writer, plan->number);
	wire_put_u16(&out->writer, count);
	for (int i = 0; i < count; i++)
	{
		wire_put_u32(&out->writer, plan->handles[i]);
		type_put(out, infos[i]);
	}
}

static PreparedPlan *
plan_find(uint64 lease, uint32 number)
{
	for (PreparedPlan *plan = plans; plan != NULL; plan = plan->next)
		if (plan->number == number && plan->lease == lease && !plan->doomed)
			return plan;
	return NULL;
}

typedef struct PlanArguments
{
	Datum *values;
	char *nulls;
} PlanArguments;

static PlanArguments
plan_arguments_get(const PreparedPlan *plan, WireReader *reader)
{
	PlanArguments arguments = {
		.values = palloc0(Max(plan->arg_count, 1) * sizeof(Datum)),
		.nulls = palloc(plan->arg_count + 1),
	};

	for (int i = 0; i < plan->arg_count; i++)
	{
		bool is_null;

		arguments.values[i] = value_out(reader, plan->args[i], &is_null);
		arguments.nulls[i] = is_null ? 'n' : ' ';
	}
	return arguments;
}

static int
plan_run(Call *call, PreparedPlan *plan, WireReader *reader, long limit)
{
	PlanArguments arguments = plan_arguments_get(plan, reader);

	return SPI_execute_plan(plan->plan, arguments.values, arguments.nulls, call->function->read_only, limit);
}

static Portal
plan_open(Call *call, PreparedPlan *plan, WireReader *reader)
{
	PlanArguments arguments = plan_arguments_get(plan, reader);

	return SPI_cursor_open(NULL, plan->plan, arguments.values, arguments.nulls, call->function->read_only);
}

/* What the plan runs may call functions of the same interpreter, which may free it: it is held meanwhile. */
static int
plan_run_held(Call *call, PreparedPlan *plan, WireReader *reader, long limit)
{
	volatile int status = 0;

	plan->users++;
	PG_TRY();
	{
		status = plan_run(call, plan, reader, limit);
	}
	PG_FINALLY();
	{
		plan->users--;
	}
	PG_END_TRY();
	return status;
}

static void
plan_check(const PreparedPlan *plan, WireReader *reader)
{
	if (plan == NULL || wire_get_u16(reader) != plan->arg_count)
		value_malformed("a plan that is not its own, or with the wrong number of arguments");
}

void
spi_execute_plan(Call *call, WireReader *reader, FrameOut *out)
{
	PreparedPlan *plan = plan_find(call->lease->id, wire_get_u32(reader));
	long limit = limit_get(reader);
	int status;

	plan_check(plan, reader);
	status = plan_run_held(call, plan, reader, limit);
	plans_sweep();
	status_check(status, "SPI_execute_plan");
	spi_rows_put(call, out, status);
}

void
spi_free_plan(Call *call, WireReader *reader, FrameOut *out)
{
	spi_plan_doom(call->lease->id, wire_get_u32(reader));
	plans_sweep();
}

void
spi_plan_doom(uint64 lease, uint32 number)
{
	PreparedPlan *plan = plan_find(lease, number);

	if (plan != NULL)
		plan->doomed = true;
}

/* Held meanwhile, as above: planning may call functions. The portal has what it needs of the plan afterwards. */
static Portal
plan_open_held(Call *call, PreparedPlan *plan, WireReader *reader)
{
	volatile Portal portal = NULL;

	plan->users++;
	PG_TRY();
	{
		portal = plan_open(call, plan, reader);
	}
	PG_FINALLY();
	{
		plan->users--;
	}
	PG_END_TRY();
	return portal;
}

Portal
spi_plan_cursor(Call *call, WireReader *reader)
{
	PreparedPlan *plan = plan_find(call->lease->id, wire_get_u32(reader));

	plan_check(plan, reader);
	return plan_open_held(call, plan, reader);
}

static void
plan_renew(Call *call, PreparedPlan *plan)
{
	for (int i = 0; i < plan->arg_count; i++)
	{
		TypeInfo *type = type_renew(plan->args[i]);

		if (type != plan->args[i])
			call_teach(call, plan->handles[i], type);
		plan->args[i] = type;
	}
}

void
spi_plans_look_up(void)
{
	for (const PreparedPlan *plan = plans; plan != NULL; plan = plan->next)
		for (int i = 0; i < plan->arg_count && !plan->doomed; i++)
			(void) type_renew(plan->args[i]);
}

/* Those whose arguments are being read keep what these were written by. */
bool
spi_plans_renew(Call *call)
{
	bool all = true;

	for (PreparedPlan *plan = plans; plan != NULL; plan = plan->next)
		if (plan->lease != call->lease->id || plan->doomed)
			continue;
		else if (plan->users == 0)
			plan_renew(call, plan);
		else
			all = false;
	return all;
}
