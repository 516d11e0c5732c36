/*
 * python_text.c - texts of the wire as Python strings, and back. Runs in: child.
 */
#include "sandbox/python_text.h"

#include <string.h>

#define TEXT_CACHE_MAX 4096 /* longer strings are encoded aside, so that they do not keep their UTF-8 */

PyObject *
text_get(WireReader *r)
{
	size_t size;
	const char *bytes = wire_get_text(r, &size);

	return r->error != 0 ? NULL : PyUnicode_DecodeUTF8(bytes, (Py_ssize_t) size, NULL);
}

PyObject *
text_get_optional(WireReader *r)
{
	uint8_t tag = wire_get_u8(r);

	if (r->error == 0 && tag != WIRE_NULL && tag != WIRE_TEXT)
		r->error = WIRE_ERROR_SHORT;
	if (r->error != 0)
		return NULL;
	return tag == WIRE_TEXT ? text_get(r) : Py_NewRef(Py_None);
}

char *
text_get_copy(WireReader *r)
{
	size_t size;
	const char *bytes = wire_get_text(r, &size);
	char *copy = r->error != 0 ? NULL : PyMem_RawMalloc(size + 1);

	if (copy == NULL)
	{
		if (r->error == 0)
			PyErr_NoMemory();
		return NULL;
	}
	memcpy(copy, bytes, size);
	copy[size] = '\0';
	return copy;
}

static int
text_put_encoded(WireWriter *w, PyObject *bytes)
{
	if (bytes == NULL)
		return -1;
	wire_put_text(w, PyBytes_AS_STRING(bytes), (size_t) PyBytes_GET_SIZE(bytes));
	Py_DECREF(bytes);
	return 0;
}

int
text_put(WireWriter *w, PyObject *string)
{
	Py_ssize_t size;
	const char *bytes;

	if (!PyUnicode_IS_ASCII(string) && PyUnicode_GET_LENGTH(string) > TEXT_CACHE_MAX)
		return text_put_encoded(w, PyUnicode_AsUTF8String(string));
	bytes = PyUnicode_AsUTF8AndSize(string, &size);
	if (bytes == NULL)
		return -1;
	wire_put_text(w, bytes, (size_t) size);
	return 0;
}

void
text_put_optional(WireWriter *w, PyObject *string)
{
	PyObject *bytes = string == NULL ? NULL : PyUnicode_AsEncodedString(string, "utf-8", "backslashreplace");

	if (bytes == NULL)
	{
		PyErr_Clear();
		wire_put_u8(w, WIRE_NULL);
		return;
	}
	wire_put_u8(w, WIRE_TEXT);
	wire_put_text(w, PyBytes_AS_STRING(bytes), strlen(PyBytes_AS_STRING(bytes)));
	Py_DECREF(bytes);
}
