/*
 * python_plpy_subtransaction.c - plpy.subtransaction(): the context manager. The backend keeps the stack of what is open.
 *
 * Runs in: child.
 */
#include "sandbox/python_plpy.h"

#include <stdbool.h>

#include "sandbox/python_activation.h"
#include "sandbox/python_serve.h"

typedef struct PlpySubtransaction
{
	PyObject_HEAD bool entered, exited;
} PlpySubtransaction;

/* Returns what the backend says, or -1 with an exception set. */
static int
subtransaction_request(WireSubtransaction what)
{
	int any = -1;
	Inbox reply;
	Outbox out;

	if (!activation_check_request())
		return -1;
	outbox_open(&out);
	wire_put_u8(&out.writer, (uint8_t) what);
	if (serve_request(&out, WIRE_SUBTRANSACTION, &reply) == 0)
	{
		any = wire_get_u8(&reply.reader) != 0;
		serve_finish(&reply);
	}
	outbox_close(&out);
	return any;
}

static PyObject *
subtransaction_enter(PyObject *self, PyObject *args)
{
	PlpySubtransaction *subtransaction = (PlpySubtransaction *) self;

	(void) args;
	if (subtransaction->entered)
	{
		PyErr_SetString(PyExc_ValueError, "this subtransaction has already been entered");
		return NULL;
	}
	subtransaction->entered = true;
	return subtransaction_request(WIRE_SUBTRANSACTION_ENTER) < 0 ? NULL : Py_NewRef(self);
}

static PyObject *
subtransaction_exit(PyObject *self, PyObject *args)
{
	PlpySubtransaction *subtransaction = (PlpySubtransaction *) self;
	PyObject *type, *value, *traceback;
	int any;

	if (!PyArg_ParseTuple(args, "OOO", &type, &value, &traceback))
		return NULL;
	if (!subtransaction->entered || subtransaction->exited)
	{
		PyErr_SetString(PyExc_ValueError, subtransaction->entered ? "this subtransaction has already been exited"
																  : "this subtransaction has not been entered");
		return NULL;
	}
	any = subtransaction_request(type == Py_None ? WIRE_SUBTRANSACTION_COMMIT : WIRE_SUBTRANSACTION_ROLLBACK);
	if (any < 0)
		return NULL;
	if (!any)
	{
		PyErr_SetString(PyExc_ValueError, "there is no subtransaction to exit from");
		return NULL;
	}
	subtransaction->exited = true;
	return Py_NewRef(Py_None);
}

static void
subtransaction_free(PyObject *self)
{
	Py_TYPE(self)->tp_free(self);
}

static PyMethodDef subtransaction_methods[] = {
	{"__enter__", subtransaction_enter, METH_VARARGS, NULL},
	{"__exit__", subtransaction_exit, METH_VARARGS, NULL},
	{"enter", subtransaction_enter, METH_VARARGS, NULL},
	{"exit", subtransaction_exit, METH_VARARGS, NULL},
	{NULL, NULL, 0, NULL},
};

PyTypeObject plpy_subtransaction_type = {
	PyVarObject_HEAD_INIT(NULL, 0).tp_name = "PLySubtransaction",
	.tp_basicsize = sizeof(PlpySubtransaction),
	.tp_dealloc = subtransaction_free,
	.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
	.tp_doc = "A subtransaction, from its entering to its exit",
	.tp_methods = subtransaction_methods,
};

static PyObject *
plpy_subtransaction(PyObject *self, PyObject *unused)
{
	PlpySubtransaction *subtransaction = PyObject_New(PlpySubtransaction, &plpy_subtransaction_type);

	(void) self;
	(void) unused;
	if (subtransaction != NULL)
		subtransaction->entered = subtransaction->exited = false;
	return (PyObject *) subtransaction;
}

PyMethodDef plpy_subtransaction_functions[] = {
	{"subtransaction", plpy_subtransaction, METH_NOARGS, NULL},
	{NULL, NULL, 0, NULL},
};
