/*
 * timer.c - looks at the queue when a quantum is over, when somebody has aged, and every so often while anybody waits. Runs in the
 * scheduler.
 *
 * DESIGN. Whoever gets in line tells by Shared.tick_at when this has to look, and wakes the scheduler only if that is earlier than it
 * would anyway. Where calls wait now and then the ticks go on for a while, so that each of them need not wake it.
 */
#include "scheduler/timer.h"

#include "scheduler/inherit.h"
#include "scheduler/shared.h"
#include "scheduler/slot.h"

#define LINGER_US 1000000 /* ticks go on for so long after the last one that met somebody waiting */

static TimestampTz waited_at = 0;

/* Caller holds the lock. */
static TimestampTz
tick_next(TimestampTz due, TimestampTz now)
{
	if (shared_queue()->waiting > 0)
		waited_at = now;
	if (now - waited_at < LINGER_US)
		return due == 0 ? now + SLOT_TICK_US : Min(due, now + SLOT_TICK_US);
	return due;
}

/* Rounded up: a look that comes too early would be for nothing. */
static long
milliseconds_until(TimestampTz at, TimestampTz now)
{
	if (at == 0)
		return -1;
	return at <= now ? 0 : (long) ((at - now + 999) / 1000);
}

long
timer_tick(TimestampTz now)
{
	TimestampTz next;
	bool asked;

	inherit_tick(now);
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	if (shared->tick_at != 0 && shared->tick_at <= now)
	{
		slot_grant_all();
		shared->tick_at = tick_next(slot_ask_all(now, &asked), now);
	}
	next = shared->tick_at;
	LWLockRelease(shared->lock);
	return milliseconds_until(next, now);
}
