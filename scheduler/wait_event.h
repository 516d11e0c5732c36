/*
 * wait_event.h - the names under which pg_stat_activity shows what a call waits for.
 */
#ifndef PYBOX_WAIT_EVENT_H
#define PYBOX_WAIT_EVENT_H

#include "postgres.h"

typedef enum WaitName
{
	WAIT_NAME_SLOT,		   /* PyboxSlot: in the queue */
	WAIT_NAME_PAUSED,	   /* PyboxPaused: a call that is under way stands still, until it has a slot again */
	WAIT_NAME_MEMORY,	   /* PyboxMemory: in the queue, for room in a budget of memory */
	WAIT_NAME_INTERPRETER, /* PyboxInterpreter: for an interpreter to start or to tell how it died */
	WAIT_NAME_PYTHON,	   /* PyboxPython: for the function's answer */
	WAIT_NAME_SCHEDULER,   /* PyboxScheduler: the scheduler has nothing to do */
	WAIT_NAME_COUNT
} WaitName;

/* In the postmaster, while shared memory is requested. */
void wait_event_request(void);
/* The number to hand to WaitLatch and its kind. */
uint32 wait_event_info(WaitName event);

#endif
