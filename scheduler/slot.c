/*
 * slot.c - the backend's half of the queue: asks, waits on its latch, wakes the next. Runs in backends.
 */
#include "scheduler/slot.h"

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "utils/timestamp.h"

#include "scheduler/clock.h"
#include "scheduler/fault_raise.h"
#include "scheduler/policy_store.h"
#include "scheduler/shared.h"
#include "scheduler/wait_event.h"

#if PG_VERSION_NUM >= 170000
#define PROC_OF(number) GetPGProcByNumber(number)
#else
#define PROC_OF(number) (&ProcGlobal->allProcs[number])
#endif

static bool registered = false;
static bool held = false; /* this backend holds a slot or waits for one */

static void
slot_exit(int code, Datum arg)
{
	slot_give_back();
}

void
slot_register(void)
{
	if (registered)
		return;
	before_shmem_exit(slot_exit, (Datum) 0);
	registered = true;
}

void
slot_grant_all(void)
{
	int32_t who;

	while ((who = queue_grant(shared_queue(), clock_now())) != QUEUE_NOBODY)
		if (who != shared_my_number())
			SetLatch(&PROC_OF(who)->procLatch);
}

/* The pool's number in the policy now in force; a pool that is gone counts as the first. Caller holds the lock. */
static int32_t
pool_number(const PolicyPool *pool)
{
	int number = policy_pool_find(&shared->policy, pool->name);

	return number < 0 ? 0 : number;
}

/* Takes a slot while nobody waits, by the numbers of this process's copy of the policy. */
static bool
slot_try(const PolicyPool *pool, bool resumes)
{
	const Policy *policy = policy_store_get();
	ptrdiff_t number = pool - policy->pools;
	QueueClaim claim = {
		.pool = (int32_t) number, .priority = -1, .resumes = resumes, .version = policy_store_local_generation()};

	return number >= 0 && number < policy->pool_count &&
		   queue_try(shared_queue(), shared_my_number(), &claim, clock_now());
}

static QueueAnswer
slot_ask(const PolicyPool *pool, bool resumes)
{
	QueueClaim claim = {.priority = -1, .resumes = resumes};
	QueueAnswer answer;

	FAULT_RAISE("backend.enqueue");
	if (likely(slot_try(pool, resumes)))
	{
		held = true;
		return QUEUE_GRANTED;
	}
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	claim.pool = pool_number(pool);
	answer = queue_acquire(shared_queue(), shared_my_number(), &claim, clock_now());
	held = answer == QUEUE_GRANTED || answer == QUEUE_QUEUED;
	slot_grant_all();
	if (held && slot_is_held())
		answer = QUEUE_GRANTED;
	LWLockRelease(shared->lock);
	return answer;
}

static void
queue_timed_out(const PolicyPool *pool)
{
	ereport(ERROR,
			(errcode(ERRCODE_QUERY_CANCELED), errmsg("call waited too long for a slot in pool \"%s\"", pool->name),
			 errdetail("Its queue timeout is %lld ms.", (long long) pool->queue_timeout_ms),
			 errhint("See pybox.activity for what runs; raise pools.%s.queue.timeout or slots in the policy.",
					 pool->name)));
}

static void
slot_wait(const PolicyPool *pool, bool resumes, void (*check)(void *arg), void *arg)
{
	TimestampTz deadline = TimestampTzPlusMilliseconds(clock_now(), pool->queue_timeout_ms);

	while (!slot_is_held())
	{
		long timeout = resumes ? 1000 : TimestampDifferenceMilliseconds(clock_now(), deadline);

		if (timeout <= 0)
			queue_timed_out(pool);
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, timeout,
						 wait_event_info(WAIT_NAME_SLOT));
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		check(arg);
	}
}

void
slot_take(const PolicyPool *pool, bool resumes, ActivityEntry *entry, void (*check)(void *arg), void *arg)
{
	QueueAnswer answer = slot_ask(pool, resumes);

	if (likely(answer == QUEUE_GRANTED))
		return;
	if (answer == QUEUE_FULL)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED), errmsg("queue of pool \"%s\" is full", pool->name),
				 errdetail("%d calls wait already, its limit.", pool->queue_length),
				 errhint("Try again later, or raise pools.%s.queue.length in the policy.", pool->name)));
	activity_state_set(entry, ACTIVITY_QUEUED);
	slot_wait(pool, resumes, check, arg);
}

void
slot_give_back(void)
{
	if (!held)
		return;
	(void) FAULT_POINT("backend.slot_release");
	if (unlikely(queue_give_back(shared_queue(), shared_my_number(), clock_now())))
	{
		LWLockAcquire(shared->lock, LW_EXCLUSIVE);
		queue_release(shared_queue(), shared_my_number(), clock_now());
		slot_grant_all();
		LWLockRelease(shared->lock);
	}
	held = false;
}

bool
slot_is_held(void)
{
	return queue_state(shared_queue(), shared_my_number()) == QUEUE_HOLDING;
}

int
slot_count_held(void)
{
	return shared_queue()->holding;
}
