/*
 * python_packed.c - arrays of fixed-width elements without nulls.
 *
 * numpy is reached through Python alone: frombuffer, and the buffer protocol. Runs in: child.
 */
#include "sandbox/python_packed.h"

#include <string.h>

#define PACKED_ITEM_GET(name, type, make)                                                                              \
	static PyObject *name(const uint8_t *bytes)                                                                        \
	{                                                                                                                  \
		type value;                                                                                                    \
		memcpy(&value, bytes, sizeof(value));                                                                          \
		return make(value);                                                                                            \
	}

PACKED_ITEM_GET(packed_get_bool, uint8_t, PyBool_FromLong)
PACKED_ITEM_GET(packed_get_int16, int16_t, PyLong_FromLong)
PACKED_ITEM_GET(packed_get_int32, int32_t, PyLong_FromLong)
PACKED_ITEM_GET(packed_get_int64, int64_t, PyLong_FromLongLong)
PACKED_ITEM_GET(packed_get_float32, float, PyFloat_FromDouble)
PACKED_ITEM_GET(packed_get_float64, double, PyFloat_FromDouble)

typedef struct PackedKind
{
	size_t size;
	const char *dtype;	 /* numpy's name */
	const char *formats; /* letters of the buffer protocol, native */
	WireType element;	 /* the SQL type these elements are exactly */
	PyObject *(*get)(const uint8_t *bytes);
} PackedKind;

static const PackedKind packed_kinds[WIRE_PACKED_COUNT] = {
	[WIRE_PACKED_BOOL] = {1, "?", "?", WIRE_TYPE_BOOL, packed_get_bool},
	[WIRE_PACKED_INT16] = {2, "i2", "h", WIRE_TYPE_INT16, packed_get_int16},
	[WIRE_PACKED_INT32] = {4, "i4", "il", WIRE_TYPE_INT32, packed_get_int32},
	[WIRE_PACKED_INT64] = {8, "i8", "lq", WIRE_TYPE_INT64, packed_get_int64},
	[WIRE_PACKED_FLOAT32] = {4, "f4", "f", WIRE_TYPE_FLOAT32, packed_get_float32},
	[WIRE_PACKED_FLOAT64] = {8, "f8", "d", WIRE_TYPE_FLOAT64, packed_get_float64},
};

size_t
packed_element_size(WirePacked kind)
{
	return packed_kinds[kind].size;
}

int
packed_read_dims(WireReader *r, uint32_t dims[WIRE_DIMS_MAX], int *ndim, size_t *count)
{
	*ndim = wire_get_u8(r);
	*count = 1;
	if (*ndim > WIRE_DIMS_MAX)
		r->error = WIRE_ERROR_LENGTH;
	for (int i = 0; i < *ndim && r->error == 0; i++)
	{
		dims[i] = wire_get_u32(r);
		if (__builtin_mul_overflow(*count, (size_t) dims[i], count) || dims[i] > WIRE_FRAME_MAX)
			r->error = WIRE_ERROR_LENGTH;
	}
	return r->error == 0 ? 0 : -1;
}

int
packed_read(WireReader *r, Packed *packed)
{
	uint8_t kind = wire_get_u8(r);

	if (packed_read_dims(r, packed->dims, &packed->ndim, &packed->count) != 0)
		return -1;
	if (kind >= WIRE_PACKED_COUNT || packed->ndim == 0 || packed->count > WIRE_FRAME_MAX)
	{
		r->error = WIRE_ERROR_LENGTH;
		return -1;
	}
	packed->kind = kind;
	packed->size = packed->count * packed_kinds[kind].size;
	packed->raw = wire_get_raw(r, packed->size);
	return packed->raw == NULL ? -1 : 0;
}

static PyObject *
packed_list_at(const Packed *packed, int dim, const uint8_t **at)
{
	const PackedKind *kind = &packed_kinds[packed->kind];
	PyObject *list = PyList_New(packed->dims[dim]);

	for (uint32_t i = 0; list != NULL && i < packed->dims[dim]; i++)
	{
		PyObject *item;

		if (dim + 1 < packed->ndim)
			item = packed_list_at(packed, dim + 1, at);
		else
		{
			item = kind->get(*at);
			*at += kind->size;
		}
		if (item == NULL)
			Py_CLEAR(list);
		else
			PyList_SET_ITEM(list, i, item);
	}
	return list;
}

PyObject *
packed_list(const Packed *packed)
{
	const uint8_t *at = packed->raw;

	return packed_list_at(packed, 0, &at);
}

static PyObject *
packed_numpy_shape(PyObject *array, const Packed *packed)
{
	PyObject *shape, *shaped = NULL;

	if (array == NULL || packed->ndim == 1)
		return array;
	shape = PyTuple_New(packed->ndim);
	for (int i = 0; shape != NULL && i < packed->ndim; i++)
	{
		PyObject *size = PyLong_FromUnsignedLong(packed->dims[i]);

		if (size == NULL)
			Py_CLEAR(shape);
		else
			PyTuple_SET_ITEM(shape, i, size);
	}
	if (shape != NULL)
		shaped = PyObject_CallMethod(array, "reshape", "(O)", shape);
	Py_XDECREF(shape);
	Py_DECREF(array);
	return shaped;
}

/* numpy.frombuffer, kept after its first use. Borrowed. */
static PyObject *
packed_frombuffer(void)
{
	static PyObject *frombuffer;

	if (frombuffer == NULL)
	{
		PyObject *numpy = PyImport_ImportModule("numpy");

		frombuffer = numpy == NULL ? NULL : PyObject_GetAttrString(numpy, "frombuffer");
		Py_XDECREF(numpy);
	}
	return frombuffer;
}

PyObject *
packed_numpy(const Packed *packed, PyObject *owner)
{
	const PackedKind *kind = &packed_kinds[packed->kind];
	PyObject *frombuffer = packed_frombuffer();
	PyObject *array = NULL;
	Py_ssize_t offset = 0;

	if (frombuffer == NULL)
		return NULL;
	if (owner != NULL && (uintptr_t) packed->raw % kind->size == 0 && packed->count > 0)
	{
		offset = (const char *) packed->raw - PyBytes_AS_STRING(owner);
		Py_INCREF(owner);
	}
	else
		owner = PyBytes_FromStringAndSize((const char *) packed->raw, (Py_ssize_t) packed->size);
	if (owner != NULL)
		array = PyObject_CallFunction(frombuffer, "Osnn", owner, kind->dtype, (Py_ssize_t) packed->count,
									  packed->count > 0 ? offset : 0);
	Py_XDECREF(owner);
	return packed_numpy_shape(array, packed);
}

bool
packed_is_numpy(PyObject *value)
{
	return strcmp(Py_TYPE(value)->tp_name, "numpy.ndarray") == 0;
}

/* The packed kind of a buffer whose items are exactly what the element type holds, or -1. */
static int
packed_kind_of(const Py_buffer *view, WireType element)
{
	const char *format = view->format == NULL ? "B" : view->format;

	for (int i = 0; i < WIRE_PACKED_COUNT; i++)
	{
		const PackedKind *kind = &packed_kinds[i];

		if (kind->element == element && (size_t) view->itemsize == kind->size && format[0] != '\0' &&
			format[1] == '\0' && strchr(kind->formats, format[0]) != NULL)
			return i;
	}
	return -1;
}

static void
packed_put_header(WireWriter *w, int kind, const Py_buffer *view)
{
	wire_put_u8(w, WIRE_PACKED);
	wire_put_u8(w, (uint8_t) kind);
	wire_put_u8(w, (uint8_t) view->ndim);
	for (int i = 0; i < view->ndim; i++)
		wire_put_u32(w, (uint32_t) view->shape[i]);
}

/* Elements in row-major order, wherever they lie. Returns 1, or -1 with an exception set. */
static int
packed_put_elements(WireWriter *w, const Py_buffer *view)
{
	void *ordered;
	int result;

	if (PyBuffer_IsContiguous(view, 'C'))
	{
		wire_put_raw(w, view->buf, (size_t) view->len);
		return 1;
	}
	ordered = PyMem_RawMalloc((size_t) view->len);
	if (ordered == NULL)
	{
		PyErr_NoMemory();
		return -1;
	}
	result = PyBuffer_ToContiguous(ordered, view, view->len, 'C');
	wire_put_raw(w, ordered, (size_t) view->len);
	PyMem_RawFree(ordered);
	return result == 0 ? 1 : -1;
}

static int
packed_put_view(WireWriter *w, WireType element, const Py_buffer *view)
{
	int kind = packed_kind_of(view, element);

	if (kind < 0 || view->ndim < 1 || view->ndim > WIRE_DIMS_MAX)
		return 0;
	if (view->len == 0)
	{
		wire_put_u8(w, WIRE_ARRAY);
		wire_put_u8(w, 0);
		return 1;
	}
	for (int i = 0; i < view->ndim; i++)
		if (view->shape[i] > INT32_MAX)
			return 0;
	packed_put_header(w, kind, view);
	return packed_put_elements(w, view);
}

int
packed_put(WireWriter *w, WireType element, PyObject *array)
{
	Py_buffer view;
	int done;

	if (PyObject_GetBuffer(array, &view, PyBUF_FORMAT | PyBUF_STRIDES) != 0)
	{
		PyErr_Clear(); /* of dates, say, which have no buffer: tolist() serves these */
		return 0;
	}
	done = packed_put_view(w, element, &view);
	PyBuffer_Release(&view);
	return done;
}
