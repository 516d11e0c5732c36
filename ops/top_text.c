/*
 * top_text.c - see top_text.h.
 */
#include "ops/top_text.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

#define TEXT_MARKS_MAX 4 /* combining characters shown on one column */

/* Invisible characters that change how others are shown: the least and the greatest of each run. */
static const struct
{
	int32_t from, to;
} hidden[] = {
	{0x00AD, 0x00AD}, {0x061C, 0x061C}, {0x115F, 0x1160}, {0x180E, 0x180E}, {0x200B, 0x200F}, {0x2028, 0x202E},
	{0x2060, 0x206F}, {0x3164, 0x3164}, {0xFE00, 0xFE0F}, {0xFEFF, 0xFEFF}, {0xFFF0, 0xFFFB}, {0xE0000, 0xE0FFF},
};

/* Number of bytes after the first one, and the least character of that length; -1 for a byte that begins none. */
static int
text_length(unsigned char first, int32_t *bits, int32_t *least)
{
	static const struct
	{
		unsigned char mask, mark;
		int32_t least;
	} lengths[] = {{0x80, 0x00, 0}, {0xE0, 0xC0, 0x80}, {0xF0, 0xE0, 0x800}, {0xF8, 0xF0, 0x10000}};

	for (int i = 0; i < 4; i++)
	{
		if ((first & lengths[i].mask) != lengths[i].mark)
			continue;
		*bits = first & ~lengths[i].mask;
		*least = lengths[i].least;
		return i;
	}
	return -1;
}

int32_t
text_next(const char **text)
{
	const char *at = *text;
	int32_t character, least;
	int more = text_length((unsigned char) *at, &character, &least);

	*text = at + 1;
	if (more < 0)
		return TEXT_BAD;
	for (int i = 1; i <= more; i++)
	{
		if ((at[i] & 0xC0) != 0x80)
			return TEXT_BAD;
		character = character << 6 | (at[i] & 0x3F);
	}
	if (character < least || character > 0x10FFFF || (character >= 0xD800 && character <= 0xDFFF))
		return TEXT_BAD;
	*text = at + more + 1;
	return character;
}

size_t
text_encode(int32_t character, char *out)
{
	static const int32_t ends[] = {0x80, 0x800, 0x10000, 0x110000};
	static const unsigned char marks[] = {0x00, 0xC0, 0xE0, 0xF0};
	size_t more = 0;

	while (more < 3 && character >= ends[more])
		more++;
	for (size_t i = more; i > 0; i--)
	{
		out[i] = (char) (0x80 | (character & 0x3F));
		character >>= 6;
	}
	out[0] = (char) (marks[more] | character);
	return more + 1;
}

static bool
text_is_hidden(int32_t character)
{
	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		if (character >= hidden[i].from && character <= hidden[i].to)
			return true;
	return false;
}

/* What is shown of the next character, and its columns: 0 for a mark on the one before. */
static int32_t
text_safe(const char **text, TextCharset charset, int *columns)
{
	int32_t character = text_next(text);

	*columns = 1;
	if (character >= 0x20 && character < 0x7F)
		return character;
	if (character < 0x7F || charset == TEXT_ASCII || text_is_hidden(character))
		return '?';
	*columns = wcwidth((wchar_t) character);
	if (*columns >= 0)
		return character;
	*columns = 1;
	return '?';
}

int
text_width(const char *text, TextCharset charset)
{
	int width = 0, columns;

	while (*text != '\0')
	{
		text_safe(&text, charset, &columns);
		width += columns;
	}
	return width;
}

size_t
text_room(int width)
{
	return (size_t) (width > 0 ? width : 0) * 4 * (1 + TEXT_MARKS_MAX) + 1;
}

/* How much was written, and how many columns that takes. */
typedef struct Extent
{
	size_t length;
	int width;
} Extent;

int
text_fit(char *out, size_t size, const char *text, int width, TextCharset charset)
{
	Extent all = {0, 0}, part = {0, 0}; /* what fits; what leaves room for the mark of a cut */
	int columns, marks = 0;
	bool fits = true;
	char bytes[4];

	while (*text != '\0' && fits)
	{
		size_t length = text_encode(text_safe(&text, charset, &columns), bytes);

		marks = columns == 0 ? marks + 1 : 0;
		if (marks > TEXT_MARKS_MAX || (columns == 0 && all.width == 0))
			continue;
		fits = all.width + columns <= width && all.length + length + 1 <= size;
		if (!fits)
			break;
		memcpy(out + all.length, bytes, length);
		all = (Extent){all.length + length, all.width + columns};
		if (all.width < width && all.length + 1 < size)
			part = all;
	}
	if (!fits && width > 0 && size > 1)
	{
		all = (Extent){part.length + 1, part.width + 1};
		out[part.length] = '~';
	}
	out[all.length] = '\0';
	return all.width;
}

/* One decimal below ten, none above; both cut. */
static void
number_scaled(char *out, double value, const char *unit)
{
	if (value < 10)
		snprintf(out, TEXT_NUMBER_SIZE, "%d.%d%s", (int) value, (int) (value * 10) % 10, unit);
	else
		snprintf(out, TEXT_NUMBER_SIZE, "%.0f%s", (double) (int64_t) value, unit);
}

/* value >= 0 as it is below limit, else in the largest unit that leaves at least one. */
static void
number_in_units(char *out, double value, double limit, double step)
{
	static const char *const units[] = {"k", "M", "G", "T", "P", "E"};
	size_t unit = 0;

	if (!(value > 0))
		value = 0;
	if (value < limit)
	{
		snprintf(out, TEXT_NUMBER_SIZE, "%d", (int) value);
		return;
	}
	for (value /= step; value >= step && unit + 1 < sizeof(units) / sizeof(units[0]); unit++)
		value /= step;
	number_scaled(out, value, units[unit]);
}

void
number_bytes(char *out, double bytes)
{
	number_in_units(out, bytes, 1024, 1024);
}

void
number_count(char *out, double count)
{
	number_in_units(out, count, 100000, 1000);
}

void
number_seconds(char *out, double seconds)
{
	static const struct
	{
		double below;
		int first, second;
		const char *format;
	} forms[] = {{3600, 60, 1, "%dm%02ds"}, {86400, 3600, 60, "%dh%02dm"}, {8640000, 86400, 3600, "%dd%02dh"}};

	if (!(seconds > 0))
		seconds = 0;
	if (seconds < 1)
		snprintf(out, TEXT_NUMBER_SIZE, "%dms", (int) (seconds * 1000));
	else if (seconds < 60)
		number_scaled(out, seconds, "s");
	else
	{
		for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		{
			int whole = (int) (seconds / forms[i].first);

			if (seconds >= forms[i].below)
				continue;
			snprintf(out, TEXT_NUMBER_SIZE, forms[i].format, whole,
					 (int) ((seconds - (double) whole * forms[i].first) / forms[i].second));
			return;
		}
		snprintf(out, TEXT_NUMBER_SIZE, "%.0fd", (double) (int64_t) (seconds / 86400));
	}
}
