/*
 * transform_call.c - calls the functions of transforms, and does for them what touches the wire. Runs in backends.
 *
 * DESIGN. Both directions count what is owed: 1 for the value itself, and what is in a list or dict when it is begun.
 * A function that leaves a debt, or pays more, is an error of its author's; what a child sends wrong ends the child.
 */
#include "handler/transform_set.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"

#include "handler/type.h"

/* Begins a value. */
static void
writer_pay(TransformWriter *writer, WireTag tag, int64 inside)
{
	if (writer->owed <= 0)
		elog(ERROR, "transform function writes more than one value");
	writer->owed += inside - 1;
	wire_put_u8(&writer->out->writer, tag);
}

static void
put_null(TransformWriter *writer)
{
	writer_pay(writer, WIRE_NULL, 0);
}

static void
put_bool(TransformWriter *writer, bool value)
{
	writer_pay(writer, WIRE_BOOL, 0);
	wire_put_u8(&writer->out->writer, value);
}

static void
put_int(TransformWriter *writer, int64 value)
{
	writer_pay(writer, WIRE_INT, 0);
	wire_put_u64(&writer->out->writer, (uint64) value);
}

static void
put_float(TransformWriter *writer, double value)
{
	writer_pay(writer, WIRE_FLOAT, 0);
	wire_put_f64(&writer->out->writer, value);
}

static void
put_decimal(TransformWriter *writer, const char *digits)
{
	writer_pay(writer, WIRE_DECIMAL, 0);
	wire_put_text(&writer->out->writer, digits, strlen(digits));
}

static void
put_text(TransformWriter *writer, const char *text, Size size)
{
	char *utf8 = pg_server_to_any(text, size, PG_UTF8);

	writer_pay(writer, WIRE_TEXT, 0);
	wire_put_text(&writer->out->writer, utf8, utf8 == text ? size : strlen(utf8));
	if (utf8 != text)
		pfree(utf8);
}

static void
put_bytes(TransformWriter *writer, const void *bytes, Size size)
{
	writer_pay(writer, WIRE_BYTES, 0);
	wire_put_text(&writer->out->writer, bytes, size);
}

static void
put_list(TransformWriter *writer, uint32 count)
{
	writer_pay(writer, WIRE_LIST, count);
	wire_put_u32(&writer->out->writer, count);
}

static void
put_dict(TransformWriter *writer, uint32 count)
{
	writer_pay(writer, WIRE_DICT, 2 * (int64) count);
	wire_put_u32(&writer->out->writer, count);
}

static Datum
transform_call(Transform *transform, TransformContext *context, bool *is_null)
{
	LOCAL_FCINFO(call, 1);
	Datum result;

	InitFunctionCallInfoData(*call, &transform->function, 1, InvalidOid, (fmNodePtr) context, NULL);
	call->args[0].value = PointerGetDatum(context);
	call->args[0].isnull = false;
	result = FunctionCallInvoke(call);
	*is_null = call->isnull;
	return result;
}

void
transform_write(Transform *transform, FrameOut *out, Datum value)
{
	TransformWriter writer = {
		.context = {.tag = T_Invalid, .magic = TRANSFORM_WRITER_MAGIC},
		.value = value,
		.put_null = put_null,
		.put_bool = put_bool,
		.put_int = put_int,
		.put_float = put_float,
		.put_decimal = put_decimal,
		.put_text = put_text,
		.put_bytes = put_bytes,
		.put_list = put_list,
		.put_dict = put_dict,
		.out = out,
		.owed = 1,
	};
	bool is_null;

	(void) transform_call(transform, &writer.context, &is_null);
	if (writer.owed != 0)
		elog(ERROR, "transform function %u wrote no whole value", transform->function.fn_oid);
}

static void
text_take(TransformReader *reader, TransformItem *item)
{
	item->text = frame_get_cstring(reader->wire);
	item->size = strlen(item->text);
}

/* Each thing inside takes a byte at least. */
static void
count_take(TransformReader *reader, TransformItem *item, int each)
{
	item->count = wire_get_u32(reader->wire);
	if (reader->wire->error == 0 && (uint64) item->count * each > wire_left(reader->wire))
		value_malformed("a list or dict longer than its message");
	reader->owed += (int64) item->count * each;
}

static void
item_take(TransformReader *reader, TransformItem *item)
{
	uint8 tag = wire_get_u8(reader->wire);
	static const TransformKind kinds[WIRE_TAG_COUNT] = {
		[WIRE_BOOL] = TRANSFORM_BOOL, [WIRE_DECIMAL] = TRANSFORM_NUMBER, [WIRE_TEXT] = TRANSFORM_TEXT,
		[WIRE_LIST] = TRANSFORM_LIST, [WIRE_DICT] = TRANSFORM_DICT,
	};

	if (reader->owed <= 0)
		elog(ERROR, "transform function reads more than one value");
	reader->owed--;
	memset(item, 0, sizeof(*item));
	item->kind = tag < WIRE_TAG_COUNT ? kinds[tag] : TRANSFORM_NULL;
	if (item->kind == TRANSFORM_NULL && tag != WIRE_NULL)
		value_malformed("a value of unknown kind");
	if (item->kind == TRANSFORM_BOOL)
		item->boolean = wire_get_u8(reader->wire) != 0;
	else if (item->kind == TRANSFORM_NUMBER || item->kind == TRANSFORM_TEXT)
		text_take(reader, item);
	else if (item->kind == TRANSFORM_LIST)
		count_take(reader, item, 1);
	else if (item->kind == TRANSFORM_DICT)
		count_take(reader, item, 2);
	if (reader->wire->error != 0)
		value_malformed(wire_strerror(reader->wire->error));
}

static void
item_next(TransformReader *reader, TransformItem *item)
{
	bool outermost = !reader->inside;

	item_take(reader, item);
	reader->inside = true;
	if (reader->role != TRANSFORM_TO_SQL_MAPPING)
		return;
	if (outermost ? item->kind != TRANSFORM_DICT : item->kind != TRANSFORM_NULL && item->kind != TRANSFORM_TEXT)
		value_malformed("something else than a mapping of texts");
}

static void
item_key(TransformReader *reader, TransformItem *item)
{
	item_take(reader, item);
	if (item->kind != TRANSFORM_TEXT)
		value_malformed("a key that is no text");
}

Datum
transform_read(Transform *transform, WireReader *wire)
{
	TransformReader reader = {
		.context = {.tag = T_Invalid, .magic = TRANSFORM_READER_MAGIC},
		.next = item_next,
		.key = item_key,
		.wire = wire,
		.role = transform->role,
		.owed = 1,
	};
	bool is_null;
	Datum value = transform_call(transform, &reader.context, &is_null);

	if (reader.owed != 0 || is_null)
		elog(ERROR, "transform function %u did not take a whole value", transform->function.fn_oid);
	return value;
}
