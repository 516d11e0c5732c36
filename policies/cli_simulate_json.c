/*
 * cli_simulate_json.c - a simulation's figures as one JSON object; times in microseconds.
 */
#include <stdio.h>

#include "policies/cli_simulate.h"

static const char *const fates[SIMULATE_FATE_COUNT] = {
	[SIMULATE_DONE] = "done",			[SIMULATE_FULL] = "queue_full",
	[SIMULATE_TOO_LARGE] = "too_large", [SIMULATE_TIMED_OUT] = "queue_timeout",
	[SIMULATE_WALL] = "wall",
};

/* Without the braces around. */
static void
figures_print(const SimulateFigures *of)
{
	printf("\"calls\": %u, ", of->calls);
	for (int fate = 0; fate < SIMULATE_FATE_COUNT; fate++)
		printf("\"%s\": %u, ", fates[fate], of->fates[fate]);
	printf(
		"\"wait\": {\"mean\": %.1f, \"p50\": %.0f, \"p95\": %.0f, \"p99\": %.0f, \"max\": %.0f, \"longest\": %.0f}, ",
		of->wait_mean, of->wait_p50, of->wait_p95, of->wait_p99, of->wait_max, of->longest);
	printf("\"slowdown\": {\"mean\": %.4f, \"p50\": %.4f, \"p99\": %.4f, \"max\": %.4f}, ", of->slowdown_mean,
		   of->slowdown_p50, of->slowdown_p99, of->slowdown_max);
	printf("\"pauses\": %llu, \"bound_exceeded\": %u", (unsigned long long) of->pauses, of->exceeded);
}

static void
shares_print(const SimulatePool *of)
{
	printf("{\"slot_us\": %lld, \"got_us\": %.1f, \"due_us\": %.1f}", (long long) of->slot_us, of->got_us, of->due_us);
}

static void
pools_print(const CliSimulation *simulation)
{
	const SimulateRun *run = &simulation->runs[0].run;

	for (int32_t i = 0; i < run->pool_count; i++)
	{
		const PolicyPool *pool = &simulation->policy->pools[i];

		printf("%s\n    \"%s\": {\"priority\": %d, \"weight\": %d, ", i > 0 ? "," : "", pool->name, pool->priority,
			   pool->weight);
		figures_print(&simulation->of_pool[i]);
		printf(", \"shares\": [");
		shares_print(&run->pools[0][i]);
		printf(", ");
		shares_print(&run->pools[1][i]);
		printf("]}");
	}
}

static void
runs_print(const CliSimulation *simulation)
{
	for (int i = 0; i < simulation->run_count; i++)
	{
		printf("%s\n    \"%s\": {", i > 0 ? "," : "", simulation->runs[i].key);
		figures_print(&simulation->runs[i].all);
		printf("}");
	}
}

void
simulation_print_json(const CliSimulation *simulation)
{
	const SimulateRun *run = &simulation->runs[0].run;

	printf("{\"slots\": %d, \"quantum_us\": %lld, \"calls\": %u, \"events\": %llu, \"begin_us\": %lld, \"end_us\": "
		   "%lld,\n",
		   run->slots, (long long) simulation->policy->quantum_ms * 1000, run->count, (unsigned long long) run->events,
		   (long long) run->begin_us, (long long) run->end_us);
	printf("  \"utilisation\": %.6f, \"fairness\": %.6f, \"share_error\": [%.6f, %.6f], \"ageing_bound_us\": %lld,\n",
		   simulate_utilisation(run), simulate_fairness(run, 0), simulate_share_error(run, 0),
		   simulate_share_error(run, 1), (long long) run->bound_us);
	printf("  \"pools\": {");
	pools_print(simulation);
	printf("\n  },\n  \"runs\": {");
	runs_print(simulation);
	printf("\n  }\n}\n");
}
