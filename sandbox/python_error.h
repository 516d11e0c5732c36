/*
 * python_error.h - an exception as WIRE_ERROR's fields, worded as PL/Python does.
 */
#ifndef PYBOX_PYTHON_ERROR_H
#define PYBOX_PYTHON_ERROR_H

#include <Python.h>
#include <stdbool.h>

#include "sandbox/python_function.h"
#include "sandbox/wire.h"

/* Where an exception was caught. */
typedef struct ErrorSite
{
	const Function *function; /* whose traceback it is */
	const char *primary;	  /* the message, if the exception's own words are only its detail; or NULL */
	const char *activity;	  /* the context's last line, or NULL */
	bool no_context;		  /* the function did not start: the context is null, not empty */
} ErrorSite;

/* Writes the fields of the current exception and clears it. Never fails for want of memory: then the fields are few. */
void error_put(WireWriter *w, const ErrorSite *site);

/*
 * Ends a frame whose values start at start with the conversion error that is set, as a WIRE_FAULT: of what stands before it
 * some may be refused by the backend, and the first refusal counts. False, with the exception kept, when that is not so.
 */
bool error_put_fault(WireWriter *w, size_t start, const ErrorSite *site);

#endif
