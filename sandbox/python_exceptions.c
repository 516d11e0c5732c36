/*
 * python_exceptions.c - plpy.Error and its kin.
 *
 * DESIGN. A failed conversion is reported by PL/Python without the name of an exception, and so is not a Python exception
 * of the user's. Here it travels as an exception that no user code gets to see: its arguments are SQLSTATE, message, detail
 * and hint, its cause what user code (a __str__, say) raised meanwhile. Runs in: child.
 */
#include "sandbox/python_exceptions.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "sandbox/python_text.h"

#define SQLSTATE_INTERNAL_ERROR "XX000"
#define SQLSTATE_EXTERNAL_ROUTINE_EXCEPTION "38000"

typedef struct ErrorCode
{
	const char *sqlstate, *name;
} ErrorCode;

static const ErrorCode error_codes[] = {
#include "errcodes_table.h"
};

#define ERROR_CODES ((int) (sizeof(error_codes) / sizeof(error_codes[0])))

/* Attributes that PL/Python gives an exception beside its message. */
static const struct
{
	const char *name;
	WireField field;
} error_attributes[] = {
	{"sqlstate", WIRE_FIELD_SQLSTATE},
	{"detail", WIRE_FIELD_DETAIL},
	{"hint", WIRE_FIELD_HINT},
	{"query", WIRE_FIELD_QUERY},
	{"schema_name", WIRE_FIELD_SCHEMA},
	{"table_name", WIRE_FIELD_TABLE},
	{"column_name", WIRE_FIELD_COLUMN},
	{"datatype_name", WIRE_FIELD_DATATYPE},
	{"constraint_name", WIRE_FIELD_CONSTRAINT},
};

PyObject *exception_error, *exception_fatal, *exception_spi_error, *exception_conversion;
static PyObject *exception_by_code[ERROR_CODES];

int
sqlstate_pack(const char *sqlstate)
{
	int code = 0;

	for (int i = 0; i < 5; i++)
		code |= ((sqlstate[i] - '0') & 0x3f) << (6 * i);
	return code;
}

void
sqlstate_unpack(int code, char sqlstate[6])
{
	for (int i = 0; i < 5; i++)
		sqlstate[i] = (char) (((code >> (6 * i)) & 0x3f) + '0');
	sqlstate[5] = '\0';
}

/* One class of its own for each named SQLSTATE, in the module spiexceptions. */
static int
exceptions_create_codes(PyObject *module)
{
	for (int i = 0; i < ERROR_CODES; i++)
	{
		char name[128];
		PyObject *members = Py_BuildValue("{ss}", "sqlstate", error_codes[i].sqlstate);

		snprintf(name, sizeof(name), "spiexceptions.%s", error_codes[i].name);
		exception_by_code[i] = members == NULL ? NULL : PyErr_NewException(name, exception_spi_error, members);
		Py_XDECREF(members);
		if (exception_by_code[i] == NULL ||
			PyModule_AddObjectRef(module, error_codes[i].name, exception_by_code[i]) != 0)
			return -1;
	}
	return 0;
}

static PyObject *
exceptions_create_one(PyObject *plpy, const char *name)
{
	PyObject *class = PyErr_NewException(name, NULL, NULL);

	if (class != NULL && PyModule_AddObjectRef(plpy, strchr(name, '.') + 1, class) != 0)
		Py_CLEAR(class);
	return class;
}

int
exceptions_create(PyObject *plpy)
{
	static PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "spiexceptions", .m_size = -1};
	PyObject *module = PyModule_Create(&definition);
	int result = -1;

	exception_error = exceptions_create_one(plpy, "plpy.Error");
	exception_fatal = exceptions_create_one(plpy, "plpy.Fatal");
	exception_spi_error = exceptions_create_one(plpy, "plpy.SPIError");
	exception_conversion = PyErr_NewException("plpy.ConversionError", NULL, NULL);
	if (module != NULL && exception_error != NULL && exception_fatal != NULL && exception_spi_error != NULL &&
		exception_conversion != NULL && PyModule_AddObjectRef(plpy, "spiexceptions", module) == 0)
		result = exceptions_create_codes(module);
	Py_XDECREF(module);
	return result;
}

int
error_fields_get(WireReader *r, ErrorFields *fields)
{
	*fields = (ErrorFields){.of = {NULL}};
	for (int i = 0; i < WIRE_FIELD_COUNT; i++)
	{
		fields->of[i] = text_get_optional(r);
		if (fields->of[i] == NULL)
			return -1;
		if (fields->of[i] == Py_None)
			Py_CLEAR(fields->of[i]);
	}
	return 0;
}

void
error_fields_clear(ErrorFields *fields)
{
	for (int i = 0; i < WIRE_FIELD_COUNT; i++)
		Py_CLEAR(fields->of[i]);
}

static PyObject *
field_or_none(const ErrorFields *fields, WireField field)
{
	return fields->of[field] != NULL ? fields->of[field] : Py_None;
}

static int
exception_set_attributes(PyObject *exception, const ErrorFields *fields)
{
	for (size_t i = 0; i < sizeof(error_attributes) / sizeof(error_attributes[0]); i++)
	{
		PyObject *value = field_or_none(fields, error_attributes[i].field);

		if (PyObject_SetAttrString(exception, error_attributes[i].name, value) != 0)
			return -1;
	}
	return 0;
}

void
exceptions_raise_plpy(PyObject *class, const ErrorFields *fields)
{
	PyObject *exception = PyObject_CallOneArg(class, field_or_none(fields, WIRE_FIELD_MESSAGE));

	if (exception != NULL && exception_set_attributes(exception, fields) == 0)
		PyErr_SetObject(class, exception);
	Py_XDECREF(exception);
}

/* The field's characters if it holds an SQLSTATE, else the other. */
static const char *
field_sqlstate(const ErrorFields *fields, const char *other)
{
	PyObject *field = fields->of[WIRE_FIELD_SQLSTATE];
	const char *text = field == NULL ? NULL : PyUnicode_AsUTF8(field);

	PyErr_Clear();
	return text != NULL && strlen(text) == 5 ? text : other;
}

/* Of the error in the statement's text, from 1; 0: none. A new reference, or NULL with an exception set. */
static PyObject *
exception_position(const ErrorFields *fields)
{
	PyObject *text = fields->of[WIRE_FIELD_POSITION];

	return text == NULL ? PyLong_FromLong(0) : PyLong_FromUnicodeObject(text, 10);
}

/* The tuple that PL/Python keeps the details of an SPI error in. position is borrowed. */
static PyObject *
exception_spidata(const ErrorFields *fields, const char *sqlstate, PyObject *position)
{
	return Py_BuildValue("(iOOOOOOOOO)", sqlstate_pack(sqlstate), field_or_none(fields, WIRE_FIELD_DETAIL),
						 field_or_none(fields, WIRE_FIELD_HINT), field_or_none(fields, WIRE_FIELD_QUERY), position,
						 field_or_none(fields, WIRE_FIELD_SCHEMA), field_or_none(fields, WIRE_FIELD_TABLE),
						 field_or_none(fields, WIRE_FIELD_COLUMN), field_or_none(fields, WIRE_FIELD_DATATYPE),
						 field_or_none(fields, WIRE_FIELD_CONSTRAINT));
}

static PyObject *
exception_class_of(const char *sqlstate)
{
	for (int i = 0; i < ERROR_CODES; i++)
		if (strcmp(error_codes[i].sqlstate, sqlstate) == 0)
			return exception_by_code[i];
	return exception_spi_error;
}

static void
exception_raise_coded(const ErrorFields *fields)
{
	const char *sqlstate = field_sqlstate(fields, SQLSTATE_INTERNAL_ERROR);
	PyObject *class = exception_class_of(sqlstate);
	PyObject *exception = PyObject_CallOneArg(class, field_or_none(fields, WIRE_FIELD_MESSAGE));
	PyObject *position = exception == NULL ? NULL : exception_position(fields);
	PyObject *spidata = position == NULL ? NULL : exception_spidata(fields, sqlstate, position);

	if (spidata != NULL && PyObject_SetAttrString(exception, "spidata", spidata) == 0 &&
		PyObject_SetAttrString(exception, "position", position) == 0 &&
		exception_set_attributes(exception, fields) == 0)
		PyErr_SetObject(class, exception);
	Py_XDECREF(spidata);
	Py_XDECREF(position);
	Py_XDECREF(exception);
}

/* Without an SQLSTATE it is SPI's own refusal, an SPIError with nothing but a message. */
void
exceptions_raise_spi(const ErrorFields *fields)
{
	if (fields->of[WIRE_FIELD_SQLSTATE] == NULL)
		PyErr_SetObject(exception_spi_error, field_or_none(fields, WIRE_FIELD_MESSAGE));
	else
		exception_raise_coded(fields);
}

void
exceptions_raise_conversion(const char *sqlstate, PyObject *message, const char *detail, const char *hint)
{
	PyObject *arguments = message == NULL ? NULL : Py_BuildValue("(zOzz)", sqlstate, message, detail, hint);

	if (arguments != NULL)
		PyErr_SetObject(exception_conversion, arguments);
	Py_XDECREF(arguments);
	Py_XDECREF(message);
}

PyObject *
exception_take(void)
{
	PyObject *class, *exception, *traceback;

	PyErr_Fetch(&class, &exception, &traceback);
	PyErr_NormalizeException(&class, &exception, &traceback);
	if (exception != NULL && traceback != NULL)
		PyException_SetTraceback(exception, traceback);
	Py_XDECREF(class);
	Py_XDECREF(traceback);
	return exception;
}

void
exceptions_wrap_conversion(const char *message)
{
	PyObject *cause, *error;

	if (PyErr_ExceptionMatches(PyExc_KeyboardInterrupt) || PyErr_ExceptionMatches(exception_conversion))
		return;
	cause = exception_take();
	exceptions_raise_conversion(NULL, PyUnicode_FromString(message), NULL, NULL);
	error = exception_take();
	if (error != NULL && PyErr_GivenExceptionMatches(error, exception_conversion))
		PyException_SetCause(error, cause);
	else
		Py_XDECREF(cause);
	if (error != NULL)
		PyErr_SetObject((PyObject *) Py_TYPE(error), error);
	Py_XDECREF(error);
}

void
exception_conversion_fields(PyObject *exception, ErrorFields *fields)
{
	static const WireField order[] = {WIRE_FIELD_SQLSTATE, WIRE_FIELD_MESSAGE, WIRE_FIELD_DETAIL, WIRE_FIELD_HINT};
	PyObject *arguments = PyObject_GetAttrString(exception, "args");

	for (int i = 0; i < 4 && arguments != NULL && PyTuple_GET_SIZE(arguments) == 4; i++)
		if (PyTuple_GET_ITEM(arguments, i) != Py_None)
			fields->of[order[i]] = Py_NewRef(PyTuple_GET_ITEM(arguments, i));
	Py_XDECREF(arguments);
	PyErr_Clear();
}

void
exceptions_conversion_to_spi(void)
{
	ErrorFields fields = {.of = {NULL}};
	PyObject *error, *cause;

	if (!PyErr_ExceptionMatches(exception_conversion))
		return;
	error = exception_take();
	exception_conversion_fields(error, &fields);
	cause = PyException_GetCause(error);
	if (cause != NULL)
		fields.of[WIRE_FIELD_DETAIL] = exception_describe(cause);
	if (fields.of[WIRE_FIELD_SQLSTATE] == NULL)
		fields.of[WIRE_FIELD_SQLSTATE] = PyUnicode_FromString(SQLSTATE_EXTERNAL_ROUTINE_EXCEPTION);
	exceptions_raise_spi(&fields);
	error_fields_clear(&fields);
	Py_XDECREF(cause);
	Py_DECREF(error);
}

static bool
exception_is_plain(PyObject *module)
{
	static const char *const plain[] = {"builtins", "__main__", "exceptions"};

	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (PyUnicode_CompareWithASCIIString(module, plain[i]) == 0)
			return true;
	return false;
}

PyObject *
exception_describe(PyObject *exception)
{
	PyObject *class = (PyObject *) Py_TYPE(exception);
	PyObject *name = PyObject_GetAttrString(class, "__name__");
	PyObject *module = PyObject_GetAttrString(class, "__module__");
	PyObject *words = PyObject_Str(exception);
	PyObject *description;

	PyErr_Clear();
	if (words == NULL)
		words = PyUnicode_FromString("unknown");
	if (name == NULL || module == NULL || !PyUnicode_Check(name) || !PyUnicode_Check(module))
		description = PyUnicode_FromFormat("unrecognized exception: %V", words, "unknown");
	else if (exception_is_plain(module))
		description = PyUnicode_FromFormat("%U: %V", name, words, "unknown");
	else
		description = PyUnicode_FromFormat("%U.%U: %V", module, name, words, "unknown");
	PyErr_Clear();
	Py_XDECREF(name);
	Py_XDECREF(module);
	Py_XDECREF(words);
	return description;
}
