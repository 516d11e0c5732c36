/*
 * stat_histogram.h - how often something took how long, in buckets that double: small enough for every function.
 *
 * Bucket 0 has what took less than 1 us; bucket b, from 2^(b-1) us to less than 2^b; the last one, all that took longer.
 * Pure: no clock, no allocation.
 */
#ifndef PYBOX_STAT_HISTOGRAM_H
#define PYBOX_STAT_HISTOGRAM_H

#include <stdint.h>

#define STAT_BUCKETS 40 /* to 3 days */

typedef struct StatHistogram
{
	uint64_t counts[STAT_BUCKETS];
} StatHistogram;

int stat_histogram_bucket(int64_t us);
/* The least time of a bucket, in us. */
int64_t stat_histogram_bound(int bucket);
uint64_t stat_histogram_total(const StatHistogram *histogram);
/* The time that a share (0 to 1) of all stayed within, in us, as far as the buckets tell; -1 when it is empty. */
double stat_histogram_percentile(const StatHistogram *histogram, double share);

#endif
