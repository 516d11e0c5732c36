/*
 * transform_set.c - finds the transforms of functions. Runs in backends.
 */
#include "handler/transform_set.h"

#include "access/htup_details.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

#define TRANSFORM_PREFIX "pybox_"
#define TRANSFORM_TABLE "pybox_transforms"

static TransformSet *sets = NULL;

static List *
types_list(Datum types)
{
	ArrayType *array = DatumGetArrayTypeP(types);
	Datum *values;
	int count;
	List *list = NIL;

	deconstruct_array(array, OIDOID, sizeof(Oid), true, TYPALIGN_INT, &values, NULL, &count);
	for (int i = 0; i < count; i++)
		list = list_append_unique_oid(list, DatumGetObjectId(values[i]));
	list_sort(list, list_oid_cmp);
	return list;
}

const TransformSet *
transform_set_get(Oid language, Datum types)
{
	List *list = types == (Datum) 0 ? NIL : types_list(types);
	MemoryContext old;

	if (list == NIL)
		return NULL;
	for (TransformSet *set = sets; set != NULL; set = set->next)
		if (set->language == language && equal(set->types, list))
			return set;
	old = MemoryContextSwitchTo(TopMemoryContext);
	TransformSet *set = palloc0(sizeof(TransformSet));
	set->language = language;
	set->types = list_copy(list);
	set->next = sets;
	sets = set;
	MemoryContextSwitchTo(old);
	return set;
}

Oid
transform_from_sql(const TransformSet *set, Oid type)
{
	return set == NULL ? InvalidOid : get_transform_fromsql(type, set->language, set->types);
}

Oid
transform_to_sql(const TransformSet *set, Oid type)
{
	return set == NULL ? InvalidOid : get_transform_tosql(type, set->language, set->types);
}

/* A library written for another language may do anything when it is loaded, so that its name has to do. */
static const TransformEntry *
entry_find(Form_pg_proc form, HeapTuple tuple)
{
	bool no_symbol, no_library;
	Datum symbol = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosrc, &no_symbol);
	Datum path = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_probin, &no_library);
	const TransformLibrary *(*table)(void);
	const TransformLibrary *library;
	char *name;

	if (form->prolang != ClanguageId || no_symbol || no_library)
		return NULL;
	name = TextDatumGetCString(symbol);
	if (strncmp(name, TRANSFORM_PREFIX, strlen(TRANSFORM_PREFIX)) != 0)
		return NULL;
	table = load_external_function(TextDatumGetCString(path), TRANSFORM_TABLE, false, NULL);
	library = table == NULL ? NULL : table();
	if (library == NULL || library->magic != TRANSFORM_LIBRARY_MAGIC || library->version != TRANSFORM_VERSION)
		return NULL;
	for (int i = 0; i < library->count; i++)
		if (strcmp(library->entries[i].symbol, name) == 0)
			return &library->entries[i];
	return NULL;
}

static TransformRole
role_find(Oid function)
{
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	const TransformEntry *entry;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", function);
	entry = entry_find((Form_pg_proc) GETSTRUCT(tuple), tuple);
	ReleaseSysCache(tuple);
	return entry != NULL ? entry->role : TRANSFORM_ROLE_COUNT;
}

Transform *
transform_load(Oid function, bool to_sql)
{
	TransformRole role;
	Transform *transform;

	if (!OidIsValid(function))
		return NULL;
	role = role_find(function);
	if (role == TRANSFORM_ROLE_COUNT || (role != TRANSFORM_FROM_SQL) != to_sql)
		ereport(
			ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("transform function %s is not written for pybox", format_procedure(function)),
			 errdetail("A transform of PL/Python itself needs Python in the server's process."),
			 errhint("Drop the transform and create the one that comes with pybox, as extension hstore_pybox does.")));
	transform = palloc0(sizeof(Transform));
	transform->role = role;
	fmgr_info_cxt(function, &transform->function, CurrentMemoryContext);
	return transform;
}
