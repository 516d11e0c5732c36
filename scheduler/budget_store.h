/*
 * budget_store.h - the accounts of budgets in shared memory: who has used how much CPU time of which.
 *
 * DESIGN. A budget whose selector names a role has an account for each role that runs its calls; any other has one for all.
 * Accounts go by the budget's name, so that a reload does not empty them. All under the part's own lock. What a call has
 * used is added by its own backend: at its end, and from time to time before.
 */
#ifndef PYBOX_BUDGET_STORE_H
#define PYBOX_BUDGET_STORE_H

#include "postgres.h"

#include "utils/timestamp.h"

#include "policies/policy.h"

#define BUDGET_ACCOUNTS_MAX 512

/* What is known of one account. */
typedef struct BudgetAccount
{
	char name[POLICY_NAME_SIZE];
	Oid role; /* InvalidOid: one for all */
	int64 used_us;
	uint64 refused, demoted, reported;
} BudgetAccount;

/* What a budget says of a call now. */
typedef struct BudgetState
{
	int64 used_us;
	TimestampTz free_at; /* by clock_now(); when it is used up: when it no longer is, if nothing is used meanwhile */
	bool over;
	bool first; /* of this overdraft: nobody was told within the last window */
} BudgetState;

Size budget_store_size(void);
void budget_store_initialize(void);
/* Adds used_us to the role's account and tells how it stands. Tells of first once. */
void budget_store_charge(const PolicyBudget *budget, Oid role, int64 used_us, TimestampTz now, BudgetState *state);
/* How it stands; makes no account. refuses: counts it as a refusal where it is over. */
void budget_store_look(const PolicyBudget *budget, Oid role, TimestampTz now, BudgetState *state);
/* Counts a call that was refused or demoted for it, after the action of the budget. */
void budget_store_note(const PolicyBudget *budget, Oid role);
/* Copies the accounts of a budget to list[BUDGET_ACCOUNTS_MAX]; returns how many. */
int budget_store_list(const PolicyBudget *budget, TimestampTz now, BudgetAccount *list);

#endif
