/*
 * subtransaction.c - plpy.subtransaction() in the backend. Runs in backends.
 *
 * DESIGN. The innermost of a call is always the transaction's current one when a request of that call is served: SQL runs
 * in a subtransaction that ends with its request, and nested calls close theirs before they end. So a child can end
 * nothing but what it opened itself, in the same call.
 */
#include "handler/subtransaction.h"

#include "access/xact.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#define SUBTRANSACTIONS_MAX 1000 /* of a call */

struct Subtransaction
{
	struct Subtransaction *outer;
	int depth;			 /* 1 for a call's first */
	ResourceOwner owner; /* the current one around it */
};

static void
subtransaction_enter(Call *call)
{
	MemoryContext context = CurrentMemoryContext;
	int depth = call->subtransaction != NULL ? call->subtransaction->depth + 1 : 1;
	Subtransaction *entered;

	if (depth > SUBTRANSACTIONS_MAX)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("too many open subtransactions"),
						errdetail("This call has entered %d, the limit, and exited none of them.", depth - 1)));
	entered = MemoryContextAlloc(call->home, sizeof(Subtransaction));
	*entered = (Subtransaction){.outer = call->subtransaction, .depth = depth, .owner = CurrentResourceOwner};
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	call->subtransaction = entered;
}

/* Ends the innermost by end(), which leaves a context and an owner of its own choice. */
static void
subtransaction_leave(Call *call, void (*end)(void))
{
	MemoryContext context = CurrentMemoryContext;
	Subtransaction *left = call->subtransaction;

	end();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = left->owner;
	call->subtransaction = left->outer;
	pfree(left);
}

void
subtransaction_serve(Call *call, WireReader *reader, FrameOut *out)
{
	uint8 what = wire_get_u8(reader);
	bool any = call->subtransaction != NULL;

	if (what >= WIRE_SUBTRANSACTION_COUNT)
		value_malformed("an action on a subtransaction out of range");
	if (what == WIRE_SUBTRANSACTION_ENTER)
		subtransaction_enter(call);
	else if (any)
		subtransaction_leave(call, what == WIRE_SUBTRANSACTION_COMMIT ? ReleaseCurrentSubTransaction
																	  : RollbackAndReleaseCurrentSubTransaction);
	wire_put_u8(&out->writer, any);
}

void
subtransactions_end(Call *call)
{
	while (call->subtransaction != NULL)
	{
		ereport(WARNING, (errmsg("forcibly aborting a subtransaction that has not been exited")));
		subtransaction_leave(call, RollbackAndReleaseCurrentSubTransaction);
	}
}

void
subtransactions_abandon(Call *call)
{
	while (call->subtransaction != NULL)
		subtransaction_leave(call, RollbackAndReleaseCurrentSubTransaction);
}
