/*
 * call.h - one function invocation from admission to its answer.
 *
 * DESIGN. Calls nest: current_call is the innermost. asked says that the child owes a terminal answer, waiting that it
 * waits for our reply to a request; call_abort() uses both to bring the child back to where the outer call left it, by
 * KeyboardInterrupt within pybox.cancel_grace_ms, or else kills it.
 *
 *   call_begin → fill buffers->out → call_ask() → read buffers->in → call_end      (errors: call_abort)
 */
#ifndef PYBOX_CALL_H
#define PYBOX_CALL_H

#include "postgres.h"

#include "handler/frame.h"
#include "handler/function.h"
#include "handler/lease.h"
#include "handler/measure.h"
#include "scheduler/activity.h"
#include "scheduler/slot.h"

/* pybox.cancel_grace_ms */
extern int call_cancel_grace_ms;

typedef struct Subtransaction Subtransaction;

typedef struct Call
{
	struct Call *outer;
	int depth;
	uint64 id;
	Function *function;
	TypeInfo *result;			 /* for WIRE_CALL, renewed when the call changes it; of WIRE_TRIGGER the table's row */
	uint32 result_handle;		 /* by which the interpreter knows that of WIRE_CALL; 0: not asked for yet */
	struct TriggerData *trigger; /* whose transition tables SQL sees, or NULL */
	const PolicyPool *pool;
	PolicySelection selection; /* of the policy it goes by; filters and budgets: of its pool */
	Oid role;
	Lease *lease; /* NULL until there is one; its depth counts this call */
	ActivityEntry *entry;
	TimestampTz queued_at;			  /* as users read it */
	TimestampTz started_at, deadline; /* by clock_now() */
	int64 spent_us;					  /* by earlier steps of a set */
	int64 reserved;					  /* memory that the backend had reserved before it */
	uint64 turn;					  /* of what its claim goes by, see claim_turn() */
	int weight;						  /* share of the CPU that its interpreter is to have */
	bool shares, sharing;			  /* may run on without a slot; does */
	FrameBuffers *buffers;
	uint64 received;			 /* bytes of frames, for limits.output */
	uint64 logged, messages;	 /* for limits.log */
	int64 cpu_us;				 /* for limits.cpu_time: what is not counted from cpu_base_us, such as earlier steps */
	int64 cpu_base_us;			 /* the interpreter's CPU clock when it was first looked at; -1: not yet */
	TimestampTz cpu_look_at;	 /* when to look next; 0: it has yet to get its interpreter */
	uint64 rows;				 /* returned so far */
	TimestampTz asked_at;		 /* when it was asked for, by clock_now() */
	uint64 ruled_policy;		 /* generation of the policy whose rules are about it */
	TimestampTz account_look_at; /* when its CPU time is charged to budgets next */
	bool demoted;				 /* by a budget */
	bool resumes; /* inside another call, or the next step of a set: goes first in the queue and is not refused */
	Measure measure;
	bool *counted; /* of a set under way: somebody has counted it; or NULL */
	bool asked, waiting;
	WireKind kind;					/* of the frame that asks */
	uint64 judged_policy;			/* generation of the policy by which it may start */
	bool gated;						/* a new call without its first slot: closed gates and a new policy are for it */
	bool no_grace;					/* the child must die at once */
	bool spi;						/* SPI_connect was called */
	bool nonatomic;					/* may end the transaction */
	Subtransaction *subtransaction; /* the innermost that the function entered and did not exit; or NULL */
	MemoryContext home;				/* the caller's: where results go */
	MemoryContext scratch;			/* of requests; NULL until the first */
	ErrorContextCallback context;
} Call;

extern Call *current_call;

/* What the steps of a set have in common, for limits and for pybox.activity. */
typedef struct CallProgress
{
	uint64 id; /* 0: nothing yet */
	TimestampTz queued_at;
	int64 spent_us, cpu_us;
	uint64 received, logged, messages, rows;
	Measure measure;
	TimestampTz asked_at;
	bool demoted;
} CallProgress;

/* call_select.c: which filters, rules and budgets are about the call in its pool; rules may go by how often a statement calls. */
void call_select(Call *call);
void call_count(const Call *call);
/* The policy in force is another one than that whose rules are about the call. Waits for nothing. */
void call_rules_renew(Call *call);
/* progress: NULL for a new call, else this is the next step of a set. */
void call_begin(Call *call, Function *function, const CallProgress *progress);
/* How far the call is, for the next step. */
CallProgress call_progress(const Call *call);
/* Wall time of this call while it was ours: what the executor does between the rows of a set does not count. */
int64 call_spent_us(const Call *call);
/* That of this step of a set alone. */
int64 call_step_us(const Call *call);
void call_end(Call *call);
void call_abort(Call *call);
/* Sends buffers->out as kind and serves the child until its answer, one of the bits 1 << WireKind in answers. */
WireKind call_ask(Call *call, WireKind kind, uint64 answers);
/* Sends buffers->out to the leased interpreter; ends the call if it is dead. */
void call_send(Call *call, WireKind kind, const FrameOut *out);
/* Takes the slot, for Python to run. May wait for locks before. */
TimestampTz call_slot_take(Call *call);
/* Tells the interpreter what the handle of a type stands for from now on. */
void call_teach(Call *call, uint32 handle, const TypeInfo *type);
/* Interrupts, stops and wall limits of this call and its callers: raises. For waits. */
void call_check(void *call);
/* It has yet to begin, and is another pool's, or the policy is another one. */
void call_pool_set(Call *call, const PolicyPool *pool);
/* When its waits are to look at the limits of time next. */
TimestampTz call_look_at(const Call *call);
/* Kills the interpreter for a broken protocol and raises 08P01. */
void call_violation(Call *call, const char *what) pg_attribute_noreturn();
/* Takes the value in buffers->in for type, saying in the context of errors what it was doing. */
Datum call_value(Call *call, TypeInfo *type, bool *is_null);
/* A reader over buffers->in. */
WireReader call_reader(const Call *call);

/* request.c: serves what is in buffers->in. False: kind is no request. */
bool request_serve(Call *call, WireKind kind);
/* Whether it is one of the frames that name no call and want no answer: what a lease's interpreter has let go of. */
bool request_is_note(WireKind kind);
/* Takes note of it when no call listens. Raises nothing; what makes no sense is ignored. */
void request_note(uint64 lease, WireKind kind, const WireWriter *in);
/* stop.c: raises the error for a call that was asked to stop. */
void stop_raise(Call *call, ActivityStop stop) pg_attribute_noreturn();
/*
 * While an error is on its way out: where it is the server's for the interrupt that came with a stop of the call or a caller of
 * it, that stop's takes its place. SQL, messages to the client and others meet the interrupt before we look at the stop word.
 */
void stop_explain(Call *call);
/* set.c: the next row of a set-returning function. */
Datum set_next(Call *call, CallSite *site, FunctionCallInfo info);
/* The progress of the set under way at this site, or NULL. */
const CallProgress *set_progress(const CallSite *site);
/* handler.c: puts WIRE_CALL's payload together. */
void arguments_put(FrameOut *out, CallSite *site, FunctionCallInfo info);

#endif
