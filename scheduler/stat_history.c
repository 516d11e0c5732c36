/*
 * stat_history.c - exponentially weighted run times, and peaks of memory. Pure; runs in backends, the scheduler and unit tests.
 */
#include "scheduler/stat_history.h"

#define WEIGHT_KEPT 0.875 /* of what was known, when one more call is added */
#define WEIGHT_CALLS 64	  /* of a batch: with more of them nothing of what was known is left anyway */
#define PEAK_LEAST (INT64_C(1) << 20)
#define SHARE_PERCENT 95
#define HEADROOM 8 /* one part in so many */

/* The first few calls weigh alike; after them the last eight or so tell most. */
static double
batch_weight(uint64_t known, uint64_t added)
{
	double kept = 1, even = (double) added / ((double) known + (double) added);

	for (uint64_t i = 0; i < added && i < WEIGHT_CALLS; i++)
		kept *= WEIGHT_KEPT;
	return even > 1 - kept ? even : 1 - kept;
}

void
stat_batch_add(StatBatch *batch, int64_t run_us)
{
	double weight = 1 - WEIGHT_KEPT, run = (double) run_us;

	batch->calls++;
	if ((double) batch->calls * weight < 1)
		weight = 1 / (double) batch->calls;
	batch->mean_us += weight * (run - batch->mean_us);
	batch->square_us += weight * (run * run - batch->square_us);
}

void
stat_history_add(StatHistory *history, const StatBatch *batch)
{
	double weight;

	if (batch->calls == 0)
		return;
	weight = batch_weight(history->calls, batch->calls);
	history->mean_us += weight * (batch->mean_us - history->mean_us);
	history->square_us += weight * (batch->square_us - history->square_us);
	history->calls += batch->calls;
}

/* The least of a bucket: quarters of an octave, evenly. */
static int64_t
peak_bound(int bucket)
{
	int64_t octave = PEAK_LEAST << (bucket / STAT_MEMORY_STEPS);

	return octave + octave / STAT_MEMORY_STEPS * (bucket % STAT_MEMORY_STEPS);
}

static int
peak_bucket(int64_t bytes)
{
	int low = 0, high = STAT_MEMORY_BUCKETS - 1;

	while (low < high)
	{
		int middle = (low + high + 1) / 2;

		if (bytes >= peak_bound(middle))
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

static uint64_t
peaks_total(const StatHistory *history)
{
	uint64_t total = 0;

	for (int i = 0; i < STAT_MEMORY_BUCKETS; i++)
		total += history->peaks[i];
	return total;
}

void
stat_history_add_peak(StatHistory *history, int64_t bytes)
{
	if (bytes <= 0)
		return;
	if (peaks_total(history) >= STAT_MEMORY_KEPT)
		for (int i = 0; i < STAT_MEMORY_BUCKETS; i++)
			history->peaks[i] /= 2;
	history->peaks[peak_bucket(bytes)]++;
}

int64_t
stat_history_run(const StatHistory *history)
{
	double variance = history->square_us - history->mean_us * history->mean_us;

	if (history->calls < STAT_HISTORY_CALLS || variance > history->mean_us * history->mean_us)
		return 0;
	return history->mean_us < 1 ? 1 : (int64_t) history->mean_us;
}

int64_t
stat_history_memory(const StatHistory *history)
{
	uint64_t total = peaks_total(history), seen = 0;
	int64_t bound;
	int bucket = 0;

	if (total < STAT_HISTORY_CALLS)
		return 0;
	for (; bucket < STAT_MEMORY_BUCKETS - 1; bucket++)
	{
		seen += history->peaks[bucket];
		if (seen * 100 >= total * SHARE_PERCENT)
			break;
	}
	bound = peak_bound(bucket + 1);
	return bound + bound / HEADROOM;
}

bool
stat_history_is_sane(const StatHistory *history)
{
	/* Comparisons with what is not a number are false. */
	return history->mean_us >= 0 && history->mean_us < 1e18 && history->square_us >= 0 && history->square_us < 1e36 &&
		   peaks_total(history) <= STAT_MEMORY_KEPT;
}
