/*
 * cost.c - the planner's total cost of the statement under execution. Runs in backends.
 *
 * DESIGN. The executor's hooks tell when a plan begins and ceases to run; the outermost one counts, so that neither a query in
 * a function nor a loop in PL/pgSQL splits one expensive statement into cheap ones. A cursor's query counts while rows are
 * fetched from it, and what its AFTER triggers call belongs to a statement too. Where no plan is run there is no cost: in
 * DO and CALL beside their queries, in expressions that PL/pgSQL evaluates by itself, and in triggers deferred to the commit.
 */
#include "handler/cost.h"

#include "executor/executor.h"

static ExecutorRun_hook_type previous_run = NULL;
static ExecutorFinish_hook_type previous_finish = NULL;
static double cost = -1;
static int depth = 0; /* of plans within plans */

#if PG_VERSION_NUM >= 180000
#define RUN_PARAMETERS QueryDesc *query, ScanDirection direction, uint64 count
#define RUN_ARGUMENTS query, direction, count
#else
#define RUN_PARAMETERS QueryDesc *query, ScanDirection direction, uint64 count, bool execute_once
#define RUN_ARGUMENTS query, direction, count, execute_once
#endif

double
cost_of_statement(void)
{
	return cost;
}

static void
cost_enter(const QueryDesc *query)
{
	if (depth++ == 0)
		cost = query->plannedstmt != NULL && query->plannedstmt->planTree != NULL
				   ? query->plannedstmt->planTree->total_cost
				   : -1;
}

static void
cost_leave(void)
{
	if (--depth == 0)
		cost = -1;
}

static void
cost_run(RUN_PARAMETERS)
{
	cost_enter(query);
	PG_TRY();
	{
		if (previous_run != NULL)
			previous_run(RUN_ARGUMENTS);
		else
			standard_ExecutorRun(RUN_ARGUMENTS);
	}
	PG_FINALLY();
	{
		cost_leave();
	}
	PG_END_TRY();
}

static void
cost_finish(QueryDesc *query)
{
	cost_enter(query);
	PG_TRY();
	{
		if (previous_finish != NULL)
			previous_finish(query);
		else
			standard_ExecutorFinish(query);
	}
	PG_FINALLY();
	{
		cost_leave();
	}
	PG_END_TRY();
}

void
cost_initialize(void)
{
	previous_run = ExecutorRun_hook;
	ExecutorRun_hook = cost_run;
	previous_finish = ExecutorFinish_hook;
	ExecutorFinish_hook = cost_finish;
}
