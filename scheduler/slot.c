/*
 * slot.c - the backend's half of the queue: asks, waits on its latch, gives way, wakes the next. Runs in backends; what needs the
 * lock held, in the scheduler too.
 */
#include "scheduler/slot.h"

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "scheduler/clock.h"
#include "scheduler/fault_raise.h"
#include "scheduler/policy_store.h"
#include "scheduler/shared.h"
#include "scheduler/slot_error.h"

#if PG_VERSION_NUM >= 170000
#define PROC_OF(number) GetPGProcByNumber(number)
#else
#define PROC_OF(number) (&ProcGlobal->allProcs[number])
#endif

#define LOOK_MS 1000 /* a wait is woken by its latch; once in a while it looks by itself */
#define GRACE_MS 1	 /* a few times what it takes to pause a call and have it go on */

static bool registered = false;
static bool engaged = false; /* this backend holds a slot or waits for one */
static int64 waited_us = 0;
static TimestampTz waits_since = 0; /* 0: it does not */
static bool coming = false; /* somebody was asked to give way as this backend got in line, and it has not slept since */
static TimeoutId grace_timeout;

/* In a signal handler. */
static void
grace_over(void)
{
	shared_wake_scheduler();
}

static void
slot_exit(int code, Datum arg)
{
	slot_give_back();
	slot_unreserve(0);
}

void
slot_register(void)
{
	if (registered)
		return;
	before_shmem_exit(slot_exit, (Datum) 0);
	grace_timeout = RegisterTimeout(USER_TIMEOUT, grace_over);
	registered = true;
}

static void
slot_wake(int32_t who)
{
	if (who != shared_my_number())
		SetLatch(&PROC_OF(who)->procLatch);
}

void
slot_grant_all(void)
{
	int32_t who;

	while ((who = queue_grant(shared_queue(), clock_now())) != QUEUE_NOBODY)
		slot_wake(who);
}

TimestampTz
slot_ask_all(TimestampTz now, bool *asked)
{
	int64_t due = 0;
	int32_t who;

	while ((who = queue_ask(shared_queue(), now, &due)) != QUEUE_NOBODY)
	{
		slot_wake(who);
		*asked = true;
	}
	return due;
}

void
slot_wake_all(void)
{
	const Queue *queue = shared_queue();

	for (int who = 0; who < shared_backends(); who++)
		if (queue_state(queue, who) == QUEUE_WAITING)
			slot_wake(who);
}

/* The scheduler is to look at the queue by then, and now and then while anybody waits. Caller holds the lock. */
static void
scheduler_look_by(TimestampTz due, TimestampTz now)
{
	if (shared_queue()->waiting > 0)
		due = due == 0 ? now + SLOT_TICK_US : Min(due, now + SLOT_TICK_US);
	if (due == 0 || (shared->tick_at != 0 && shared->tick_at <= due))
		return;
	shared->tick_at = due;
	shared_wake_scheduler();
}

bool
slot_settle(TimestampTz now)
{
	bool asked = false;

	slot_grant_all();
	scheduler_look_by(slot_ask_all(now, &asked), now);
	return asked;
}

bool
slot_is_held(void)
{
	return queue_state(shared_queue(), shared_my_number()) == QUEUE_HOLDING;
}

bool
slot_is_coming(void)
{
	return coming;
}

bool
slot_is_asked(void)
{
	return queue_is_asked(shared_queue(), shared_my_number());
}

int
slot_count_held(void)
{
	return shared_queue()->holding;
}

/* One that waits, and what it goes by. */
typedef struct SlotWait
{
	const SlotClient *client;
	void *call;
	ActivityEntry *entry;
	SlotClaim claim;
	uint64 turn;
	int64 reserved; /* bytes that the backend had reserved before */
	bool paused;	/* in mid-call */
	TimestampTz since;
	TimestampTz held_since; /* 0: is not held up by anybody */
	int64 held_us;			/* was before, which is not the queue's fault */
} SlotWait;

static void
claim_make(SlotWait *wait, TimestampTz now)
{
	wait->claim.now = now;
	wait->turn = wait->client->turn(wait->call); /* what changes while it is made is seen afterwards */
	wait->client->claim(wait->call, &wait->claim);
	if (wait->since != 0 && !wait->claim.begun)
		wait->claim.queue.since = wait->since;
}

/* False: the claim is no longer what it should be. */
static bool
claim_enter(SlotWait *wait, QueueAnswer *answer)
{
	TimestampTz now = clock_now();
	bool current;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	current = wait->claim.queue.version == policy_store_generation();
	if (current)
	{
		*answer = queue_acquire(shared_queue(), shared_my_number(), &wait->claim.queue, now);
		engaged = *answer == QUEUE_GRANTED || *answer == QUEUE_QUEUED;
		coming = slot_settle(now);
	}
	LWLockRelease(shared->lock);
	return current;
}

/* Gets in line, or the slot at once; raises what refuses it. */
static void
slot_enter(SlotWait *wait)
{
	QueueAnswer answer;

	FAULT_RAISE("backend.enqueue");
	while (!claim_enter(wait, &answer))
		claim_make(wait, clock_now());
	if (!engaged)
		slot_refused(&wait->claim, answer);
}

static void
slot_leave(void)
{
	if (!engaged)
		return;
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	queue_release(shared_queue(), shared_my_number(), clock_now());
	slot_settle(clock_now());
	LWLockRelease(shared->lock);
	engaged = false;
}

void
slot_move(const SlotClaim *claim)
{
	TimestampTz now = clock_now();

	if (!engaged)
		return;
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	if (claim->queue.version == policy_store_generation()) /* else it is about to be made anew */
		queue_move(shared_queue(), shared_my_number(), &claim->queue);
	slot_settle(now);
	LWLockRelease(shared->lock);
}

/* Out of line. One that has yet to begin claims its memory anew with its next slot, and gives back what it may have by now. */
static void
slot_step_out(const SlotWait *wait)
{
	slot_leave();
	if (!wait->claim.begun)
		slot_unreserve(wait->reserved);
}

/* Something that the claim goes by has changed. */
static void
slot_judge(SlotWait *wait)
{
	claim_make(wait, clock_now());
	if (engaged && wait->claim.begun && !wait->claim.held)
	{
		slot_move(&wait->claim);
		return;
	}
	slot_step_out(wait);
	if (!wait->claim.held)
		slot_enter(wait);
}

static void
wait_show(const SlotWait *wait)
{
	ActivityState state = wait->paused || wait->claim.held ? ACTIVITY_PAUSED : ACTIVITY_QUEUED;

	if (wait->entry != NULL && wait->entry->call.state != (int32) state)
		activity_state_set(wait->entry, state);
}

bool
slot_lacks_memory(void)
{
	const Queue *queue = shared_queue();
	int32_t index;
	QueueWhy why;

	if (!engaged || queue->callers[shared_my_number()].pages == 0)
		return false;
	LWLockAcquire(shared->lock, LW_SHARED);
	why = queue_why(queue, shared_my_number(), &index);
	LWLockRelease(shared->lock);
	return why == QUEUE_WHY_NODE_MEMORY || why == QUEUE_WHY_POOL_MEMORY || why == QUEUE_WHY_CAP_MEMORY;
}

/* For how long to sleep; raises when it has waited for too long. */
static long
wait_ms(SlotWait *wait)
{
	TimestampTz now = clock_now();
	long left;

	if (wait->claim.held && wait->held_since == 0)
		wait->held_since = now;
	else if (!wait->claim.held && wait->held_since != 0)
	{
		wait->held_us += now - wait->held_since;
		wait->held_since = 0;
	}
	if (wait->claim.held || wait->claim.goes_on)
		return LOOK_MS;
	left = TimestampDifferenceMilliseconds(
		now, TimestampTzPlusMilliseconds(wait->since + wait->held_us, wait->claim.timeout_ms));
	if (left <= 0)
		slot_timed_out(&wait->claim);
	return Min(left, LOOK_MS);
}

int64
slot_waited_us(void)
{
	return waited_us + (waits_since != 0 ? clock_now() - waits_since : 0);
}

static void
waiting_ended(void)
{
	waited_us = slot_waited_us();
	waits_since = 0;
}

/* What the scheduler should have done long ago it does not do: somebody stopped it, or it is being started anew. */
static void
slot_look_late(void)
{
	TimestampTz now = clock_now(), tick_at;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	tick_at = shared->tick_at;
	if (tick_at != 0 && tick_at + SLOT_TICK_US < now)
		slot_settle(now);
	LWLockRelease(shared->lock);
}

static void
slot_wait(SlotWait *wait)
{
	waits_since = clock_now();
	while (!slot_is_held())
	{
		TimestampTz slept_at = clock_now();

		wait_show(wait);
		wait->client->sleep(wait->call, wait_ms(wait));
		coming = false;
		if (clock_now() - slept_at >= LOOK_MS * 1000)
			slot_look_late();
		wait->client->check(wait->call);
		if (wait->client->turn(wait->call) != wait->turn && !slot_is_held())
			slot_judge(wait);
	}
	waiting_ended();
}

TimestampTz
slot_take(const SlotClient *client, void *call, ActivityEntry *entry)
{
	SlotWait wait = {.client = client, .call = call, .entry = entry, .reserved = slot_reserved()};
	TimestampTz now = clock_now();

	claim_make(&wait, now);
	if (likely(!wait.claim.held && queue_try(shared_queue(), shared_my_number(), &wait.claim.queue, now)))
	{
		engaged = true;
		return now;
	}
	wait.since = now;
	if (!wait.claim.held)
		slot_enter(&wait);
	slot_wait(&wait);
	return clock_now();
}

void
slot_yield(void)
{
	TimestampTz now = clock_now();

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	queue_yield(shared_queue(), shared_my_number(), now);
	slot_settle(now);
	LWLockRelease(shared->lock);
}

void
slot_await(const SlotClient *client, void *call, ActivityEntry *entry)
{
	SlotWait wait = {.client = client, .call = call, .entry = entry, .paused = true, .since = clock_now()};

	claim_make(&wait, wait.since);
	if (wait.claim.held)
		slot_leave();
	else if (slot_is_held())
		return;
	else if (!engaged)
		slot_enter(&wait);
	slot_wait(&wait);
}

/* Gives back the slot, or the place in line. Returns whether somebody waits for what is free now. */
static bool
slot_let_go(TimestampTz now)
{
	bool awaited = false;

	(void) FAULT_POINT("backend.slot_release");
	if (slot_is_held())
		awaited = queue_give_back(shared_queue(), shared_my_number(), now);
	else
		slot_leave();
	engaged = false;
	return awaited;
}

void
slot_give_back(void)
{
	TimestampTz now;

	waiting_ended();
	if (!engaged)
		return;
	now = clock_now();
	if (likely(!slot_let_go(now)))
		return;
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	slot_settle(now);
	LWLockRelease(shared->lock);
}

/*
 * Where all who wait are of less priority, what is free stays so for a moment: the answer goes out before anybody goes on on its core, and
 * the session's next call, should it come at once, need not have one paused again. The scheduler looks when that is over, and is woken then
 * and not before; should the timeout be lost with an error it looks with its next tick. False: somebody waits who goes first.
 */
static bool
slot_grace(int32 priority, TimestampTz now)
{
	TimestampTz until = now + GRACE_MS * 1000;

	if (queue_priority_waiting(shared_queue()) >= priority)
		return false;
	shared->tick_at = shared->tick_at == 0 ? until : Min(shared->tick_at, until);
	return true;
}

void
slot_give_back_at(TimestampTz now)
{
	int32 priority;
	bool grace;

	waiting_ended();
	if (!engaged)
		return;
	priority = queue_priority(shared_queue(), shared_my_number());
	if (likely(!slot_let_go(now)))
		return;
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	grace = slot_grace(priority, now);
	if (!grace)
		slot_settle(now);
	LWLockRelease(shared->lock);
	if (grace)
		enable_timeout_after(grace_timeout, GRACE_MS);
}

int64
slot_reserved(void)
{
	return queue_reserved(shared_queue(), shared_my_number());
}

void
slot_unreserve(int64 keep)
{
	int64 reserved = slot_reserved();

	if (likely(reserved <= keep) || !queue_unreserve(shared_queue(), shared_my_number(), reserved - keep))
		return;
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	slot_settle(clock_now());
	LWLockRelease(shared->lock);
}
