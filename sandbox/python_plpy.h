/*
 * python_plpy.h - the module plpy, and the objects it hands out.
 */
#ifndef PYBOX_PYTHON_PLPY_H
#define PYBOX_PYTHON_PLPY_H

#include <Python.h>

#include "sandbox/python_channel.h"
#include "sandbox/python_type.h"

/* For PyImport_AppendInittab. */
PyMODINIT_FUNC plpy_init(void);

/* Methods of the module, by file. */
extern PyMethodDef plpy_log_methods[];	   /* python_plpy_log.c: debug ... fatal */
extern PyMethodDef plpy_execute_methods[]; /* python_plpy_execute.c: prepare, execute */

/* A plan of the backend's; frees it there when it goes. */
typedef struct PlpyPlan
{
	PyObject_HEAD uint32_t plan;
	uint16_t count;
	Type **types; /* of its arguments */
} PlpyPlan;

extern PyTypeObject plpy_plan_type;
extern PyTypeObject plpy_result_type;

/* Reads the answer to WIRE_PREPARE. New references, or NULL as readers do (python_text.h). */
PyObject *plpy_plan_read(WireReader *r);
/* Reads a WireRows. */
PyObject *plpy_result_read(Inbox *in);
/* Runs a plan; list may be NULL. */
PyObject *plpy_plan_execute(PlpyPlan *plan, PyObject *list, long limit);

#endif
