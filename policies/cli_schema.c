/*
 * cli_schema.c - pybox-policy schema: the JSON Schema (draft 7) of policies, made from the tables of keys, for editors.
 *
 * What it cannot say, such as the range of a size or what one key demands of another, pybox-policy check knows.
 */
#include "policies/cli.h"
#include "policies/policy_value.h"
#include "sandbox/layer.h"

#include <stdio.h>
#include <string.h>

typedef void (*KindWriter)(const PolicyKey *key, int indent);

static void write_object(const PolicyKey *keys, int indent);

static void
write_string(const char *text)
{
	putchar('"');
	for (; *text != '\0'; text++)
		printf(*text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
	putchar('"');
}

/* Begins a member of an object that has one before. */
static void
write_member(int indent, const char *name)
{
	printf(",\n%*s\"%s\": ", indent, "", name);
}

static void
write_member_number(int indent, const char *name, int64_t value)
{
	write_member(indent, name);
	printf("%lld", (long long) value);
}

static void
write_member_string(int indent, const char *name, const char *value)
{
	write_member(indent, name);
	write_string(value);
}

/* --- a writer for each kind, which says more of it than its description ---------------------------------------------- */

static void
write_integer(const PolicyKey *key, int indent)
{
	write_member_string(indent, "type", "integer");
	write_member_number(indent, "minimum", key->min);
	write_member_number(indent, "maximum", key->max);
}

/* Of values with a unit only 0 can do without. */
static void
write_measure(const PolicyKey *key, int indent)
{
	const char *pattern = key->kind == POLICY_KIND_SIZE		  ? "^(0|[1-9][0-9]*)(TB|GB|MB|kB|KB|B)$"
						  : key->kind == POLICY_KIND_DURATION ? "^(0|[1-9][0-9]*)(ms|s|min|h|d)$"
															  : "^[1-9][0-9]*%$";

	if (key->min > 0)
	{
		write_member_string(indent, "type", "string");
		write_member_string(indent, "pattern", pattern);
		return;
	}
	write_member(indent, "anyOf");
	printf("[{\"const\": 0}, {\"type\": \"string\", \"pattern\": ");
	write_string(pattern);
	printf("}]");
}

static const char *const patterns[POLICY_KIND_COUNT] = {
	[POLICY_KIND_IDENTIFIER] = "^[a-z_][a-z0-9_]*$",
	[POLICY_KIND_LABEL] = "^[A-Za-z0-9_.-]+$",
	[POLICY_KIND_FUNCTION] = "^[^.]+[.][^.]+$",
	[POLICY_KIND_MODULE] = "^[A-Za-z_][A-Za-z0-9_]*([.][A-Za-z_][A-Za-z0-9_]*)*$",
	[POLICY_KIND_PATH] = "^(/[^/]+)+$",
	[POLICY_KIND_HOURS] = "^([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$",
};

static void
write_text(const PolicyKey *key, int indent)
{
	write_member_string(indent, "type", "string");
	if (patterns[key->kind] != NULL)
		write_member_string(indent, "pattern", patterns[key->kind]);
	if (key->max > 0)
	{
		write_member_number(indent, "minLength", key->min);
		write_member_number(indent, "maxLength", key->max);
	}
}

static void
write_pool(const PolicyKey *key, int indent)
{
	(void) key;
	write_member_string(indent, "type", "string");
	write_member_string(indent, "pattern", patterns[POLICY_KIND_IDENTIFIER]);
}

static void
print_words(const char *const *words)
{
	printf("{\"enum\": [");
	for (int i = 0; words[i] != NULL; i++)
		printf("%s\"%s\"", i == 0 ? "" : ", ", words[i]);
	printf("]}");
}

static void
write_word(const PolicyKey *key, int indent)
{
	write_member(indent, "enum");
	for (int i = 0; key->words[i] != NULL; i++)
		printf("%s\"%s\"", i == 0 ? "[" : ", ", key->words[i]);
	printf("]");
}

static void
write_switch(const PolicyKey *key, int indent)
{
	(void) key;
	write_member_string(indent, "type", "boolean");
}

static void
write_version(const PolicyKey *key, int indent)
{
	(void) key;
	write_member_number(indent, "const", 1);
}

/* A list of words, or a word alone. */
static void
write_words(const char *const *words, int indent)
{
	write_member(indent, "anyOf");
	printf("[");
	print_words(words);
	printf(", {\"type\": \"array\", \"uniqueItems\": true, \"items\": ");
	print_words(words);
	printf("}]");
}

static void
write_flags(const PolicyKey *key, int indent)
{
	write_words(key->words, indent);
}

static void
write_layers(const PolicyKey *key, int indent)
{
	const char *words[LAYER_COUNT + 2] = {"all"};

	(void) key;
	for (int id = 0; id < LAYER_COUNT; id++)
		words[id + 1] = layer_name(id);
	write_words(words, indent);
}

static void
write_map(const PolicyKey *key, int indent)
{
	write_object(key->below, indent);
}

static void
write_terms(const PolicyKey *key, int indent)
{
	write_object(key->below, indent);
	write_member_number(indent, "minProperties", 1);
}

/* Opens an object whose members are those that the functions above begin with a comma. */
static void
object_open(int indent, const char *doc)
{
	printf("{\n%*s\"description\": ", indent, "");
	write_string(doc);
}

static void
object_close(int indent)
{
	printf("\n%*s}", indent - 2, "");
}

static void
write_pools(const PolicyKey *key, int indent)
{
	write_member_string(indent, "type", "object");
	write_member_number(indent, "minProperties", 1);
	write_member_number(indent, "maxProperties", key->max);
	write_member(indent, "additionalProperties");
	printf("false");
	write_member(indent, "patternProperties");
	printf("{");
	printf("\n%*s\"%s\": ", indent + 2, "", patterns[POLICY_KIND_IDENTIFIER]);
	object_open(indent + 4, "A pool");
	write_object(key->below, indent + 4);
	object_close(indent + 4);
	object_close(indent + 2);
}

static void
write_list(const PolicyKey *key, int indent)
{
	write_member_string(indent, "type", "array");
	write_member_number(indent, "maxItems", key->max);
	write_member(indent, "uniqueItems");
	printf("true");
	write_member(indent, "items");
	object_open(indent + 2, key->below->kind == POLICY_KIND_PATH ? "A folder" : "A module");
	write_text(key->below, indent + 2);
	object_close(indent + 2);
}

static void
write_entries(const PolicyKey *key, int indent)
{
	write_member_string(indent, "type", "array");
	write_member_number(indent, "maxItems", key->max);
	write_member(indent, "items");
	object_open(indent + 2, key->doc);
	write_object(key->below, indent + 2);
	object_close(indent + 2);
}

static const KindWriter writers[POLICY_KIND_COUNT] = {
	[POLICY_KIND_INTEGER] = write_integer,	[POLICY_KIND_SIZE] = write_measure,
	[POLICY_KIND_DURATION] = write_measure, [POLICY_KIND_PERCENT] = write_measure,
	[POLICY_KIND_AMOUNT] = write_integer,	[POLICY_KIND_COST] = write_integer,
	[POLICY_KIND_IDENTIFIER] = write_text,	[POLICY_KIND_LABEL] = write_text,
	[POLICY_KIND_NAME] = write_text,		[POLICY_KIND_FUNCTION] = write_text,
	[POLICY_KIND_MODULE] = write_text,		[POLICY_KIND_PATH] = write_text,
	[POLICY_KIND_TEXT] = write_text,		[POLICY_KIND_WORD] = write_word,
	[POLICY_KIND_SWITCH] = write_switch,	[POLICY_KIND_HOURS] = write_text,
	[POLICY_KIND_VERSION] = write_version,	[POLICY_KIND_MAP] = write_map,
	[POLICY_KIND_NODE] = write_map,			[POLICY_KIND_LIST] = write_list,
	[POLICY_KIND_LAYERS] = write_layers,	[POLICY_KIND_POOLS] = write_pools,
	[POLICY_KIND_ENTRIES] = write_entries,	[POLICY_KIND_ASSIGNS] = write_entries,
	[POLICY_KIND_POOL] = write_pool,		[POLICY_KIND_FLAGS] = write_flags,
	[POLICY_KIND_TERMS] = write_terms,
};

static void
write_required(const PolicyKey *keys, int indent)
{
	const char *separator = "[";

	for (const PolicyKey *key = keys; key->name != NULL; key++)
	{
		if (!key->required)
			continue;
		if (*separator == '[')
			write_member(indent, "required");
		printf("%s\"%s\"", separator, key->name);
		separator = ", ";
	}
	if (*separator != '[')
		printf("]");
}

/* The members that say of an object which keys it has. */
static void
write_object(const PolicyKey *keys, int indent)
{
	write_member_string(indent, "type", "object");
	write_member(indent, "additionalProperties");
	printf("false");
	write_required(keys, indent);
	write_member(indent, "properties");
	for (const PolicyKey *key = keys; key->name != NULL; key++)
	{
		printf("%s\n%*s\"%s\": ", key == keys ? "{" : ",", indent + 2, "", key->name);
		object_open(indent + 4, key->doc);
		writers[key->kind](key, indent + 4);
		object_close(indent + 4);
	}
	object_close(indent + 2);
}

int
cli_schema(int count, char **arguments)
{
	if (cli_files(count, arguments, 0, 0) == NULL)
		return CLI_USAGE;
	object_open(2, "A policy of pybox: who may use how much Python");
	write_member_string(2, "$schema", "http://json-schema.org/draft-07/schema#");
	write_member_string(2, "title", "pybox policy");
	write_object(policy_keys, 2);
	object_close(2);
	printf("\n");
	return 0;
}
