/*
 * python_closure.c - callbacks of ctypes in interpreters that may not make memory executable.
 *
 * DESIGN. libffi writes the code of its trampolines into pages that it may write and run, a hundred or so a page, when a
 * first callback needs them. The last filter of a trusted interpreter refuses such pages, and `import ctypes` alone makes a
 * callback. So the zygote makes many at once and keeps a few of them for good: the pages stay, and children take the free
 * places in their own copies of them. Runs in: zygote.
 */
#include <Python.h>

#include "sandbox/python_closure.h"

#include <stdbool.h>
#include <sys/mman.h>

/* How many callbacks a child can have at a time, and how many share a page at the very least. */
#define CLOSURE_COUNT "2048"
#define CLOSURE_PAGE "32"

static const char closure_source[] =
	"import ctypes\n"
	"prototype = ctypes.CFUNCTYPE(None)\n"
	"def function(): pass\n"
	"kept = [prototype(function) for _ in range(" CLOSURE_COUNT ")][::" CLOSURE_PAGE "]\n";

/* If not, libffi takes a file that it maps twice, and children would share it with each other. */
static bool
closure_is_private(void)
{
	const int both = PROT_READ | PROT_WRITE | PROT_EXEC;
	void *page = mmap(NULL, 1, both, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return page != MAP_FAILED && munmap(page, 1) == 0;
}

void
closure_prepare(void)
{
	static PyObject *kept; /* for good */
	PyObject *names = kept == NULL && closure_is_private() ? PyDict_New() : NULL;
	PyObject *done = NULL;

	if (names != NULL && PyDict_SetItemString(names, "__builtins__", PyEval_GetBuiltins()) == 0)
		done = PyRun_String(closure_source, Py_file_input, names, names);
	if (done != NULL)
		kept = Py_XNewRef(PyDict_GetItemString(names, "kept"));
	Py_XDECREF(done);
	Py_XDECREF(names);
	PyErr_Clear();
}
