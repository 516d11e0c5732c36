/*
 * budget.h - CPU time used within a window that slides.
 *
 * DESIGN. Pure: the time is an argument, in microseconds. The window is as many equal parts as there are buckets, and slides
 * by parts: a use counts for the window at most, and for at least one part less.
 */
#ifndef PYBOX_BUDGET_H
#define PYBOX_BUDGET_H

#include <stdint.h>

#define BUDGET_BUCKETS 60

/* Zeroed for a new one. */
typedef struct BudgetWindow
{
	int64_t part;					 /* number of the newest bucket's part since the clock's zero */
	int64_t used_us[BUDGET_BUCKETS]; /* by part modulo BUDGET_BUCKETS */
} BudgetWindow;

void budget_add(BudgetWindow *window, int64_t window_us, int64_t now, int64_t used_us);
int64_t budget_used(const BudgetWindow *window, int64_t window_us, int64_t now);
/* When so much has passed out of the window that less than limit_us is used, if no more is; now, if it is so already. */
int64_t budget_free_at(const BudgetWindow *window, int64_t window_us, int64_t limit_us, int64_t now);

#endif
