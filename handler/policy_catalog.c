/*
 * policy_catalog.c - holds the names in a policy against the catalog. Runs in backends, in a transaction.
 *
 * DESIGN. Warnings and no errors: a policy is often the same on several servers, and comes before the roles that it names. Of
 * functions only those of the current database can be seen.
 */
#include "handler/policy_catalog.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/catcache.h"
#include "utils/syscache.h"

/* What an entry names, and where. */
typedef struct Mention
{
	const char *source;
	int line;
	const char *function, *role, *database; /* may be empty */
} Mention;

static void
missing_warn(const Mention *mention, const char *what, const char *name)
{
	ereport(WARNING, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("pybox policy %s:%d: %s \"%s\" does not exist",
																mention->source, mention->line, what, name)));
}

/* With any arguments: schema.name, as the policy's parser made sure. */
static bool
function_exists(const char *qualified)
{
	char *schema = pstrdup(qualified), *name = strchr(schema, '.');
	CatCList *functions;
	bool found = false;
	Oid namespace;

	*name++ = '\0';
	namespace = get_namespace_oid(schema, true);
	if (!OidIsValid(namespace))
		return false;
	functions = SearchSysCacheList1(PROCNAMEARGSNSP, CStringGetDatum(name));
	for (int i = 0; i < functions->n_members && !found; i++)
		found = ((Form_pg_proc) GETSTRUCT(&functions->members[i]->tuple))->pronamespace == namespace;
	ReleaseSysCacheList(functions);
	return found;
}

/* A function that is only meant elsewhere is no concern of this database. */
static void
function_check(const Mention *mention, const char *here)
{
	const bool elsewhere = mention->database[0] != '\0' && strcmp(mention->database, here) != 0;

	if (mention->function[0] == '\0' || elsewhere || function_exists(mention->function))
		return;
	ereport(WARNING, (errcode(ERRCODE_UNDEFINED_FUNCTION),
					  errmsg("pybox policy %s:%d: function \"%s\" does not exist in database \"%s\"", mention->source,
							 mention->line, mention->function, here),
					  mention->database[0] != '\0'
						  ? 0
						  : errhint("For a function of another database, name that with \"database\".")));
}

static void
mention_check(const Mention *mention, const char *here)
{
	if (mention->role[0] != '\0' && !OidIsValid(get_role_oid(mention->role, true)))
		missing_warn(mention, "role", mention->role);
	if (mention->database[0] != '\0' && !OidIsValid(get_database_oid(mention->database, true)))
		missing_warn(mention, "database", mention->database);
	function_check(mention, here);
}

#define ENTRIES_CHECK(entries, count, selector)                                                                        \
	for (int i = 0; i < policy->count; i++)                                                                            \
	mention_check(&(Mention){source, policy->entries[i].line, policy->entries[i].selector function,                    \
							 policy->entries[i].selector role, policy->entries[i].selector database},                  \
				  here)

void
policy_catalog_check(const Policy *policy, const char *source)
{
	const char *here = get_database_name(MyDatabaseId);

	if (source == NULL)
		return;
	ENTRIES_CHECK(assigns, assign_count, );
	ENTRIES_CHECK(caps, cap_count, who.);
	ENTRIES_CHECK(filters, filter_count, who.);
	ENTRIES_CHECK(rules, rule_count, who.);
	ENTRIES_CHECK(budgets, budget_count, who.);
}
