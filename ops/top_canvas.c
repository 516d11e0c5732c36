/*
 * top_canvas.c - see top_canvas.h.
 */
#include "ops/top_canvas.h"
#include "ops/top_memory.h"

#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void
canvas_open(TopCanvas *canvas, int columns, TextCharset charset)
{
	*canvas = (TopCanvas){.columns = columns, .until = INT_MAX, .charset = charset};
}

void
canvas_close(TopCanvas *canvas)
{
	for (int i = 0; i < canvas->count; i++)
		free(canvas->pieces[i].text);
	free(canvas->pieces);
	memset(canvas, 0, sizeof(*canvas));
}

/* Takes over the text. */
static void
canvas_add(TopCanvas *canvas, int row, int column, TopStyle style, char *text)
{
	if (row >= canvas->used)
		canvas->used = row + 1;
	if (row < canvas->from || row >= canvas->until || *text == '\0')
	{
		free(text);
		return;
	}
	if (canvas->count == canvas->room)
	{
		canvas->room = 2 * canvas->room + 64;
		canvas->pieces = memory_grow(canvas->pieces, canvas->room, sizeof(TopPiece));
	}
	canvas->pieces[canvas->count++] = (TopPiece){row, column, style, text};
}

static int
canvas_room(const TopCanvas *canvas, int column, int width)
{
	int room = canvas->columns - column;

	room = width < room ? width : room;
	return room > 0 ? room : 0;
}

int
canvas_put(TopCanvas *canvas, int row, int column, int width, TopStyle style, const char *text)
{
	int room = canvas_room(canvas, column, width);
	char *safe = memory_take(text_room(room), 1);

	int used = text_fit(safe, text_room(room), text, room, canvas->charset);

	canvas_add(canvas, row, column, style, safe);
	return column + used;
}

void
canvas_fill(TopCanvas *canvas, int row, int column, int width, TopStyle style, const char *text)
{
	int room = canvas_room(canvas, column, width);
	char *safe = memory_take(text_room(room) + room, 1);
	int used = text_fit(safe, text_room(room), text, room, canvas->charset);
	size_t length = strlen(safe);

	memset(safe + length, ' ', room - used);
	safe[length + room - used] = '\0';
	canvas_add(canvas, row, column, style, safe);
}

int
canvas_format(TopCanvas *canvas, int row, int column, TopStyle style, const char *format, ...)
{
	char text[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return canvas_put(canvas, row, column, INT_MAX, style, text);
}

/* How many bytes of the text make one line: to the last blank that fits, if there is one, else as many as fit. */
static size_t
canvas_line(const TopCanvas *canvas, const char *text, int width)
{
	const char *at = text, *blank = NULL;
	char one[8];

	while (*at != '\0' && *at != '\n')
	{
		const char *next = at;
		size_t length;

		text_next(&next);
		length = (size_t) (next - at);
		memcpy(one, at, length);
		one[length] = '\0';
		width -= text_width(one, canvas->charset);
		if (width < 0 && at != text)
			return (size_t) ((blank != NULL ? blank : at) - text);
		if (*at == ' ')
			blank = at;
		at = next;
	}
	return (size_t) (at - text);
}

int
canvas_wrap(TopCanvas *canvas, int row, int column, int width, TopStyle style, const char *text)
{
	int room = canvas_room(canvas, column, width);

	while (*text != '\0' && room > 0)
	{
		size_t length = canvas_line(canvas, text, room);
		char *line = memory_take(length, 1);

		memcpy(line, text, length);
		canvas_put(canvas, row++, column, room, style, line);
		free(line);
		text += length;
		text += *text == ' ' || *text == '\n';
	}
	return row;
}

static int
piece_compare(const void *a, const void *b)
{
	const TopPiece *left = a, *right = b;

	return left->row != right->row ? left->row - right->row : left->column - right->column;
}

static void
canvas_end_line(char *line, FILE *out)
{
	size_t length = strlen(line);

	while (length > 0 && line[length - 1] == ' ')
		length--;
	line[length] = '\0';
	fprintf(out, "%s\n", line);
	line[0] = '\0';
}

void
canvas_print(const TopCanvas *canvas, FILE *out)
{
	size_t room = text_room(canvas->columns) * 2;
	TopPiece *pieces = memory_take(canvas->count, sizeof(TopPiece));
	char *line = memory_take(room, 1);
	int row = 0, column = 0;

	memcpy(pieces, canvas->pieces, canvas->count * sizeof(TopPiece));
	qsort(pieces, canvas->count, sizeof(TopPiece), piece_compare);
	for (int i = 0; i < canvas->count; i++)
	{
		if (strspn(pieces[i].text, " ") == strlen(pieces[i].text))
			continue;
		for (; row < pieces[i].row; row++, column = 0)
			canvas_end_line(line, out);
		if (pieces[i].column > column)
			snprintf(line + strlen(line), room - strlen(line), "%*s", pieces[i].column - column, "");
		snprintf(line + strlen(line), room - strlen(line), "%s", pieces[i].text);
		column = pieces[i].column + text_width(pieces[i].text, canvas->charset);
	}
	canvas_end_line(line, out);
	free(line);
	free(pieces);
}
