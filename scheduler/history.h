/*
 * history.h - what the calls of one function were like, and what that says of its next call.
 *
 * DESIGN. Pure: part of the statistics in shared memory, of the simulator and of unit tests; the caller holds the lock. Time
 * is weighted exponentially, so that a function that changes is believed after some ten calls; while there are fewer, the
 * mean is the plain one. A function whose calls differ more than those of a memoryless one would (variance over mean
 * squared) tells nothing of the next one's time; how they differ says all the same how urgent the next one is, see
 * history_rank.c. Slot time and memory are histograms that forget, by buckets of a quarter octave.
 */
#ifndef PYBOX_HISTORY_H
#define PYBOX_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "scheduler/rank.h"

#define HISTORY_CALLS_LEAST 4 /* that a guess needs */
#define HISTORY_BUCKETS 80	  /* of memory: 1 MB to 1 TB */
#define HISTORY_RUNS 128	  /* of slot time: 64 us to 76 hours */
#define HISTORY_RUN_PARTS 4	  /* of them in an octave */
#define HISTORY_RUN_LEAST 6	  /* log2 of the us that the first one ends with */
#define HISTORY_RUN_UNIT 64	  /* what a call adds to its bucket, so that it is not forgotten at once */

typedef struct History
{
	uint32_t calls;			 /* that it was told of; stays at its maximum */
	uint32_t sized;			 /* sum of the buckets */
	double mean_us, squares; /* of slot time, and of its square */
	uint16_t sizes[HISTORY_BUCKETS];
	uint32_t ran; /* sum of runs */
	uint16_t runs[HISTORY_RUNS];
} History;

/* Some calls in a row that ended well, weighed among themselves as in a History. */
typedef struct HistoryCalls
{
	uint32_t calls;
	double mean_us, squares; /* slot time */
	int64_t memory; /* the largest peak among them, and others that had to end for it, bytes; 0: not measured */
	uint16_t runs[HISTORY_RUNS]; /* calls by slot time */
} HistoryCalls;

/* What to expect of the next call. */
typedef struct HistoryGuess
{
	int64_t run_us; /* slot time; 0: no history that tells */
	int64_t memory; /* bytes that 95 of 100 do not exceed; 0: no history */
} HistoryGuess;

void history_calls_add(HistoryCalls *calls, int64_t run_us, int64_t memory);
void history_calls_memory(HistoryCalls *calls, int64_t memory);
/* A History of zeros knows nothing yet. */
void history_learn(History *history, const HistoryCalls *calls);
HistoryGuess history_guess(const History *history);
/* How urgent the next call is, by the slot time that it has had; all zero: nothing is known. */
void history_rank(const History *history, RankTable *table);
/* The most us that a bucket of slot time stands for. */
double history_run_bound(int bucket);
/* Whether the numbers can be those of a History: for one that was read from a file. */
bool history_is_sane(const History *history);

#endif
