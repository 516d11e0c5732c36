/*
 * top_model.h - what pybox-top knows and what its user has chosen: the rows in force, order, filter, selection, the dialog
 * that is open, what is asked of the server. Must not know: libpq, curses. Pure.
 *
 * DESIGN. A row is selected by what names it (a call by its id), so that a refresh which brings other rows, or another
 * order, leaves the same one selected. A dialog keeps the name of what it is about, not a place on the screen: what is
 * confirmed is what was asked.
 */
#ifndef PYBOX_TOP_MODEL_H
#define PYBOX_TOP_MODEL_H

#include "ops/top_canvas.h"
#include "ops/top_source.h"

#define MODEL_NAME_SIZE 256	 /* a call's id, a pool's name */
#define MODEL_INPUT_SIZE 128 /* what a user can type */
#define MODEL_WORDS_SIZE 512
#define INTERVAL_LEAST 0.2
#define INTERVAL_MOST 3600.0

typedef enum TopListName
{
	LIST_CALLS,
	LIST_POOLS,
	LIST_INTERPRETERS,
	LIST_EVENTS,
	LIST_COUNT
} TopListName;

typedef enum TopScreenName
{
	SCREEN_OVERVIEW,
	SCREEN_POOLS,
	SCREEN_INTERPRETERS,
	SCREEN_EVENTS,
	SCREEN_DETAILS,
	SCREEN_HELP,
	SCREEN_COUNT
} TopScreenName;

/* A set in some order, some of its rows left out. */
typedef struct TopList
{
	int *order; /* count rows of the set */
	int count;
	int sort; /* column */
	bool reversed;
	char filter[MODEL_INPUT_SIZE];
	int first, index;			/* of order: the first on the screen, the selected one */
	char name[MODEL_NAME_SIZE]; /* of the selected row; empty: none */
} TopList;

struct TopModel;

/* What a user can have done to a row, once it is confirmed. */
typedef struct TopAction
{
	const char *what;	  /* "Cancel", as in "Cancel? [y/N]" */
	const char *sql;	  /* $1: the row's name, $2: what was typed; gives one boolean */
	const char *question; /* what has to be typed; NULL: nothing */
	/* NULL, or why what was typed will not do */
	const char *(*fault)(const struct TopModel *model, const char *typed);
} TopAction;

typedef enum TopDialogState
{
	DIALOG_NONE,
	DIALOG_TYPING,
	DIALOG_CONFIRMING,
	DIALOG_STATE_COUNT
} TopDialogState;

typedef struct TopDialog
{
	TopDialogState state;
	const TopAction *action; /* NULL: a filter is typed */
	char name[MODEL_NAME_SIZE], about[MODEL_NAME_SIZE];
	char typed[MODEL_INPUT_SIZE];
} TopDialog;

typedef struct TopModel
{
	TopSnapshot now;
	char target[MODEL_NAME_SIZE]; /* host:port/database as role */
	char lost[MODEL_WORDS_SIZE];  /* why there is no connection; empty: there is one */
	double interval;
	TopScreenName screen;
	TopScreenName before, under_help; /* where Escape leads from the details, and from the help */
	TopList lists[LIST_COUNT];
	TopListName looked_list;
	char looked[MODEL_NAME_SIZE]; /* the row whose details are shown */
	int scroll;					  /* of details and help */
	int page;					  /* rows of the list that the screen shows, as drawn last */
	TopDialog dialog;
	TopDialog request; /* confirmed, and not yet sent: state DIALOG_CONFIRMING */
	char message[MODEL_WORDS_SIZE];
	TopStyle message_style;
	bool wants_refresh, wants_end;
} TopModel;

typedef struct TopListDefinition
{
	TopSource source;
	const char *noun;
	const char *name; /* the column that names a row */
	const char *sort; /* the column sorted by at first */
} TopListDefinition;

extern const TopListDefinition top_lists[LIST_COUNT];

void model_open(TopModel *model, double interval);
void model_close(TopModel *model);
/* Takes over the snapshot; sorts, filters and selects anew. */
void model_take(TopModel *model, TopSnapshot *snapshot);
/* The list that keys move in, or LIST_COUNT. */
TopListName model_list(const TopModel *model);
const TopSet *model_set(const TopModel *model, TopListName list);
void model_message(TopModel *model, TopStyle style, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The call whose details are read along, "0" for none. */
const char *model_call(const TopModel *model);
/* What the user has chosen to act on, in the list; empty: nothing. */
const char *model_subject(const TopModel *model, TopListName list);

void list_arrange(TopModel *model, TopListName list);
void list_select(TopModel *model, TopListName list, int index);
/* To the next column that can be seen in tables. */
void list_sort_next(TopModel *model, TopListName list, int step);
/* Sees to it that the selected row is among those that `rows` rows show. */
void list_scroll(TopList *list, int rows);
/* Words, all of which have to be found: column=value exactly, else in any text of the row. */
bool filter_matches(const TopSet *set, int row, const char *filter);

#endif
