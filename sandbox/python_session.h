/*
 * python_session.h - what WIRE_HELLO says: the pool this interpreter belongs to and how it is used.
 */
#ifndef PYBOX_PYTHON_SESSION_H
#define PYBOX_PYTHON_SESSION_H

#include <Python.h>
#include <stdbool.h>

#include "sandbox/wire.h"

typedef struct Session
{
	bool trusted;
	bool numpy;			/* packed arrays reach Python as numpy arrays */
	PyObject *pool;		/* strings; NULL before the first WIRE_HELLO */
	PyObject *packages; /* "numpy, scipy", for hints */
} Session;

const Session *session_current(void);
/* Returns 0, or -1 as readers do (python_text.h). */
int session_read(WireReader *r);

#endif
