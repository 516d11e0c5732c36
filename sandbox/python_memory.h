/*
 * python_memory.h - the memory limit as Python sees it: a request beyond it is refused, before the kernel has to kill.
 */
#ifndef PYBOX_PYTHON_MEMORY_H
#define PYBOX_PYTHON_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Before Python is initialized: has its arenas counted. */
void memory_watch_arenas(void);
/* From now on this process may hold so many bytes more than now; 0: as many as it likes. */
void memory_limit_set(uint64_t bytes);
/* At the beginning of a call that nothing surrounds. */
void memory_refusal_forget(void);
/* Whether a request was refused since then; *wanted: the bytes that would have been held, 0 where the kernel refused. */
bool memory_was_refused(uint64_t *wanted);
/* A little more, for telling of the error, and back. */
void memory_reserve_open(void);
void memory_reserve_close(void);

#endif
