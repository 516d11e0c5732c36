/*
 * worker.c - the scheduler's main loop: policy reload, wall limits of calls that are in SQL, supervision of the launcher.
 * Runs in the background worker. Slots are granted by whoever frees one, not here; with nothing to do it sleeps.
 */
#include "scheduler/worker.h"

#include <signal.h>

#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"

#include "scheduler/activity.h"
#include "scheduler/clock.h"
#include "scheduler/fault_raise.h"
#include "scheduler/policy_store.h"
#include "scheduler/rule_tick.h"
#include "scheduler/shared.h"
#include "scheduler/stat_store.h"
#include "scheduler/supervisor.h"
#include "scheduler/timer.h"
#include "scheduler/wait_event.h"

#define WALL_TICK_MS 100
#define RESTART_SECONDS 1

void
worker_register(void)
{
	BackgroundWorker worker = {0};

	strlcpy(worker.bgw_name, "pybox scheduler", BGW_MAXLEN);
	strlcpy(worker.bgw_type, "pybox scheduler", BGW_MAXLEN);
	strlcpy(worker.bgw_library_name, "$libdir/pybox", BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, "pybox_scheduler_main", BGW_MAXLEN);
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS;
	worker.bgw_start_time = BgWorkerStart_ConsistentState;
	worker.bgw_restart_time = RESTART_SECONDS;
	RegisterBackgroundWorker(&worker);
}

static void
worker_exit(int code, Datum argument)
{
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	shared->scheduler = NULL;
	shared->scheduler_pid = 0;
	LWLockRelease(shared->lock);
}

static void
worker_enter(void)
{
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	BackgroundWorkerUnblockSignals();
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	shared->scheduler = MyLatch;
	shared->scheduler_pid = MyProcPid;
	shared->policy_changed = false;
	LWLockRelease(shared->lock);
	before_shmem_exit(worker_exit, (Datum) 0);
}

/* A file that cannot be used leaves the node without a policy, and calls are refused: any other could be weaker than it. */
static void
policy_load_first(void)
{
	if (policy_store_generation() > 0 || policy_store_load(LOG))
		return;
	policy_store_refuse();
	ereport(LOG, (errmsg("pybox refuses all calls until it has a policy"),
				  errhint("Mend the file and call pybox.reload_policy().")));
}

/* Backends keep their own wall limit while Python runs; while they are in SQL only an interrupt reaches them. */
static bool
walls_enforce(TimestampTz now)
{
	bool any = false;

	pg_atomic_write_u32(&shared->walls_watched, 0);
	pg_memory_barrier();
	for (int i = 0; i < activity_entries(); i++)
	{
		ActivityCall call;

		if (!activity_read(i, &call) || call.state != ACTIVITY_SQL || call.wall_ms <= 0 || call.started_at == 0)
			continue;
		any = true;
		if (TimestampDifferenceExceeds(call.running_since, call.still_since != 0 ? call.still_since : now,
									   (int) Min(call.wall_ms, INT_MAX)))
			(void) activity_stop(call.call_id, ACTIVITY_STOP_WALL);
	}
	pg_atomic_write_u32(&shared->walls_watched, any ? 1 : 0);
	return any;
}

/* In ms; -1: never. */
static long
sooner(long one, long other)
{
	if (one < 0 || other < 0)
		return Max(one, other);
	return Min(one, other);
}

static void
worker_wait(long timeout)
{
	pgsocket socket = supervisor_socket();
	int events = WL_LATCH_SET | WL_EXIT_ON_PM_DEATH | (timeout >= 0 ? WL_TIMEOUT : 0) |
				 (socket != PGINVALID_SOCKET ? WL_SOCKET_READABLE : 0);

	events = WaitLatchOrSocket(MyLatch, events, socket, timeout, wait_event_info(WAIT_NAME_SCHEDULER));
	if (events & WL_LATCH_SET)
		ResetLatch(MyLatch);
	if (events & WL_SOCKET_READABLE)
		supervisor_read();
}

void
pybox_scheduler_main(Datum argument)
{
	worker_enter();
	policy_load_first();
	stat_store_load();
	while (!ShutdownRequestPending)
	{
		TimestampTz now = clock_now();
		long timeout = supervisor_tick(now);

		if (walls_enforce(now))
			timeout = sooner(timeout, WALL_TICK_MS);
		timeout = sooner(timeout, rule_tick(now));
		timeout = sooner(timeout, timer_tick(now));
		worker_wait(sooner(timeout, stat_store_tick(now)));
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
			FAULT_RAISE("scheduler.reload");
			(void) policy_store_load(LOG);
		}
	}
	stat_store_save();
	/* Told to end while the server goes on, it is to start again: after 0 it would not. */
	proc_exit(1);
}
