/*
 * python_start.h - Python itself: configured, its modules preloaded.
 */
#ifndef PYBOX_PYTHON_START_H
#define PYBOX_PYTHON_START_H

#include <stdbool.h>
#include <stddef.h>

#define START_LIST_MAX 32

typedef struct StartList
{
	int count;
	const char *of[START_LIST_MAX];
} StartList;

typedef struct StartOptions
{
	const char *pool;
	bool trusted;
	StartList packages; /* folders put on sys.path */
	StartList preloads; /* modules imported in this order */
} StartOptions;

/* Returns 0, or -1 with "stage: reason" in error. */
int start_python(const StartOptions *options, char *error, size_t size);
/* In a new child: what must not be the same in all children of a zygote. Returns 0, or -1 when something stays the same. */
int start_reseed(void);

#endif
