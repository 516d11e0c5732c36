/*
 * simulate_ideal.h - what the ideals that a policy is compared with share: heaps of calls, and their outcomes. For
 * simulate_ideal.c and simulate_expected.c.
 */
#ifndef PYBOX_SIMULATE_IDEAL_H
#define PYBOX_SIMULATE_IDEAL_H

#include <stdlib.h>

#include "policies/simulate.h"

/* A call and what it is ordered by. */
typedef struct Ranked
{
	double key;
	uint32_t call;
} Ranked;

typedef struct RankedHeap
{
	Ranked *list;
	uint32_t count;
	double sign; /* 1: the least first, -1: the greatest */
} RankedHeap;

static inline bool
ranked_precedes(const RankedHeap *heap, Ranked a, Ranked b)
{
	double difference = (a.key - b.key) * heap->sign;

	return difference != 0 ? difference < 0 : (a.call < b.call) == (heap->sign > 0);
}

static inline void
heap_push(RankedHeap *heap, Ranked ranked)
{
	uint32_t at = heap->count++;

	for (; at > 0 && ranked_precedes(heap, ranked, heap->list[(at - 1) / 2]); at = (at - 1) / 2)
		heap->list[at] = heap->list[(at - 1) / 2];
	heap->list[at] = ranked;
}

static inline Ranked
heap_pop(RankedHeap *heap)
{
	Ranked first = heap->list[0], last = heap->list[--heap->count];
	uint32_t at = 0, child;

	while ((child = 2 * at + 1) < heap->count)
	{
		if (child + 1 < heap->count && ranked_precedes(heap, heap->list[child + 1], heap->list[child]))
			child++;
		if (!ranked_precedes(heap, heap->list[child], last))
			break;
		heap->list[at] = heap->list[child];
		at = child;
	}
	heap->list[at] = last;
	return first;
}

static inline int
heap_make(RankedHeap *heap, uint32_t room, double sign)
{
	*heap = (RankedHeap){.list = malloc(((size_t) room + 1) * sizeof(Ranked)), .sign = sign};
	return heap->list == NULL ? -1 : 0;
}

static inline int
ideal_begin(const Trace *trace, int32_t slots, SimulateRun *run)
{
	*run = (SimulateRun){.count = trace->call_count, .slots = slots};
	run->outcomes = calloc((size_t) trace->call_count + 1, sizeof(SimulateOutcome));
	if (run->outcomes != NULL && run->count > 0)
		run->begin_us = trace->calls[0].at_us;
	return run->outcomes == NULL ? -1 : 0;
}

static inline void
ideal_end(SimulateRun *run, const Trace *trace, uint32_t call, double now)
{
	run->outcomes[call].end_us = (int64_t) (now + 0.5) - trace->calls[call].at_us;
	run->end_us = (int64_t) (now + 0.5);
	run->events++;
}

#endif
