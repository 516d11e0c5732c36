/*
 * trace_generate.c - random traces; see trace_generate.h. Runs in pybox-policy and unit tests.
 */
#include "policies/trace_generate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policies/policy_text.h"

/* The next number of splitmix64, in (0, 1). */
static double
uniform(uint64_t *state)
{
	uint64_t bits = *state += UINT64_C(0x9e3779b97f4a7c15);

	bits = (bits ^ bits >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	bits = (bits ^ bits >> 27) * UINT64_C(0x94d049bb133111eb);
	bits ^= bits >> 31;
	return ((double) (bits >> 12) + 0.5) / (double) (UINT64_C(1) << 52);
}

/* The size that a share u of all do not exceed. */
static double
size_at(const GenerateKind *kind, double u)
{
	double ratio = (double) kind->low_us / (double) kind->high_us;

	return (double) kind->low_us / pow(1.0 - u * (1.0 - pow(ratio, kind->alpha)), 1.0 / kind->alpha);
}

static const GenerateKind *
kind_choose(const GenerateSetup *setup, uint64_t *random, double shares)
{
	double at = uniform(random) * shares;
	int32_t i = 0;

	while (i < setup->kind_count - 1 && at >= setup->kinds[i].share)
		at -= setup->kinds[i++].share;
	return &setup->kinds[i];
}

/* Of the standard normal distribution. */
static double
normal(uint64_t *state)
{
	double radius = sqrt(-2.0 * log(uniform(state)));

	return radius * cos(6.283185307179586 * uniform(state));
}

/*
 * The function that a call of this size is of: the size, blurred by sigma, falls into the function's part of the logarithmic
 * scale; what leaves the scale is turned back at its end.
 */
static int32_t
function_of(const GenerateKind *kind, uint64_t *random, double size)
{
	double scale = log((double) kind->high_us / (double) kind->low_us);
	double at = fmod(fabs((log(size / (double) kind->low_us) + kind->sigma * normal(random)) / scale), 2.0);
	int32_t number = (int32_t) ((at > 1.0 ? 2.0 - at : at) * kind->functions);

	return number < kind->functions ? number : kind->functions - 1;
}

static void
function_name(TraceClass *class, int32_t number)
{
	char end[16];
	size_t length = strlen(class->function), more;

	more = (size_t) snprintf(end, sizeof(end), "_%d", number + 1);
	if (length + more >= sizeof(class->function))
		length = sizeof(class->function) - more - 1;
	memcpy(class->function + length, end, more + 1);
}

/* A call's size and its function's name. */
static double
size_choose(const GenerateKind *kind, uint64_t *random, TraceClass *class)
{
	int32_t number;
	double size;

	if (kind->functions == 0)
		return size_at(kind, uniform(random));
	if (kind->sigma > 0)
	{
		size = size_at(kind, uniform(random));
		function_name(class, function_of(kind, random, size));
		return size;
	}
	number = (int32_t) (uniform(random) * kind->functions);
	size = size_at(kind, ((double) number + 0.5) / kind->functions);
	function_name(class, number);
	return size * (1.0 + kind->spread * (2.0 * uniform(random) - 1.0));
}

static int
call_generate(const GenerateSetup *setup, Trace *trace, uint64_t *random, double shares, PolicyError *error)
{
	const GenerateKind *kind = kind_choose(setup, random, shares);
	TraceClass class = kind->who;
	double size = size_choose(kind, random, &class);
	TraceCall call = {.memory = kind->memory, .queue_us = -1, .priority = -1};

	call.run_us = size < 1.0 ? 1 : (int64_t) (size + 0.5);
	call.sql_us = (int64_t) (size * kind->sql);
	call.queries = call.sql_us > 0 ? kind->queries : 0;
	if (trace_class_add(trace, &class, &call.class, error) < 0)
		return -1;
	return trace_call_add(trace, &call, error);
}

/* Gives the calls their time: gaps of a Poisson process, stretched to the load. */
static int
arrivals_generate(const GenerateSetup *setup, Trace *trace, uint64_t *random, PolicyError *error)
{
	double work = 0, gaps = 0, stretch;
	uint64_t again = *random;

	for (uint32_t i = 0; i < trace->call_count; i++)
	{
		work += (double) trace->calls[i].run_us;
		gaps -= log(uniform(random));
	}
	stretch = work / setup->load / setup->slots / gaps;
	if (gaps * stretch > (double) TRACE_AT_MAX)
		return policy_error_set(error, 0, 0, "the trace would last longer than 31 years");
	gaps = 0;
	for (uint32_t i = 0; i < trace->call_count; i++)
	{
		gaps -= log(uniform(&again));
		trace->calls[i].at_us = (int64_t) (gaps * stretch);
	}
	return 0;
}

int
trace_generate(const GenerateSetup *setup, Trace *trace, PolicyError *error)
{
	uint64_t random = setup->seed;
	double shares = 0;

	for (int32_t i = 0; i < setup->kind_count; i++)
		shares += setup->kinds[i].share;
	for (uint32_t i = 0; i < setup->calls; i++)
		if (call_generate(setup, trace, &random, shares, error) < 0)
			return -1;
	return arrivals_generate(setup, trace, &random, error);
}
