/*
 * cli_simulate_text.c - a simulation's figures as tables for a terminal.
 */
#include <stdio.h>

#include "policies/cli_simulate.h"

static const char *const fates[SIMULATE_FATE_COUNT] = {
	[SIMULATE_DONE] = "ended well",
	[SIMULATE_FULL] = "refused: queue full",
	[SIMULATE_TOO_LARGE] = "refused: more memory than a budget has",
	[SIMULATE_TIMED_OUT] = "ended by queue.timeout",
	[SIMULATE_WALL] = "ended by limits.wall",
};

/* By QueueWhy of scheduler/queue.h. */
static const char *const whys[SIMULATE_WHYS] = {
	NULL,
	"slots of the node",
	"slots of the pool",
	"slots of a cap",
	"memory of the node",
	"memory of the pool",
	"memory of a cap",
	"a turn",
};

/* Five places that tell enough of a time, in the unit that suits it. */
static const char *
time_word(double us, char text[16])
{
	static const struct
	{
		double least, factor;
		const char *unit;
	} units[] = {
		{10 * 3600e6, 3600e6, "h"}, {100 * 1e6, 1e6, "s"}, {1e6, 1e6, "s"}, {1e3, 1e3, "ms"}, {0, 1, "us"},
	};
	size_t i = 0;
	double value;

	while (us < units[i].least)
		i++;
	value = us / units[i].factor;
	snprintf(text, 16, "%.*f %s", us == 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2, value, units[i].unit);
	return text;
}

static void
times_print(const double *times, int count)
{
	char text[16];

	for (int i = 0; i < count; i++)
		printf(" %9s", time_word(times[i], text));
}

static void
waits_print(const char *name, const SimulateFigures *of)
{
	const double times[] = {of->wait_mean, of->wait_p50, of->wait_p95, of->wait_p99, of->wait_max};

	printf("%-20.20s %8u", name, of->calls);
	times_print(times, 5);
	printf(" %9.2f %9.2f %8llu\n", of->slowdown_mean, of->slowdown_p99, (unsigned long long) of->pauses);
}

static void
table_waits(const CliSimulation *simulation)
{
	const int32_t pools = simulation->policy->pool_count;

	printf("\n%-20s %8s %9s %9s %9s %9s %9s %9s %9s %8s\n", "pool", "calls", "wait mean", "p50", "p95", "p99", "max",
		   "slowdown", "p99", "pauses");
	for (int32_t pool = 0; pool < pools; pool++)
		waits_print(simulation->policy->pools[pool].name, &simulation->of_pool[pool]);
	waits_print("all", &simulation->runs[0].all);
}

static double
slot_time(const SimulateRun *run, int period)
{
	double sum = 0;

	for (int32_t pool = 0; pool < run->pool_count; pool++)
		sum += (double) run->pools[period][pool].slot_us;
	return sum;
}

static void
table_shares(const CliSimulation *simulation, int period)
{
	const SimulateRun *run = &simulation->runs[0].run;
	double sum = slot_time(run, period);

	printf("\n%-20s %9s %9s %9s   %s\n", "pool", "priority", "weight", "slot time",
		   "had, while it waited, of what it was due");
	for (int32_t i = 0; i < run->pool_count; i++)
	{
		const PolicyPool *pool = &simulation->policy->pools[i];
		const SimulatePool *of = &run->pools[period][i];
		char text[16];

		printf("%-20.20s %9d %9d %8.1f%%", pool->name, pool->priority, pool->weight,
			   sum > 0 ? 100.0 * (double) of->slot_us / sum : 0.0);
		if (of->due_us > 0)
			printf("   %.1f%% of %s", 100.0 * of->got_us / of->due_us, time_word(of->due_us, text));
		printf("\n");
	}
}

static void
fates_print(const SimulateFigures *all)
{
	for (int fate = SIMULATE_DONE + 1; fate < SIMULATE_FATE_COUNT; fate++)
		if (all->fates[fate] > 0)
			printf("%u calls %s.\n", all->fates[fate], fates[fate]);
}

static void
whys_print(const SimulateRun *run)
{
	const char *between = "Waits began for want of ";

	for (int why = 0; why < SIMULATE_WHYS; why++)
	{
		if (whys[why] == NULL || run->whys[why] == 0)
			continue;
		printf("%s%s: %llu", between, whys[why], (unsigned long long) run->whys[why]);
		between = ", ";
	}
	if (between[0] == ',')
		printf(".\n");
}

static void
summary_print(const CliSimulation *simulation)
{
	const CliRun *run = &simulation->runs[0];
	char text[16];

	printf("\nSlots used: %.1f%%. Fairness of weights (Jain's index): %.4f.\n", 100.0 * simulate_utilisation(&run->run),
		   simulate_fairness(&run->run, run->run.pools[1][0].slot_us > 0 ? 1 : 0));
	printf("Longest single wait: %s%s", time_word(run->all.longest, text), run->run.bound_us == 0 ? ".\n" : "; ");
	if (run->run.bound_us > 0)
		printf("ageing bounds waits by %s at most, exceeded by %u calls.\n",
			   time_word((double) run->run.bound_us, text), run->all.exceeded);
	whys_print(&run->run);
	fates_print(&run->all);
}

static void
table_runs(const CliSimulation *simulation)
{
	if (simulation->run_count == 1)
		return;
	printf("\n%-30s %12s %12s %12s %12s\n", "compared", "slowdown", "p99", "max", "ended well");
	for (int i = 0; i < simulation->run_count; i++)
	{
		const CliRun *run = &simulation->runs[i];

		printf("%-30s %12.2f %12.2f %12.2f %12u\n", run->name, run->all.slowdown_mean, run->all.slowdown_p99,
			   run->all.slowdown_max, run->all.fates[SIMULATE_DONE]);
	}
}

static double
trace_load_of(const CliSimulation *simulation)
{
	const Trace *trace = simulation->trace;
	double work = 0, lasts = (double) (trace->calls[trace->call_count - 1].at_us - trace->calls[0].at_us);

	for (uint32_t i = 0; i < trace->call_count; i++)
		work += (double) trace->calls[i].run_us;
	return lasts > 0 ? work / lasts / simulation->policy->node_slots : 0;
}

void
simulation_print_text(const CliSimulation *simulation)
{
	const SimulateRun *run = &simulation->runs[0].run;
	char text[16], quantum[16];

	printf("%u calls in %s on %d slots, load %.2f as recorded; quantum %s.\n", run->count,
		   time_word((double) (run->end_us - run->begin_us), text), run->slots, trace_load_of(simulation),
		   time_word((double) simulation->policy->quantum_ms * 1000, quantum));
	table_waits(simulation);
	table_shares(simulation, 0);
	if (slot_time(run, 1) > 0)
	{
		printf("\nAfter the reload:\n");
		table_shares(simulation, 1);
	}
	summary_print(simulation);
	table_runs(simulation);
}
