/*
 * policy_parse.c - tree to Policy, by the tables of policy_key.c.
 *
 * A mapping's keys are first matched to rows, then read in the order of the rows, so that nothing depends on the order
 * in the file. Works on a draft in the heap: the caller's Policy changes only when the whole text is right.
 */
#include "policies/policy_section.h"
#include "policies/policy_value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int (*KindReader)(PolicyReader *reader, const PolicyKey *key, int node, void *base);

static int
row_find(const PolicyKey *keys, const char *name)
{
	for (int row = 0; keys[row].name != NULL; row++)
		if (strcmp(keys[row].name, name) == 0)
			return row;
	return -1;
}

/* What somebody may hope for, and no pool gives. */
static const char *const keys_never[] = {"network", "connect",	"sockets",	"exec",		  "execute",
										 "program", "programs", "commands", "subprocess", "write"};

static bool
key_is_never(const char *name)
{
	for (size_t i = 0; i < sizeof(keys_never) / sizeof(keys_never[0]); i++)
		if (strcmp(keys_never[i], name) == 0)
			return true;
	return false;
}

static int
key_unknown(PolicyReader *reader, const PolicyKey *keys, int node)
{
	char quote[POLICY_QUOTE_SIZE], known[192] = "";
	size_t used = 0;

	if (key_is_never(policy_reader_text(reader, node)))
		return policy_reader_fail(
			reader, node,
			"unknown key %s: no pool gives functions in language pybox the network, other programs "
			"or the machine's files to write; fs and net are for pyboxu",
			policy_reader_found(reader, node, quote));
	for (int row = 0; keys[row].name != NULL && used < sizeof(known); row++)
		used += (size_t) snprintf(known + used, sizeof(known) - used, "%s%s", row == 0 ? "" : ", ", keys[row].name);
	return policy_reader_fail(reader, node, "unknown key %s, expected one of %s",
							  policy_reader_found(reader, node, quote), known);
}

int
policy_section_match(PolicyReader *reader, const PolicyKey *keys, int node, int *values)
{
	const PolicyNode *nodes = reader->tree.nodes;
	char quote[POLICY_QUOTE_SIZE];

	for (int row = 0; row < POLICY_KEYS_MAX; row++)
		values[row] = POLICY_NODE_ABSENT;
	if (node == POLICY_NODE_ABSENT)
		return 0;
	if (policy_reader_expect(reader, node, POLICY_NODE_MAP) < 0)
		return -1;
	for (int name = node + 1; name < nodes[node].end; name = nodes[name + 1].end)
	{
		int row;

		if (nodes[name].kind != POLICY_NODE_TEXT)
			return policy_reader_fail(reader, name, "expected a key, found %s",
									  policy_reader_found(reader, name, quote));
		row = row_find(keys, policy_reader_text(reader, name));
		if (row < 0)
			return key_unknown(reader, keys, name);
		if (values[row] != POLICY_NODE_ABSENT)
			return policy_reader_fail(reader, name, "the key \"%s\" is repeated", keys[row].name);
		values[row] = name + 1;
	}
	return 0;
}

int
policy_section_scalar(PolicyReader *reader, const PolicyKey *key, int node, void *base)
{
	void *field = (char *) base + key->offset;
	char expected[160], quote[POLICY_QUOTE_SIZE];

	if (node == POLICY_NODE_ABSENT)
	{
		policy_value_default(key, field);
		return 0;
	}
	if (reader->tree.nodes[node].kind == POLICY_NODE_TEXT &&
		policy_value_read(key, policy_reader_text(reader, node), field))
		return 0;
	policy_value_expect(key, expected, sizeof(expected));
	return policy_reader_fail(reader, node, "expected %s, found %s", expected,
							  policy_reader_found(reader, node, quote));
}

static int
version_read(PolicyReader *reader, const PolicyKey *key, int node, void *base)
{
	char quote[POLICY_QUOTE_SIZE];

	(void) key;
	(void) base;
	if (reader->tree.nodes[node].kind == POLICY_NODE_TEXT && strcmp(policy_reader_text(reader, node), "1") == 0)
		return 0;
	return policy_reader_fail(reader, node, "expected 1, the only version there is, found %s",
							  policy_reader_found(reader, node, quote));
}

static int
submap_read(PolicyReader *reader, const PolicyKey *key, int node, void *base)
{
	return policy_section_map(reader, key->below, node, base);
}

/* Entries of one size, each described by the row below; none may come twice. */
static int
list_read(PolicyReader *reader, const PolicyKey *key, int node, void *base)
{
	const PolicyNode *nodes = reader->tree.nodes;
	const size_t stride = (size_t) key->below->max + 1;
	char *entries = (char *) base + key->offset;
	int32_t count = 0;

	if (node == POLICY_NODE_ABSENT)
		return 0;
	if (policy_reader_expect(reader, node, POLICY_NODE_LIST) < 0)
		return -1;
	for (int entry = node + 1; entry < nodes[node].end; entry = nodes[entry].end)
	{
		char *field = entries + (size_t) count * stride;

		if (count == key->max)
			return policy_reader_fail(reader, entry, "expected at most %d entries", (int) key->max);
		if (policy_section_scalar(reader, key->below, entry, field) < 0)
			return -1;
		for (int32_t i = 0; i < count; i++)
			if (strcmp(entries + (size_t) i * stride, field) == 0)
				return policy_reader_fail(reader, entry, "the entry is repeated");
		count++;
	}
	memcpy((char *) base + key->count_offset, &count, sizeof(count));
	return 0;
}

static const KindReader readers[POLICY_KIND_COUNT] = {
	[POLICY_KIND_INTEGER] = policy_section_scalar,
	[POLICY_KIND_SIZE] = policy_section_scalar,
	[POLICY_KIND_DURATION] = policy_section_scalar,
	[POLICY_KIND_PERCENT] = policy_section_scalar,
	[POLICY_KIND_AMOUNT] = policy_section_scalar,
	[POLICY_KIND_COST] = policy_section_scalar,
	[POLICY_KIND_IDENTIFIER] = policy_section_scalar,
	[POLICY_KIND_LABEL] = policy_section_scalar,
	[POLICY_KIND_NAME] = policy_section_scalar,
	[POLICY_KIND_FUNCTION] = policy_section_scalar,
	[POLICY_KIND_MODULE] = policy_section_scalar,
	[POLICY_KIND_PATH] = policy_section_scalar,
	[POLICY_KIND_TEXT] = policy_section_scalar,
	[POLICY_KIND_WORD] = policy_section_scalar,
	[POLICY_KIND_SWITCH] = policy_section_scalar,
	[POLICY_KIND_HOURS] = policy_section_scalar,
	[POLICY_KIND_VERSION] = version_read,
	[POLICY_KIND_MAP] = submap_read,
	[POLICY_KIND_NODE] = policy_section_node,
	[POLICY_KIND_LIST] = list_read,
	[POLICY_KIND_LAYERS] = policy_section_layers,
	[POLICY_KIND_POOLS] = policy_section_pools,
	[POLICY_KIND_ENTRIES] = policy_section_entries,
	[POLICY_KIND_ASSIGNS] = policy_section_assigns,
	[POLICY_KIND_POOL] = policy_section_pool,
	[POLICY_KIND_FLAGS] = policy_section_flags,
	[POLICY_KIND_TERMS] = policy_section_terms,
};

int
policy_section_map(PolicyReader *reader, const PolicyKey *keys, int node, void *base)
{
	int values[POLICY_KEYS_MAX];

	if (policy_section_match(reader, keys, node, values) < 0)
		return -1;
	for (int row = 0; keys[row].name != NULL; row++)
	{
		size_t mark;

		if (values[row] == POLICY_NODE_ABSENT && keys[row].required)
			return policy_reader_fail(reader, node, "the key \"%s\" is missing", keys[row].name);
		mark = policy_reader_enter(reader, "%s", keys[row].name);
		if (readers[keys[row].kind](reader, &keys[row], values[row], base) < 0)
			return -1;
		policy_reader_leave(reader, mark);
	}
	return 0;
}

int
policy_parse(const char *text, size_t length, Policy *out, PolicyError *error)
{
	PolicyReader reader = {.error = error};
	int result = policy_tree_read(&reader.tree, text, length, error);

	if (result == 0)
	{
		reader.policy = calloc(1, sizeof(*reader.policy));
		result = reader.policy == NULL ? policy_error_set(error, 0, 0, "out of memory")
									   : policy_section_map(&reader, policy_keys, 0, reader.policy);
		if (result == 0)
			memcpy(out, reader.policy, sizeof(*out));
		free(reader.policy);
	}
	policy_tree_free(&reader.tree);
	return result;
}
