/*
 * admin_rules.c - pybox.rules and pybox.budgets. Runs in backends; needs no slot and no interpreter.
 */
#include "handler/admin.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "scheduler/budget_store.h"
#include "scheduler/clock.h"
#include "scheduler/policy_store.h"
#include "scheduler/rule.h"
#include "scheduler/rule_store.h"

PG_FUNCTION_INFO_V1(pybox_rules);
PG_FUNCTION_INFO_V1(pybox_budgets);

/* The columns of pybox.rules, in order. */
enum
{
	RULE_NAME,
	RULE_ACTION,
	RULE_DRY_RUN,
	RULE_SELECTORS,
	RULE_TERMS,
	RULE_LINE,
	RULE_MATCHED,
	RULE_ACTED,
	RULE_LAST_AT,
	RULE_COLUMNS
};

/* The columns of pybox.budgets_rows(), in order. */
enum
{
	BUDGET_NAME,
	BUDGET_ROLE,
	BUDGET_WINDOW,
	BUDGET_USED,
	BUDGET_CPU_TIME,
	BUDGET_ACTION,
	BUDGET_OVER,
	BUDGET_SELECTORS,
	BUDGET_LINE,
	BUDGET_DEMOTED,
	BUDGET_REFUSED,
	BUDGET_COLUMNS
};

static void
part_write(StringInfo text, const char *what, const char *value)
{
	if (value[0] != '\0')
		appendStringInfo(text, "%s%s: %s", text->len > 0 ? ", " : "", what, value);
}

/* As in the file; a selector of nothing is about all calls. */
static Datum
selectors_text(const PolicySelector *who, const Policy *policy)
{
	StringInfoData text;

	initStringInfo(&text);
	part_write(&text, "function", who->function);
	part_write(&text, "role", who->role);
	part_write(&text, "database", who->database);
	part_write(&text, "pool", who->pool != POLICY_NO_POOL ? policy->pools[who->pool].name : "");
	return CStringGetTextDatum(text.data);
}

static Datum
terms_text(const PolicyRule *rule)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < rule->term_count; i++)
	{
		const PolicyTerm *term = &rule->terms[i];
		const char *unit = rule_metric_unit(term->metric);

		appendStringInfo(&text, "%s%s > %lld%s%s", i > 0 ? " and " : "", policy_metric_name(term->metric),
						 (long long) term->above, unit[0] != '\0' ? " " : "", unit);
	}
	if (rule->for_ms > 0)
		appendStringInfo(&text, " for %lld ms", (long long) rule->for_ms);
	return CStringGetTextDatum(text.data);
}

static void
rule_row(ReturnSetInfo *rows, const Policy *policy, const PolicyRule *rule, const RuleCount *count)
{
	Datum values[RULE_COLUMNS] = {0};
	bool nulls[RULE_COLUMNS] = {0};

	values[RULE_NAME] = CStringGetTextDatum(rule->name);
	values[RULE_ACTION] = CStringGetTextDatum(policy_action_name(rule->action));
	values[RULE_DRY_RUN] = BoolGetDatum(rule->dry_run);
	values[RULE_SELECTORS] = selectors_text(&rule->who, policy);
	values[RULE_TERMS] = terms_text(rule);
	values[RULE_LINE] = Int32GetDatum(rule->line);
	values[RULE_MATCHED] = Int64GetDatum((int64) count->matched);
	values[RULE_ACTED] = Int64GetDatum((int64) count->acted);
	values[RULE_LAST_AT] = TimestampTzGetDatum(count->last_at);
	nulls[RULE_LAST_AT] = count->last_at == 0;
	tuplestore_putvalues(rows->setResult, rows->setDesc, values, nulls);
}

Datum
pybox_rules(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rows = admin_rows(fcinfo);
	const Policy *policy = policy_store_peek();
	RuleCount *counts = palloc(POLICY_RULES_MAX * sizeof(RuleCount));
	int count = rule_store_counts(counts);

	for (int i = 0; i < policy->rule_count; i++)
	{
		const RuleCount none = {.matched = 0};
		const RuleCount *of = &none;

		for (int j = 0; j < count; j++)
			if (strcmp(counts[j].name, policy->rules[i].name) == 0)
				of = &counts[j];
		rule_row(rows, policy, &policy->rules[i], of);
	}
	return (Datum) 0;
}

/* account NULL: nothing that one may see was used of it. Whose calls a budget is about is for those who may see the policy. */
static void
budget_row(ReturnSetInfo *rows, const Policy *policy, const PolicyBudget *budget, const BudgetAccount *account)
{
	Datum values[BUDGET_COLUMNS] = {0};
	bool nulls[BUDGET_COLUMNS] = {0};

	values[BUDGET_NAME] = CStringGetTextDatum(budget->name);
	values[BUDGET_WINDOW] = admin_interval(budget->window_ms * 1000);
	values[BUDGET_CPU_TIME] = admin_interval(budget->cpu_ms * 1000);
	values[BUDGET_ACTION] = CStringGetTextDatum(policy_overdraft_name(budget->action));
	values[BUDGET_SELECTORS] = selectors_text(&budget->who, policy);
	values[BUDGET_LINE] = Int32GetDatum(budget->line);
	nulls[BUDGET_SELECTORS] = nulls[BUDGET_LINE] = !admin_may_see_policy();
	nulls[BUDGET_ROLE] = account == NULL || !OidIsValid(account->role);
	nulls[BUDGET_USED] = nulls[BUDGET_OVER] = nulls[BUDGET_DEMOTED] = nulls[BUDGET_REFUSED] = account == NULL;
	if (account != NULL)
	{
		values[BUDGET_ROLE] = ObjectIdGetDatum(account->role);
		values[BUDGET_USED] = admin_interval(account->used_us);
		values[BUDGET_OVER] = BoolGetDatum(account->used_us >= budget->cpu_ms * 1000);
		values[BUDGET_DEMOTED] = Int64GetDatum((int64) account->demoted);
		values[BUDGET_REFUSED] = Int64GetDatum((int64) account->refused);
	}
	tuplestore_putvalues(rows->setResult, rows->setDesc, values, nulls);
}

static void
budget_rows(ReturnSetInfo *rows, const Policy *policy, const PolicyBudget *budget, BudgetAccount *accounts)
{
	int count = budget_store_list(budget, clock_now(), accounts), shown = 0;

	for (int i = 0; i < count; i++)
		if (admin_may_see(accounts[i].role))
		{
			budget_row(rows, policy, budget, &accounts[i]);
			shown++;
		}
	if (shown == 0 && admin_may_see_policy())
		budget_row(rows, policy, budget, NULL);
}

Datum
pybox_budgets(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rows = admin_rows(fcinfo);
	const Policy *policy = policy_store_peek();
	BudgetAccount *accounts = palloc(BUDGET_ACCOUNTS_MAX * sizeof(BudgetAccount));

	for (int i = 0; i < policy->budget_count; i++)
		budget_rows(rows, policy, &policy->budgets[i], accounts);
	return (Datum) 0;
}
