/*
 * policy_selector.c - which calls a cap, filter, rule or budget is about.
 *
 * DESIGN. What a call keeps is a bit for each that is about it, whatever its pool: pools are looked at when they matter,
 * since a call may be moved to another.
 */
#include "policies/policy.h"

#include <string.h>

static bool
text_holds(const char *wanted, const char *actual)
{
	return wanted[0] == '\0' || (actual != NULL && strcmp(wanted, actual) == 0);
}

bool
policy_selector_holds(const PolicySelector *who, const PolicyCaller *caller, int32_t pool)
{
	if (who->pool != POLICY_NO_POOL && who->pool != pool)
		return false;
	if (!text_holds(who->function, caller->function) || !text_holds(who->database, caller->database))
		return false;
	return text_holds(who->role, caller->role) ||
		   (caller->is_member != NULL && caller->is_member(caller->arg, who->role));
}

/* The selectors of size-byte rows, of which the first one's stands at who. */
static uint64_t
rows_select(const PolicySelector *who, size_t size, int32_t count, const PolicyCaller *caller)
{
	uint64_t mask = 0;

	for (int32_t i = 0; i < count; i++)
	{
		const PolicySelector *one = (const PolicySelector *) ((const char *) who + (size_t) i * size);

		if (policy_selector_holds(one, caller, one->pool))
			mask |= UINT64_C(1) << i;
	}
	return mask;
}

void
policy_select(const Policy *policy, const PolicyCaller *caller, PolicySelection *selection)
{
	*selection = (PolicySelection){
		.caps = rows_select(&policy->caps[0].who, sizeof(PolicyCap), policy->cap_count, caller),
		.filters = rows_select(&policy->filters[0].who, sizeof(PolicyFilter), policy->filter_count, caller),
		.rules = rows_select(&policy->rules[0].who, sizeof(PolicyRule), policy->rule_count, caller),
		.budgets = rows_select(&policy->budgets[0].who, sizeof(PolicyBudget), policy->budget_count, caller),
	};
}

static uint64_t
rows_of_pool(const PolicySelector *who, size_t size, uint64_t mask, int32_t pool)
{
	for (uint64_t left = mask; left != 0; left &= left - 1)
	{
		int32_t i = __builtin_ctzll(left);
		int32_t wanted = ((const PolicySelector *) ((const char *) who + (size_t) i * size))->pool;

		if (wanted >= 0 && wanted != pool)
			mask &= ~(UINT64_C(1) << i);
	}
	return mask;
}

uint64_t
policy_caps_of(const Policy *policy, uint64_t mask, int32_t pool)
{
	return rows_of_pool(&policy->caps[0].who, sizeof(PolicyCap), mask, pool);
}

uint64_t
policy_filters_of(const Policy *policy, uint64_t mask, int32_t pool)
{
	return rows_of_pool(&policy->filters[0].who, sizeof(PolicyFilter), mask, pool);
}

uint64_t
policy_rules_of(const Policy *policy, uint64_t mask, int32_t pool)
{
	return rows_of_pool(&policy->rules[0].who, sizeof(PolicyRule), mask, pool);
}

uint64_t
policy_budgets_of(const Policy *policy, uint64_t mask, int32_t pool)
{
	return rows_of_pool(&policy->budgets[0].who, sizeof(PolicyBudget), mask, pool);
}
