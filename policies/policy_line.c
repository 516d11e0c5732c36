/*
 * policy_line.c - values on one line, by their kind.
 */
#include "policies/policy_line.h"
#include "sandbox/layer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef struct Line
{
	const Policy *policy;
	char *text;
	size_t size, used; /* used < size: what does not fit is cut off */
} Line;

typedef void (*KindPrinter)(Line *line, const PolicyKey *key, const void *field);

static void line_add(Line *line, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void
line_add(Line *line, const char *format, ...)
{
	const size_t room = line->size - line->used;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(line->text + line->used, room, format, arguments);
	va_end(arguments);
	line->used += length < 0 ? 0 : (size_t) length < room ? (size_t) length : room - 1;
}

static void
add_scalar(Line *line, const PolicyKey *key, const void *field)
{
	char value[POLICY_VALUE_SIZE];

	policy_value_print(key, field, value, sizeof(value));
	line_add(line, "%s", value);
}

static void
add_version(Line *line, const PolicyKey *key, const void *field)
{
	(void) key;
	(void) field;
	line_add(line, "1");
}

static void
add_list(Line *line, const PolicyKey *key, const void *field)
{
	const char *entry = field;
	int32_t count;

	memcpy(&count, entry - key->offset + key->count_offset, sizeof(count));
	line_add(line, "[");
	for (int32_t i = 0; i < count; i++, entry += key->below->max + 1)
	{
		line_add(line, "%s", i == 0 ? "" : ", ");
		add_scalar(line, key->below, entry);
	}
	line_add(line, "]");
}

static void
add_layers(Line *line, const PolicyKey *key, const void *field)
{
	const char *separator = "";
	uint32_t layers;

	(void) key;
	memcpy(&layers, field, sizeof(layers));
	line_add(line, "[");
	for (int id = 0; id < LAYER_COUNT; id++)
	{
		if ((layers & LAYER_BIT(id)) == 0)
			continue;
		line_add(line, "%s%s", separator, layer_name(id));
		separator = ", ";
	}
	line_add(line, "]");
}

static void
add_pool(Line *line, const PolicyKey *key, const void *field)
{
	static const PolicyKey name = {"", POLICY_KIND_IDENTIFIER, .min = 1, .max = POLICY_NAME_SIZE - 1};
	int32_t pool;

	(void) key;
	memcpy(&pool, field, sizeof(pool));
	if (pool != POLICY_NO_POOL)
		add_scalar(line, &name, line->policy->pools[pool].name);
}

static void
add_flags(Line *line, const PolicyKey *key, const void *field)
{
	char words[POLICY_VALUE_SIZE];
	uint32_t flags;

	memcpy(&flags, field, sizeof(flags));
	policy_flags_print(key, flags, words, sizeof(words));
	line_add(line, "[%s]", words);
}

static void
add_terms(Line *line, const PolicyKey *key, const void *field)
{
	const PolicyTerm *terms = field;
	int32_t count;

	memcpy(&count, (const char *) field - key->offset + key->count_offset, sizeof(count));
	line_add(line, "{");
	for (int32_t i = 0; i < count; i++)
	{
		const PolicyKey *metric = &key->below[terms[i].metric];

		line_add(line, "%s%s: ", i == 0 ? "" : ", ", metric->name);
		add_scalar(line, metric, &terms[i].above);
	}
	line_add(line, "}");
}

static bool
scalar_is_said(const PolicyKey *key, const void *field)
{
	char value[POLICY_VALUE_SIZE], fallback[POLICY_VALUE_SIZE];
	union
	{
		int64_t aligned;
		char bytes[POLICY_PATH_SIZE];
	} left_out = {.bytes = ""};

	policy_value_default(key, &left_out);
	policy_value_print(key, field, value, sizeof(value));
	policy_value_print(key, &left_out, fallback, sizeof(fallback));
	return strcmp(value, fallback) != 0;
}

static bool
number_is_said(int32_t nothing, const void *field)
{
	int32_t value;

	memcpy(&value, field, sizeof(value));
	return value != nothing;
}

/* The kinds that fit on a line; scalars are not listed. */
static const KindPrinter printers[POLICY_KIND_COUNT] = {
	[POLICY_KIND_VERSION] = add_version, [POLICY_KIND_LIST] = add_list,	  [POLICY_KIND_LAYERS] = add_layers,
	[POLICY_KIND_POOL] = add_pool,		 [POLICY_KIND_FLAGS] = add_flags, [POLICY_KIND_TERMS] = add_terms,
};

bool
policy_line_has_below(const PolicyKey *key)
{
	return key->kind >= POLICY_KIND_SCALARS && printers[key->kind] == NULL;
}

bool
policy_line_is_said(const PolicyKey *key, const void *base)
{
	const char *field = (const char *) base + key->offset;

	if (key->required)
		return true;
	if (key->kind < POLICY_KIND_SCALARS)
		return scalar_is_said(key, field);
	if (key->kind == POLICY_KIND_POOL)
		return number_is_said(POLICY_NO_POOL, field);
	if (key->kind == POLICY_KIND_FLAGS)
		return number_is_said(0, field);
	return true;
}

bool
policy_line_is_told(const PolicyKey *key, const void *base)
{
	static const bool silent[POLICY_KIND_COUNT] = {
		[POLICY_KIND_NAME] = true,	[POLICY_KIND_FUNCTION] = true, [POLICY_KIND_TEXT] = true,
		[POLICY_KIND_HOURS] = true, [POLICY_KIND_POOL] = true,	   [POLICY_KIND_FLAGS] = true,
	};
	const bool is_number = key->kind <= POLICY_KIND_COST;

	if (policy_line_is_said(key, base))
		return true;
	return is_number ? key->fallback >= key->min && key->otherwise == NULL : !silent[key->kind];
}

void
policy_line_print(const Policy *policy, const PolicyKey *key, const void *base, char *text, size_t size)
{
	Line line = {.policy = policy, .text = text, .size = size};
	const KindPrinter printer = key->kind < POLICY_KIND_SCALARS ? add_scalar : printers[key->kind];

	text[0] = '\0';
	printer(&line, key, (const char *) base + key->offset);
}
