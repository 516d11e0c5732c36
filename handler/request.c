/*
 * request.c - what the child may ask of its backend, as a table. Runs in backends.
 *
 * DESIGN. A row that runs SQL gives the slot back first and takes it again after (design invariant 1), and runs in a
 * subtransaction, so that its error can become a Python exception. A cancel is not caught: it goes on through every
 * level, whatever the function's except clauses say.
 */
#include "handler/call.h"

#include "access/xact.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "handler/error.h"
#include "handler/spi.h"
#include "scheduler/slot.h"

static void
log_serve(Call *call, WireReader *reader, FrameOut *out)
{
	static const int levels[WIRE_LOG_COUNT] = {
		[WIRE_LOG_DEBUG] = DEBUG2,	[WIRE_LOG_LOG] = LOG,		  [WIRE_LOG_INFO] = INFO,
		[WIRE_LOG_NOTICE] = NOTICE, [WIRE_LOG_WARNING] = WARNING,
	};
	uint8 level = wire_get_u8(reader);
	ErrorFields fields;

	if (level >= WIRE_LOG_COUNT)
		value_malformed("a log level out of range");
	error_fields_get(reader, &fields);
	error_report(levels[level], &fields);
}

static void
quote_serve(Call *call, WireReader *reader, FrameOut *out)
{
	uint8 how = wire_get_u8(reader);
	char *text;

	if (how >= WIRE_QUOTE_COUNT)
		value_malformed("a kind of quoting out of range");
	text = frame_get_cstring(reader);
	frame_put_cstring(out, how == WIRE_QUOTE_IDENT ? quote_identifier(text) : quote_literal_cstr(text));
}

typedef struct Request
{
	void (*serve)(Call *call, WireReader *reader, FrameOut *out);
	bool is_sql;	 /* runs in a subtransaction of its own */
	bool gives_slot; /* may wait for something else than Python */
	bool is_answered;
} Request;

static const Request requests[WIRE_KIND_COUNT] = {
	[WIRE_EXECUTE] = {spi_execute, true, true, true},
	[WIRE_PREPARE] = {spi_prepare, true, true, true},
	[WIRE_EXECUTE_PLAN] = {spi_execute_plan, true, true, true},
	[WIRE_FREE_PLAN] = {spi_free_plan, false, false, false},
	[WIRE_LOG] = {log_serve, false, true, true},
	[WIRE_QUOTE] = {quote_serve, false, false, true},
};

/* Errors that no except clause may swallow; and a dead child cannot be told of any. */
static bool
error_goes_on(const Call *call, const ErrorData *error)
{
	return call->lease->channel.dead || error->sqlerrcode == ERRCODE_QUERY_CANCELED ||
		   error->sqlerrcode == ERRCODE_ADMIN_SHUTDOWN || error->sqlerrcode == ERRCODE_PROTOCOL_VIOLATION;
}

/* Runs serve in a subtransaction. Returns WIRE_REPLY, or WIRE_REPLY_ERROR with the error in out. */
static WireKind
served_in_subtransaction(Call *call, const Request *request, WireReader *reader, FrameOut *out)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile WireKind answer = WIRE_REPLY;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		request->serve(call, reader, out);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		if (error_goes_on(call, error))
		{
			call_check(call); /* what interrupted the SQL may be a stop, which says more */
			ReThrowError(error);
		}
		frame_clear(out);
		error_put(out, error);
		answer = WIRE_REPLY_ERROR;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return answer;
}

/* SPI's context of the call must outlive the subtransaction, and hand back the caller's memory context. */
static void
spi_connect_once(Call *call)
{
	MemoryContext scratch;

	if (call->spi)
		return;
	scratch = MemoryContextSwitchTo(call->home);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	call->spi = true;
	if (call->trigger != NULL && SPI_register_trigger_data(call->trigger) < 0)
		elog(ERROR, "SPI_register_trigger_data failed");
	MemoryContextSwitchTo(scratch);
}

static WireKind
request_run(Call *call, const Request *request, WireReader *reader, FrameOut *out)
{
	if (request->is_sql)
	{
		spi_connect_once(call);
		return served_in_subtransaction(call, request, reader, out);
	}
	request->serve(call, reader, out);
	return WIRE_REPLY;
}

static WireKind
request_run_without_slot(Call *call, const Request *request, WireReader *reader, FrameOut *out)
{
	WireKind answer;

	slot_give_back();
	activity_enter_sql(call->entry);
	call_check(call);
	answer = request_run(call, request, reader, out);
	call_check(call);
	slot_take(call->pool, true, call->entry, call_check, call);
	activity_state_set(call->entry, ACTIVITY_RUNNING);
	return answer;
}

static MemoryContext
scratch_context(Call *call)
{
	if (call->scratch == NULL)
		call->scratch = AllocSetContextCreate(CurrentMemoryContext, "pybox requests", ALLOCSET_DEFAULT_SIZES);
	return call->scratch;
}

bool
request_serve(Call *call, WireKind kind)
{
	const Request *request = &requests[kind];
	FrameOut *out = &call->buffers->out;
	WireReader reader = call_reader(call);
	MemoryContext old;
	WireKind answer;

	if (request->serve == NULL)
		return false;
	frame_clear(out);
	call->waiting = request->is_answered;
	old = MemoryContextSwitchTo(scratch_context(call));
	answer = request->gives_slot ? request_run_without_slot(call, request, &reader, out)
								 : request_run(call, request, &reader, out);
	if (reader.error != 0)
		call_violation(call, wire_strerror(reader.error));
	if (request->is_answered)
		call_send(call, answer, out);
	call->waiting = false;
	MemoryContextSwitchTo(old);
	MemoryContextReset(call->scratch);
	return true;
}
