/*
 * policy_check.c - checks between values, and the defaults that follow from other values.
 */
#include "policies/policy_check.h"

#include <string.h>
#include <unistd.h>

#define MEMORY_LEAST (INT64_C(32) << 20)
#define MEMORY_USUAL (INT64_C(512) << 20)
#define SLOTS_MOST 1024

static int32_t
cores_online(void)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	return cores < 1 ? 1 : cores > SLOTS_MOST ? SLOTS_MOST : (int32_t) cores;
}

/* No cap, or enough for one interpreter. */
static int
memory_check(PolicyReader *reader, int map, int64_t memory)
{
	if (memory == 0 || memory >= MEMORY_LEAST)
		return 0;
	return policy_reader_fail(reader, policy_reader_descend(reader, map, "memory"),
							  "expected 0, which is no cap, or at least 32MB");
}

/* node: of the key "node". */
int
policy_check_node(PolicyReader *reader, int node)
{
	Policy *policy = reader->policy;

	if (policy->node_slots == 0)
		policy->node_slots = cores_online();
	return memory_check(reader, node, policy->node_memory);
}

/* What must not be shown to functions: as a whole, or with all that is below. */
static const struct
{
	const char *path;
	bool below;
} folders_kept[] = {
	{"/proc", true}, {"/sys", true},  {"/dev", true},	   {"/run", true},		{"/var/run", true},
	{"/root", true}, {"/boot", true}, {"/etc", false},	   {"/home", false},	{"/tmp", false},
	{"/usr", false}, {"/var", false}, {"/var/lib", false}, {"/var/tmp", false},
};

static int
folder_check(PolicyReader *reader, const char *path, int node)
{
	for (size_t i = 0; i < sizeof(folders_kept) / sizeof(folders_kept[0]); i++)
	{
		const char *kept = folders_kept[i].path;
		size_t length = strlen(kept);

		if (strncmp(path, kept, length) != 0 ||
			(path[length] != '\0' && (path[length] != '/' || !folders_kept[i].below)))
			continue;
		return policy_reader_fail(reader, node,
								  folders_kept[i].below ? "nothing of %s can be shown to functions"
														: "%s cannot be shown to functions as a whole",
								  kept);
	}
	return 0;
}

/* The paths of one list of the pool; node: the pool's mapping. */
static int
folders_check(PolicyReader *reader, int node, const char *key, const char (*paths)[POLICY_PATH_SIZE], int32_t count)
{
	size_t mark = reader->path_used;
	int entry = policy_reader_descend(reader, node, key) + 1;

	for (int32_t i = 0; i < count; i++, entry = reader->tree.nodes[entry].end)
		if (folder_check(reader, paths[i], entry) < 0)
			return -1;
	policy_reader_leave(reader, mark);
	return 0;
}

/* What a pool's calls may reserve together, what one of them reserves, and what one may use. */
static int
budget_check(PolicyReader *reader, PolicyPool *pool, int node)
{
	const int64_t cap = reader->policy->node_memory;
	const int64_t budget = pool->memory != 0 ? pool->memory : cap;

	if (memory_check(reader, node, pool->memory) < 0)
		return -1;
	if (cap != 0 && pool->memory > cap)
		return policy_reader_fail(reader, policy_reader_descend(reader, node, "memory"),
								  "expected at most node.memory");
	if (pool->limits.memory == 0)
		pool->limits.memory = budget == 0 || budget > MEMORY_USUAL ? MEMORY_USUAL : budget;
	if (budget != 0 && pool->limits.memory > budget)
		return policy_reader_fail(
			reader, policy_reader_descend(reader, policy_reader_descend(reader, node, "limits"), "memory"),
			"expected at most %s, or no call could ever start",
			pool->memory != 0 ? "the pool's memory" : "node.memory");
	if (pool->reserve > pool->limits.memory)
		return policy_reader_fail(reader, policy_reader_descend(reader, node, "reserve"),
								  "expected at most limits.memory: no call may use more");
	if (pool->reserve == 0)
		pool->reserve = pool->limits.memory;
	return 0;
}

/* node: the pool's mapping. */
int
policy_check_pool(PolicyReader *reader, PolicyPool *pool, int node)
{
	const Policy *policy = reader->policy;

	if (pool->slots == 0)
		pool->slots = policy->node_slots;
	if (pool->slots > policy->node_slots)
		return policy_reader_fail(reader, policy_reader_descend(reader, node, "slots"),
								  "expected at most node.slots, which is %d, found %d", (int) policy->node_slots,
								  (int) pool->slots);
	if (folders_check(reader, node, "packages", pool->packages, pool->package_count) < 0 ||
		folders_check(reader, node, "read", pool->read, pool->read_count) < 0)
		return -1;
	return budget_check(reader, pool, node);
}

static bool
assign_is_default(const PolicyAssign *assign)
{
	return assign->function[0] == '\0' && assign->role[0] == '\0' && assign->database[0] == '\0';
}

/* Makes sure that there is a default; node: the assignments, or what stands for them. */
int
policy_check_default(PolicyReader *reader, int node)
{
	Policy *policy = reader->policy;

	for (int i = 0; i < policy->assign_count; i++)
		if (assign_is_default(&policy->assigns[i]))
			return 0;
	if (policy->pool_count > 1)
		return policy_reader_fail(reader, node, "expected one default such as {pool: %s}, found none",
								  policy->pools[0].name);
	if (policy->assign_count == POLICY_ASSIGNS_MAX)
		return policy_reader_fail(reader, node, "expected at most %d assignments beside the default",
								  POLICY_ASSIGNS_MAX - 1);
	policy->assign_count++; /* the draft is zeroed: this one names nobody and pool 0 */
	return 0;
}
