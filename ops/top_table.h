/*
 * top_table.h - a set as a table: which columns a width has room for, and the drawing of rows. Pure.
 */
#ifndef PYBOX_TOP_TABLE_H
#define PYBOX_TOP_TABLE_H

#include "ops/top_canvas.h"
#include "ops/top_set.h"

#define TABLE_COLUMNS_MAX 32

typedef struct TopPlace
{
	int column;	  /* of the set */
	int x, width; /* on the screen */
} TopPlace;

/* Which rows of a set, in which order, and what is marked. */
typedef struct TopTable
{
	const TopSet *set;
	const int *order; /* rows of the set */
	int count;		  /* of them */
	int first;		  /* the first to be shown */
	int selected;	  /* index into order, -1: none */
	int sort;		  /* column that is marked as the one sorted by, -1: none */
} TopTable;

/*
 * Places the columns that a table of that width shows, left to right with a blank between them; returns how many. Those of
 * the least ranks that fit with their least widths; what is left goes to those whose content, wanted[column] wide, needs
 * it, up to their most, and then beyond. No column is placed past the width.
 */
int table_layout(const TopColumn *columns, int count, const int *wanted, int width, TopPlace *places);
/* Titles in the given row and up to `rows` rows below. */
void table_draw(TopCanvas *canvas, int row, int rows, const TopTable *table);

#endif
