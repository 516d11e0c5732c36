/*
 * python_trigger.c - runs a trigger function with TD in its globals, and reads back what it says and TD["new"].
 *
 * DESIGN. What the function returned and what it made of TD is judged here, in PL/Python's words; the backend only has to see
 * that the columns exist and may be set. Runs in: child.
 */
#include "sandbox/python_trigger.h"

#include <string.h>

#include "sandbox/python_activation.h"
#include "sandbox/python_call.h"
#include "sandbox/python_exceptions.h"
#include "sandbox/python_function.h"
#include "sandbox/python_serve.h"
#include "sandbox/python_type.h"
#include "sandbox/python_value_in.h"
#include "sandbox/python_value_out.h"

#define TRIGGER_ACTIVITY "while modifying trigger row"
#define SQLSTATE_DATA_EXCEPTION "22000"
#define SQLSTATE_TRIGGER_PROTOCOL_VIOLATED "39P01"
#define SQLSTATE_FEATURE_NOT_SUPPORTED "0A000"
#define SQLSTATE_UNDEFINED_COLUMN "42703"
#define SQLSTATE_UNDEFINED_OBJECT "42704"
#define SQLSTATE_DATATYPE_MISMATCH "42804"

/* One firing. */
typedef struct Trigger
{
	Function *function;
	Type *row;
	PyObject *td;
	bool has_new;		/* a row that MODIFY may change */
	bool *is_generated; /* by column of row */
} Trigger;

static int
trigger_fail(const char *sqlstate, PyObject *message, const char *detail)
{
	exceptions_raise_conversion(sqlstate, message, detail, NULL);
	return -1;
}

/* A malformed frame ends the process; returns -1 with an exception set if there is no memory. */
static int
trigger_read_generated(WireReader *r, Trigger *trigger)
{
	uint16_t count = wire_get_u16(r);

	trigger->is_generated = PyMem_RawCalloc((size_t) trigger->row->column_count + 1, sizeof(bool));
	if (trigger->is_generated == NULL)
	{
		PyErr_NoMemory();
		return -1;
	}
	for (uint16_t i = 0; i < count; i++)
	{
		uint16_t column = wire_get_u16(r);

		if (column >= trigger->row->column_count)
			channel_fail("generated column out of range");
		trigger->is_generated[column] = true;
	}
	return 0;
}

/* Function and row are shared; td is NULL with an exception set if it could not be made. */
static void
trigger_read(Inbox *in, Trigger *trigger)
{
	WireReader *r = &in->reader;

	trigger->function = function_find(wire_get_u32(r));
	trigger->row = type_find(wire_get_u32(r));
	if (trigger->function == NULL || trigger->row == NULL || trigger->row->kind != WIRE_TYPE_TUPLE)
		channel_fail("trigger with an unknown function or row");
	function_share(trigger->function);
	type_share(trigger->row);
	trigger->has_new = wire_get_u8(r) != 0;
	if (trigger_read_generated(r, trigger) != 0)
		return;
	trigger->td = value_in(r, in->owner);
	if (trigger->td != NULL || r->error != 0)
		serve_check_end(r);
	if (trigger->td != NULL && !PyDict_Check(trigger->td))
		channel_fail("trigger data of another kind");
}

static void
trigger_clear(Trigger *trigger)
{
	Py_XDECREF(trigger->td);
	PyMem_RawFree(trigger->is_generated);
	type_release(trigger->row);
	function_release(trigger->function);
}

/* The columns that every table has beside its own. */
static bool
trigger_is_system_column(const char *name)
{
	static const char *const names[] = {"ctid", "xmin", "cmin", "xmax", "cmax", "tableoid"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/* The column's number or -1. TD["new"] is most often in the order of the columns, so the search starts at likely. */
static int
trigger_search_column(const Type *row, const char *name, uint16_t likely)
{
	for (uint16_t i = 0; i < row->column_count; i++)
	{
		uint16_t column = (uint16_t) ((likely + i) % row->column_count);
		const char *has = PyUnicode_AsUTF8(row->columns[column].name);

		if (has != NULL && strcmp(has, name) == 0)
			return column;
	}
	PyErr_Clear();
	return -1;
}

/* The number of the column that the key, the ordinal-th, names and that may be set, or -1 with an exception set. */
static int
trigger_find_column(const Trigger *trigger, PyObject *key, Py_ssize_t ordinal, uint16_t likely)
{
	const char *name;
	int column;

	if (!PyUnicode_Check(key))
		return trigger_fail(
			SQLSTATE_DATATYPE_MISMATCH,
			PyUnicode_FromFormat("TD[\"new\"] dictionary key at ordinal position %zd is not a string", ordinal), NULL);
	name = PyUnicode_AsUTF8(key);
	if (name == NULL)
	{
		exceptions_wrap_conversion("could not convert Python Unicode object to bytes");
		return -1;
	}
	column = trigger_search_column(trigger->row, name, likely);
	if (column < 0 && trigger_is_system_column(name))
		return trigger_fail(SQLSTATE_FEATURE_NOT_SUPPORTED,
							PyUnicode_FromFormat("cannot set system attribute \"%s\"", name), NULL);
	if (column < 0)
		return trigger_fail(
			SQLSTATE_UNDEFINED_COLUMN,
			PyUnicode_FromFormat("key \"%s\" found in TD[\"new\"] does not exist as a column in the triggering row",
								 name),
			NULL);
	if (trigger->is_generated[column])
		return trigger_fail(SQLSTATE_TRIGGER_PROTOCOL_VIOLATED,
							PyUnicode_FromFormat("cannot set generated column \"%s\"", name), NULL);
	return column;
}

/* TD["new"], borrowed, if it is a dictionary; else NULL with an exception set. */
static PyObject *
trigger_get_new(const Trigger *trigger)
{
	PyObject *new = PyDict_GetItemString(trigger->td, "new");

	if (new == NULL)
		(void) trigger_fail(SQLSTATE_UNDEFINED_OBJECT, PyUnicode_FromString("TD[\"new\"] deleted, cannot modify row"),
							NULL);
	else if (!PyDict_Check(new))
	{
		(void) trigger_fail(SQLSTATE_DATATYPE_MISMATCH, PyUnicode_FromString("TD[\"new\"] is not a dictionary"), NULL);
		new = NULL;
	}
	return new;
}

/*
 * Writes the column and its value. Returns 1 if the frame ends in the middle of the value, with a fault; or -1 with an
 * exception set and nothing written.
 */
static int
trigger_put_column(WireWriter *w, const Trigger *trigger, uint16_t column, PyObject *value)
{
	ErrorSite site = {.function = trigger->function};
	size_t start = w->size, value_start;

	wire_put_u8(w, WIRE_TRIGGER_COLUMN);
	wire_put_u16(w, column);
	value_start = w->size;
	if (value_out(w, trigger->row->columns[column].type, value, false) == 0)
		return value_out_finish(w);
	if (error_put_fault(w, value_start, &site))
		return 1;
	w->size = start;
	return -1;
}

/* Converting a value may run user code, which may change the dictionary: items are those it had before. */
static int
trigger_put_items(WireWriter *w, const Trigger *trigger, PyObject *items)
{
	int column = -1, result;

	for (Py_ssize_t i = 0; i < PyList_GET_SIZE(items); i++)
	{
		PyObject *item = PyList_GET_ITEM(items, i);

		column = trigger_find_column(trigger, PyTuple_GET_ITEM(item, 0), i, (uint16_t) (column + 1));
		result = column < 0 ? -1 : trigger_put_column(w, trigger, (uint16_t) column, PyTuple_GET_ITEM(item, 1));
		if (result != 0)
			return result;
	}
	wire_put_u8(w, WIRE_TRIGGER_END);
	return value_out_finish(w);
}

static int
trigger_put_new(WireWriter *w, const Trigger *trigger)
{
	PyObject *new = trigger_get_new(trigger);
	PyObject *items = new == NULL ? NULL : PyDict_Items(new);
	int result = items == NULL ? -1 : trigger_put_items(w, trigger, items);

	Py_XDECREF(items);
	return result;
}

/* The WireTriggerAction that the function's result asks for, or -1 with an exception set. */
static int
trigger_action(PyObject *result)
{
	static const char *const words[WIRE_TRIGGER_ACTION_COUNT] = {"OK", "SKIP", "MODIFY"};
	const char *word;

	if (result == Py_None)
		return WIRE_TRIGGER_OK;
	if (!PyUnicode_Check(result))
		return trigger_fail(SQLSTATE_DATA_EXCEPTION,
							PyUnicode_FromString("unexpected return value from trigger procedure"),
							"Expected None or a string.");
	word = PyUnicode_AsUTF8(result);
	if (word == NULL)
	{
		exceptions_wrap_conversion("could not convert Python Unicode object to bytes");
		return -1;
	}
	for (int i = 0; i < WIRE_TRIGGER_ACTION_COUNT; i++)
		if (PyOS_stricmp(word, words[i]) == 0)
			return i;
	return trigger_fail(SQLSTATE_DATA_EXCEPTION, PyUnicode_FromString("unexpected return value from trigger procedure"),
						"Expected None, \"OK\", \"SKIP\", or \"MODIFY\".");
}

/* Ends the columns with what was wrong with the next; alone if there is no room for more. */
static WireKind
trigger_put_fault(Outbox *out, const Trigger *trigger)
{
	ErrorSite site = {.function = trigger->function, .activity = TRIGGER_ACTIVITY};

	if (out->writer.error != 0)
		return call_put_error(out, &site);
	wire_put_u8(&out->writer, WIRE_TRIGGER_FAULT);
	error_put(&out->writer, &site);
	return out->writer.error == 0 ? WIRE_RESULT : call_put_error(out, &site);
}

static WireKind
trigger_put_answer(Outbox *out, const Trigger *trigger, PyObject *result)
{
	ErrorSite site = {.function = trigger->function};
	int action = trigger_action(result);

	if (action < 0)
		return call_put_error(out, &site);
	wire_put_u8(&out->writer, (uint8_t) action);
	if (action != WIRE_TRIGGER_MODIFY || !trigger->has_new || trigger_put_new(&out->writer, trigger) >= 0)
		return WIRE_RESULT;
	return trigger_put_fault(out, trigger);
}

/* Between function_enter and function_leave. */
static WireKind
trigger_run(Outbox *out, const Trigger *trigger)
{
	ErrorSite site = {.function = trigger->function};
	PyObject *result = NULL;
	WireKind kind;

	if (function_compile(trigger->function) != 0)
		return call_put_compile_error(out, trigger->function);
	activation_current()->may_request = true;
	if (function_bind_trigger(trigger->function, trigger->td) == 0)
		result = PyObject_CallNoArgs(trigger->function->callable);
	if (result == NULL)
		return call_put_error(out, &site);
	kind = trigger_put_answer(out, trigger, result);
	Py_DECREF(result);
	return kind;
}

static WireKind
trigger_enter(Outbox *out, const Trigger *trigger)
{
	ErrorSite site = {.function = trigger->function};
	FunctionArguments *outer;
	WireKind kind;

	if (trigger->td == NULL || function_enter(trigger->function, &outer) != 0)
		return call_put_error(out, &site);
	kind = trigger_run(out, trigger);
	function_leave(trigger->function, outer);
	return kind;
}

void
trigger_serve(Inbox *in)
{
	Trigger trigger = {.function = NULL};
	Outbox out;

	activation_hear_interrupt();
	trigger_read(in, &trigger);
	channel_release(in);
	outbox_open(&out);
	call_answer(&out, trigger_enter(&out, &trigger));
	trigger_clear(&trigger);
}
