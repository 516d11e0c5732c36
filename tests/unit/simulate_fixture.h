/* simulate_fixture.h - policies and traces for tests of the simulator, and runs that are held against invariants. */
#ifndef PYBOX_SIMULATE_FIXTURE_H
#define PYBOX_SIMULATE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policies/simulate_figures.h"
#include "policies/trace_generate.h"

#define MS 1000
#define SECOND 1000000

static inline void
policy_make(Policy *policy, const char *text)
{
	PolicyError error;

	if (policy_parse(text, strlen(text), policy, &error) < 0)
		fail_msg("%d:%d: %s", error.line, error.column, error.message);
}

/* A call of role; returns its number as it was added. */
static inline uint32_t
call_add(Trace *trace, const char *role, int64_t at_us, int64_t run_us)
{
	TraceClass class = {.database = "db"};
	TraceCall call = {.at_us = at_us, .run_us = run_us, .queue_us = -1, .priority = -1};
	PolicyError error;

	strcpy(class.role, role);
	strcpy(class.function, role);
	assert_int_equal(trace_class_add(trace, &class, &call.class, &error), 0);
	assert_int_equal(trace_call_add(trace, &call, &error), 0);
	return trace->call_count - 1;
}

/* Whatever the trace: each call has one fate, none takes less time than it needs, no more slots are used than there are. */
static inline void
run_check(const SimulateRun *run, const Trace *trace)
{
	double used = simulate_utilisation(run);

	for (uint32_t i = 0; i < run->count; i++)
	{
		const SimulateOutcome *outcome = &run->outcomes[i];

		assert_true(outcome->wait_us >= 0 && outcome->end_us >= 0 && outcome->fate < SIMULATE_FATE_COUNT);
		assert_true(outcome->longest_us >= outcome->wait_us);
		if (outcome->fate == SIMULATE_DONE)
			assert_true(outcome->end_us >= trace->calls[i].run_us);
	}
	assert_true(used >= 0 && used <= 1.0000001);
}

static inline void
run_make(const SimulateSetup *setup, Trace *trace, SimulateRun *run)
{
	PolicyError error;

	trace_sort(trace);
	if (simulate_run(setup, trace, run, &error) < 0)
		fail_msg("%s", error.message);
	run_check(run, trace);
}

/* Without what pauses cost. */
static inline SimulateSetup
setup_free(const Policy *policy)
{
	SimulateSetup setup;

	simulate_setup_init(&setup, policy);
	setup.stop_us = setup.resume_us = 0;
	return setup;
}

static inline SimulateFigures
figures_of(const SimulateRun *run, const Trace *trace)
{
	SimulateFigures figures;

	assert_int_equal(simulate_figures(run, trace, NULL, -1, &figures), 0);
	return figures;
}

#endif
