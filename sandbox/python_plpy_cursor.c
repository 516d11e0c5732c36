/*
 * python_plpy_cursor.c - plpy.cursor and the class PLyCursor: a portal that the backend keeps. Runs in: child.
 */
#include "sandbox/python_plpy.h"

#include <stdbool.h>
#include <string.h>

#include "sandbox/python_activation.h"
#include "sandbox/python_exceptions.h"
#include "sandbox/python_serve.h"
#include "sandbox/python_value_out.h"

typedef struct PlpyCursor
{
	PyObject_HEAD uint32_t cursor;
	bool closed;
} PlpyCursor;

/* Sends what out holds and makes a cursor of the answer. */
static PyObject *
cursor_open(Outbox *out, WireKind kind)
{
	PlpyCursor *cursor = PyObject_New(PlpyCursor, &plpy_cursor_type);
	Inbox reply;

	if (cursor == NULL)
		return NULL;
	cursor->closed = true;
	if (value_out_finish(&out->writer) != 0 || serve_request(out, kind, &reply) != 0)
		Py_CLEAR(cursor);
	else
	{
		cursor->cursor = wire_get_u32(&reply.reader);
		cursor->closed = false;
		serve_finish(&reply);
	}
	return (PyObject *) cursor;
}

static PyObject *
cursor_open_query(const char *query)
{
	PyObject *cursor;
	Outbox out;

	if (!activation_check_request())
		return NULL;
	outbox_open(&out);
	wire_put_text(&out.writer, query, strlen(query));
	cursor = cursor_open(&out, WIRE_CURSOR);
	outbox_close(&out);
	return cursor;
}

PyObject *
plpy_plan_cursor(PlpyPlan *plan, PyObject *list)
{
	PyObject *cursor = NULL;
	Outbox out;

	if (plpy_plan_check_arguments(plan, list, "plpy.cursor") != 0 || !activation_check_request())
		return NULL;
	outbox_open(&out);
	wire_put_u32(&out.writer, plan->plan);
	if (plpy_plan_put_arguments(&out.writer, plan, list) == 0 && activation_check_request())
		cursor = cursor_open(&out, WIRE_CURSOR_PLAN);
	if (cursor == NULL)
		exceptions_conversion_to_spi();
	outbox_close(&out);
	return cursor;
}

/* Whether the backend still has it; if not, a ValueError says so. */
static bool
cursor_check_reply(WireReader *r, const char *action)
{
	bool is_open = wire_get_u8(r) != 0;

	if (!is_open)
		PyErr_Format(PyExc_ValueError, "%s a cursor in an aborted subtransaction", action);
	return is_open;
}

/* The next rows as a result, without facts about its columns; these PL/Python does not have either. */
static PyObject *
cursor_fetch_rows(const PlpyCursor *cursor, int32_t count)
{
	PyObject *result = NULL;
	Inbox reply;
	Outbox out;

	if (!activation_check_request())
		return NULL;
	outbox_open(&out);
	wire_put_u32(&out.writer, cursor->cursor);
	wire_put_u32(&out.writer, (uint32_t) count);
	if (serve_request(&out, WIRE_FETCH, &reply) == 0)
	{
		if (cursor_check_reply(&reply.reader, "iterating"))
			result = plpy_result_read_rows(&reply);
		serve_finish(&reply);
	}
	outbox_close(&out);
	return result;
}

static PyObject *
cursor_fetch(PyObject *self, PyObject *args)
{
	const PlpyCursor *cursor = (PlpyCursor *) self;
	int count;

	if (!PyArg_ParseTuple(args, "i:fetch", &count))
		return NULL;
	if (!cursor->closed)
		return cursor_fetch_rows(cursor, count);
	PyErr_SetString(PyExc_ValueError, "fetch from a closed cursor");
	return NULL;
}

static PyObject *
cursor_next(PyObject *self)
{
	const PlpyCursor *cursor = (PlpyCursor *) self;
	PyObject *result, *row = NULL;

	if (cursor->closed)
	{
		PyErr_SetString(PyExc_ValueError, "iterating a closed cursor");
		return NULL;
	}
	result = cursor_fetch_rows(cursor, 1);
	if (result != NULL && PySequence_Size(result) > 0)
		row = PySequence_GetItem(result, 0);
	Py_XDECREF(result);
	return row;
}

static PyObject *
cursor_close(PyObject *self, PyObject *unused)
{
	PlpyCursor *cursor = (PlpyCursor *) self;
	Inbox reply;
	Outbox out;

	(void) unused;
	if (cursor->closed)
		return Py_NewRef(Py_None);
	if (!activation_check_request())
		return NULL;
	outbox_open(&out);
	wire_put_u32(&out.writer, cursor->cursor);
	if (serve_request(&out, WIRE_CLOSE_CURSOR, &reply) == 0)
	{
		cursor->closed = cursor_check_reply(&reply.reader, "closing");
		serve_finish(&reply);
	}
	outbox_close(&out);
	return cursor->closed ? Py_NewRef(Py_None) : NULL;
}

static void
cursor_free(PyObject *self)
{
	const PlpyCursor *cursor = (PlpyCursor *) self;

	if (!cursor->closed)
		serve_free(WIRE_FREE_CURSOR, cursor->cursor);
	Py_TYPE(self)->tp_free(self);
}

static PyMethodDef cursor_methods[] = {
	{"fetch", cursor_fetch, METH_VARARGS, NULL},
	{"close", cursor_close, METH_NOARGS, NULL},
	{NULL, NULL, 0, NULL},
};

PyTypeObject plpy_cursor_type = {
	PyVarObject_HEAD_INIT(NULL, 0).tp_name = "PLyCursor",
	.tp_basicsize = sizeof(PlpyCursor),
	.tp_dealloc = cursor_free,
	.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
	.tp_doc = "The rows of a query, a few at a time",
	.tp_iter = PyObject_SelfIter,
	.tp_iternext = cursor_next,
	.tp_methods = cursor_methods,
};

static PyObject *
plpy_cursor(PyObject *self, PyObject *args)
{
	const char *query;
	PyObject *plan, *list = NULL;

	(void) self;
	if (PyArg_ParseTuple(args, "s", &query))
		return cursor_open_query(query);
	PyErr_Clear();
	if (PyArg_ParseTuple(args, "O|O", &plan, &list) && Py_IS_TYPE(plan, &plpy_plan_type))
		return plpy_plan_cursor((PlpyPlan *) plan, list);
	PyErr_SetString(exception_error, "plpy.cursor expected a query or a plan");
	return NULL;
}

PyMethodDef plpy_cursor_functions[] = {
	{"cursor", plpy_cursor, METH_VARARGS, NULL},
	{NULL, NULL, 0, NULL},
};
