/*
 * history.c - what a function's calls were like. Pure; see history.h. Linked into the server, pybox-policy and unit tests.
 */
#include "scheduler/history.h"

#define RECENT 16						   /* calls; the weight of the newest is one in so many */
#define VARIANCE_MOST 1.0				   /* over mean squared: that of an exponential distribution */
#define SIZES_MOST 256					   /* then all buckets are halved: older calls count less */
#define RUNS_MOST (256 * HISTORY_RUN_UNIT) /* as for sizes */
#define SIZE_LEAST (INT64_C(1) << 20)
#define QUARTERS HISTORY_RUN_PARTS
#define RUN_MOST (INT64_C(1) << 50) /* us */

/* What a quarter of an octave is, and two, three and four of them. */
static const double quarters[QUARTERS] = {1.189207115002721, 1.4142135623730951, 1.681792830507429, 2.0};

/* The most bytes that a bucket stands for. */
static int64_t
bucket_bound(int bucket)
{
	return (int64_t) ((double) (SIZE_LEAST << bucket / QUARTERS) * quarters[bucket % QUARTERS]);
}

static int
bucket_of(int64_t memory)
{
	int bucket = 0;

	while (bucket < HISTORY_BUCKETS - 1 && bucket_bound(bucket) < memory)
		bucket++;
	return bucket;
}

static void
sizes_halve(History *history)
{
	history->sized = 0;
	for (int bucket = 0; bucket < HISTORY_BUCKETS; bucket++)
	{
		history->sizes[bucket] /= 2;
		history->sized += history->sizes[bucket];
	}
}

double
history_run_bound(int bucket)
{
	double octave = (double) (INT64_C(1) << (HISTORY_RUN_LEAST + bucket / QUARTERS));

	return bucket % QUARTERS == 0 ? octave : octave * quarters[bucket % QUARTERS - 1];
}

static int
run_bucket(int64_t us)
{
	int octave, bucket;
	double part;

	if (us <= INT64_C(1) << HISTORY_RUN_LEAST)
		return 0;
	octave = 63 - __builtin_clzll((uint64_t) us);
	part = (double) us / (double) (INT64_C(1) << octave);
	bucket = QUARTERS * (octave - HISTORY_RUN_LEAST) + (part > 1.0);
	for (int i = 0; i < QUARTERS - 1; i++)
		bucket += part > quarters[i];
	return bucket < HISTORY_RUNS ? bucket : HISTORY_RUNS - 1;
}

static void
runs_learn(History *history, const HistoryCalls *calls)
{
	uint32_t runs[HISTORY_RUNS], ran = 0;

	for (int i = 0; i < HISTORY_RUNS; i++)
		ran += runs[i] = history->runs[i] + (uint32_t) calls->runs[i] * HISTORY_RUN_UNIT;
	while (ran > RUNS_MOST)
	{
		ran = 0;
		for (int i = 0; i < HISTORY_RUNS; i++)
			ran += runs[i] /= 2;
	}
	for (int i = 0; i < HISTORY_RUNS; i++)
		history->runs[i] = (uint16_t) runs[i];
	history->ran = ran;
}

/* How much of what is known stays beside so many new calls. */
static double
weight_kept(uint32_t known, uint32_t calls)
{
	double kept = 1.0, even = (double) known / ((double) known + (double) calls);

	for (uint32_t i = 0; i < calls && i < 8 * RECENT; i++)
		kept *= 1.0 - 1.0 / RECENT;
	return known + calls <= RECENT || even < kept ? even : kept;
}

void
history_calls_add(HistoryCalls *calls, int64_t run_us, int64_t memory)
{
	double us = run_us > RUN_MOST ? (double) RUN_MOST : (double) run_us, kept = 1.0 - 1.0 / RECENT;
	int bucket;

	if (calls->calls < RECENT)
		kept = (double) calls->calls / (double) (calls->calls + 1);
	if (calls->calls < UINT32_MAX)
		calls->calls++;
	calls->mean_us = kept * calls->mean_us + (1.0 - kept) * us;
	calls->squares = kept * calls->squares + (1.0 - kept) * us * us;
	bucket = run_bucket((int64_t) us);
	if (calls->runs[bucket] < UINT16_MAX)
		calls->runs[bucket]++;
	history_calls_memory(calls, memory);
}

void
history_calls_memory(HistoryCalls *calls, int64_t memory)
{
	if (calls->memory < memory)
		calls->memory = memory;
}

void
history_learn(History *history, const HistoryCalls *calls)
{
	double kept;

	if (calls->calls > 0)
	{
		kept = weight_kept(history->calls, calls->calls);
		history->mean_us = kept * history->mean_us + (1.0 - kept) * calls->mean_us;
		history->squares = kept * history->squares + (1.0 - kept) * calls->squares;
		history->calls = history->calls > UINT32_MAX - calls->calls ? UINT32_MAX : history->calls + calls->calls;
		runs_learn(history, calls);
	}
	if (calls->memory <= 0)
		return;
	if (history->sized >= SIZES_MOST)
		sizes_halve(history);
	history->sizes[bucket_of(calls->memory)]++;
	history->sized++;
}

static int64_t
memory_guess(const History *history)
{
	uint32_t above = 0;

	if (history->sized < HISTORY_CALLS_LEAST)
		return 0;
	for (int bucket = HISTORY_BUCKETS - 1; bucket > 0; bucket--)
	{
		above += history->sizes[bucket];
		if (above * 20 > history->sized)
			return bucket_bound(bucket);
	}
	return bucket_bound(0);
}

HistoryGuess
history_guess(const History *history)
{
	HistoryGuess guess = {0, memory_guess(history)};
	double mean_squared = history->mean_us * history->mean_us;

	if (history->calls < HISTORY_CALLS_LEAST || history->squares - mean_squared > VARIANCE_MOST * mean_squared)
		return guess;
	guess.run_us = history->mean_us < 1.0 ? 1 : (int64_t) (history->mean_us + 0.5);
	return guess;
}

bool
history_is_sane(const History *history)
{
	uint32_t sized = 0, ran = 0;

	for (int bucket = 0; bucket < HISTORY_BUCKETS; bucket++)
		sized += history->sizes[bucket];
	for (int bucket = 0; bucket < HISTORY_RUNS; bucket++)
		ran += history->runs[bucket];
	if (ran != history->ran || ran > RUNS_MOST)
		return false;
	/* What is not a number compares with nothing. */
	return sized == history->sized && sized <= SIZES_MOST && history->mean_us >= 0 && history->mean_us <= RUN_MOST &&
		   history->squares >= 0 && history->squares <= (double) RUN_MOST * (double) RUN_MOST;
}
