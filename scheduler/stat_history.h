/*
 * stat_history.h - what a function's next call may be expected to take, from the calls it had.
 *
 * DESIGN. Run time: mean and mean square, in which older calls weigh ever less. Where the calls differ so much that the
 * mean tells nothing - a standard deviation above the mean - there is no guess. Memory: a histogram of measured peaks in
 * steps of a quarter octave; old ones fade by halving all. Pure: no clock, no allocation.
 */
#ifndef PYBOX_STAT_HISTORY_H
#define PYBOX_STAT_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#define STAT_HISTORY_CALLS 4	 /* calls, and measurements, without which there is no guess */
#define STAT_MEMORY_STEPS 4		 /* buckets to a doubling */
#define STAT_MEMORY_BUCKETS 80	 /* from 1 MB to 1 TB */
#define STAT_MEMORY_KEPT 1024	 /* measurements; with one more all counts are halved */

typedef struct StatHistory
{
	uint64_t calls; /* that were counted below */
	double mean_us, square_us; /* of run time, and of its square */
	uint32_t peaks[STAT_MEMORY_BUCKETS];
} StatHistory;

/* Some calls in a row, weighed among themselves in the same way. */
typedef struct StatBatch
{
	uint64_t calls;
	double mean_us, square_us;
} StatBatch;

void stat_batch_add(StatBatch *batch, int64_t run_us);
void stat_history_add(StatHistory *history, const StatBatch *batch);
void stat_history_add_peak(StatHistory *history, int64_t bytes);
/* Expected run time in us, 0: no telling. */
int64_t stat_history_run(const StatHistory *history);
/* What 95 of 100 calls stay within, in bytes, with headroom of an eighth; 0: no telling. */
int64_t stat_history_memory(const StatHistory *history);
/* Whether the numbers can be those of a history: for one that was read from a file. */
bool stat_history_is_sane(const StatHistory *history);

#endif
