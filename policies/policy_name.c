/*
 * policy_name.c - names and paths. Independent of the locale, since the server sets one.
 */
#include "policies/policy_text.h"
#include "policies/policy_value.h"

#include <stdio.h>
#include <string.h>

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* [a-z_][a-z0-9_]* */
static bool
identifier_check(const char *text)
{
	for (const char *c = text; *c != '\0'; c++)
		if (!(is_letter(*c) && (*c >= 'a' || *c == '_')) && !(is_digit(*c) && c > text))
			return false;
	return true;
}

static bool
label_check(const char *text)
{
	for (; *text != '\0'; text++)
		if (!is_letter(*text) && !is_digit(*text) && *text != '.' && *text != '-')
			return false;
	return true;
}

/* Two names with one dot between them, so that the text means the same function whatever the quoting rules. */
static bool
function_check(const char *text)
{
	const char *dot = strchr(text, '.');

	if (dot == NULL || strchr(dot + 1, '.') != NULL)
		return false;
	if (dot == text || dot - text >= POLICY_NAME_SIZE || dot[1] == '\0' || strlen(dot + 1) >= POLICY_NAME_SIZE)
		return false;
	return policy_text_is_printable(text);
}

static bool
module_check(const char *text)
{
	bool first = true;

	for (; *text != '\0'; text++)
	{
		bool dot = *text == '.';

		if (first ? !is_letter(*text) : !(is_letter(*text) || is_digit(*text) || dot))
			return false;
		first = dot;
	}
	return !first;
}

/* Absolute, and every step of it a name: no "..", no ".", not the root itself. */
static bool
path_check(const char *text)
{
	while (*text == '/')
	{
		size_t length = strcspn(text + 1, "/");

		if (length == 0 || (length <= 2 && strspn(text + 1, ".") >= length))
			return false;
		text += 1 + length;
		if (*text == '\0')
			return true;
	}
	return false;
}

static const struct
{
	const char *noun;
	bool (*check)(const char *text);
} names[] = {
	[POLICY_KIND_IDENTIFIER] = {"a name of a-z, 0-9 and _ that does not begin with a digit", identifier_check},
	[POLICY_KIND_LABEL] = {"a node name of letters, digits, \".\", \"-\" and _", label_check},
	[POLICY_KIND_NAME] = {"a name without control characters", policy_text_is_printable},
	[POLICY_KIND_FUNCTION] = {"a function as schema.name", function_check},
	[POLICY_KIND_MODULE] = {"a Python module such as scipy.stats", module_check},
	[POLICY_KIND_PATH] = {"an absolute path without \".\", \"..\" and doubled or trailing \"/\"", path_check},
	[POLICY_KIND_TEXT] = {"a text without control characters", policy_text_is_printable},
};

static bool
name_read(const PolicyKey *key, const char *text, void *at)
{
	size_t length = strlen(text);

	if ((int64_t) length < key->min || (int64_t) length > key->max)
		return false;
	if (!policy_text_is_printable(text) || !names[key->kind].check(text))
		return false;
	memcpy(at, text, length + 1);
	return true;
}

static void
name_expect(const PolicyKey *key, char *text, size_t size)
{
	snprintf(text, size, "%s, at most %d bytes", names[key->kind].noun, (int) key->max);
}

static void
name_default(const PolicyKey *key, void *at)
{
	if (key->fallback_text != NULL)
		memcpy(at, key->fallback_text, strlen(key->fallback_text) + 1);
}

static bool
name_is_plain(const char *text)
{
	if (policy_text_is_null(text) || !(is_letter(*text) || *text == '/'))
		return false;
	return text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./")] == '\0';
}

/* Plain where that is safe, else in single quotes; values hold no line breaks. */
static void
name_print(const PolicyKey *key, const void *at, char *text, size_t size)
{
	const char *value = at;
	size_t used = 0;

	(void) key;
	if (name_is_plain(value))
	{
		snprintf(text, size, "%s", value);
		return;
	}
	text[used++] = '\'';
	for (; *value != '\0' && used + 4 <= size; value++)
	{
		if (*value == '\'')
			text[used++] = '\'';
		text[used++] = *value;
	}
	text[used++] = '\'';
	text[used] = '\0';
}

const PolicyFamily policy_name_family = {name_read, name_default, name_expect, name_print};
