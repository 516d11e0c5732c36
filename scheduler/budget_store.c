/*
 * budget_store.c - the accounts of budgets; see budget_store.h. Runs in backends.
 */
#include "scheduler/budget_store.h"

#include "storage/lwlock.h"

#include "scheduler/budget.h"
#include "scheduler/shared.h"

typedef struct Account
{
	char name[POLICY_NAME_SIZE]; /* empty: free */
	Oid role;
	int64 window_us; /* that its buckets are of: with another window they mean nothing */
	BudgetWindow window;
	TimestampTz changed_at, told_at; /* by clock_now(); told_at 0: never */
	uint64 refused, demoted, reported;
} Account;

static Account *
accounts(void)
{
	return shared_part(SHARED_BUDGETS);
}

Size
budget_store_size(void)
{
	return BUDGET_ACCOUNTS_MAX * sizeof(Account);
}

void
budget_store_initialize(void)
{
	memset(accounts(), 0, budget_store_size());
}

static Oid
account_role(const PolicyBudget *budget, Oid role)
{
	return budget->who.role[0] != '\0' ? role : InvalidOid;
}

static bool
account_is(const Account *account, const PolicyBudget *budget, Oid role)
{
	return account->role == role && account->window_us == budget->window_ms * 1000 &&
		   strcmp(account->name, budget->name) == 0;
}

/* Looks first where this process found one of the last. */
static Account *
account_find(const PolicyBudget *budget, Oid role)
{
	static int last[POLICY_BUDGETS_MAX];
	int *hint = &last[(uintptr_t) budget / sizeof(PolicyBudget) % POLICY_BUDGETS_MAX];

	if (account_is(&accounts()[*hint], budget, role))
		return &accounts()[*hint];
	for (int i = 0; i < BUDGET_ACCOUNTS_MAX; i++)
		if (account_is(&accounts()[i], budget, role))
			return &accounts()[*hint = i];
	return NULL;
}

/* In place of one that is free, or of that which has been idle for longest. */
static Account *
account_make(const PolicyBudget *budget, Oid role)
{
	Account *account = &accounts()[0];

	for (int i = 1; i < BUDGET_ACCOUNTS_MAX; i++)
		if (accounts()[i].changed_at < account->changed_at)
			account = &accounts()[i];
	memset(account, 0, sizeof(*account));
	strlcpy(account->name, budget->name, sizeof(account->name));
	account->role = role;
	account->window_us = budget->window_ms * 1000;
	return account;
}

static void
state_read(const Account *account, const PolicyBudget *budget, TimestampTz now, BudgetState *state)
{
	int64 limit_us = budget->cpu_ms * 1000;

	*state = (BudgetState){.used_us = budget_used(&account->window, account->window_us, now)};
	state->over = state->used_us >= limit_us;
	if (state->over)
		state->free_at = budget_free_at(&account->window, account->window_us, limit_us, now);
}

void
budget_store_charge(const PolicyBudget *budget, Oid role, int64 used_us, TimestampTz now, BudgetState *state)
{
	Account *account;

	LWLockAcquire(shared_part_lock(SHARED_BUDGETS), LW_EXCLUSIVE);
	account = account_find(budget, account_role(budget, role));
	if (account == NULL)
		account = account_make(budget, account_role(budget, role));
	budget_add(&account->window, account->window_us, now, used_us);
	account->changed_at = now;
	state_read(account, budget, now, state);
	state->first = state->over && (account->told_at == 0 || now - account->told_at >= account->window_us);
	if (state->first)
	{
		account->told_at = now;
		account->reported++;
	}
	LWLockRelease(shared_part_lock(SHARED_BUDGETS));
}

void
budget_store_look(const PolicyBudget *budget, Oid role, TimestampTz now, BudgetState *state)
{
	const Account *account;

	*state = (BudgetState){0};
	LWLockAcquire(shared_part_lock(SHARED_BUDGETS), LW_SHARED);
	account = account_find(budget, account_role(budget, role));
	if (account != NULL)
		state_read(account, budget, now, state);
	LWLockRelease(shared_part_lock(SHARED_BUDGETS));
}

void
budget_store_note(const PolicyBudget *budget, Oid role)
{
	Account *account;

	LWLockAcquire(shared_part_lock(SHARED_BUDGETS), LW_EXCLUSIVE);
	account = account_find(budget, account_role(budget, role));
	if (account != NULL && budget->action == POLICY_OVERDRAFT_REFUSE)
		account->refused++;
	else if (account != NULL)
		account->demoted++;
	LWLockRelease(shared_part_lock(SHARED_BUDGETS));
}

int
budget_store_list(const PolicyBudget *budget, TimestampTz now, BudgetAccount *list)
{
	int count = 0;

	LWLockAcquire(shared_part_lock(SHARED_BUDGETS), LW_SHARED);
	for (int i = 0; i < BUDGET_ACCOUNTS_MAX; i++)
	{
		const Account *account = &accounts()[i];

		if (!account_is(account, budget, account->role))
			continue;
		list[count] = (BudgetAccount){.role = account->role,
									  .used_us = budget_used(&account->window, account->window_us, now),
									  .refused = account->refused,
									  .demoted = account->demoted,
									  .reported = account->reported};
		strlcpy(list[count++].name, account->name, POLICY_NAME_SIZE);
	}
	LWLockRelease(shared_part_lock(SHARED_BUDGETS));
	return count;
}
