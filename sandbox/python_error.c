/*
 * python_error.c - an exception as WIRE_ERROR's fields.
 *
 * Whatever goes wrong while an error is described only leaves a field out. Runs in: child.
 */
#include "sandbox/python_error.h"

#include <frameobject.h>
#include <string.h>

#include "sandbox/python_exceptions.h"
#include "sandbox/python_limit.h"
#include "sandbox/python_memory.h"
#include "sandbox/python_session.h"
#include "sandbox/python_text.h"

/* Attributes of plpy.Error and plpy.Fatal that are fields. */
static const struct
{
	const char *name;
	WireField field;
} error_plpy_attributes[] = {
	{"detail", WIRE_FIELD_DETAIL},
	{"hint", WIRE_FIELD_HINT},
	{"schema_name", WIRE_FIELD_SCHEMA},
	{"table_name", WIRE_FIELD_TABLE},
	{"column_name", WIRE_FIELD_COLUMN},
	{"datatype_name", WIRE_FIELD_DATATYPE},
	{"constraint_name", WIRE_FIELD_CONSTRAINT},
};

/* Order of the members of spidata; code and position are numbers. */
static const WireField error_spidata_order[] = {
	WIRE_FIELD_SQLSTATE, WIRE_FIELD_DETAIL, WIRE_FIELD_HINT,   WIRE_FIELD_QUERY,	WIRE_FIELD_POSITION,
	WIRE_FIELD_SCHEMA,	 WIRE_FIELD_TABLE,	WIRE_FIELD_COLUMN, WIRE_FIELD_DATATYPE, WIRE_FIELD_CONSTRAINT,
};

#define ERROR_SPIDATA_SIZE ((Py_ssize_t) (sizeof(error_spidata_order) / sizeof(error_spidata_order[0])))

/* Takes value, a new reference or NULL, if it is a string. */
static void
error_set(ErrorFields *fields, WireField field, PyObject *value)
{
	if (value != NULL && PyUnicode_Check(value))
		Py_XSETREF(fields->of[field], value);
	else
		Py_XDECREF(value);
	PyErr_Clear();
}

static bool
error_is_sqlstate(PyObject *value)
{
	const char *text = value != NULL && PyUnicode_Check(value) ? PyUnicode_AsUTF8(value) : NULL;

	return text != NULL && strlen(text) == 5 && strspn(text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5;
}

static void
error_collect_sqlstate(PyObject *exception, ErrorFields *fields)
{
	PyObject *value = PyObject_GetAttrString(exception, "sqlstate");

	if (error_is_sqlstate(value))
		error_set(fields, WIRE_FIELD_SQLSTATE, Py_NewRef(value));
	Py_XDECREF(value);
	PyErr_Clear();
}

static void
error_collect_plpy(PyObject *exception, ErrorFields *fields)
{
	error_collect_sqlstate(exception, fields);
	for (size_t i = 0; i < sizeof(error_plpy_attributes) / sizeof(error_plpy_attributes[0]); i++)
		error_set(fields, error_plpy_attributes[i].field,
				  PyObject_GetAttrString(exception, error_plpy_attributes[i].name));
}

/* A number among spidata's members as the text of its field; 0 is none. */
static PyObject *
error_number_text(WireField field, long number)
{
	char sqlstate[6];

	if (number == 0)
		return NULL;
	if (field == WIRE_FIELD_POSITION)
		return PyUnicode_FromFormat("%ld", number);
	sqlstate_unpack((int) number, sqlstate);
	return PyUnicode_FromString(sqlstate);
}

static void
error_collect_spi(PyObject *exception, ErrorFields *fields)
{
	PyObject *data = PyObject_GetAttrString(exception, "spidata");

	PyErr_Clear();
	if (data == NULL)
		error_collect_sqlstate(exception, fields);
	for (Py_ssize_t i = 0; data != NULL && PyTuple_Check(data) && i < ERROR_SPIDATA_SIZE; i++)
	{
		PyObject *member = PyTuple_GetItem(data, i);
		WireField field = error_spidata_order[i];

		if (member != NULL && PyLong_Check(member))
			error_set(fields, field, error_number_text(field, PyLong_AsLong(member)));
		else
			error_set(fields, field, Py_XNewRef(member));
	}
	Py_XDECREF(data);
}

/* A module that the sandbox may hide: say what the pool has, and where others are looked for. */
static void
error_collect_import(const Session *session, ErrorFields *fields)
{
	PyObject *preloads = session->packages;
	int any = preloads != NULL && PyUnicode_GET_LENGTH(preloads) > 0;
	PyObject *what = any ? PyUnicode_FromFormat("preloads %U", preloads) : PyUnicode_FromString("preloads nothing");

	if (what != NULL && session->pool != NULL)
		error_set(
			fields, WIRE_FIELD_HINT,
			PyUnicode_FromFormat("Pool \"%U\" %U; other modules come from Python's standard library, what is "
								 "installed for the server's Python, and the folders under pools.%U.packages of the "
								 "policy.",
								 session->pool, what, session->pool));
	Py_XDECREF(what);
}

static void
error_collect(PyObject *exception, ErrorFields *fields)
{
	const Session *session = session_current();

	error_set(fields, WIRE_FIELD_MESSAGE, exception_describe(exception));
	error_set(fields, WIRE_FIELD_LIMIT, limit_describe(exception));
	if (PyErr_GivenExceptionMatches(exception, exception_spi_error))
		error_collect_spi(exception, fields);
	else if (PyErr_GivenExceptionMatches(exception, exception_error) ||
			 PyErr_GivenExceptionMatches(exception, exception_fatal))
		error_collect_plpy(exception, fields);
	else if (session->trusted && PyErr_GivenExceptionMatches(exception, PyExc_ModuleNotFoundError))
		error_collect_import(session, fields);
}

/* "PL/Python function "f", line 2, in g" and the line itself; frame number depth of the traceback. */
static PyObject *
error_frame_text(const Function *function, PyObject *traceback, int depth)
{
	PyCodeObject *code = PyFrame_GetCode(((PyTracebackObject *) traceback)->tb_frame);
	PyObject *number = PyObject_GetAttrString(traceback, "tb_lineno");
	long line = number == NULL ? 0 : PyLong_AsLong(number);
	bool own = PyUnicode_CompareWithASCIIString(code->co_filename, "<string>") == 0;
	PyObject *source = own ? function_source_line(function, line) : NULL;
	PyObject *name = depth == 1 ? PyUnicode_FromString("<module>") : Py_NewRef(code->co_name);
	PyObject *where = function->flags & WIRE_FUNCTION_INLINE
						  ? PyUnicode_FromString("PL/Python anonymous code block")
						  : PyUnicode_FromFormat("PL/Python function \"%s\"", function->name);
	PyObject *text = NULL;

	if (where != NULL && name != NULL)
		text = source == NULL ? PyUnicode_FromFormat("\n  %U, line %ld, in %U", where, line - 1, name)
							  : PyUnicode_FromFormat("\n  %U, line %ld, in %U\n    %U", where, line - 1, name, source);
	Py_XDECREF(where);
	Py_XDECREF(name);
	Py_XDECREF(source);
	Py_XDECREF(number);
	Py_DECREF(code);
	return text;
}

/* Appends text, a new reference or NULL, to the string. */
static void
error_append(PyObject **string, PyObject *text)
{
	if (*string != NULL && text != NULL)
		PyUnicode_Append(string, text);
	Py_XDECREF(text);
	PyErr_Clear();
}

/* The traceback as PL/Python's context, without its first frame. Empty if there is no frame at all. */
static PyObject *
error_context(PyObject *exception, const ErrorSite *site)
{
	PyObject *traceback = exception == NULL ? NULL : PyException_GetTraceback(exception);
	PyObject *context = PyUnicode_FromString("");
	int depth = 0;

	if (traceback != NULL)
		error_append(&context, PyUnicode_FromString("Traceback (most recent call last):"));
	while (traceback != NULL && traceback != Py_None)
	{
		PyObject *next = PyObject_GetAttrString(traceback, "tb_next");

		if (depth > 0)
			error_append(&context, error_frame_text(site->function, traceback, depth));
		depth++;
		Py_SETREF(traceback, next);
	}
	Py_XDECREF(traceback);
	if (site->activity != NULL && context != NULL && PyUnicode_GET_LENGTH(context) > 0)
		error_append(&context, PyUnicode_FromString("\n"));
	if (site->activity != NULL)
		error_append(&context, PyUnicode_FromString(site->activity));
	return context;
}

/* The exception proper of a conversion error, whose own words go to fields: its cause, which may be none. */
static PyObject *
error_unwrap(PyObject *exception, ErrorFields *fields)
{
	PyObject *cause;

	if (!PyErr_GivenExceptionMatches(exception, exception_conversion))
		return exception;
	exception_conversion_fields(exception, fields);
	cause = PyException_GetCause(exception);
	Py_DECREF(exception);
	return cause;
}

static void
error_describe(const ErrorSite *site, ErrorFields *fields)
{
	ErrorFields own = {.of = {NULL}};
	PyObject *exception = exception_take();

	if (exception == NULL)
		return;
	exception = error_unwrap(exception, &own);
	if (exception != NULL)
		error_collect(exception, fields);
	if (site->primary != NULL)
		error_set(&own, WIRE_FIELD_MESSAGE, PyUnicode_FromString(site->primary));
	if (own.of[WIRE_FIELD_MESSAGE] != NULL && fields->of[WIRE_FIELD_MESSAGE] != NULL)
		error_set(fields, WIRE_FIELD_DETAIL, Py_NewRef(fields->of[WIRE_FIELD_MESSAGE]));
	for (int i = 0; i < WIRE_FIELD_COUNT; i++)
		error_set(fields, i, Py_XNewRef(own.of[i] != NULL ? own.of[i] : fields->of[i]));
	if (!site->no_context)
		error_set(fields, WIRE_FIELD_CONTEXT, error_context(exception, site));
	error_fields_clear(&own);
	Py_XDECREF(exception);
}

static void
error_put_fields(WireWriter *w, const ErrorFields *fields)
{
	for (int i = 0; i < WIRE_FIELD_COUNT; i++)
		text_put_optional(w, fields->of[i]);
}

static const char *
error_bare_field(WireField field, const ErrorSite *site)
{
	if (field == WIRE_FIELD_MESSAGE)
		return "MemoryError: ";
	if (field == WIRE_FIELD_LIMIT)
		return "memory 0";
	return field == WIRE_FIELD_CONTEXT && !site->no_context ? "" : NULL;
}

/* Without any Python object: for when there is no memory. */
static void
error_put_bare(WireWriter *w, const ErrorSite *site)
{
	for (int i = 0; i < WIRE_FIELD_COUNT; i++)
	{
		const char *text = error_bare_field((WireField) i, site);

		wire_put_u8(w, text == NULL ? WIRE_NULL : WIRE_TEXT);
		if (text != NULL)
			wire_put_text(w, text, strlen(text));
	}
}

void
error_put(WireWriter *w, const ErrorSite *site)
{
	ErrorFields fields = {.of = {NULL}};
	size_t start = w->size;

	memory_reserve_open();
	error_describe(site, &fields);
	if (fields.of[WIRE_FIELD_MESSAGE] != NULL)
		error_put_fields(w, &fields);
	if (w->error != 0 || w->size == start)
	{
		w->size = start;
		w->error = 0;
		error_put_bare(w, site);
	}
	error_fields_clear(&fields);
	PyErr_Clear();
	memory_reserve_close();
}

bool
error_put_fault(WireWriter *w, size_t start, const ErrorSite *site)
{
	if (w->error != 0 || w->size == start || w->size > WIRE_FRAME_MAX / 2 ||
		!PyErr_ExceptionMatches(exception_conversion))
		return false;
	wire_put_u8(w, WIRE_FAULT);
	error_put(w, site);
	return w->error == 0;
}
