/*
 * shared.c - reserves and initialises the shared memory. Runs in the postmaster; read by backends and the scheduler.
 */
#include "scheduler/shared.h"

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "storage/shmem.h"

#include "scheduler/activity.h"
#include "scheduler/budget_store.h"
#include "scheduler/event.h"
#include "scheduler/gate.h"
#include "scheduler/recorder.h"
#include "scheduler/rule_store.h"
#include "scheduler/stat.h"
#include "scheduler/wait_event.h"

#if PG_VERSION_NUM >= 170000
#define MY_PROC_NUMBER MyProcNumber
#else
#define MY_PROC_NUMBER (MyProc->pgprocno)
#endif
#if PG_VERSION_NUM >= 150000
#define MAX_BACKENDS_NOW MaxBackends
#else
#define MAX_BACKENDS_NOW (MaxConnections + autovacuum_max_workers + 1 + max_worker_processes + max_wal_senders)
#endif

#define SHARED_TRANCHE "pybox"
#define CALL_EPOCH_US INT64CONST(1735689600000000) /* 2025-01-01 in Unix microseconds */
#define CALL_ID_TIME_SHIFT 20					   /* a million ids for each second since then */

static Size queue_part_size(void);
static void queue_part_initialize(void);

/* What follows struct Shared, in this order; initialised in it, too. */
static const struct
{
	Size (*size)(void);
	void (*initialize)(void);
} parts[SHARED_PART_COUNT] = {
	[SHARED_QUEUE] = {queue_part_size, queue_part_initialize},
	[SHARED_CALLS] = {activity_size, activity_initialize},
	[SHARED_GATES] = {gate_size, gate_initialize},
	[SHARED_EVENTS] = {event_size, event_initialize},
	[SHARED_RULES] = {rule_store_size, rule_store_initialize},
	[SHARED_BUDGETS] = {budget_store_size, budget_store_initialize},
	[SHARED_STATISTICS] = {stat_size, stat_initialize},
	[SHARED_RECORDER] = {recorder_size, recorder_initialize},
};

Shared *shared = NULL;

int
shared_backends(void)
{
	return MAX_BACKENDS_NOW;
}

int
shared_my_number(void)
{
	return MY_PROC_NUMBER;
}

static Size
queue_part_size(void)
{
	return queue_size(shared_backends());
}

static void
queue_part_initialize(void)
{
	queue_init(shared_queue(), shared_backends());
}

static Size
shared_size(void)
{
	Size size = CACHELINEALIGN(sizeof(Shared));

	for (int part = 0; part < SHARED_PART_COUNT; part++)
		size = add_size(size, CACHELINEALIGN(parts[part].size()));
	return size;
}

static void
parts_initialize(void)
{
	Size offset = CACHELINEALIGN(sizeof(Shared));

	for (int part = 0; part < SHARED_PART_COUNT; part++)
	{
		shared->parts[part] = offset;
		offset += CACHELINEALIGN(parts[part].size());
		parts[part].initialize();
	}
}

void
shared_request(void)
{
	RequestAddinShmemSpace(shared_size());
	RequestNamedLWLockTranche(SHARED_TRANCHE, 1 + SHARED_PART_COUNT);
	wait_event_request();
}

/* Ids must not come again after a restart: they start from the clock, and no node makes a million calls a second. */
static uint64
first_call_id(void)
{
	int64 unix_us = GetCurrentTimestamp() + (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY;

	return (uint64) ((unix_us - CALL_EPOCH_US) / USECS_PER_SEC) << CALL_ID_TIME_SHIFT;
}

static void
shared_initialize(void)
{
	memset(shared, 0, shared_size());
	shared->lock = &GetNamedLWLockTranche(SHARED_TRANCHE)->lock;
	pg_atomic_init_u32(&shared->launcher_generation, 0);
	pg_atomic_init_u64(&shared->next_call, first_call_id());
	pg_atomic_init_u64(&shared->policy_generation, 0);
	pg_atomic_init_u32(&shared->walls_watched, 0);
	pg_atomic_init_u32(&shared->rules_watched, 0);
	for (int pool = 0; pool < POLICY_POOLS_MAX; pool++)
		shared->zygotes[pool][0].state = shared->zygotes[pool][1].state = -1;
	parts_initialize();
}

void
shared_attach(void)
{
	bool found;

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	shared = ShmemInitStruct("pybox", shared_size(), &found);
	if (!found)
		shared_initialize();
	LWLockRelease(AddinShmemInitLock);
}

void
shared_require(void)
{
	if (shared == NULL)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("pybox must be loaded via shared_preload_libraries"),
						errhint("Add pybox to shared_preload_libraries in postgresql.conf and restart the server.")));
	if (!IsUnderPostmaster || IsBinaryUpgrade)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("pybox functions cannot run in %s",
							   IsBinaryUpgrade ? "binary upgrade mode" : "single-user mode"),
						errhint("They need the pybox scheduler, which only a running server has.")));
}

void *
shared_part(SharedPart part)
{
	return (char *) shared + shared->parts[part];
}

LWLock *
shared_part_lock(SharedPart part)
{
	return &GetNamedLWLockTranche(SHARED_TRANCHE)[1 + part].lock;
}

Queue *
shared_queue(void)
{
	return shared_part(SHARED_QUEUE);
}

void
shared_wake_scheduler(void)
{
	Latch *latch = *(Latch *volatile *) &shared->scheduler; /* it may end between two looks */

	if (latch != NULL)
		SetLatch(latch);
}

bool
shared_launcher_ready(void)
{
	return (pg_atomic_read_u32(&shared->launcher_generation) & 1) != 0;
}
