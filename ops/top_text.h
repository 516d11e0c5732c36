/*
 * top_text.h - text of strangers made safe for a terminal, cut to a width, and numbers as people read them.
 *
 * DESIGN. Names of functions and roles, and what a policy says, are other people's: control characters would drive the
 * terminal of whoever looks. Text is UTF-8, or should be; each byte that is none, each control or invisible formatting
 * character becomes a question mark, and what a terminal cannot show as well. Widths are columns of the terminal, by
 * wcwidth() of the program's locale. Pure but for that.
 */
#ifndef PYBOX_TOP_TEXT_H
#define PYBOX_TOP_TEXT_H

#include <stddef.h>
#include <stdint.h>

#define TEXT_NUMBER_SIZE 32
#define TEXT_BAD (-1)

typedef enum TextCharset
{
	TEXT_ASCII,
	TEXT_UTF8
} TextCharset;

/* The character at *text, which moves behind it, or TEXT_BAD for a byte that belongs to none. Not at the NUL. */
int32_t text_next(const char **text);
/* Writes a character's bytes to out[4]; returns how many. */
size_t text_encode(int32_t character, char *out);
/* Columns that the safe form of all the text takes. */
int text_width(const char *text, TextCharset charset);
/*
 * Writes as much of the text's safe form as fits into width columns and size bytes, NUL included; what was cut ends in "~".
 * Returns the columns used. size is at least 1.
 */
int text_fit(char *out, size_t size, const char *text, int width, TextCharset charset);
/* Bytes that hold any safe form of so many columns. */
size_t text_room(int width);

/* Into out[TEXT_NUMBER_SIZE], five characters where that is possible; cut, not rounded, so that "60s" is never seen. */
void number_bytes(char *out, double bytes);		/* 999, 1.5k, 12M, 3.0G */
void number_count(char *out, double count);		/* 99999, 120k, 3.4M */
void number_seconds(char *out, double seconds); /* 12ms, 3.2s, 59s, 1m05s, 2h03m, 4d07h */

#endif
