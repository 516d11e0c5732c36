/*
 * stat_counters.h - what is counted of calls: the same for a pool, a function and a role. Pure.
 */
#ifndef PYBOX_STAT_COUNTERS_H
#define PYBOX_STAT_COUNTERS_H

#include <stdint.h>

#include "scheduler/stat_histogram.h"

/* How a call ended; each has its name in stat_counters.c. */
typedef enum StatCause
{
	STAT_OK,
	STAT_PYTHON, /* an exception of the function's own */
	STAT_CANCEL, /* pybox.cancel, statement timeout, client */
	STAT_WALL,
	STAT_CPU,
	STAT_MEMORY,
	STAT_RESOURCE, /* pids, tmp, output, log */
	STAT_CRASH,	   /* signal, exit, forbidden system call, protocol */
	STAT_REFUSED,  /* filter, drain, quarantine, full queue, missing layer */
	STAT_TIMEOUT,  /* queue timeout */
	STAT_RULE,
	STAT_CAUSE_COUNT
} StatCause;

/* What is only ever added up. */
typedef enum StatSum
{
	STAT_ROWS,
	STAT_BYTES_IN,
	STAT_BYTES_OUT,
	STAT_QUEUE_US,
	STAT_RUN_US,
	STAT_SQL_US,
	STAT_PAUSED_US,
	STAT_CPU_US,
	STAT_COLD_STARTS,
	STAT_SUM_COUNT
} StatSum;

typedef struct StatCounters
{
	uint64_t causes[STAT_CAUSE_COUNT]; /* calls that ended so; together, all calls */
	uint64_t sums[STAT_SUM_COUNT];
	int64_t memory_peak;	  /* bytes; 0: never measured */
	StatHistogram run, queue; /* of calls that had a slot */
} StatCounters;

/* Adds more to counters. */
void stat_counters_add(StatCounters *counters, const StatCounters *more);
uint64_t stat_counters_calls(const StatCounters *counters);
/* Suffix of the columns errors_*, "" for STAT_OK. */
const char *stat_cause_name(StatCause cause);

#endif
