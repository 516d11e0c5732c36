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
extern PyMethodDef plpy_log_methods[];				/* python_plpy_log.c: debug ... fatal */
extern PyMethodDef plpy_execute_methods[];			/* python_plpy_execute.c: prepare, execute */
extern PyMethodDef plpy_cursor_functions[];			/* python_plpy_cursor.c: cursor */
extern PyMethodDef plpy_subtransaction_functions[]; /* python_plpy_subtransaction.c: subtransaction */
extern PyMethodDef plpy_transaction_methods[];		/* python_plpy_transaction.c: commit, rollback */

/* A plan of the backend's; frees it there when it goes. */
typedef struct PlpyPlan
{
	PyObject_HEAD uint32_t plan;
	uint16_t count;
	uint32_t *types; /* of its arguments, by handle: they change with the types in SQL */
} PlpyPlan;

extern PyTypeObject plpy_plan_type;
extern PyTypeObject plpy_result_type;
extern PyTypeObject plpy_cursor_type;
extern PyTypeObject plpy_subtransaction_type;

/* Reads the answer to WIRE_PREPARE. New references, or NULL as readers do (python_text.h). */
PyObject *plpy_plan_read(WireReader *r);
/* Reads a WireRows. */
PyObject *plpy_result_read(Inbox *in);
/* The same as a cursor gives it: of the columns nothing is kept. */
PyObject *plpy_result_read_rows(Inbox *in);
/* Runs a plan; list may be NULL. */
PyObject *plpy_plan_execute(PlpyPlan *plan, PyObject *list, long limit);
PyObject *plpy_plan_cursor(PlpyPlan *plan, PyObject *list);
/* Whether list, which may be NULL, can be a plan's arguments: 0, or -1 with an exception that names the function. */
int plpy_plan_check_arguments(const PlpyPlan *plan, PyObject *list, const char *function);
/* Writes their count and values, after that. Returns 0, or -1 with an exception set. */
int plpy_plan_put_arguments(WireWriter *w, const PlpyPlan *plan, PyObject *list);

#endif
