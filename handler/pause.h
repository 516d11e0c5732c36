/*
 * pause.h - a call that is under way gives its slot to a better one, or stands still as long as somebody wishes it to.
 *
 * DESIGN. Whoever wants the slot says so in the queue and wakes this backend, which is awake in one of its waits and looks here.
 * It stops its interpreter, passes the slot on and waits in line like others, so that a cancel, a limit or the end of the session
 * finds it in a wait as ever. Time spent so counts for none of the call's limits, nor its callers'.
 */
#ifndef PYBOX_PAUSE_H
#define PYBOX_PAUSE_H

#include "handler/call.h"

/* Takes a slot for the call; it is shown as queued until it has one. */
TimestampTz pause_slot_take(Call *call);
/* For waits with a slot: what call_check() raises, and gives way where that is due. */
void pause_check(void *call);
/* Calls that stood still go on: what ends a wait early has to say so. Cheap when none did. */
void pause_end(void);
/* Since when all calls of the backend stand still, by clock_now(); 0: they do not. */
TimestampTz pause_since(void);
/* The transaction ended while they stood still. */
void pause_forget(void);

#endif
