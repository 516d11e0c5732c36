/*
 * python_start.c - Python itself: configured, its modules preloaded.
 *
 * Python takes nothing from the environment or the home directory and writes no bytecode. Its own signal handlers stay
 * out, but for SIGINT it believes to have one: python_activation.c's handler decides whether that one is asked.
 *
 * Runs in: zygote; start_reseed in the child.
 */
#include <Python.h>

#include "sandbox/python_start.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "sandbox/python_activation.h"
#include "sandbox/python_closure.h"
#include "sandbox/python_exceptions.h"
#include "sandbox/python_function.h"
#include "sandbox/python_memory.h"
#include "sandbox/python_plpy.h"

#define START_PROGRAM L"/usr/bin/python3"

static int
start_initialize(char *error, size_t size)
{
	PyPreConfig before;
	PyConfig config;
	PyStatus status;

	memory_watch_arenas();
	PyPreConfig_InitIsolatedConfig(&before);
	before.utf8_mode = 1;
	status = Py_PreInitialize(&before);
	if (!PyStatus_Exception(status) && PyImport_AppendInittab("plpy", plpy_init) != 0)
		status = PyStatus_NoMemory();
	PyConfig_InitIsolatedConfig(&config);
	config.write_bytecode = 0;
	config.install_signal_handlers = 0;
	config.site_import = 1;
	config.user_site_directory = 0;
	if (!PyStatus_Exception(status))
		status = PyConfig_SetString(&config, &config.program_name, START_PROGRAM);
	if (!PyStatus_Exception(status))
		status = Py_InitializeFromConfig(&config);
	PyConfig_Clear(&config);
	if (!PyStatus_Exception(status))
		return 0;
	snprintf(error, size, "python: %s", status.err_msg == NULL ? "cannot start" : status.err_msg);
	return -1;
}

/* Importing signal makes Python's handler for SIGINT known to Python; the handler that counts replaces it at once. */
static int
start_signals(void)
{
	PyObject *module = PyImport_ImportModule("signal");

	Py_XDECREF(module);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	activation_catch_interrupts();
	return module == NULL ? -1 : 0;
}

/* What every function's globals begin with: __main__'s, plpy and the shared GD. */
static int
start_globals(void)
{
	PyObject *main_module = PyImport_AddModule("__main__");
	PyObject *globals = main_module == NULL ? NULL : PyModule_GetDict(main_module);
	PyObject *plpy = PyImport_ImportModule("plpy");
	PyObject *shared = PyDict_New();
	int result = -1;

	if (globals != NULL && plpy != NULL && shared != NULL && PyDict_SetItemString(globals, "plpy", plpy) == 0 &&
		PyDict_SetItemString(globals, "GD", shared) == 0)
		result = function_set_base(globals);
	Py_XDECREF(plpy);
	Py_XDECREF(shared);
	return result;
}

/* Before the distribution's packages, so that a pool's own versions win, but after the standard library. */
static Py_ssize_t
start_package_place(PyObject *path)
{
	Py_ssize_t place = 0;

	for (; place < PyList_GET_SIZE(path); place++)
	{
		const char *folder = PyUnicode_AsUTF8(PyList_GET_ITEM(path, place));

		if (folder != NULL && strstr(folder, "-packages") != NULL)
			break;
	}
	PyErr_Clear();
	return place;
}

static int
start_packages(const StartList *packages)
{
	PyObject *path = PySys_GetObject("path");
	Py_ssize_t place;

	if (path == NULL || !PyList_Check(path))
		return -1;
	place = start_package_place(path);
	for (int i = 0; i < packages->count; i++)
	{
		PyObject *folder = PyUnicode_DecodeFSDefault(packages->of[i]);
		int result = folder == NULL ? -1 : PyList_Insert(path, place + i, folder);

		Py_XDECREF(folder);
		if (result != 0)
			return -1;
	}
	return 0;
}

/* Puts "stage: exception" into error and clears it. */
static int
start_fail(const char *stage, const char *name, char *error, size_t size)
{
	PyObject *exception = exception_take();
	PyObject *words = exception == NULL ? NULL : exception_describe(exception);
	const char *text = words == NULL ? NULL : PyUnicode_AsUTF8(words);

	snprintf(error, size, "%s%s%s: %s", stage, name[0] == '\0' ? "" : " ", name, text == NULL ? "failed" : text);
	Py_XDECREF(words);
	Py_XDECREF(exception);
	PyErr_Clear();
	return -1;
}

static int
start_preloads(const StartList *preloads, char *error, size_t size)
{
	for (int i = 0; i < preloads->count; i++)
	{
		PyObject *module = PyImport_ImportModule(preloads->of[i]);

		if (module == NULL)
			return start_fail("preload", preloads->of[i], error, size);
		Py_DECREF(module);
	}
	return 0;
}

/* What is alive now is shared with the children for good: their collectors shall not touch its pages. */
static int
start_freeze(void)
{
	PyObject *module = PyImport_ImportModule("gc");
	PyObject *done = NULL;

	PyGC_Collect();
	if (module != NULL)
		done = PyObject_CallMethod(module, "freeze", NULL);
	Py_XDECREF(module);
	Py_XDECREF(done);
	return done == NULL ? -1 : 0;
}

int
start_python(const StartOptions *options, char *error, size_t size)
{
	if (start_initialize(error, size) != 0)
		return -1;
	if (start_globals() != 0)
		return start_fail("plpy", "", error, size);
	if (start_signals() != 0)
		return start_fail("signals", "", error, size);
	if (start_packages(&options->packages) != 0)
		return start_fail("packages", "", error, size);
	if (start_preloads(&options->preloads, error, size) != 0)
		return -1;
	closure_prepare();
	activation_catch_interrupts(); /* a preloaded module may have put its own in place */
	return start_freeze() == 0 ? 0 : start_fail("gc", "", error, size);
}

/* Seeds the module's generator from the kernel, if the module was imported and has one. */
static int
start_reseed_module(const char *module_name)
{
	PyObject *name = PyUnicode_FromString(module_name);
	PyObject *module = name == NULL ? NULL : PyImport_GetModule(name);
	PyObject *seed = module == NULL ? NULL : PyObject_GetAttrString(module, "seed");
	PyObject *done = seed == NULL ? NULL : PyObject_CallNoArgs(seed);
	int result = name == NULL || (seed != NULL && done == NULL) ? -1 : 0;

	Py_XDECREF(done);
	Py_XDECREF(seed);
	Py_XDECREF(module);
	Py_XDECREF(name);
	PyErr_Clear();
	return result;
}

/* The generators that libraries share; secrets, uuid, ssl and new generators ask the kernel, or see that the pid is another. */
int
start_reseed(void)
{
	static const char *const modules[] = {"random", "numpy.random"};
	int result = 0;

	for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]) && result == 0; i++)
		result = start_reseed_module(modules[i]);
	return result;
}
