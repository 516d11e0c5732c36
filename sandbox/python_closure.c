/*
 * python_closure.c - callbacks of ctypes in interpreters that may not make memory executable.
 *
 * DESIGN. libffi has the code of its trampolines in pages that it maps from a file of its own making, a hundred or so a
 * page, when a first callback needs them. The last filter of a trusted interpreter refuses that, and `import ctypes` alone
 * makes a callback. So the zygote makes many at once and keeps a few of them for good: the pages stay, and children take
 * the free places in them. Runs in: zygote.
 */
#include <Python.h>

#include "sandbox/python_closure.h"

/* How many callbacks a child can have at a time, and how many share a page at the very least. */
#define CLOSURE_COUNT "2048"
#define CLOSURE_PAGE "32"

static const char closure_source[] =
	"import ctypes\n"
	"prototype = ctypes.CFUNCTYPE(None)\n"
	"def function(): pass\n"
	"kept = [prototype(function) for _ in range(" CLOSURE_COUNT ")][::" CLOSURE_PAGE "]\n";

void
closure_prepare(void)
{
	static PyObject *kept; /* for good */
	PyObject *names = kept == NULL ? PyDict_New() : NULL;
	PyObject *done = NULL;

	if (names != NULL && PyDict_SetItemString(names, "__builtins__", PyEval_GetBuiltins()) == 0)
		done = PyRun_String(closure_source, Py_file_input, names, names);
	if (done != NULL)
		kept = Py_XNewRef(PyDict_GetItemString(names, "kept"));
	Py_XDECREF(done);
	Py_XDECREF(names);
	PyErr_Clear();
}
