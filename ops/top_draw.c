/*
 * top_draw.c - see top_draw.h: header, tables, help and the last line. The details of a row are top_details.c's.
 */
#include "ops/top_details.h"
#include "ops/top_draw.h"
#include "ops/top_keys.h"
#include "ops/top_table.h"

#include <limits.h>
#include <string.h>

#define HEADER_ROWS 3
#define EVENT_ROWS_LEAST 3
#define BAR_WIDTH 10

/* The text, or what stands for nothing. */
static const char *
or_dash(const char *text)
{
	return text != NULL ? text : "-";
}

/* A number of a single row as people read it. */
static const char *
shown(const TopSet *set, const char *name, char *out)
{
	int column = set_column(set, name);

	return set->row_count > 0 ? kind_show(set->columns[column].kind, set_cell(set, 0, column), out) : "-";
}

/* --- header --- */

static void
header_draw_server(TopCanvas *canvas, const TopModel *model)
{
	const TopSet *server = &model->now.sets[SOURCE_SERVER], *node = &model->now.sets[SOURCE_NODE];
	const char *at = set_text(server, 0, "at");
	char uptime[TEXT_NUMBER_SIZE];
	int right = canvas->columns - 9, x;

	canvas_fill(canvas, 0, 0, canvas->columns, STYLE_STRONG, "");
	x = canvas_format(canvas, 0, 0, STYLE_STRONG, "%s  ", or_dash(set_text(node, 0, "node")));
	x = canvas_put(canvas, 0, x, right - x - 1, STYLE_STRONG, model->target);
	if (x + 16 < right)
		x = canvas_format(canvas, 0, x, STYLE_PLAIN, "  up %s", shown(server, "uptime", uptime));
	if (x + 18 < right && set_text(server, 0, "sees_all") != NULL && set_text(server, 0, "sees_all")[0] == 'f')
		canvas_put(canvas, 0, x, right - x, STYLE_WARNING, "  own calls only");
	if (at != NULL && strlen(at) >= 19)
		canvas_format(canvas, 0, right, STYLE_PLAIN, "%.8sZ", at + 11);
}

static void
bar_make(char *bar, double part, double whole)
{
	int filled = whole > 0 ? (int) (part / whole * BAR_WIDTH + 0.5) : 0;

	memset(bar, '.', BAR_WIDTH);
	memset(bar, '#', filled < BAR_WIDTH ? (filled > 0 ? filled : 0) : BAR_WIDTH);
	bar[BAR_WIDTH] = '\0';
}

static void
header_draw_load(TopCanvas *canvas, const TopModel *model)
{
	const TopSet *node = &model->now.sets[SOURCE_NODE], *interpreters = &model->now.sets[SOURCE_INTERPRETERS];
	double running = set_number(node, 0, "running"), slots = set_number(node, 0, "slots");
	char bar[BAR_WIDTH + 1];
	int x;

	bar_make(bar, running, slots);
	x = canvas_format(canvas, 1, 0, STYLE_PLAIN, "slots %.0f of %.0f ", running, slots);
	x = canvas_format(canvas, 1, x, running < slots ? STYLE_GOOD : STYLE_WARNING, "[%s]", bar);
	x = canvas_format(canvas, 1, x, STYLE_PLAIN, "  waiting %.0f  paused %.0f", set_number(node, 0, "waiting"),
					  set_number(node, 0, "paused"));
	canvas_format(canvas, 1, x, STYLE_PLAIN, "  interpreters %d  cpu %.1f cores", interpreters->row_count,
				  set_sum(interpreters, "cpu_percent") / 100);
}

static void
header_draw_policy(TopCanvas *canvas, const TopModel *model)
{
	const TopSet *node = &model->now.sets[SOURCE_NODE];
	char used[TEXT_NUMBER_SIZE], reserved[TEXT_NUMBER_SIZE], budget[TEXT_NUMBER_SIZE], age[TEXT_NUMBER_SIZE];
	bool is_bounded = set_number(node, 0, "memory_budget") > 0;

	canvas_format(canvas, 2, 0, STYLE_PLAIN, "memory %s used, %s reserved of %s  policy %.8s in force for %s",
				  shown(node, "memory_used", used), shown(node, "memory_reserved", reserved),
				  is_bounded ? shown(node, "memory_budget", budget) : "any", or_dash(set_text(node, 0, "hash")),
				  shown(node, "policy_age", age));
}

static int
header_draw(TopCanvas *canvas, const TopModel *model)
{
	const char *fault = model->lost[0] != '\0' ? model->lost : model->now.sets[SOURCE_NODE].fault;

	header_draw_server(canvas, model);
	header_draw_load(canvas, model);
	if (fault != NULL)
		canvas_fill(canvas, 2, 0, canvas->columns, STYLE_BAD, fault);
	else
		header_draw_policy(canvas, model);
	return HEADER_ROWS;
}

/* --- lists --- */

/* Titles and rows in `rows` rows from the given one on; what cannot be shown is told in words. Returns the row behind it. */
static int
list_draw(TopCanvas *canvas, TopModel *model, TopListName name, int row, int rows, bool is_active)
{
	TopList *list = &model->lists[name];
	const TopSet *set = model_set(model, name);
	TopTable table = {set, list->order, list->count, 0, -1, list->sort};

	if (is_active)
	{
		list_scroll(list, rows - 1);
		table.first = list->first;
		table.selected = list->index;
		model->page = rows - 1;
	}
	table_draw(canvas, row, rows - 1, &table);
	if (set->fault != NULL)
		canvas_wrap(canvas, row + 1, 0, canvas->columns, STYLE_BAD, set->fault);
	else if (list->count == 0)
		canvas_format(canvas, row + 1, 0, STYLE_QUIET, "no %ss%s%s", top_lists[name].noun,
					  list->filter[0] != '\0' ? " with " : "", list->filter);
	return row + rows;
}

static int
least_of(int a, int b)
{
	return a < b ? a : b;
}

static int
most_of(int a, int b)
{
	return a > b ? a : b;
}

/* Pools, calls and events; calls get most of the room. */
static void
overview_draw(TopCanvas *canvas, TopModel *model, int row, int rows)
{
	int pools = most_of(1, least_of(model->lists[LIST_POOLS].count, most_of(2, rows / 5))) + 1;
	int events = most_of(EVENT_ROWS_LEAST, rows / 5) + 1;

	row = list_draw(canvas, model, LIST_POOLS, row, pools, false);
	row = list_draw(canvas, model, LIST_CALLS, row, most_of(2, rows - pools - events), true);
	list_draw(canvas, model, LIST_EVENTS, row, events, false);
}

static void
single_draw(TopCanvas *canvas, TopModel *model, int row, int rows)
{
	list_draw(canvas, model, model_list(model), row, rows, true);
}

/* --- what is longer than the screen --- */

static void
help_draw(TopCanvas *canvas, const TopModel *model, int row)
{
	(void) model;
	canvas_put(canvas, row++, 0, INT_MAX, STYLE_TITLE, "Keys");
	for (int i = 0; i < top_key_count; i++)
	{
		canvas_put(canvas, row, 2, 6, STYLE_STRONG, top_keys[i].name);
		canvas_put(canvas, row++, 9, INT_MAX, STYLE_PLAIN, top_keys[i].help);
	}
}

/* A window on what `draw` makes, scrolled as the model says, and no further than there is something. */
static void
long_draw(TopCanvas *canvas, TopModel *model, int row, int rows,
		  void (*draw)(TopCanvas *canvas, const TopModel *model, int row))
{
	TopCanvas all;

	model->page = rows;
	for (int turn = 0; turn < 2; turn++)
	{
		canvas_open(&all, canvas->columns, canvas->charset);
		all.from = model->scroll;
		all.until = model->scroll + rows;
		draw(&all, model, 0);
		if (model->scroll <= most_of(0, all.used - rows))
			break;
		model->scroll = most_of(0, all.used - rows);
		canvas_close(&all);
	}
	for (int i = 0; i < all.count; i++)
		canvas_put(canvas, all.pieces[i].row - model->scroll + row, all.pieces[i].column, INT_MAX, all.pieces[i].style,
				   all.pieces[i].text);
	if (all.used > model->scroll + rows)
		canvas_put(canvas, row + rows - 1, canvas->columns - 6, 6, STYLE_TITLE, " more ");
	canvas_close(&all);
}

static void
help_screen_draw(TopCanvas *canvas, TopModel *model, int row, int rows)
{
	long_draw(canvas, model, row, rows, help_draw);
}

static void
details_screen_draw(TopCanvas *canvas, TopModel *model, int row, int rows)
{
	long_draw(canvas, model, row, rows, details_draw);
}

/* --- the last line: a question, else what there is to say, else keys --- */

static void
hints_draw(TopCanvas *canvas, const TopModel *model, int row)
{
	TopListName list = model_list(model);
	int x = 0;

	canvas_fill(canvas, row, 0, canvas->columns, STYLE_PLAIN, "");
	if (list != LIST_COUNT && model->lists[list].filter[0] != '\0')
		x = canvas_format(canvas, row, x, STYLE_WARNING, "only %s (Esc: all)", model->lists[list].filter) + 2;
	for (int i = 0; i < top_key_count; i++)
	{
		const TopKey *key = &top_keys[i];
		int width = key->hint != NULL ? (int) (strlen(key->name) + strlen(key->hint)) + 1 : 0;

		if (key->action != NULL && model_subject(model, (TopListName) key->value)[0] == '\0')
			continue;
		if (width == 0 || (key->screens & 1U << model->screen) == 0 || x + width > canvas->columns)
			continue;
		x = canvas_put(canvas, row, x, INT_MAX, STYLE_STRONG, key->name);
		x = canvas_put(canvas, row, x + 1, INT_MAX, STYLE_QUIET, key->hint) + 2;
	}
}

/* The end of what is typed has to be seen. */
static void
footer_draw(TopCanvas *canvas, const TopModel *model, int row)
{
	char question[MODEL_WORDS_SIZE];
	const char *text = question;

	dialog_question(model, question);
	while (model->dialog.state == DIALOG_TYPING && text_width(text, canvas->charset) >= canvas->columns)
		text_next(&text);
	if (question[0] != '\0')
		canvas_fill(canvas, row, 0, canvas->columns, STYLE_STRONG, text);
	else if (model->message[0] != '\0')
		canvas_fill(canvas, row, 0, canvas->columns, model->message_style, model->message);
	else
		hints_draw(canvas, model, row);
}

void
draw_screen(TopCanvas *canvas, TopModel *model, int rows)
{
	static void (*const draws[SCREEN_COUNT])(TopCanvas *, TopModel *, int row, int rows) = {
		[SCREEN_OVERVIEW] = overview_draw, [SCREEN_POOLS] = single_draw,		   [SCREEN_INTERPRETERS] = single_draw,
		[SCREEN_EVENTS] = single_draw,	   [SCREEN_DETAILS] = details_screen_draw, [SCREEN_HELP] = help_screen_draw,
	};
	int row;

	canvas->until = rows;
	row = header_draw(canvas, model);
	draws[model->screen](canvas, model, row, most_of(2, rows - row - 1));
	footer_draw(canvas, model, rows - 1);
}

void
draw_all(TopCanvas *canvas, TopModel *model)
{
	static const TopListName lists[] = {LIST_POOLS, LIST_CALLS, LIST_INTERPRETERS, LIST_EVENTS};
	int row = header_draw(canvas, model);

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		row = list_draw(canvas, model, lists[i], row, most_of(1, model->lists[lists[i]].count) + 1, false);
}
