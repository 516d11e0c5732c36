/*
 * ltree.c - ltree_pybox.so: the transform of ltree, a list of str; as PL/Python's it goes to Python only.
 *
 * Runs in backends.
 */
#include "handler/transform.h"

#include "extension/ltree/ltree.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(pybox_ltree_from_sql);

static const TransformEntry entries[] = {
	{"pybox_ltree_from_sql", TRANSFORM_FROM_SQL},
};

TRANSFORM_LIBRARY(entries);

Datum
pybox_ltree_from_sql(PG_FUNCTION_ARGS)
{
	TransformWriter *writer = transform_writer(fcinfo);
	ltree *path = (ltree *) PG_DETOAST_DATUM(writer->value);
	ltree_level *level = LTREE_FIRST(path);

	writer->put_list(writer, path->numlevel);
	for (int i = 0; i < path->numlevel; i++)
	{
		writer->put_text(writer, level->name, level->len);
		level = LEVEL_NEXT(level);
	}
	PG_RETURN_VOID();
}
