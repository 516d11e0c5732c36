/*
 * stat.h - what calls cost, by pool, function and role: counters in shared memory, kept over restart.
 *
 * DESIGN. A backend adds up what its calls used in its own memory and adds that to the shared counters when its transaction
 * ends, every so often within a long one, and when it ends: no lock and no system call a call. What was measured of a function
 * tells the queue how long and how large its next call will be.
 */
#ifndef PYBOX_STAT_H
#define PYBOX_STAT_H

#include "postgres.h"

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

/* One call, at its end; times in us. */
typedef struct StatCall
{
	Oid database, function, role; /* function InvalidOid: DO */
	const char *pool;
	StatCause cause;
	int64 queue_us, run_us, sql_us, paused_us, cpu_us;
	uint64 rows, bytes_in, bytes_out;
	int64 memory_peak; /* bytes; 0: not measured */
	bool cold_start;   /* waited for an interpreter to be made */
} StatCall;

/* What to expect of the next call. */
typedef struct StatGuess
{
	int64 run_us; /* slot time; 0: no history that tells */
	int64 memory; /* p95, bytes; 0: no history */
} StatGuess;

Size stat_size(void);
void stat_initialize(void);
void stat_call_add(const StatCall *call);
/* Adds what is pending to the shared counters. */
void stat_flush(void);
void stat_guess(Oid database, Oid function, StatGuess *guess);

#endif
