/*
 * fuzz.h - what a fuzz target is: libFuzzer's entry point, and the seeds and words that its inputs are made of.
 *
 * Two programs are made of each target: with libFuzzer, which looks for inputs (make fuzz), and with driver.c, which tries
 * the seeds and a fixed number of inputs made from them, without any tool beside the compiler (make check).
 */
#ifndef PYBOX_FUZZ_H
#define PYBOX_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What must hold whatever the input is; with or without NDEBUG. */
#define FUZZ_CHECK(condition)                                                                                          \
	do                                                                                                                 \
	{                                                                                                                  \
		if (!(condition))                                                                                              \
		{                                                                                                              \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);                             \
			abort();                                                                                                   \
		}                                                                                                              \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Writes seed number into at most capacity bytes. Returns its size; 0: there are no more. */
size_t fuzz_seed(unsigned number, uint8_t *data, size_t capacity);
/* A word that belongs to the language of the inputs, or NULL when there are no more. */
const char *fuzz_word(unsigned number);

/* Takes numbers from the front of an input; 0 when nothing is left. */
typedef struct FuzzInput
{
	const uint8_t *at, *end;
} FuzzInput;

static inline uint64_t
fuzz_take(FuzzInput *input, size_t size)
{
	uint64_t value = 0;
	size_t left = (size_t) (input->end - input->at);

	if (size > left)
		size = left;
	if (size > 0)
		memcpy(&value, input->at, size);
	input->at += size;
	return value;
}

static inline size_t
fuzz_left(const FuzzInput *input)
{
	return (size_t) (input->end - input->at);
}

#endif
