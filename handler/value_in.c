/*
 * value_in.c - SQL values to tagged values for Python, by the mapping of PL/Python. Runs in backends.
 */
#include "handler/type.h"

#include "access/detoast.h"
#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/typcache.h"

static void
put_int(FrameOut *out, int64 value)
{
	wire_put_u8(&out->writer, WIRE_INT);
	wire_put_u64(&out->writer, (uint64) value);
}

static void
put_float(FrameOut *out, double value)
{
	wire_put_u8(&out->writer, WIRE_FLOAT);
	wire_put_f64(&out->writer, value);
}

static void
bool_in(FrameOut *out, TypeInfo *type, Datum value)
{
	wire_put_u8(&out->writer, WIRE_BOOL);
	wire_put_u8(&out->writer, DatumGetBool(value));
}

static void
int16_in(FrameOut *out, TypeInfo *type, Datum value)
{
	put_int(out, DatumGetInt16(value));
}

static void
int32_in(FrameOut *out, TypeInfo *type, Datum value)
{
	put_int(out, DatumGetInt32(value));
}

static void
int64_in(FrameOut *out, TypeInfo *type, Datum value)
{
	put_int(out, DatumGetInt64(value));
}

static void
oid_in(FrameOut *out, TypeInfo *type, Datum value)
{
	put_int(out, DatumGetObjectId(value));
}

static void
float32_in(FrameOut *out, TypeInfo *type, Datum value)
{
	put_float(out, DatumGetFloat4(value));
}

static void
float64_in(FrameOut *out, TypeInfo *type, Datum value)
{
	put_float(out, DatumGetFloat8(value));
}

static void
numeric_in_wire(FrameOut *out, TypeInfo *type, Datum value)
{
	char *text = DatumGetCString(DirectFunctionCall1(numeric_out, value));

	wire_put_u8(&out->writer, WIRE_DECIMAL);
	wire_put_text(&out->writer, text, strlen(text));
	pfree(text);
}

static void
bytes_in(FrameOut *out, TypeInfo *type, Datum value)
{
	struct varlena *bytes = PG_DETOAST_DATUM_PACKED(value);

	wire_put_u8(&out->writer, WIRE_BYTES);
	wire_put_u32(&out->writer, VARSIZE_ANY_EXHDR(bytes));
	frame_put_part(out, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
}

static void
varlena_text_in(FrameOut *out, TypeInfo *type, Datum value)
{
	struct varlena *text = PG_DETOAST_DATUM_PACKED(value);
	int size = VARSIZE_ANY_EXHDR(text);
	char *bytes = VARDATA_ANY(text);
	char *utf8 = pg_server_to_any(bytes, size, PG_UTF8);

	wire_put_u8(&out->writer, WIRE_TEXT);
	wire_put_text(&out->writer, utf8, utf8 == bytes ? (size_t) size : strlen(utf8));
	if (utf8 != bytes)
		pfree(utf8);
}

static void
output_in(FrameOut *out, TypeInfo *type, Datum value)
{
	char *text = OutputFunctionCall(&type->output, value);

	wire_put_u8(&out->writer, WIRE_TEXT);
	frame_put_cstring(out, text);
	pfree(text);
}

/* -1: elements of this type do not travel packed. */
static int
packed_kind(const TypeInfo *element)
{
	static const struct
	{
		TypeIn in;
		WirePacked packed;
	} kinds[] = {
		{TYPE_IN_BOOL, WIRE_PACKED_BOOL},		{TYPE_IN_INT16, WIRE_PACKED_INT16},
		{TYPE_IN_INT32, WIRE_PACKED_INT32},		{TYPE_IN_INT64, WIRE_PACKED_INT64},
		{TYPE_IN_FLOAT32, WIRE_PACKED_FLOAT32}, {TYPE_IN_FLOAT64, WIRE_PACKED_FLOAT64},
	};

	for (int i = 0; i < (int) lengthof(kinds); i++)
		if (kinds[i].in == element->in)
			return kinds[i].packed;
	return -1;
}

static void
elements_in(FrameOut *out, TypeInfo *element, ArrayType *array)
{
	Datum *values;
	bool *nulls;
	int count;

	deconstruct_array(array, element->type, element->length, element->by_value, element->align, &values, &nulls,
					  &count);
	for (int i = 0; i < count; i++)
		if (nulls[i])
			wire_put_u8(&out->writer, WIRE_NULL);
		else
			value_in(out, element, values[i]);
}

static void
array_in_wire(FrameOut *out, TypeInfo *type, Datum value)
{
	ArrayType *array = DatumGetArrayTypeP(value);
	static const int none = 0;
	int dims = ARR_NDIM(array);
	const int *sizes = ARR_DIMS(array);
	int packed = ARR_HASNULL(array) ? -1 : packed_kind(type->element);

	if (packed >= 0 && dims == 0) /* an empty array; packed it has to have a dimension */
	{
		dims = 1;
		sizes = &none;
	}
	if (packed < 0 && ArrayGetNItems(dims, sizes) == 0) /* an empty oidvector has one dimension */
		dims = 0;
	wire_put_u8(&out->writer, packed >= 0 ? WIRE_PACKED : WIRE_ARRAY);
	if (packed >= 0)
		wire_put_u8(&out->writer, packed);
	wire_put_u8(&out->writer, dims);
	for (int i = 0; i < dims; i++)
		wire_put_u32(&out->writer, sizes[i]);
	if (packed >= 0)
		frame_put_part(out, ARR_DATA_PTR(array), (size_t) ArrayGetNItems(dims, sizes) * type->element->length);
	else
		elements_in(out, type->element, array);
}

static void
record_in_wire(FrameOut *out, TypeInfo *type, Datum value)
{
	HeapTupleHeader header = DatumGetHeapTupleHeader(value);
	TupleDesc desc = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(header), HeapTupleHeaderGetTypMod(header));
	HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(header), .t_data = header};
	Datum *values = palloc(desc->natts * sizeof(Datum));
	bool *nulls = palloc(desc->natts * sizeof(bool));
	int live = 0;

	ItemPointerSetInvalid(&tuple.t_self);
	heap_deform_tuple(&tuple, desc, values, nulls);
	for (int i = 0; i < desc->natts; i++)
		live += !TupleDescAttr(desc, i)->attisdropped;
	wire_put_u8(&out->writer, WIRE_RECORD);
	wire_put_u16(&out->writer, live);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);

		if (attribute->attisdropped)
			continue;
		frame_put_cstring(out, NameStr(attribute->attname));
		if (nulls[i])
			wire_put_u8(&out->writer, WIRE_NULL);
		else
			value_in(out, type_get_for(attribute->atttypid, attribute->atttypmod, type->transforms), values[i]);
	}
	ReleaseTupleDesc(desc);
	pfree(values);
	pfree(nulls);
}

static void
transform_in(FrameOut *out, TypeInfo *type, Datum value)
{
	transform_write(type->from_sql, out, value);
}

static void (*const encoders[TYPE_IN_COUNT])(FrameOut *out, TypeInfo *type, Datum value) = {
	[TYPE_IN_BOOL] = bool_in,
	[TYPE_IN_INT16] = int16_in,
	[TYPE_IN_INT32] = int32_in,
	[TYPE_IN_INT64] = int64_in,
	[TYPE_IN_OID] = oid_in,
	[TYPE_IN_FLOAT32] = float32_in,
	[TYPE_IN_FLOAT64] = float64_in,
	[TYPE_IN_NUMERIC] = numeric_in_wire,
	[TYPE_IN_BYTES] = bytes_in,
	[TYPE_IN_VARLENA_TEXT] = varlena_text_in,
	[TYPE_IN_OUTPUT] = output_in,
	[TYPE_IN_ARRAY] = array_in_wire,
	[TYPE_IN_RECORD] = record_in_wire,
	[TYPE_IN_TRANSFORM] = transform_in,
};

void
value_in(FrameOut *out, TypeInfo *type, Datum value)
{
	check_stack_depth();
	encoders[type->in](out, type, value);
}
