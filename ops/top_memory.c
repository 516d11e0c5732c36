/*
 * top_memory.c - see top_memory.h. What gives the terminal back is registered with atexit().
 */
#include "ops/top_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *
memory_need(void *got)
{
	if (got != NULL)
		return got;
	fputs("pybox-top: out of memory\n", stderr);
	exit(1);
}

void *
memory_take(size_t count, size_t size)
{
	return memory_need(calloc(count + 1, size));
}

void *
memory_grow(void *old, size_t count, size_t size)
{
	return memory_need(reallocarray(old, count + 1, size));
}

char *
memory_copy(const char *text)
{
	return text != NULL ? memory_need(strdup(text)) : NULL;
}
