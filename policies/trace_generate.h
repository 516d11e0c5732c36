/*
 * trace_generate.h - traces to begin with: calls that come at random and need what a distribution says.
 *
 * DESIGN. Arrivals are those of a Poisson process, stretched so that the trace as a whole has the load that was asked for.
 * Sizes are bounded Pareto: many short calls, few that are very long, as measured of processes and queries alike. The same
 * seed gives the same trace.
 */
#ifndef PYBOX_TRACE_GENERATE_H
#define PYBOX_TRACE_GENERATE_H

#include "policies/trace.h"

#define GENERATE_KINDS_MAX 16
#define GENERATE_FUNCTIONS_MAX 1000

/* One kind of calls. */
typedef struct GenerateKind
{
	TraceClass who;
	double share;			 /* of the number of calls, beside the other kinds' */
	double alpha;			 /* of sizes; the less, the more is due to few calls */
	int64_t low_us, high_us; /* the least and largest size; equal: all the same */
	/* 0: calls differ as the distribution says. Else so many functions differ, and each one's calls by spread of a size. */
	int32_t functions;
	double spread;
	/*
	 * Above 0: the calls of all functions together are as the distribution says, and those of each lie around a time of its own, these
	 * evenly in octaves from low to high, log-normally with this deviation.
	 */
	double sigma;
	double sql; /* time in SQL for each unit of slot time */
	int32_t queries;
	int64_t memory;
} GenerateKind;

typedef struct GenerateSetup
{
	uint64_t seed;
	uint32_t calls;
	int32_t slots; /* for which the load is meant */
	double load;   /* slot time asked for over slot time there is */
	int32_t kind_count;
	GenerateKind kinds[GENERATE_KINDS_MAX];
} GenerateSetup;

void generate_setup_init(GenerateSetup *setup);
/* Adds a kind from "role=ana,function=app.f,share=3,alpha=1.1,low=1ms,high=10s"; 0, or -1 with *error. */
int generate_kind_add(GenerateSetup *setup, const char *text, PolicyError *error);
/* Into an empty trace; 0, or -1 with *error. */
int trace_generate(const GenerateSetup *setup, Trace *trace, PolicyError *error);

#endif
