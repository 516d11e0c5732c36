/*
 * top_text_test.c - hostile names on a terminal: what is shown of them, how wide, where cut; and numbers as people read them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <locale.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "ops/top_text.h"

#define ROOM 512

static const struct
{
	const char *text;
	int width;
	const char *utf8, *ascii;
} fits[] = {
	{"", 10, "", ""},
	{"plain", 10, "plain", "plain"},
	{"plain", 5, "plain", "plain"},
	{"plain", 4, "pla~", "pla~"},
	{"plain", 1, "~", "~"},
	{"plain", 0, "", ""},
	{"a\033[31mred", 20, "a?[31mred", "a?[31mred"}, /* an escape sequence */
	{"a\a\b\t\r\n\x7f", 20, "a??????", "a??????"},	/* C0 and DEL */
	{"\xc2\x9b[2J", 20, "?[2J", "?[2J"},			/* C1: CSI in one character */
	{"\xe2\x80\xae"
	 "evil",
	 20, "?evil", "?evil"}, /* right to left override */
	{"a\xe2\x80\x8b"
	 "b",
	 20, "a?b", "a?b"},									  /* zero width space */
	{"\xff\xc3", 20, "??", "??"},						  /* no UTF-8 */
	{"\xc0\xaf\xe0\x80\xaf", 20, "?????", "?????"},		  /* overlong */
	{"\xed\xa0\x80", 20, "???", "???"},					  /* half of a pair */
	{"\xf5\x80\x80\x80", 20, "????", "????"},			  /* behind the last character */
	{"\xc3\xa9t\xc3\xa9", 3, "\xc3\xa9t\xc3\xa9", "?t?"}, /* accents */
	{"\xc3\xa9t\xc3\xa9", 2, "\xc3\xa9~", "?~"},
	{"\xe6\x97\xa5\xe6\x9c\xac", 4, "\xe6\x97\xa5\xe6\x9c\xac", "??"}, /* two columns each */
	{"\xe6\x97\xa5\xe6\x9c\xac", 3, "\xe6\x97\xa5~", "??"},
	{"\xe6\x97\xa5\xe6\x9c\xac", 2, "~", "??"},
	{"\xe6\x97\xa5\xe6\x9c\xac", 1, "~", "~"},
	{"e\xcc\x81"
	 "x",
	 2,
	 "e\xcc\x81"
	 "x",
	 "e~"}, /* a combining accent takes no column */
	{"\xcc\x81"
	 "x",
	 2, "x", "?x"}, /* and needs something to stand on */
};

static void
test_fit(void **state)
{
	(void) state;
	for (size_t i = 0; i < sizeof(fits) / sizeof(fits[0]); i++)
	{
		char out[ROOM];

		int width = text_fit(out, sizeof(out), fits[i].text, fits[i].width, TEXT_UTF8);

		assert_int_equal(width, text_width(out, TEXT_UTF8));
		assert_string_equal(out, fits[i].utf8);
		width = text_fit(out, sizeof(out), fits[i].text, fits[i].width, TEXT_ASCII);
		assert_int_equal(width, strlen(out));
		assert_string_equal(out, fits[i].ascii);
	}
}

/* A name of nothing but marks neither grows over its line nor fills memory. */
static void
test_marks(void **state)
{
	char text[2001] = "a", out[ROOM];

	(void) state;
	for (int i = 0; i < 999; i++)
		memcpy(text + 1 + 2 * i, "\xcc\x81", 3);
	assert_int_equal(text_fit(out, sizeof(out), text, 5, TEXT_UTF8), 1);
	assert_int_equal(strlen(out), 1 + 4 * 2);
}

/* Any bytes, widths and sizes: within width and size, and nothing of it is a control. */
static void
test_any_bytes(void **state)
{
	char text[24], out[ROOM];

	(void) state;
	srand(20231122);
	for (int turn = 0; turn < 200000; turn++)
	{
		int length = rand() % (int) sizeof(text), width = rand() % 12;
		size_t size = 1 + rand() % 20;
		TextCharset charset = turn % 2 == 0 ? TEXT_ASCII : TEXT_UTF8;

		for (int i = 0; i < length; i++)
			text[i] = (char) (1 + rand() % 255);
		text[length] = '\0';
		memset(out, 'X', sizeof(out));
		assert_true(text_fit(out, size, text, width, charset) <= width);
		assert_true(strlen(out) < size);
		assert_int_equal(out[size], 'X');
		assert_true(text_width(out, charset) <= width);
		for (const char *at = out; *at != '\0';)
		{
			int32_t character = text_next(&at);

			assert_true(character >= ' ' && (character < 0x7F || (character >= 0xA0 && charset == TEXT_UTF8)));
		}
	}
}

static void
test_encode(void **state)
{
	static const int32_t characters[] = {1, 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x10FFFF};

	(void) state;
	for (size_t i = 0; i < sizeof(characters) / sizeof(characters[0]); i++)
	{
		char bytes[5] = "";
		const char *at = bytes;
		size_t length = text_encode(characters[i], bytes);

		assert_int_equal(text_next(&at), characters[i]);
		assert_ptr_equal(at, bytes + length);
	}
}

typedef struct NumberRow
{
	double value;
	const char *text;
} NumberRow;

static const NumberRow bytes[] = {
	{0, "0"},
	{-5, "0"},
	{1023, "1023"},
	{1024, "1.0k"},
	{1535, "1.4k"},
	{10239, "9.9k"},
	{10240, "10k"},
	{1048575, "1023k"},
	{1048576, "1.0M"},
	{536870912, "512M"},
	{4294967296.0, "4.0G"},
	{9.2e18, "7.9E"},
	{1e30, "867361737988E"},
};
static const NumberRow counts[] = {
	{0, "0"}, {99999, "99999"}, {100000, "100k"}, {999999, "999k"}, {1000000, "1.0M"}, {2500000000.0, "2.5G"},
};
static const NumberRow seconds[] = {
	{0, "0ms"},		 {-1, "0ms"},		{0.0004, "0ms"},  {0.25, "250ms"},	   {0.9999, "999ms"}, {1, "1.0s"},
	{9.99, "9.9s"},	 {10, "10s"},		{59.99, "59s"},	  {60, "1m00s"},	   {65, "1m05s"},	  {3599.9, "59m59s"},
	{3600, "1h00m"}, {86399, "23h59m"}, {86400, "1d00h"}, {8639999, "99d23h"}, {8640000, "100d"},
};

static void
check_numbers(void (*show)(char *, double), const NumberRow *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
	{
		char out[TEXT_NUMBER_SIZE];

		show(out, rows[i].value);
		assert_string_equal(out, rows[i].text);
	}
}

static void
test_numbers(void **state)
{
	(void) state;
	check_numbers(number_bytes, bytes, sizeof(bytes) / sizeof(bytes[0]));
	check_numbers(number_count, counts, sizeof(counts) / sizeof(counts[0]));
	check_numbers(number_seconds, seconds, sizeof(seconds) / sizeof(seconds[0]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_fit), cmocka_unit_test(test_marks),
									   cmocka_unit_test(test_any_bytes), cmocka_unit_test(test_encode),
									   cmocka_unit_test(test_numbers)};

	if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
