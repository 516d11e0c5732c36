/*
 * slot_error.c - words the errors of calls that get no slot: pool, limit, value, call, and what to do. Runs in backends.
 */
#include "scheduler/slot_error.h"

#include "scheduler/shared.h"
#include "scheduler/stat.h"

#define MEGABYTES(bytes) ((long long) (((bytes) + 1024 * 1024 - 1) / (1024 * 1024)))

void
slot_timed_out(const SlotClaim *claim)
{
	stat_cause_note(STAT_TIMEOUT);
	ereport(ERROR,
			(errcode(ERRCODE_QUERY_CANCELED), errmsg("call waited too long for a slot in pool \"%s\"", claim->pool),
			 errdetail("Its queue timeout is %lld ms.", (long long) claim->timeout_ms),
			 errhint("See pybox.activity for what runs; raise pools.%s.queue.timeout or slots in the policy.",
					 claim->pool)));
}

static void
refused_full(const SlotClaim *claim)
{
	ereport(ERROR, (errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED), errmsg("queue of pool \"%s\" is full", claim->pool),
					errdetail("%d calls wait already, its limit.", claim->length),
					errhint("Try again later, or raise pools.%s.queue.length in the policy.", claim->pool)));
}

/* The budget that the claim does not fit into: its key in the policy and its bytes. */
typedef struct RefusedBudget
{
	char key[POLICY_NAME_SIZE + 32];
	int64 bytes;
} RefusedBudget;

static RefusedBudget
refused_budget(const SlotClaim *claim)
{
	const Queue *queue = shared_queue();
	RefusedBudget budget = {.key = "node.memory", .bytes = queue->memory};
	int32_t index = 0;
	QueueWhy why;

	LWLockAcquire(shared->lock, LW_SHARED);
	why = queue_why(queue, shared_my_number(), &index);
	if (why == QUEUE_WHY_POOL_MEMORY)
	{
		snprintf(budget.key, sizeof(budget.key), "pools.%s.memory", claim->pool);
		budget.bytes = queue->pools[claim->queue.pool].memory;
	}
	else if (why == QUEUE_WHY_CAP_MEMORY)
	{
		snprintf(budget.key, sizeof(budget.key), "memory of the cap at line %d", shared->policy.caps[index].line);
		budget.bytes = queue->caps[index].memory;
	}
	LWLockRelease(shared->lock);
	return budget;
}

static void
refused_too_large(const SlotClaim *claim)
{
	RefusedBudget budget = refused_budget(claim);

	ereport(ERROR,
			(errcode(ERRCODE_OUT_OF_MEMORY),
			 errmsg("call needs more memory than pool \"%s\" may ever have", claim->pool),
			 errdetail("Call %lld would reserve %lld MB; %s is %lld MB.", (long long) claim->call_id,
					   MEGABYTES(claim->queue.memory), budget.key, MEGABYTES(budget.bytes)),
			 errhint("Raise that budget, or lower pools.%s.reserve or limits.memory in the policy.", claim->pool)));
}

static void
refused_nested(const SlotClaim *claim)
{
	RefusedBudget budget = refused_budget(claim);

	ereport(ERROR,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 errmsg("no memory is free for a call inside another one in pool \"%s\"", claim->pool),
			 errdetail("Call %lld would reserve %lld MB more of %s, %lld MB; it cannot wait for that, since its caller "
					   "keeps what it has.",
					   (long long) claim->call_id, MEGABYTES(claim->queue.memory), budget.key, MEGABYTES(budget.bytes)),
			 errhint("Try again later, assign both functions to one pool, or raise that budget in the policy.")));
}

void
slot_refused(const SlotClaim *claim, QueueAnswer answer)
{
	static void (*const refusals[])(const SlotClaim *claim) = {
		[QUEUE_FULL] = refused_full,
		[QUEUE_TOO_LARGE] = refused_too_large,
		[QUEUE_NESTED] = refused_nested,
	};

	if (answer < lengthof(refusals) && refusals[answer] != NULL)
		refusals[answer](claim);
	elog(ERROR, "the queue answered a claim with %d", (int) answer);
	pg_unreachable();
}
