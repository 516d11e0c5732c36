/*
 * pause.c - gives way in mid-call, and waits for the slot. Runs in backends.
 */
#include "handler/pause.h"

#include "miscadmin.h"
#include "storage/latch.h"

#include "handler/claim.h"
#include "handler/launcher.h"
#include "scheduler/clock.h"
#include "scheduler/fault_raise.h"
#include "scheduler/slot.h"
#include "scheduler/wait_event.h"

static TimestampTz still_since = 0;

TimestampTz
pause_since(void)
{
	return still_since;
}

void
pause_forget(void)
{
	still_since = 0;
}

/* What is due at a time is due as much later for each of the backend's calls. */
void
pause_end(void)
{
	int64 passed = still_since == 0 ? 0 : clock_now() - still_since;

	if (likely(still_since == 0))
		return;
	still_since = 0;
	for (Call *call = current_call; call != NULL; call = call->outer)
	{
		if (call->started_at == 0)
			continue;
		call->started_at += passed;
		call->deadline += passed;
		activity_put_off(call->entry, passed);
	}
}

/* As its state says: one that is held up is paused wherever that has met it. */
static WaitName
wait_name(const Call *call)
{
	if ((call->entry != NULL && call->entry->call.state == ACTIVITY_PAUSED) || (call->asked && !call->waiting))
		return WAIT_NAME_PAUSED;
	return slot_lacks_memory() ? WAIT_NAME_MEMORY : WAIT_NAME_SLOT;
}

/* Those that keep limits from outside, as of callers that are in SQL, are to know. */
static void
pause_begin(void)
{
	if (still_since != 0)
		return;
	still_since = clock_now();
	for (Call *call = current_call; call != NULL; call = call->outer)
		activity_still_set(call->entry, still_since);
}

static bool
slot_has_come(const void *arg)
{
	return slot_is_held();
}

/*
 * Whoever was asked to give way does so at once where it has a core. Asleep, the slot would be waited for on a core that some call
 * computes on by then, until the kernel's next tick.
 */
static void
pause_sleep(void *arg, long ms)
{
	Call *call = arg;
	WaitName waits_for = wait_name(call);

	pause_begin();
	if (slot_is_coming() && channel_spin(slot_has_come, NULL, channel_spin_us))
	{
		ResetLatch(MyLatch);
		return;
	}
	if (call->lease != NULL)
	{
		channel_sleep(&call->lease->channel, ms, waits_for);
		return;
	}
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, ms, wait_event_info(waits_for));
	ResetLatch(MyLatch);
}

/* Its interpreter may be gone. One that was frozen when its launcher was lost takes until the next one thaws it to die. */
static void
death_check(Call *call)
{
	bool orphaned;

	if (call->lease == NULL)
		return;
	orphaned = call->lease->generation != launcher_generation();
	if (likely(!call->lease->channel.dead && !orphaned))
		return;
	slot_give_back();
	if (!orphaned && !lease_is_ending(call->lease))
		call_violation(call, "it closed its socket and lives on");
	lease_death_report(call->lease, call->id, call->pool);
}

static void
pause_wait_check(void *arg)
{
	call_check(arg);
	death_check(arg);
}

static const SlotClient pause_client = {
	.claim = claim_make, .turn = claim_turn, .sleep = pause_sleep, .check = pause_wait_check};

TimestampTz
pause_slot_take(Call *call)
{
	TimestampTz taken_at = slot_take(&pause_client, call, call->entry);

	pause_end();
	return taken_at;
}

/* Stops it until it has a slot again, whoever it has to give this one to. Says so first: what runs does not wait. */
static void
pause_stop(Call *call)
{
	if (call->lease != NULL)
		lease_pause(call->lease);
	call->sharing = false;
	activity_state_set(call->entry, ACTIVITY_PAUSED);
	measure_turn(call, MEASURE_PAUSED);
	FAULT_RAISE("backend.pause");
	if (slot_is_asked())
		slot_yield();
	slot_await(&pause_client, call, call->entry);
	FAULT_RAISE("backend.resume");
	pause_end();
	measure_turn(call, MEASURE_RUN);
	activity_state_set(call->entry, call->lease != NULL ? ACTIVITY_RUNNING : ACTIVITY_STARTING);
	if (call->lease == NULL)
		return;
	lease_weigh(call->lease, call->weight);
	lease_run(call->lease, call->deadline);
	call->lease->channel.deadline = call_look_at(call);
}

/* Runs on with what the others leave, in line for the slot that it had. */
static void
pause_share(Call *call)
{
	slot_yield();
	if (slot_is_held())
		return;
	lease_weigh(call->lease, LEASE_WEIGHT_LEAST);
	call->sharing = true;
}

/* Somebody wishes something of it, or the policy has changed. Returns whether it is to stand still. */
static bool
pause_judge(Call *call)
{
	SlotClaim claim = {.now = clock_now()};

	claim_make(call, &claim);
	if (claim.held)
		return true;
	slot_move(&claim);
	if (call->lease != NULL && !call->sharing)
		lease_weigh(call->lease, call->weight);
	return call->sharing && !call->shares; /* now of a pool whose calls do not run without a slot */
}

void
pause_check(void *arg)
{
	Call *call = arg;

	call_check(call);
	if (unlikely(claim_turn(call) != call->turn) && pause_judge(call))
	{
		pause_stop(call);
		return;
	}
	if (unlikely(call->sharing && slot_is_held()))
	{
		call->sharing = false;
		lease_weigh(call->lease, call->weight);
	}
	if (unlikely(call->sharing))
		lease_weigh(call->lease, LEASE_WEIGHT_LEAST); /* unless the launcher has been told */
	if (likely(!slot_is_asked()) || call->sharing)
		return;
	if (call->shares && call->lease != NULL)
		pause_share(call);
	else
		pause_stop(call);
}
