/*
 * account.h - CPU time of calls, charged to the budgets that are about them.
 */
#ifndef PYBOX_ACCOUNT_H
#define PYBOX_ACCOUNT_H

#include "postgres.h"

#include "handler/call.h"

/* Raises 53400 when a budget that refuses is used up for a new call. */
void account_check(const Call *call);
/* The call has its interpreter: what that uses from now on is the call's. */
void account_begin(Call *call);
/* From time to time while it runs: charges what it has used so far. */
void account_look(Call *call);
/* It ends, or is about to be stopped, with its interpreter still there. */
void account_end(Call *call);
/* The least priority that used-up budgets of that mask leave a role's calls; -1: none says. */
int32 budget_priority(uint64 budgets, Oid role);

#endif
