/*
 * rank.h - how urgent a call is by the slot time it has had: the less, the sooner it goes. Pure; header only.
 *
 * DESIGN. A rank is a time in us. What history makes of a function (history_rank.c) is a table: a byte for each half octave of the
 * time that a call has had, the first one for less than a millisecond. A byte is a rank in sixths of an octave, one at least;
 * 0: a call that has had so long is as urgent as one of which nothing is known, whose rank is the time it has had.
 */
#ifndef PYBOX_RANK_H
#define PYBOX_RANK_H

#include <stdint.h>

#define RANK_STEPS 64
#define RANK_WORDS (RANK_STEPS / 8)
#define RANK_STEP_LEAST 10 /* log2 of the us at which the second step begins */
#define RANK_PARTS 6	   /* of an octave, that a byte counts */
#define RANK_CODE_MAX 255

/* Eight steps to a word, the first one lowest. All zero: nothing is known. */
typedef struct RankTable
{
	uint64_t words[RANK_WORDS];
} RankTable;

/* The step of a call that has had so many us. */
static inline int
rank_step(int64_t had)
{
	int octave, step;

	if (had < INT64_C(1) << RANK_STEP_LEAST)
		return 0;
	octave = 63 - __builtin_clzll((uint64_t) had);
	/* The upper half of an octave begins at the root of two, 46341 / 32768. */
	step = 1 + 2 * (octave - RANK_STEP_LEAST) + ((uint64_t) had >> (octave - RANK_STEP_LEAST) >= 1449);
	return step < RANK_STEPS ? step : RANK_STEPS - 1;
}

/* The least time of a step. */
static inline int64_t
rank_step_begin(int step)
{
	int64_t begin = INT64_C(1) << (RANK_STEP_LEAST + (step - 1) / 2);

	if (step == 0)
		return 0;
	return step % 2 == 1 ? begin : (begin >> RANK_STEP_LEAST) * 1449;
}

static inline int64_t
rank_decode(uint8_t code)
{
	/* Sixths of an octave, in parts of 1024. */
	static const uint16_t sixths[RANK_PARTS] = {1024, 1149, 1290, 1448, 1625, 1825};

	return code == 0 ? 0 : (INT64_C(1) << (code - 1) / RANK_PARTS) * sixths[(code - 1) % RANK_PARTS] / 1024;
}

/* The least code of a rank above this one; RANK_CODE_MAX + 1: there is none. */
static inline int
rank_code_above(int64_t rank)
{
	int code = rank < 1 ? 1 : 1 + RANK_PARTS * (63 - __builtin_clzll((uint64_t) rank));

	while (code <= RANK_CODE_MAX && rank_decode((uint8_t) code) <= rank)
		code++;
	return code <= RANK_CODE_MAX ? code : RANK_CODE_MAX + 1;
}

/* Of a call that has had so many us. */
static inline int64_t
rank_of(const RankTable *table, int64_t had)
{
	int step = rank_step(had);
	uint8_t code = (uint8_t) (table->words[step / 8] >> step % 8 * 8);

	return code != 0 ? rank_decode(code) : had;
}

static inline void
rank_table_set(RankTable *table, int step, uint8_t code)
{
	int shift = step % 8 * 8;

	table->words[step / 8] = (table->words[step / 8] & ~(UINT64_C(255) << shift)) | (uint64_t) code << shift;
}

#endif
