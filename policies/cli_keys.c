/*
 * cli_keys.c - pybox-policy keys: every key with its meaning, values and default, as the table in README.md.
 */
#include "policies/cli.h"
#include "policies/policy_value.h"

#include <stdio.h>
#include <string.h>

#define PATH_SIZE 64
#define VALUE_SIZE 256

typedef void (*KindPrinter)(const PolicyKey *key, char *value);

static void
value_scalar(const PolicyKey *key, char *value)
{
	char *example;

	policy_value_expect(key, value, VALUE_SIZE);
	example = strstr(value, " such as");
	if (example != NULL && key->kind <= POLICY_KIND_COST)
		*example = '\0';
}

static void
value_words(const PolicyKey *key, char *value)
{
	size_t used = key->kind == POLICY_KIND_FLAGS ? (size_t) snprintf(value, VALUE_SIZE, "one or a list of ") : 0;

	for (int i = 0; key->words[i] != NULL && used < VALUE_SIZE; i++)
		used += (size_t) snprintf(value + used, VALUE_SIZE - used, "%s`%s`", i == 0 ? "" : ", ", key->words[i]);
}

static void
value_version(const PolicyKey *key, char *value)
{
	(void) key;
	snprintf(value, VALUE_SIZE, "`1`");
}

static void
value_list(const PolicyKey *key, char *value)
{
	char entry[VALUE_SIZE];

	policy_value_expect(key->below, entry, sizeof(entry));
	snprintf(value, VALUE_SIZE, "list of up to %d: %.200s", (int) key->max, entry);
}

static void
value_layers(const PolicyKey *key, char *value)
{
	(void) key;
	snprintf(value, VALUE_SIZE, "list of layers (`sandbox/layer.h`), or `all`");
}

static void
value_pools(const PolicyKey *key, char *value)
{
	snprintf(value, VALUE_SIZE, "1 to %d pools, `name: {keys}`; names of `a-z`, `0-9`, `_`, at most %d bytes",
			 (int) key->max, POLICY_NAME_SIZE - 1);
}

static void
value_entries(const PolicyKey *key, char *value)
{
	snprintf(value, VALUE_SIZE, "list of up to %d", (int) key->max);
}

static void
value_pool(const PolicyKey *key, char *value)
{
	(void) key;
	snprintf(value, VALUE_SIZE, "a pool");
}

static void
value_terms(const PolicyKey *key, char *value)
{
	(void) key;
	snprintf(value, VALUE_SIZE, "at least one of the keys below");
}

/* Kinds that are not listed are scalars, or have only keys below. */
static const KindPrinter printers[POLICY_KIND_COUNT] = {
	[POLICY_KIND_WORD] = value_words,	   [POLICY_KIND_FLAGS] = value_words,	  [POLICY_KIND_VERSION] = value_version,
	[POLICY_KIND_LIST] = value_list,	   [POLICY_KIND_LAYERS] = value_layers,	  [POLICY_KIND_POOLS] = value_pools,
	[POLICY_KIND_ENTRIES] = value_entries, [POLICY_KIND_ASSIGNS] = value_entries, [POLICY_KIND_POOL] = value_pool,
	[POLICY_KIND_TERMS] = value_terms,
};

static const char *const lists_empty[POLICY_KIND_COUNT] = {
	[POLICY_KIND_LIST] = "`[]`",	[POLICY_KIND_ENTRIES] = "`[]`", [POLICY_KIND_NAME] = "any",
	[POLICY_KIND_FUNCTION] = "any", [POLICY_KIND_POOL] = "any",
};

static void
fallback_print(const PolicyKey *key, char *fallback)
{
	char text[POLICY_VALUE_SIZE];
	union
	{
		int64_t aligned;
		char bytes[POLICY_PATH_SIZE];
	} field = {.bytes = ""};

	if (key->required || key->otherwise != NULL)
	{
		snprintf(fallback, VALUE_SIZE, "%s", key->required ? "required" : key->otherwise);
		return;
	}
	if (lists_empty[key->kind] != NULL)
	{
		snprintf(fallback, VALUE_SIZE, "%s", lists_empty[key->kind]);
		return;
	}
	policy_value_default(key, &field);
	policy_value_print(key, &field, text, sizeof(text));
	snprintf(fallback, VALUE_SIZE, "`%.*s`", VALUE_SIZE - 3, text);
}

static void
row_print(const PolicyKey *key, const char *path)
{
	char value[VALUE_SIZE], fallback[VALUE_SIZE];

	(printers[key->kind] != NULL ? printers[key->kind] : value_scalar)(key, value);
	fallback_print(key, fallback);
	printf("| `%s` | %s | %s | %s |\n", path, key->doc, value, fallback);
}

static void
metrics_print(const PolicyKey *keys, const char *path)
{
	for (const PolicyKey *key = keys; key->name != NULL; key++)
	{
		char value[VALUE_SIZE];

		value_scalar(key, value);
		printf("| `%s.%s` | %s | %s | any |\n", path, key->name, key->doc, value);
	}
}

static void
keys_print(const PolicyKey *keys, const char *above)
{
	for (const PolicyKey *key = keys; key->name != NULL; key++)
	{
		const bool is_list = key->kind == POLICY_KIND_ENTRIES || key->kind == POLICY_KIND_ASSIGNS;
		const bool only_holds = key->kind == POLICY_KIND_MAP || key->kind == POLICY_KIND_NODE;
		char path[PATH_SIZE];

		snprintf(path, sizeof(path), "%s%s", above, key->name);
		if (!only_holds)
			row_print(key, path);
		if (key->kind == POLICY_KIND_TERMS)
			metrics_print(key->below, path);
		else if (key->below != NULL && key->kind != POLICY_KIND_LIST)
		{
			strncat(path,
					is_list							 ? "[]."
					: key->kind == POLICY_KIND_POOLS ? ".*."
													 : ".",
					sizeof(path) - strlen(path) - 1);
			keys_print(key->below, path);
		}
	}
}

int
cli_keys(int count, char **arguments)
{
	if (cli_files(count, arguments, 0, 0) == NULL)
		return CLI_USAGE;
	printf("| key | meaning | value | default |\n|---|---|---|---|\n");
	keys_print(policy_keys, "");
	return 0;
}
