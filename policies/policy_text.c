/*
 * policy_text.c - checks a policy's bytes before libyaml sees them, so that every fault has a line and a column.
 *
 * Runs wherever a policy is parsed. Messages are plain ASCII whatever the file holds: the server's encoding is not
 * known here.
 */
#include "policies/policy_text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Lead bytes of UTF-8: lead & mask == bits starts a sequence of `length` bytes that encodes at least `least`. */
static const struct
{
	unsigned char mask, bits;
	int length;
	uint32_t least;
} utf8_leads[] = {
	{0x80, 0x00, 1, 0},
	{0xe0, 0xc0, 2, 0x80},
	{0xf0, 0xe0, 3, 0x800},
	{0xf8, 0xf0, 4, 0x10000},
};

/* The code points that YAML calls printable. */
static const struct
{
	uint32_t first, last;
} yaml_printable[] = {
	{0x09, 0x0a}, {0x0d, 0x0d}, {0x20, 0x7e}, {0x85, 0x85}, {0xa0, 0xd7ff}, {0xe000, 0xfffd}, {0x10000, 0x10ffff},
};

int
policy_error_set(PolicyError *error, int line, int column, const char *format, ...)
{
	va_list arguments;

	error->line = line;
	error->column = column;
	va_start(arguments, format);
	vsnprintf(error->message, sizeof(error->message), format, arguments);
	va_end(arguments);
	return -1;
}

/* Decodes the code point at text; returns its bytes, or 0 when it is not UTF-8. */
static int
utf8_decode(const unsigned char *text, size_t length, uint32_t *point)
{
	for (size_t i = 0; i < sizeof(utf8_leads) / sizeof(utf8_leads[0]); i++)
	{
		if ((text[0] & utf8_leads[i].mask) != utf8_leads[i].bits)
			continue;
		if (length < (size_t) utf8_leads[i].length)
			return 0;
		*point = text[0] & (unsigned char) ~utf8_leads[i].mask;
		for (int k = 1; k < utf8_leads[i].length; k++)
		{
			if ((text[k] & 0xc0) != 0x80)
				return 0;
			*point = *point << 6 | (text[k] & 0x3f);
		}
		if (*point < utf8_leads[i].least || *point > 0x10ffff || (*point >= 0xd800 && *point <= 0xdfff))
			return 0;
		return utf8_leads[i].length;
	}
	return 0;
}

static bool
point_is_printable(uint32_t point)
{
	for (size_t i = 0; i < sizeof(yaml_printable) / sizeof(yaml_printable[0]); i++)
		if (point >= yaml_printable[i].first && point <= yaml_printable[i].last)
			return true;
	return false;
}

int
policy_text_check(const char *text, size_t length, PolicyError *error)
{
	const unsigned char *bytes = (const unsigned char *) text;
	int line = 1, column = 1;

	if (length > POLICY_TEXT_MAX)
		return policy_error_set(error, 0, 0, "the policy is %zu bytes long, expected at most %d", length,
								POLICY_TEXT_MAX);
	for (size_t i = 0; i < length;)
	{
		uint32_t point = 0;
		int step = utf8_decode(bytes + i, length - i, &point);

		if (step == 0)
			return policy_error_set(error, line, column, "expected UTF-8, found the byte 0x%02x", bytes[i]);
		if (!point_is_printable(point))
			return policy_error_set(error, line, column, "expected text, found the character U+%04X", (unsigned) point);
		i += (size_t) step;
		column = point == '\n' ? 1 : column + 1;
		line += point == '\n';
	}
	return 0;
}

bool
policy_text_is_printable(const char *text)
{
	const unsigned char *bytes = (const unsigned char *) text;
	size_t length = strlen(text);

	for (size_t i = 0; i < length;)
	{
		uint32_t point = 0;
		int step = utf8_decode(bytes + i, length - i, &point);

		if (step == 0 || point < 0x20 || (point >= 0x7f && point < 0xa0))
			return false;
		if (point == 0x2028 || point == 0x2029 || point == 0xfeff)
			return false;
		i += (size_t) step;
	}
	return true;
}

bool
policy_text_is_null(const char *text)
{
	static const char *const words[] = {"", "~", "null", "Null", "NULL"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(text, words[i]) == 0)
			return true;
	return false;
}

const char *
policy_text_quote(const char *text, char quote[POLICY_QUOTE_SIZE])
{
	const size_t most = POLICY_QUOTE_SIZE - sizeof("\"...\"");
	size_t used = 0;

	quote[used++] = '"';
	for (; *text != '\0' && used <= most; text++)
		quote[used++] = *text >= 0x20 && *text < 0x7f ? *text : '?';
	snprintf(quote + used, POLICY_QUOTE_SIZE - used, "%s", *text == '\0' ? "\"" : "...\"");
	return quote;
}
