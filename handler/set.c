/*
 * set.c - set-returning functions: an iterator in the child, one row for each time the executor asks. Runs in backends.
 *
 * DESIGN. Between rows no slot is held and the interpreter may serve other calls. A set that is given up early is closed
 * by its expression context; one that an error leaves behind, with the memory of the query, so that a generator's finally
 * blocks run when a savepoint is rolled back; the end of the transaction finds none.
 */
#include "handler/call.h"

#include "access/xact.h"
#include "executor/executor.h"
#include "utils/memutils.h"

#include "handler/cursor.h"

typedef struct SetState
{
	struct SetState *next;
	MemoryContext memory; /* its own, below that of the site */
	MemoryContextCallback callback;
	CallSite *site;
	Function *function;
	uint64 lease;
	CallProgress progress;
	Oid role;
	char pool[POLICY_NAME_SIZE];
	bool counted;
	uint32 iterator;
	ExprContext *context;
	bool closed;
} SetState;

static SetState *sets = NULL;
static bool registered = false;

const CallProgress *
set_progress(const CallSite *site)
{
	return site->set != NULL ? &site->set->progress : NULL;
}

/* Gives back what the set holds; its memory goes later. */
static void
set_release(SetState *set)
{
	Lease *lease = lease_find(set->lease);

	if (lease != NULL)
	{
		lease->sets--;
		lease_leave(lease);
	}
	for (SetState **link = &sets; *link != NULL; link = &(*link)->next)
		if (*link == set)
		{
			*link = set->next;
			break;
		}
	function_release(set->function);
	set->site->set = NULL;
	set->closed = true;
}

/* The first of several ways out counts. Raises nothing. */
static void
set_close(void *arg)
{
	SetState *set = arg;
	Lease *lease;

	if (set->closed)
		return;
	lease = lease_find(set->lease);
	if (lease != NULL)
		lease_drop(lease, WIRE_CLOSE, set->iterator);
	if (!set->counted)
		measure_set_closed(&set->progress, set->function->oid, set->role, set->pool);
	set_release(set);
}

/* The executor shuts the expression down before the set is exhausted. */
static void
set_shutdown(Datum arg)
{
	SetState *set = (SetState *) DatumGetPointer(arg);

	set_close(set);
	MemoryContextDelete(set->memory);
	cursors_sweep(); /* its iterator may have held some */
}

static void
sets_end(XactEvent event, void *arg)
{
	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE &&
		event != XACT_EVENT_PARALLEL_COMMIT && event != XACT_EVENT_PARALLEL_ABORT)
		return;
	while (sets != NULL)
		set_close(sets);
}

/* A set without anything to hold, whose memory closes it when it goes. */
static SetState *
set_make(CallSite *site, FunctionCallInfo info)
{
	MemoryContext memory = AllocSetContextCreate(info->flinfo->fn_mcxt, "pybox set", ALLOCSET_SMALL_SIZES);
	SetState *set = MemoryContextAllocZero(memory, sizeof(SetState));

	if (!registered)
		RegisterXactCallback(sets_end, NULL);
	registered = true;
	set->memory = memory;
	set->site = site;
	set->context = ((ReturnSetInfo *) info->resultinfo)->econtext;
	set->callback = (MemoryContextCallback){.func = set_close, .arg = set};
	return set;
}

static void
set_open(Call *call, CallSite *site, FunctionCallInfo info)
{
	WireReader reader = call_reader(call);
	SetState *set = set_make(site, info);

	set->iterator = wire_get_u32(&reader);
	set->lease = call->lease->id;
	call->lease->sets++;
	set->function = call->function;
	set->role = call->role;
	strlcpy(set->pool, call->pool->name, sizeof(set->pool));
	function_hold(set->function);
	set->next = sets;
	sets = set;
	MemoryContextRegisterResetCallback(set->memory, &set->callback);
	RegisterExprContextCallback(set->context, set_shutdown, PointerGetDatum(set));
	site->set = set;
	if (reader.error != 0)
		call_violation(call, wire_strerror(reader.error));
}

static void
set_end(SetState *set)
{
	UnregisterExprContextCallback(set->context, set_shutdown, PointerGetDatum(set));
	set_release(set);
	MemoryContextDelete(set->memory);
}

/* The interpreter that holds the iterator, and no other. */
static void
set_resume(Call *call, const SetState *set)
{
	call->lease = lease_find(set->lease);
	if (call->lease == NULL || !lease_enter(call->lease))
	{
		call->lease = NULL;
		ereport(ERROR, (errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
						errmsg("Python interpreter that produces this set is gone"),
						errdetail("Pool \"%s\", call %lld.", call->pool->name, (long long) call->id)));
	}
	call->lease->depth++;
	if (call->lease->trusted && call->lease->role != call->role)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("a set that another role began cannot go on"),
						errdetail("An interpreter serves one role."),
						errhint("Read the set to its end before you change the role.")));
}

static WireKind
set_fetch(Call *call, SetState *set)
{
	FrameOut *out = &call->buffers->out;
	WireKind answer;

	frame_clear(out);
	wire_put_u32(&out->writer, set->iterator);
	answer = call_ask(call, WIRE_NEXT, 1u << WIRE_ROW | 1u << WIRE_END);
	call->rows += answer == WIRE_ROW;
	set->progress = call_progress(call);
	return answer;
}

static ReturnSetInfo *
set_info(FunctionCallInfo info)
{
	ReturnSetInfo *set = (ReturnSetInfo *) info->resultinfo;

	if (set == NULL || !IsA(set, ReturnSetInfo) || (set->allowedModes & SFRM_ValuePerCall) == 0)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("unsupported set function return mode"),
						errdetail("PL/Python set-returning functions only support returning one value per call.")));
	set->returnMode = SFRM_ValuePerCall;
	return set;
}

Datum
set_next(Call *call, CallSite *site, FunctionCallInfo info)
{
	ReturnSetInfo *set_result = set_info(info);
	Datum value;

	if (site->set == NULL)
	{
		arguments_put(&call->buffers->out, site, info);
		(void) call_ask(call, WIRE_CALL, 1u << WIRE_ITERATOR);
		set_open(call, site, info);
	}
	else
		set_resume(call, site->set);
	call->counted = &site->set->counted;
	if (set_fetch(call, site->set) == WIRE_END)
	{
		call->counted = NULL;
		set_end(site->set);
		set_result->isDone = ExprEndResult;
		info->isnull = true;
		return (Datum) 0;
	}
	set_result->isDone = ExprMultipleResult;
	value = call_value(call, site->result, &info->isnull);
	call->measure.is_counted = true; /* with the whole set */
	return value;
}
