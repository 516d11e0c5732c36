/*
 * top_canvas.h - a screen being made: pieces of safe text at their places. What shows it, curses or a plain file, comes after.
 */
#ifndef PYBOX_TOP_CANVAS_H
#define PYBOX_TOP_CANVAS_H

#include <stdio.h>

#include "ops/top_text.h"

typedef enum TopStyle
{
	STYLE_PLAIN,
	STYLE_STRONG,
	STYLE_TITLE,
	STYLE_SELECTED,
	STYLE_QUIET,
	STYLE_GOOD,
	STYLE_WARNING,
	STYLE_BAD,
	STYLE_COUNT
} TopStyle;

typedef struct TopPiece
{
	int row, column;
	TopStyle style;
	char *text; /* safe, and no wider than there is room */
} TopPiece;

/* Row 0 is the first; rows below `from` and from `until` on are not kept: a window on something longer. */
typedef struct TopCanvas
{
	int columns, from, until;
	TextCharset charset;
	TopPiece *pieces;
	int count, room;
	int used; /* rows that there would be, pieces outside of the window included */
} TopCanvas;

void canvas_open(TopCanvas *canvas, int columns, TextCharset charset);
void canvas_close(TopCanvas *canvas);
/* Text at most width columns wide, cut at the right edge; returns the column behind it. Any text will do. */
int canvas_put(TopCanvas *canvas, int row, int column, int width, TopStyle style, const char *text);
/* The same, with blanks up to the width. */
void canvas_fill(TopCanvas *canvas, int row, int column, int width, TopStyle style, const char *text);
int canvas_format(TopCanvas *canvas, int row, int column, TopStyle style, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
/* All of a text in lines of width columns, from row on; returns the row behind it. */
int canvas_wrap(TopCanvas *canvas, int row, int column, int width, TopStyle style, const char *text);
/* As lines of text, without blanks at their ends. Rows are put in order from top to bottom, left to right. */
void canvas_print(const TopCanvas *canvas, FILE *out);

#endif
