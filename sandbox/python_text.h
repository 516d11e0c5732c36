/*
 * python_text.h - texts of the wire as Python strings, and back.
 */
#ifndef PYBOX_PYTHON_TEXT_H
#define PYBOX_PYTHON_TEXT_H

#include <Python.h>

#include "sandbox/wire.h"

/*
 * Readers of the interpreter return a new reference, or NULL: with r->error set the bytes were malformed and no exception
 * is set; without, an exception is.
 */
PyObject *text_get(WireReader *r);
/* Of WIRE_NULL or WIRE_TEXT; None for the first. */
PyObject *text_get_optional(WireReader *r);
/* A NUL-terminated copy for PyMem_RawFree. */
char *text_get_copy(WireReader *r);

/* Writes a string's UTF-8 without a tag. Returns 0, or -1 with an exception set, for surrogates for one. */
int text_put(WireWriter *w, PyObject *string);
/* Writes WIRE_NULL for NULL, else WIRE_TEXT; what has no UTF-8 is escaped, and a NUL ends the text. Sets no exception. */
void text_put_optional(WireWriter *w, PyObject *string);

#endif
