/*
 * value_out.c - tagged values from the child to SQL values. Runs in backends.
 *
 * Nothing here trusts the bytes: every count is held against what is left of the payload before memory is taken for it,
 * and a tag that the type does not allow is a protocol violation. What the bytes mean is for the input functions.
 */
#include "handler/type.h"
#include "handler/call.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "common/int.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/memutils.h"

#include "handler/error.h"

void
value_malformed(const char *what)
{
	if (current_call != NULL && current_call->lease != NULL)
		lease_kill(current_call->lease);
	ereport(ERROR, (errcode(ERRCODE_PROTOCOL_VIOLATION), errmsg("Python interpreter broke the protocol: %s", what)));
}

static void
reader_check(const WireReader *reader)
{
	if (reader->error != 0)
		value_malformed(wire_strerror(reader->error));
}

static Datum
bool_out(WireReader *reader, TypeInfo *type)
{
	return BoolGetDatum(wire_get_u8(reader) != 0);
}

static Datum
int_out(WireReader *reader, TypeInfo *type)
{
	int64 value = (int64) wire_get_u64(reader);

	switch (type->out)
	{
		case WIRE_TYPE_INT16:
			if (value >= PG_INT16_MIN && value <= PG_INT16_MAX)
				return Int16GetDatum((int16) value);
			break;
		case WIRE_TYPE_INT32:
			if (value >= PG_INT32_MIN && value <= PG_INT32_MAX)
				return Int32GetDatum((int32) value);
			break;
		case WIRE_TYPE_INT64:
			return Int64GetDatum(value);
		default:
			break;
	}
	value_malformed("an integer that its type does not allow");
}

static Datum
float_out(WireReader *reader, TypeInfo *type)
{
	double value = wire_get_f64(reader);

	if (type->out == WIRE_TYPE_FLOAT64)
		return Float8GetDatum(value);
	if (type->out != WIRE_TYPE_FLOAT32)
		value_malformed("a float for another type");
	if (isinf((float) value) && !isinf(value))
		float_overflow_error();
	if ((float) value == 0.0f && value != 0.0)
		float_underflow_error();
	return Float4GetDatum((float) value);
}

/*
 * What input functions and constraints keep for the next value serves one value at a time: a CHECK may call a function
 * that makes another one of the same type. An error leaves reader as it is, which says nothing once that call is over.
 */
static bool
type_is_taken(const TypeInfo *type)
{
	if (likely(type->reader == 0))
		return false;
	for (const Call *of = current_call->outer; of != NULL; of = of->outer)
		if (of->id == type->reader)
			return true;
	return false;
}

static Datum
text_parse(TypeInfo *type, char *text)
{
	FmgrInfo fresh;
	Datum value;

	if (type_is_taken(type))
	{
		fmgr_info_copy(&fresh, &type->input, CurrentMemoryContext);
		return InputFunctionCall(&fresh, text, type->io_parameter, type->typmod);
	}
	type->reader = current_call->id;
	value = InputFunctionCall(&type->input, text, type->io_parameter, type->typmod);
	type->reader = 0;
	return value;
}

static Datum
text_out(WireReader *reader, TypeInfo *type)
{
	char *text = frame_get_cstring(reader);
	Datum value;

	reader_check(reader);
	value = text_parse(type, text);
	pfree(text);
	return value;
}

static Datum
bytes_out(WireReader *reader, TypeInfo *type)
{
	size_t size;
	const char *bytes = wire_get_text(reader, &size);
	bytea *value;

	reader_check(reader);
	if (type->out != WIRE_TYPE_BYTES)
		value_malformed("bytes for another type");
	if (size > MaxAllocSize - VARHDRSZ)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("bytea result of %zu bytes is too long", size)));
	value = palloc(size + VARHDRSZ);
	SET_VARSIZE(value, size + VARHDRSZ);
	memcpy(VARDATA(value), bytes, size);
	return PointerGetDatum(value);
}

/* Reads the dimensions; returns the number of elements that they make, however many there are. */
static int
dims_get(WireReader *reader, int *ndim, int dims[MAXDIM], int lower[MAXDIM])
{
	int64 items = 1;

	*ndim = wire_get_u8(reader);
	if (*ndim > MAXDIM)
		value_malformed("too many dimensions");
	for (int i = 0; i < *ndim; i++)
	{
		uint32 size = wire_get_u32(reader);

		if (size > MaxArraySize || pg_mul_s64_overflow(items, size, &items) || items > (int64) MaxArraySize)
			ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
							errmsg("array size exceeds the maximum allowed (%d)", (int) MaxArraySize)));
		dims[i] = (int) size;
		lower[i] = 1;
	}
	reader_check(reader);
	if (*ndim == 0)
		items = 0;
	return (int) items;
}

static Datum
array_finish(TypeInfo *type, Datum *values, bool *nulls, int ndim, int *dims, int *lower)
{
	TypeInfo *element = type->element;

	if (ndim == 0 || ArrayGetNItems(ndim, dims) == 0)
		return PointerGetDatum(construct_empty_array(element->type));
	return PointerGetDatum(construct_md_array(values, nulls, ndim, dims, lower, element->type, element->length,
											  element->by_value, element->align));
}

static Datum
array_out_wire(WireReader *reader, TypeInfo *type)
{
	int ndim, dims[MAXDIM], lower[MAXDIM];
	int count;
	size_t space;
	Datum *values;
	bool *nulls;

	if (type->out != WIRE_TYPE_ARRAY)
		value_malformed("an array for another type");
	count = dims_get(reader, &ndim, dims, lower);
	space = Min((size_t) count, wire_left(reader)) + 1; /* fewer elements than it claims if they end in a fault */
	values = palloc_extended(space * sizeof(Datum), MCXT_ALLOC_HUGE);
	nulls = palloc_extended(space, MCXT_ALLOC_HUGE);
	for (int i = 0; i < count; i++)
		values[i] = value_out(reader, type->element, &nulls[i]);
	return array_finish(type, values, nulls, ndim, dims, lower);
}

static const struct
{
	WireType type;
	int size;
} packed_kinds[WIRE_PACKED_COUNT] = {
	[WIRE_PACKED_BOOL] = {WIRE_TYPE_BOOL, 1},		[WIRE_PACKED_INT16] = {WIRE_TYPE_INT16, 2},
	[WIRE_PACKED_INT32] = {WIRE_TYPE_INT32, 4},		[WIRE_PACKED_INT64] = {WIRE_TYPE_INT64, 8},
	[WIRE_PACKED_FLOAT32] = {WIRE_TYPE_FLOAT32, 4}, [WIRE_PACKED_FLOAT64] = {WIRE_TYPE_FLOAT64, 8},
};

/* The elements are as the server keeps them; only a boolean has values that are none. */
static void
packed_check(uint8 kind, const uint8 *data, int count)
{
	if (kind != WIRE_PACKED_BOOL)
		return;
	for (int i = 0; i < count; i++)
		if (data[i] > 1)
			value_malformed("a boolean that is neither 0 nor 1");
}

static Datum
packed_out(WireReader *reader, TypeInfo *type)
{
	uint8 kind = wire_get_u8(reader);
	int ndim, dims[MAXDIM], lower[MAXDIM];
	int count;
	const uint8 *data;
	ArrayType *array;
	Size size;

	if (kind >= WIRE_PACKED_COUNT || type->out != WIRE_TYPE_ARRAY || type->element->is_domain ||
		type->element->out != packed_kinds[kind].type)
		value_malformed("packed elements of another type");
	count = dims_get(reader, &ndim, dims, lower);
	data = wire_get_raw(reader, (size_t) count * packed_kinds[kind].size);
	reader_check(reader);
	if (count == 0)
		return PointerGetDatum(construct_empty_array(type->element->type));
	packed_check(kind, data, count);
	size = ARR_OVERHEAD_NONULLS(ndim) + (Size) count * packed_kinds[kind].size;
	if (!AllocSizeIsValid(size))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("array result of %zu bytes is too long", size)));
	array = palloc0(size);
	SET_VARSIZE(array, size);
	array->ndim = ndim;
	array->dataoffset = 0;
	array->elemtype = type->element->type;
	memcpy(ARR_DIMS(array), dims, ndim * sizeof(int));
	memcpy(ARR_LBOUND(array), lower, ndim * sizeof(int));
	memcpy(ARR_DATA_PTR(array), data, (Size) count * packed_kinds[kind].size);
	return PointerGetDatum(array);
}

static Datum
tuple_out(WireReader *reader, TypeInfo *type)
{
	TupleDesc desc = type->desc;
	Datum *values;
	bool *nulls;
	int live = 0;

	if (type->out != WIRE_TYPE_TUPLE)
		value_malformed("a row for another type");
	if (type_is_stale(type))
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("type %s was changed after Python had learnt it", type->name),
						errhint("Call the function again.")));
	for (int i = 0; i < desc->natts; i++)
		live += type->columns[i] != NULL;
	if (wire_get_u16(reader) != live)
		value_malformed("a row with the wrong number of columns");
	values = palloc0(Max(desc->natts, 1) * sizeof(Datum));
	nulls = palloc(Max(desc->natts, 1));
	for (int i = 0; i < desc->natts; i++)
	{
		nulls[i] = true;
		if (type->columns[i] != NULL)
			values[i] = value_out(reader, type->columns[i], &nulls[i]);
	}
	return HeapTupleGetDatum(heap_form_tuple(desc, values, nulls));
}

static Datum (*const decoders[WIRE_TAG_COUNT])(WireReader *reader, TypeInfo *type) = {
	[WIRE_BOOL] = bool_out,	  [WIRE_INT] = int_out,			 [WIRE_FLOAT] = float_out,	 [WIRE_TEXT] = text_out,
	[WIRE_BYTES] = bytes_out, [WIRE_ARRAY] = array_out_wire, [WIRE_PACKED] = packed_out, [WIRE_TUPLE] = tuple_out,
};

/* Takes a value for the transform, which reads its tag again. */
static Datum
transform_out(WireReader *reader, TypeInfo *type)
{
	reader->at--;
	return transform_read(type->to_sql, reader);
}

static void
constraints_check(TypeInfo *type, Datum value, bool is_null)
{
	if (type_is_taken(type))
	{
		domain_check(value, is_null, type->type, NULL, NULL);
		return;
	}
	type->reader = current_call->id;
	domain_check(value, is_null, type->type, &type->domain, TopMemoryContext);
	type->reader = 0;
}

/* Only text went through the type's own input function, unless a transform read it. */
static Datum
value_finish(TypeInfo *type, uint8 tag, Datum value, bool is_null)
{
	if (type->is_domain && (is_null || tag != WIRE_TEXT || type->to_sql != NULL))
		constraints_check(type, value, is_null);
	return value;
}

Datum
value_out(WireReader *reader, TypeInfo *type, bool *is_null)
{
	uint8 tag = wire_get_u8(reader);
	Datum value = (Datum) 0;

	check_stack_depth();
	reader_check(reader);
	if (tag == WIRE_FAULT)
		error_raise(*reader, &current_call->context);
	*is_null = tag == WIRE_NULL;
	if (*is_null)
		return value_finish(type, tag, value, true);
	if (type->to_sql != NULL)
		return value_finish(type, tag, transform_out(reader, type), false);
	if (tag >= WIRE_TAG_COUNT || decoders[tag] == NULL)
		value_malformed("a value of unknown kind");
	if (tag == WIRE_BOOL && type->out != WIRE_TYPE_BOOL)
		value_malformed("a boolean for another type");
	value = decoders[tag](reader, type);
	reader_check(reader);
	return value_finish(type, tag, value, false);
}
