/*
 * account.c - charges calls to budgets of CPU time, and says what those that are used up mean. Runs in backends.
 *
 * DESIGN. A lease remembers up to where its interpreter's CPU clock is charged, and to which budgets. Who runs in it next goes
 * on from there, so that a call costs one look at that clock, and calls too short for it are charged with the one that makes
 * the sum worth a lock, or before one that other budgets are about. A nested call takes the interpreter over from its caller
 * and leaves the clock charged when it ends.
 * Long calls are charged from time to time: the scheduler, while it ticks, wakes their backends.
 */
#include "handler/account.h"

#include "miscadmin.h"
#include "port/pg_bitutils.h"

#include "handler/limit.h"
#include "scheduler/budget_store.h"
#include "scheduler/clock.h"
#include "scheduler/event.h"
#include "scheduler/policy_store.h"

#define CHARGE_MIN_US 1000
#define LOOK_US 50000

static const PolicyBudget *
budget_at(uint64 mask)
{
	return &policy_store_get()->budgets[pg_rightmost_one_pos64(mask)];
}

/* call NULL: calls that were too short to be charged by themselves did it together. */
static void
budget_record(const Call *call, Oid role, const PolicyBudget *budget, const BudgetState *state)
{
	Event event = {
		.kind = EVENT_BUDGET,
		.actor_pid = MyProcPid,
		.call_id = call != NULL ? call->id : 0,
		.pid = MyProcPid,
		.role = role,
		.database = MyDatabaseId,
		.function = call != NULL ? call->function->oid : InvalidOid,
		.metric = POLICY_METRIC_CPU_TIME,
		.value = (double) (state->used_us / 1000),
		.threshold = (double) budget->cpu_ms,
	};

	strlcpy(event.rule, budget->name, sizeof(event.rule));
	if (call != NULL)
		strlcpy(event.pool, call->pool->name, sizeof(event.pool));
	snprintf(event.detail, sizeof(event.detail), "%s: free again in %lld s at the earliest",
			 policy_overdraft_name(budget->action), (long long) (state->free_at - clock_now()) / USECS_PER_SEC + 1);
	event_record(&event);
}

static void
priority_lower(ActivityWish *wish, void *arg)
{
	const int32 *priority = arg;

	if (wish->priority < 0 || wish->priority > *priority)
		wish->priority = *priority;
}

/* Once in its life: whoever gives it another priority then has the last word. */

static void
budget_demote(Call *call, const PolicyBudget *budget)
{
	int32 priority = budget->priority;

	if (budget->action != POLICY_OVERDRAFT_DEMOTE || call->demoted)
		return;
	call->demoted = true;
	if (activity_wish_change(call->id, priority_lower, &priority))
		budget_store_note(budget, call->role);
}

/* Charges what the lease's interpreter has used since it was looked at last to the call; little is left for later. */
static void
account_charge(Call *call, int64 least_us)
{
	Lease *lease = call->lease;
	int64 clock = limit_cpu_clock(lease), used = clock - lease->charged_us;

	if (clock < 0 || used < least_us)
		return;
	lease->charged_us = clock;
	for (uint64 left = call->selection.budgets; left != 0; left &= left - 1)
	{
		const PolicyBudget *budget = budget_at(left);
		BudgetState state;

		budget_store_charge(budget, call->role, used, clock_now(), &state);
		if (state.first)
			budget_record(call, call->role, budget, &state);
		if (state.over)
			budget_demote(call, budget);
	}
}

/* What is left of calls that are over, before a call that it would be wrong for. */
static void
remainder_charge(Lease *lease)
{
	int64 used;

	if (lease->charged_us < 0 || lease->charged_policy != policy_store_local_generation())
		return;
	used = limit_cpu_clock(lease) - lease->charged_us;
	if (used <= 0)
		return;
	for (uint64 left = lease->charged_budgets; left != 0; left &= left - 1)
	{
		BudgetState state;

		budget_store_charge(budget_at(left), lease->role, used, clock_now(), &state);
		if (state.first)
			budget_record(NULL, lease->role, budget_at(left), &state);
	}
}

/* The nearest of its callers that runs in the same interpreter, or NULL. */
static Call *
caller_within(const Call *call)
{
	Call *outer = call->outer;

	while (outer != NULL && outer->lease != call->lease)
		outer = outer->outer;
	return outer;
}

static bool
call_is_charged(const Call *call)
{
	return call->selection.budgets != 0 && call->lease != NULL && call->lease->charged_us >= 0 &&
		   call->lease->charged_call == call->id;
}

void
account_begin(Call *call)
{
	Lease *lease = call->lease;
	Call *outer;

	if (likely(call->selection.budgets == 0 && lease->charged_us < 0))
		return;
	outer = caller_within(call);
	if (outer != NULL && call->selection.budgets == 0)
		return; /* part of its caller's use */
	if (outer != NULL && call_is_charged(outer))
		account_charge(outer, 0);
	if (lease->charged_us < 0 || lease->charged_budgets != call->selection.budgets ||
		lease->charged_policy != policy_store_local_generation())
	{
		remainder_charge(lease);
		lease->charged_us = call->selection.budgets != 0 ? limit_cpu_clock(lease) : -1; /* -1: nobody's */
	}
	lease->charged_call = call->id;
	lease->charged_budgets = call->selection.budgets;
	lease->charged_policy = policy_store_local_generation();
	call->account_look_at = clock_now() + LOOK_US;
}

void
account_look(Call *call)
{
	if (likely(call->selection.budgets == 0) || !call_is_charged(call) || clock_now() < call->account_look_at)
		return;
	call->account_look_at = clock_now() + LOOK_US;
	account_charge(call, CHARGE_MIN_US);
}

void
account_end(Call *call)
{
	const Call *outer;

	if (likely(call->selection.budgets == 0) || !call_is_charged(call))
		return;
	outer = caller_within(call);
	account_charge(call, outer != NULL && outer->selection.budgets != call->selection.budgets ? 0 : CHARGE_MIN_US);
	if (outer == NULL)
		return;
	call->lease->charged_call = outer->id;
	call->lease->charged_budgets = outer->selection.budgets;
	if (outer->selection.budgets == 0)
		call->lease->charged_us = -1;
}

static void
budget_refuse(const Call *call, const PolicyBudget *budget, const BudgetState *state)
{
	int64 seconds = (state->free_at - clock_now()) / USECS_PER_SEC + 1;

	budget_store_note(budget, call->role);
	ereport(
		ERROR,
		(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
		 errmsg("Python call was refused: budget \"%s\" is used up", budget->name),
		 errdetail("Pool \"%s\", call %lld: %lld.%03d s of CPU time were used within %lld s, the budget is %lld ms.",
				   call->pool->name, (long long) call->id, (long long) (state->used_us / USECS_PER_SEC),
				   (int) (state->used_us / 1000 % 1000), (long long) budget->window_ms / 1000,
				   (long long) budget->cpu_ms),
		 errhint("It is free again in %lld s, if nothing is used meanwhile; see pybox.budgets.", (long long) seconds)));
}

void
account_check(const Call *call)
{
	for (uint64 left = call->selection.budgets; unlikely(left != 0); left &= left - 1)
	{
		const PolicyBudget *budget = budget_at(left);
		BudgetState state;

		if (budget->action != POLICY_OVERDRAFT_REFUSE)
			continue;
		budget_store_look(budget, call->role, clock_now(), &state);
		if (state.over)
			budget_refuse(call, budget, &state);
	}
}

int32
budget_priority(uint64 budgets, Oid role)
{
	int32 least = -1;

	for (; unlikely(budgets != 0); budgets &= budgets - 1)
	{
		const PolicyBudget *budget = budget_at(budgets);
		BudgetState state;

		if (budget->action != POLICY_OVERDRAFT_DEMOTE)
			continue;
		budget_store_look(budget, role, clock_now(), &state);
		if (state.over && (least < 0 || budget->priority < least))
			least = budget->priority;
	}
	return least;
}
