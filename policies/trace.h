/*
 * trace.h - a list of calls, when they came and what they needed: what pybox.record_trace() gives and the simulator runs.
 *
 * DESIGN. A file is CSV as COPY writes it, with a header; the columns are a table in trace_read.c. Nothing of a file is
 * believed: its numbers have bounds, and so has the memory for it. Who called what is kept once for all calls alike, as a
 * class. Runs in pybox-policy, fuzzers and unit tests.
 */
#ifndef PYBOX_TRACE_H
#define PYBOX_TRACE_H

#include <stdint.h>
#include <stdio.h>

#include "policies/policy.h"

#define TRACE_CALLS_MAX 4000000
#define TRACE_CLASSES_MAX 65536
#define TRACE_RECORD_MAX 4096					   /* bytes of one record */
#define TRACE_AT_MAX INT64_C(1000000000000000)	   /* us: 31 years */
#define TRACE_TIME_MAX (INT64_C(30) * 86400000000) /* us that one call may take: the most that limits.wall can be */
#define TRACE_MEMORY_MAX (INT64_C(1) << 50)
#define TRACE_QUERIES_MAX 1000000

typedef struct TraceClass
{
	char function[POLICY_FUNCTION_SIZE]; /* empty: a DO block */
	char role[POLICY_NAME_SIZE], database[POLICY_NAME_SIZE];
	char pool[POLICY_NAME_SIZE]; /* where it ran when it was recorded; may be empty */
} TraceClass;

typedef struct TraceCall
{
	int64_t at_us;			   /* when it was asked for, since any moment */
	int64_t run_us;			   /* time with a slot that it needs */
	int64_t sql_us;			   /* time in SQL, in queries parts */
	int64_t memory;			   /* its peak, bytes; 0: not known */
	int64_t queue_us;		   /* that it waited when it was recorded; -1: not known */
	int32_t queries, priority; /* priority: -1: its pool's */
	uint32_t class, number;	   /* number: its place in the file */
} TraceCall;

typedef struct Trace
{
	uint32_t call_count, class_count, call_room, class_room;
	TraceCall *calls; /* by at_us, then as they stood */
	TraceClass *classes;
	uint32_t *table; /* hash of classes: number + 1 */
} Trace;

void trace_init(Trace *trace);
void trace_free(Trace *trace);
/* The class's number, which is made if need be. 0, or -1 with *error when there are too many or no memory is left. */
int trace_class_add(Trace *trace, const TraceClass *class, uint32_t *number, PolicyError *error);
int trace_call_add(Trace *trace, const TraceCall *call, PolicyError *error);
/* To be called when all are there. */
void trace_sort(Trace *trace);
/* Reads a whole file into an empty trace, sorted. 0, or -1 with *error; trace_free in both cases. */
int trace_read(FILE *file, Trace *trace, PolicyError *error);
void trace_write(FILE *file, const Trace *trace);

#endif
