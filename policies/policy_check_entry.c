/*
 * policy_check_entry.c - what must hold of one assignment, cap, filter, rule or budget, and beside those before it.
 */
#include "policies/policy_check.h"

#include <string.h>

static bool
selector_is_any(const PolicySelector *who)
{
	return who->function[0] == '\0' && who->role[0] == '\0' && who->database[0] == '\0' && who->pool == POLICY_NO_POOL;
}

static bool
selector_equals(const PolicySelector *one, const PolicySelector *other)
{
	return strcmp(one->function, other->function) == 0 && strcmp(one->role, other->role) == 0 &&
		   strcmp(one->database, other->database) == 0 && one->pool == other->pool;
}

/* Fails at the key, or at the entry when it lacks the key. */
#define KEY_FAIL(reader, node, key, ...)                                                                               \
	policy_reader_fail(reader, policy_reader_descend(reader, node, key), __VA_ARGS__)

/* names: of the first of count entries that lie stride bytes apart. */
static int
name_check(PolicyReader *reader, const char *names, size_t stride, int32_t count, const char *name, int node)
{
	for (int32_t i = 0; i < count; i++)
		if (strcmp(names + (size_t) i * stride, name) == 0)
			return KEY_FAIL(reader, node, "name", "the name \"%s\" is repeated", name);
	return 0;
}

#define NAME_CHECK(reader, entries, count, entry, node)                                                                \
	name_check(reader, (entries)->name, sizeof(*(entries)), count, (entry)->name, node)

/* A second assignment of the same callers would never be used. The assignment is the last one. */
int
policy_check_assign(PolicyReader *reader, const void *last, int node)
{
	const PolicyAssign *assign = last;

	for (const PolicyAssign *other = reader->policy->assigns; other < assign; other++)
		if (strcmp(other->function, assign->function) == 0 && strcmp(other->role, assign->role) == 0 &&
			strcmp(other->database, assign->database) == 0)
			return policy_reader_fail(reader, node, "repeats the callers of the assignment in line %d",
									  (int) other->line);
	return 0;
}

/* What would never hold a call back is a mistake, and so is what would hold it back for ever. */
int
policy_check_cap(PolicyReader *reader, const void *last, int node)
{
	const Policy *policy = reader->policy;
	const PolicyCap *cap = last;

	if (selector_is_any(&cap->who))
		return policy_reader_fail(reader, node,
								  "expected function, role, database or pool; for all calls there is \"node\"");
	if (cap->slots == 0 && cap->memory == 0)
		return policy_reader_fail(reader, node, "expected slots or memory, found neither");
	if (cap->slots > policy->node_slots)
		return KEY_FAIL(reader, node, "slots", "expected at most node.slots, which is %d, found %d",
						(int) policy->node_slots, (int) cap->slots);
	if (policy->node_memory != 0 && cap->memory > policy->node_memory)
		return KEY_FAIL(reader, node, "memory", "expected at most node.memory");
	if (cap->memory != 0 && cap->who.pool != POLICY_NO_POOL && cap->memory < policy->pools[cap->who.pool].limits.memory)
		return KEY_FAIL(reader, node, "memory",
						"expected at least limits.memory of the pool, or calls could never start");
	for (const PolicyCap *other = policy->caps; other < cap; other++)
		if (selector_equals(&other->who, &cap->who))
			return policy_reader_fail(reader, node, "repeats the callers of the cap in line %d", (int) other->line);
	return 0;
}

int
policy_check_filter(PolicyReader *reader, const void *last, int node)
{
	const PolicyFilter *filter = last;
	const bool any_time = filter->days == 0 && filter->from_min == 0 && filter->until_min == 0;

	if (NAME_CHECK(reader, reader->policy->filters, reader->policy->filter_count, filter, node) < 0)
		return -1;
	if (selector_is_any(&filter->who) && any_time && filter->cost == 0 && filter->argument_size == 0)
		return policy_reader_fail(reader, node,
								  "expected a condition such as role, days, hours, cost or argument_size, found none: "
								  "it would refuse every call");
	return 0;
}

/* What an action needs, and what it has no use for. */
typedef struct ActionKey
{
	const char *key;
	uint32_t needed, used; /* bits 1 << action */
	const char *expected;
} ActionKey;

#define BIT(action) (UINT32_C(1) << (action))

static const ActionKey rule_action_keys[] = {
	{"priority", BIT(POLICY_ACTION_DEMOTE), BIT(POLICY_ACTION_DEMOTE), "demote"},
	{"to", BIT(POLICY_ACTION_MOVE), BIT(POLICY_ACTION_MOVE), "move"},
	{"duration", BIT(POLICY_ACTION_QUARANTINE), BIT(POLICY_ACTION_QUARANTINE) | BIT(POLICY_ACTION_PAUSE),
	 "quarantine or pause"},
	{"after", 0, BIT(POLICY_ACTION_QUARANTINE), "quarantine"},
	{NULL, 0, 0, NULL},
};

static const ActionKey budget_action_keys[] = {
	{"priority", BIT(POLICY_OVERDRAFT_DEMOTE), BIT(POLICY_OVERDRAFT_DEMOTE), "demote"},
	{NULL, 0, 0, NULL},
};

static int
action_check(PolicyReader *reader, const ActionKey *rows, int action, int node)
{
	const char *name = policy_reader_text(reader, policy_reader_find(reader, node, "action"));

	for (const ActionKey *row = rows; row->key != NULL; row++)
	{
		int value = policy_reader_find(reader, node, row->key);

		if (value == POLICY_NODE_ABSENT && (row->needed & BIT(action)) != 0)
			return policy_reader_fail(reader, node, "the key \"%s\" is missing, which action: %s needs", row->key,
									  name);
		if (value != POLICY_NODE_ABSENT && (row->used & BIT(action)) == 0)
			return KEY_FAIL(reader, node, row->key, "is for action: %s, found action: %s", row->expected, name);
	}
	return 0;
}

int
policy_check_rule(PolicyReader *reader, const void *last, int node)
{
	const PolicyRule *rule = last;

	if (NAME_CHECK(reader, reader->policy->rules, reader->policy->rule_count, rule, node) < 0 ||
		action_check(reader, rule_action_keys, rule->action, node) < 0)
		return -1;
	if (rule->action == POLICY_ACTION_QUARANTINE && rule->duration_ms == 0)
		return KEY_FAIL(reader, node, "duration", "expected more than 0 with action: quarantine");
	if (rule->action == POLICY_ACTION_MOVE && rule->to == rule->who.pool)
		return KEY_FAIL(reader, node, "to", "expected another pool than that of the rule's calls");
	return 0;
}

int
policy_check_budget(PolicyReader *reader, const void *last, int node)
{
	const PolicyBudget *budget = last;

	if (NAME_CHECK(reader, reader->policy->budgets, reader->policy->budget_count, budget, node) < 0)
		return -1;
	return action_check(reader, budget_action_keys, (int) budget->action, node);
}
