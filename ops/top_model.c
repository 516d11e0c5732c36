/*
 * top_model.c - see top_model.h.
 */
#include "ops/top_model.h"
#include "ops/top_memory.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const TopListDefinition top_lists[LIST_COUNT] = {
	[LIST_CALLS] = {SOURCE_CALLS, "call", "call_id", "elapsed"},
	[LIST_POOLS] = {SOURCE_POOLS, "pool", "pool", "priority"},
	[LIST_INTERPRETERS] = {SOURCE_INTERPRETERS, "interpreter", "pid", "memory"},
	[LIST_EVENTS] = {SOURCE_EVENTS, "event", "number", "age"},
};

void
model_open(TopModel *model, double interval)
{
	memset(model, 0, sizeof(*model));
	snapshot_open(&model->now);
	model->interval = interval;
	for (TopListName list = 0; list < LIST_COUNT; list++)
		model->lists[list].sort = set_column(model_set(model, list), top_lists[list].sort);
	model->lists[LIST_EVENTS].reversed = true;
}

void
model_close(TopModel *model)
{
	snapshot_close(&model->now);
	for (TopListName list = 0; list < LIST_COUNT; list++)
		free(model->lists[list].order);
}

const TopSet *
model_set(const TopModel *model, TopListName list)
{
	return &model->now.sets[top_lists[list].source];
}

void
model_message(TopModel *model, TopStyle style, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(model->message, sizeof(model->message), format, arguments);
	va_end(arguments);
	model->message_style = style;
}

TopListName
model_list(const TopModel *model)
{
	static const TopListName lists[SCREEN_COUNT] = {
		[SCREEN_OVERVIEW] = LIST_CALLS, [SCREEN_POOLS] = LIST_POOLS,
		[SCREEN_EVENTS] = LIST_EVENTS,	[SCREEN_INTERPRETERS] = LIST_INTERPRETERS,
		[SCREEN_DETAILS] = LIST_COUNT,	[SCREEN_HELP] = LIST_COUNT,
	};

	return lists[model->screen];
}

const char *
model_call(const TopModel *model)
{
	return model->screen == SCREEN_DETAILS && model->looked_list == LIST_CALLS ? model->looked : "0";
}

const char *
model_subject(const TopModel *model, TopListName list)
{
	if (model->screen == SCREEN_DETAILS)
		return model->looked_list == list ? model->looked : "";
	return model_list(model) == list ? model->lists[list].name : "";
}

/* What share of a core each row's process used since the snapshot before; null for those that are new. */
static void
cpu_percent_compute(TopSet *set, const TopSet *before, const char *name, double seconds)
{
	int out = set_column(set, "cpu_percent");

	for (int row = 0; row < set->row_count; row++)
	{
		int old = set_find(before, name, set_text(set, row, name));

		if (old < 0 || seconds <= 0 || set_text(set, row, "cpu") == NULL || set_text(before, old, "cpu") == NULL)
			continue;
		double used = set_number(set, row, "cpu") - set_number(before, old, "cpu");
		set_put_number(set, row, out, used > 0 ? 100 * used / seconds : 0);
	}
}

void
model_take(TopModel *model, TopSnapshot *snapshot)
{
	TopSnapshot before = model->now;
	double seconds =
		set_number(&snapshot->sets[SOURCE_SERVER], 0, "clock") - set_number(&before.sets[SOURCE_SERVER], 0, "clock");

	model->now = *snapshot;
	memset(snapshot, 0, sizeof(*snapshot));
	cpu_percent_compute(&model->now.sets[SOURCE_CALLS], &before.sets[SOURCE_CALLS], "call_id", seconds);
	cpu_percent_compute(&model->now.sets[SOURCE_INTERPRETERS], &before.sets[SOURCE_INTERPRETERS], "pid", seconds);
	snapshot_close(&before);
	for (TopListName list = 0; list < LIST_COUNT; list++)
		list_arrange(model, list);
}

/* One word of a filter: a value that a column has to have, or something to be found anywhere. */
static bool
word_matches(const TopSet *set, int row, const char *word)
{
	const char *equals = strchr(word, '=');
	char number[TEXT_NUMBER_SIZE];

	for (int column = 0; column < set->column_count; column++)
	{
		const TopColumn *about = &set->columns[column];
		const TopCell *cell = set_cell(set, row, column);
		size_t length = strlen(about->name);

		if (equals != NULL && (size_t) (equals - word) == length && strncasecmp(about->name, word, length) == 0)
			return strcasecmp(kind_show(about->kind, cell, number), equals + 1) == 0 ||
				   (cell->text != NULL && strcasecmp(cell->text, equals + 1) == 0);
	}
	for (int column = 0; column < set->column_count; column++)
	{
		const TopCell *cell = set_cell(set, row, column);

		if (cell->text != NULL && !kind_is_number(set->columns[column].kind) && strcasestr(cell->text, word) != NULL)
			return true;
	}
	return false;
}

bool
filter_matches(const TopSet *set, int row, const char *filter)
{
	char words[MODEL_INPUT_SIZE];
	char *rest = NULL;

	snprintf(words, sizeof(words), "%s", filter);
	for (char *word = strtok_r(words, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest))
		if (!word_matches(set, row, word))
			return false;
	return true;
}

/* Numbers from the greatest, texts from the first, unless reversed. */
typedef struct Arrangement
{
	const TopSet *set;
	int column;
	bool descending;
} Arrangement;

static int
arrangement_compare(const void *a, const void *b, void *context)
{
	const Arrangement *by = context;
	int left = *(const int *) a, right = *(const int *) b;
	int order = kind_compare(by->set->columns[by->column].kind, set_cell(by->set, left, by->column),
							 set_cell(by->set, right, by->column));

	if (order == 0)
		return left - right;
	return by->descending ? -order : order;
}

/* The selected row by its name, or another one at its place when it is gone. */
static void
list_keep_selected(TopModel *model, TopListName name)
{
	TopList *list = &model->lists[name];
	const TopSet *set = model_set(model, name);

	for (int i = 0; i < list->count && list->name[0] != '\0'; i++)
	{
		const char *other = set_text(set, list->order[i], top_lists[name].name);

		if (other != NULL && strncmp(other, list->name, sizeof(list->name) - 1) == 0)
		{
			list->index = i;
			return;
		}
	}
	list_select(model, name, list->index);
}

void
list_arrange(TopModel *model, TopListName name)
{
	TopList *list = &model->lists[name];
	const TopSet *set = model_set(model, name);
	Arrangement by = {set, list->sort, kind_is_number(set->columns[list->sort].kind) != list->reversed};

	list->order = memory_grow(list->order, set->row_count, sizeof(int));
	list->count = 0;
	for (int row = 0; row < set->row_count; row++)
		if (filter_matches(set, row, list->filter))
			list->order[list->count++] = row;
	qsort_r(list->order, list->count, sizeof(int), arrangement_compare, &by);
	list_keep_selected(model, name);
}

void
list_select(TopModel *model, TopListName name, int index)
{
	TopList *list = &model->lists[name];
	const char *text;

	list->index = index < list->count ? index : list->count - 1;
	list->index = list->index > 0 ? list->index : 0;
	text = list->count > 0 ? set_text(model_set(model, name), list->order[list->index], top_lists[name].name) : NULL;
	snprintf(list->name, sizeof(list->name), "%s", text != NULL ? text : "");
}

void
list_sort_next(TopModel *model, TopListName name, int step)
{
	TopList *list = &model->lists[name];
	const TopSet *set = model_set(model, name);

	do
		list->sort = (list->sort + step + set->column_count) % set->column_count;
	while (set->columns[list->sort].title == NULL);
	list_arrange(model, name);
}

void
list_scroll(TopList *list, int rows)
{
	if (list->index >= list->first + rows)
		list->first = list->index - rows + 1;
	if (list->first > list->count - rows)
		list->first = list->count - rows;
	if (list->first > list->index)
		list->first = list->index;
	if (list->first < 0)
		list->first = 0;
}
