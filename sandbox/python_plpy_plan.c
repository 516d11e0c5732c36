/*
 * python_plpy_plan.c - the class PLyPlan: a prepared statement that the backend keeps. Runs in: child.
 */
#include "sandbox/python_plpy.h"

#include "sandbox/python_serve.h"

static void
plan_free_types(uint32_t *types, uint16_t count)
{
	for (uint16_t i = 0; types != NULL && i < count; i++)
		type_forget(types[i]);
	PyMem_RawFree(types);
}

/* The handle of a type that is registered, or 0 as readers fail (python_text.h). */
static uint32_t
plan_read_type(WireReader *r)
{
	WireReader look = *r;
	uint32_t handle = wire_get_u32(&look);

	return type_register(r) == 0 ? handle : 0;
}

PyObject *
plpy_plan_read(WireReader *r)
{
	uint32_t number = wire_get_u32(r);
	uint16_t count = wire_get_u16(r);
	uint32_t *types = PyMem_RawCalloc((size_t) count + 1, sizeof(uint32_t));
	PlpyPlan *plan;

	if (types == NULL)
		return PyErr_NoMemory();
	for (uint16_t i = 0; i < count; i++)
	{
		types[i] = plan_read_type(r);
		if (types[i] != 0)
			continue;
		plan_free_types(types, i);
		return NULL;
	}
	plan = r->error != 0 ? NULL : PyObject_New(PlpyPlan, &plpy_plan_type);
	if (plan == NULL)
	{
		plan_free_types(types, count);
		return NULL;
	}
	plan->plan = number;
	plan->count = count;
	plan->types = types;
	return (PyObject *) plan;
}

static void
plan_free(PyObject *self)
{
	PlpyPlan *plan = (PlpyPlan *) self;

	serve_free(WIRE_FREE_PLAN, plan->plan);
	plan_free_types(plan->types, plan->count);
	Py_TYPE(self)->tp_free(self);
}

static PyObject *
plan_cursor(PyObject *self, PyObject *args)
{
	PyObject *list = NULL;

	return PyArg_ParseTuple(args, "|O", &list) ? plpy_plan_cursor((PlpyPlan *) self, list) : NULL;
}

static PyObject *
plan_execute(PyObject *self, PyObject *args)
{
	PyObject *list = NULL;
	long limit = 0;

	if (!PyArg_ParseTuple(args, "|Ol", &list, &limit))
		return NULL;
	return plpy_plan_execute((PlpyPlan *) self, list, limit);
}

static PyObject *
plan_status(PyObject *self, PyObject *args)
{
	(void) self;
	return PyArg_ParseTuple(args, ":status") ? Py_NewRef(Py_True) : NULL;
}

static PyMethodDef plan_methods[] = {
	{"cursor", plan_cursor, METH_VARARGS, NULL},
	{"execute", plan_execute, METH_VARARGS, NULL},
	{"status", plan_status, METH_VARARGS, NULL},
	{NULL, NULL, 0, NULL},
};

PyTypeObject plpy_plan_type = {
	PyVarObject_HEAD_INIT(NULL, 0).tp_name = "PLyPlan",
	.tp_basicsize = sizeof(PlpyPlan),
	.tp_dealloc = plan_free,
	.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
	.tp_doc = "A prepared SQL statement",
	.tp_methods = plan_methods,
};
