/*
 * python_plpy_result.c - the class PLyResult: what SQL gave, a list of dicts with some facts. Runs in: child.
 */
#include "sandbox/python_plpy.h"

#include <stdbool.h>

#include "sandbox/python_exceptions.h"
#include "sandbox/python_text.h"
#include "sandbox/python_value_in.h"

typedef struct PlpyResult
{
	PyObject_HEAD PyObject *status, *nrows;
	PyObject *rows;					   /* list */
	PyObject *names, *types, *typmods; /* lists; NULL without a result set */
} PlpyResult;

static void
result_free(PyObject *self)
{
	PlpyResult *result = (PlpyResult *) self;

	Py_XDECREF(result->status);
	Py_XDECREF(result->nrows);
	Py_XDECREF(result->rows);
	Py_XDECREF(result->names);
	Py_XDECREF(result->types);
	Py_XDECREF(result->typmods);
	Py_TYPE(self)->tp_free(self);
}

static int
result_read_column(PlpyResult *result, WireReader *r, uint16_t index)
{
	PyObject *name = text_get(r);
	PyObject *type = PyLong_FromUnsignedLong(wire_get_u32(r));
	PyObject *typmod = PyLong_FromLong((int32_t) wire_get_u32(r));

	if (name != NULL)
		PyUnicode_InternInPlace(&name);
	PyList_SET_ITEM(result->names, index, name);
	PyList_SET_ITEM(result->types, index, type);
	PyList_SET_ITEM(result->typmods, index, typmod);
	return name == NULL || type == NULL || typmod == NULL || r->error != 0 ? -1 : 0;
}

static int
result_read_columns(PlpyResult *result, WireReader *r)
{
	uint16_t count = wire_get_u16(r);

	result->names = PyList_New(count);
	result->types = PyList_New(count);
	result->typmods = PyList_New(count);
	if (result->names == NULL || result->types == NULL || result->typmods == NULL)
		return -1;
	for (uint16_t i = 0; i < count; i++)
		if (result_read_column(result, r, i) != 0)
			return -1;
	return 0;
}

static PyObject *
result_read_row(const PlpyResult *result, Inbox *in)
{
	Py_ssize_t count = PyList_GET_SIZE(result->names);
	PyObject *row = PyDict_New();

	for (Py_ssize_t i = 0; row != NULL && i < count; i++)
	{
		PyObject *value = value_in(&in->reader, in->owner);

		if (value == NULL || PyDict_SetItem(row, PyList_GET_ITEM(result->names, i), value) != 0)
			Py_CLEAR(row);
		Py_XDECREF(value);
	}
	return row;
}

static int
result_read_rows(PlpyResult *result, Inbox *in)
{
	uint64_t count = wire_get_u64(&in->reader);
	bool has_columns = PyList_GET_SIZE(result->names) > 0;

	if (count > (has_columns ? wire_left(&in->reader) : WIRE_FRAME_MAX))
		in->reader.error = WIRE_ERROR_SHORT;
	if (in->reader.error != 0)
		return -1;
	Py_SETREF(result->rows, PyList_New((Py_ssize_t) count));
	for (uint64_t i = 0; result->rows != NULL && i < count; i++)
	{
		PyObject *row = result_read_row(result, in);

		if (row == NULL)
			return -1;
		PyList_SET_ITEM(result->rows, (Py_ssize_t) i, row);
	}
	return result->rows == NULL ? -1 : 0;
}

static int
result_read(PlpyResult *result, Inbox *in)
{
	result->status = PyLong_FromLong((int32_t) wire_get_u32(&in->reader));
	result->nrows = PyLong_FromUnsignedLongLong(wire_get_u64(&in->reader));
	result->rows = PyList_New(0);
	if (result->status == NULL || result->nrows == NULL || result->rows == NULL)
		return -1;
	if (wire_get_u8(&in->reader) == 0)
		return in->reader.error == 0 ? 0 : -1;
	return result_read_columns(result, &in->reader) == 0 ? result_read_rows(result, in) : -1;
}

PyObject *
plpy_result_read(Inbox *in)
{
	PlpyResult *result = PyObject_New(PlpyResult, &plpy_result_type);

	if (result == NULL)
		return NULL;
	result->status = result->nrows = result->rows = NULL;
	result->names = result->types = result->typmods = NULL;
	if (result_read(result, in) != 0)
		Py_CLEAR(result);
	return (PyObject *) result;
}

PyObject *
plpy_result_read_rows(Inbox *in)
{
	PlpyResult *result = (PlpyResult *) plpy_result_read(in);

	if (result != NULL)
	{
		Py_CLEAR(result->names);
		Py_CLEAR(result->types);
		Py_CLEAR(result->typmods);
	}
	return (PyObject *) result;
}

/* A copy of a list of the columns' facts. */
static PyObject *
result_column_facts(PyObject *facts)
{
	if (facts != NULL)
		return PyList_GetSlice(facts, 0, PyList_GET_SIZE(facts));
	PyErr_SetString(exception_error, "command did not produce a result set");
	return NULL;
}

static PyObject *
result_colnames(PyObject *self, PyObject *unused)
{
	(void) unused;
	return result_column_facts(((PlpyResult *) self)->names);
}

static PyObject *
result_coltypes(PyObject *self, PyObject *unused)
{
	(void) unused;
	return result_column_facts(((PlpyResult *) self)->types);
}

static PyObject *
result_coltypmods(PyObject *self, PyObject *unused)
{
	(void) unused;
	return result_column_facts(((PlpyResult *) self)->typmods);
}

static PyObject *
result_nrows(PyObject *self, PyObject *args)
{
	(void) args;
	return Py_NewRef(((PlpyResult *) self)->nrows);
}

static PyObject *
result_status(PyObject *self, PyObject *args)
{
	(void) args;
	return Py_NewRef(((PlpyResult *) self)->status);
}

static Py_ssize_t
result_length(PyObject *self)
{
	return PyList_GET_SIZE(((PlpyResult *) self)->rows);
}

static PyObject *
result_item(PyObject *self, Py_ssize_t index)
{
	return Py_XNewRef(PyList_GetItem(((PlpyResult *) self)->rows, index));
}

static PyObject *
result_subscript(PyObject *self, PyObject *key)
{
	return PyObject_GetItem(((PlpyResult *) self)->rows, key);
}

static int
result_set_subscript(PyObject *self, PyObject *key, PyObject *value)
{
	PyObject *rows = ((PlpyResult *) self)->rows;

	return value == NULL ? PyObject_DelItem(rows, key) : PyObject_SetItem(rows, key, value);
}

static PyObject *
result_str(PyObject *self)
{
	PlpyResult *result = (PlpyResult *) self;

	return PyUnicode_FromFormat("<%s status=%S nrows=%S rows=%S>", Py_TYPE(self)->tp_name, result->status,
								result->nrows, result->rows);
}

static PyMethodDef result_methods[] = {
	{"colnames", result_colnames, METH_NOARGS, NULL},	  {"coltypes", result_coltypes, METH_NOARGS, NULL},
	{"coltypmods", result_coltypmods, METH_NOARGS, NULL}, {"nrows", result_nrows, METH_VARARGS, NULL},
	{"status", result_status, METH_VARARGS, NULL},		  {NULL, NULL, 0, NULL},
};

static PySequenceMethods result_as_sequence = {
	.sq_length = result_length,
	.sq_item = result_item,
};

static PyMappingMethods result_as_mapping = {
	.mp_length = result_length,
	.mp_subscript = result_subscript,
	.mp_ass_subscript = result_set_subscript,
};

PyTypeObject plpy_result_type = {
	PyVarObject_HEAD_INIT(NULL, 0).tp_name = "PLyResult",
	.tp_basicsize = sizeof(PlpyResult),
	.tp_dealloc = result_free,
	.tp_as_sequence = &result_as_sequence,
	.tp_as_mapping = &result_as_mapping,
	.tp_str = result_str,
	.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
	.tp_doc = "Results of a SQL statement",
	.tp_methods = result_methods,
};
