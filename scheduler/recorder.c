/*
 * recorder.c - keeps the calls that end, while somebody wants a trace. Runs in backends; see recorder.h.
 */
#include "scheduler/recorder.h"

#include "port/atomics.h"
#include "storage/lwlock.h"

#include "scheduler/shared.h"

typedef struct Recorder
{
	pg_atomic_uint32 recording;
	TimestampTz since;
	pg_atomic_uint64 ended; /* while it was recorded; the entries of the first so many are taken */
	RecorderCall calls[FLEXIBLE_ARRAY_MEMBER];
} Recorder;

int recorder_calls_max = 20000;

static Recorder *
recorder(void)
{
	return shared_part(SHARED_RECORDER);
}

static LWLock *
recorder_lock(void)
{
	return shared_part_lock(SHARED_RECORDER);
}

Size
recorder_size(void)
{
	return add_size(offsetof(Recorder, calls), mul_size((Size) recorder_calls_max, sizeof(RecorderCall)));
}

void
recorder_initialize(void)
{
	memset(recorder(), 0, recorder_size());
	pg_atomic_init_u32(&recorder()->recording, 0);
	pg_atomic_init_u64(&recorder()->ended, 0);
}

bool
recorder_start(TimestampTz since)
{
	if (recorder_calls_max == 0)
		return false;
	LWLockAcquire(recorder_lock(), LW_EXCLUSIVE);
	for (int i = 0; i < recorder_calls_max; i++)
		recorder()->calls[i].done = false;
	pg_atomic_write_u64(&recorder()->ended, 0);
	recorder()->since = since;
	pg_atomic_write_u32(&recorder()->recording, 1);
	LWLockRelease(recorder_lock());
	return true;
}

void
recorder_stop(void)
{
	LWLockAcquire(recorder_lock(), LW_EXCLUSIVE);
	pg_atomic_write_u32(&recorder()->recording, 0);
	LWLockRelease(recorder_lock());
}

void
recorder_state(RecorderState *state)
{
	int64 ended;

	LWLockAcquire(recorder_lock(), LW_SHARED);
	ended = (int64) pg_atomic_read_u64(&recorder()->ended);
	*state = (RecorderState){
		.recording = pg_atomic_read_u32(&recorder()->recording) != 0,
		.calls = Min(ended, recorder_calls_max),
		.missed = Max(0, ended - recorder_calls_max),
		.since = recorder()->since,
	};
	LWLockRelease(recorder_lock());
}

static void
entry_write(RecorderCall *entry, const StatCall *call)
{
	*entry = (RecorderCall){
		.at_us = call->ended_at - call->queue_us - call->run_us - call->sql_us - call->paused_us,
		.run_us = call->run_us,
		.sql_us = call->sql_us,
		.queue_us = call->queue_us,
		.paused_us = call->paused_us,
		.memory = call->memory_peak,
		.database = call->database,
		.function = call->function,
		.role = call->role,
		.queries = call->queries,
		.cause = call->cause,
	};
	strlcpy(entry->pool, call->pool, sizeof(entry->pool));
	pg_write_barrier();
	entry->done = true;
}

void
recorder_call_add(const StatCall *call)
{
	if (likely(pg_atomic_read_u32(&recorder()->recording) == 0))
		return;
	LWLockAcquire(recorder_lock(), LW_SHARED);
	if (pg_atomic_read_u32(&recorder()->recording) != 0)
	{
		uint64 number = pg_atomic_fetch_add_u64(&recorder()->ended, 1);

		if (number < (uint64) recorder_calls_max)
			entry_write(&recorder()->calls[number], call);
	}
	LWLockRelease(recorder_lock());
}

int64
recorder_read(RecorderCall *calls, int64 room)
{
	int64 count = 0, there;

	LWLockAcquire(recorder_lock(), LW_SHARED);
	there = Min((int64) pg_atomic_read_u64(&recorder()->ended), recorder_calls_max);
	for (int64 i = 0; i < there && count < room; i++)
	{
		if (!recorder()->calls[i].done)
			continue;
		pg_read_barrier();
		calls[count++] = recorder()->calls[i];
	}
	LWLockRelease(recorder_lock());
	return count;
}
