/*
 * python_value_in.c - values of the wire as Python objects, one reader for each tag.
 *
 * A count is checked against the bytes that are left before anything is made of its size. Runs in: child.
 */
#include "sandbox/python_value_in.h"

#include "sandbox/python_packed.h"
#include "sandbox/python_session.h"
#include "sandbox/python_text.h"

typedef PyObject *(*ValueReader)(WireReader *r, PyObject *owner);

static PyObject *
value_in_null(WireReader *r, PyObject *owner)
{
	(void) r, (void) owner;
	return Py_NewRef(Py_None);
}

static PyObject *
value_in_bool(WireReader *r, PyObject *owner)
{
	(void) owner;
	return PyBool_FromLong(wire_get_u8(r));
}

static PyObject *
value_in_int(WireReader *r, PyObject *owner)
{
	(void) owner;
	return PyLong_FromLongLong((int64_t) wire_get_u64(r));
}

static PyObject *
value_in_float(WireReader *r, PyObject *owner)
{
	(void) owner;
	return PyFloat_FromDouble(wire_get_f64(r));
}

/* decimal.Decimal, kept after its first use. Borrowed. */
static PyObject *
value_decimal_class(void)
{
	static PyObject *decimal;

	if (decimal == NULL)
	{
		PyObject *module = PyImport_ImportModule("decimal");

		decimal = module == NULL ? NULL : PyObject_GetAttrString(module, "Decimal");
		Py_XDECREF(module);
	}
	return decimal;
}

static PyObject *
value_in_decimal(WireReader *r, PyObject *owner)
{
	PyObject *text = text_get(r);
	PyObject *decimal = text == NULL ? NULL : value_decimal_class();
	PyObject *value = decimal == NULL ? NULL : PyObject_CallOneArg(decimal, text);

	(void) owner;
	Py_XDECREF(text);
	return value;
}

static PyObject *
value_in_text(WireReader *r, PyObject *owner)
{
	(void) owner;
	return text_get(r);
}

static PyObject *
value_in_bytes(WireReader *r, PyObject *owner)
{
	size_t size;
	const char *bytes = wire_get_text(r, &size);

	(void) owner;
	return r->error != 0 ? NULL : PyBytes_FromStringAndSize(bytes, (Py_ssize_t) size);
}

static PyObject *
value_in_list(WireReader *r, PyObject *owner, const uint32_t *dims, int ndim)
{
	PyObject *list = PyList_New(dims[0]);

	for (uint32_t i = 0; list != NULL && i < dims[0]; i++)
	{
		PyObject *item = ndim > 1 ? value_in_list(r, owner, dims + 1, ndim - 1) : value_in(r, owner);

		if (item == NULL)
			Py_CLEAR(list);
		else
			PyList_SET_ITEM(list, i, item);
	}
	return list;
}

static PyObject *
value_in_array(WireReader *r, PyObject *owner)
{
	uint32_t dims[WIRE_DIMS_MAX];
	size_t count;
	int ndim;

	if (packed_read_dims(r, dims, &ndim, &count) != 0)
		return NULL;
	if (ndim == 0)
		return PyList_New(0);
	if (count == 0 || count > wire_left(r))
	{
		r->error = WIRE_ERROR_SHORT;
		return NULL;
	}
	return value_in_list(r, owner, dims, ndim);
}

static PyObject *
value_in_packed(WireReader *r, PyObject *owner)
{
	Packed packed;

	if (packed_read(r, &packed) != 0)
		return NULL;
	return session_current()->numpy ? packed_numpy(&packed, owner) : packed_list(&packed);
}

static PyObject *
value_in_record(WireReader *r, PyObject *owner)
{
	uint16_t count = wire_get_u16(r);
	PyObject *record = PyDict_New();

	for (uint16_t i = 0; record != NULL && i < count; i++)
	{
		PyObject *name = text_get(r);
		PyObject *value = name == NULL ? NULL : value_in(r, owner);

		if (value == NULL || PyDict_SetItem(record, name, value) != 0)
			Py_CLEAR(record);
		Py_XDECREF(name);
		Py_XDECREF(value);
	}
	return record;
}

/* Every value takes a byte at least. */
static uint32_t
value_in_count(WireReader *r, uint32_t each)
{
	uint32_t count = wire_get_u32(r);

	if (count > wire_left(r) / each)
		r->error = WIRE_ERROR_SHORT;
	return count;
}

static PyObject *
value_in_sequence(WireReader *r, PyObject *owner)
{
	uint32_t count = value_in_count(r, 1);

	return r->error != 0 ? NULL : value_in_list(r, owner, &count, 1);
}

static PyObject *
value_in_dict(WireReader *r, PyObject *owner)
{
	uint32_t count = value_in_count(r, 2);
	PyObject *dict = r->error != 0 ? NULL : PyDict_New();

	for (uint32_t i = 0; dict != NULL && i < count; i++)
	{
		PyObject *key = value_in(r, owner);
		PyObject *value = key == NULL ? NULL : value_in(r, owner);

		if (value == NULL || PyDict_SetItem(dict, key, value) != 0)
			Py_CLEAR(dict);
		Py_XDECREF(key);
		Py_XDECREF(value);
	}
	return dict;
}

static const ValueReader value_readers[WIRE_TAG_COUNT] = {
	[WIRE_NULL] = value_in_null,	 [WIRE_BOOL] = value_in_bool,		[WIRE_INT] = value_in_int,
	[WIRE_FLOAT] = value_in_float,	 [WIRE_DECIMAL] = value_in_decimal, [WIRE_TEXT] = value_in_text,
	[WIRE_BYTES] = value_in_bytes,	 [WIRE_ARRAY] = value_in_array,		[WIRE_PACKED] = value_in_packed,
	[WIRE_RECORD] = value_in_record, [WIRE_LIST] = value_in_sequence,	[WIRE_DICT] = value_in_dict,
};

PyObject *
value_in(WireReader *r, PyObject *owner)
{
	uint8_t tag = wire_get_u8(r);
	PyObject *value;

	if (tag >= WIRE_TAG_COUNT || value_readers[tag] == NULL)
		r->error = WIRE_ERROR_SHORT;
	if (r->error != 0 || Py_EnterRecursiveCall(" while reading a value"))
		return NULL;
	value = value_readers[tag](r, owner);
	Py_LeaveRecursiveCall();
	if (r->error != 0)
		Py_CLEAR(value);
	return value;
}

/* Steps over a value that has no array in it. Returns 0 if it has, or the bytes end. */
static int
value_skip_scalar(WireReader *r, uint8_t tag)
{
	static const uint8_t sizes[] = {[WIRE_NULL] = 0, [WIRE_BOOL] = 1, [WIRE_INT] = 8, [WIRE_FLOAT] = 8};
	size_t size;

	if (tag < sizeof(sizes))
		wire_get_raw(r, sizes[tag]);
	else if (tag == WIRE_DECIMAL || tag == WIRE_TEXT || tag == WIRE_BYTES)
		wire_get_text(r, &size);
	else
		return 0;
	return r->error == 0;
}

size_t
value_in_alignment(uint16_t kind, const uint8_t *bytes, size_t size)
{
	WireReader r = {.at = bytes, .end = bytes + size};
	uint32_t dims[WIRE_DIMS_MAX];
	size_t count;
	uint8_t tag;
	int ndim;

	if (kind != WIRE_CALL || !session_current()->numpy)
		return 0;
	wire_get_raw(&r, 2 * sizeof(uint32_t) + sizeof(uint16_t)); /* function, type, number of arguments */
	do
		tag = wire_get_u8(&r);
	while (tag != WIRE_PACKED && value_skip_scalar(&r, tag));
	wire_get_u8(&r);
	if (tag != WIRE_PACKED || packed_read_dims(&r, dims, &ndim, &count) != 0)
		return 0;
	return (size_t) (bytes - r.at) & 7;
}
