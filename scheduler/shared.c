/*
 * shared.c - reserves and initialises the shared memory. Runs in the postmaster; read by backends and the scheduler.
 */
#include "scheduler/shared.h"

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "storage/shmem.h"

#include "scheduler/activity.h"
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
shared_size(void)
{
	Size size = MAXALIGN(sizeof(Shared));

	size = add_size(size, MAXALIGN(queue_size(shared_backends())));
	size = add_size(size, MAXALIGN(activity_size()));
	return add_size(size, stat_size());
}

void
shared_request(void)
{
	RequestAddinShmemSpace(shared_size());
	RequestNamedLWLockTranche(SHARED_TRANCHE, 1);
	stat_request();
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
	shared->queue_offset = MAXALIGN(sizeof(Shared));
	shared->calls_offset = shared->queue_offset + MAXALIGN(queue_size(shared_backends()));
	shared->stat_offset = shared->calls_offset + MAXALIGN(activity_size());
	pg_atomic_init_u32(&shared->launcher_generation, 0);
	pg_atomic_init_u64(&shared->next_call, first_call_id());
	pg_atomic_init_u64(&shared->policy_generation, 0);
	pg_atomic_init_u32(&shared->walls_watched, 0);
	for (int pool = 0; pool < POLICY_POOLS_MAX; pool++)
		shared->zygotes[pool][0].state = shared->zygotes[pool][1].state = -1;
	queue_init(shared_queue(), shared_backends());
	activity_initialize();
	stat_initialize();
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

Queue *
shared_queue(void)
{
	return (Queue *) ((char *) shared + shared->queue_offset);
}

void *
shared_calls(void)
{
	return (char *) shared + shared->calls_offset;
}

void
shared_wake_scheduler(void)
{
	Latch *latch = *(Latch *volatile *) &shared->scheduler; /* it may end between two looks */

	if (latch != NULL)
		SetLatch(latch);
}

void *
shared_stat(void)
{
	return (char *) shared + shared->stat_offset;
}

bool
shared_launcher_ready(void)
{
	return (pg_atomic_read_u32(&shared->launcher_generation) & 1) != 0;
}
