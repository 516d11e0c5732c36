/*
 * recorder.h - the calls that ended while a trace was recorded, for pybox.record_trace().
 *
 * DESIGN. As many entries as pybox.trace_calls_max, filled once in order; what ends after that is only counted. A backend that
 * ends a call looks at one word while nobody records; else it takes the next entry under the shared lock, writes it and marks
 * it done. Beginning anew takes the lock exclusively, so that no entry is half of one recording and half of another. Runs in
 * backends.
 */
#ifndef PYBOX_RECORDER_H
#define PYBOX_RECORDER_H

#include "postgres.h"

#include "utils/timestamp.h"

#include "policies/policy.h"
#include "scheduler/stat.h"

typedef struct RecorderCall
{
	int64 at_us; /* when it was asked for, by clock_now() */
	int64 run_us, sql_us, queue_us, paused_us, memory;
	Oid database, function, role;
	uint32 queries;
	StatCause cause;
	char pool[POLICY_NAME_SIZE];
	bool done; /* the entry is whole */
} RecorderCall;

typedef struct RecorderState
{
	bool recording;
	int64 calls, missed; /* missed: ended when there was no room any more */
	TimestampTz since;	 /* as users read it; 0: never */
} RecorderState;

/* pybox.trace_calls_max */
extern int recorder_calls_max;

Size recorder_size(void);
void recorder_initialize(void);
/* Forgets what there is and records from now on. False: pybox.trace_calls_max leaves no room. */
bool recorder_start(TimestampTz since);
void recorder_stop(void);
void recorder_state(RecorderState *state);
/* For who ends a call; raises nothing. */
void recorder_call_add(const StatCall *call);
/* Copies at most room of the recorded calls; returns how many. */
int64 recorder_read(RecorderCall *calls, int64 room);

#endif
