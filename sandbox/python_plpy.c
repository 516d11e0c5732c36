/*
 * python_plpy.c - the module plpy: its making, and quoting. Runs in: zygote (made) and child (used).
 */
#include "sandbox/python_plpy.h"

#include "sandbox/python_activation.h"
#include "sandbox/python_exceptions.h"
#include "sandbox/python_serve.h"
#include "sandbox/python_text.h"

static PyObject *
plpy_quote(WireQuote how, const char *text)
{
	PyObject *quoted = NULL;
	Inbox reply;
	Outbox out;

	if (!activation_check_request())
		return NULL;
	outbox_open(&out);
	wire_put_u8(&out.writer, (uint8_t) how);
	wire_put_text(&out.writer, text, strlen(text));
	if (out.writer.error != 0)
		PyErr_NoMemory();
	else if (serve_request(&out, WIRE_QUOTE, &reply) == 0)
	{
		quoted = text_get(&reply.reader);
		serve_finish(&reply);
	}
	outbox_close(&out);
	return quoted;
}

static PyObject *
plpy_quote_literal(PyObject *self, PyObject *args)
{
	const char *text;

	(void) self;
	return PyArg_ParseTuple(args, "s:quote_literal", &text) ? plpy_quote(WIRE_QUOTE_LITERAL, text) : NULL;
}

static PyObject *
plpy_quote_nullable(PyObject *self, PyObject *args)
{
	const char *text;

	(void) self;
	if (!PyArg_ParseTuple(args, "z:quote_nullable", &text))
		return NULL;
	return text == NULL ? PyUnicode_FromString("NULL") : plpy_quote(WIRE_QUOTE_NULLABLE, text);
}

static PyObject *
plpy_quote_ident(PyObject *self, PyObject *args)
{
	const char *text;

	(void) self;
	return PyArg_ParseTuple(args, "s:quote_ident", &text) ? plpy_quote(WIRE_QUOTE_IDENT, text) : NULL;
}

static PyMethodDef plpy_quote_methods[] = {
	{"quote_literal", plpy_quote_literal, METH_VARARGS, NULL},
	{"quote_nullable", plpy_quote_nullable, METH_VARARGS, NULL},
	{"quote_ident", plpy_quote_ident, METH_VARARGS, NULL},
	{NULL, NULL, 0, NULL},
};

static PyModuleDef plpy_definition = {PyModuleDef_HEAD_INIT, .m_name = "plpy", .m_size = -1};

static int
plpy_types_ready(void)
{
	PyTypeObject *const types[] = {&plpy_plan_type, &plpy_result_type, &plpy_cursor_type, &plpy_subtransaction_type};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (PyType_Ready(types[i]) != 0)
			return -1;
	return 0;
}

PyMODINIT_FUNC
plpy_init(void)
{
	PyObject *plpy = PyModule_Create(&plpy_definition);

	if (plpy == NULL || PyModule_AddFunctions(plpy, plpy_log_methods) != 0 ||
		PyModule_AddFunctions(plpy, plpy_execute_methods) != 0 ||
		PyModule_AddFunctions(plpy, plpy_quote_methods) != 0 ||
		PyModule_AddFunctions(plpy, plpy_cursor_functions) != 0 ||
		PyModule_AddFunctions(plpy, plpy_subtransaction_functions) != 0 ||
		PyModule_AddFunctions(plpy, plpy_transaction_methods) != 0 || plpy_types_ready() != 0 ||
		exceptions_create(plpy) != 0)
		Py_CLEAR(plpy);
	return plpy;
}
