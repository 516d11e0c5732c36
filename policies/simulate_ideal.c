/*
 * simulate_ideal.c - processor sharing and the oracle, to compare a policy with. See simulate.h.
 *
 * DESIGN. Both keep the calls there are in heaps. With sharing all calls go at the same rate at any time, so that each ends
 * when the service given to every call since the beginning reaches a value that is known when it comes. The oracle runs those
 * with the least left, as many as there are slots; what runs and what waits are two heaps, and a call that comes takes the
 * slot of the one with the most left if it has less.
 */
#include <stdlib.h>

#include "policies/policy_text.h"
#include "policies/simulate_ideal.h"

int
simulate_sharing(const Trace *trace, int32_t slots, SimulateRun *run, PolicyError *error)
{
	RankedHeap heap;
	double now = 0, service = 0;
	uint32_t next = 0;

	if (ideal_begin(trace, slots, run) < 0 || heap_make(&heap, trace->call_count, 1) < 0)
		return policy_error_set(error, 0, 0, "out of memory");
	now = (double) run->begin_us;
	while (next < trace->call_count || heap.count > 0)
	{
		double rate = heap.count <= (uint32_t) slots ? 1.0 : (double) slots / heap.count;
		double ends = heap.count > 0 ? now + (heap.list[0].key - service) / rate : 0;

		if (next < trace->call_count && (heap.count == 0 || (double) trace->calls[next].at_us < ends))
		{
			service += heap.count > 0 ? ((double) trace->calls[next].at_us - now) * rate : 0;
			now = (double) trace->calls[next].at_us;
			heap_push(&heap, (Ranked){service + (double) trace->calls[next].run_us, next});
			next++;
			continue;
		}
		service = heap.list[0].key;
		now = ends;
		ideal_end(run, trace, heap_pop(&heap).call, now);
	}
	free(heap.list);
	return 0;
}

/* What runs is kept by when it would end, least first and greatest first: two heaps over the same calls. */
typedef struct Oracle
{
	RankedHeap ending, longest; /* of those that run, by end */
	RankedHeap waiting;			/* by what is left */
	double *ends;				/* by call: when it ends; negative: does not run */
	uint32_t running;
} Oracle;

static void
oracle_run(Oracle *oracle, Ranked call, double now)
{
	oracle->ends[call.call] = now + call.key;
	heap_push(&oracle->ending, (Ranked){now + call.key, call.call});
	heap_push(&oracle->longest, (Ranked){now + call.key, call.call});
	oracle->running++;
}

/* Takes entries off the top that stand for runs which are over or were cut short. */
static void
oracle_clean(const Oracle *oracle, RankedHeap *heap)
{
	while (heap->count > 0 && oracle->ends[heap->list[0].call] != heap->list[0].key)
		(void) heap_pop(heap);
}

static void
oracle_arrive(Oracle *oracle, uint32_t call, double size, double now, uint32_t slots)
{
	Ranked longest;

	if (oracle->running < slots)
	{
		oracle_run(oracle, (Ranked){size, call}, now);
		return;
	}
	oracle_clean(oracle, &oracle->longest);
	longest = oracle->longest.list[0];
	if (longest.key - now <= size)
	{
		heap_push(&oracle->waiting, (Ranked){size, call});
		return;
	}
	oracle->ends[longest.call] = -1;
	oracle->running--;
	heap_push(&oracle->waiting, (Ranked){longest.key - now, longest.call});
	oracle_run(oracle, (Ranked){size, call}, now);
}

static void
oracle_loop(Oracle *oracle, const Trace *trace, SimulateRun *run)
{
	uint32_t next = 0;

	for (;;)
	{
		oracle_clean(oracle, &oracle->ending);
		if (next < trace->call_count &&
			(oracle->ending.count == 0 || (double) trace->calls[next].at_us < oracle->ending.list[0].key))
		{
			const TraceCall *call = &trace->calls[next];

			oracle_arrive(oracle, next++, (double) call->run_us, (double) call->at_us, (uint32_t) run->slots);
			continue;
		}
		if (oracle->ending.count == 0)
			return;
		Ranked done = heap_pop(&oracle->ending);

		oracle->ends[done.call] = -1;
		oracle->running--;
		ideal_end(run, trace, done.call, done.key);
		if (oracle->waiting.count > 0)
			oracle_run(oracle, heap_pop(&oracle->waiting), done.key);
	}
}

/* A call runs anew at most once for each that comes: so the heaps hold at most two entries for each. */
int
simulate_oracle(const Trace *trace, int32_t slots, SimulateRun *run, PolicyError *error)
{
	Oracle oracle = {0};
	uint32_t room = 2 * trace->call_count;
	int result = -1;

	if (ideal_begin(trace, slots, run) == 0 && heap_make(&oracle.ending, room, 1) == 0 &&
		heap_make(&oracle.longest, room, -1) == 0 && heap_make(&oracle.waiting, trace->call_count, 1) == 0 &&
		(oracle.ends = calloc((size_t) trace->call_count + 1, sizeof(double))) != NULL)
	{
		oracle_loop(&oracle, trace, run);
		result = 0;
	}
	free(oracle.ending.list);
	free(oracle.longest.list);
	free(oracle.waiting.list);
	free(oracle.ends);
	return result == 0 ? 0 : policy_error_set(error, 0, 0, "out of memory");
}
