/*
 * type.c - makes and caches TypeInfos. Runs in backends. Everything lives in one long-lived context.
 */
#include "handler/type.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

typedef struct TypeKey
{
	Oid type;
	int32 typmod;
	const TransformSet *transforms;
} TypeKey;

typedef struct TypeSlot
{
	TypeKey key;
	TypeInfo *info;
	uint64 generation;
} TypeSlot;

static HTAB *types = NULL;
static MemoryContext type_context = NULL;
static uint64 generation = 1;
static uint32 last_handle = 0;

static void
type_changed(Datum arg, int cache, uint32 hash)
{
	generation++;
}

static void
relation_changed(Datum arg, Oid relation)
{
	generation++;
}

uint64
type_generation(void)
{
	return generation;
}

/* What is called once, as a DO block, gives its handle back: a session may run any number of them. */
static uint32 *free_handles = NULL;
static int free_count = 0, free_size = 0;

uint32
type_handle_next(void)
{
	return free_count > 0 ? free_handles[--free_count] : ++last_handle;
}

void
type_handle_free(uint32 handle)
{
	if (free_handles == NULL)
		free_handles = MemoryContextAlloc(TopMemoryContext, (free_size = 16) * sizeof(uint32));
	else if (free_count == free_size)
		free_handles = repalloc(free_handles, (free_size *= 2) * sizeof(uint32));
	free_handles[free_count++] = handle;
}

static void
types_initialize(void)
{
	HASHCTL control = {.keysize = sizeof(TypeKey), .entrysize = sizeof(TypeSlot)};

	if (types != NULL)
		return;
	type_context = AllocSetContextCreate(TopMemoryContext, "pybox types", ALLOCSET_DEFAULT_SIZES);
	control.hcxt = type_context;
	CacheRegisterSyscacheCallback(TYPEOID, type_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(TRFTYPELANG, type_changed, (Datum) 0);
	CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
	types = hash_create("pybox types", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

static const struct
{
	Oid type;
	WireType out;
	TypeIn in;
} scalars[] = {
	{BOOLOID, WIRE_TYPE_BOOL, TYPE_IN_BOOL},
	{INT2OID, WIRE_TYPE_INT16, TYPE_IN_INT16},
	{INT4OID, WIRE_TYPE_INT32, TYPE_IN_INT32},
	{INT8OID, WIRE_TYPE_INT64, TYPE_IN_INT64},
	{OIDOID, WIRE_TYPE_TEXT, TYPE_IN_OID},
	{FLOAT4OID, WIRE_TYPE_FLOAT32, TYPE_IN_FLOAT32},
	{FLOAT8OID, WIRE_TYPE_FLOAT64, TYPE_IN_FLOAT64},
	{NUMERICOID, WIRE_TYPE_TEXT, TYPE_IN_NUMERIC},
	{BYTEAOID, WIRE_TYPE_BYTES, TYPE_IN_BYTES},
	{TEXTOID, WIRE_TYPE_TEXT, TYPE_IN_VARLENA_TEXT},
	{VARCHAROID, WIRE_TYPE_TEXT, TYPE_IN_VARLENA_TEXT},
	{BPCHAROID, WIRE_TYPE_TEXT, TYPE_IN_VARLENA_TEXT},
	{VOIDOID, WIRE_TYPE_VOID, TYPE_IN_OUTPUT},
};

/* Conversions of a base type that is neither array nor row; a typmod needs the input function, so it goes as text. */
static void
scalar_describe(TypeInfo *info)
{
	info->out = WIRE_TYPE_TEXT;
	info->in = TYPE_IN_OUTPUT;
	for (int i = 0; i < (int) lengthof(scalars); i++)
		if (scalars[i].type == info->base)
		{
			info->out = scalars[i].out;
			info->in = scalars[i].in;
		}
}

static void
columns_describe(TypeInfo *info)
{
	info->columns = palloc0(Max(info->desc->natts, 1) * sizeof(TypeInfo *));
	for (int i = 0; i < info->desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(info->desc, i);

		if (!attribute->attisdropped)
			info->columns[i] = type_get_for(attribute->atttypid, attribute->atttypmod, info->transforms);
	}
}

static void
row_describe(TypeInfo *info)
{
	TypeCacheEntry *entry = lookup_type_cache(info->base, TYPECACHE_TUPDESC);

	info->out = WIRE_TYPE_TUPLE;
	info->in = TYPE_IN_RECORD;
	info->desc_id = entry->tupDesc_identifier;
	info->desc = CreateTupleDescCopyConstr(entry->tupDesc);
	columns_describe(info);
}

/* The type cache numbers a description anew whenever the table is touched (ANALYZE, VACUUM); most often it is the old one. */
static bool
row_is_current(TypeInfo *info)
{
	TypeCacheEntry *entry = lookup_type_cache(info->base, TYPECACHE_TUPDESC);

	if (entry->tupDesc_identifier != info->desc_id && !equalTupleDescs(entry->tupDesc, info->desc))
		return false;
	info->desc_id = entry->tupDesc_identifier;
	return true;
}

/* An anonymous record: with a registered typmod its columns are known, else it only goes in. */
static void
record_describe(TypeInfo *info)
{
	info->out = WIRE_TYPE_TEXT;
	info->in = TYPE_IN_RECORD;
	if (info->typmod < 0)
		return;
	info->out = WIRE_TYPE_TUPLE;
	info->desc = lookup_rowtype_tupdesc_copy(RECORDOID, info->typmod);
	columns_describe(info);
}

/* What the child is to make of a Python object for each kind of transform. */
static const WireType transform_types[TRANSFORM_ROLE_COUNT] = {
	[TRANSFORM_TO_SQL_OBJECT] = WIRE_TYPE_OBJECT,
	[TRANSFORM_TO_SQL_MAPPING] = WIRE_TYPE_MAPPING,
};

/* A transform is of the base type; arrays and domains have none of their own. */
static void
transform_describe(TypeInfo *info)
{
	info->from_sql = transform_load(transform_from_sql(info->transforms, info->base), false);
	info->to_sql = transform_load(transform_to_sql(info->transforms, info->base), true);
	if (info->from_sql != NULL)
		info->in = TYPE_IN_TRANSFORM;
	if (info->to_sql != NULL)
		info->out = transform_types[info->to_sql->role];
}

static void
io_describe(TypeInfo *info, HeapTuple tuple)
{
	Form_pg_type form = (Form_pg_type) GETSTRUCT(tuple);

	info->length = form->typlen;
	info->by_value = form->typbyval;
	info->align = form->typalign;
	info->io_parameter = getTypeIOParam(tuple);
	fmgr_info_cxt(form->typinput, &info->input, type_context);
	fmgr_info_cxt(form->typoutput, &info->output, type_context);
}

static void
type_describe(TypeInfo *info, Oid type, int32 typmod, const TransformSet *transforms)
{
	HeapTuple tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	Form_pg_type form;
	Oid element;
	int32 base_typmod = typmod;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for type %u", type);
	form = (Form_pg_type) GETSTRUCT(tuple);
	info->type = type;
	info->typmod = typmod;
	info->transforms = transforms;
	info->is_domain = form->typtype == TYPTYPE_DOMAIN;
	info->base = info->is_domain ? getBaseTypeAndTypmod(type, &base_typmod) : type;
	info->name = format_type_extended(type, -1, 0);
	io_describe(info, tuple);
	ReleaseSysCache(tuple);

	element = get_base_element_type(type);
	if (OidIsValid(element))
	{
		info->out = WIRE_TYPE_ARRAY;
		info->in = TYPE_IN_ARRAY;
		info->element = type_get_for(element, base_typmod, transforms);
		return;
	}
	if (info->base == RECORDOID)
		record_describe(info);
	else if (type_is_rowtype(info->base))
		row_describe(info);
	else
		scalar_describe(info);
	transform_describe(info);
}

static TypeInfo *
type_make(Oid type, int32 typmod, const TransformSet *transforms)
{
	MemoryContext old = MemoryContextSwitchTo(type_context);
	TypeInfo *info = palloc0(sizeof(TypeInfo));

	type_describe(info, type, typmod, transforms);
	info->handle = type_handle_next();
	MemoryContextSwitchTo(old);
	return info;
}

static bool
transform_is(const Transform *transform, Oid function)
{
	return (transform == NULL ? InvalidOid : transform->function.fn_oid) == function;
}

/* A row type is as it was if the type cache still has the description it had, and so do its columns' types. */
static bool
type_is_current(TypeInfo *info)
{
	if (info->element != NULL)
		return type_get_for(info->element->type, info->element->typmod, info->transforms) == info->element;
	if (!transform_is(info->from_sql, transform_from_sql(info->transforms, info->base)) ||
		!transform_is(info->to_sql, transform_to_sql(info->transforms, info->base)))
		return false;
	if (info->desc == NULL)
		return true;
	if (info->desc_id != 0 && !row_is_current(info))
		return false;
	for (int i = 0; i < info->desc->natts; i++)
		if (info->columns[i] != NULL &&
			type_get_for(info->columns[i]->type, info->columns[i]->typmod, info->transforms) != info->columns[i])
			return false;
	return true;
}

TypeInfo *
type_get_for(Oid type, int32 typmod, const TransformSet *transforms)
{
	TypeKey key = {.type = type, .typmod = typmod, .transforms = transforms};
	TypeSlot *slot;
	uint64 now;
	bool found;

	types_initialize();
	check_stack_depth();
	slot = hash_search(types, &key, HASH_FIND, &found);
	if (found && slot->generation == generation)
		return slot->info;
	now = generation;
	if (!found || !type_is_current(slot->info))
	{
		TypeInfo *info = type_make(type, typmod, transforms);

		slot = hash_search(types, &key, HASH_ENTER, &found);
		slot->info = info;
	}
	slot->generation = now;
	return slot->info;
}

TypeInfo *
type_renew(TypeInfo *type)
{
	if (!SearchSysCacheExists1(TYPEOID, ObjectIdGetDatum(type->type)))
		return type; /* dropped; whoever uses it will hear of it */
	return type_get_for(type->type, type->typmod, type->transforms);
}

bool
type_is_stale(TypeInfo *type)
{
	uint64 now = generation;

	if (likely(type->current == now))
		return false;
	if (type_renew(type) != type)
		return true;
	type->current = now;
	return false;
}

/* Blessing gives equal descriptions the same typmod, so anonymous rows are cached under it like every other type. */
TypeInfo *
type_get_row(TupleDesc desc, const TransformSet *transforms)
{
	TupleDesc blessed = BlessTupleDesc(CreateTupleDescCopyConstr(desc));

	return type_get_for(RECORDOID, blessed->tdtypmod, transforms);
}

void
type_put(FrameOut *out, const TypeInfo *type)
{
	wire_put_u8(&out->writer, type->out);
	frame_put_cstring(out, type->name);
	wire_put_u8(&out->writer, 0);
	if (type->out == WIRE_TYPE_ARRAY)
		type_put(out, type->element);
	if (type->out == WIRE_TYPE_TUPLE)
	{
		int live = 0;

		for (int i = 0; i < type->desc->natts; i++)
			live += type->columns[i] != NULL;
		wire_put_u16(&out->writer, live);
		for (int i = 0; i < type->desc->natts; i++)
			if (type->columns[i] != NULL)
			{
				frame_put_cstring(out, NameStr(TupleDescAttr(type->desc, i)->attname));
				type_put(out, type->columns[i]);
			}
	}
}
