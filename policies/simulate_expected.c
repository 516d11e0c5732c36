/*
 * simulate_expected.c - the best that can be done without knowing how long a call will take, to compare a policy with. See simulate.h.
 *
 * DESIGN. It is known how the calls of each function in this trace are distributed, by buckets, but no call's own size. Those run
 * whose Gittins index is best, at any time and without cost; see scheduler/history_rank.c for what that is. On one slot
 * nothing has a lower mean slowdown (but what the buckets blur); on several nothing much better is known. A call's index changes
 * as it runs, and stays while it waits: what waits is a heap.
 */
#include <math.h>

#include "policies/policy_text.h"
#include "policies/simulate_ideal.h"

#define PARTS 8				 /* buckets of an octave */
#define BUCKETS (PARTS * 42) /* from 1 us to more than a call may take */
#define NEAR 0.001			 /* us: what is as good as there */

typedef struct Distribution
{
	double ranks[BUCKETS]; /* of a call that begins the bucket */
} Distribution;

typedef struct Running
{
	double had;
	uint32_t call;
	int bucket; /* that what it has had falls in */
} Running;

typedef struct Expected
{
	const Trace *trace;
	Distribution *functions;
	uint32_t *numbers; /* of functions, by class */
	double *had;	   /* by call, when it waits */
	Running *running;
	RankedHeap waiting;
	uint32_t running_count;
	double now, bounds[BUCKETS]; /* bounds: where buckets end */
} Expected;

static const double *
call_ranks(const Expected *expected, uint32_t call)
{
	return expected->functions[expected->numbers[expected->trace->calls[call].class]].ranks;
}

static int
bucket_of(const Expected *expected, double us)
{
	int bucket = us <= 1 ? 0 : (int) (log2(us) * PARTS);

	while (bucket < BUCKETS - 1 && expected->bounds[bucket] <= us + NEAR)
		bucket++;
	return bucket;
}

/* Turns counts of calls into ranks: from the last bucket to the first, each takes in those behind it that are worth more. */
static void
distribution_rank(const Expected *expected, Distribution *function)
{
	double worth[BUCKETS], cost[BUCKETS], alive = 0;
	int count = 0;

	for (int i = BUCKETS - 1; i >= 0; i--)
	{
		double ends = function->ranks[i], low = i == 0 ? 0 : expected->bounds[i - 1], width = expected->bounds[i] - low;
		double more = ends / (low + width / 2), time = (alive + ends / 2) * width;

		alive += ends;
		while (count > 0 && more * cost[count - 1] <= worth[count - 1] * time)
		{
			count--;
			more += worth[count];
			time += cost[count];
		}
		worth[count] = more;
		cost[count++] = time;
		function->ranks[i] = more > 0 ? sqrt(time / more) : expected->bounds[i];
	}
}

static void
distributions_make(Expected *expected, uint32_t functions)
{
	const Trace *trace = expected->trace;

	for (int i = 0; i < BUCKETS; i++)
		expected->bounds[i] = exp2((double) (i + 1) / PARTS);
	for (uint32_t i = 0; i < trace->call_count; i++)
		expected->functions[expected->numbers[trace->calls[i].class]]
			.ranks[bucket_of(expected, (double) trace->calls[i].run_us - 2 * NEAR)]++;
	for (uint32_t i = 0; i < functions; i++)
		distribution_rank(expected, &expected->functions[i]);
}

static void
call_wait(Expected *expected, uint32_t call, double had)
{
	expected->had[call] = had;
	heap_push(&expected->waiting, (Ranked){call_ranks(expected, call)[bucket_of(expected, had)], call});
}

static void
call_run(Expected *expected, Running *running)
{
	uint32_t call = heap_pop(&expected->waiting).call;
	double had = expected->had[call];

	*running = (Running){had, call, bucket_of(expected, had)};
}

/* Those that wait go before those that run and are less urgent by now. */
static void
slots_fill(Expected *expected, uint32_t slots)
{
	while (expected->waiting.count > 0 && expected->running_count < slots)
		call_run(expected, &expected->running[expected->running_count++]);
	while (expected->waiting.count > 0)
	{
		Running *worst = &expected->running[0], out;
		double worst_rank = -1;

		for (uint32_t i = 0; i < expected->running_count; i++)
		{
			double rank = call_ranks(expected, expected->running[i].call)[expected->running[i].bucket];

			if (rank > worst_rank)
			{
				worst = &expected->running[i];
				worst_rank = rank;
			}
		}
		if (expected->waiting.list[0].key >= worst_rank)
			return;
		out = *worst;
		call_run(expected, worst);
		call_wait(expected, out.call, out.had);
	}
}

/* How long nothing happens but that calls run: until one ends, or is less urgent than one that waits. */
static double
time_quiet(const Expected *expected, double most)
{
	for (uint32_t i = 0; i < expected->running_count; i++)
	{
		const Running *running = &expected->running[i];
		const double *ranks = call_ranks(expected, running->call);
		double left = (double) expected->trace->calls[running->call].run_us - running->had;

		most = fmin(most, left);
		for (int bucket = running->bucket; expected->waiting.count > 0 && bucket < BUCKETS - 1; bucket++)
		{
			left = expected->bounds[bucket] - running->had;
			if (left >= most)
				break;
			if (ranks[bucket + 1] > expected->waiting.list[0].key)
				most = left;
		}
	}
	return fmax(most, NEAR);
}

static void
time_pass(Expected *expected, double us, SimulateRun *run)
{
	expected->now += us;
	for (uint32_t i = expected->running_count; i-- > 0;)
	{
		Running *running = &expected->running[i];

		running->had += us;
		running->bucket = bucket_of(expected, running->had);
		if (running->had < (double) expected->trace->calls[running->call].run_us - NEAR)
			continue;
		ideal_end(run, expected->trace, running->call, expected->now);
		*running = expected->running[--expected->running_count];
	}
}

static void
expected_loop(Expected *expected, SimulateRun *run)
{
	const Trace *trace = expected->trace;
	uint32_t next = 0;

	while (next < trace->call_count || expected->running_count > 0)
	{
		double idle = next < trace->call_count ? (double) trace->calls[next].at_us - expected->now : INFINITY;

		if (idle <= NEAR)
			call_wait(expected, next++, 0);
		else
			time_pass(expected, expected->running_count > 0 ? time_quiet(expected, idle) : idle, run);
		slots_fill(expected, (uint32_t) run->slots);
	}
}

int
simulate_expected(const Trace *trace, int32_t slots, SimulateRun *run, PolicyError *error)
{
	Expected expected = {.trace = trace};
	uint32_t functions;
	int result = -1;

	expected.numbers = calloc((size_t) trace->class_count + 1, sizeof(uint32_t));
	if (ideal_begin(trace, slots, run) == 0 && expected.numbers != NULL &&
		simulate_functions_number(trace, expected.numbers, &functions) == 0 &&
		heap_make(&expected.waiting, trace->call_count, 1) == 0 &&
		(expected.functions = calloc((size_t) functions + 1, sizeof(Distribution))) != NULL &&
		(expected.had = calloc((size_t) trace->call_count + 1, sizeof(double))) != NULL &&
		(expected.running = calloc((size_t) slots + 1, sizeof(Running))) != NULL)
	{
		expected.now = (double) run->begin_us;
		distributions_make(&expected, functions);
		expected_loop(&expected, run);
		result = 0;
	}
	free(expected.numbers);
	free(expected.functions);
	free(expected.waiting.list);
	free(expected.had);
	free(expected.running);
	return result == 0 ? 0 : policy_error_set(error, 0, 0, "out of memory");
}
