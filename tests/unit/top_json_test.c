/*
 * top_json_test.c - what --json says of any cell, whatever its bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ops/top_json.h"

static const struct
{
	const char *text, *json;
} strings[] = {
	{NULL, "null"},
	{"", "\"\""},
	{"plain", "\"plain\""},
	{"\"\\/", "\"\\\"\\\\/\""},
	{"a\n\t\x01\x1f\x7f", "\"a\\u000a\\u0009\\u0001\\u001f\\u007f\""},
	{"\033[31m\xc2\x9b", "\"\\u001b[31m\\u009b\""},
	{"\xe6\x97\xa5", "\"\xe6\x97\xa5\""},
	{"\xff\xc3", "\"\\ufffd\\ufffd\""},
};

static void
test_strings(void **state)
{
	(void) state;
	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
	{
		char *text = NULL;
		size_t length;
		FILE *out = open_memstream(&text, &length);

		json_string(out, strings[i].text);
		fclose(out);
		assert_string_equal(text, strings[i].json);
		free(text);
	}
}

/* A cell of the events' set, whose columns have most kinds, in a whole document. */
static void
check_cell(TopSource source, const char *column, const char *text, const char *expected)
{
	TopSnapshot snapshot;
	TopSet *set = &snapshot.sets[source];
	char *json = NULL, wanted[256];
	size_t length;
	FILE *out = open_memstream(&json, &length);

	snapshot_open(&snapshot);
	set_close(set);
	set_open(set, top_statements[source].columns, top_statements[source].column_count, 1);
	set_put(set, 0, set_column(set, column), text);
	json_snapshot(out, &snapshot);
	fclose(out);
	snprintf(wanted, sizeof(wanted), "\"%s\": %s", column, expected);
	assert_non_null(strstr(json, wanted));
	snapshot_close(&snapshot);
	free(json);
}

static void
test_cells(void **state)
{
	(void) state;
	check_cell(SOURCE_EVENTS, "call_id", "562949953421312", "\"562949953421312\"");
	check_cell(SOURCE_CALLS, "call_id", "562949953421312", "\"562949953421312\"");
	check_cell(SOURCE_EVENTS, "pid", "4711", "4711");
	check_cell(SOURCE_EVENTS, "value", "1.5e-07", "1.5e-07");
	check_cell(SOURCE_EVENTS, "value", "NaN", "null");
	check_cell(SOURCE_EVENTS, "value", "Infinity", "null");
	check_cell(SOURCE_EVENTS, "dry_run", "t", "true");
	check_cell(SOURCE_EVENTS, "dry_run", "f", "false");
	check_cell(SOURCE_EVENTS, "dry_run", NULL, "null");
	check_cell(SOURCE_CALLS, "blocks", "{1,22}", "[1,22]");
	check_cell(SOURCE_CALLS, "blocks", "{}", "[]");
	check_cell(SOURCE_CALLS, "blocks", "{\"x\"}", "\"{\\\"x\\\"}\"");
}

static void
test_empty(void **state)
{
	TopSnapshot snapshot;
	char *json = NULL;
	size_t length;
	FILE *out = open_memstream(&json, &length);

	(void) state;
	snapshot_open(&snapshot);
	snapshot.sets[SOURCE_NODE].fault = strdup("no \"rights\"");
	json_snapshot(out, &snapshot);
	fclose(out);
	assert_string_equal(
		json, "{\n  \"server\": null,\n  \"node\": null,\n  \"pools\": [],\n  \"calls\": [],\n  \"interpreters\": [],\n"
			  "  \"events\": [],\n  \"faults\": {\"node\": \"no \\\"rights\\\"\"}\n}\n");
	snapshot_close(&snapshot);
	free(json);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_strings), cmocka_unit_test(test_cells),
									   cmocka_unit_test(test_empty)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
