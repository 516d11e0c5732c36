/* trace_test.c - traces: what is read from CSV, what is refused and with what words, what is generated. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policies/trace_generate.h"

static int
text_read(const char *text, size_t length, Trace *trace, PolicyError *error)
{
	FILE *file = fmemopen((void *) text, length, "r");
	int result;

	assert_non_null(file);
	trace_init(trace);
	*error = (PolicyError){0};
	result = trace_read(file, trace, error);
	fclose(file);
	return result;
}

static void
test_a_trace_is_read_and_sorted(void **state)
{
	static const char text[] = "run_us,at_us,function,\"role\",queries,sql_us,memory,database,pool,outcome\r\n"
							   "5,70,app.f,ana,,,,db,,done\n"
							   "6,20,\"a\"\"b,\nc\",bob,3,9,1048576,db,etl,done\n"
							   "\n"
							   "7,20,app.f,ana,,8,,db,,timeout";
	Trace trace;
	PolicyError error;

	(void) state;
	assert_int_equal(text_read(text, strlen(text), &trace, &error), 0);
	assert_int_equal(trace.call_count, 3);
	assert_int_equal(trace.class_count, 2);
	assert_int_equal(trace.calls[0].run_us, 6);
	assert_int_equal(trace.calls[0].queries, 3);
	assert_int_equal(trace.calls[0].memory, 1048576);
	assert_string_equal(trace.classes[trace.calls[0].class].function, "a\"b,\nc");
	assert_string_equal(trace.classes[trace.calls[0].class].pool, "etl");
	assert_int_equal(trace.calls[1].run_us, 7);
	assert_int_equal(trace.calls[1].queries, 1);
	assert_int_equal(trace.calls[1].priority, -1);
	assert_int_equal(trace.calls[1].queue_us, -1);
	assert_int_equal(trace.calls[2].at_us, 70);
	assert_int_equal(trace.calls[2].class, trace.calls[1].class);
	trace_free(&trace);
}

static const struct
{
	const char *text;
	int line, column;
	const char *message;
} bad[] = {
	{"\n", 1, 1, "a trace has no column \"\""},
	{"at_us\n1\n", 1, 0, "the column \"run_us\" is missing"},
	{"run_us\n1\n", 1, 0, "the column \"at_us\" is missing"},
	{"at_us,run_us,at_us\n", 1, 3, "the column \"at_us\" stands there twice"},
	{"at_us,run_us,colour\n", 1, 3, "a trace has no column \"colour\""},
	{"at_us,run_us\n1\n", 2, 0, "expected 2 fields as in the header, found 1"},
	{"at_us,run_us\n1,2\n1,2,3\n", 3, 0, "expected 2 fields as in the header, found 3"},
	{"at_us,run_us\n1,\n", 2, 2, "run_us: expected a whole number from 0 to 2592000000000, found \"\""},
	{"at_us,run_us\n1,-1\n", 2, 2, "run_us: expected a whole number from 0 to 2592000000000, found \"-1\""},
	{"at_us,run_us\n1,NaN\n", 2, 2, "run_us: expected a whole number from 0 to 2592000000000, found \"NaN\""},
	{"at_us,run_us\n1,1e3\n", 2, 2, "run_us: expected a whole number from 0 to 2592000000000, found \"1e3\""},
	{"at_us,run_us\n1,2592000000001\n", 2, 2,
	 "run_us: expected a whole number from 0 to 2592000000000, found \"2592000000001\""},
	{"at_us,run_us\n99999999999999999999999,1\n", 2, 1,
	 "at_us: expected a whole number from 0 to 1000000000000000, found \"99999999999999999999999\""},
	{"at_us,run_us\n1, 1\n", 2, 2, "run_us: expected a whole number from 0 to 2592000000000, found \" 1\""},
	{"at_us,run_us,queries\n1,1,1000001\n", 2, 3,
	 "queries: expected a whole number from 0 to 1000000, found \"1000001\""},
	{"at_us,run_us,priority\n1,1,101\n", 2, 3, "priority: expected a whole number from 0 to 100, found \"101\""},
	{"at_us,run_us,memory\n1,1,1125899906842625\n", 2, 3,
	 "memory: expected a whole number from 0 to 1125899906842624, found \"1125899906842625\""},
	{"at_us,run_us,role\n1,1,aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", 2, 3,
	 "role: expected at most 63 bytes, found 64"},
	{"at_us,run_us,role\n1,1,\"a\n\n\n", 2, 0, "a quote is not closed"},
	{"at_us,run_us\n1,1\n\n\n1,x\n", 5, 2, "run_us: expected a whole number from 0 to 2592000000000, found \"x\""},
	{"at_us,run_us,,,,,,,,,,,,,,,,,\n", 1, 0, "more than 13 fields"},
};

static void
test_what_is_wrong_is_refused_with_its_place(void **state)
{
	(void) state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		Trace trace;
		PolicyError error;

		assert_int_equal(text_read(bad[i].text, strlen(bad[i].text), &trace, &error), -1);
		assert_string_equal(error.message, bad[i].message);
		assert_int_equal(error.line, bad[i].line);
		assert_int_equal(error.column, bad[i].column);
		trace_free(&trace);
	}
}

static void
assert_refused(const char *text, size_t length, int line, const char *message)
{
	Trace trace;
	PolicyError error;

	assert_int_equal(text_read(text, length, &trace, &error), -1);
	assert_string_equal(error.message, message);
	assert_int_equal(error.line, line);
	trace_free(&trace);
}

static void
test_bytes_that_no_csv_has(void **state)
{
	char *long_record = malloc(2 * TRACE_RECORD_MAX);

	(void) state;
	assert_refused("at_us,run_us\n1,\0002\n", 18, 2, "expected text, found the byte 0x00");
	memset(long_record, '1', 2 * TRACE_RECORD_MAX);
	assert_refused(long_record, 2 * TRACE_RECORD_MAX, 1, "the record is longer than 4095 bytes");
	memset(long_record, '\n', 2 * TRACE_RECORD_MAX);
	long_record[0] = '"';
	assert_refused(long_record, 2 * TRACE_RECORD_MAX, 1, "the record is longer than 4095 bytes");
	free(long_record);
}

/* Distinct callers are bounded, so that memory is. */
static void
test_too_many_kinds_of_calls(void **state)
{
	size_t room = 32 * (TRACE_CLASSES_MAX + 2), used;
	char *text = malloc(room);

	(void) state;
	used = (size_t) sprintf(text, "at_us,run_us,role\n");
	for (int i = 0; i <= TRACE_CLASSES_MAX; i++)
		used += (size_t) sprintf(text + used, "%d,1,r%d\n", i, i);
	assert_refused(text, used, TRACE_CLASSES_MAX + 2,
				   "more than 65536 kinds of calls (function, role, database, pool)");
	free(text);
}

static void
kind_add(GenerateSetup *setup, const char *text)
{
	PolicyError error = {0};

	if (generate_kind_add(setup, text, &error) < 0)
		fail_msg("%s", error.message);
}

static void
generate(GenerateSetup *setup, Trace *trace)
{
	PolicyError error;

	trace_init(trace);
	assert_int_equal(trace_generate(setup, trace, &error), 0);
}

static void
test_what_is_written_is_read_again(void **state)
{
	GenerateSetup setup;
	Trace trace, again;
	PolicyError error;
	char *text;
	size_t length;
	FILE *file = open_memstream(&text, &length);

	(void) state;
	generate_setup_init(&setup);
	setup.calls = 500;
	kind_add(&setup, "role=a\"b,function=x.y,memory=3MB,sql=0.5,queries=4");
	kind_add(&setup, "role=etl,functions=7,share=2.5");
	generate(&setup, &trace);
	trace_write(file, &trace);
	fclose(file);
	assert_int_equal(text_read(text, length, &again, &error), 0);
	assert_int_equal(again.call_count, 500);
	assert_int_equal(again.class_count, trace.class_count);
	assert_memory_equal(again.classes, trace.classes, trace.class_count * sizeof(TraceClass));
	for (uint32_t i = 0; i < 500; i++)
		assert_memory_equal(&again.calls[i], &trace.calls[i], sizeof(TraceCall));
	trace_free(&trace);
	trace_free(&again);
	free(text);
}

static void
test_a_generated_trace_is_what_was_asked_for(void **state)
{
	GenerateSetup setup;
	Trace trace, again;
	double work = 0;
	uint32_t small = 0;

	(void) state;
	generate_setup_init(&setup);
	setup.slots = 3;
	setup.load = 0.8;
	kind_add(&setup, "role=one,alpha=1.5,low=2ms,high=3s");
	kind_add(&setup, "role=two,share=3,low=7ms,high=7ms");
	generate(&setup, &trace);
	generate(&setup, &again);
	assert_memory_equal(trace.calls, again.calls, setup.calls * sizeof(TraceCall));
	for (uint32_t i = 0; i < setup.calls; i++)
	{
		bool is_two = strcmp(trace.classes[trace.calls[i].class].role, "two") == 0;

		assert_in_range(trace.calls[i].run_us, is_two ? 7000 : 2000, is_two ? 7000 : 3000000);
		small += is_two;
		work += (double) trace.calls[i].run_us;
		assert_true(i == 0 || trace.calls[i].at_us >= trace.calls[i - 1].at_us);
	}
	assert_in_range(small, 7300, 7700);
	work /= 3.0 * (double) trace.calls[setup.calls - 1].at_us;
	assert_true(work > 0.799 && work < 0.801);
	setup.seed = 2;
	trace_free(&again);
	generate(&setup, &again);
	assert_memory_not_equal(trace.calls, again.calls, setup.calls * sizeof(TraceCall));
	trace_free(&trace);
	trace_free(&again);
}

static const struct
{
	const char *text, *message;
} bad_kinds[] = {
	{"share", "expected entries such as share=3 or low=1ms, found \"share\""},
	{"colour=3", "expected entries such as share=3 or low=1ms, found \"colour\""},
	{"share=0", "share: expected a number from 1e-06 to 1e+09, found \"0\""},
	{"share=nan", "share: expected a number from 1e-06 to 1e+09, found \"nan\""},
	{"share=0x10", "share: expected a number from 1e-06 to 1e+09, found \"0x10\""},
	{"alpha=1e999", "alpha: expected a number from 0.05 to 20, found \"1e999\""},
	{"low=5", "low: expected a time such as 500us, 20ms or 3s, found \"5\""},
	{"low=0.5us", "low: expected a time such as 500us, 20ms or 3s, found \"0.5us\""},
	{"high=31d", "high: expected a time such as 500us, 20ms or 3s, found \"31d\""},
	{"memory=2PB", "memory: expected a size such as 512MB, found \"2PB\""},
	{"queries=1.5", "queries: expected a whole number from 1 to 1e+06, found \"1.5\""},
	{"low=2s,high=1s", "low is above high"},
};

static void
test_kinds_that_make_no_sense(void **state)
{
	GenerateSetup setup;
	PolicyError error;

	(void) state;
	generate_setup_init(&setup);
	for (size_t i = 0; i < sizeof(bad_kinds) / sizeof(bad_kinds[0]); i++)
	{
		assert_int_equal(generate_kind_add(&setup, bad_kinds[i].text, &error), -1);
		assert_string_equal(error.message, bad_kinds[i].message);
	}
	assert_int_equal(setup.kind_count, 0);
	for (int i = 0; i < GENERATE_KINDS_MAX; i++)
		kind_add(&setup, "");
	assert_int_equal(generate_kind_add(&setup, "", &error), -1);
	assert_string_equal(error.message, "more than 16 kinds of calls");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_trace_is_read_and_sorted),
		cmocka_unit_test(test_what_is_wrong_is_refused_with_its_place),
		cmocka_unit_test(test_bytes_that_no_csv_has),
		cmocka_unit_test(test_too_many_kinds_of_calls),
		cmocka_unit_test(test_what_is_written_is_read_again),
		cmocka_unit_test(test_a_generated_trace_is_what_was_asked_for),
		cmocka_unit_test(test_kinds_that_make_no_sense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
