/*
 * policy_entry.c - the lists of a policy whose entries have keys: assignments, caps, filters, rules and budgets.
 */
#include "policies/policy_check.h"
#include "policies/policy_section.h"
#include "policies/policy_value.h"

#include <string.h>

static int
entry_read(PolicyReader *reader, const PolicyKey *key, int node, int32_t number)
{
	char *entry = (char *) reader->policy + key->offset + (size_t) number * key->stride;
	const int32_t line = reader->tree.nodes[node].line;
	size_t mark = policy_reader_enter(reader, "[%d]", (int) number + 1);

	if (number == key->max)
		return policy_reader_fail(reader, node, "expected at most %d entries", (int) key->max);
	if (policy_section_map(reader, key->below, node, entry) < 0 || key->check(reader, entry, node) < 0)
		return -1;
	memcpy(entry + key->line_offset, &line, sizeof(line));
	policy_reader_leave(reader, mark);
	return 0;
}

int
policy_section_entries(PolicyReader *reader, const PolicyKey *key, int node, void *base)
{
	const PolicyNode *nodes = reader->tree.nodes;
	int32_t *count = (int32_t *) ((char *) base + key->count_offset);

	if (node == POLICY_NODE_ABSENT)
		return 0;
	if (policy_reader_expect(reader, node, POLICY_NODE_LIST) < 0)
		return -1;
	for (int entry = node + 1; entry < nodes[node].end; entry = nodes[entry].end, ++*count)
		if (entry_read(reader, key, entry, *count) < 0)
			return -1;
	return 0;
}

int
policy_section_assigns(PolicyReader *reader, const PolicyKey *key, int node, void *base)
{
	if (policy_section_entries(reader, key, node, base) < 0)
		return -1;
	return policy_check_default(reader, node == POLICY_NODE_ABSENT ? 0 : node);
}

static int
flag_read(PolicyReader *reader, const PolicyKey *key, int node, uint32_t *flags)
{
	char quote[POLICY_QUOTE_SIZE];
	const char *name = reader->tree.nodes[node].kind == POLICY_NODE_TEXT ? policy_reader_text(reader, node) : "";
	uint32_t bit = 0;

	for (int i = 0; key->words[i] != NULL; i++)
		if (strcmp(key->words[i], name) == 0)
			bit = UINT32_C(1) << i;
	if (bit == 0)
	{
		char known[128];

		policy_flags_print(key, UINT32_MAX, known, sizeof(known));
		return policy_reader_fail(reader, node, "expected some of %s, found %s", known,
								  policy_reader_found(reader, node, quote));
	}
	if ((*flags & bit) != 0)
		return policy_reader_fail(reader, node, "%s is already in the list", name);
	*flags |= bit;
	return 0;
}

/* A list of words, at least one, or a word alone. */
int
policy_section_flags(PolicyReader *reader, const PolicyKey *key, int node, void *base)
{
	const PolicyNode *nodes = reader->tree.nodes;
	uint32_t flags = 0;

	if (node == POLICY_NODE_ABSENT)
		return 0;
	if (nodes[node].kind != POLICY_NODE_LIST || nodes[node].end == node + 1)
	{
		if (flag_read(reader, key, node, &flags) < 0)
			return -1;
	}
	else
		for (int entry = node + 1; entry < nodes[node].end; entry = nodes[entry].end)
			if (flag_read(reader, key, entry, &flags) < 0)
				return -1;
	memcpy((char *) base + key->offset, &flags, sizeof(flags));
	return 0;
}

/* A threshold for each metric that is named, in the order of the metrics. */
int
policy_section_terms(PolicyReader *reader, const PolicyKey *key, int node, void *base)
{
	PolicyTerm *terms = (PolicyTerm *) ((char *) base + key->offset);
	int values[POLICY_KEYS_MAX];
	int32_t count = 0;

	if (policy_section_match(reader, key->below, node, values) < 0)
		return -1;
	for (int metric = 0; metric < POLICY_METRIC_COUNT; metric++)
	{
		size_t mark;

		if (values[metric] == POLICY_NODE_ABSENT)
			continue;
		mark = policy_reader_enter(reader, "%s", key->below[metric].name);
		terms[count].metric = (PolicyMetric) metric;
		if (policy_section_scalar(reader, &key->below[metric], values[metric], &terms[count].above) < 0)
			return -1;
		policy_reader_leave(reader, mark);
		count++;
	}
	if (count == 0)
		return policy_reader_fail(reader, node, "expected at least one condition such as elapsed: 10min, found none");
	memcpy((char *) base + key->count_offset, &count, sizeof(count));
	return 0;
}
