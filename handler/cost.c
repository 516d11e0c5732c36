/*
 * cost.c - the planner's total cost of the statement under execution. Runs in backends.
 *
 * DESIGN. The executor's hooks tell when a plan begins and ceases to run. Of plans within plans the dearest counts: neither
 * does a query in a function or a loop in PL/pgSQL split an expensive statement into cheap ones, nor does a cheap statement
 * around a function hide an expensive query in it. A cursor's query counts while rows are fetched from it, and what its AFTER
 * triggers call belongs to a statement too. Where no plan is run there is no cost: in DO and CALL beside their queries, in
 * expressions that PL/pgSQL evaluates by itself, in triggers deferred to the commit, and in those of COPY FROM.
 */
#include "handler/cost.h"

#include "executor/executor.h"

static ExecutorRun_hook_type previous_run = NULL;
static ExecutorFinish_hook_type previous_finish = NULL;
static double cost = -1; /* of the plans that run now, one within the other, the highest */

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

static double
cost_of_plan(const QueryDesc *query)
{
	const PlannedStmt *statement = query->plannedstmt;

	return statement != NULL && statement->planTree != NULL ? statement->planTree->total_cost : -1;
}

static void
cost_run(RUN_PARAMETERS)
{
	double outer = cost;

	cost = Max(outer, cost_of_plan(query));
	PG_TRY();
	{
		if (previous_run != NULL)
			previous_run(RUN_ARGUMENTS);
		else
			standard_ExecutorRun(RUN_ARGUMENTS);
	}
	PG_FINALLY();
	{
		cost = outer;
	}
	PG_END_TRY();
}

static void
cost_finish(QueryDesc *query)
{
	double outer = cost;

	cost = Max(outer, cost_of_plan(query));
	PG_TRY();
	{
		if (previous_finish != NULL)
			previous_finish(query);
		else
			standard_ExecutorFinish(query);
	}
	PG_FINALLY();
	{
		cost = outer;
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
