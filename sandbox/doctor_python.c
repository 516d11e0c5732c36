/* doctor_python.c - whether the interpreter and what the pools want of Python is there. Runs as the server's user. */
#include "sandbox/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PYTHON "/usr/bin/python3"
#define PYTHON_IMPORT "import importlib, sys; sys.path[:0] = sys.argv[2:]; importlib.import_module(sys.argv[1])"
#define PYTHON_FIXED 5 /* arguments before the packages */

static void
python_examine_interpreter(Doctor *doctor)
{
	const char *path = doctor->launcher.interpreter_path;
	DoctorFinding *finding = doctor_finding_add(doctor, "interpreter", "");

	finding->needed_by = DOCTOR_PYBOX | DOCTOR_PYBOXU;
	finding->works = access(path, X_OK) == 0;
	snprintf(finding->why, sizeof(finding->why), finding->works ? "%s" : "%s: %s", path, strerror(errno));
	if (finding->works)
		return;
	snprintf(finding->cause, sizeof(finding->cause), "interpreter");
	snprintf(finding->mend, sizeof(finding->mend), "make install  # of pybox\nchmod 755 '%s'", path);
}

static void
python_examine_package(Doctor *doctor, const char *folder)
{
	DoctorFinding *finding = doctor_finding_add(doctor, "package ", folder);

	if (finding == NULL)
		return;
	finding->needed_by = DOCTOR_PYBOX | DOCTOR_PYBOXU;
	finding->works = access(folder, R_OK | X_OK) == 0;
	if (finding->works)
		return;
	snprintf(finding->why, sizeof(finding->why), "%s: %s", folder, strerror(errno));
	snprintf(finding->cause, sizeof(finding->cause), "package");
	snprintf(finding->mend, sizeof(finding->mend), "mkdir -p '%s' && chmod -R a+rX '%s'", folder, folder);
}

static bool
python_imports(const PolicyPool *pool, const char *module)
{
	char *arguments[PYTHON_FIXED + POLICY_PACKAGES_MAX + 1] = {PYTHON, "-I", "-c", PYTHON_IMPORT, (char *) module};
	int status;
	pid_t child = fork();

	for (int i = 0; i < pool->package_count; i++)
		arguments[PYTHON_FIXED + i] = (char *) pool->packages[i];
	if (child == 0)
	{
		int null = open("/dev/null", O_RDWR);

		(void) dup2(null, STDIN_FILENO);
		(void) dup2(null, STDOUT_FILENO);
		(void) dup2(null, STDERR_FILENO);
		execv(PYTHON, arguments);
		_exit(127);
	}
	while (child > 0 && waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool
python_is_examined(const Doctor *doctor, const char *kind, const char *name)
{
	for (int i = 0; i < doctor->finding_count; i++)
		if (strncmp(doctor->findings[i].name, kind, strlen(kind)) == 0 &&
			strcmp(doctor->findings[i].name + strlen(kind), name) == 0)
			return true;
	return false;
}

/* Debian names its packages after the modules. */
static void
python_examine_module(Doctor *doctor, const PolicyPool *pool, const char *module)
{
	DoctorFinding *finding = doctor_finding_add(doctor, "module ", module);

	if (finding == NULL)
		return;
	finding->needed_by = DOCTOR_PYBOX | DOCTOR_PYBOXU;
	finding->works = python_imports(pool, module);
	if (finding->works)
		return;
	snprintf(finding->why, sizeof(finding->why), "pool \"%s\" preloads it, and " PYTHON " cannot import it",
			 pool->name);
	snprintf(finding->cause, sizeof(finding->cause), "module");
	snprintf(finding->mend, sizeof(finding->mend), "apt-get install python3-%.*s", (int) strcspn(module, "."), module);
}

void
doctor_examine_python(Doctor *doctor)
{
	const Policy *policy = &doctor->launcher.policy;

	python_examine_interpreter(doctor);
	for (int i = 0; i < policy->pool_count; i++)
	{
		const PolicyPool *pool = &policy->pools[i];

		for (int p = 0; p < pool->package_count; p++)
			if (!python_is_examined(doctor, "package ", pool->packages[p]))
				python_examine_package(doctor, pool->packages[p]);
		for (int m = 0; m < pool->preload_count; m++)
			if (!python_is_examined(doctor, "module ", pool->preload[m]))
				python_examine_module(doctor, pool, pool->preload[m]);
	}
}
