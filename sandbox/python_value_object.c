/*
 * python_value_object.c - Python objects for transforms: nested sequences and mappings, and mappings of texts.
 *
 * What PL/Python's transforms take and refuse, in their words; what would crash there is a conversion error here.
 * Runs in: child.
 */
#include "sandbox/python_value_out.h"

#include "sandbox/python_exceptions.h"

#define SQLSTATE_UNSUPPORTED "0A000"
#define SQLSTATE_WRONG_OBJECT_TYPE "42809"
#define SQLSTATE_DATATYPE_MISMATCH "42804"
#define MAPPING_NO_PAIR "items() of a Python mapping must return key/value pairs"

static int object_put(WireWriter *w, const Type *type, PyObject *value);

static int
object_put_sequence(WireWriter *w, const Type *type, PyObject *value)
{
	Py_ssize_t size = PySequence_Size(value);

	if (size < 0)
	{
		exceptions_wrap_conversion("could not determine sequence length for function return value");
		return -1;
	}
	wire_put_u8(w, WIRE_LIST);
	wire_put_u32(w, (uint32_t) size);
	for (Py_ssize_t i = 0; i < size && w->error == 0; i++)
	{
		PyObject *item = PySequence_GetItem(value, i);
		int result = item == NULL ? -1 : object_put(w, type, item);

		if (item == NULL)
			value_fail_element(i);
		Py_XDECREF(item);
		if (result != 0)
			return -1;
	}
	return 0;
}

/* hstore's own transform does not say which exception it was. */
static void
mapping_fail(const Type *type, const char *message)
{
	if (type->kind == WIRE_TYPE_OBJECT || PyErr_ExceptionMatches(PyExc_KeyboardInterrupt))
	{
		exceptions_wrap_conversion(message);
		return;
	}
	PyErr_Clear();
	exceptions_raise_conversion(SQLSTATE_DATATYPE_MISMATCH, PyUnicode_FromString(message), NULL, NULL);
}

/* How a pair is written: 0, or -1 with an exception set. */
typedef int (*PairWriter)(WireWriter *w, const Type *type, PyObject *key, PyObject *value);

/* Item number i of items(), borrowed: a tuple of two at least, or NULL with an exception set. */
static PyObject *
mapping_pair(const Type *type, PyObject *items, Py_ssize_t i)
{
	PyObject *pair = PyList_GetItem(items, i);

	if (pair == NULL)
		mapping_fail(type, MAPPING_NO_PAIR);
	else if (!PyTuple_Check(pair) || PyTuple_GET_SIZE(pair) < 2)
	{
		const char *sqlstate = type->kind == WIRE_TYPE_OBJECT ? NULL : SQLSTATE_DATATYPE_MISMATCH;

		exceptions_raise_conversion(sqlstate, PyUnicode_FromString(MAPPING_NO_PAIR), NULL, NULL);
		return NULL;
	}
	return pair;
}

static int
mapping_put_items(WireWriter *w, const Type *type, PyObject *items, Py_ssize_t size, PairWriter put)
{
	wire_put_u8(w, WIRE_DICT);
	wire_put_u32(w, (uint32_t) size);
	for (Py_ssize_t i = 0; i < size && w->error == 0; i++)
	{
		PyObject *pair = mapping_pair(type, items, i);

		if (pair == NULL || put(w, type, PyTuple_GET_ITEM(pair, 0), PyTuple_GET_ITEM(pair, 1)) != 0)
			return -1;
	}
	return 0;
}

/* As many items as its length says. */
static int
mapping_put(WireWriter *w, const Type *type, PyObject *value, PairWriter put)
{
	Py_ssize_t size = PyMapping_Size(value);
	PyObject *items = size < 0 ? NULL : PyMapping_Items(value);
	int result;

	if (items == NULL)
	{
		mapping_fail(type,
					 size < 0 ? "could not get size of Python mapping" : "could not get items from Python mapping");
		return -1;
	}
	result = mapping_put_items(w, type, items, size, put);
	Py_DECREF(items);
	return result;
}

/* None is an empty key. */
static int
object_put_pair(WireWriter *w, const Type *type, PyObject *key, PyObject *value)
{
	if (key == Py_None)
	{
		wire_put_u8(w, WIRE_TEXT);
		wire_put_text(w, "", 0);
	}
	else if (value_out_text(w, key) != 0)
		return -1;
	return object_put(w, type, value);
}

static int
object_refuse(const Type *type, PyObject *value)
{
	PyObject *message =
		PyUnicode_FromFormat("Python type \"%S\" cannot be transformed to %s", Py_TYPE(value), type->name);

	exceptions_raise_conversion(SQLSTATE_UNSUPPORTED, message, NULL, NULL);
	return -1;
}

static int
object_put_scalar(WireWriter *w, const Type *type, PyObject *value)
{
	if (value == Py_None)
		wire_put_u8(w, WIRE_NULL);
	else if (PyUnicode_Check(value))
		return value_out_text(w, value);
	else if (PyBool_Check(value))
	{
		wire_put_u8(w, WIRE_BOOL);
		wire_put_u8(w, value == Py_True);
	}
	else if (PyNumber_Check(value))
		return value_out_text_as(w, WIRE_DECIMAL, value);
	else
		return object_refuse(type, value);
	return 0;
}

static int
object_put(WireWriter *w, const Type *type, PyObject *value)
{
	int result;

	if (PyUnicode_Check(value) || (!PySequence_Check(value) && !PyMapping_Check(value)))
		return object_put_scalar(w, type, value);
	if (Py_EnterRecursiveCall(" while converting an object"))
		return -1;
	result =
		PySequence_Check(value) ? object_put_sequence(w, type, value) : mapping_put(w, type, value, object_put_pair);
	Py_LeaveRecursiveCall();
	return result;
}

int
value_out_object(WireWriter *w, const Type *type, PyObject *value, bool in_array)
{
	size_t start = w->size;

	(void) in_array;
	if (object_put(w, type, value) == 0)
		return 0;
	w->size = start;
	return -1;
}

static int
mapping_put_pair(WireWriter *w, const Type *type, PyObject *key, PyObject *value)
{
	(void) type;
	if (value_out_text(w, key) != 0)
		return -1;
	if (value != Py_None)
		return value_out_text(w, value);
	wire_put_u8(w, WIRE_NULL);
	return 0;
}

int
value_out_mapping(WireWriter *w, const Type *type, PyObject *value, bool in_array)
{
	size_t start = w->size;

	(void) in_array;
	if (!PySequence_Check(value) && PyMapping_Check(value))
	{
		if (mapping_put(w, type, value, mapping_put_pair) == 0)
			return 0;
		w->size = start;
		return -1;
	}
	exceptions_raise_conversion(SQLSTATE_WRONG_OBJECT_TYPE, PyUnicode_FromString("not a Python mapping"), NULL, NULL);
	return -1;
}
