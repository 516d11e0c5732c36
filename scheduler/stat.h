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

#include "utils/timestamp.h"

#include "scheduler/stat_table.h"

/* What is counted by. */
typedef enum StatKind
{
	STAT_FUNCTIONS,
	STAT_ROLES,
	STAT_POOLS,
	STAT_KIND_COUNT
} StatKind;

/* One call, at its end; times in us. */
typedef struct StatCall
{
	Oid database, function, role; /* function InvalidOid: DO */
	const char *pool;
	StatCause cause;
	bool started; /* had a slot */
	int64 queue_us, run_us, sql_us, paused_us, cpu_us;
	uint32 queries; /* that it made */
	uint64 rows, bytes_in, bytes_out;
	int64 memory_peak;	  /* bytes; 0: not measured */
	bool cold_start;	  /* waited for an interpreter to be made */
	TimestampTz ended_at; /* by clock_now() */
} StatCall;

typedef struct StatGuess
{
	HistoryGuess next;
	RankTable ranks;
} StatGuess;

/* When a backend looked at the memory of a function's calls. */
typedef struct StatMemory
{
	uint64 calls; /* by this backend */
	TimestampTz looked_at;
} StatMemory;

/* How one of the tables is doing. */
typedef struct StatTableState
{
	int32 size, seen, count; /* seen: entries from this number on were never used */
	uint64 evicted;
	TimestampTz since;
} StatTableState;

/* pybox.stat_functions_max */
extern int stat_functions_max;

Size stat_size(void);
void stat_initialize(void);

/* Once per backend, before its other callbacks: they are called in reverse. */
void stat_register(void);
/* For the backend that made the call; raises nothing. */
void stat_call_add(const StatCall *call);
/* Adds what is pending to the shared counters. Takes a lock; raises nothing. */
void stat_flush(void);
/* Takes a lock for a moment: to be kept by who asks. */
void stat_guess(Oid database, Oid function, StatGuess *guess);
/* Whether to ask what memory the interpreter has, after one more call of a function: with the 1st, 2nd, 4th, 8th ... */
bool stat_memory_is_due(StatMemory *memory, TimestampTz now);

/* For views. Copies entry number, 0 .. seen - 1; false: it counts nothing. */
bool stat_read(StatKind kind, int number, StatEntry *entry);
void stat_table_state(StatKind kind, StatTableState *state);
const char *stat_kind_name(StatKind kind);
StatKey stat_key(Oid database, Oid oid, const char *name);
/* Counts from nothing again, and forgets what was known of a function. False: there was nothing. */
bool stat_reset_entry(StatKind kind, const StatKey *key);
void stat_reset_all(void);
/* Whether anything was counted since it was last asked. */
bool stat_take_changed(void);
/* True once in the life of shared memory: what a file kept is to be added to it. */
bool stat_restore_once(void);
/* Adds what a file kept to whatever was counted meanwhile. */
void stat_restore(StatKind kind, const StatEntry *entry);

/*
 * The reason of the error that is about to be raised, where its SQLSTATE does not tell; for the call that it ends. The
 * second takes it, or gives STAT_OK when there is none.
 */
void stat_cause_note(StatCause cause);
StatCause stat_cause_take(void);

#endif
