/*
 * hstore.c - hstore_pybox.so: the transform of hstore, a dict of str to str or None both ways.
 *
 * hstore's own library does what needs its format; it is loaded with this one. Runs in backends.
 */
#include "handler/transform.h"

#include "utils/memutils.h"

#include "extension/hstore/hstore.h"

PG_MODULE_MAGIC;

void _PG_init(void);

PG_FUNCTION_INFO_V1(pybox_hstore_from_sql);
PG_FUNCTION_INFO_V1(pybox_hstore_to_sql);

static const TransformEntry entries[] = {
	{"pybox_hstore_from_sql", TRANSFORM_FROM_SQL},
	{"pybox_hstore_to_sql", TRANSFORM_TO_SQL_MAPPING},
};

TRANSFORM_LIBRARY(entries);

/* By the types of their declarations in hstore.h. */
static __typeof__(hstoreUpgrade) *upgrade;
static __typeof__(hstoreUniquePairs) *unique_pairs;
static __typeof__(hstorePairs) *make_pairs;
static __typeof__(hstoreCheckKeyLen) *check_key;
static __typeof__(hstoreCheckValLen) *check_value;

#define HSTORE_FUNCTION(name) load_external_function("$libdir/hstore", #name, true, NULL)

void
_PG_init(void)
{
	upgrade = (__typeof__(upgrade)) HSTORE_FUNCTION(hstoreUpgrade);
	unique_pairs = (__typeof__(unique_pairs)) HSTORE_FUNCTION(hstoreUniquePairs);
	make_pairs = (__typeof__(make_pairs)) HSTORE_FUNCTION(hstorePairs);
	check_key = (__typeof__(check_key)) HSTORE_FUNCTION(hstoreCheckKeyLen);
	check_value = (__typeof__(check_value)) HSTORE_FUNCTION(hstoreCheckValLen);
}

Datum
pybox_hstore_from_sql(PG_FUNCTION_ARGS)
{
	TransformWriter *writer = transform_writer(fcinfo);
	HStore *hstore = upgrade(writer->value);
	int count = HS_COUNT(hstore);
	char *base = STRPTR(hstore);
	HEntry *entry = ARRPTR(hstore);

	writer->put_dict(writer, count);
	for (int i = 0; i < count; i++)
	{
		writer->put_text(writer, HSTORE_KEY(entry, base, i), HSTORE_KEYLEN(entry, i));
		if (HSTORE_VALISNULL(entry, i))
			writer->put_null(writer);
		else
			writer->put_text(writer, HSTORE_VAL(entry, base, i), HSTORE_VALLEN(entry, i));
	}
	PG_RETURN_VOID();
}

static void
pair_take(TransformReader *reader, Pairs *pair)
{
	TransformItem item;

	reader->key(reader, &item);
	pair->key = item.text;
	pair->keylen = check_key(item.size);
	pair->needfree = true;
	reader->next(reader, &item);
	pair->val = item.text;
	pair->isnull = item.kind == TRANSFORM_NULL;
	pair->vallen = pair->isnull ? 0 : check_value(item.size);
}

Datum
pybox_hstore_to_sql(PG_FUNCTION_ARGS)
{
	TransformReader *reader = transform_reader(fcinfo);
	TransformItem item;
	Pairs *pairs;
	int32 size;
	int count;

	reader->next(reader, &item);
	if (item.count > MaxAllocSize / sizeof(Pairs))
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("number of pairs (%u) exceeds the maximum allowed (%d)", item.count,
							   (int) (MaxAllocSize / sizeof(Pairs)))));
	pairs = palloc(item.count * sizeof(Pairs));
	for (uint32 i = 0; i < item.count; i++)
		pair_take(reader, &pairs[i]);
	count = unique_pairs(pairs, item.count, &size);
	PG_RETURN_POINTER(make_pairs(pairs, count, size));
}
