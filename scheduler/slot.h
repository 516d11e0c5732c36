/*
 * slot.h - a backend's own slot: the right to run Python now.
 *
 * DESIGN. A backend holds at most one slot, and only while Python runs for it (design invariant 1): slot_give_back()
 * before any SQL, slot_take() again afterwards. A holder that is asked to gives way by slot_yield() and goes on when
 * slot_await() returns. While it waits, whatever claim() goes by may change: turn() tells, and the claim is made anew. Whatever
 * ends a call early ends in slot_give_back(), right in any state.
 */
#ifndef PYBOX_SLOT_H
#define PYBOX_SLOT_H

#include "postgres.h"

#include "policies/policy.h"
#include "scheduler/activity.h"
#include "scheduler/queue.h"

#define SLOT_TICK_US 100000 /* while anybody waits the scheduler looks at the queue so often at least */

/* What a call asks of the queue. */
typedef struct SlotClaim
{
	TimestampTz now;  /* by clock_now(), from who asks for the claim */
	QueueClaim queue; /* version: the policy that it goes by */
	bool held;		  /* it is not to run, nor to wait in the queue, until somebody says otherwise */
	bool begun;		  /* has had a slot */
	bool goes_on;	  /* is part of what has begun: never refused, waits without a bound */
	/* For errors, and for how long another one may wait: */
	const char *pool;
	int64 timeout_ms;
	int length;
	uint64 call_id;
} SlotClaim;

/* Whom the slot is for. */
typedef struct SlotClient
{
	/* Makes the claim by what holds now. Caller holds no lock; may raise. */
	void (*claim)(void *call, SlotClaim *claim);
	/* Another number when the claim may be another. */
	uint64 (*turn)(const void *call);
	/* Sleeps until the latch is set or ms have passed; called once at least when there is a wait. */
	void (*sleep)(void *call, long ms);
	/* Raises what ends the call. */
	void (*check)(void *call);
} SlotClient;

/* Installs the exit callback; once per backend, cheap afterwards. */
void slot_register(void);
/*
 * Waits for a slot. Errors: 53400 queue full, or a call inside another for which there is no memory; 53200 more memory than a
 * whole budget; 57014 queue timeout; and what the client raises. Returns the time, by clock_now(), so that few look at the clock.
 */
TimestampTz slot_take(const SlotClient *client, void *call, ActivityEntry *entry);
/* Whether the slot is wanted for somebody better: cheap. */
bool slot_is_asked(void);
/* Gives way, and stays in the queue for the rest of its time. */
void slot_yield(void);
/* Waits until the slot is back: after slot_yield(), or slot_give_back() of one that is held up by somebody. */
void slot_await(const SlotClient *client, void *call, ActivityEntry *entry);
/* A holder's, or waiter's, pool, priority and caps are others from now on. */
void slot_move(const SlotClaim *claim);
void slot_give_back(void);
/* The same at a time that is known. */
void slot_give_back_at(TimestampTz now);
/* Gives free slots to the best waiters and wakes them. Caller holds shared->lock. */
void slot_grant_all(void);
/* Asks holders to give way to better waiters. Returns when it is to be called again, 0: not before somebody waits;
 * sets *asked if it has asked anybody. Caller holds shared->lock. */
TimestampTz slot_ask_all(TimestampTz now, bool *asked);
/* After the order has changed: both, and the scheduler looks again when that is due. Returns whether anybody was asked. Caller holds shared->lock. */
bool slot_settle(TimestampTz now);
/* All who wait judge anew: something that their claims go by has changed. Caller holds shared->lock. */
void slot_wake_all(void);
/* Time that this backend has waited in the queue since it started, the wait that is under way included. */
int64 slot_waited_us(void);
/* Whether it is memory that this backend waits for, rather than a slot. */
bool slot_lacks_memory(void);
bool slot_is_held(void);
/* Whether somebody has just been asked to give way as this backend got in line. */
bool slot_is_coming(void);
/* How many calls run on this node now; a hint, read without the lock. */
int slot_count_held(void);

/* Memory that this backend's calls have reserved, in bytes; and gives all but that much back. */
int64 slot_reserved(void);
void slot_unreserve(int64 keep);
#endif
