/*
 * python_value_out.c - Python objects as values of the wire: scalars, and the table of all types. Runs in: child.
 */
#include "sandbox/python_value_out.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "sandbox/python_exceptions.h"
#include "sandbox/python_text.h"

#define SQLSTATE_DATATYPE_MISMATCH "42804"
#define SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE "55000"
#define SQLSTATE_PROGRAM_LIMIT_EXCEEDED "54000"

typedef int (*ValueWriter)(WireWriter *w, const Type *type, PyObject *value, bool in_array);

static int
value_out_void(WireWriter *w, const Type *type, PyObject *value, bool in_array)
{
	PyObject *message = PyUnicode_FromString("PL/Python function with return type \"void\" did not return None");

	(void) w, (void) type, (void) value, (void) in_array;
	exceptions_raise_conversion(SQLSTATE_DATATYPE_MISMATCH, message, NULL, NULL);
	return -1;
}

static int
value_out_bool(WireWriter *w, const Type *type, PyObject *value, bool in_array)
{
	int truth = PyObject_IsTrue(value);

	(void) type, (void) in_array;
	if (truth < 0)
	{
		exceptions_wrap_conversion("could not determine truth value of Python object");
		return -1;
	}
	wire_put_u8(w, WIRE_BOOL);
	wire_put_u8(w, (uint8_t) truth);
	return 0;
}

static int
value_out_int(WireWriter *w, const Type *type, PyObject *value, bool in_array)
{
	static const int bits[WIRE_TYPE_COUNT] = {[WIRE_TYPE_INT16] = 16, [WIRE_TYPE_INT32] = 32, [WIRE_TYPE_INT64] = 64};
	int64_t limit = INT64_MAX >> (64 - bits[type->kind]);
	int overflow = 1;
	int64_t number = PyLong_CheckExact(value) ? PyLong_AsLongLongAndOverflow(value, &overflow) : 0;

	(void) in_array;
	if (overflow != 0 || number > limit || number < -limit - 1)
		return value_out_text(w, value);
	wire_put_u8(w, WIRE_INT);
	wire_put_u64(w, (uint64_t) number);
	return 0;
}

/* numpy's double counts as a float: it is one, and only its repr() differs between numpy's versions. */
static bool
value_is_float(PyObject *value)
{
	return PyFloat_CheckExact(value) || (PyFloat_Check(value) && strcmp(Py_TYPE(value)->tp_name, "numpy.float64") == 0);
}

static int
value_out_float(WireWriter *w, const Type *type, PyObject *value, bool in_array)
{
	(void) in_array;
	/* float4 reads the digits itself: by way of a double they would be rounded twice. */
	if (!value_is_float(value) || type->kind == WIRE_TYPE_FLOAT32)
		return value_out_text(w, value);
	wire_put_u8(w, WIRE_FLOAT);
	wire_put_f64(w, PyFloat_AS_DOUBLE(value));
	return 0;
}

static int
value_out_bytes(WireWriter *w, const Type *type, PyObject *value, bool in_array)
{
	PyObject *bytes = PyObject_Bytes(value);

	(void) type, (void) in_array;
	if (bytes == NULL)
	{
		exceptions_wrap_conversion("could not create bytes representation of Python object");
		return -1;
	}
	wire_put_u8(w, WIRE_BYTES);
	wire_put_text(w, PyBytes_AS_STRING(bytes), (size_t) PyBytes_GET_SIZE(bytes));
	Py_DECREF(bytes);
	return 0;
}

static int
value_out_string(WireWriter *w, WireTag tag, PyObject *string)
{
	size_t start = w->size;
	PyObject *message;

	if (PyUnicode_FindChar(string, 0, 0, PyUnicode_GET_LENGTH(string), 1) >= 0)
	{
		message = PyUnicode_FromString("could not convert Python object into cstring: "
									   "Python string representation appears to contain null bytes");
		exceptions_raise_conversion(SQLSTATE_DATATYPE_MISMATCH, message, NULL, NULL);
		return -1;
	}
	wire_put_u8(w, tag);
	if (text_put(w, string) == 0)
		return 0;
	w->size = start;
	exceptions_wrap_conversion("could not convert Python Unicode object to bytes");
	return -1;
}

/* repr() of a float, str() of anything else. */
static PyObject *
value_string(PyObject *value)
{
	if (value_is_float(value))
		return PyFloat_Type.tp_repr(value);
	return PyFloat_Check(value) ? PyObject_Repr(value) : PyObject_Str(value);
}

int
value_out_text_as(WireWriter *w, WireTag tag, PyObject *value)
{
	PyObject *string;
	int result;

	if (PyUnicode_Check(value))
		return value_out_string(w, tag, value);
	string = value_string(value);
	if (string == NULL)
	{
		exceptions_wrap_conversion("could not create string representation of Python object");
		return -1;
	}
	result = value_out_string(w, tag, string);
	Py_DECREF(string);
	return result;
}

int
value_out_text(WireWriter *w, PyObject *value)
{
	return value_out_text_as(w, WIRE_TEXT, value);
}

static int
value_out_any(WireWriter *w, const Type *type, PyObject *value, bool in_array)
{
	(void) type, (void) in_array;
	return value_out_text(w, value);
}

static const ValueWriter value_writers[WIRE_TYPE_COUNT] = {
	[WIRE_TYPE_VOID] = value_out_void,		 [WIRE_TYPE_BOOL] = value_out_bool,	  [WIRE_TYPE_INT16] = value_out_int,
	[WIRE_TYPE_INT32] = value_out_int,		 [WIRE_TYPE_INT64] = value_out_int,	  [WIRE_TYPE_FLOAT32] = value_out_float,
	[WIRE_TYPE_FLOAT64] = value_out_float,	 [WIRE_TYPE_BYTES] = value_out_bytes, [WIRE_TYPE_TEXT] = value_out_any,
	[WIRE_TYPE_ARRAY] = value_out_array,	 [WIRE_TYPE_TUPLE] = value_out_tuple, [WIRE_TYPE_OBJECT] = value_out_object,
	[WIRE_TYPE_MAPPING] = value_out_mapping,
};

int
value_out(WireWriter *w, const Type *type, PyObject *value, bool in_array)
{
	if (value == Py_None)
	{
		wire_put_u8(w, WIRE_NULL);
		return 0;
	}
	return value_writers[type->kind](w, type, value, in_array);
}

void
value_fail_element(Py_ssize_t index)
{
	char message[64];

	snprintf(message, sizeof(message), "could not get element %zd from sequence", index);
	exceptions_wrap_conversion(message);
}

int
value_fail_changed(void)
{
	PyObject *message;

	if (PyErr_ExceptionMatches(PyExc_KeyboardInterrupt))
		return -1;
	PyErr_Clear();
	message = PyUnicode_FromString("a type was changed while Python made a value of it");
	exceptions_raise_conversion(SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE, message, NULL, "Call the function again.");
	return -1;
}

int
value_out_finish(const WireWriter *w)
{
	PyObject *message;

	if (w->error == 0)
		return 0;
	if (w->error == WIRE_ERROR_MEMORY)
	{
		PyErr_NoMemory();
		return -1;
	}
	message = PyUnicode_FromFormat("value from Python exceeds the maximum of %u bytes", WIRE_FRAME_MAX);
	exceptions_raise_conversion(SQLSTATE_PROGRAM_LIMIT_EXCEEDED, message, NULL, NULL);
	return -1;
}
