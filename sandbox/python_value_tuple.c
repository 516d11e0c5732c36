/*
 * python_value_tuple.c - strings, sequences, mappings and objects as SQL composite values. Runs in: child.
 */
#include "sandbox/python_value_out.h"

#include "sandbox/python_exceptions.h"

#define SQLSTATE_INVALID_TEXT "22P02"
#define SQLSTATE_DATATYPE_MISMATCH "42804"
#define SQLSTATE_UNDEFINED_COLUMN "42703"
#define TUPLE_HINT_ARRAY                                                                                               \
	"To return a composite type in an array, return the composite type as a Python tuple, e.g., \"[('foo',)]\"."
#define TUPLE_HINT_MAPPING                                                                                             \
	"To return null in a column, add the value None to the mapping with the key named after the column."
#define TUPLE_HINT_OBJECT                                                                                              \
	"To return null in a column, let the returned object have an attribute named after column with value None."

/* How one kind of object gives the value of a column: a new reference, or NULL with an exception set. */
typedef PyObject *(*TupleGetter)(PyObject *value, const TypeColumn *column, uint16_t index, bool in_array);

static bool
tuple_is_space(Py_UCS4 letter)
{
	return letter < 128 && Py_ISSPACE(letter);
}

/* A string is PostgreSQL's row syntax. Within an array a plain string is most likely meant as a column: hint at it. */
static int
tuple_put_string(WireWriter *w, PyObject *string, bool in_array)
{
	Py_ssize_t size = PyUnicode_GET_LENGTH(string), start = 0;
	PyObject *message;

	while (start < size && tuple_is_space(PyUnicode_READ_CHAR(string, start)))
		start++;
	if (!in_array || (start < size && PyUnicode_READ_CHAR(string, start) == '('))
		return value_out_text(w, string);
	if (PyUnicode_AsUTF8(string) == NULL)
	{
		exceptions_wrap_conversion("could not convert Python Unicode object to bytes");
		return -1;
	}
	message = PyUnicode_FromFormat("malformed record literal: \"%U\"", string);
	exceptions_raise_conversion(SQLSTATE_INVALID_TEXT, message, "Missing left parenthesis.", TUPLE_HINT_ARRAY);
	return -1;
}

static PyObject *
tuple_get_item(PyObject *value, const TypeColumn *column, uint16_t index, bool in_array)
{
	PyObject *item = PySequence_GetItem(value, index);

	(void) column, (void) in_array;
	if (item == NULL)
		value_fail_element(index);
	return item;
}

/* Turns the lookup's exception into PL/Python's own words, unless it was an interrupt. */
static void
tuple_fail_column(const char *format, PyObject *name, const char *hint)
{
	if (PyErr_ExceptionMatches(PyExc_KeyboardInterrupt))
		return;
	PyErr_Clear();
	exceptions_raise_conversion(SQLSTATE_UNDEFINED_COLUMN, PyUnicode_FromFormat(format, name), NULL, hint);
}

static PyObject *
tuple_get_key(PyObject *value, const TypeColumn *column, uint16_t index, bool in_array)
{
	PyObject *item = PyObject_GetItem(value, column->name);

	(void) index, (void) in_array;
	if (item == NULL)
		tuple_fail_column("key \"%U\" not found in mapping", column->name, TUPLE_HINT_MAPPING);
	return item;
}

static PyObject *
tuple_get_attribute(PyObject *value, const TypeColumn *column, uint16_t index, bool in_array)
{
	PyObject *item = PyObject_GetAttr(value, column->name);

	(void) index;
	if (item == NULL)
		tuple_fail_column("attribute \"%U\" does not exist in Python object", column->name,
						  in_array ? TUPLE_HINT_ARRAY : TUPLE_HINT_OBJECT);
	return item;
}

static int
tuple_check_length(PyObject *sequence, const Type *type)
{
	PyObject *message;

	if (PySequence_Size(sequence) == type->column_count)
		return 0;
	PyErr_Clear();
	message = PyUnicode_FromString("length of returned sequence did not match number of columns in row");
	exceptions_raise_conversion(SQLSTATE_DATATYPE_MISMATCH, message, NULL, NULL);
	return -1;
}

static int
tuple_put_columns(WireWriter *w, const Type *type, PyObject *value, TupleGetter get, bool in_array)
{
	wire_put_u8(w, WIRE_TUPLE);
	wire_put_u16(w, type->column_count);
	for (uint16_t i = 0; i < type->column_count; i++)
	{
		PyObject *item = get(value, &type->columns[i], i, in_array);
		int result = item == NULL ? -1 : value_out(w, type->columns[i].type, item, false);

		Py_XDECREF(item);
		if (result != 0)
			return -1;
	}
	return 0;
}

int
value_out_tuple(WireWriter *w, const Type *type, PyObject *value, bool in_array)
{
	TupleGetter get = PySequence_Check(value)  ? tuple_get_item
					  : PyMapping_Check(value) ? tuple_get_key
											   : tuple_get_attribute;
	int result;

	if (PyUnicode_Check(value))
		return tuple_put_string(w, value, in_array);
	if (get == tuple_get_item && tuple_check_length(value, type) != 0)
		return -1;
	if (Py_EnterRecursiveCall(" while converting a row"))
		return -1;
	result = tuple_put_columns(w, type, value, get, in_array);
	Py_LeaveRecursiveCall();
	return result;
}
