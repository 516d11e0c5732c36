/*
 * top_keys.c - see top_keys.h.
 */
#include "ops/top_keys.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define ON(screen) (1U << (screen))
#define ON_LISTS (ON(SCREEN_OVERVIEW) | ON(SCREEN_POOLS) | ON(SCREEN_INTERPRETERS) | ON(SCREEN_EVENTS))
#define ON_CALLS (ON(SCREEN_OVERVIEW) | ON(SCREEN_DETAILS))
#define ON_POOLS (ON(SCREEN_POOLS) | ON(SCREEN_DETAILS))
#define EVERYWHERE (ON(SCREEN_COUNT) - 1)
#define PRIORITY_MOST 100

static const char *
priority_fault(const TopModel *model, const char *typed)
{
	size_t digits = strspn(typed, "0123456789");

	(void) model;
	if (digits == 0 || digits > 3 || typed[digits] != '\0' || atoi(typed) > PRIORITY_MOST)
		return "A priority is a whole number from 0 to 100.";
	return NULL;
}

static const char *
pool_fault(const TopModel *model, const char *typed)
{
	return set_find(model_set(model, LIST_POOLS), "pool", typed) < 0 ? "There is no pool of that name." : NULL;
}

static const TopAction cancel_action = {"Cancel", "SELECT pybox.cancel($1::bigint)", NULL, NULL};
static const TopAction kill_action = {"Kill", "SELECT pybox.kill($1::bigint)", NULL, NULL};
static const TopAction pause_action = {"Pause", "SELECT pybox.pause($1::bigint)", NULL, NULL};
static const TopAction resume_action = {"Resume", "SELECT pybox.resume($1::bigint)", NULL, NULL};
static const TopAction priority_action = {"Set priority to", "SELECT pybox.set_priority($1::bigint, $2::integer)",
										  "New priority, 0 to 100", priority_fault};
static const TopAction move_action = {"Move to pool", "SELECT pybox.move($1::bigint, $2::text)", "Pool to move it to",
									  pool_fault};
static const TopAction drain_action = {"Drain", "SELECT pybox.drain($1::text)", NULL, NULL};
static const TopAction undrain_action = {"Open again", "SELECT pybox.undrain($1::text)", NULL, NULL};

/* --- dialogs --- */

static void
dialog_close(TopModel *model)
{
	memset(&model->dialog, 0, sizeof(model->dialog));
}

/* Who or what a dialog is about, so that it can be checked before it is confirmed. */
static void
subject_describe(const TopModel *model, TopListName list, const char *name, char *out)
{
	const TopSet *set = model_set(model, list);
	int row = set_find(set, top_lists[list].name, name);

	if (list == LIST_CALLS && row >= 0)
		snprintf(out, MODEL_NAME_SIZE, "%s of %s, backend %s, call %s", set_text(set, row, "function"),
				 set_text(set, row, "role"), set_text(set, row, "pid"), name);
	else
		snprintf(out, MODEL_NAME_SIZE, "%s %s", top_lists[list].noun, name);
}

static void
press_action(TopModel *model, const TopKey *key)
{
	TopListName list = (TopListName) key->value;
	const char *name = model_subject(model, list);
	TopDialog *dialog = &model->dialog;

	if (name[0] == '\0')
	{
		model_message(model, STYLE_WARNING, "No %s is selected.", top_lists[list].noun);
		return;
	}
	dialog->state = key->action->question != NULL ? DIALOG_TYPING : DIALOG_CONFIRMING;
	dialog->action = key->action;
	snprintf(dialog->name, sizeof(dialog->name), "%s", name);
	subject_describe(model, list, name, dialog->about);
}

static void
press_filter(TopModel *model, const TopKey *key)
{
	(void) key;
	model->dialog.state = DIALOG_TYPING;
	snprintf(model->dialog.typed, sizeof(model->dialog.typed), "%s", model->lists[model_list(model)].filter);
}

static void
typing_finish(TopModel *model)
{
	TopDialog *dialog = &model->dialog;
	const char *fault;

	if (dialog->action == NULL)
	{
		snprintf(model->lists[model_list(model)].filter, MODEL_INPUT_SIZE, "%s", dialog->typed);
		list_arrange(model, model_list(model));
		dialog_close(model);
		return;
	}
	fault = dialog->action->fault(model, dialog->typed);
	if (fault == NULL)
	{
		dialog->state = DIALOG_CONFIRMING;
		return;
	}
	model_message(model, STYLE_WARNING, "%s", fault);
	dialog_close(model);
}

static void
typing_erase(char *typed)
{
	size_t length = strlen(typed);

	while (length > 0 && (typed[length - 1] & 0xC0) == 0x80)
		length--;
	typed[length > 0 ? length - 1 : 0] = '\0';
}

static void
typing_press(TopModel *model, int32_t key)
{
	char *typed = model->dialog.typed;
	size_t length = strlen(typed);

	if (key == KEY_OF_ESCAPE)
		dialog_close(model);
	else if (key == KEY_OF_ENTER)
		typing_finish(model);
	else if (key == KEY_OF_BACK)
		typing_erase(typed);
	else if (key >= ' ' && key < KEY_OF_UP && key != 0x7F && length + 5 <= MODEL_INPUT_SIZE)
		typed[length + text_encode(key, typed + length)] = '\0';
}

static void
confirming_press(TopModel *model, int32_t key)
{
	if (key == 'y' || key == 'Y')
		model->request = model->dialog;
	else
		model_message(model, STYLE_PLAIN, "Nothing was done.");
	dialog_close(model);
}

void
dialog_question(const TopModel *model, char *out)
{
	const TopDialog *dialog = &model->dialog;

	out[0] = '\0';
	if (dialog->state == DIALOG_TYPING && dialog->action == NULL)
		snprintf(out, MODEL_WORDS_SIZE, "Filter (words or column=value; empty: all): %s", dialog->typed);
	else if (dialog->state == DIALOG_TYPING)
		snprintf(out, MODEL_WORDS_SIZE, "%s: %s", dialog->action->question, dialog->typed);
	else if (dialog->state == DIALOG_CONFIRMING)
		snprintf(out, MODEL_WORDS_SIZE, "%s%s%s? [y/N] %s", dialog->action->what,
				 dialog->action->question != NULL ? " " : "", dialog->typed, dialog->about);
}

/* --- what keys do --- */

static void
press_move(TopModel *model, const TopKey *key)
{
	TopListName list = model_list(model);

	if (list == LIST_COUNT)
		model->scroll = model->scroll + key->value > 0 ? model->scroll + key->value : 0;
	else
		list_select(model, list, model->lists[list].index + key->value > 0 ? model->lists[list].index + key->value : 0);
}

static void
press_page(TopModel *model, const TopKey *key)
{
	TopKey move = {.value = key->value * (model->page > 1 ? model->page - 1 : 1)};

	press_move(model, &move);
}

static void
press_sort(TopModel *model, const TopKey *key)
{
	list_sort_next(model, model_list(model), key->value);
}

static void
press_reverse(TopModel *model, const TopKey *key)
{
	(void) key;
	model->lists[model_list(model)].reversed = !model->lists[model_list(model)].reversed;
	list_arrange(model, model_list(model));
}

static void
press_screen(TopModel *model, const TopKey *key)
{
	model->screen = (TopScreenName) key->value;
	model->scroll = 0;
}

static void
press_tab(TopModel *model, const TopKey *key)
{
	(void) key;
	press_screen(model, &(TopKey){.value = (int) (model->screen + 1) % SCREEN_DETAILS});
}

static void
press_details(TopModel *model, const TopKey *key)
{
	TopListName list = model_list(model);

	(void) key;
	if (model->lists[list].name[0] == '\0')
		return;
	model->looked_list = list;
	snprintf(model->looked, sizeof(model->looked), "%s", model->lists[list].name);
	model->before = model->screen;
	model->screen = SCREEN_DETAILS;
	model->scroll = 0;
	model->wants_refresh = true;
}

static void
press_help(TopModel *model, const TopKey *key)
{
	(void) key;
	if (model->screen != SCREEN_HELP)
		model->under_help = model->screen;
	model->screen = SCREEN_HELP;
	model->scroll = 0;
}

static void
press_back(TopModel *model, const TopKey *key)
{
	TopListName list = model_list(model);

	(void) key;
	model->scroll = 0;
	if (list == LIST_COUNT)
	{
		model->screen = model->screen == SCREEN_HELP ? model->under_help : model->before;
		return;
	}
	model->lists[list].filter[0] = '\0';
	list_arrange(model, list);
}

static void
press_interval(TopModel *model, const TopKey *key)
{
	model->interval = key->value > 0 ? model->interval * 2 : model->interval / 2;
	model->interval = model->interval < INTERVAL_LEAST ? INTERVAL_LEAST : model->interval;
	model->interval = model->interval > INTERVAL_MOST ? INTERVAL_MOST : model->interval;
	model_message(model, STYLE_PLAIN, "Every %g seconds.", model->interval);
}

static void
press_refresh(TopModel *model, const TopKey *key)
{
	(void) key;
	model->wants_refresh = true;
}

static void
press_end(TopModel *model, const TopKey *key)
{
	(void) key;
	model->wants_end = true;
}

/* clang-format off */
const TopKey top_keys[] = {
	{'?', "?", "help", "this help", EVERYWHERE, press_help, NULL, 0},
	{'q', "q", "quit", "end; so does Ctrl-C", EVERYWHERE, press_end, NULL, 0},
	{KEY_OF_ENTER, "Enter", "details", "all that is known of the selected row", ON_LISTS, press_details, NULL, 0},
	{'c', "c", "cancel", "cancel the call: KeyboardInterrupt, then SIGKILL", ON_CALLS, press_action, &cancel_action, LIST_CALLS},
	{'k', "k", "kill", "end the call and its interpreter at once", ON_CALLS, press_action, &kill_action, LIST_CALLS},
	{'p', "p", "pause", "pause the call until it is resumed", ON_CALLS, press_action, &pause_action, LIST_CALLS},
	{'r', "r", "resume", "resume a call that was paused by p", ON_CALLS, press_action, &resume_action, LIST_CALLS},
	{'n', "n", "priority", "give the call another priority", ON_CALLS, press_action, &priority_action, LIST_CALLS},
	{'m', "m", "move", "move the call to another pool", ON_CALLS, press_action, &move_action, LIST_CALLS},
	{'d', "d", "drain", "drain the pool: no call of it starts any more", ON_POOLS, press_action, &drain_action, LIST_POOLS},
	{'u', "u", "undrain", "open a drained pool again", ON_POOLS, press_action, &undrain_action, LIST_POOLS},
	{'s', "s", "sort", "sort by the next column; numbers from the greatest", ON_LISTS, press_sort, NULL, 1},
	{'S', "S", NULL, "sort by the column before", ON_LISTS, press_sort, NULL, -1},
	{'R', "R", NULL, "reverse the order", ON_LISTS, press_reverse, NULL, 0},
	{'f', "f", "filter", "show rows with these words, or column=value, alone", ON_LISTS, press_filter, NULL, 0},
	{KEY_OF_TAB, "Tab", "next", "the next screen", ~ON(SCREEN_DETAILS) & EVERYWHERE, press_tab, NULL, 0},
	{'1', "1", NULL, "the overview: pools, calls, events", EVERYWHERE, press_screen, NULL, SCREEN_OVERVIEW},
	{'2', "2", NULL, "pools", EVERYWHERE, press_screen, NULL, SCREEN_POOLS},
	{'3', "3", NULL, "interpreters", EVERYWHERE, press_screen, NULL, SCREEN_INTERPRETERS},
	{'4', "4", NULL, "events", EVERYWHERE, press_screen, NULL, SCREEN_EVENTS},
	{KEY_OF_ESCAPE, "Esc", "back", "back; on a list: all rows again", EVERYWHERE, press_back, NULL, 0},
	{KEY_OF_UP, "Up", NULL, "the row above", EVERYWHERE, press_move, NULL, -1},
	{KEY_OF_DOWN, "Down", NULL, "the row below", EVERYWHERE, press_move, NULL, 1},
	{KEY_OF_PAGE_UP, "PgUp", NULL, "a page up", EVERYWHERE, press_page, NULL, -1},
	{KEY_OF_PAGE_DOWN, "PgDn", NULL, "a page down", EVERYWHERE, press_page, NULL, 1},
	{KEY_OF_FIRST, "Home", NULL, "the first row", EVERYWHERE, press_move, NULL, -1000000},
	{KEY_OF_LAST, "End", NULL, "the last row", EVERYWHERE, press_move, NULL, 1000000},
	{' ', "Space", NULL, "refresh now", EVERYWHERE, press_refresh, NULL, 0},
	{'+', "+", NULL, "refresh half as often", EVERYWHERE, press_interval, NULL, 1},
	{'-', "-", NULL, "refresh twice as often", EVERYWHERE, press_interval, NULL, -1},
};
/* clang-format on */
const int top_key_count = sizeof(top_keys) / sizeof(top_keys[0]);

void
key_press(TopModel *model, int32_t key)
{
	static void (*const in_dialog[DIALOG_STATE_COUNT])(TopModel *, int32_t) = {
		[DIALOG_TYPING] = typing_press,
		[DIALOG_CONFIRMING] = confirming_press,
	};

	model->message[0] = '\0';
	if (in_dialog[model->dialog.state] != NULL)
	{
		in_dialog[model->dialog.state](model, key);
		return;
	}
	for (int i = 0; i < top_key_count; i++)
		if (top_keys[i].key == key && (top_keys[i].screens & ON(model->screen)) != 0)
			top_keys[i].press(model, &top_keys[i]);
}
