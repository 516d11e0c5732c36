/*
 * python_exceptions.h - plpy.Error and its kin: made here, raised here, and told apart by python_error.c.
 */
#ifndef PYBOX_PYTHON_EXCEPTIONS_H
#define PYBOX_PYTHON_EXCEPTIONS_H

#include <Python.h>

#include "sandbox/wire.h"

extern PyObject *exception_error;	   /* plpy.Error */
extern PyObject *exception_fatal;	   /* plpy.Fatal */
extern PyObject *exception_spi_error;  /* plpy.SPIError, base of plpy.spiexceptions.* */
extern PyObject *exception_conversion; /* not seen by users: a value is not what its SQL type asks for */

/* What is known of an error; new references or NULL, by WireField. */
typedef struct ErrorFields
{
	PyObject *of[WIRE_FIELD_COUNT];
} ErrorFields;

/* Adds the classes to plpy. Returns 0, or -1 with an exception set. */
int exceptions_create(PyObject *plpy);

/* Reads WIRE_ERROR's fields. Returns 0, or -1 as readers do (python_text.h); clear them in either case. */
int error_fields_get(WireReader *r, ErrorFields *fields);
void error_fields_clear(ErrorFields *fields);

/* These three raise and return nothing; the first picks the class by SQLSTATE and sets spidata. */
void exceptions_raise_spi(const ErrorFields *fields);
void exceptions_raise_plpy(PyObject *class, const ErrorFields *fields);
/* As PL/Python's ereport from C: a message without a class in front. message is stolen; detail, hint may be NULL. */
void exceptions_raise_conversion(const char *sqlstate, PyObject *message, const char *detail, const char *hint);
/* The current exception, which user code raised, becomes the cause of a conversion error with this message. */
void exceptions_wrap_conversion(const char *message);
/* The conversion error that is current becomes the SPIError that a plan's caller sees. */
void exceptions_conversion_to_spi(void);

/* The current exception, complete, and no longer set; NULL if there was none. */
PyObject *exception_take(void);
/* "ValueError: reason", as PL/Python's message. A new reference, or NULL with no exception set. */
PyObject *exception_describe(PyObject *exception);
/* Of a conversion error's own words; what it has not stays NULL. */
void exception_conversion_fields(PyObject *exception, ErrorFields *fields);

/* "23505" as PostgreSQL's integer and back. */
int sqlstate_pack(const char *sqlstate);
void sqlstate_unpack(int code, char sqlstate[6]);

#endif
