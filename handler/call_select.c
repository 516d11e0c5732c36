/*
 * call_select.c - what of the policy is about a call beside its pool. Runs in backends.
 */
#include "handler/call.h"

#include "access/xact.h"

#include "scheduler/clock.h"
#include "scheduler/policy_store.h"

void
call_select(Call *call)
{
	const Policy *policy = policy_store_get();
	int32 pool = (int32) (call->pool - policy->pools);

	call->selection = *function_selection(call->function);
	call->selection.filters = policy_filters_of(policy, call->selection.filters, pool);
	call->selection.budgets = policy_budgets_of(policy, call->selection.budgets, pool);
	if (unlikely(call->selection.rules != 0 && call->asked_at == 0))
		call->asked_at = clock_now() - call->spent_us;
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
