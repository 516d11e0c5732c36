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
 * Writes one value. Returns 0, or -1 with an exception set, most often a conversion error; then what was written ends right
 * before the part that failed (error_put_fault() may follow). May run user code. in_array: the value is an array's element,
 * which matters to hints. The writer's own error is checked by value_out_finish.
 */
int value_out(WireWriter *w, const Type *type, PyObject *value, bool in_array);
/* Whether all of it found room. Returns 0, or -1 with an exception set. */
int value_out_finish(const WireWriter *w);
/* As WIRE_TYPE_TEXT. */
int value_out_text(WireWriter *w, PyObject *value);
/* The same under another tag that is a text. */
int value_out_text_as(WireWriter *w, WireTag tag, PyObject *value);

/*
 * User code that runs while a value is written may change the value's type, and the backend will read by the new one: to be
 * raised when type_changes() tells so. Returns -1.
 */
int value_fail_changed(void);

/* The exception of a sequence that did not give its element becomes a conversion error. */
void value_fail_element(Py_ssize_t index);

/* python_value_array.c and python_value_tuple.c: the writers of containers. */
int value_out_array(WireWriter *w, const Type *type, PyObject *value, bool in_array);
int value_out_tuple(WireWriter *w, const Type *type, PyObject *value, bool in_array);
/* python_value_object.c: what transforms take. */
int value_out_object(WireWriter *w, const Type *type, PyObject *value, bool in_array);
int value_out_mapping(WireWriter *w, const Type *type, PyObject *value, bool in_array);

#endif
