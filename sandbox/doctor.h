/*
 * doctor.h - `pybox doctor`: what it looks at, and what it found. Runs in the program pybox, as the server's user.
 */
#ifndef PYBOX_DOCTOR_H
#define PYBOX_DOCTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "sandbox/launcher.h"
#include "sandbox/launcher_cause.h"

#define DOCTOR_WHY_SIZE 512
#define DOCTOR_MEND_SIZE 2048
#define DOCTOR_FINDINGS_MAX (LAYER_COUNT + 1 + POLICY_PACKAGES_MAX + POLICY_PRELOADS_MAX)

/* Who cannot do without it. */
#define DOCTOR_PYBOX 1u
#define DOCTOR_PYBOXU 2u

typedef struct DoctorOptions
{
	const char *user, *cgroup, *policy, *unit; /* NULL: not given */
	bool as_json;
} DoctorOptions;

typedef struct DoctorFinding
{
	char name[POLICY_PATH_SIZE + 16];
	bool works;
	unsigned needed_by;
	char why[DOCTOR_WHY_SIZE]; /* of what works: how */
	char cause[32];
	char mend[DOCTOR_MEND_SIZE]; /* commands for root's shell, a line each; empty: none is known */
} DoctorFinding;

typedef struct Doctor
{
	DoctorOptions options;
	LauncherCauseFor what;
	Launcher launcher;
	long milliseconds; /* that trying the layers took */
	int finding_count;
	DoctorFinding findings[DOCTOR_FINDINGS_MAX];
} Doctor;

/* doctor.c: becomes the server's user where it is root, and looks. Returns 0, or the exit status of what made it stop. */
int doctor_examine(Doctor *doctor);
/* doctor_python.c: the interpreter, the pools' packages and modules. */
void doctor_examine_python(Doctor *doctor);
/* A new finding, empty but for its name; NULL when there is no room. */
DoctorFinding *doctor_finding_add(Doctor *doctor, const char *format, const char *name);
/* How many findings fail that somebody needs. */
int doctor_required_missing(const Doctor *doctor);
/* doctor_print.c */
void doctor_print_text(const Doctor *doctor);
void doctor_print_json(const Doctor *doctor);

#endif
