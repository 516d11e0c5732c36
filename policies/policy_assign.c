/*
 * policy_assign.c - which pool a call falls into.
 *
 * DESIGN: an assignment applies when everything it names holds for the caller. Of those that apply, the class decides,
 * in the order of the table below; inside a class the first in the file. So the order of the file matters only between
 * assignments that say equally much, and adding a special case at the end of the file works.
 */
#include "policies/policy.h"

#include <string.h>

/* How an assignment's role holds for a caller; the earlier the better. */
typedef enum RoleMatch
{
	ROLE_ITSELF,
	ROLE_MEMBER,
	ROLE_ANY,
	ROLE_NOT
} RoleMatch;

/* The first row that holds is an assignment's class. */
static const struct
{
	bool function, database; /* must be named */
	RoleMatch role;			 /* must be this, unless the function is named */
	const char *why;
} classes[] = {
	{true, false, ROLE_ANY, "function"},
	{false, true, ROLE_ITSELF, "role in database"},
	{false, true, ROLE_MEMBER, "role in database by membership"},
	{false, false, ROLE_ITSELF, "role"},
	{false, false, ROLE_MEMBER, "role by membership"},
	{false, true, ROLE_ANY, "database"},
	{false, false, ROLE_ANY, "default"},
};

#define CLASS_COUNT ((int) (sizeof(classes) / sizeof(classes[0])))

static bool
text_holds(const char *wanted, const char *actual)
{
	return wanted[0] == '\0' || (actual != NULL && strcmp(wanted, actual) == 0);
}

static RoleMatch
role_match(const char *role, const PolicyCaller *caller)
{
	if (role[0] == '\0')
		return ROLE_ANY;
	if (caller->role != NULL && strcmp(role, caller->role) == 0)
		return ROLE_ITSELF;
	if (caller->is_member != NULL && caller->is_member(caller->arg, role))
		return ROLE_MEMBER;
	return ROLE_NOT;
}

/* The assignment's class for this caller, CLASS_COUNT if it does not apply. */
static int
assign_class(const PolicyAssign *assign, const PolicyCaller *caller)
{
	bool function = assign->function[0] != '\0', database = assign->database[0] != '\0';
	RoleMatch role;

	if (!text_holds(assign->function, caller->function) || !text_holds(assign->database, caller->database))
		return CLASS_COUNT;
	role = role_match(assign->role, caller);
	if (role == ROLE_NOT)
		return CLASS_COUNT;
	for (int class = 0; class < CLASS_COUNT; class ++)
		if (function ? classes[class].function
					 : !classes[class].function && classes[class].database == database && classes[class].role == role)
			return class;
	return CLASS_COUNT;
}

const PolicyAssign *
policy_assign_find(const Policy *policy, const PolicyCaller *caller, const char **why)
{
	const PolicyAssign *best = NULL;
	int best_class = CLASS_COUNT;

	for (int i = 0; i < policy->assign_count; i++)
	{
		int class = assign_class(&policy->assigns[i], caller);

		if (class >= best_class)
			continue;
		best_class = class;
		best = &policy->assigns[i];
	}
	if (why != NULL)
		*why = best != NULL ? classes[best_class].why : "none";
	return best;
}

int
policy_pool_find(const Policy *policy, const char *name)
{
	for (int pool = 0; pool < policy->pool_count; pool++)
		if (strcmp(policy->pools[pool].name, name) == 0)
			return pool;
	return -1;
}

bool
policy_pool_is_reached(const Policy *policy, int pool)
{
	for (int i = 0; i < policy->assign_count; i++)
		if (policy->assigns[i].pool == pool)
			return true;
	for (int i = 0; i < policy->rule_count; i++)
		if (policy->rules[i].to == pool)
			return true;
	return false;
}

int
policy_pool_heir(const Policy *policy, const char *name)
{
	const PolicyCaller nobody = {.function = NULL, .role = "", .database = ""};
	int pool = policy_pool_find(policy, name);

	return pool >= 0 ? pool : policy_assign_find(policy, &nobody, NULL)->pool;
}
