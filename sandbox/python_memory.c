/*
 * python_memory.c - malloc and its kin, which refuse what does not fit into the memory limit; Python's arenas likewise.
 *
 * DESIGN. The program's own malloc stands before the C library's for everything loaded into the process, so that numpy's
 * arrays are seen as well as Python's objects. A sum of all that was granted, from which nothing is ever taken, is an upper
 * bound of what is held: only when it passes the limit is it measured what is really held, and the sum begins anew from
 * there. So an allocation costs an addition, and measuring is rare until memory is nearly full. The sum is not atomic: what
 * threads lose of it makes a refusal come a little late, and behind it stands the cgroup. free stays the C library's.
 *
 * No RLIMIT_DATA or RLIMIT_AS for this: they refuse the buffers that OpenBLAS maps for itself, and it then tries for ever.
 *
 * Runs in: zygote, where nothing is refused; child.
 */
#include <Python.h>

#include "sandbox/python_memory.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

#define SMALL (64 * 1024)			 /* may still be had when larger ones are refused */
#define SMALL_RESERVE (1024 * 1024)	 /* as much of them */
#define REPORT_RESERVE (4096 * 1024) /* for the words of an error */

static struct
{
	size_t limit;	 /* 0: none */
	size_t start;	 /* held when the limit was set: the zygote's, shared */
	size_t bound;	 /* not less than what is held beyond start, but for races */
	size_t arenas;	 /* bytes of Python's, which do not come by malloc */
	size_t extra;	 /* REPORT_RESERVE while it is open */
	uint64_t wanted; /* of the last refusal */
	bool was_refused;
	PyObjectArenaAllocator arena;
} memory;

/* The C library's own. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static size_t
memory_held(void)
{
	struct mallinfo2 info = mallinfo2();
	size_t held = info.uordblks + info.hblkhd + memory.arenas;

	return held > memory.start ? held - memory.start : 0;
}

static bool
memory_refuse(uint64_t wanted)
{
	memory.was_refused = true;
	memory.wanted = wanted;
	errno = ENOMEM;
	return false;
}

/* old: bytes that the request gives back. */
static bool
memory_measure(size_t size, size_t old)
{
	size_t limit = memory.limit + memory.extra + (size <= SMALL ? SMALL_RESERVE : 0);
	size_t held = memory_held();

	held = held > old ? held - old : 0;
	memory.bound = held + old;
	if (size > limit || held > limit - size)
		return memory_refuse((uint64_t) held + size);
	memory.bound = held + size;
	return true;
}

static inline bool
memory_allows(size_t size, size_t old)
{
	if (memory.limit == 0)
		return true;
	if (size <= memory.limit && (memory.bound += size) <= memory.limit)
		return true;
	return memory_measure(size, old);
}

/* The kernel's refusal counts as ours: without cgroups the limit of address space is what there is. */
static void *
memory_granted(void *memory_or_null)
{
	if (memory_or_null == NULL && memory.limit != 0)
		(void) memory_refuse(0);
	return memory_or_null;
}

#ifndef __SANITIZE_ADDRESS__ /* which brings its own */

void *
malloc(size_t size)
{
	return memory_allows(size, 0) ? memory_granted(__libc_malloc(size)) : NULL;
}

void *
calloc(size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes))
		bytes = SIZE_MAX;
	return memory_allows(bytes, 0) ? memory_granted(__libc_calloc(count, size)) : NULL;
}

void *
realloc(void *old, size_t size)
{
	void *moved;

	if (!memory_allows(size, old == NULL || memory.limit == 0 ? 0 : malloc_usable_size(old)))
		return NULL;
	moved = __libc_realloc(old, size);
	return size == 0 ? moved : memory_granted(moved);
}

void *
memalign(size_t alignment, size_t size)
{
	return memory_allows(size, 0) ? memory_granted(__libc_memalign(alignment, size)) : NULL;
}

void *
aligned_alloc(size_t alignment, size_t size)
{
	return memalign(alignment, size);
}

int
posix_memalign(void **place, size_t alignment, size_t size)
{
	int before = errno;
	void *got;

	if (alignment < sizeof(void *) || (alignment & (alignment - 1)) != 0)
		return EINVAL;
	got = memalign(alignment, size);
	errno = before;
	if (got == NULL)
		return ENOMEM;
	*place = got;
	return 0;
}

#endif

static void *
arena_alloc(void *context, size_t size)
{
	void *arena = memory_allows(size, 0) ? memory_granted(memory.arena.alloc(context, size)) : NULL;

	if (arena != NULL)
		memory.arenas += size;
	return arena;
}

static void
arena_free(void *context, void *arena, size_t size)
{
	memory.arenas -= size;
	memory.arena.free(context, arena, size);
}

void
memory_watch_arenas(void)
{
	PyObjectArenaAllocator watched;

	PyObject_GetArenaAllocator(&memory.arena);
	watched = (PyObjectArenaAllocator){.ctx = memory.arena.ctx, .alloc = arena_alloc, .free = arena_free};
	PyObject_SetArenaAllocator(&watched);
}

void
memory_limit_set(uint64_t bytes)
{
	memory.start = 0;
	memory.start = memory_held();
	memory.bound = 0;
	memory.limit = bytes;
}

void
memory_refusal_forget(void)
{
	memory.was_refused = false;
}

bool
memory_was_refused(uint64_t *wanted)
{
	*wanted = memory.wanted;
	return memory.was_refused;
}

void
memory_reserve_open(void)
{
	memory.extra = REPORT_RESERVE;
}

void
memory_reserve_close(void)
{
	memory.extra = 0;
}
