/*
 * stat_counters.c - adds counters up. Pure; runs in backends, the scheduler and unit tests.
 */
#include "scheduler/stat_counters.h"

static const char *const cause_names[STAT_CAUSE_COUNT] = {
	[STAT_OK] = "",
	[STAT_PYTHON] = "python",
	[STAT_CANCEL] = "cancel",
	[STAT_WALL] = "wall",
	[STAT_CPU] = "cpu",
	[STAT_MEMORY] = "memory",
	[STAT_RESOURCE] = "resource",
	[STAT_CRASH] = "crash",
	[STAT_REFUSED] = "refused",
	[STAT_TIMEOUT] = "timeout",
	[STAT_RULE] = "rule",
};

static void
histogram_add(StatHistogram *histogram, const StatHistogram *more)
{
	for (int i = 0; i < STAT_BUCKETS; i++)
		histogram->counts[i] += more->counts[i];
}

void
stat_counters_add(StatCounters *counters, const StatCounters *more)
{
	for (int i = 0; i < STAT_CAUSE_COUNT; i++)
		counters->causes[i] += more->causes[i];
	for (int i = 0; i < STAT_SUM_COUNT; i++)
		counters->sums[i] += more->sums[i];
	if (more->memory_peak > counters->memory_peak)
		counters->memory_peak = more->memory_peak;
	histogram_add(&counters->run, &more->run);
	histogram_add(&counters->queue, &more->queue);
}

uint64_t
stat_counters_calls(const StatCounters *counters)
{
	uint64_t calls = 0;

	for (int i = 0; i < STAT_CAUSE_COUNT; i++)
		calls += counters->causes[i];
	return calls;
}

const char *
stat_cause_name(StatCause cause)
{
	return cause_names[cause];
}
