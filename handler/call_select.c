/*
 * call_select.c - what of the policy is about a call beside its pool. Runs in backends.
 *
 * DESIGN. A call that has begun keeps pool, limits and budgets of the policy that it began under. Rules are for what runs: whoever
 * adds one means the calls that there are, so that each call takes them from the policy in force as soon as it looks.
 */
#include "handler/call.h"

#include "access/xact.h"

#include "handler/caller.h"
#include "scheduler/policy_store.h"

void
call_select(Call *call)
{
	const Policy *policy = policy_store_get();
	int32 pool = (int32) (call->pool - policy->pools);

	call->selection = *function_selection(call->function);
	call->selection.filters = policy_filters_of(policy, call->selection.filters, pool);
	call->selection.budgets = policy_budgets_of(policy, call->selection.budgets, pool);
	call->ruled_policy = policy_store_local_generation();
}

void
call_count(const Call *call)
{
	Function *function = call->function;

	if (likely(call->selection.rules == 0))
		return;
	if (function->statement != GetCurrentStatementStartTimestamp())
		function->calls = 0;
	function->statement = GetCurrentStatementStartTimestamp();
	function->calls++;
}

/* The rules of the policy of that generation which are about the call; false: there is another by now. */
static bool
rules_find(const Call *call, uint64 generation, uint64 *rules)
{
	Policy *policy = policy_store_copy();
	bool found = policy_store_generation() == generation;
	PolicySelection selection = {0};
	PolicyCaller caller;

	if (caller_known(call->role, call->function->qualified, &caller))
		policy_select(policy, &caller, &selection);
	*rules = selection.rules;
	pfree(policy);
	return found;
}

void
call_rules_renew(Call *call)
{
	uint64 generation = policy_store_generation();
	uint64 rules;

	if (!rules_find(call, generation, &rules))
		return;
	call->ruled_policy = generation;
	if (rules != 0 && call->function->statement != GetCurrentStatementStartTimestamp())
	{
		call->function->statement = GetCurrentStatementStartTimestamp();
		call->function->calls = 1;
	}
	activity_rules_set(call->entry, generation, rules, rules != 0 ? call->function->statement : 0,
					   call->function->calls);
	if (rules != 0)
		activity_watch();
}
