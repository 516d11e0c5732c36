/*
 * top_table.c - see top_table.h.
 */
#include "ops/top_table.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

/* The column of the next greater rank, or -1. */
static int
column_ranked_after(const TopColumn *columns, int count, int rank)
{
	int best = -1;

	for (int i = 0; i < count; i++)
		if (columns[i].title != NULL && columns[i].rank > rank && (best < 0 || columns[i].rank < columns[best].rank))
			best = i;
	return best;
}

/* Gives columns what they want while there is room, those of the least ranks first; returns what is left. */
static int
layout_widen(const TopColumn *columns, int count, const int *wanted, bool beyond_most, int room, int *widths)
{
	for (int i = column_ranked_after(columns, count, 0); i >= 0;
		 i = column_ranked_after(columns, count, columns[i].rank))
	{
		int goal = beyond_most || wanted[i] < columns[i].most ? wanted[i] : columns[i].most;
		int more = goal - widths[i];

		if (widths[i] == 0 || more <= 0)
			continue;
		more = more < room ? more : room;
		widths[i] += more;
		room -= more;
	}
	return room;
}

int
table_layout(const TopColumn *columns, int count, const int *wanted, int width, TopPlace *places)
{
	int widths[TABLE_COLUMNS_MAX] = {0};
	int room = width + 1, placed = 0, x = 0;

	for (int i = column_ranked_after(columns, count, 0); i >= 0;
		 i = column_ranked_after(columns, count, columns[i].rank))
	{
		if (columns[i].least + 1 > room)
			break;
		widths[i] = columns[i].least;
		room -= columns[i].least + 1;
	}
	room = layout_widen(columns, count, wanted, false, room, widths);
	layout_widen(columns, count, wanted, true, room, widths);
	for (int i = 0; i < count; i++)
	{
		if (widths[i] == 0)
			continue;
		places[placed++] = (TopPlace){i, x, widths[i]};
		x += widths[i] + 1;
	}
	return placed;
}

/* How wide each column is with what is shown of it. */
static void
table_measure(const TopTable *table, int rows, TextCharset charset, int *wanted)
{
	const TopSet *set = table->set;
	char number[TEXT_NUMBER_SIZE];

	for (int column = 0; column < set->column_count; column++)
	{
		const TopColumn *about = &set->columns[column];

		wanted[column] = about->title != NULL ? (int) strlen(about->title) : 0;
		for (int i = table->first; about->title != NULL && i < table->count && i < table->first + rows; i++)
		{
			const char *text = kind_show(about->kind, set_cell(set, table->order[i], column), number);
			int width = text_width(text, charset);

			wanted[column] = width > wanted[column] ? width : wanted[column];
		}
	}
}

/* Numbers end where their column ends. */
static void
cell_draw(TopCanvas *canvas, int row, const TopPlace *place, TopKind kind, TopStyle style, const char *text)
{
	int blank = kind_is_number(kind) ? place->width - text_width(text, canvas->charset) : 0;

	blank = blank > 0 ? blank : 0;
	canvas_put(canvas, row, place->x + blank, place->width - blank, style, text);
}

static void
table_draw_row(TopCanvas *canvas, int row, const TopTable *table, int index, const TopPlace *places, int placed)
{
	TopStyle style = index == table->selected ? STYLE_SELECTED : STYLE_PLAIN;
	char number[TEXT_NUMBER_SIZE];

	if (style == STYLE_SELECTED)
		canvas_fill(canvas, row, 0, canvas->columns, style, "");
	for (int i = 0; i < placed; i++)
	{
		TopKind kind = table->set->columns[places[i].column].kind;
		const TopCell *cell = set_cell(table->set, table->order[index], places[i].column);

		cell_draw(canvas, row, &places[i], kind, style, kind_show(kind, cell, number));
	}
}

void
table_draw(TopCanvas *canvas, int row, int rows, const TopTable *table)
{
	const TopColumn *columns = table->set->columns;
	int wanted[TABLE_COLUMNS_MAX];
	TopPlace places[TABLE_COLUMNS_MAX];
	int placed;

	table_measure(table, rows, canvas->charset, wanted);
	placed = table_layout(columns, table->set->column_count, wanted, canvas->columns, places);
	canvas_fill(canvas, row, 0, canvas->columns, STYLE_TITLE, "");
	for (int i = 0; i < placed; i++)
		cell_draw(canvas, row, &places[i], columns[places[i].column].kind,
				  places[i].column == table->sort ? STYLE_SELECTED : STYLE_TITLE, columns[places[i].column].title);
	for (int i = table->first; i < table->count && i < table->first + rows; i++)
		table_draw_row(canvas, row + 1 + i - table->first, table, i, places, placed);
}
