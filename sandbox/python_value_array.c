/*
 * python_value_array.c - Python sequences as SQL arrays.
 *
 * DESIGN. Any sequence makes an array, but only true lists inside it make further dimensions. How many there are is known
 * when the first element that is not a list turns up, so the array's header is written right before that element, and an
 * array without any element is empty. Runs in: child.
 */
#include "sandbox/python_value_out.h"

#include "sandbox/python_exceptions.h"
#include "sandbox/python_packed.h"

typedef struct ArrayWriter
{
	WireWriter *w;
	const Type *element;
	int ndim;
	Py_ssize_t dims[WIRE_DIMS_MAX];
	size_t count; /* elements written; 0: no header yet */
} ArrayWriter;

static int array_put_items(ArrayWriter *array, PyObject *sequence, int depth);

static int
array_fail(const char *sqlstate, const char *message)
{
	exceptions_raise_conversion(sqlstate, PyUnicode_FromString(message), NULL, NULL);
	return -1;
}

static int
array_fail_shape(void)
{
	return array_fail("22P02", "multidimensional arrays must have array expressions with matching dimensions");
}

static int
array_fail_depth(void)
{
	exceptions_raise_conversion(
		"54000", PyUnicode_FromFormat("number of array dimensions exceeds the maximum allowed (%d)", WIRE_DIMS_MAX),
		NULL, NULL);
	return -1;
}

static void
array_put_header(ArrayWriter *array)
{
	wire_put_u8(array->w, WIRE_ARRAY);
	wire_put_u8(array->w, (uint8_t) array->ndim);
	for (int i = 0; i < array->ndim; i++)
		wire_put_u32(array->w, (uint32_t) array->dims[i]);
}

/* As the sequence says: a subclass of list may say something of its own. -1 with an exception set. */
static Py_ssize_t
array_length(PyObject *sequence)
{
	Py_ssize_t size = PySequence_Size(sequence);

	if (size < 0)
		exceptions_wrap_conversion("could not determine sequence length for function return value");
	return size;
}

static int
array_put_element(ArrayWriter *array, PyObject *item, int depth)
{
	if (array->ndim != depth)
		return array_fail_shape();
	if (array->count == 0)
		array_put_header(array);
	array->count++;
	return value_out(array->w, array->element, item, true);
}

/* A list that is item number index of a sequence at depth: it makes, or has to fit, the next dimension. */
static int
array_put_inner(ArrayWriter *array, PyObject *list, Py_ssize_t index, int depth)
{
	Py_ssize_t size = array_length(list);

	if (size < 0)
		return -1;
	if (index == 0 && array->ndim == depth)
	{
		if (array->count > 0)
			return array_fail_shape();
		if (depth >= WIRE_DIMS_MAX)
			return array_fail_depth();
		array->dims[array->ndim++] = size;
	}
	else if (depth >= array->ndim || size != array->dims[depth])
		return array_fail_shape();
	return array_put_items(array, list, depth + 1);
}

static int
array_put_items(ArrayWriter *array, PyObject *sequence, int depth)
{
	Py_ssize_t size = array->dims[depth - 1];

	for (Py_ssize_t i = 0; i < size && array->w->error == 0; i++) /* no sense in going on past what a frame takes */
	{
		PyObject *item = PySequence_GetItem(sequence, i);
		int result;

		if (item == NULL)
		{
			value_fail_element(i);
			return -1;
		}
		if (PyList_Check(item))
			result = array_put_inner(array, item, i, depth);
		else
			result = array_put_element(array, item, depth);
		Py_DECREF(item);
		if (result != 0)
			return -1;
	}
	return 0;
}

static int
array_put_sequence(WireWriter *w, const Type *type, PyObject *value)
{
	ArrayWriter array = {.w = w, .element = type->element, .ndim = 1};

	if (!PySequence_Check(value))
		return array_fail("42804", "return value of function with array return type is not a Python sequence");
	array.dims[0] = array_length(value);
	if (array.dims[0] < 0)
		return -1;
	if (array_put_items(&array, value, 1) != 0)
		return -1;
	if (array.count == 0)
	{
		array.ndim = 0;
		array_put_header(&array);
	}
	return 0;
}

static int
array_put_numpy(WireWriter *w, const Type *type, PyObject *value)
{
	int done = packed_put(w, type->element->kind, value);
	PyObject *list;

	if (done != 0)
		return done < 0 ? -1 : 0;
	list = PyObject_CallMethod(value, "tolist", NULL);
	if (list == NULL)
	{
		exceptions_wrap_conversion("could not convert numpy array to list");
		return -1;
	}
	done = array_put_sequence(w, type, list);
	Py_DECREF(list);
	return done;
}

int
value_out_array(WireWriter *w, const Type *type, PyObject *value, bool in_array)
{
	int result;

	(void) in_array;
	if (Py_EnterRecursiveCall(" while converting an array"))
		return -1;
	result = packed_is_numpy(value) ? array_put_numpy(w, type, value) : array_put_sequence(w, type, value);
	Py_LeaveRecursiveCall();
	return result;
}
