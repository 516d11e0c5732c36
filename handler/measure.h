/*
 * measure.h - what a call uses: time with its slot, in the queue, in SQL and paused, CPU time, bytes, memory.
 *
 * DESIGN. A call is always in one stretch of time: with its slot, in SQL, or in neither. measure_turn() ends one and begins
 * the next at the cost of reading the clock once. CPU time: a call that ran for less than 10 ms is taken to have used all of its
 * run time; a longer one is measured by its interpreter's clock (limit.c). Memory: at a function's 1st, 2nd, 4th, 8th ... call
 * the launcher is asked after the call; of others it is known when the launcher looked while they ran (sandbox/watch.h). What
 * the interpreter holds counts, or its peak when that was reached since the last look.
 */
#ifndef PYBOX_MEASURE_H
#define PYBOX_MEASURE_H

#include "postgres.h"

#include "utils/timestamp.h"

#include "scheduler/stat.h"

typedef enum MeasureStretch
{
	MEASURE_NOTHING, /* waits for a slot, or is not under way */
	MEASURE_RUN,
	MEASURE_SQL,
	MEASURE_PAUSED,
	MEASURE_STRETCH_COUNT
} MeasureStretch;

/* Of a call so far, all steps of a set together. Times in us. */
typedef struct Measure
{
	int64 spent_us[MEASURE_STRETCH_COUNT];
	int64 queue_us, inner_cpu_us; /* inner: of calls in the same interpreter, while this one was in SQL */
	int64 waited_us;			  /* slot_waited_us() when it began to wait */
	int64 step_run_us;			  /* run time before this step */
	int64 step_cpu_us;			  /* CPU time before this step, or that its callers know of */
	uint64 bytes_in;
	uint32 queries;	   /* stretches in SQL */
	TimestampTz since; /* of the stretch, by clock_now() */
	MeasureStretch stretch;
	uint32 turn; /* the interpreter's, when it was first let run */
	bool waits;	 /* for a slot, maybe */
	bool cold_start;
	bool is_check; /* the validator's: counts nowhere */
	bool is_counted;
} Measure;

struct Call;
struct CallProgress;

/* Ends the stretch that is under way, and begins another. */
void measure_turn(struct Call *call, MeasureStretch stretch);
/* The same at a time that is known. */
void measure_turn_at(struct Call *call, MeasureStretch stretch, TimestampTz now);
/* Time with a slot so far, in us. */
int64 measure_run_us(const struct Call *call);
/* Around what may wait for a slot. */
void measure_wait_begin(struct Call *call);
void measure_wait_end(struct Call *call);
/* Another step of a set goes on from here. */
void measure_step_begin(struct Call *call);
/* The interpreter's clock counts for the call from now on: calls that run inside of it have used some before. */
void measure_cpu_begin(struct Call *call);
/* The call has its interpreter, made for it or not. */
void measure_interpreter(struct Call *call);
/*
 * Counts the call, once: it ended well, or for the error being raised (before its interpreter is brought to rest), or with its
 * session, together with its callers.
 */
void measure_end(struct Call *call);
void measure_abort(struct Call *call);
void measure_exit(struct Call *innermost);
/* Counts a set that nobody reads to its end. */
void measure_set_closed(const struct CallProgress *progress, Oid function, Oid role, const char *pool);

#endif
