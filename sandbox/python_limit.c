/*
 * python_limit.c - which of the pool's limits an exception comes from, as a table. Runs in: child.
 *
 * A user's own MemoryError is no limit's: memory has to have been refused since the outermost call began.
 */
#include "sandbox/python_limit.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>

#include "sandbox/python_memory.h"

static PyObject *
limit_memory(PyObject *exception)
{
	uint64_t wanted;

	(void) exception;
	return memory_was_refused(&wanted) ? PyUnicode_FromFormat("memory %llu", (unsigned long long) wanted) : NULL;
}

static long
error_number(PyObject *exception)
{
	PyObject *number = PyObject_GetAttrString(exception, "errno");
	long value = number != NULL && PyLong_Check(number) ? PyLong_AsLong(number) : 0;

	Py_XDECREF(number);
	PyErr_Clear();
	return value;
}

/* A file as large as all of /tmp may be meets the limit of files first. */
static PyObject *
limit_tmp(PyObject *exception)
{
	long number = error_number(exception);

	return number == ENOSPC || number == EFBIG || number == EDQUOT ? PyUnicode_FromString("tmp") : NULL;
}

static void *
thread_nothing(void *argument)
{
	return argument;
}

/* By doing: one thread more. */
static bool
threads_are_used_up(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, thread_nothing, NULL) != 0)
		return true;
	(void) pthread_join(thread, NULL);
	return false;
}

/* EAGAIN is a fork's, or that of a descriptor that does not block. */
static PyObject *
limit_processes(PyObject *exception)
{
	return error_number(exception) == EAGAIN && threads_are_used_up() ? PyUnicode_FromString("pids") : NULL;
}

/* Python's own words, which have no class of their own. */
static PyObject *
limit_threads(PyObject *exception)
{
	PyObject *words = PyObject_Str(exception);
	bool is_it = words != NULL && PyUnicode_CompareWithASCIIString(words, "can't start new thread") == 0;

	Py_XDECREF(words);
	PyErr_Clear();
	return is_it ? PyUnicode_FromString("pids") : NULL;
}

PyObject *
limit_describe(PyObject *exception)
{
	const struct
	{
		PyObject *class;
		PyObject *(*describe)(PyObject *exception);
	} limits[] = {
		{PyExc_MemoryError, limit_memory},
		{PyExc_BlockingIOError, limit_processes},
		{PyExc_OSError, limit_tmp},
		{PyExc_RuntimeError, limit_threads},
	};
	PyObject *text = NULL;

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]) && text == NULL; i++)
		if (PyErr_GivenExceptionMatches(exception, limits[i].class))
			text = limits[i].describe(exception);
	PyErr_Clear();
	return text;
}
