/*
 * history_rank.c - how urgent a function's calls are, by how long those before them took. Pure; see history.h and rank.h.
 *
 * DESIGN. Of all orders that know how sizes are distributed but no call's own, that of the Gittins index has the least mean
 * slowdown on one slot (Scully and Harchol-Balter, "The Gittins policy in the M/G/1 queue", 2021). A call that ends after x us
 * is worth 1/x; the index of one that has had a us is the most that it is worth, in expectation, for each us of slot time that it
 * gets from here to some later moment. The rank is the root of one over the index, which is a time: of a call whose size is
 * known the root of size times what is left; of calls whose sizes are Pareto distributed with alpha 1 the time they have had.
 *
 * The latter is what is taken for granted, with the weight of a quarter of a call, from the shortest on that was seen. So the time
 * beyond what history knows, and a function with few calls, rank much as if nothing were known.
 */
#include "scheduler/history.h"

#include <math.h>
#include <stdbool.h>

#define PRIOR_HAZARD 0.15910358474628547 /* of Pareto with alpha 1 in a quarter octave: 1 - 2^-0.25 */
#define PRIOR_WEIGHT (HISTORY_RUN_UNIT / 4.0)
#define STEP_BUCKETS (HISTORY_RUN_PARTS / 2)

/* Of some buckets in a row: what the calls are worth that end in them, and the time that all spend in them. */
typedef struct Stretch
{
	double worth, cost;
} Stretch;

static void
stretches_weigh(const History *history, Stretch *stretches)
{
	double left = history->ran, alive = 1.0, low = 0;
	bool began = false;

	for (int i = 0; i < HISTORY_RUNS; i++)
	{
		double high = history_run_bound(i), ends;

		began = began || history->runs[i] > 0;
		ends = alive * (history->runs[i] + (began ? PRIOR_WEIGHT * PRIOR_HAZARD : 0)) / (left + PRIOR_WEIGHT);
		stretches[i] = (Stretch){ends / sqrt((low > 0 ? low : 1) * high), (alive - ends / 2) * (high - low)};
		alive -= ends;
		left -= history->runs[i];
		low = high;
	}
}

/* By bucket, the rank of a call that begins it. From the last to the first: each takes in those behind it that are worth more. */
static void
ranks_find(const History *history, double *ranks)
{
	Stretch buckets[HISTORY_RUNS], stack[HISTORY_RUNS];
	int count = 0;

	stretches_weigh(history, buckets);
	for (int i = HISTORY_RUNS - 1; i >= 0; i--)
	{
		Stretch from = buckets[i];

		while (count > 0 && from.worth * stack[count - 1].cost <= stack[count - 1].worth * from.cost)
		{
			count--;
			from.worth += stack[count].worth;
			from.cost += stack[count].cost;
		}
		stack[count++] = from;
		ranks[i] = sqrt(from.cost / from.worth);
	}
}

static uint8_t
rank_code(double us)
{
	double parts = us <= 1 ? 0 : RANK_PARTS * log2(us) + 0.5;

	return parts >= RANK_CODE_MAX - 1 ? RANK_CODE_MAX : (uint8_t) (1 + (int) parts);
}

void
history_rank(const History *history, RankTable *table)
{
	double ranks[HISTORY_RUNS];
	int bucket = HISTORY_RUN_PARTS * (RANK_STEP_LEAST - HISTORY_RUN_LEAST) + 1; /* that the second step begins with */

	*table = (RankTable){0};
	if (history->ran == 0)
		return;
	ranks_find(history, ranks);
	rank_table_set(table, 0, rank_code(ranks[0]));
	for (int step = 1; step < RANK_STEPS && bucket < HISTORY_RUNS; step++, bucket += STEP_BUCKETS)
		rank_table_set(table, step, rank_code(ranks[bucket]));
}
