/*
 * doctor.c - tries the layers as a server's launcher would, with the launcher's own probes, and asks for the causes.
 *
 * DESIGN. What counts is what the server's user can do where the server runs: root goes there first (on version 2 into the
 * cgroup that the server lives in) and becomes that user. An empty folder made for this stands for the data directory.
 */
#include "sandbox/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "sandbox/cgroup_file.h"
#include "sandbox/launcher_layer.h"
#include "sandbox/launcher_machine.h"

#define EXIT_FAULT 1
#define EXIT_USAGE 2
#define DEFAULT_USER "postgres"

static int
doctor_fail(int status, const char *what, const char *detail)
{
	fprintf(stderr, "pybox doctor: %s: %s\n", what, detail);
	return status;
}

DoctorFinding *
doctor_finding_add(Doctor *doctor, const char *format, const char *name)
{
	DoctorFinding *finding = &doctor->findings[doctor->finding_count];

	if (doctor->finding_count == DOCTOR_FINDINGS_MAX)
		return NULL;
	doctor->finding_count++;
	snprintf(finding->name, sizeof(finding->name), "%s%.255s", format, name);
	return finding;
}

int
doctor_required_missing(const Doctor *doctor)
{
	int count = 0;

	for (int i = 0; i < doctor->finding_count; i++)
		count += !doctor->findings[i].works && doctor->findings[i].needed_by != 0;
	return count;
}

/* The programs lie next to each other. */
static int
doctor_interpreter_find(Doctor *doctor)
{
	char *path = doctor->launcher.interpreter_path;
	ssize_t length = readlink("/proc/self/exe", path, LAUNCHER_PATH_SIZE - sizeof("-interpreter"));

	if (length < 0)
		return doctor_fail(EXIT_FAULT, "/proc/self/exe", strerror(errno));
	path[length] = '\0';
	snprintf(strrchr(path, '/'), sizeof("/pybox-interpreter"), "/pybox-interpreter");
	return 0;
}

/* A service of an instance lies in the slice of its template. The doctor is not where the server is, which auto means. */
static int
doctor_cgroup_choose(DoctorOptions *options)
{
	static char path[LAUNCHER_PATH_SIZE];
	bool is_auto = options->cgroup != NULL && strcmp(options->cgroup, CGROUP_AUTO) == 0;
	int template = options->unit == NULL ? 0 : (int) strcspn(options->unit, "@");

	if (is_auto && options->unit == NULL)
		return doctor_fail(EXIT_USAGE, "--cgroup " CGROUP_AUTO, "needs --unit");
	if (options->unit == NULL || (options->cgroup != NULL && !is_auto))
		return 0;
	if (machine_cgroup_version() != 2)
		snprintf(path, sizeof(path), "/pybox");
	else if (options->unit[template] == '@')
		snprintf(path, sizeof(path), "/system.slice/system-%.*s.slice/%s.service", template, options->unit,
				 options->unit);
	else
		snprintf(path, sizeof(path), "/system.slice/%s.service", options->unit);
	options->cgroup = path;
	return 0;
}

/* Of version 2, to where its launcher moved the server, if it did. Where there is no such group yet, the probes say so. */
static void
doctor_cgroup_enter(const Doctor *doctor)
{
	const char *cgroup = doctor->options.cgroup;
	char mount[CGROUP_PATH_SIZE], server[CGROUP_PATH_SIZE];

	if (geteuid() != 0 || cgroup == NULL || machine_cgroup_version() != 2)
		return;
	cgroup += strspn(cgroup, "/");
	machine_cgroup_mount(mount, sizeof(mount));
	if (cgroup_file_path(server, cgroup, "server", "") == 0 &&
		cgroup_file_write_number(mount, server, "cgroup.procs", getpid()) < 0)
		(void) cgroup_file_write_number(mount, cgroup, "cgroup.procs", getpid());
}

static int
doctor_user_become(Doctor *doctor)
{
	const char *name = doctor->options.user;
	const struct passwd *user;

	if (name == NULL && geteuid() == 0)
		name = DEFAULT_USER;
	user = name == NULL ? getpwuid(geteuid()) : getpwnam(name);
	if (user == NULL)
		return doctor_fail(EXIT_USAGE, name == NULL ? "own user" : name, "there is no such user");
	doctor->what = (LauncherCauseFor){.user = strdup(user->pw_name), .unit = doctor->options.unit};
	if (user->pw_uid == geteuid())
		return 0;
	if (initgroups(user->pw_name, user->pw_gid) < 0 || setgid(user->pw_gid) < 0 || setuid(user->pw_uid) < 0)
		return doctor_fail(EXIT_FAULT, user->pw_name, strerror(errno));
	/* Changing the user made /proc/self root's. */
	return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0 ? doctor_fail(EXIT_FAULT, user->pw_name, strerror(errno)) : 0;
}

static int
doctor_policy_read(Doctor *doctor)
{
	static char text[POLICY_TEXT_MAX + 1];
	const char *file = doctor->options.policy, *from = policy_default_text();
	size_t length = strlen(from);
	PolicyError error = {0};
	int result = 0;

	if (file != NULL)
	{
		from = text;
		result = policy_read(file, text, &length, &error);
	}
	if (result == 0)
		result = policy_parse(from, length, &doctor->launcher.policy, &error);
	if (result == 0)
		return 0;
	fprintf(stderr, "%s:%d:%d: %s\n", file == NULL ? "built-in policy" : file, error.line, error.column, error.message);
	return EXIT_FAULT;
}

static int
doctor_folder_make(Doctor *doctor)
{
	char version[LAUNCHER_PATH_SIZE + 16];
	int fd;

	snprintf(doctor->launcher.data_directory, LAUNCHER_PATH_SIZE, "/tmp/pybox-doctor.XXXXXX");
	if (mkdtemp(doctor->launcher.data_directory) == NULL)
		return doctor_fail(EXIT_FAULT, "/tmp", strerror(errno));
	snprintf(version, sizeof(version), "%s/PG_VERSION", doctor->launcher.data_directory);
	fd = open(version, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
	return fd < 0 ? doctor_fail(EXIT_FAULT, version, strerror(errno)) : 0;
}

static void
doctor_folder_remove(const Doctor *doctor)
{
	char version[LAUNCHER_PATH_SIZE + 16];

	snprintf(version, sizeof(version), "%s/PG_VERSION", doctor->launcher.data_directory);
	(void) unlink(version);
	(void) rmdir(doctor->launcher.data_directory);
}

/* Every database has both languages; the pools say what of a layer they need. */
static unsigned
doctor_needed_by(const Launcher *launcher, int layer)
{
	const Policy *policy = &launcher->policy;
	unsigned needed_by = 0;

	for (int i = 0; i < policy->pool_count; i++)
		for (int trusted = 0; trusted <= 1; trusted++)
		{
			uint32_t needed = policy_layers_needed(policy, &policy->pools[i], trusted) |
							  policy_layers_missing(policy, &policy->pools[i], trusted, launcher->layers);

			if ((needed & LAYER_BIT(layer)) != 0)
				needed_by |= trusted ? DOCTOR_PYBOX : DOCTOR_PYBOXU;
		}
	return needed_by;
}

static void
doctor_layer_examine(Doctor *doctor, int layer)
{
	const Launcher *launcher = &doctor->launcher;
	DoctorFinding *finding = doctor_finding_add(doctor, "", layer_name(layer));
	const LauncherCause *cause;

	finding->works = (launcher->layers & LAYER_BIT(layer)) != 0;
	finding->needed_by = doctor_needed_by(launcher, layer);
	if (finding->works)
	{
		launcher_layer_detail(launcher, layer, finding->why, sizeof(finding->why));
		return;
	}
	cause = launcher_cause_find(launcher, layer, &doctor->what);
	snprintf(finding->cause, sizeof(finding->cause), "%s", cause->name);
	launcher_cause_word(launcher, cause->why, layer, &doctor->what, finding->why, sizeof(finding->why));
	if (cause->mend != NULL)
		launcher_cause_word(launcher, cause->mend, layer, &doctor->what, finding->mend, sizeof(finding->mend));
}

/* As the launcher does at its start. What it did not find there is gone afterwards. */
static void
doctor_layers_probe(Doctor *doctor)
{
	Launcher *launcher = &doctor->launcher;
	int64_t before;
	bool is_in_use;

	cgroup_open(&launcher->cgroup, doctor->options.cgroup == NULL ? "" : doctor->options.cgroup);
	is_in_use = cgroup_is_in_use(&launcher->cgroup);
	before = machine_now_ms();
	launcher_layer_probe(launcher, LAYER_ALL);
	doctor->milliseconds = (long) (machine_now_ms() - before);
	if (!is_in_use)
		cgroup_leave(&launcher->cgroup);
}

int
doctor_examine(Doctor *doctor)
{
	int status = doctor_interpreter_find(doctor);

	if (status == 0)
		status = doctor_cgroup_choose(&doctor->options);
	if (status != 0)
		return status;
	doctor_cgroup_enter(doctor);
	status = doctor_user_become(doctor);
	if (status == 0)
		status = doctor_policy_read(doctor);
	if (status == 0)
		status = doctor_folder_make(doctor);
	if (status != 0)
		return status;
	doctor_layers_probe(doctor);
	doctor_folder_remove(doctor);
	for (int layer = 0; layer < LAYER_COUNT; layer++)
		doctor_layer_examine(doctor, layer);
	doctor_examine_python(doctor);
	return 0;
}
