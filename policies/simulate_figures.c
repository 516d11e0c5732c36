/*
 * simulate_figures.c - means, percentiles and fairness of a run; see simulate_figures.h.
 */
#include "policies/simulate_figures.h"

#include <stdlib.h>

static int
double_compare(const void *left, const void *right)
{
	double a = *(const double *) left, b = *(const double *) right;

	return a < b ? -1 : a > b;
}

static double
mean_of(const double *values, size_t count)
{
	double sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += values[i];
	return count == 0 ? 0 : sum / (double) count;
}

/* Of sorted values: the least that percent of all do not exceed. */
static double
percentile(const double *values, size_t count, unsigned percent)
{
	return count == 0 ? 0 : values[(count * percent + 99) / 100 - (percent > 0)];
}

static double
call_slowdown(const TraceCall *call, const SimulateOutcome *outcome)
{
	double slowdown = (double) outcome->end_us / (double) (call->run_us > 0 ? call->run_us : 1);

	return slowdown < 1.0 ? 1.0 : slowdown;
}

static void
waits_count(SimulateFigures *figures, double *waits, size_t count)
{
	figures->wait_mean = mean_of(waits, count);
	qsort(waits, count, sizeof(double), double_compare);
	figures->wait_p50 = percentile(waits, count, 50);
	figures->wait_p95 = percentile(waits, count, 95);
	figures->wait_p99 = percentile(waits, count, 99);
	figures->wait_max = percentile(waits, count, 100);
}

static void
slowdowns_count(SimulateFigures *figures, double *slowdowns, size_t count)
{
	figures->slowdown_mean = mean_of(slowdowns, count);
	qsort(slowdowns, count, sizeof(double), double_compare);
	figures->slowdown_p50 = percentile(slowdowns, count, 50);
	figures->slowdown_p99 = percentile(slowdowns, count, 99);
	figures->slowdown_max = percentile(slowdowns, count, 100);
}

static void
outcome_count(SimulateFigures *figures, const SimulateOutcome *outcome)
{
	figures->calls++;
	figures->fates[outcome->fate]++;
	figures->pauses += outcome->pauses;
	figures->exceeded += outcome->excess_us > 0;
	if ((double) outcome->longest_us > figures->longest)
		figures->longest = (double) outcome->longest_us;
}

int
simulate_figures(const SimulateRun *run, const Trace *trace, const int32_t *pools, int32_t pool,
				 SimulateFigures *figures)
{
	double *waits = malloc((run->count + 1) * sizeof(double)), *slowdowns = malloc((run->count + 1) * sizeof(double));
	size_t ended = 0;

	*figures = (SimulateFigures){0};
	for (uint32_t i = 0; waits != NULL && slowdowns != NULL && i < run->count; i++)
	{
		const SimulateOutcome *outcome = &run->outcomes[i];

		if (pool >= 0 && pools[trace->calls[i].class] != pool)
			continue;
		waits[figures->calls] = (double) outcome->wait_us;
		outcome_count(figures, outcome);
		if (outcome->fate == SIMULATE_DONE)
			slowdowns[ended++] = call_slowdown(&trace->calls[i], outcome);
	}
	if (waits != NULL && slowdowns != NULL)
	{
		waits_count(figures, waits, figures->calls);
		slowdowns_count(figures, slowdowns, ended);
	}
	free(waits);
	free(slowdowns);
	return waits != NULL && slowdowns != NULL ? 0 : -1;
}

double
simulate_utilisation(const SimulateRun *run)
{
	double used = 0, there = (double) (run->end_us - run->begin_us) * run->slots;

	for (int period = 0; period < SIMULATE_PERIODS; period++)
		for (int32_t pool = 0; pool < run->pool_count; pool++)
			used += (double) run->pools[period][pool].slot_us;
	return there > 0 ? used / there : 0;
}

double
simulate_fairness(const SimulateRun *run, int period)
{
	double sum = 0, squares = 0;
	int count = 0;

	for (int32_t pool = 0; pool < run->pool_count; pool++)
	{
		const SimulatePool *of = &run->pools[period][pool];
		double part = of->due_us > 0 ? of->got_us / of->due_us : 0;

		count += of->due_us > 0;
		sum += part;
		squares += part * part;
	}
	return squares > 0 ? sum * sum / (count * squares) : 1;
}

double
simulate_share_error(const SimulateRun *run, int period)
{
	double most = 0;

	for (int32_t pool = 0; pool < run->pool_count; pool++)
	{
		const SimulatePool *of = &run->pools[period][pool];
		double error = of->due_us > 0 ? (of->got_us - of->due_us) / of->due_us : 0;

		error = error < 0 ? -error : error;
		most = error > most ? error : most;
	}
	return most;
}
