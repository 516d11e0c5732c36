/*
 * python_plpy_log.c - plpy.debug to plpy.fatal. The first five are requests, plpy.error raises. plpy.fatal ends the session
 * of an untrusted function at once, as in PL/Python; in a trusted one, which must not end its caller's session, it raises.
 *
 * Runs in: child.
 */
#include "sandbox/python_plpy.h"

#include <stdbool.h>
#include <string.h>

#include "sandbox/python_activation.h"
#include "sandbox/python_exceptions.h"
#include "sandbox/python_serve.h"
#include "sandbox/python_session.h"
#include "sandbox/python_text.h"

#define LOG_ERROR WIRE_LOG_COUNT /* a level past those that are sent */

static const struct
{
	const char *keyword;
	WireField field;
} log_keywords[] = {
	{"message", WIRE_FIELD_MESSAGE},
	{"detail", WIRE_FIELD_DETAIL},
	{"hint", WIRE_FIELD_HINT},
	{"sqlstate", WIRE_FIELD_SQLSTATE},
	{"schema_name", WIRE_FIELD_SCHEMA},
	{"table_name", WIRE_FIELD_TABLE},
	{"column_name", WIRE_FIELD_COLUMN},
	{"datatype_name", WIRE_FIELD_DATATYPE},
	{"constraint_name", WIRE_FIELD_CONSTRAINT},
};

/* str() of the only argument, or of the tuple of all. On failure the message says so and the level becomes an error. */
static void
log_take_message(int *level, PyObject *args, ErrorFields *fields)
{
	PyObject *what = PyTuple_GET_SIZE(args) == 1 ? PyTuple_GET_ITEM(args, 0) : args;
	PyObject *message = PyObject_Str(what);

	if (message == NULL)
	{
		PyErr_Clear();
		*level = LOG_ERROR;
		message = PyUnicode_FromString("could not parse error message in plpy.elog");
	}
	fields->of[WIRE_FIELD_MESSAGE] = message;
}

static int
log_take_keyword(PyObject *args, PyObject *keyword, PyObject *value, ErrorFields *fields)
{
	for (size_t i = 0; i < sizeof(log_keywords) / sizeof(log_keywords[0]); i++)
	{
		WireField field = log_keywords[i].field;

		if (PyUnicode_CompareWithASCIIString(keyword, log_keywords[i].keyword) != 0)
			continue;
		if (field == WIRE_FIELD_MESSAGE && PyTuple_GET_SIZE(args) != 0)
		{
			PyErr_SetString(PyExc_TypeError, "argument 'message' given by name and position");
			return -1;
		}
		Py_XSETREF(fields->of[field], PyObject_Str(value));
		PyErr_Clear();
		return 0;
	}
	PyErr_Format(PyExc_TypeError, "'%U' is an invalid keyword argument for this function", keyword);
	return -1;
}

static int
log_check_sqlstate(PyObject *sqlstate)
{
	const char *text = sqlstate == NULL ? NULL : PyUnicode_AsUTF8(sqlstate);

	if (sqlstate == NULL)
		return 0;
	if (text != NULL && strlen(text) == 5 && strspn(text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5)
		return 0;
	PyErr_SetString(PyExc_ValueError, "invalid SQLSTATE code");
	return -1;
}

static int
log_take(int *level, PyObject *args, PyObject *keywords, ErrorFields *fields)
{
	Py_ssize_t position = 0;
	PyObject *keyword, *value;

	log_take_message(level, args, fields);
	while (keywords != NULL && PyDict_Next(keywords, &position, &keyword, &value))
		if (log_take_keyword(args, keyword, value, fields) != 0)
			return -1;
	return log_check_sqlstate(fields->of[WIRE_FIELD_SQLSTATE]);
}

/* As PL/Python, where an error of no SQLSTATE, or of success, is an internal one. */
static int
log_raise(int level, ErrorFields *fields)
{
	PyObject *sqlstate = fields->of[WIRE_FIELD_SQLSTATE];

	if (sqlstate == NULL || PyUnicode_CompareWithASCIIString(sqlstate, "00000") == 0)
		Py_XSETREF(fields->of[WIRE_FIELD_SQLSTATE], PyUnicode_FromString("XX000"));
	exceptions_raise_plpy(level == WIRE_LOG_FATAL ? exception_fatal : exception_error, fields);
	return -1;
}

static int
log_send(int level, const ErrorFields *fields)
{
	Inbox reply;
	Outbox out;
	int result = -1;

	if (!activation_check_request())
		return -1;
	outbox_open(&out);
	wire_put_u8(&out.writer, (uint8_t) level);
	for (int i = 0; i < WIRE_FIELD_COUNT; i++)
		text_put_optional(&out.writer, fields->of[i]);
	if (out.writer.error != 0)
		PyErr_NoMemory();
	else
		result = serve_request(&out, WIRE_LOG, &reply);
	if (result == 0)
		serve_finish(&reply);
	outbox_close(&out);
	return result;
}

static bool
log_is_sent(int level)
{
	return level == WIRE_LOG_FATAL ? !session_current()->trusted : level < WIRE_LOG_COUNT;
}

static PyObject *
log_output(int level, PyObject *args, PyObject *keywords)
{
	ErrorFields fields = {.of = {NULL}};
	int result = log_take(&level, args, keywords, &fields);

	if (result == 0)
		result = log_is_sent(level) ? log_send(level, &fields) : log_raise(level, &fields);
	error_fields_clear(&fields);
	return result == 0 ? Py_NewRef(Py_None) : NULL;
}

#define LOG_METHOD(name, level)                                                                                        \
	static PyObject *name(PyObject *self, PyObject *args, PyObject *keywords)                                          \
	{                                                                                                                  \
		(void) self;                                                                                                   \
		return log_output(level, args, keywords);                                                                      \
	}

LOG_METHOD(log_debug, WIRE_LOG_DEBUG)
LOG_METHOD(log_log, WIRE_LOG_LOG)
LOG_METHOD(log_info, WIRE_LOG_INFO)
LOG_METHOD(log_notice, WIRE_LOG_NOTICE)
LOG_METHOD(log_warning, WIRE_LOG_WARNING)
LOG_METHOD(log_error, LOG_ERROR)
LOG_METHOD(log_fatal, WIRE_LOG_FATAL)

#define LOG_ENTRY(name, method)                                                                                        \
	{                                                                                                                  \
		name, (PyCFunction) (void (*)(void)) method, METH_VARARGS | METH_KEYWORDS, NULL                                \
	}

PyMethodDef plpy_log_methods[] = {
	LOG_ENTRY("debug", log_debug),	   LOG_ENTRY("log", log_log),
	LOG_ENTRY("info", log_info),	   LOG_ENTRY("notice", log_notice),
	LOG_ENTRY("warning", log_warning), LOG_ENTRY("error", log_error),
	LOG_ENTRY("fatal", log_fatal),	   {NULL, NULL, 0, NULL},
};
