/*
 * option.h - values of pybox-policy's options: read, held against bounds, refused with words. Runs in pybox-policy, unit tests.
 */
#ifndef PYBOX_OPTION_H
#define PYBOX_OPTION_H

#include "policies/policy.h"

typedef enum OptionKind
{
	OPTION_INTEGER, /* int64_t */
	OPTION_COUNT,	/* the same into int32_t */
	OPTION_TIME,	/* int64_t, us: with us, ms, s, min, h, d */
	OPTION_SIZE,	/* int64_t, bytes: with B, kB, MB, GB, TB */
	OPTION_REAL,	/* double */
	OPTION_NAME		/* char[], at most `most` bytes */
} OptionKind;

typedef struct OptionRow
{
	const char *name;
	OptionKind kind;
	double least, most;
	size_t offset; /* into what is filled in */
} OptionRow;

/* The row of that name, or NULL. */
const OptionRow *option_find(const OptionRow *rows, int count, const char *name);
/* Reads text into its place of *whole; 0, or -1 with *error. */
int option_read(const OptionRow *row, const char *text, void *whole, PolicyError *error);

#endif
