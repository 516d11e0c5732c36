/*
 * admin_name.c - names for the oids in rows of views: null or the number where the object is gone. Runs in backends.
 *
 * DESIGN. Views call these in place of joins: a join's plan costs more than all rows of such a view do.
 */
#include "handler/admin.h"

#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/regproc.h"

PG_FUNCTION_INFO_V1(pybox_role_name);
PG_FUNCTION_INFO_V1(pybox_database_name);
PG_FUNCTION_INFO_V1(pybox_function_name);

static Datum
name_datum(const char *text)
{
	Name name = palloc0(sizeof(NameData));

	namestrcpy(name, text);
	return NameGetDatum(name);
}

Datum
pybox_role_name(PG_FUNCTION_ARGS)
{
	char *name = GetUserNameFromId(PG_GETARG_OID(0), true);

	if (name == NULL)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(name_datum(name));
}

/* Nobody can rename a database that somebody is connected to: ours keeps its name. NULL when it is gone. */
static const char *
database_name(Oid database)
{
	static char *own = NULL;

	if (database != MyDatabaseId)
		return get_database_name(database);
	if (own == NULL)
	{
		char *name = get_database_name(database);

		own = name != NULL ? MemoryContextStrdup(TopMemoryContext, name) : NULL;
	}
	return own;
}

Datum
pybox_database_name(PG_FUNCTION_ARGS)
{
	const char *name = database_name(PG_GETARG_OID(0));

	if (name == NULL)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(name_datum(name));
}

/* Other databases' catalogs are out of reach, and so are functions that are gone: of these the number is told. */
Datum
pybox_function_name(PG_FUNCTION_ARGS)
{
	Oid database = PG_GETARG_OID(0), function = PG_GETARG_OID(1);

	if (!OidIsValid(function))
		PG_RETURN_NULL();
	if (database == MyDatabaseId)
		PG_RETURN_TEXT_P(cstring_to_text(format_procedure(function)));
	PG_RETURN_TEXT_P(cstring_to_text(psprintf("%u", function)));
}
