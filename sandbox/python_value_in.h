/*
 * python_value_in.h - values of the wire as Python objects.
 */
#ifndef PYBOX_PYTHON_VALUE_IN_H
#define PYBOX_PYTHON_VALUE_IN_H

#include <Python.h>

#include "sandbox/wire.h"

/* A new reference, or NULL as readers do (python_text.h). owner: what keeps the reader's bytes alive, or NULL. */
PyObject *value_in(WireReader *r, PyObject *owner);

/*
 * By how many bytes (0 to 7) a payload must be shifted so that the raw elements of the first packed array among a call's
 * arguments are aligned. bytes: the payload's beginning.
 */
size_t value_in_alignment(uint16_t kind, const uint8_t *bytes, size_t size);

#endif
