/*
 * transform_jsonb.c - the transform of jsonb: Python's None, bool, Decimal, str, list and dict, both ways.
 *
 * Runs in backends.
 */
#include "handler/transform.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

PG_FUNCTION_INFO_V1(pybox_jsonb_from_sql);
PG_FUNCTION_INFO_V1(pybox_jsonb_to_sql);

static const TransformEntry entries[] = {
	{"pybox_jsonb_from_sql", TRANSFORM_FROM_SQL},
	{"pybox_jsonb_to_sql", TRANSFORM_TO_SQL_OBJECT},
};

TRANSFORM_LIBRARY(entries);

static void
scalar_put(TransformWriter *writer, const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvNull:
			writer->put_null(writer);
			break;
		case jbvBool:
			writer->put_bool(writer, value->val.boolean);
			break;
		case jbvString:
			writer->put_text(writer, value->val.string.val, value->val.string.len);
			break;
		case jbvNumeric:
		{
			char *digits = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));

			writer->put_decimal(writer, digits);
			pfree(digits);
			break;
		}
		default:
			elog(ERROR, "unexpected type of jsonb value: %d", value->type);
	}
}

Datum
pybox_jsonb_from_sql(PG_FUNCTION_ARGS)
{
	TransformWriter *writer = transform_writer(fcinfo);
	Jsonb *jsonb = DatumGetJsonbP(writer->value);
	JsonbIterator *iterator = JsonbIteratorInit(&jsonb->root);
	JsonbIteratorToken token;
	JsonbValue value;

	while ((token = JsonbIteratorNext(&iterator, &value, false)) != WJB_DONE)
	{
		if (token == WJB_BEGIN_OBJECT)
			writer->put_dict(writer, value.val.object.nPairs);
		else if (token == WJB_BEGIN_ARRAY && !value.val.array.rawScalar)
			writer->put_list(writer, value.val.array.nElems);
		else if (token == WJB_KEY || token == WJB_VALUE || token == WJB_ELEM)
			scalar_put(writer, &value);
	}
	PG_RETURN_VOID();
}

/* What numeric_in() makes of the text, whose every refusal has the same words. */
static Numeric
number_parse(const char *text)
{
	MemoryContext context = CurrentMemoryContext;
	volatile Datum number = (Datum) 0;

	PG_TRY();
	{
		number =
			DirectFunctionCall3(numeric_in, CStringGetDatum(text), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		FlushErrorState();
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH), errmsg("could not convert value \"%s\" to jsonb", text)));
	}
	PG_END_TRY();
	return DatumGetNumeric(number);
}

static void
number_take(const TransformItem *item, JsonbValue *value)
{
	value->type = jbvNumeric;
	value->val.numeric = number_parse(item->text);
	if (numeric_is_nan(value->val.numeric))
		ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE), errmsg("cannot convert NaN to jsonb")));
	if (numeric_is_inf(value->val.numeric))
		ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE), errmsg("cannot convert infinity to jsonb")));
}

static void
text_take(const TransformItem *item, JsonbValue *value)
{
	value->type = jbvString;
	value->val.string.val = item->text;
	value->val.string.len = item->size;
}

static void
scalar_take(const TransformItem *item, JsonbValue *value)
{
	if (item->kind == TRANSFORM_TEXT)
		text_take(item, value);
	else if (item->kind == TRANSFORM_NUMBER)
		number_take(item, value);
	else
	{
		value->type = item->kind == TRANSFORM_BOOL ? jbvBool : jbvNull;
		value->val.boolean = item->boolean;
	}
}

static JsonbValue *value_take(TransformReader *reader, JsonbParseState **state, JsonbIteratorToken place);

static JsonbValue *
list_take(TransformReader *reader, JsonbParseState **state, uint32 count)
{
	pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
	for (uint32 i = 0; i < count; i++)
		value_take(reader, state, WJB_ELEM);
	return pushJsonbValue(state, WJB_END_ARRAY, NULL);
}

static JsonbValue *
dict_take(TransformReader *reader, JsonbParseState **state, uint32 count)
{
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	for (uint32 i = 0; i < count; i++)
	{
		TransformItem item;
		JsonbValue key;

		reader->key(reader, &item);
		text_take(&item, &key);
		pushJsonbValue(state, WJB_KEY, &key);
		value_take(reader, state, WJB_VALUE);
	}
	return pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

/* Takes one value and puts it into the container that is being built; alone it is returned. */
static JsonbValue *
value_take(TransformReader *reader, JsonbParseState **state, JsonbIteratorToken place)
{
	TransformItem item;
	JsonbValue *value;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	reader->next(reader, &item);
	if (item.kind == TRANSFORM_LIST)
		return list_take(reader, state, item.count);
	if (item.kind == TRANSFORM_DICT)
		return dict_take(reader, state, item.count);
	value = palloc(sizeof(JsonbValue));
	scalar_take(&item, value);
	return *state == NULL ? value : pushJsonbValue(state, place, value);
}

Datum
pybox_jsonb_to_sql(PG_FUNCTION_ARGS)
{
	JsonbParseState *state = NULL;

	PG_RETURN_POINTER(JsonbValueToJsonb(value_take(transform_reader(fcinfo), &state, WJB_ELEM)));
}
