/*
 * simulate_event.c - a binary heap of events; see simulate_event.h.
 */
#include "policies/simulate_event.h"

#include <stdlib.h>

static bool
event_precedes(const SimulateEvent *a, const SimulateEvent *b)
{
	return a->at_us != b->at_us ? a->at_us < b->at_us : a->number < b->number;
}

int
event_push(EventHeap *heap, SimulateEvent event)
{
	uint32_t at = heap->count;

	if (heap->count == heap->room)
	{
		uint32_t room = heap->room == 0 ? 1024 : 2 * heap->room;
		SimulateEvent *grown = realloc(heap->events, room * sizeof(event));

		if (grown == NULL)
			return -1;
		heap->events = grown;
		heap->room = room;
	}
	event.number = heap->number++;
	heap->count++;
	for (; at > 0 && event_precedes(&event, &heap->events[(at - 1) / 2]); at = (at - 1) / 2)
		heap->events[at] = heap->events[(at - 1) / 2];
	heap->events[at] = event;
	return 0;
}

bool
event_pop(EventHeap *heap, SimulateEvent *event)
{
	SimulateEvent last;
	uint32_t at = 0, child;

	if (heap->count == 0)
		return false;
	*event = heap->events[0];
	last = heap->events[--heap->count];
	while ((child = 2 * at + 1) < heap->count)
	{
		if (child + 1 < heap->count && event_precedes(&heap->events[child + 1], &heap->events[child]))
			child++;
		if (!event_precedes(&heap->events[child], &last))
			break;
		heap->events[at] = heap->events[child];
		at = child;
	}
	heap->events[at] = last;
	return true;
}
