/*
 * claim.h - what a call asks of the queue: pool, priority, caps, memory, and how long it is expected to take.
 *
 * DESIGN. Made whenever a call asks for a slot, and again when something that it goes by changes while it waits: the policy, or a wish.
 * A call that has yet to begin is judged by the policy in force, in all respects. One that has begun keeps its pool's limits and
 * its interpreter; what it counts against is looked up by name, in a policy that may be newer than the one that it runs under.
 */
#ifndef PYBOX_CLAIM_H
#define PYBOX_CLAIM_H

#include "handler/call.h"
#include "scheduler/slot.h"

/* SlotClient's, of a Call. */
void claim_make(void *call, SlotClaim *claim);
uint64 claim_turn(const void *call);
/* That of a call of which nobody wishes anything. */
uint64 claim_turn_of_policy(uint64 generation);

#endif
