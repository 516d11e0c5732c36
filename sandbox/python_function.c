/*
 * python_function.c - the user's functions by handle, and their compilation.
 *
 * DESIGN. As in PL/Python a body becomes a function definition with every line indented by a tab, in a copy of the
 * interpreter's globals of its own, to which SD, args and the arguments' names are added. It is compiled at its first
 * call. A function in use outlives its handle. Runs in: child.
 */
#include "sandbox/python_function.h"

#include <stdio.h>
#include <string.h>

#include "sandbox/python_table.h"
#include "sandbox/python_text.h"

static Table function_table;
static PyObject *function_base;

int
function_set_base(PyObject *globals)
{
	function_base = Py_NewRef(globals);
	return 0;
}

Function *
function_share(Function *function)
{
	function->references++;
	return function;
}

void
function_release(Function *function)
{
	if (function == NULL || --function->references > 0)
		return;
	for (uint16_t i = 0; i < function->name_count; i++)
		Py_XDECREF(function->names[i]);
	PyMem_RawFree(function->names);
	PyMem_RawFree(function->name);
	PyMem_RawFree(function->source);
	PyMem_RawFree(function->python_name);
	Py_XDECREF(function->callable);
	Py_XDECREF(function->globals);
	PyMem_RawFree(function);
}

static int
function_read_names(WireReader *r, Function *function)
{
	uint16_t count = wire_get_u16(r);

	function->names = PyMem_RawCalloc((size_t) count + 1, sizeof(PyObject *));
	if (function->names == NULL)
	{
		PyErr_NoMemory();
		return -1;
	}
	function->name_count = count;
	for (uint16_t i = 0; i < count; i++)
	{
		PyObject *name = text_get_optional(r);

		if (name == NULL)
			return -1;
		if (name == Py_None || PyUnicode_GET_LENGTH(name) == 0)
		{
			Py_DECREF(name);
			continue;
		}
		PyUnicode_InternInPlace(&name);
		function->names[i] = name;
	}
	return 0;
}

/* The name that PL/Python would give the definition: letters and digits, the rest underscores. */
static char *
function_make_name(const Function *function)
{
	size_t size = strlen(function->name) + 64;
	char *name = PyMem_RawMalloc(size);

	if (name == NULL)
		return (char *) PyErr_NoMemory();
	if (function->flags & WIRE_FUNCTION_INLINE)
		snprintf(name, size, "__plpython_inline_block");
	else
		snprintf(name, size, "__plpython_procedure_%s_%u", function->name, function->oid);
	for (char *letter = name; *letter != '\0'; letter++)
		if (!Py_ISALNUM((unsigned char) *letter))
			*letter = '_';
	return name;
}

/* body, as the body of a function definition. Line ends of any system count. */
static char *
function_make_source(const char *name, const char *body)
{
	size_t size = 2 * strlen(body) + strlen(name) + 16;
	char *source = PyMem_RawMalloc(size);
	char *to;

	if (source == NULL)
		return (char *) PyErr_NoMemory();
	to = source + snprintf(source, size, "def %s():\n\t", name);
	for (const char *from = body; *from != '\0'; from++)
	{
		if (from[0] == '\r' && from[1] == '\n')
			continue;
		*to++ = *from == '\r' ? '\n' : *from;
		if (to[-1] == '\n')
			*to++ = '\t';
	}
	memcpy(to, "\n\n", 3);
	return source;
}

static int
function_read_parts(WireReader *r, Function *function)
{
	char *body;

	function->name = text_get_copy(r);
	if (function->name == NULL)
		return -1;
	body = text_get_copy(r);
	if (body == NULL)
		return -1;
	function->python_name = function_make_name(function);
	if (function->python_name != NULL)
		function->source = function_make_source(function->python_name, body);
	PyMem_RawFree(body);
	return function->source == NULL ? -1 : function_read_names(r, function);
}

Function *
function_read(WireReader *r)
{
	Function *function = PyMem_RawCalloc(1, sizeof(Function));

	if (function == NULL)
		return (Function *) PyErr_NoMemory();
	function->references = 1;
	function->handle = wire_get_u32(r);
	function->oid = wire_get_u32(r);
	function->flags = wire_get_u8(r);
	if (function_read_parts(r, function) != 0)
	{
		function_release(function);
		return NULL;
	}
	return function;
}

int
function_register(WireReader *r)
{
	Function *function = function_read(r);

	if (function == NULL)
		return -1;
	function_forget(function->handle);
	if (table_add(&function_table, function->handle, function) == 0)
		return 0;
	function_release(function);
	return -1;
}

Function *
function_find(uint32_t handle)
{
	return table_find(&function_table, handle);
}

void
function_forget(uint32_t handle)
{
	function_release(table_take(&function_table, handle));
}

int
function_check(const Function *function)
{
	PyObject *code = Py_CompileString(function->source, "<string>", Py_file_input);

	Py_XDECREF(code);
	return code == NULL ? -1 : 0;
}

/* A copy of the base with an SD of its own. */
static PyObject *
function_make_globals(void)
{
	PyObject *globals = PyDict_Copy(function_base);
	PyObject *statics = PyDict_New();

	if (globals != NULL && (statics == NULL || PyDict_SetItemString(globals, "SD", statics) != 0))
		Py_CLEAR(globals);
	Py_XDECREF(statics);
	return globals;
}

/* A module's code that calls the definition: what Python sees of its stack starts with such a frame in PL/Python, too. */
static PyObject *
function_make_callable(const Function *function)
{
	PyObject *call = PyUnicode_FromFormat("%s()", function->python_name);
	const char *text = call == NULL ? NULL : PyUnicode_AsUTF8(call);
	PyObject *code = text == NULL ? NULL : Py_CompileString(text, "<string>", Py_eval_input);
	PyObject *callable = code == NULL ? NULL : PyFunction_New(code, function->globals);

	Py_XDECREF(call);
	Py_XDECREF(code);
	return callable;
}

int
function_compile(Function *function)
{
	PyObject *code, *done;

	if (function->callable != NULL)
		return 0;
	Py_XSETREF(function->globals, function_make_globals());
	if (function->globals == NULL)
		return -1;
	code = Py_CompileString(function->source, "<string>", Py_file_input);
	if (code == NULL)
		return -1;
	done = PyEval_EvalCode(code, function->globals, function->globals);
	Py_DECREF(code);
	if (done == NULL)
		return -1;
	Py_DECREF(done);
	function->callable = function_make_callable(function);
	return function->callable == NULL ? -1 : 0;
}

PyObject *
function_source_line(const Function *function, long line)
{
	const char *start = function->source;
	const char *end;

	for (long i = 1; i < line && start != NULL; i++)
	{
		start = strchr(start, '\n');
		start = start == NULL ? NULL : start + 1;
	}
	if (line <= 0 || start == NULL)
		return NULL;
	end = strchr(start, '\n');
	if (end == NULL)
		end = start + strlen(start);
	while (start < end && Py_ISSPACE(*start))
		start++;
	return start == end ? NULL : PyUnicode_DecodeUTF8(start, end - start, "replace");
}
