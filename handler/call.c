/*
 * call.c - the life of a call in its backend: slot, lease, conversation, and the way out of each. Runs in backends.
 */
#include "handler/call.h"

#include <limits.h>

#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "utils/memutils.h"

#include "handler/account.h"
#include "handler/claim.h"
#include "handler/cursor.h"
#include "handler/error.h"
#include "handler/filter.h"
#include "handler/launcher.h"
#include "handler/limit.h"
#include "handler/pause.h"
#include "handler/spi.h"
#include "handler/subtransaction.h"
#include "handler/transaction.h"
#include "handler/wall_clock.h"
#include "scheduler/clock.h"
#include "scheduler/fault_raise.h"
#include "scheduler/gate.h"
#include "scheduler/policy_store.h"
#include "scheduler/shared.h"
#include "scheduler/slot.h"

#define NODE_SHIFT 48
#define ANSWER(kind) (UINT64CONST(1) << (kind))
#define ERROR_ANSWERS (ANSWER(WIRE_ERROR) | ANSWER(WIRE_FATAL))
#define SETTLE_FRAME_MAX (1024 * 1024) /* while a canceled child is heard out, a longer frame costs it its life */

int call_cancel_grace_ms = 75;
Call *current_call = NULL;

static FrameOut definitions; /* for frames that define, sent before a call; nothing nests while it is in use */
static bool registered = false;

static void
calls_exit(int code, Datum arg)
{
	for (Call *call = current_call; call != NULL; call = call->outer)
		activity_end(call->entry);
	current_call = NULL;
}

/* The session ends amid its calls; those of an error's way out lie on a stack that is gone. */
static void
calls_end(int code, Datum arg)
{
	measure_exit(current_call);
	calls_exit(code, arg);
}

/*
 * At the end of a transaction no call runs but one that asked for it: another that is still listed was left by an error on
 * its own way out.
 */
static void
calls_forget(XactEvent event, void *arg)
{
	if (transaction_is_ending())
		return;
	if (event == XACT_EVENT_ABORT || event == XACT_EVENT_PARALLEL_ABORT)
	{
		slot_give_back();
		slot_unreserve(0);
		pause_forget();
		calls_exit(0, (Datum) 0);
	}
}

static void
calls_initialize(void)
{
	if (registered)
		return;
	stat_register(); /* first, so that it counts what the others end */
	RegisterXactCallback(calls_forget, NULL);
	definitions.writer = frame_writer_make();
	slot_register();
	before_shmem_exit(calls_end, (Datum) 0);
	registered = true;
}

static void
call_context(void *arg)
{
	const Call *call = arg;

	if (call->function->is_inline)
		errcontext("PL/Python anonymous code block");
	else
		errcontext("PL/Python %s \"%s\"", call->function->is_procedure ? "procedure" : "function",
				   call->function->name);
}

static uint64
call_id_next(void)
{
	uint64 node = (uint64) policy_store_get()->node_id;

	return node << NODE_SHIFT | (pg_atomic_fetch_add_u64(&shared->next_call, 1) & ((UINT64CONST(1) << NODE_SHIFT) - 1));
}

/* As pg_stat_activity: of parallel workers only. */
static int
leader_pid(void)
{
	PGPROC *leader = MyProc->lockGroupLeader;

	return leader != NULL && leader != MyProc ? leader->pid : 0;
}

static void
call_show(Call *call)
{
	ActivityCall shown = {
		.call_id = call->id,
		.state = ACTIVITY_QUEUED,
		.pid = MyProcPid,
		.leader_pid = leader_pid(),
		.role = call->role,
		.database = MyDatabaseId,
		.function = call->function->oid,
		.priority = call->pool->priority,
		.trusted = call->function->trusted,
		.wall_ms = call->pool->limits.wall_ms,
		.queued_at = call->queued_at,
		.asked_at = call->asked_at,
		.policy = policy_store_local_generation(),
		.rules = call->selection.rules,
		.budgets = call->selection.budgets,
		.body = call->function->body,
		.statement = call->selection.rules != 0 ? call->function->statement : 0,
		.calls = call->function->calls,
		.rows = call->rows,
	};

	strlcpy(shown.pool_name, call->pool->name, sizeof(shown.pool_name));
	strlcpy(shown.language, call->function->language, sizeof(shown.language));
	call->entry = activity_begin(call->depth, &shown);
	if (unlikely((shown.rules | shown.budgets) != 0))
		activity_watch();
}

void
call_pool_set(Call *call, const PolicyPool *pool)
{
	call->pool = pool;
	call_select(call);
	call_show(call);
}

static void
call_start(Call *call)
{
	call->id = call_id_next();
	call->asked_at = clock_now();
	call->queued_at = wall_clock_of(call->asked_at);
}

static void
call_continue(Call *call, const CallProgress *progress)
{
	call->id = progress->id;
	call->queued_at = progress->queued_at;
	call->spent_us = progress->spent_us;
	call->cpu_us = progress->cpu_us;
	call->received = progress->received;
	call->logged = progress->logged;
	call->messages = progress->messages;
	call->measure = progress->measure;
	measure_step_begin(call);
	call->rows = progress->rows;
	call->asked_at = progress->asked_at;
	call->demoted = progress->demoted;
}

void
call_begin(Call *call, Function *function, const CallProgress *progress)
{
	shared_require();
	calls_initialize();
	if (current_call == NULL)
	{
		policy_store_refresh();
		launcher_drain();
	}
	memset(call, 0, sizeof(*call));
	call->function = function;
	call->pool = function_pool(function);
	call->role = GetUserId();
	call->home = CurrentMemoryContext;
	call->outer = current_call;
	call->depth = current_call == NULL ? 0 : current_call->depth + 1;
	if (progress != NULL)
		call_continue(call, progress);
	else
		call_start(call);
	call_select(call);
	if (progress == NULL)
		call_count(call);
	call->resumes = progress != NULL || call->outer != NULL;
	call->turn = claim_turn_of_policy(policy_store_local_generation());
	call->reserved = slot_reserved();
	call->buffers = frame_buffers(call->depth);
	call_show(call);
	function_hold(function);
	call->context = (ErrorContextCallback){.previous = error_context_stack, .callback = call_context, .arg = call};
	error_context_stack = &call->context;
	current_call = call;
}

/* A DO block runs once: the child need not keep it. */
static void
block_forget(const Call *call)
{
	if (call->function->is_inline)
		lease_forget(call->lease, call->function->handle);
}

/* What end and abort share; leaves nothing that the call owned. */
static void
call_leave(Call *call)
{
	slot_give_back();
	pause_end();
	account_end(call);
	if (call->lease != NULL)
	{
		block_forget(call);
		lease_rest(call->lease);
		lease_weigh(call->lease, LEASE_WEIGHT_USUAL);
		call->lease->depth--;
		lease_leave(call->lease);
	}
	slot_unreserve(call->reserved);
	activity_end(call->entry);
	frame_buffers_trim(call->buffers);
	function_release(call->function);
	error_context_stack = call->context.previous;
	current_call = call->outer;
}

void
call_end(Call *call)
{
	if (call->scratch != NULL)
		MemoryContextDelete(call->scratch);
	measure_end(call);
	call_leave(call);
}

WireReader
call_reader(const Call *call)
{
	return (WireReader){.at = call->buffers->in.data, .end = call->buffers->in.data + call->buffers->in.size};
}

static void
value_context(void *arg)
{
	errcontext("while creating return value");
}

Datum
call_value(Call *call, TypeInfo *type, bool *is_null)
{
	WireReader reader = call_reader(call);
	ErrorContextCallback context = {.previous = error_context_stack, .callback = value_context};
	Datum value;

	if (!call->function->is_procedure)
		error_context_stack = &context;
	if (type->type == RECORDOID && type->desc == NULL)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("function returning record called in context that cannot accept type record")));
	value = value_out(&reader, type, is_null);
	if (wire_left(&reader) > 0)
		call_violation(call, "a value with something behind it");
	if (type->type == VOIDOID)
		*is_null = false; /* void is an empty value, not a null, to SQL */
	error_context_stack = context.previous;
	return value;
}

void
call_violation(Call *call, const char *what)
{
	lease_kill(call->lease);
	ereport(ERROR,
			(errcode(ERRCODE_PROTOCOL_VIOLATION), errmsg("Python interpreter broke the protocol: %s", what),
			 errdetail("Pool \"%s\", call %lld; the interpreter was ended.", call->pool->name, (long long) call->id)));
}

int64
call_step_us(const Call *call)
{
	TimestampTz until = pause_since();

	if (call->started_at == 0)
		return 0;
	return (likely(until == 0) ? clock_now() : until) - call->started_at;
}

int64
call_spent_us(const Call *call)
{
	return call->spent_us + call_step_us(call);
}

CallProgress
call_progress(const Call *call)
{
	return (CallProgress){
		.id = call->id,
		.queued_at = call->queued_at,
		.spent_us = call_spent_us(call),
		.cpu_us = limit_cpu_used(call),
		.received = call->received,
		.logged = call->logged,
		.messages = call->messages,
		.measure = call->measure,
		.rows = call->rows,
		.asked_at = call->asked_at,
		.demoted = call->demoted,
	};
}

/* Of its callers too: as cpu_check() will. */
TimestampTz
call_look_at(const Call *call)
{
	TimestampTz look_at = call->deadline;

	for (; call != NULL; call = call->outer)
		if (call->cpu_look_at != 0 && call->asked)
			look_at = Min(look_at, call->cpu_look_at);
	return look_at;
}

/*
 * A call without its interpreter, or whose answer has come, uses none. The call that runs may be another, inside of this
 * one, that still waits for an interpreter: it has no channel yet.
 */
static void
cpu_check(Call *call)
{
	if (likely(call->cpu_look_at == 0) || !call->asked || clock_now() < call->cpu_look_at)
		return;
	limit_cpu(call);
	if (current_call->lease != NULL)
		current_call->lease->channel.deadline = call_look_at(current_call);
}

/*
 * Refuses a new call where its pool is drained or its function under quarantine. One inside another is part of what has
 * begun, as far as pools go; the check of a source is no call.
 */
static void
call_gate(Call *call)
{
	bool inside = call->outer != NULL;

	gate_check(inside ? NULL : call->pool->name, call->function->oid, call->function->body);
	call->gated = !inside;
}

/* What keeps a call from starting: filters, gates and budgets that are used up. */
static void
call_judge(Call *call)
{
	call->judged_policy = policy_store_local_generation();
	filter_check(call, call->kind);
	call_gate(call);
	account_check(call);
}

/* The same while it waits for its first slot and when it has got it: a gate may have been closed meanwhile, the policy be another. */
static void
call_judge_again(Call *call)
{
	if (likely(!call->gated))
		return;
	if (call->judged_policy != policy_store_local_generation())
		call_judge(call);
	else
		gate_check(call->pool->name, call->function->oid, call->function->body);
}

void
call_check(void *arg)
{
	uint64 generation = policy_store_generation();

	for (Call *call = arg; call != NULL; call = call->outer)
	{
		ActivityStop stop = activity_stop_get(call->entry);

		if (stop == ACTIVITY_STOP_NONE && call->started_at != 0 &&
			call_spent_us(call) > call->pool->limits.wall_ms * INT64CONST(1000))
			stop = ACTIVITY_STOP_WALL;
		if (stop != ACTIVITY_STOP_NONE)
			stop_raise(call, stop);
		if (unlikely(call->ruled_policy != generation))
			call_rules_renew(call);
		call_judge_again(call);
		cpu_check(call);
		account_look(call);
	}
	CHECK_FOR_INTERRUPTS(); /* last: an interrupt may have come with a stop, which says more */
}

static void
status_check(Call *call, ChannelStatus status)
{
	if (likely(status == CHANNEL_OK))
		return;
	slot_give_back();
	if (status == CHANNEL_DEAD && !lease_is_ending(call->lease))
		call_violation(call, "it closed its socket and lives on");
	if (status == CHANNEL_DEAD)
		lease_death_report(call->lease, call->id, call->pool);
	call_violation(call, "impossible frame or ring position");
}

/* Frames after which Python runs on, and makes values of the types that it knows. */
#define TURNS (1u << WIRE_CALL | 1u << WIRE_TRIGGER | 1u << WIRE_NEXT | 1u << WIRE_REPLY | 1u << WIRE_REPLY_ERROR)

static void
result_renew(Call *call, Call *of)
{
	TypeInfo *type = type_renew(of->result);

	if (type != of->result)
		call_teach(call, of->result_handle, type);
	of->result = type;
}

/* Types may have changed: what the interpreter will encode by has to be what its values will be read by. */
static void
types_renew(Call *call)
{
	uint64 generation = type_generation();

	for (Call *of = call; of != NULL; of = of->outer)
		if (of->lease == call->lease && of->result_handle != 0)
			result_renew(call, of);
	if (spi_plans_renew(call))
		call->lease->types = generation;
}

static uint64 looked_up = 0; /* generation whose types are known, whatever types_renew() asks for */

/* Finds out what became of the types in use, of whichever interpreter: that may wait for locks, so no slot is held. */
static void
types_look_up(void)
{
	uint64 generation = type_generation();

	if (likely(looked_up == generation))
		return;
	for (const Call *of = current_call; of != NULL; of = of->outer)
		if (of->result_handle != 0)
			(void) type_renew(of->result);
	spi_plans_look_up();
	looked_up = generation;
}

TimestampTz
call_slot_take(Call *call)
{
	TimestampTz taken_at;

	types_look_up();
	measure_wait_begin(call);
	taken_at = pause_slot_take(call);
	while (unlikely(looked_up != type_generation()))
	{
		slot_give_back();
		if (call->started_at == 0) /* its memory is claimed with its slot */
			slot_unreserve(call->reserved);
		call->resumes = true;
		types_look_up();
		taken_at = pause_slot_take(call);
	}
	measure_wait_end(call);
	call->sharing = false;
	if (call->lease != NULL)
		lease_weigh(call->lease, call->weight);
	return taken_at;
}

void
call_send(Call *call, WireKind kind, const FrameOut *out)
{
	Channel *channel = &call->lease->channel;

	if (unlikely(call->lease->types != type_generation()) && (TURNS & 1u << kind) != 0)
		types_renew(call);
	lease_run(call->lease, call->deadline);
	channel->check = pause_check;
	channel->arg = call;
	channel->deadline = call_look_at(call);
	call->measure.bytes_in += out->writer.size + out->part_bytes;
	status_check(call, channel_send(channel, kind, call->id, out));
}

static FrameOut *
definition_start(void)
{
	frame_clear(&definitions);
	return &definitions;
}

static void
hello_send(Call *call)
{
	FrameOut *out = definition_start();
	StringInfoData packages;

	initStringInfo(&packages);
	for (int i = 0; i < call->pool->preload_count; i++)
		appendStringInfo(&packages, "%s%s", i > 0 ? ", " : "", call->pool->preload[i]);
	wire_put_u8(&out->writer, call->function->trusted);
	wire_put_u8(&out->writer, call->pool->arrays);
	frame_put_cstring(out, call->pool->name);
	frame_put_cstring(out, packages.data);
	call_send(call, WIRE_HELLO, out);
	pfree(packages.data);
	call->lease->greeted = true;
}

static void
function_send(Call *call)
{
	Function *function = call->function;
	FrameOut *out;

	if (likely(lease_knows(call->lease, function->handle)))
		return;
	if (function->replaces != 0)
		lease_forget(call->lease, function->replaces);
	out = definition_start();
	function_put(out, function);
	call_send(call, WIRE_FUNCTION, out);
	lease_learns(call->lease, function->handle);
}

void
call_teach(Call *call, uint32 handle, const TypeInfo *type)
{
	FrameOut *out = definition_start();

	wire_put_u32(&out->writer, handle);
	type_put(out, type);
	call_send(call, WIRE_TYPE, out);
}

static void
type_send(Call *call, const TypeInfo *type)
{
	if (likely(lease_knows(call->lease, type->handle)))
		return;
	call_teach(call, type->handle, type);
	lease_learns(call->lease, type->handle);
}

/* When to look at the wall limits again: the earliest of this call's and its callers'. */
static TimestampTz
call_deadline(const Call *call)
{
	TimestampTz deadline = call->started_at + call->pool->limits.wall_ms * INT64CONST(1000) - call->spent_us +
						   1; /* the first instant over it */

	return call->outer != NULL && call->outer->deadline != 0 ? Min(deadline, call->outer->deadline) : deadline;
}

/* Slot first, then an interpreter: whoever waits in the queue holds nothing. */
static void
call_admit(Call *call)
{
	TimestampTz now = call_slot_take(call);

	FAULT_RAISE("backend.slot");
	call_judge_again(call);
	call->gated = false;
	if (call->started_at == 0)
	{
		call->started_at = now;
		activity_started(call->entry, wall_clock_of(now), now - call->spent_us);
	}
	measure_turn_at(call, MEASURE_RUN, now);
	call->deadline = call_deadline(call);
	activity_state_set(call->entry, ACTIVITY_STARTING);
	if (call->lease == NULL)
	{
		call->lease = lease_get(call->role, call->function->trusted, call->pool, pause_check, call);
		call->lease->depth++;
		lease_weigh(call->lease, call->weight);
		measure_interpreter(call);
	}
	limit_cpu_begin(call, now);
	account_begin(call);
	activity_interpreter_set(call->entry, call->lease->id, call->lease->pid);
	activity_state_set(call->entry, ACTIVITY_RUNNING);
}

/* A plan or cursor may be freed by whatever call happens to run, so that those frames alone name none. */
static bool
frame_belongs(const Call *call, const WireFrame *frame)
{
	if (frame->kind >= WIRE_KIND_COUNT)
		return false;
	return frame->call == (request_is_note((WireKind) frame->kind) ? 0 : call->id);
}

static WireKind
frame_receive(Call *call)
{
	Channel *channel = &call->lease->channel;
	WireFrame frame;

	status_check(call, channel_receive_header(channel, &frame));
	call->received += frame.length;
	if (call->received > (uint64) call->pool->limits.output)
	{
		lease_kill(call->lease);
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("Python function exceeded the output limit of pool \"%s\"", call->pool->name),
						errdetail("Call %lld sent %llu bytes, the limit is %lld (limits.output).", (long long) call->id,
								  (unsigned long long) call->received, (long long) call->pool->limits.output),
						errhint("Return less, or ask for a pool with a higher limit.")));
	}
	status_check(call, channel_receive_payload(channel, &frame, &call->buffers->in));
	if (!frame_belongs(call, &frame))
		call_violation(call, "a frame of another call or kind");
	return (WireKind) frame.kind;
}

/* An uncaught plpy.Fatal ends the session, as in PL/Python; but a trusted function must not end its caller's. */
static void
answer_raise(Call *call, WireKind kind)
{
	if (kind == WIRE_FATAL && !call->function->trusted)
		error_raise_fatal(call_reader(call), &call->context);
	error_raise(call_reader(call), &call->context);
}

/* Serves requests until the answer comes; the slot is given back with it. */
static WireKind
call_converse(Call *call, uint64 answers)
{
	for (;;)
	{
		WireKind kind = frame_receive(call);

		if (likely((answers | ERROR_ANSWERS) & ANSWER(kind)))
		{
			TimestampTz now = clock_now();

			call->asked = false;
			FAULT_RAISE("backend.reply");
			lease_rest(call->lease);
			slot_give_back_at(now);
			measure_turn_at(call, MEASURE_NOTHING, now);
			subtransactions_end(call);
			if (unlikely(ERROR_ANSWERS & ANSWER(kind)))
				answer_raise(call, kind);
			return kind;
		}
		if (!request_serve(call, kind))
			call_violation(call, "a frame that is not allowed now");
	}
}

WireKind
call_ask(Call *call, WireKind kind, uint64 answers)
{
	WireKind answer;

	call->measure.is_check = kind == WIRE_CHECK;
	call->kind = kind;
	if (unlikely(call->selection.rules != 0))
		call_check(
			call); /* a rule may have ended what its statement makes of the function, and it may be too short to see it later */
	if (kind == WIRE_CALL || kind == WIRE_TRIGGER)
		call_judge(call);
	call_admit(call);
	if (unlikely(!call->lease->greeted))
		hello_send(call);
	if (kind == WIRE_CALL || kind == WIRE_TRIGGER)
	{
		function_send(call);
		type_send(call, call->result);
	}
	FAULT_RAISE("backend.dispatch");
	call->asked = true;
	call_send(call, kind, &call->buffers->out);
	FAULT_RAISE("backend.dispatched");
	call->result_handle = kind == WIRE_CALL ? call->result->handle : 0;
	answer = call_converse(call, answers);
	cursors_sweep();
	if (call->spi)
	{
		SPI_finish();
		MemoryContextSwitchTo(call->home);
	}
	call->spi = false;
	return answer;
}

static void
refusal_send(Call *call)
{
	FrameOut *out = definition_start();
	ErrorData refusal = {.sqlerrcode = ERRCODE_QUERY_CANCELED, .message = "call is being canceled"};

	error_put(out, &refusal);
	lease_run(call->lease, call->lease->channel.deadline);
	(void) channel_send(&call->lease->channel, WIRE_REPLY_ERROR, call->id, out);
	lease_interrupt(call->lease);
}

/* Takes frames of a canceled call; true when its terminal answer came. */
static bool
settle_receive(Call *call)
{
	Channel *channel = &call->lease->channel;
	WireFrame frame;

	/* A child that always has a frame ready never makes us sleep, where the channel looks at the deadline. */
	while (clock_now() < channel->deadline)
	{
		if (channel_receive_header(channel, &frame) != CHANNEL_OK || frame.length > SETTLE_FRAME_MAX ||
			channel_receive_payload(channel, &frame, &call->buffers->in) != CHANNEL_OK || !frame_belongs(call, &frame))
			return false;
		if (frame.kind >= WIRE_RESULT && frame.kind <= WIRE_FATAL)
			return true;
		if (request_is_note((WireKind) frame.kind))
			request_note(call->lease->id, (WireKind) frame.kind, &call->buffers->in);
		else
			refusal_send(call);
	}
	return false;
}

/* Brings the child out of this call, or kills it. Raises nothing. */
static void
call_settle(Call *call)
{
	Channel *channel = &call->lease->channel;

	if (channel->dead || (!call->asked && !channel->partial))
		return;
	if (channel->partial || call->no_grace || call_cancel_grace_ms == 0)
	{
		lease_kill(call->lease);
		return;
	}
	channel->check = NULL;
	channel->deadline = TimestampTzPlusMilliseconds(clock_now(), call_cancel_grace_ms);
	lease_run(call->lease, channel->deadline);
	__atomic_store_n(&channel->map->cancel_call, call->id, __ATOMIC_SEQ_CST);
	if (call->waiting)
		refusal_send(call);
	else
		lease_interrupt(call->lease);
	if (!settle_receive(call))
		lease_kill(call->lease);
}

void
call_abort(Call *call)
{
	(void) FAULT_POINT("backend.abort");
	slot_give_back();
	stop_explain(call);
	measure_abort(call);
	account_end(call);
	if (call->lease != NULL)
		call_settle(call);
	cursors_unpin();
	subtransactions_abandon(call);
	call_leave(call);
}
