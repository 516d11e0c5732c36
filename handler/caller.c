/*
 * caller.c - names of roles for the policy's selectors. Runs in backends; see caller.h.
 */
#include "handler/caller.h"

#include "access/htup_details.h"
#include "catalog/pg_auth_members.h"
#include "catalog/pg_authid.h"
#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

typedef struct CallerRole
{
	Oid role;
	uint64 generation;
	NameData name;
	int group_count;
	NameData *groups; /* that it is a member of, by whatever way */
} CallerRole;

static HTAB *roles = NULL;
static uint64 generation = 1;
static NameData own_database;

static void
role_changed(Datum arg, int cache, uint32 hash)
{
	generation++;
}

static void
roles_initialize(void)
{
	HASHCTL control = {.keysize = sizeof(Oid), .entrysize = sizeof(CallerRole)};

	if (roles != NULL)
		return;
	CacheRegisterSyscacheCallback(AUTHOID, role_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, role_changed, (Datum) 0);
	roles = hash_create("pybox callers", 16, &control, HASH_ELEM | HASH_BLOBS);
}

uint64
caller_generation(void)
{
	return generation;
}

/* Appends the roles that it is granted. */
static List *
groups_append(List *groups, Oid role)
{
	CatCList *grants = SearchSysCacheList1(AUTHMEMMEMROLE, ObjectIdGetDatum(role));

	for (int i = 0; i < grants->n_members; i++)
		groups = list_append_unique_oid(groups, ((Form_pg_auth_members) GETSTRUCT(&grants->members[i]->tuple))->roleid);
	ReleaseSysCacheList(grants);
	return groups;
}

/* The role and all that it is a member of; being a superuser makes it a member of nothing. */
static List *
groups_find(Oid role)
{
	List *groups = list_make1_oid(role);

	for (int i = 0; i < list_length(groups); i++)
		groups = groups_append(groups, list_nth_oid(groups, i));
	if (is_member_of_role_nosuper(role, ROLE_PG_DATABASE_OWNER))
		groups = list_append_unique_oid(groups, ROLE_PG_DATABASE_OWNER);
	return groups;
}

static NameData *
names_of(const List *oids)
{
	NameData *names = MemoryContextAllocZero(TopMemoryContext, list_length(oids) * sizeof(NameData));

	for (int i = 0; i < list_length(oids); i++)
	{
		char *name = GetUserNameFromId(list_nth_oid(oids, i), true);

		if (name != NULL) /* dropped meanwhile: nobody's name is empty */
			namestrcpy(&names[i], name);
	}
	return names;
}

static const CallerRole *
role_look_up(Oid role)
{
	uint64 now;
	char *name;
	List *groups;
	NameData *names;
	CallerRole *known;
	bool found;

	roles_initialize();
	now = generation;
	known = hash_search(roles, &role, HASH_FIND, NULL);
	if (known != NULL && known->generation == now)
		return known;
	name = GetUserNameFromId(role, false);
	groups = groups_find(role);
	names = names_of(groups);
	known = hash_search(roles, &role, HASH_ENTER, &found);
	if (found && known->groups != NULL)
		pfree(known->groups);
	*known = (CallerRole){.role = role, .generation = now, .group_count = list_length(groups), .groups = names};
	namestrcpy(&known->name, name);
	list_free(groups);
	return known;
}

static bool
role_is_member(void *arg, const char *role)
{
	const CallerRole *known = arg;

	for (int i = 0; i < known->group_count; i++)
		if (strcmp(NameStr(known->groups[i]), role) == 0)
			return true;
	return false;
}

static PolicyCaller
caller_make(const CallerRole *known, const char *database, const char *function)
{
	return (PolicyCaller){
		.function = function,
		.role = NameStr(known->name),
		.database = database,
		.is_member = role_is_member,
		.arg = unconstify(CallerRole *, known),
	};
}

PolicyCaller
caller_find(Oid role, const char *database, const char *function)
{
	if (NameStr(own_database)[0] == '\0')
		namestrcpy(&own_database, get_database_name(MyDatabaseId));
	return caller_make(role_look_up(role), database != NULL ? database : NameStr(own_database), function);
}

bool
caller_known(Oid role, const char *function, PolicyCaller *caller)
{
	const CallerRole *known = roles != NULL ? hash_search(roles, &role, HASH_FIND, NULL) : NULL;

	if (known == NULL)
		return false;
	*caller = caller_make(known, NameStr(own_database), function);
	return true;
}
