/*
 * python_plpy_execute.c - plpy.prepare and plpy.execute. Runs in: child.
 */
#include "sandbox/python_plpy.h"

#include <stdbool.h>
#include <string.h>

#include "sandbox/python_activation.h"
#include "sandbox/python_error.h"
#include "sandbox/python_exceptions.h"
#include "sandbox/python_serve.h"
#include "sandbox/python_text.h"
#include "sandbox/python_value_out.h"

/* What SPI calls its failures, by minus its number. */
static const char *const spi_failures[] = {
	NULL,
	"SPI_ERROR_CONNECT",
	"SPI_ERROR_COPY",
	"SPI_ERROR_OPUNKNOWN",
	"SPI_ERROR_UNCONNECTED",
	NULL,
	"SPI_ERROR_ARGUMENT",
	"SPI_ERROR_PARAM",
	"SPI_ERROR_TRANSACTION",
	"SPI_ERROR_NOATTRIBUTE",
	"SPI_ERROR_NOOUTFUNC",
	"SPI_ERROR_TYPUNKNOWN",
	"SPI_ERROR_REL_DUPLICATE",
	"SPI_ERROR_REL_NOT_FOUND",
};

/* The status that a WireRows begins with; its reader does not move. */
static int
execute_status(const WireReader *r)
{
	WireReader look = *r;

	return (int32_t) wire_get_u32(&look);
}

static void
execute_fail(WireKind kind, int status)
{
	size_t number = (size_t) -status;
	const char *name = number < sizeof(spi_failures) / sizeof(spi_failures[0]) ? spi_failures[number] : NULL;
	const char *action = kind == WIRE_EXECUTE ? "SPI_execute" : "SPI_execute_plan";

	if (name != NULL)
		PyErr_Format(exception_spi_error, "%s failed: %s", action, name);
	else
		PyErr_Format(exception_spi_error, "%s failed: Unrecognized SPI code %d", action, status);
}

/* Sends what out holds and makes a result of the answer. */
static PyObject *
execute_request(Outbox *out, WireKind kind)
{
	PyObject *result = NULL;
	Inbox reply;
	int status;

	if (value_out_finish(&out->writer) != 0 || serve_request(out, kind, &reply) != 0)
		return NULL;
	status = execute_status(&reply.reader);
	if (status >= 0)
		result = plpy_result_read(&reply);
	serve_finish(&reply);
	if (status < 0)
		execute_fail(kind, status);
	return result;
}

static PyObject *
execute_query(const char *query, long limit)
{
	PyObject *result;
	Outbox out;

	if (!activation_check_request())
		return NULL;
	outbox_open(&out);
	wire_put_u64(&out.writer, (uint64_t) limit);
	wire_put_text(&out.writer, query, strlen(query));
	result = execute_request(&out, WIRE_EXECUTE);
	if (result == NULL)
		exceptions_conversion_to_spi();
	outbox_close(&out);
	return result;
}

static int
plan_fail_count(uint16_t expected, Py_ssize_t got, PyObject *list)
{
	PyObject *words = PyObject_Str(list); /* of NULL: "<NULL>" */

	if (words != NULL)
		PyErr_Format(PyExc_TypeError, "Expected sequence of %d argument%s, got %zd: %U", expected,
					 expected == 1 ? "" : "s", got, words);
	Py_XDECREF(words);
	return -1;
}

int
plpy_plan_check_arguments(const PlpyPlan *plan, PyObject *list, const char *function)
{
	Py_ssize_t count = 0;

	if (list != NULL && (!PySequence_Check(list) || PyUnicode_Check(list)))
	{
		PyErr_Format(PyExc_TypeError, "%s takes a sequence as its second argument", function);
		return -1;
	}
	if (list != NULL && (count = PySequence_Size(list)) < 0)
		return -1;
	return count == plan->count ? 0 : plan_fail_count(plan->count, count, list);
}

int
plpy_plan_put_arguments(WireWriter *w, const PlpyPlan *plan, PyObject *list)
{
	ErrorSite site = {.no_context = true};
	uint32_t changes = type_changes();
	size_t start;

	wire_put_u16(w, plan->count);
	start = w->size;
	for (uint16_t i = 0; i < plan->count; i++)
	{
		PyObject *value = PySequence_GetItem(list, i);
		Type *type = type_share(type_find(plan->types[i]));
		int result = value == NULL ? -1 : value_out(w, type, value, false);

		type_release(type);
		Py_XDECREF(value);
		if (type_changes() != changes)
			return value_fail_changed();
		if (result != 0)
			return error_put_fault(w, start, &site) ? 0 : -1;
	}
	return 0;
}

PyObject *
plpy_plan_execute(PlpyPlan *plan, PyObject *list, long limit)
{
	PyObject *result = NULL;
	Outbox out;

	if (plpy_plan_check_arguments(plan, list, "plpy.execute") != 0 || !activation_check_request())
		return NULL;
	outbox_open(&out);
	wire_put_u32(&out.writer, plan->plan);
	wire_put_u64(&out.writer, (uint64_t) limit);
	if (plpy_plan_put_arguments(&out.writer, plan, list) == 0 && activation_check_request())
		result = execute_request(&out, WIRE_EXECUTE_PLAN);
	if (result == NULL)
		exceptions_conversion_to_spi();
	outbox_close(&out);
	return result;
}

static PyObject *
plpy_execute(PyObject *self, PyObject *args)
{
	const char *query;
	PyObject *plan, *list = NULL;
	long limit = 0;

	(void) self;
	if (PyArg_ParseTuple(args, "s|l", &query, &limit))
		return execute_query(query, limit);
	PyErr_Clear();
	if (PyArg_ParseTuple(args, "O|Ol", &plan, &list, &limit) && Py_IS_TYPE(plan, &plpy_plan_type))
		return plpy_plan_execute((PlpyPlan *) plan, list, limit);
	PyErr_SetString(exception_error, "plpy.execute expected a query or a plan");
	return NULL;
}

/* An error of PL/Python's own, which it raises as SQL's. */
static void
prepare_fail_type(Py_ssize_t index)
{
	PyObject *message = PyUnicode_FromFormat("plpy.prepare: type name at ordinal position %zd is not a string", index);

	exceptions_raise_conversion("XX000", message, NULL, NULL);
}

static int
prepare_put_types(WireWriter *w, PyObject *list, Py_ssize_t count)
{
	wire_put_u16(w, (uint16_t) count);
	for (Py_ssize_t i = 0; i < count; i++)
	{
		PyObject *name = PySequence_GetItem(list, i);
		bool is_string = name != NULL && PyUnicode_Check(name);
		int result = is_string ? text_put(w, name) : -1;

		if (name != NULL && !is_string)
			prepare_fail_type(i);
		Py_XDECREF(name);
		if (result != 0)
			return -1;
	}
	return 0;
}

static PyObject *
prepare_request(Outbox *out, const char *query, PyObject *list, Py_ssize_t count)
{
	PyObject *plan;
	Inbox reply;

	wire_put_text(&out->writer, query, strlen(query));
	if (prepare_put_types(&out->writer, list, count) != 0 || value_out_finish(&out->writer) != 0 ||
		serve_request(out, WIRE_PREPARE, &reply) != 0)
		return NULL;
	plan = plpy_plan_read(&reply.reader);
	serve_finish(&reply);
	return plan;
}

static PyObject *
plpy_prepare(PyObject *self, PyObject *args)
{
	PyObject *plan, *list = NULL;
	Py_ssize_t count = 0;
	const char *query;
	Outbox out;

	(void) self;
	if (!PyArg_ParseTuple(args, "s|O:prepare", &query, &list))
		return NULL;
	if (list != NULL && !PySequence_Check(list))
	{
		PyErr_SetString(PyExc_TypeError, "second argument of plpy.prepare must be a sequence");
		return NULL;
	}
	if (list != NULL && (count = PySequence_Size(list)) < 0)
		return NULL;
	if (count > UINT16_MAX)
		return PyErr_Format(PyExc_ValueError, "plpy.prepare: too many parameters (%zd)", count);
	if (!activation_check_request())
		return NULL;
	outbox_open(&out);
	plan = prepare_request(&out, query, list, count);
	if (plan == NULL)
		exceptions_conversion_to_spi();
	outbox_close(&out);
	return plan;
}

PyMethodDef plpy_execute_methods[] = {
	{"prepare", plpy_prepare, METH_VARARGS, NULL},
	{"execute", plpy_execute, METH_VARARGS, NULL},
	{NULL, NULL, 0, NULL},
};
