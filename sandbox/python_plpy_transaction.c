/*
 * python_plpy_transaction.c - plpy.commit and plpy.rollback. Runs in: child.
 */
#include "sandbox/python_plpy.h"

#include "sandbox/python_activation.h"
#include "sandbox/python_serve.h"

static PyObject *
transaction_end(WireTransaction how)
{
	Inbox reply;
	Outbox out;
	int result;

	if (!activation_check_request())
		return NULL;
	outbox_open(&out);
	wire_put_u8(&out.writer, (uint8_t) how);
	result = serve_request(&out, WIRE_TRANSACTION, &reply);
	if (result == 0)
		serve_finish(&reply);
	outbox_close(&out);
	return result == 0 ? Py_NewRef(Py_None) : NULL;
}

static PyObject *
plpy_commit(PyObject *self, PyObject *unused)
{
	(void) self;
	(void) unused;
	return transaction_end(WIRE_TRANSACTION_COMMIT);
}

static PyObject *
plpy_rollback(PyObject *self, PyObject *unused)
{
	(void) self;
	(void) unused;
	return transaction_end(WIRE_TRANSACTION_ROLLBACK);
}

PyMethodDef plpy_transaction_methods[] = {
	{"commit", plpy_commit, METH_NOARGS, NULL},
	{"rollback", plpy_rollback, METH_NOARGS, NULL},
	{NULL, NULL, 0, NULL},
};
