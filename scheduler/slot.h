/*
 * slot.h - a backend's own slot: the right to run Python now.
 *
 * DESIGN. A backend holds at most one slot, and only while Python runs for it (design invariant 1): slot_give_back()
 * before any SQL, slot_take() again afterwards. Whatever ends a call early ends in slot_give_back(), right in any state.
 */
#ifndef PYBOX_SLOT_H
#define PYBOX_SLOT_H

#include "postgres.h"

#include "policies/policy.h"
#include "scheduler/activity.h"

/* Installs the exit callback; once per backend, cheap afterwards. */
void slot_register(void);
/*
 * Waits for a slot. resumes: goes on after SQL, so it is never refused and has no timeout. Errors: 53400 queue full,
 * 57014 queue timeout or what check(arg), called at each wake-up, raises.
 */
void slot_take(const PolicyPool *pool, bool resumes, ActivityEntry *entry, void (*check)(void *arg), void *arg);
void slot_give_back(void);
/* Gives free slots to the best waiters and wakes them. Caller holds shared->lock. */
void slot_grant_all(void);
/* Time that this backend has waited in the queue since it started, the wait that is under way included. */
int64 slot_waited_us(void);
bool slot_is_held(void);
/* How many calls run on this node now; a hint, read without the lock. */
int slot_count_held(void);

#endif
