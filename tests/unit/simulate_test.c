/* simulate_test.c - the simulator: small traces whose outcome is known by hand. */
#include "tests/unit/simulate_fixture.h"

#include "policies/simulate_event.h"

#define ONE_SLOT "version: 1\nnode: {name: n, id: 1, slots: 1, quantum: 10ms}\n"
#define BIG "limits: {wall: 1h}"

static void
test_events_come_by_time_then_in_order(void **state)
{
	EventHeap heap = {0};
	SimulateEvent event, last = {0};

	(void) state;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(event_push(&heap, (SimulateEvent){.at_us = i * 7919 % 101, .who = i}), 0);
	for (int i = 0; i < 1000; i++)
	{
		assert_true(event_pop(&heap, &event));
		assert_true(i == 0 || last.at_us < event.at_us || (last.at_us == event.at_us && last.who < event.who));
		last = event;
	}
	assert_false(event_pop(&heap, &event));
	free(heap.events);
}

static void
test_first_come_first_served(void **state)
{
	Policy *policy = malloc(sizeof(*policy)), *fifo = malloc(sizeof(*fifo));
	SimulateSetup setup, plain;
	Trace trace;
	SimulateRun run;

	(void) state;
	policy_make(policy, ONE_SLOT "pools: {p: {" BIG "}}");
	setup = setup_free(policy);
	simulate_fifo(&setup, fifo, &plain);
	trace_init(&trace);
	call_add(&trace, "a", 0, 100 * MS);
	call_add(&trace, "b", 10 * MS, MS);
	call_add(&trace, "c", 20 * MS, 2 * MS);
	run_make(&plain, &trace, &run);
	assert_int_equal(run.outcomes[0].end_us, 100 * MS);
	assert_int_equal(run.outcomes[1].wait_us, 90 * MS);
	assert_int_equal(run.outcomes[1].end_us, 91 * MS);
	assert_int_equal(run.outcomes[2].wait_us, 81 * MS);
	assert_int_equal(run.outcomes[0].pauses, 0);
	assert_int_equal(run.end_us, 103 * MS);
	simulate_free(&run);
	trace_free(&trace);
	free(policy);
	free(fifo);
}

/* The long call gives way when its quantum is over, at 10 ms, and goes on when the short ones have ended. */
static void
test_a_long_call_gives_way_after_its_quantum(void **state)
{
	Policy *policy = malloc(sizeof(*policy));
	SimulateSetup setup;
	Trace trace;
	SimulateRun run;

	(void) state;
	policy_make(policy, ONE_SLOT "pools: {p: {" BIG "}}");
	setup = setup_free(policy);
	trace_init(&trace);
	call_add(&trace, "a", 0, 100 * MS);
	call_add(&trace, "b", 4 * MS, MS);
	call_add(&trace, "c", 5 * MS, 2 * MS);
	run_make(&setup, &trace, &run);
	assert_int_equal(run.outcomes[0].pauses, 1);
	assert_int_equal(run.outcomes[0].longest_us, 3 * MS);
	assert_int_equal(run.outcomes[0].end_us, 103 * MS);
	assert_int_equal(run.outcomes[1].wait_us, 6 * MS);
	assert_int_equal(run.outcomes[2].wait_us, 6 * MS);
	simulate_free(&run);
	setup.stop_us = 300;
	setup.resume_us = 500;
	run_make(&setup, &trace, &run);
	assert_int_equal(run.outcomes[1].wait_us, 6 * MS + 300);
	assert_int_equal(run.outcomes[0].end_us, 103 * MS + 500);
	simulate_free(&run);
	trace_free(&trace);
	free(policy);
}

static const struct
{
	const char *contention;
	int64_t urgent_wait, batch_end;
	uint32_t pauses;
} contentions[] = {
	{"pause", 0, 102 * MS, 1},
	{"yield", 95 * MS, 100 * MS, 0},
	{"share", 0, 101980, 1}, /* it has done 20 us of its work beside the other */
};

static void
test_what_a_batch_does_when_an_urgent_call_comes(void **state)
{
	Policy *policy = malloc(sizeof(*policy));
	char text[512];

	(void) state;
	for (size_t i = 0; i < sizeof(contentions) / sizeof(contentions[0]); i++)
	{
		SimulateSetup setup;
		Trace trace;
		SimulateRun run;

		snprintf(text, sizeof(text),
				 ONE_SLOT "pools: {batch: {priority: 10, on_contention: %s}, urgent: {priority: 90}}\n"
						  "assign: [{role: u, pool: urgent}, {pool: batch}]",
				 contentions[i].contention);
		policy_make(policy, text);
		setup = setup_free(policy);
		trace_init(&trace);
		call_add(&trace, "b", 0, 100 * MS);
		call_add(&trace, "u", 5 * MS, 2 * MS);
		run_make(&setup, &trace, &run);
		assert_int_equal(run.outcomes[1].wait_us, contentions[i].urgent_wait);
		assert_int_equal(run.outcomes[0].end_us, contentions[i].batch_end);
		assert_int_equal(run.outcomes[0].pauses, contentions[i].pauses);
		simulate_free(&run);
		trace_free(&trace);
	}
	free(policy);
}

/* While the first is in SQL its slot is another's. */
static void
test_sql_needs_no_slot(void **state)
{
	Policy *policy = malloc(sizeof(*policy));
	SimulateSetup setup;
	Trace trace;
	SimulateRun run;

	(void) state;
	policy_make(policy, ONE_SLOT "pools: {p: {" BIG "}}");
	setup = setup_free(policy);
	trace_init(&trace);
	call_add(&trace, "a", 0, 4 * MS);
	trace.calls[0].sql_us = 30 * MS;
	trace.calls[0].queries = 3;
	call_add(&trace, "b", 2 * MS, 5 * MS);
	run_make(&setup, &trace, &run);
	assert_int_equal(run.outcomes[1].wait_us, 0);
	assert_int_equal(run.outcomes[0].end_us, 4 * MS); /* 34 ms, SQL not counted */
	assert_int_equal(run.end_us, 34 * MS);
	simulate_free(&run);
	trace_free(&trace);
	free(policy);
}

static void
test_what_is_refused_and_what_is_ended(void **state)
{
	Policy *policy = malloc(sizeof(*policy));
	SimulateSetup setup;
	Trace trace;
	SimulateRun run;
	SimulateFigures figures;

	(void) state;
	policy_make(policy, ONE_SLOT
				"pools: {p: {queue: {length: 2, timeout: 50ms}, limits: {wall: 200ms}, on_contention: yield}}");
	setup = setup_free(policy);
	trace_init(&trace);
	call_add(&trace, "a", 0, SECOND);
	call_add(&trace, "b", 10 * MS, MS);
	call_add(&trace, "c", 20 * MS, MS);
	call_add(&trace, "d", 30 * MS, MS);
	call_add(&trace, "e", 190 * MS, 100 * MS);
	trace.calls[4].sql_us = 150 * MS;
	trace.calls[4].queries = 1;
	run_make(&setup, &trace, &run);
	assert_int_equal(run.outcomes[0].fate, SIMULATE_WALL);
	assert_int_equal(run.outcomes[0].end_us, 200 * MS);
	assert_int_equal(run.outcomes[1].fate, SIMULATE_TIMED_OUT);
	assert_int_equal(run.outcomes[1].wait_us, 50 * MS);
	assert_int_equal(run.outcomes[2].fate, SIMULATE_TIMED_OUT);
	assert_int_equal(run.outcomes[3].fate, SIMULATE_FULL);
	assert_int_equal(run.outcomes[4].fate, SIMULATE_WALL);
	assert_int_equal(run.outcomes[4].wait_us, 10 * MS);
	figures = figures_of(&run, &trace);
	assert_int_equal(figures.fates[SIMULATE_TIMED_OUT], 2);
	assert_int_equal(figures.fates[SIMULATE_DONE], 0);
	simulate_free(&run);
	trace_free(&trace);
	free(policy);
}

/* 300 MB each of 700 MB, until history says that they need less. */
static void
test_memory_is_reserved_and_learned(void **state)
{
	Policy *policy = malloc(sizeof(*policy));
	SimulateSetup setup;
	Trace trace;
	SimulateRun run;

	(void) state;
	policy_make(policy, "version: 1\nnode: {name: n, id: 1, slots: 8, memory: 700MB}\n"
						"pools: {p: {reserve: 300MB, limits: {memory: 600MB}}}");
	setup = setup_free(policy);
	trace_init(&trace);
	for (int i = 0; i < 3; i++)
		call_add(&trace, "a", 0, 10 * MS);
	call_add(&trace, "a", SECOND / 2, 10 * MS);
	for (int i = 4; i < 7; i++)
		call_add(&trace, "a", SECOND, 10 * MS);
	for (int i = 0; i < 4; i++)
		trace.calls[i].memory = 100 * INT64_C(1048576);
	run_make(&setup, &trace, &run);
	assert_int_equal(run.outcomes[1].wait_us, 0);
	assert_int_equal(run.outcomes[2].wait_us, 10 * MS);
	assert_int_equal(run.outcomes[6].wait_us, 0);
	simulate_free(&run);
	policy->pools[0].memory = 200 * INT64_C(1048576);
	run_make(&setup, &trace, &run);
	assert_int_equal(run.outcomes[0].fate, SIMULATE_TOO_LARGE);
	simulate_free(&run);
	trace_free(&trace);
	free(policy);
}

static void
test_caps_count_whom_they_select(void **state)
{
	Policy *policy = malloc(sizeof(*policy));
	SimulateSetup setup;
	Trace trace;
	SimulateRun run;

	(void) state;
	policy_make(policy,
				"version: 1\nnode: {name: n, id: 1, slots: 8}\npools: {p: {" BIG "}}\ncaps: [{role: a, slots: 1}]");
	setup = setup_free(policy);
	trace_init(&trace);
	call_add(&trace, "a", 0, 10 * MS);
	call_add(&trace, "a", 1, 10 * MS);
	call_add(&trace, "b", 2, 10 * MS);
	run_make(&setup, &trace, &run);
	assert_int_equal(run.outcomes[1].wait_us, 10 * MS - 1);
	assert_int_equal(run.outcomes[2].wait_us, 0);
	simulate_free(&run);
	trace_free(&trace);
	free(policy);
}

/* Sharing: both end at 20 ms. Least left first: the one of 2 ms is done before the rest of the other. */
static void
test_ideals_by_hand(void **state)
{
	Trace trace;
	SimulateRun run;
	PolicyError error;

	(void) state;
	trace_init(&trace);
	call_add(&trace, "a", 0, 10 * MS);
	call_add(&trace, "b", 0, 10 * MS);
	assert_int_equal(simulate_sharing(&trace, 1, &run, &error), 0);
	assert_int_equal(run.outcomes[0].end_us, 20 * MS);
	assert_int_equal(run.outcomes[1].end_us, 20 * MS);
	simulate_free(&run);
	assert_int_equal(simulate_sharing(&trace, 2, &run, &error), 0);
	assert_int_equal(run.outcomes[1].end_us, 10 * MS);
	simulate_free(&run);
	call_add(&trace, "c", 3 * MS, 2 * MS);
	assert_int_equal(simulate_oracle(&trace, 1, &run, &error), 0);
	assert_int_equal(run.outcomes[0].end_us, 12 * MS);
	assert_int_equal(run.outcomes[1].end_us, 22 * MS);
	assert_int_equal(run.outcomes[2].end_us, 2 * MS);
	simulate_free(&run);
	assert_int_equal(simulate_oracle(&trace, 2, &run, &error), 0);
	assert_int_equal(run.outcomes[0].end_us + run.outcomes[1].end_us, 22 * MS);
	assert_int_equal(run.outcomes[2].end_us, 2 * MS);
	simulate_free(&run);
	trace_free(&trace);
}

/* What is known of functions alone: within a quarter of an octave of the times that follow from it. */
static void
test_the_best_without_sizes(void **state)
{
	SimulateRun run;
	Trace trace;
	PolicyError error;

	(void) state;
	/* Of a function whose calls are alike the one that has begun is the more urgent. */
	trace_init(&trace);
	call_add(&trace, "a", 0, 100 * MS);
	call_add(&trace, "a", 50 * MS, 100 * MS);
	call_add(&trace, "b", 55 * MS, 10 * MS); /* shorter than what is left of it */
	assert_int_equal(simulate_expected(&trace, 1, &run, &error), 0);
	assert_in_range(run.outcomes[0].end_us, 110 * MS - 2, 110 * MS + 2);
	assert_in_range(run.outcomes[1].end_us, 160 * MS - 2, 160 * MS + 2);
	assert_in_range(run.outcomes[2].end_us, 10 * MS - 2, 10 * MS + 2);
	simulate_free(&run);
	assert_int_equal(simulate_expected(&trace, 2, &run, &error), 0);
	assert_in_range(run.outcomes[1].end_us, 100 * MS - 2, 110 * MS + 2);
	simulate_free(&run);
	trace_free(&trace);
	/* A long one among short ones passes for short until it has had as much as they. */
	trace_init(&trace);
	call_add(&trace, "a", 0, SECOND);
	call_add(&trace, "a", 5 * MS, 10 * MS);
	call_add(&trace, "a", 500 * MS, 10 * MS);
	assert_int_equal(simulate_expected(&trace, 1, &run, &error), 0);
	assert_in_range(run.outcomes[1].end_us, 15 * MS, 18 * MS);
	assert_in_range(run.outcomes[2].end_us, 10 * MS - 2, 10 * MS + 2);
	assert_in_range(run.outcomes[0].end_us, 1020 * MS - 2, 1020 * MS + 2);
	simulate_free(&run);
	trace_free(&trace);
}

/* With known sizes, no costs and a tiny quantum the queue comes near the oracle: each checks the other. */
static void
test_known_sizes_come_near_the_oracle(void **state)
{
	Policy *policy = malloc(sizeof(*policy));
	GenerateSetup generate;
	SimulateSetup setup;
	Trace trace;
	SimulateRun run, oracle;
	PolicyError error;
	double ratio;

	(void) state;
	policy_make(policy, "version: 1\nnode: {name: n, id: 1, slots: 2, quantum: 1ms}\n"
						"pools: {p: {queue: {length: 10000}, limits: {wall: 30d}}}");
	setup = setup_free(policy);
	setup.prediction = SIMULATE_SIZES;
	generate_setup_init(&generate);
	generate.slots = 2;
	generate.load = 0.9;
	assert_int_equal(generate_kind_add(&generate, "alpha=1.5,low=50ms,high=500s", &error), 0);
	trace_init(&trace);
	assert_int_equal(trace_generate(&generate, &trace, &error), 0);
	run_make(&setup, &trace, &run);
	assert_int_equal(simulate_oracle(&trace, 2, &oracle, &error), 0);
	ratio = figures_of(&run, &trace).slowdown_mean / figures_of(&oracle, &trace).slowdown_mean;
	assert_true(ratio >= 0.999 && ratio < 1.03);
	simulate_free(&run);
	simulate_free(&oracle);
	trace_free(&trace);
	free(policy);
}

static void
test_the_same_trace_gives_the_same_run(void **state)
{
	Policy *policy = malloc(sizeof(*policy));
	GenerateSetup generate;
	SimulateSetup setup;
	Trace trace;
	SimulateRun run, again;
	PolicyError error;

	(void) state;
	policy_make(policy,
				"version: 1\nnode: {name: n, id: 1, slots: 3, quantum: 5ms, memory: 2GB}\n"
				"pools: {a: {priority: 90, reserve: 256MB}, b: {weight: 300, on_contention: share}, c: {slots: 2}}\n"
				"assign: [{role: a, pool: a}, {role: b, pool: b}, {pool: c}]\ncaps: [{role: c, slots: 1}]");
	simulate_setup_init(&setup, policy);
	generate_setup_init(&generate);
	generate.load = 0.95;
	generate.slots = 3;
	assert_int_equal(generate_kind_add(&generate, "role=a,functions=9,memory=90MB", &error), 0);
	assert_int_equal(generate_kind_add(&generate, "role=b,sql=0.5,queries=3", &error), 0);
	assert_int_equal(generate_kind_add(&generate, "role=c,alpha=1.9", &error), 0);
	trace_init(&trace);
	assert_int_equal(trace_generate(&generate, &trace, &error), 0);
	run_make(&setup, &trace, &run);
	run_make(&setup, &trace, &again);
	assert_int_equal(run.events, again.events);
	for (uint32_t i = 0; i < run.count; i++)
		assert_int_equal(run.outcomes[i].end_us, again.outcomes[i].end_us);
	simulate_free(&run);
	simulate_free(&again);
	setup.speed = 2.0;
	run_make(&setup, &trace, &again);
	assert_true(again.end_us - again.begin_us < (int64_t) trace.calls[trace.call_count - 1].at_us);
	simulate_free(&again);
	trace_free(&trace);
	free(policy);
}

static void
test_a_reload_needs_the_same_pools(void **state)
{
	Policy *policy = malloc(sizeof(*policy)), *other = malloc(sizeof(*other));
	SimulateSetup setup;
	Trace trace;
	SimulateRun run;
	PolicyError error;

	(void) state;
	policy_make(policy, ONE_SLOT "pools: {p: {" BIG "}}");
	policy_make(other, ONE_SLOT "pools: {q: {" BIG "}}");
	setup = setup_free(policy);
	setup.reload = other;
	trace_init(&trace);
	call_add(&trace, "a", 0, 1);
	assert_int_equal(simulate_run(&setup, &trace, &run, &error), -1);
	assert_string_equal(error.message, "the policy to reload must have the same pools in the same order");
	simulate_free(&run);
	trace_free(&trace);
	free(policy);
	free(other);
}

/* Nothing at all, calls of no time, all at once, and the largest numbers a trace can have. */
static void
test_extremes(void **state)
{
	Policy *policy = malloc(sizeof(*policy));
	SimulateSetup setup;
	Trace trace;
	SimulateRun run;

	(void) state;
	policy_make(policy, "version: 1\nnode: {name: n, id: 1, slots: 2, quantum: 10s}\n"
						"pools: {p: {queue: {length: 10000, timeout: 1d, ageing: 1s}, limits: {wall: 30d}}}");
	simulate_setup_init(&setup, policy);
	trace_init(&trace);
	run_make(&setup, &trace, &run);
	simulate_free(&run);
	for (int i = 0; i < 5000; i++)
		call_add(&trace, "a", 7, 0);
	for (int i = 0; i < 3; i++)
	{
		uint32_t number = call_add(&trace, "b", TRACE_AT_MAX, TRACE_TIME_MAX);

		trace.calls[number].sql_us = TRACE_TIME_MAX;
		trace.calls[number].queries = 1;
	}
	run_make(&setup, &trace, &run);
	assert_int_equal(run.outcomes[4999].end_us, 0);
	assert_int_equal(run.outcomes[5001].fate, SIMULATE_WALL);
	simulate_free(&run);
	trace_free(&trace);
	free(policy);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_events_come_by_time_then_in_order),
		cmocka_unit_test(test_first_come_first_served),
		cmocka_unit_test(test_a_long_call_gives_way_after_its_quantum),
		cmocka_unit_test(test_what_a_batch_does_when_an_urgent_call_comes),
		cmocka_unit_test(test_sql_needs_no_slot),
		cmocka_unit_test(test_what_is_refused_and_what_is_ended),
		cmocka_unit_test(test_memory_is_reserved_and_learned),
		cmocka_unit_test(test_caps_count_whom_they_select),
		cmocka_unit_test(test_ideals_by_hand),
		cmocka_unit_test(test_the_best_without_sizes),
		cmocka_unit_test(test_known_sizes_come_near_the_oracle),
		cmocka_unit_test(test_the_same_trace_gives_the_same_run),
		cmocka_unit_test(test_a_reload_needs_the_same_pools),
		cmocka_unit_test(test_extremes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
