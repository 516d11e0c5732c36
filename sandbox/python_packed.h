/*
 * python_packed.h - arrays of fixed-width elements without nulls: lists or numpy arrays in Python, raw on the wire.
 */
#ifndef PYBOX_PYTHON_PACKED_H
#define PYBOX_PYTHON_PACKED_H

#include <Python.h>
#include <stdbool.h>

#include "sandbox/wire.h"

typedef struct Packed
{
	WirePacked kind;
	int ndim; /* 1 to WIRE_DIMS_MAX */
	uint32_t dims[WIRE_DIMS_MAX];
	size_t count;
	size_t size;		/* bytes of raw */
	const uint8_t *raw; /* need not be aligned */
} Packed;

/* Reads what follows the tag. Returns 0, or -1 with r->error set. */
int packed_read(WireReader *r, Packed *packed);
/* Reads ndim and dims of WIRE_ARRAY and WIRE_PACKED, and how many elements that makes. Returns 0, or -1 with r->error set. */
int packed_read_dims(WireReader *r, uint32_t dims[WIRE_DIMS_MAX], int *ndim, size_t *count);
size_t packed_element_size(WirePacked kind);

/* Nested lists. A new reference, or NULL with an exception set. */
PyObject *packed_list(const Packed *packed);
/* A read-only numpy array: a view of owner's bytes where they are aligned, else of a copy. */
PyObject *packed_numpy(const Packed *packed, PyObject *owner);

bool packed_is_numpy(PyObject *value);
/*
 * Writes a numpy array as WIRE_PACKED or an empty WIRE_ARRAY if its elements are exactly of the type. Returns 1 when it
 * did, 0 when the array has to be written as a list, -1 with an exception set.
 */
int packed_put(WireWriter *w, WireType element, PyObject *array);

#endif
