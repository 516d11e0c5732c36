/*
 * policy_section.c - node, layers and pools: the parts of a policy that are more than keys and values.
 */
#include "policies/policy_check.h"
#include "policies/policy_section.h"
#include "sandbox/layer.h"

#include <string.h>

int
policy_section_node(PolicyReader *reader, const PolicyKey *key, int node, void *base)
{
	if (policy_section_map(reader, key->below, node, base) < 0)
		return -1;
	return policy_check_node(reader, node);
}

static int
layer_read(PolicyReader *reader, int node, uint32_t *layers)
{
	char quote[POLICY_QUOTE_SIZE];
	const char *name = reader->tree.nodes[node].kind == POLICY_NODE_TEXT ? policy_reader_text(reader, node) : "";
	int id = layer_find(name);
	uint32_t bits = strcmp(name, "all") == 0 ? LAYER_ALL : id >= 0 ? LAYER_BIT(id) : 0;

	if (bits == 0)
		return policy_reader_fail(reader, node, "expected a layer such as seccomp, or all, found %s",
								  policy_reader_found(reader, node, quote));
	if ((*layers & bits) == bits)
		return policy_reader_fail(reader, node, "%s is already in the list", name);
	*layers |= bits;
	return 0;
}

/* A list of layers, or one name alone. Some layers are required whatever the file says. */
int
policy_section_layers(PolicyReader *reader, const PolicyKey *key, int node, void *base)
{
	const uint32_t always = LAYER_BIT(LAYER_NO_NEW_PRIVS) | LAYER_BIT(LAYER_RLIMITS) | LAYER_BIT(LAYER_SECCOMP);
	const uint32_t needs_cgroups = LAYER_BIT(LAYER_CGROUP_NAMESPACE) | LAYER_BIT(LAYER_CGROUP_MEMORY) |
								   LAYER_BIT(LAYER_CGROUP_PIDS) | LAYER_BIT(LAYER_CGROUP_CPU);
	const PolicyNode *nodes = reader->tree.nodes;
	uint32_t layers = 0;

	if (node == POLICY_NODE_ABSENT)
		layers = LAYER_ALL & ~needs_cgroups;
	else if (nodes[node].kind != POLICY_NODE_LIST)
	{
		if (layer_read(reader, node, &layers) < 0)
			return -1;
	}
	else
		for (int entry = node + 1; entry < nodes[node].end; entry = nodes[entry].end)
			if (layer_read(reader, entry, &layers) < 0)
				return -1;
	layers |= always;
	memcpy((char *) base + key->offset, &layers, sizeof(layers));
	return 0;
}

/* One pool: its name is a key of the file's own, so that no table lists it. */
static int
pool_read(PolicyReader *reader, const PolicyKey *key, int name)
{
	static const PolicyKey name_key = {"", POLICY_KIND_IDENTIFIER, .min = 1, .max = POLICY_NAME_SIZE - 1};
	Policy *policy = reader->policy;
	PolicyPool *pool = &policy->pools[policy->pool_count];
	PolicyPool named = {0};
	size_t mark;

	if (policy->pool_count == key->max)
		return policy_reader_fail(reader, name, "expected at most %d pools", (int) key->max);
	if (policy_section_scalar(reader, &name_key, name, named.name) < 0)
		return -1;
	if (policy_pool_find(policy, named.name) >= 0)
		return policy_reader_fail(reader, name, "the pool \"%s\" is repeated", named.name);
	memcpy(pool->name, named.name, sizeof(pool->name));
	pool->line = reader->tree.nodes[name].line;
	mark = policy_reader_enter(reader, "%s", pool->name);
	if (policy_section_map(reader, key->below, name + 1, pool) < 0 || policy_check_pool(reader, pool, name + 1) < 0)
		return -1;
	policy_reader_leave(reader, mark);
	policy->pool_count++;
	return 0;
}

int
policy_section_pools(PolicyReader *reader, const PolicyKey *key, int node, void *base)
{
	const PolicyNode *nodes = reader->tree.nodes;

	(void) base;
	if (policy_reader_expect(reader, node, POLICY_NODE_MAP) < 0)
		return -1;
	for (int name = node + 1; name < nodes[node].end; name = nodes[name + 1].end)
		if (pool_read(reader, key, name) < 0)
			return -1;
	if (reader->policy->pool_count == 0)
		return policy_reader_fail(reader, node, "expected at least one pool, found none");
	return 0;
}

int
policy_section_pool(PolicyReader *reader, const PolicyKey *key, int node, void *base)
{
	char quote[POLICY_QUOTE_SIZE];
	int32_t pool = POLICY_NO_POOL;

	if (node != POLICY_NODE_ABSENT)
	{
		if (policy_reader_expect(reader, node, POLICY_NODE_TEXT) < 0)
			return -1;
		pool = policy_pool_find(reader->policy, policy_reader_text(reader, node));
	}
	if (pool < 0 && node != POLICY_NODE_ABSENT)
		return policy_reader_fail(reader, node, "expected the name of a pool under \"pools\", found %s",
								  policy_reader_found(reader, node, quote));
	memcpy((char *) base + key->offset, &pool, sizeof(pool));
	return 0;
}
