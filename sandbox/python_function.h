/*
 * python_function.h - the user's functions by handle: source, globals, arguments.
 */
#ifndef PYBOX_PYTHON_FUNCTION_H
#define PYBOX_PYTHON_FUNCTION_H

#include <Python.h>

#include "sandbox/wire.h"

typedef struct Function
{
	uint32_t references;
	uint32_t handle;
	uint32_t oid;		/* for the Python name */
	uint8_t flags;		/* WireFunctionFlag */
	char *name;			/* of the SQL function */
	char *source;		/* as Python gets it */
	char *python_name;	/* of the function that the source defines */
	PyObject *globals;	/* NULL until the first call */
	PyObject *callable; /* NULL until it is compiled */
	int depth;			/* activations on the stack */
	uint16_t name_count;
	PyObject **names; /* interned strings; NULL for an argument without a name */
} Function;

/* Values of "args" and of the named arguments, in that order; NULL where a name is not set. */
typedef struct FunctionArguments FunctionArguments;

/* Called once, before any function: what the globals of all functions start with. */
int function_set_base(PyObject *globals);

/* A new function with one reference from WIRE_FUNCTION's or WIRE_CHECK's payload, or NULL as readers do (python_text.h). */
Function *function_read(WireReader *r);
Function *function_share(Function *function);
void function_release(Function *function);

/* Reads WIRE_FUNCTION, which may replace a handle. Returns 0, or -1 as readers do. */
int function_register(WireReader *r);
Function *function_find(uint32_t handle); /* borrowed; NULL: unknown */
void function_forget(uint32_t handle);

/* These return 0, or -1 with an exception set. */
int function_check(const Function *function); /* only compiles */
int function_compile(Function *function);	  /* once; then it can be called */
int function_bind(Function *function, PyObject *args);
int function_bind_trigger(Function *function, PyObject *td);

/* Before and after a call: a recursive one must find, and leave, the outer one's arguments in the globals. */
int function_enter(Function *function, FunctionArguments **outer);
void function_leave(Function *function, FunctionArguments *outer);
FunctionArguments *function_save_arguments(const Function *function);
/* Takes saved over; NULL is fine. */
void function_restore_arguments(Function *function, FunctionArguments *saved);
void function_drop_arguments(const Function *function, FunctionArguments *saved);

/* The source's line without its indent: a new reference, or NULL with no exception set. */
PyObject *function_source_line(const Function *function, long line);

#endif
