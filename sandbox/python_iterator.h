/*
 * python_iterator.h - the rows that a set-returning function has still to give, by number.
 */
#ifndef PYBOX_PYTHON_ITERATOR_H
#define PYBOX_PYTHON_ITERATOR_H

#include <Python.h>

#include "sandbox/python_function.h"
#include "sandbox/python_type.h"

typedef struct Iterator
{
	Function *function;
	Type *type; /* of a row */
	PyObject *rows;
	FunctionArguments *arguments; /* as they were after the last row; NULL while the iterator runs */
} Iterator;

/* Keeps an iterator over result, and the arguments as they are now. Returns its number, or 0 with an exception set. */
uint32_t iterator_add(Function *function, Type *type, PyObject *result);
Iterator *iterator_find(uint32_t number); /* borrowed; NULL: unknown */
/* Drops it, which may run user code; an unknown number is fine. */
void iterator_drop(uint32_t number);

/* The next row: a new reference, or NULL at the end and after an error, which is set then. */
PyObject *iterator_next(Iterator *iterator);

#endif
