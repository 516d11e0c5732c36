/*
 * simulate_event.h - what is to happen, by time; of the same time, what was scheduled first. For simulate*.c.
 */
#ifndef PYBOX_SIMULATE_EVENT_H
#define PYBOX_SIMULATE_EVENT_H

#include <stdbool.h>
#include <stdint.h>

typedef enum EventKind
{
	EVENT_RUN_END, /* the call's next query, or its end */
	EVENT_STOPPED, /* a call that was asked for its slot */
	EVENT_SQL_END,
	EVENT_TIMEOUT, /* of the wait for the first slot */
	EVENT_TIMER,   /* queue_ask wants to be called */
	EVENT_RELOAD,
	EVENT_KIND_COUNT
} EventKind;

typedef struct SimulateEvent
{
	int64_t at_us;
	uint64_t number;
	int32_t who;
	uint32_t turn; /* of who when it was scheduled: another one has made it void */
	EventKind kind;
} SimulateEvent;

typedef struct EventHeap
{
	SimulateEvent *events;
	uint32_t count, room;
	uint64_t number;
} EventHeap;

/* 0, or -1 when there is no memory. */
int event_push(EventHeap *heap, SimulateEvent event);
/* False when there is none. */
bool event_pop(EventHeap *heap, SimulateEvent *event);

#endif
