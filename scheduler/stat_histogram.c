/*
 * stat_histogram.c - buckets that double, and percentiles from them. Pure; runs in backends, the scheduler and unit tests.
 */
#include "scheduler/stat_histogram.h"

int
stat_histogram_bucket(int64_t us)
{
	int bucket = us <= 0 ? 0 : 64 - __builtin_clzll((uint64_t) us);

	return bucket < STAT_BUCKETS ? bucket : STAT_BUCKETS - 1;
}

int64_t
stat_histogram_bound(int bucket)
{
	return bucket <= 0 ? 0 : INT64_C(1) << (bucket - 1);
}

uint64_t
stat_histogram_total(const StatHistogram *histogram)
{
	uint64_t total = 0;

	for (int i = 0; i < STAT_BUCKETS; i++)
		total += histogram->counts[i];
	return total;
}

/* Inside its bucket all are taken to lie evenly; so the answer is within a factor of two of the truth. */
double
stat_histogram_percentile(const StatHistogram *histogram, double share)
{
	double wanted = share * (double) stat_histogram_total(histogram), seen = 0;

	for (int i = 0; i < STAT_BUCKETS; i++)
	{
		double count = (double) histogram->counts[i];
		double low = (double) stat_histogram_bound(i), high = (double) stat_histogram_bound(i + 1);

		if (count > 0 && seen + count >= wanted)
			return low + (high - low) * (wanted > seen ? (wanted - seen) / count : 0);
		seen += count;
	}
	return -1;
}
