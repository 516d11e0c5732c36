/*
 * python_value_out.h - Python objects as values of the wire, by PL/Python's rules for the SQL type.
 */
#ifndef PYBOX_PYTHON_VALUE_OUT_H
#define PYBOX_PYTHON_VALUE_OUT_H

#include <Python.h>
#include <stdbool.h>

#include "sandbox/python_type.h"
#include "sandbox/wire.h"

/*
 * Writes one value. Returns 0, or -1 with an exception set, most often a conversion error. May run user code. in_array:
 * the value is an array's element, which matters to hints. The writer's own error is checked by value_out_finish.
 */
int value_out(WireWriter *w, const Type *type, PyObject *value, bool in_array);
/* Whether all of it found room. Returns 0, or -1 with an exception set. */
int value_out_finish(const WireWriter *w);
/* As WIRE_TYPE_TEXT. */
int value_out_text(WireWriter *w, PyObject *value);

/* python_value_array.c and python_value_tuple.c: the writers of containers. */
int value_out_array(WireWriter *w, const Type *type, PyObject *value, bool in_array);
int value_out_tuple(WireWriter *w, const Type *type, PyObject *value, bool in_array);

#endif
