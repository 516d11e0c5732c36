/*
 * top_details.c - see top_details.h. Pure.
 */
#include "ops/top_details.h"
#include "ops/top_memory.h"
#include "ops/top_table.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define LABEL_WIDTH 16

/* "label   value"; a longer label has its value on lines of its own. Returns the row behind it. */
static int
field_draw(TopCanvas *canvas, int row, int x, int width, const char *label, const char *value)
{
	int behind = canvas_put(canvas, row, x, width, STYLE_QUIET, label);
	int start = x + LABEL_WIDTH;

	start = behind < start ? start : behind + 1;
	return canvas_wrap(canvas, row, start, width - (start - x), STYLE_PLAIN, value);
}

/* The cells of a row that are not null, the short ones two on a line where there is room. */
static int
row_draw(TopCanvas *canvas, int row, const TopSet *set, int number)
{
	int half = canvas->columns / 2, left = 0;
	char shown[TEXT_NUMBER_SIZE];

	for (int i = 0; i < set->column_count; i++)
	{
		const TopColumn *column = &set->columns[i];
		const TopCell *cell = set_cell(set, number, i);
		const char *value = kind_show(column->kind, cell, shown);
		int label = column->label != NULL ? text_width(column->label, canvas->charset) : 0;
		bool is_short;

		if (column->label == NULL || cell->text == NULL || cell->text[0] == '\0')
			continue;
		is_short = (label < LABEL_WIDTH ? LABEL_WIDTH : label + 1) + text_width(value, canvas->charset) < half &&
				   strchr(value, '\n') == NULL;
		if (!is_short && left > 0)
			row++;
		if (!is_short)
			left = 0;
		field_draw(canvas, row, left, is_short ? half - 1 : INT_MAX, column->label, value);
		if (is_short && left == 0)
		{
			left = half;
			continue;
		}
		left = 0;
		row = canvas->used > row ? canvas->used : row + 1;
	}
	return left > 0 ? row + 1 : row;
}

static int
title_draw(TopCanvas *canvas, int row, const char *title)
{
	canvas_fill(canvas, row, 0, canvas->columns, STYLE_TITLE, title);
	return row + 1;
}

/* Why a call does not run, in a sentence. */
static int
waiting_draw(TopCanvas *canvas, int row, const TopSet *calls, int call)
{
	const char *what = set_text(calls, call, "waiting_for");
	char waited[TEXT_NUMBER_SIZE], estimate[TEXT_NUMBER_SIZE], text[MODEL_WORDS_SIZE];

	if (what == NULL)
		return row;
	number_seconds(waited, set_number(calls, call, "waited"));
	number_seconds(estimate, set_number(calls, call, "estimate"));
	snprintf(text, sizeof(text), "Waits for %s since %s, as number %.0f of its pool; %s%s.", what, waited,
			 set_number(calls, call, "position"),
			 set_text(calls, call, "estimate") != NULL ? "in about " : "how long is not known",
			 set_text(calls, call, "estimate") != NULL ? estimate : "");
	return canvas_wrap(canvas, row, 0, INT_MAX, STYLE_WARNING, text);
}

/* Which sessions the call keeps from going on. */
static int
blocks_draw(TopCanvas *canvas, int row, const TopSet *calls, int call)
{
	const char *blocks = set_text(calls, call, "blocks");
	char text[MODEL_WORDS_SIZE];

	if (blocks == NULL || strcmp(blocks, "{}") == 0)
		return row;
	snprintf(text, sizeof(text), "Its transaction blocks backends %s.", blocks);
	return canvas_wrap(canvas, row, 0, INT_MAX, STYLE_WARNING, text);
}

static int
history_draw(TopCanvas *canvas, int row, const TopModel *model)
{
	const TopSet *history = &model->now.sets[SOURCE_HISTORY];

	if (history->row_count == 0 && history->fault == NULL)
		return row;
	row = title_draw(canvas, row, "Earlier calls of the function");
	if (history->fault != NULL)
		return canvas_wrap(canvas, row, 0, INT_MAX, STYLE_BAD, history->fault);
	return row_draw(canvas, row, history, 0);
}

static int
limits_draw(TopCanvas *canvas, int row, const TopModel *model)
{
	const TopSet *limits = &model->now.sets[SOURCE_LIMITS];

	if (limits->row_count == 0 && limits->fault == NULL)
		return row;
	row = title_draw(canvas, row, "Its pool, as the policy says");
	if (limits->fault != NULL)
		return canvas_wrap(canvas, row, 0, INT_MAX, STYLE_BAD, limits->fault);
	for (int i = 0; i < limits->row_count; i++)
	{
		const char *path = set_text(limits, i, "path"), *value = set_text(limits, i, "value");
		int x = canvas_put(canvas, row, 0, INT_MAX, STYLE_QUIET, path);

		row = canvas_wrap(canvas, row, x < 2 * LABEL_WIDTH ? 2 * LABEL_WIDTH : x + 1, INT_MAX, STYLE_PLAIN, value);
		row = canvas->used > row ? canvas->used : row;
	}
	return row;
}

/* What was done to it, the last first. */
static int
events_draw(TopCanvas *canvas, int row, const TopModel *model, const char *column, const char *value)
{
	const TopSet *events = &model->now.sets[SOURCE_EVENTS];
	int *order = memory_take(events->row_count, sizeof(int));
	TopTable table = {events, order, 0, 0, -1, -1};

	for (int i = 0; i < events->row_count; i++)
	{
		const char *other = set_text(events, i, column);

		if (other != NULL && strcmp(other, value) == 0)
			order[table.count++] = i;
	}
	if (table.count == 0)
		canvas_wrap(canvas, row, 0, INT_MAX, STYLE_QUIET, "no events");
	else
		table_draw(canvas, row, table.count, &table);
	free(order);
	return row + table.count + 1;
}

static int
call_draw(TopCanvas *canvas, int row, const TopModel *model, int call)
{
	const TopSet *calls = model_set(model, LIST_CALLS);

	if (call >= 0)
	{
		row = waiting_draw(canvas, row, calls, call);
		row = blocks_draw(canvas, row, calls, call);
		row = row_draw(canvas, row, calls, call);
	}
	row = events_draw(canvas, row, model, "call_id", model->looked);
	row = history_draw(canvas, row, model);
	return limits_draw(canvas, row, model);
}

void
details_draw(TopCanvas *canvas, const TopModel *model, int row)
{
	const TopListDefinition *list = &top_lists[model->looked_list];
	const TopSet *set = model_set(model, model->looked_list);
	int number = set_find(set, list->name, model->looked);
	char title[MODEL_WORDS_SIZE];

	snprintf(title, sizeof(title), "%s %s%s", list->noun, model->looked, number < 0 ? ": it is over" : "");
	row = title_draw(canvas, row, title);
	if (model->looked_list == LIST_CALLS)
		call_draw(canvas, row, model, number);
	else if (number >= 0)
		row = row_draw(canvas, row, set, number);
	if (model->looked_list == LIST_POOLS)
		events_draw(canvas, row, model, "pool", model->looked);
}
