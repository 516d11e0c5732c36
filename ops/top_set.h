/*
 * top_set.h - a set of rows as a view of the server gave it: columns described by a table, cells of text and number.
 * Must not know: libpq, the terminal. A set owns its cells.
 */
#ifndef PYBOX_TOP_SET_H
#define PYBOX_TOP_SET_H

#include <stdbool.h>

#include "ops/top_text.h"

/* What a cell means: how it is shown, sorted and written as JSON. */
typedef enum TopKind
{
	TOP_TEXT,
	TOP_ID,		 /* a number too large for JSON's readers: text there */
	TOP_INTEGER, /* shown as it is: a pid, a priority */
	TOP_COUNT,	 /* shown short */
	TOP_BYTES,
	TOP_SECONDS,
	TOP_PERCENT,
	TOP_TIME, /* ISO 8601 */
	TOP_FLAG,
	TOP_LIST, /* an array of integers, as {1,2} */
	TOP_KIND_COUNT
} TopKind;

typedef struct TopColumn
{
	const char *name;  /* in the query, in filters and in JSON */
	const char *title; /* NULL: not in tables */
	const char *label; /* among the details of a row; NULL: not there */
	TopKind kind;
	int least, most; /* columns of the terminal */
	int rank;		 /* the greatest goes first when there is no room */
} TopColumn;

typedef struct TopCell
{
	char *text;	   /* NULL: null */
	double number; /* of what is no text; 0: null */
} TopCell;

typedef struct TopSet
{
	const TopColumn *columns;
	int column_count, row_count;
	TopCell *cells;
	char *fault; /* why there is nothing, in words; NULL: all is well */
} TopSet;

void set_open(TopSet *set, const TopColumn *columns, int column_count, int row_count);
void set_close(TopSet *set);
void set_put(TopSet *set, int row, int column, const char *text);
void set_put_number(TopSet *set, int row, int column, double number);
const TopCell *set_cell(const TopSet *set, int row, int column);
/* Its number, or -1. */
int set_column(const TopSet *set, const char *name);
/* The text of a cell by the column's name; NULL when it is null or there is no such row or column. */
const char *set_text(const TopSet *set, int row, const char *name);
double set_number(const TopSet *set, int row, const char *name); /* 0 then */
double set_sum(const TopSet *set, const char *name);
/* The row whose column has that text, or -1. */
int set_find(const TopSet *set, const char *name, const char *text);

bool kind_is_number(TopKind kind);
/* How people see a cell: its text, or out[TEXT_NUMBER_SIZE]; "-" for null. */
const char *kind_show(TopKind kind, const TopCell *cell, char *out);
/* As strcmp, nulls first. */
int kind_compare(TopKind kind, const TopCell *a, const TopCell *b);

#endif
