/*
 * top_memory.h - memory of pybox-top: there is some, or the program ends and says so.
 */
#ifndef PYBOX_TOP_MEMORY_H
#define PYBOX_TOP_MEMORY_H

#include <stddef.h>

/* Zeroed room for count items of a size; free() it. */
void *memory_take(size_t count, size_t size);
/* The same room for count items, of which the new ones are not zeroed. */
void *memory_grow(void *old, size_t count, size_t size);
char *memory_copy(const char *text); /* NULL stays NULL */

#endif
