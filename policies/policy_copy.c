/*
 * policy_copy.c - copies of a policy by what there is in it, not by what there is room for. Pure; runs in backends.
 */
#include "policies/policy.h"

#include <string.h>

#define COPY(array, number) memcpy(to->array, from->array, (size_t) (number) * sizeof(from->array[0]))

void
policy_copy(Policy *to, const Policy *from)
{
	memcpy(to, from, offsetof(Policy, pools));
	COPY(pools, from->pool_count);
	COPY(assigns, from->assign_count);
	COPY(caps, from->cap_count);
	COPY(filters, from->filter_count);
	COPY(rules, from->rule_count);
	COPY(budgets, from->budget_count);
}
