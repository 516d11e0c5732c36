/*
 * python_arguments.c - a function's arguments in its globals, and how recursion keeps them apart. Runs in: child.
 */
#include "sandbox/python_function.h"

struct FunctionArguments
{
	PyObject *args, *td;
	PyObject *named[]; /* name_count of them */
};

static PyObject *arguments_key; /* "args" */

static PyObject *
arguments_args_key(void)
{
	if (arguments_key == NULL)
		arguments_key = PyUnicode_InternFromString("args");
	return arguments_key;
}

int
function_bind(Function *function, PyObject *args)
{
	Py_ssize_t count = PyList_GET_SIZE(args);
	PyObject *key = arguments_args_key();

	for (Py_ssize_t i = 0; i < count && i < function->name_count; i++)
		if (function->names[i] != NULL &&
			PyDict_SetItem(function->globals, function->names[i], PyList_GET_ITEM(args, i)) != 0)
			return -1;
	return key == NULL ? -1 : PyDict_SetItem(function->globals, key, args);
}

/* As function_bind; a trigger function has TD and no arguments. */
int
function_bind_trigger(Function *function, PyObject *td)
{
	return PyDict_SetItemString(function->globals, "TD", td);
}

/* A new reference, or NULL if the name is not set. */
static PyObject *
arguments_get(const Function *function, PyObject *key)
{
	PyObject *value = key == NULL ? NULL : PyDict_GetItemWithError(function->globals, key);

	return Py_XNewRef(value);
}

FunctionArguments *
function_save_arguments(const Function *function)
{
	size_t size = sizeof(FunctionArguments) + function->name_count * sizeof(PyObject *);
	FunctionArguments *saved = PyMem_RawMalloc(size);

	if (saved == NULL)
		return (FunctionArguments *) PyErr_NoMemory();
	saved->args = arguments_get(function, arguments_args_key());
	saved->td = NULL;
	if (function->flags & WIRE_FUNCTION_TRIGGER)
		saved->td = Py_XNewRef(PyDict_GetItemString(function->globals, "TD"));
	for (uint16_t i = 0; i < function->name_count; i++)
		saved->named[i] = arguments_get(function, function->names[i]);
	return saved;
}

void
function_drop_arguments(const Function *function, FunctionArguments *saved)
{
	if (saved == NULL)
		return;
	Py_XDECREF(saved->args);
	Py_XDECREF(saved->td);
	for (uint16_t i = 0; i < function->name_count; i++)
		Py_XDECREF(saved->named[i]);
	PyMem_RawFree(saved);
}

void
function_restore_arguments(Function *function, FunctionArguments *saved)
{
	if (saved == NULL)
		return;
	if (saved->args != NULL)
		PyDict_SetItem(function->globals, arguments_args_key(), saved->args);
	if (saved->td != NULL)
		PyDict_SetItemString(function->globals, "TD", saved->td);
	for (uint16_t i = 0; i < function->name_count; i++)
		if (saved->named[i] != NULL)
			PyDict_SetItem(function->globals, function->names[i], saved->named[i]);
	function_drop_arguments(function, saved);
}

int
function_enter(Function *function, FunctionArguments **outer)
{
	*outer = NULL;
	if (function->depth > 0)
	{
		*outer = function_save_arguments(function);
		if (*outer == NULL)
			return -1;
	}
	function->depth++;
	return 0;
}

void
function_leave(Function *function, FunctionArguments *outer)
{
	function->depth--;
	function_restore_arguments(function, outer);
}
