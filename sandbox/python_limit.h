/*
 * python_limit.h - tells whether an exception that nobody caught comes from one of the pool's limits.
 */
#ifndef PYBOX_PYTHON_LIMIT_H
#define PYBOX_PYTHON_LIMIT_H

#include <Python.h>

/* WIRE_FIELD_LIMIT's text for exception, a new reference; NULL, with no exception set, for those of other causes. */
PyObject *limit_describe(PyObject *exception);

#endif
