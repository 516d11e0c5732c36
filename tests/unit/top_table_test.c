/*
 * top_table_test.c - which columns a width has room for, and where: at any width, for every table of pybox-top.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ops/top_source.h"
#include "ops/top_table.h"

#define WIDTH_MOST 400

/* Columns as the tables mean them: in order of rank, without gaps, and few enough. */
static void
test_tables(void **state)
{
	(void) state;
	for (int i = 0; i < SOURCE_COUNT; i++)
	{
		const TopStatement *statement = &top_statements[i];
		uint64_t ranks = 0;

		assert_in_range(statement->column_count, 1, TABLE_COLUMNS_MAX);
		for (int a = 0; a < statement->column_count; a++)
		{
			const TopColumn *column = &statement->columns[a];

			assert_int_equal(column->title != NULL, column->rank > 0);
			assert_true(column->title == NULL || (column->least <= column->most && column->least > 0));
			/* A title is cut by no layout. */
			assert_true(column->title == NULL ||
						(int) strlen(column->title) <= (column->most > 9 ? column->most : column->least));
			assert_true(column->title == NULL || (ranks & 1ULL << column->rank) == 0);
			ranks |= column->title != NULL ? 1ULL << column->rank : 0;
			for (int b = 0; b < a; b++)
				assert_string_not_equal(column->name, statement->columns[b].name);
		}
	}
}

static void
check_layout(const TopStatement *statement, const int *wanted, int width)
{
	TopPlace places[TABLE_COLUMNS_MAX];
	int placed = table_layout(statement->columns, statement->column_count, wanted, width, places);
	bool is_shown[TABLE_COLUMNS_MAX] = {false};
	int worst = 0;

	for (int i = 0; i < placed; i++)
	{
		const TopColumn *column = &statement->columns[places[i].column];

		assert_true(places[i].width >= column->least);
		assert_true(places[i].width <= column->least || places[i].width <= wanted[places[i].column]);
		assert_int_equal(places[i].x, i == 0 ? 0 : places[i - 1].x + places[i - 1].width + 1);
		assert_true(places[i].x + places[i].width <= width);
		assert_true(i == 0 || places[i].column > places[i - 1].column);
		is_shown[places[i].column] = true;
		worst = column->rank > worst ? column->rank : worst;
	}
	/* Nothing of a better rank is left out. */
	for (int i = 0; i < statement->column_count; i++)
		assert_true(is_shown[i] || statement->columns[i].title == NULL || statement->columns[i].rank > worst);
}

static void
test_any_width(void **state)
{
	(void) state;
	srand(20231122);
	for (int i = 0; i < SOURCE_COUNT; i++)
		for (int width = 0; width < WIDTH_MOST; width++)
		{
			int wanted[TABLE_COLUMNS_MAX];

			for (int column = 0; column < TABLE_COLUMNS_MAX; column++)
				wanted[column] = rand() % 60;
			check_layout(&top_statements[i], wanted, width);
		}
}

static const TopColumn columns[] = {
	{"id", "ID", "id", TOP_INTEGER, 3, 5, 1},
	{"name", "NAME", "name", TOP_TEXT, 4, 8, 2},
	{"memory", "MEM", "memory", TOP_BYTES, 5, 5, 3},
	{"note", NULL, "note", TOP_TEXT, 0, 0, 0},
};
static const struct
{
	int width;
	const char *text;
} tables[] = {
	{2, ""},
	{3, " ID\n  7\n 42\n"},
	{8, " ID NAME\n  7 a?b\n 42 lon~\n"},
	{14, " ID NAME   MEM\n  7 a?b   512M\n 42 lon~     -\n"},
	{18, " ID NAME       MEM\n  7 a?b       512M\n 42 longest~     -\n"},
	{40, " ID NAME           MEM\n  7 a?b           512M\n 42 longest name     -\n"},
};

static void
test_drawing(void **state)
{
	static const int order[] = {1, 0};
	TopSet set;
	TopTable table = {&set, order, 2, 0, 0, 1};

	(void) state;
	set_open(&set, columns, 4, 2);
	set_put(&set, 0, 0, "42");
	set_put(&set, 0, 1, "longest name");
	set_put(&set, 1, 0, "7");
	set_put(&set, 1, 1, "a\033b");
	set_put(&set, 1, 2, "536870912");
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
	{
		TopCanvas canvas;
		char *text = NULL;
		size_t length;
		FILE *out = open_memstream(&text, &length);

		canvas_open(&canvas, tables[i].width, TEXT_UTF8);
		table_draw(&canvas, 0, 10, &table);
		if (canvas.count > 0)
			canvas_print(&canvas, out);
		fclose(out);
		assert_string_equal(tables[i].width > 2 ? text : "", tables[i].text);
		canvas_close(&canvas);
		free(text);
	}
	set_close(&set);
}

/* Lines break at blanks where there are some, and no line is wider than there is room. */
static void
test_wrap(void **state)
{
	static const struct
	{
		int width;
		const char *text, *lines;
	} rows[] = {
		{10, "one two three four", "one two\nthree four\n"},
		{5, "abcdefghijkl mn", "abcde\nfghij\nkl mn\n"},
		{10, "one\ntwo", "one\ntwo\n"},
		{3, "\xe6\x97\xa5\xe6\x9c\xac", "\xe6\x97\xa5\n\xe6\x9c\xac\n"},
		{1,
		 "\xe6\x97\xa5"
		 "x",
		 "~\nx\n"},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		TopCanvas canvas;
		char *text = NULL;
		size_t length;
		FILE *out = open_memstream(&text, &length);

		canvas_open(&canvas, 80, TEXT_UTF8);
		canvas_wrap(&canvas, 0, 0, rows[i].width, STYLE_PLAIN, rows[i].text);
		canvas_print(&canvas, out);
		fclose(out);
		assert_string_equal(text, rows[i].lines);
		canvas_close(&canvas);
		free(text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_tables), cmocka_unit_test(test_any_width),
									   cmocka_unit_test(test_drawing), cmocka_unit_test(test_wrap)};

	if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
