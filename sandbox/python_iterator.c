/*
 * python_iterator.c - iterators by number.
 *
 * DESIGN. Several runs of one function may be interleaved, and their generators see the arguments as globals: the
 * arguments are put back before a row is asked for and saved after it, each run's own. Runs in: child.
 */
#include "sandbox/python_iterator.h"

#include "sandbox/python_exceptions.h"
#include "sandbox/python_table.h"

#define ITERATOR_NOT_ITERABLE "PL/Python set-returning functions must return an iterable object."

static Table iterator_table;
static uint32_t iterator_last;

static void
iterator_free(Iterator *iterator)
{
	function_drop_arguments(iterator->function, iterator->arguments);
	Py_XDECREF(iterator->rows);
	type_release(iterator->type);
	function_release(iterator->function);
	PyMem_RawFree(iterator);
}

static uint32_t
iterator_number(void)
{
	do
		iterator_last++;
	while (iterator_last == 0 || table_find(&iterator_table, iterator_last) != NULL);
	return iterator_last;
}

uint32_t
iterator_add(Function *function, Type *type, PyObject *result)
{
	PyObject *rows = PyObject_GetIter(result);
	Iterator *iterator;
	uint32_t number;

	if (rows == NULL)
	{
		if (PyErr_ExceptionMatches(PyExc_KeyboardInterrupt))
			return 0;
		PyErr_Clear();
		exceptions_raise_conversion("42804", PyUnicode_FromString("returned object cannot be iterated"),
									ITERATOR_NOT_ITERABLE, NULL);
		return 0;
	}
	iterator = PyMem_RawCalloc(1, sizeof(Iterator));
	if (iterator == NULL)
	{
		Py_DECREF(rows);
		PyErr_NoMemory();
		return 0;
	}
	*iterator = (Iterator){.function = function_share(function), .type = type_share(type), .rows = rows};
	iterator->arguments = function_save_arguments(function);
	number = iterator_number();
	if (iterator->arguments != NULL && table_add(&iterator_table, number, iterator) == 0)
		return number;
	iterator_free(iterator);
	return 0;
}

Iterator *
iterator_find(uint32_t number)
{
	return table_find(&iterator_table, number);
}

void
iterator_drop(uint32_t number)
{
	Iterator *iterator = table_take(&iterator_table, number);

	if (iterator != NULL)
		iterator_free(iterator);
}

PyObject *
iterator_next(Iterator *iterator)
{
	PyObject *row;

	function_restore_arguments(iterator->function, iterator->arguments);
	iterator->arguments = NULL;
	row = PyIter_Next(iterator->rows);
	if (row != NULL)
	{
		iterator->arguments = function_save_arguments(iterator->function);
		if (iterator->arguments == NULL)
			Py_CLEAR(row);
	}
	return row;
}
