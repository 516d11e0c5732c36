/*
 * budget.c - sliding windows of CPU time. Pure: see budget.h.
 */
#include "scheduler/budget.h"

static int64_t
part_length(int64_t window_us)
{
	int64_t length = window_us / BUDGET_BUCKETS;

	return length > 0 ? length : 1;
}

/* Parts that are still within the window at now: those after this one. */
static int64_t
last_past(int64_t window_us, int64_t now)
{
	return now / part_length(window_us) - BUDGET_BUCKETS;
}

void
budget_add(BudgetWindow *window, int64_t window_us, int64_t now, int64_t used_us)
{
	int64_t part = now / part_length(window_us);

	if (part - window->part >= BUDGET_BUCKETS)
		for (int i = 0; i < BUDGET_BUCKETS; i++)
			window->used_us[i] = 0;
	else
		for (int64_t passed = window->part + 1; passed <= part; passed++)
			window->used_us[passed % BUDGET_BUCKETS] = 0;
	if (part > window->part)
		window->part = part;
	window->used_us[window->part % BUDGET_BUCKETS] += used_us;
}

int64_t
budget_used(const BudgetWindow *window, int64_t window_us, int64_t now)
{
	int64_t used = 0, past = last_past(window_us, now);

	for (int64_t part = window->part; part > past && part > window->part - BUDGET_BUCKETS && part >= 0; part--)
		used += window->used_us[part % BUDGET_BUCKETS];
	return used;
}

int64_t
budget_free_at(const BudgetWindow *window, int64_t window_us, int64_t limit_us, int64_t now)
{
	int64_t used = budget_used(window, window_us, now), past = last_past(window_us, now);
	int64_t part = past + 1;

	if (used < limit_us)
		return now;
	if (part <= window->part - BUDGET_BUCKETS)
		part = window->part - BUDGET_BUCKETS + 1;
	for (; part <= window->part; part++)
	{
		if (part >= 0)
			used -= window->used_us[part % BUDGET_BUCKETS];
		if (used < limit_us)
			break;
	}
	return (part + BUDGET_BUCKETS) * part_length(window_us);
}
