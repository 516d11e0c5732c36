/*
 * python_call.c - runs a function, or the rest of one, and answers. Runs in: child.
 */
#include "sandbox/python_call.h"

#include <stdio.h>

#include "sandbox/fault.h"
#include "sandbox/python_activation.h"
#include "sandbox/python_error.h"
#include "sandbox/python_exceptions.h"
#include "sandbox/python_function.h"
#include "sandbox/python_iterator.h"
#include "sandbox/python_serve.h"
#include "sandbox/python_type.h"
#include "sandbox/python_value_in.h"
#include "sandbox/python_value_out.h"

#define CALL_ACTIVITY "while creating return value"

WireKind
call_put_error(Outbox *out, const ErrorSite *site)
{
	WireKind kind = PyErr_ExceptionMatches(exception_fatal) ? WIRE_FATAL : WIRE_ERROR;

	outbox_reset(out);
	error_put(&out->writer, site);
	return kind;
}

void
call_answer(Outbox *out, WireKind kind)
{
	Activation *activation = activation_current();

	activation->may_request = false;
	if (FAULT_POINT("child.reply") < 0)
		channel_fail("fault");
	serve_flush();
	outbox_send(out, kind, activation->call);
	outbox_close(out);
}

WireKind
call_put_compile_error(Outbox *out, const Function *function)
{
	char primary[256];
	ErrorSite site = {
		.function = function, .primary = primary, .no_context = !(function->flags & WIRE_FUNCTION_INLINE)};

	if (PyErr_ExceptionMatches(PyExc_KeyboardInterrupt))
		site.primary = NULL;
	if (function->flags & WIRE_FUNCTION_INLINE)
		snprintf(primary, sizeof(primary), "could not compile anonymous PL/Python code block");
	else
		snprintf(primary, sizeof(primary), "could not compile PL/Python function \"%s\"", function->name);
	return call_put_error(out, &site);
}

/* The arguments, in a list of their own. NULL with an exception set; a malformed frame ends the process. */
static PyObject *
call_read_args(Inbox *in)
{
	uint16_t count = wire_get_u16(&in->reader);
	PyObject *args = PyList_New(count);

	for (uint16_t i = 0; args != NULL && i < count; i++)
	{
		PyObject *value = value_in(&in->reader, in->owner);

		if (value == NULL)
			Py_CLEAR(args);
		else
			PyList_SET_ITEM(args, i, value);
	}
	if (args != NULL || in->reader.error != 0)
		serve_check_end(&in->reader);
	return args;
}

/* A procedure's message differs, and it says nothing of a return value. */
static int
call_put_value(Outbox *out, const Function *function, const Type *type, PyObject *value)
{
	uint32_t changes = type_changes();
	int result;

	if (type->kind == WIRE_TYPE_VOID && value != Py_None && (function->flags & WIRE_FUNCTION_PROCEDURE))
	{
		PyObject *message = PyUnicode_FromString("PL/Python procedure did not return None");

		exceptions_raise_conversion("42804", message, NULL, NULL);
		return -1;
	}
	result = value_out(&out->writer, type, value, false);
	if (type_changes() == changes)
		return result != 0 ? -1 : value_out_finish(&out->writer);
	outbox_reset(out);
	return value_fail_changed();
}

static WireKind
call_put_row(Outbox *out, const Function *function, const Type *type, PyObject *value, WireKind kind)
{
	ErrorSite site = {.function = function};

	if (call_put_value(out, function, type, value) == 0 ||
		error_put_fault(&out->writer, sizeof(WireFrame), &site)) /* the backend says what it was doing */
		return kind;
	site.activity = CALL_ACTIVITY;
	if (function->flags & WIRE_FUNCTION_PROCEDURE)
		site.activity = NULL;
	return call_put_error(out, &site);
}

static WireKind
call_put_iterator(Outbox *out, Function *function, Type *type, PyObject *result)
{
	ErrorSite site = {.function = function};
	uint32_t number = iterator_add(function, type, result);

	if (number == 0)
		return call_put_error(out, &site);
	wire_put_u32(&out->writer, number);
	return WIRE_ITERATOR;
}

/* Between function_enter and function_leave. */
static WireKind
call_run(Outbox *out, Function *function, uint32_t handle, PyObject *args)
{
	ErrorSite site = {.function = function};
	PyObject *result = NULL;
	WireKind kind;
	Type *type;

	if (function_compile(function) != 0)
		return call_put_compile_error(out, function);
	activation_current()->may_request = true;
	if (function_bind(function, args) == 0)
		result = PyObject_CallNoArgs(function->callable);
	if (result == NULL)
		return call_put_error(out, &site);
	type = type_share(type_find(handle)); /* as it is now: the function may have changed it */
	if (function->flags & WIRE_FUNCTION_SET)
		kind = call_put_iterator(out, function, type, result);
	else
		kind = call_put_row(out, function, type, result, WIRE_RESULT);
	type_release(type);
	Py_DECREF(result);
	return kind;
}

static WireKind
call_enter(Outbox *out, Function *function, uint32_t handle, PyObject *args)
{
	ErrorSite site = {.function = function};
	FunctionArguments *outer;
	WireKind kind;

	if (args == NULL || function_enter(function, &outer) != 0)
		return call_put_error(out, &site);
	kind = call_run(out, function, handle, args);
	function_leave(function, outer);
	return kind;
}

void
call_serve(Inbox *in)
{
	Function *function = function_find(wire_get_u32(&in->reader));
	uint32_t handle = wire_get_u32(&in->reader);
	PyObject *args;
	WireKind kind;
	Outbox out;

	if (function == NULL || type_find(handle) == NULL)
		channel_fail("call of an unknown function or type");
	activation_hear_interrupt();
	function_share(function);
	args = call_read_args(in);
	channel_release(in);
	outbox_open(&out);
	kind = call_enter(&out, function, handle, args);
	Py_XDECREF(args);
	call_answer(&out, kind);
	function_release(function);
}

/* Between function_enter and function_leave; sets *last unless more rows may follow. */
static WireKind
call_run_next(Outbox *out, Iterator *iterator, bool *last)
{
	ErrorSite site = {.function = iterator->function, .primary = "error fetching next item from iterator"};
	PyObject *row;
	WireKind kind;

	*last = true;
	activation_current()->may_request = true;
	row = iterator_next(iterator);
	if (row == NULL && PyErr_Occurred() == NULL)
		return WIRE_END;
	if (row == NULL)
		return call_put_error(out, &site);
	kind = call_put_row(out, iterator->function, iterator->type, row, WIRE_ROW);
	*last = kind != WIRE_ROW;
	Py_DECREF(row);
	return kind;
}

void
call_serve_next(Inbox *in)
{
	uint32_t number = wire_get_u32(&in->reader);
	Iterator *iterator = iterator_find(number);
	FunctionArguments *outer;
	Function *function;
	bool last = true;
	WireKind kind;
	Outbox out;

	serve_check_end(&in->reader);
	channel_release(in);
	if (iterator == NULL)
		channel_fail("next row of an unknown iterator");
	activation_hear_interrupt();
	outbox_open(&out);
	function = function_share(iterator->function);
	if (function_enter(function, &outer) != 0)
		kind = call_put_error(&out, &(ErrorSite){.function = function});
	else
	{
		kind = call_run_next(&out, iterator, &last);
		function_leave(function, outer);
	}
	if (last)
		iterator_drop(number);
	call_answer(&out, kind);
	function_release(function);
}

void
call_serve_check(Inbox *in)
{
	ErrorSite site = {.no_context = true};
	Function *function = function_read(&in->reader);
	WireKind kind = WIRE_RESULT;
	Outbox out;

	if (function != NULL || in->reader.error != 0)
		serve_check_end(&in->reader);
	channel_release(in);
	outbox_open(&out);
	if (function == NULL)
		kind = call_put_error(&out, &site);
	else if (function_check(function) != 0)
		kind = call_put_compile_error(&out, function);
	else
		wire_put_u8(&out.writer, WIRE_NULL);
	call_answer(&out, kind);
	function_release(function);
}
