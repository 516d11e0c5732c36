/*
 * request.c - what the child may ask of its backend, as a table. Runs in backends.
 *
 * DESIGN. A row that runs SQL gives the slot back first and takes it again after (design invariant 1), and runs in a
 * subtransaction, so that its error can become a Python exception. A cancel is not caught: it goes on through every
 * level, whatever the function's except clauses say. SPI is connected before the first subtransaction that a call needs,
 * its own or the function's, so that none of them takes the connection along.
 */
#include "handler/call.h"

#include "access/xact.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "handler/cursor.h"
#include "handler/error.h"
#include "handler/limit.h"
#include "handler/spi.h"
#include "handler/subtransaction.h"
#include "handler/transaction.h"
#include "scheduler/clock.h"
#include "scheduler/slot.h"
#include "scheduler/fault_raise.h"

static void
log_serve(Call *call, WireReader *reader, FrameOut *out)
{
	static const int levels[WIRE_LOG_COUNT] = {
		[WIRE_LOG_DEBUG] = DEBUG2,	[WIRE_LOG_LOG] = LOG,		  [WIRE_LOG_INFO] = INFO,
		[WIRE_LOG_NOTICE] = NOTICE, [WIRE_LOG_WARNING] = WARNING, [WIRE_LOG_FATAL] = FATAL,
	};
	size_t size = wire_left(reader);
	uint8 level = wire_get_u8(reader);
	ErrorFields fields;

	if (level >= WIRE_LOG_COUNT || (level == WIRE_LOG_FATAL && call->function->trusted))
		value_malformed("a log level out of range");
	error_fields_get(reader, &fields);
	limit_log(call, size);
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

typedef struct Request Request;

struct Request
{
	void (*serve)(Call *call, WireReader *reader, FrameOut *out);
	WireKind (*run)(Call *call, const Request *request, WireReader *reader, FrameOut *out);
	bool gives_slot; /* may wait for something else than Python */
	bool is_answered;
};

/*
 * Errors that no except clause may swallow; and a dead child cannot be told of any. A function may give its own error any
 * SQLSTATE, as in PL/Python and PL/pgSQL, but that makes it no cancel.
 */
static bool
error_goes_on(const Call *call, const ErrorData *error)
{
	if (call->lease->channel.dead)
		return true;
	if (error_is_of_function(error))
		return false;
	return error->sqlerrcode == ERRCODE_QUERY_CANCELED || error->sqlerrcode == ERRCODE_ADMIN_SHUTDOWN ||
		   error->sqlerrcode == ERRCODE_PROTOCOL_VIOLATION;
}

/* Makes the answer of an error that was caught and flushed, or raises it again. */
static WireKind
error_answer(Call *call, ErrorData *error, FrameOut *out)
{
	if (error_goes_on(call, error))
	{
		call_check(call); /* what interrupted the SQL may be a stop, which says more */
		ReThrowError(error);
	}
	frame_clear(out);
	error_put(out, error);
	return WIRE_REPLY_ERROR;
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
		answer = error_answer(call, error, out);
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
	if (SPI_connect_ext(call->nonatomic ? SPI_OPT_NONATOMIC : 0) != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	call->spi = true;
	if (call->trigger != NULL && SPI_register_trigger_data(call->trigger) < 0)
		elog(ERROR, "SPI_register_trigger_data failed");
	MemoryContextSwitchTo(scratch);
}

/* What it raises ends the call. */
static WireKind
run_plainly(Call *call, const Request *request, WireReader *reader, FrameOut *out)
{
	request->serve(call, reader, out);
	return WIRE_REPLY;
}

static WireKind
run_connected(Call *call, const Request *request, WireReader *reader, FrameOut *out)
{
	spi_connect_once(call);
	return run_plainly(call, request, reader, out);
}

static WireKind
run_sql(Call *call, const Request *request, WireReader *reader, FrameOut *out)
{
	spi_connect_once(call);
	cursors_sweep();
	return served_in_subtransaction(call, request, reader, out);
}

/* No subtransaction may be open around the end of a transaction; what it raises leaves a usable transaction behind. */
static WireKind
run_transaction(Call *call, const Request *request, WireReader *reader, FrameOut *out)
{
	MemoryContext context = CurrentMemoryContext;
	volatile WireKind answer = WIRE_REPLY;

	spi_connect_once(call);
	cursors_sweep();
	PG_TRY();
	{
		request->serve(call, reader, out);
	}
	PG_CATCH();
	{
		ErrorData *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		answer = error_answer(call, error, out);
	}
	PG_END_TRY();
	return answer;
}

static const Request requests[WIRE_KIND_COUNT] = {
	[WIRE_EXECUTE] = {spi_execute, run_sql, true, true},
	[WIRE_PREPARE] = {spi_prepare, run_sql, true, true},
	[WIRE_EXECUTE_PLAN] = {spi_execute_plan, run_sql, true, true},
	[WIRE_FREE_PLAN] = {spi_free_plan, run_plainly, false, false},
	[WIRE_LOG] = {log_serve, run_plainly, true, true},
	[WIRE_QUOTE] = {quote_serve, run_plainly, false, true},
	[WIRE_SUBTRANSACTION] = {subtransaction_serve, run_connected, true, true},
	[WIRE_TRANSACTION] = {transaction_serve, run_transaction, true, true},
	[WIRE_CURSOR] = {cursor_open_query, run_sql, true, true},
	[WIRE_CURSOR_PLAN] = {cursor_open_plan, run_sql, true, true},
	[WIRE_FETCH] = {cursor_fetch, run_sql, true, true},
	[WIRE_CLOSE_CURSOR] = {cursor_close, run_sql, true, true},
	[WIRE_FREE_CURSOR] = {cursor_free, run_plainly, false, false},
};

/* What to do with those that are not answered, when no call listens. */
static void (*const notes[WIRE_KIND_COUNT])(uint64 lease, uint32 number) = {
	[WIRE_FREE_PLAN] = spi_plan_doom,
	[WIRE_FREE_CURSOR] = cursor_doom,
};

bool
request_is_note(WireKind kind)
{
	return notes[kind] != NULL;
}

void
request_note(uint64 lease, WireKind kind, const WireWriter *in)
{
	WireReader reader = {.at = in->data, .end = in->data + in->size};
	uint32 number = wire_get_u32(&reader);

	if (reader.error == 0)
		notes[kind](lease, number);
}

static WireKind
request_run_without_slot(Call *call, const Request *request, WireReader *reader, FrameOut *out)
{
	TimestampTz now = clock_now();
	WireKind answer;

	lease_rest(call->lease);
	slot_give_back_at(now);
	measure_turn_at(call, MEASURE_SQL, now);
	FAULT_RAISE("backend.sql_begin");
	activity_enter_sql(call->entry);
	call_check(call);
	FAULT_RAISE("backend.sql_run");
	answer = request->run(call, request, reader, out);
	call_check(call);
	FAULT_RAISE("backend.sql_end");
	measure_turn(call, MEASURE_NOTHING);
	now = call_slot_take(call);
	measure_turn_at(call, MEASURE_RUN, now);
	FAULT_RAISE("backend.sql_resume");
	activity_state_set(call->entry, ACTIVITY_RUNNING);
	return answer;
}

static MemoryContext
scratch_context(Call *call)
{
	if (call->scratch == NULL)
		call->scratch = AllocSetContextCreate(call->home, "pybox requests", ALLOCSET_DEFAULT_SIZES);
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
	call_check(call); /* after it is known whether the child waits: a stop has to answer it */
	old = MemoryContextSwitchTo(scratch_context(call));
	answer = request->gives_slot ? request_run_without_slot(call, request, &reader, out)
								 : request->run(call, request, &reader, out);
	if (reader.error != 0)
		call_violation(call, wire_strerror(reader.error));
	if (answer == WIRE_REPLY && wire_left(&reader) > 0) /* what failed may have failed half through */
		call_violation(call, "a request with something behind it");
	if (request->is_answered)
		call_send(call, answer, out);
	call->waiting = false;
	MemoryContextSwitchTo(old);
	MemoryContextReset(call->scratch);
	return true;
}
