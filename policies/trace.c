/*
 * trace.c - calls and the classes they belong to, in memory. Runs in pybox-policy, fuzzers and unit tests.
 */
#include "policies/trace.h"

#include <stdlib.h>
#include <string.h>

#include "policies/policy_text.h"

#define TABLE_SIZE (2 * TRACE_CLASSES_MAX)

void
trace_init(Trace *trace)
{
	memset(trace, 0, sizeof(*trace));
}

void
trace_free(Trace *trace)
{
	free(trace->calls);
	free(trace->classes);
	free(trace->table);
	trace_init(trace);
}

static int
memory_fault(PolicyError *error)
{
	return policy_error_set(error, 0, 0, "out of memory");
}

/* Room for one more; at most doubles. */
static int
room_make(void **list, uint32_t count, uint32_t *room, size_t size)
{
	uint32_t more = *room == 0 ? 1024 : *room * 2;
	void *grown;

	if (count < *room)
		return 0;
	grown = realloc(*list, more * size);
	if (grown == NULL)
		return -1;
	*list = grown;
	*room = more;
	return 0;
}

/* FNV-1a; the fields' zeros are part of it. */
static uint32_t
class_hash(const TraceClass *class)
{
	const unsigned char *bytes = (const unsigned char *) class;
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < sizeof(*class); i++)
		hash = (hash ^ bytes[i]) * 16777619u;
	return hash;
}

static void
name_copy(char *to, const char *from)
{
	memcpy(to, from, strlen(from) + 1);
}

/* Its place in the table, taken or free: there is always a free one. */
static uint32_t *
class_place(const Trace *trace, const TraceClass *class)
{
	uint32_t at = class_hash(class) % TABLE_SIZE;

	while (trace->table[at] != 0 && memcmp(&trace->classes[trace->table[at] - 1], class, sizeof(*class)) != 0)
		at = (at + 1) % TABLE_SIZE;
	return &trace->table[at];
}

int
trace_class_add(Trace *trace, const TraceClass *class, uint32_t *number, PolicyError *error)
{
	TraceClass clean = {0};
	uint32_t *place;

	/* What stands behind a name's end does not count. */
	name_copy(clean.function, class->function);
	name_copy(clean.role, class->role);
	name_copy(clean.database, class->database);
	name_copy(clean.pool, class->pool);
	if (trace->table == NULL && (trace->table = calloc(TABLE_SIZE, sizeof(uint32_t))) == NULL)
		return memory_fault(error);
	place = class_place(trace, &clean);
	if (*place == 0)
	{
		if (trace->class_count == TRACE_CLASSES_MAX)
			return policy_error_set(error, 0, 0, "more than %d kinds of calls (function, role, database, pool)",
									TRACE_CLASSES_MAX);
		if (room_make((void **) &trace->classes, trace->class_count, &trace->class_room, sizeof(clean)) < 0)
			return memory_fault(error);
		trace->classes[trace->class_count] = clean;
		*place = ++trace->class_count;
	}
	*number = *place - 1;
	return 0;
}

int
trace_call_add(Trace *trace, const TraceCall *call, PolicyError *error)
{
	if (trace->call_count == TRACE_CALLS_MAX)
		return policy_error_set(error, 0, 0, "more than %d calls", TRACE_CALLS_MAX);
	if (room_make((void **) &trace->calls, trace->call_count, &trace->call_room, sizeof(*call)) < 0)
		return memory_fault(error);
	trace->calls[trace->call_count] = *call;
	trace->calls[trace->call_count].number = trace->call_count;
	trace->call_count++;
	return 0;
}

static int
call_compare(const void *left, const void *right)
{
	const TraceCall *a = left, *b = right;

	if (a->at_us != b->at_us)
		return a->at_us < b->at_us ? -1 : 1;
	return a->number < b->number ? -1 : a->number > b->number;
}

void
trace_sort(Trace *trace)
{
	for (uint32_t i = 1; i < trace->call_count; i++)
		if (call_compare(&trace->calls[i - 1], &trace->calls[i]) > 0)
		{
			qsort(trace->calls, trace->call_count, sizeof(TraceCall), call_compare);
			return;
		}
}
