/*
 * policy_show.c - Policy to YAML, by the same tables that read it.
 */
#include "policies/policy_line.h"
#include "policies/policy_show.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef struct Writer
{
	const Policy *policy;
	char *text;
	size_t size, used; /* used may go beyond size: it counts what is wanted */
	int indent;		   /* spaces before a key */
} Writer;

typedef void (*KindWriter)(Writer *writer, const PolicyKey *key, const void *base);

static void write_text(Writer *writer, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void write_map(Writer *writer, const PolicyKey *keys, const void *base);

static void
write_text(Writer *writer, const char *format, ...)
{
	bool room = writer->used < writer->size;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length =
		vsnprintf(room ? writer->text + writer->used : NULL, room ? writer->size - writer->used : 0, format, arguments);
	va_end(arguments);
	writer->used += length < 0 ? 0 : (size_t) length;
}

/* A key's value after its colon. */
static void
write_line(Writer *writer, const PolicyKey *key, const void *base)
{
	char line[POLICY_LINE_SIZE];

	policy_line_print(writer->policy, key, base, line, sizeof(line));
	write_text(writer, " %s\n", line);
}

static void
write_submap(Writer *writer, const PolicyKey *key, const void *base)
{
	write_text(writer, "\n");
	write_map(writer, key->below, base);
}

static void
write_pools(Writer *writer, const PolicyKey *key, const void *base)
{
	static const PolicyKey name = {"", POLICY_KIND_IDENTIFIER, .min = 1, .max = POLICY_NAME_SIZE - 1};
	const Policy *policy = base;
	char text[POLICY_LINE_SIZE];

	write_text(writer, "\n");
	for (const PolicyPool *pool = policy->pools; pool < policy->pools + policy->pool_count; pool++)
	{
		policy_line_print(policy, &name, pool->name, text, sizeof(text));
		write_text(writer, "  %s:\n", text);
		writer->indent += 2;
		write_map(writer, key->below, pool);
		writer->indent -= 2;
	}
}

/* One line each, with the keys that say something. */
static void
write_entries(Writer *writer, const PolicyKey *key, const void *base)
{
	const char *entry = (const char *) base + key->offset;
	char line[POLICY_LINE_SIZE];
	int32_t count;

	memcpy(&count, (const char *) base + key->count_offset, sizeof(count));
	write_text(writer, count == 0 ? " []\n" : "\n");
	for (int32_t i = 0; i < count; i++, entry += key->stride)
	{
		const char *separator = "  - {";

		for (const PolicyKey *row = key->below; row->name != NULL; row++)
		{
			if (!policy_line_is_said(row, entry))
				continue;
			policy_line_print(writer->policy, row, entry, line, sizeof(line));
			write_text(writer, "%s%s: %s", separator, row->name, line);
			separator = ", ";
		}
		write_text(writer, "}\n");
	}
}

/* The kinds that do not fit on a line. */
static const KindWriter writers[POLICY_KIND_COUNT] = {
	[POLICY_KIND_MAP] = write_submap,	   [POLICY_KIND_NODE] = write_submap,	  [POLICY_KIND_POOLS] = write_pools,
	[POLICY_KIND_ENTRIES] = write_entries, [POLICY_KIND_ASSIGNS] = write_entries,
};

static void
write_map(Writer *writer, const PolicyKey *keys, const void *base)
{
	for (const PolicyKey *key = keys; key->name != NULL; key++)
	{
		const KindWriter write = policy_line_has_below(key) ? writers[key->kind] : write_line;

		write_text(writer, "%*s%s:", writer->indent, "", key->name);
		writer->indent += 2;
		write(writer, key, base);
		writer->indent -= 2;
	}
}

size_t
policy_show(const Policy *policy, char *text, size_t size)
{
	Writer writer = {.policy = policy, .text = text, .size = size};

	if (size > 0)
		text[0] = '\0';
	write_map(&writer, policy_keys, policy);
	return writer.used;
}
