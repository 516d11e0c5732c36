/*
 * policy_show.c - Policy to YAML, by the same tables that read it.
 */
#include "policies/policy_show.h"
#include "policies/policy_value.h"
#include "sandbox/layer.h"

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

static void
write_scalar(Writer *writer, const PolicyKey *key, const void *base)
{
	char value[POLICY_VALUE_SIZE];

	policy_value_print(key, (const char *) base + key->offset, value, sizeof(value));
	write_text(writer, " %s\n", value);
}

static void
write_version(Writer *writer, const PolicyKey *key, const void *base)
{
	(void) key;
	(void) base;
	write_text(writer, " 1\n");
}

static void
write_submap(Writer *writer, const PolicyKey *key, const void *base)
{
	write_text(writer, "\n");
	write_map(writer, key->below, base);
}

static void
write_list(Writer *writer, const PolicyKey *key, const void *base)
{
	const char *entry = (const char *) base + key->offset;
	char value[POLICY_VALUE_SIZE];
	int32_t count;

	memcpy(&count, (const char *) base + key->count_offset, sizeof(count));
	write_text(writer, " [");
	for (int32_t i = 0; i < count; i++, entry += key->below->max + 1)
	{
		policy_value_print(key->below, entry, value, sizeof(value));
		write_text(writer, "%s%s", i == 0 ? "" : ", ", value);
	}
	write_text(writer, "]\n");
}

static void
write_layers(Writer *writer, const PolicyKey *key, const void *base)
{
	const char *separator = "";
	uint32_t layers;

	memcpy(&layers, (const char *) base + key->offset, sizeof(layers));
	write_text(writer, " [");
	for (int id = 0; id < LAYER_COUNT; id++)
	{
		if ((layers & LAYER_BIT(id)) == 0)
			continue;
		write_text(writer, "%s%s", separator, layer_name(id));
		separator = ", ";
	}
	write_text(writer, "]\n");
}

static void
write_pool_name(Writer *writer, const char *name)
{
	static const PolicyKey key = {"", POLICY_KIND_IDENTIFIER, .min = 1, .max = POLICY_NAME_SIZE - 1};
	char value[POLICY_VALUE_SIZE];

	policy_value_print(&key, name, value, sizeof(value));
	write_text(writer, "%s", value);
}

static void
write_pools(Writer *writer, const PolicyKey *key, const void *base)
{
	const Policy *policy = base;

	write_text(writer, "\n");
	for (const PolicyPool *pool = policy->pools; pool < policy->pools + policy->pool_count; pool++)
	{
		write_text(writer, "  ");
		write_pool_name(writer, pool->name);
		write_text(writer, ":\n");
		writer->indent += 2;
		write_map(writer, key->below, pool);
		writer->indent -= 2;
	}
}

static void
write_pool(Writer *writer, const PolicyKey *key, const void *base)
{
	int32_t pool;

	memcpy(&pool, (const char *) base + key->offset, sizeof(pool));
	write_text(writer, "pool: ");
	write_pool_name(writer, writer->policy->pools[pool].name);
	write_text(writer, "}\n");
}

/* One line each: the texts that are there, then the pool, which ends the line. */
static void
write_assigns(Writer *writer, const PolicyKey *key, const void *base)
{
	const Policy *policy = base;
	char value[POLICY_VALUE_SIZE];

	write_text(writer, "\n");
	for (const PolicyAssign *assign = policy->assigns; assign < policy->assigns + policy->assign_count; assign++)
	{
		const PolicyKey *row = key->below;

		write_text(writer, "  - {");
		for (; row->kind != POLICY_KIND_POOL; row++)
		{
			const char *field = (const char *) assign + row->offset;

			if (*field == '\0')
				continue;
			policy_value_print(row, field, value, sizeof(value));
			write_text(writer, "%s: %s, ", row->name, value);
		}
		write_pool(writer, row, assign);
	}
}

static const KindWriter writers[POLICY_KIND_COUNT] = {
	[POLICY_KIND_INTEGER] = write_scalar,	 [POLICY_KIND_SIZE] = write_scalar,
	[POLICY_KIND_DURATION] = write_scalar,	 [POLICY_KIND_PERCENT] = write_scalar,
	[POLICY_KIND_IDENTIFIER] = write_scalar, [POLICY_KIND_LABEL] = write_scalar,
	[POLICY_KIND_NAME] = write_scalar,		 [POLICY_KIND_FUNCTION] = write_scalar,
	[POLICY_KIND_MODULE] = write_scalar,	 [POLICY_KIND_PATH] = write_scalar,
	[POLICY_KIND_WORD] = write_scalar,		 [POLICY_KIND_VERSION] = write_version,
	[POLICY_KIND_MAP] = write_submap,		 [POLICY_KIND_NODE] = write_submap,
	[POLICY_KIND_LIST] = write_list,		 [POLICY_KIND_LAYERS] = write_layers,
	[POLICY_KIND_POOLS] = write_pools,		 [POLICY_KIND_ASSIGNS] = write_assigns,
	[POLICY_KIND_POOL] = write_pool,
};

static void
write_map(Writer *writer, const PolicyKey *keys, const void *base)
{
	for (const PolicyKey *key = keys; key->name != NULL; key++)
	{
		write_text(writer, "%*s%s:", writer->indent, "", key->name);
		writer->indent += 2;
		writers[key->kind](writer, key, base);
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
