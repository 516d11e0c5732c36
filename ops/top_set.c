/*
 * top_set.c - see top_set.h.
 */
#include "ops/top_set.h"
#include "ops/top_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
show_integer(char *out, double number)
{
	snprintf(out, TEXT_NUMBER_SIZE, "%.0f", number);
}

static void
show_percent(char *out, double number)
{
	snprintf(out, TEXT_NUMBER_SIZE, "%.0f%%", (double) (int64_t) number);
}

/* By TopKind: how its number is shown; NULL: as its text. */
static void (*const kind_shows[TOP_KIND_COUNT])(char *out, double number) = {
	[TOP_INTEGER] = show_integer,	[TOP_COUNT] = number_count,	  [TOP_BYTES] = number_bytes,
	[TOP_SECONDS] = number_seconds, [TOP_PERCENT] = show_percent,
};

void
set_open(TopSet *set, const TopColumn *columns, int column_count, int row_count)
{
	*set = (TopSet){columns, column_count, row_count, NULL, NULL};
	set->cells = memory_take((size_t) column_count * row_count, sizeof(TopCell));
}

void
set_close(TopSet *set)
{
	for (int i = 0; i < set->row_count * set->column_count; i++)
		free(set->cells[i].text);
	free(set->cells);
	free(set->fault);
	memset(set, 0, sizeof(*set));
}

const TopCell *
set_cell(const TopSet *set, int row, int column)
{
	return &set->cells[row * set->column_count + column];
}

void
set_put(TopSet *set, int row, int column, const char *text)
{
	TopCell *cell = &set->cells[row * set->column_count + column];

	free(cell->text);
	cell->text = memory_copy(text);
	cell->number = text != NULL && kind_is_number(set->columns[column].kind) ? strtod(text, NULL) : 0;
}

void
set_put_number(TopSet *set, int row, int column, double number)
{
	char text[64];

	snprintf(text, sizeof(text), "%.6g", number);
	set_put(set, row, column, text);
}

int
set_column(const TopSet *set, const char *name)
{
	for (int i = 0; i < set->column_count; i++)
		if (strcmp(set->columns[i].name, name) == 0)
			return i;
	return -1;
}

static const TopCell *
set_find_cell(const TopSet *set, int row, const char *name)
{
	int column = set_column(set, name);

	return column >= 0 && row >= 0 && row < set->row_count ? set_cell(set, row, column) : NULL;
}

const char *
set_text(const TopSet *set, int row, const char *name)
{
	const TopCell *cell = set_find_cell(set, row, name);

	return cell != NULL ? cell->text : NULL;
}

double
set_number(const TopSet *set, int row, const char *name)
{
	const TopCell *cell = set_find_cell(set, row, name);

	return cell != NULL ? cell->number : 0;
}

double
set_sum(const TopSet *set, const char *name)
{
	double sum = 0;

	for (int row = 0; row < set->row_count; row++)
		sum += set_number(set, row, name);
	return sum;
}

int
set_find(const TopSet *set, const char *name, const char *text)
{
	for (int row = 0; row < set->row_count && text != NULL; row++)
	{
		const char *other = set_text(set, row, name);

		if (other != NULL && strcmp(other, text) == 0)
			return row;
	}
	return -1;
}

bool
kind_is_number(TopKind kind)
{
	return kind_shows[kind] != NULL;
}

const char *
kind_show(TopKind kind, const TopCell *cell, char *out)
{
	if (cell->text == NULL)
		return "-";
	if (kind == TOP_FLAG)
		return strcmp(cell->text, "t") == 0 ? "yes" : "no";
	if (kind_shows[kind] == NULL)
		return cell->text;
	kind_shows[kind](out, cell->number);
	return out;
}

int
kind_compare(TopKind kind, const TopCell *a, const TopCell *b)
{
	if (a->text == NULL || b->text == NULL)
		return (a->text != NULL) - (b->text != NULL);
	if (kind_is_number(kind))
		return (a->number > b->number) - (a->number < b->number);
	return strcmp(a->text, b->text);
}
