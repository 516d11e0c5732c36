/*
 * top_keys_test.c - what keys do: each of the table on each screen, selection that stays with its row, dialogs that stay with theirs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ops/top_draw.h"
#include "ops/top_keys.h"

#define CALLS 30

static TopModel model;

/* Calls 1 to count, the greater the longer; every third in pool etl. */
static void
calls_take(int from, int count)
{
	TopSnapshot snapshot;
	TopSet *set = &snapshot.sets[SOURCE_CALLS], *pools = &snapshot.sets[SOURCE_POOLS];
	char number[16];

	snapshot_open(&snapshot);
	set_close(set);
	set_open(set, top_statements[SOURCE_CALLS].columns, top_statements[SOURCE_CALLS].column_count, count);
	for (int i = 0; i < count; i++)
	{
		snprintf(number, sizeof(number), "%d", from + i);
		set_put(set, i, set_column(set, "call_id"), number);
		set_put(set, i, set_column(set, "pid"), number);
		set_put(set, i, set_column(set, "elapsed"), number);
		set_put(set, i, set_column(set, "function"), "slow()");
		set_put(set, i, set_column(set, "role"), "ana");
		set_put(set, i, set_column(set, "pool"), i % 3 == 0 ? "etl" : "web");
	}
	set_close(pools);
	set_open(pools, top_statements[SOURCE_POOLS].columns, top_statements[SOURCE_POOLS].column_count, 2);
	set_put(pools, 0, set_column(pools, "pool"), "etl");
	set_put(pools, 1, set_column(pools, "pool"), "web");
	model_take(&model, &snapshot);
}

static int
setup(void **state)
{
	(void) state;
	model_open(&model, 2);
	calls_take(1, CALLS);
	return 0;
}

static int
teardown(void **state)
{
	(void) state;
	model_close(&model);
	return 0;
}

static void
type(const char *text)
{
	for (; *text != '\0'; text++)
		key_press(&model, *text == '\n' ? KEY_OF_ENTER : *text);
}

static const char *
selected(void)
{
	return model.lists[LIST_CALLS].name;
}

/* The longest is selected at first, as it is on top; then what was chosen stays so. */
static void
test_selection(void **state)
{
	(void) state;
	assert_string_equal(selected(), "30");
	key_press(&model, KEY_OF_DOWN);
	key_press(&model, KEY_OF_DOWN);
	assert_string_equal(selected(), "28");
	calls_take(1, CALLS + 10); /* longer ones have come above it */
	assert_string_equal(selected(), "28");
	key_press(&model, 'R');
	assert_string_equal(selected(), "28");
	key_press(&model, 's');
	assert_string_equal(selected(), "28");
	calls_take(29, CALLS); /* it is over */
	assert_string_not_equal(selected(), "28");
	assert_string_not_equal(selected(), "");
	calls_take(1, 0);
	assert_string_equal(selected(), "");
	key_press(&model, 'c');
	assert_int_equal(model.dialog.state, DIALOG_NONE);
	assert_string_equal(model.message, "No call is selected.");
}

/* What each key that acts sends, after what is typed and y; and that nothing is sent after anything else. */
static const struct
{
	const char *keys, *sql, *typed, *question;
} actions[] = {
	{"c", "SELECT pybox.cancel($1::bigint)", "", "Cancel? [y/N] slow() of ana, backend 30, call 30"},
	{"k", "SELECT pybox.kill($1::bigint)", "", "Kill? [y/N] slow() of ana, backend 30, call 30"},
	{"p", "SELECT pybox.pause($1::bigint)", "", "Pause? [y/N] slow() of ana, backend 30, call 30"},
	{"r", "SELECT pybox.resume($1::bigint)", "", "Resume? [y/N] slow() of ana, backend 30, call 30"},
	{"n10\n", "SELECT pybox.set_priority($1::bigint, $2::integer)", "10",
	 "Set priority to 10? [y/N] slow() of ana, backend 30, call 30"},
	{"metl\n", "SELECT pybox.move($1::bigint, $2::text)", "etl",
	 "Move to pool etl? [y/N] slow() of ana, backend 30, call 30"},
	{"2d", "SELECT pybox.drain($1::text)", "", "Drain? [y/N] pool etl"},
	{"2u", "SELECT pybox.undrain($1::text)", "", "Open again? [y/N] pool etl"},
};

static void
test_actions(void **state)
{
	int with_action = 0;

	(void) state;
	for (int i = 0; i < top_key_count; i++)
		with_action += top_keys[i].action != NULL;
	assert_int_equal(with_action, sizeof(actions) / sizeof(actions[0]));
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
	{
		char question[MODEL_WORDS_SIZE];

		type("1");
		type(actions[i].keys);
		dialog_question(&model, question);
		assert_string_equal(question, actions[i].question);
		assert_int_equal(model.request.state, DIALOG_NONE);
		type(i % 2 == 0 ? "n" : "\n");
		assert_string_equal(model.message, "Nothing was done.");
		assert_int_equal(model.request.state, DIALOG_NONE);
		type("1");
		type(actions[i].keys);
		type("y");
		assert_string_equal(model.request.action->sql, actions[i].sql);
		assert_string_equal(model.request.name, i < 6 ? "30" : "etl");
		assert_string_equal(model.request.typed, actions[i].typed);
		assert_int_equal(model.dialog.state, DIALOG_NONE);
		memset(&model.request, 0, sizeof(model.request));
	}
}

/* The call that is confirmed is the one that was asked about, whatever comes in between. */
static void
test_dialog_keeps_its_call(void **state)
{
	(void) state;
	type("k");
	calls_take(100, 5);
	assert_string_not_equal(selected(), "30");
	type("y");
	assert_string_equal(model.request.name, "30");
}

static void
test_typing(void **state)
{
	static const struct
	{
		const char *keys, *message;
	} faults[] = {
		{"n101\n", "A priority is a whole number from 0 to 100."},
		{"n\n", "A priority is a whole number from 0 to 100."},
		{"n-1\n", "A priority is a whole number from 0 to 100."},
		{"n5 \n", "A priority is a whole number from 0 to 100."},
		{"n0001\n", "A priority is a whole number from 0 to 100."},
		{"mnone\n", "There is no pool of that name."},
		{"m\n", "There is no pool of that name."},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
	{
		type(faults[i].keys);
		assert_string_equal(model.message, faults[i].message);
		assert_int_equal(model.dialog.state, DIALOG_NONE);
	}
	type("m");
	key_press(&model, 0xE9);
	key_press(&model, 0x65E5);
	assert_string_equal(model.dialog.typed, "\xc3\xa9\xe6\x97\xa5");
	key_press(&model, KEY_OF_BACK);
	assert_string_equal(model.dialog.typed, "\xc3\xa9");
	key_press(&model, KEY_OF_BACK);
	key_press(&model, KEY_OF_BACK);
	assert_string_equal(model.dialog.typed, "");
	for (int i = 0; i < 1000; i++)
		key_press(&model, 0x10FFFF);
	assert_in_range(strlen(model.dialog.typed), 100, MODEL_INPUT_SIZE - 1);
	key_press(&model, 27);
	key_press(&model, KEY_OF_ESCAPE);
	assert_int_equal(model.dialog.state, DIALOG_NONE);
	assert_int_equal(model.request.state, DIALOG_NONE);
}

static void
test_filter(void **state)
{
	static const struct
	{
		const char *filter;
		int count;
	} filters[] = {
		{"", CALLS},	{"etl", 10},   {"ETL slow", 10},   {"pool=etl", 10},	{"pool=et", 0}, {"POOL=ETL ana", 10},
		{"nothing", 0}, {"pid=30", 1}, {"elapsed=30s", 1}, {"nocolumn=etl", 0}, {"   ", CALLS},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++)
	{
		snprintf(model.lists[LIST_CALLS].filter, MODEL_INPUT_SIZE, "%s", filters[i].filter);
		list_arrange(&model, LIST_CALLS);
		assert_int_equal(model.lists[LIST_CALLS].count, filters[i].count);
	}
	key_press(&model, KEY_OF_ESCAPE);
	type("fpool=etl\n");
	assert_int_equal(model.lists[LIST_CALLS].count, 10);
	key_press(&model, KEY_OF_ESCAPE);
	assert_int_equal(model.lists[LIST_CALLS].count, CALLS);
}

static void
test_sorting(void **state)
{
	TopList *list = &model.lists[LIST_CALLS];
	int start = list->sort, turns = 0;

	(void) state;
	do
	{
		const TopColumn *column = &model_set(&model, LIST_CALLS)->columns[list->sort];

		assert_non_null(column->title);
		for (int i = 1; i < list->count; i++)
		{
			int order =
				kind_compare(column->kind, set_cell(model_set(&model, LIST_CALLS), list->order[i - 1], list->sort),
							 set_cell(model_set(&model, LIST_CALLS), list->order[i], list->sort));

			assert_true(kind_is_number(column->kind) ? order >= 0 : order <= 0);
		}
		type("s");
		turns++;
	} while (list->sort != start);
	assert_in_range(turns, 10, 32);
	type("s");
	type("S");
	assert_int_equal(list->sort, start);
}

static const char *
drawn(int rows, int columns, char **text)
{
	TopCanvas canvas;
	size_t length;
	FILE *out = open_memstream(text, &length);

	canvas_open(&canvas, columns, TEXT_UTF8);
	draw_screen(&canvas, &model, rows);
	for (int i = 0; i < canvas.count; i++)
	{
		assert_in_range(canvas.pieces[i].row, 0, rows - 1);
		assert_true(canvas.pieces[i].column + text_width(canvas.pieces[i].text, TEXT_UTF8) <= columns);
	}
	canvas_print(&canvas, out);
	canvas_close(&canvas);
	fclose(out);
	return *text;
}

/* Each key of the table on each screen, on terminals of any size: nothing outside of them, and no way to get lost. */
static void
test_every_key_everywhere(void **state)
{
	static const int sizes[][2] = {{24, 80}, {1, 1}, {5, 10}, {8, 30}, {40, 120}, {100, 300}};
	char *text;

	(void) state;
	for (TopScreenName screen = 0; screen < SCREEN_COUNT; screen++)
		for (int i = 0; i < top_key_count; i++)
			for (size_t size = 0; size < sizeof(sizes) / sizeof(sizes[0]); size++)
			{
				teardown(NULL);
				setup(NULL);
				if (screen == SCREEN_DETAILS)
					key_press(&model, KEY_OF_ENTER);
				else if (screen == SCREEN_HELP)
					type("?");
				else
					key_press(&model, '1' + (int) screen);
				assert_int_equal(model.screen, screen);
				key_press(&model, top_keys[i].key);
				assert_non_null(drawn(sizes[size][0], sizes[size][1], &text));
				free(text);
				key_press(&model, KEY_OF_ESCAPE);
				type("1");
				assert_int_equal(model.screen, SCREEN_OVERVIEW);
			}
}

/* The selected row can be seen wherever it is, and the details of a call outlive it. */
static void
test_scrolling(void **state)
{
	char *text;

	(void) state;
	for (int i = 0; i < CALLS; i++)
	{
		char row[32];

		snprintf(row, sizeof(row), "%5d -", atoi(selected()));
		assert_non_null(strstr(drawn(24, 80, &text), row));
		free(text);
		key_press(&model, KEY_OF_DOWN);
	}
	assert_string_equal(selected(), "1");
	key_press(&model, KEY_OF_PAGE_UP);
	assert_true(atoi(selected()) > 2 && atoi(selected()) < CALLS);
	key_press(&model, KEY_OF_FIRST);
	assert_string_equal(selected(), "30");
	key_press(&model, KEY_OF_LAST);
	assert_string_equal(selected(), "1");
	key_press(&model, KEY_OF_ENTER);
	assert_string_equal(model_call(&model), "1");
	assert_non_null(strstr(drawn(24, 80, &text), "call 1\n"));
	free(text);
	calls_take(2, 5);
	assert_non_null(strstr(drawn(24, 80, &text), "call 1: it is over"));
	free(text);
	type("?");
	key_press(&model, KEY_OF_ESCAPE);
	assert_int_equal(model.screen, SCREEN_DETAILS);
	key_press(&model, KEY_OF_ESCAPE);
	assert_int_equal(model.screen, SCREEN_OVERVIEW);
	assert_string_equal(model_call(&model), "0");
}

static void
test_interval(void **state)
{
	(void) state;
	for (int i = 0; i < 50; i++)
		type("-");
	assert_true(model.interval == INTERVAL_LEAST);
	for (int i = 0; i < 50; i++)
		type("+");
	assert_true(model.interval == INTERVAL_MOST);
}

int
main(void)
{
#define KEYS_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		KEYS_TEST(test_selection),
		KEYS_TEST(test_actions),
		KEYS_TEST(test_dialog_keeps_its_call),
		KEYS_TEST(test_typing),
		KEYS_TEST(test_filter),
		KEYS_TEST(test_sorting),
		KEYS_TEST(test_every_key_everywhere),
		KEYS_TEST(test_scrolling),
		KEYS_TEST(test_interval),
	};

	if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
