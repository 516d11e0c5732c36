/*
 * doctor_main.c - the program pybox: its commands and their options.
 *
 * Exit status: 0, 1 if something is missing that the policy requires, 2 for wrong usage.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/doctor.h"

#define VERSION "1.1"
#define EXIT_USAGE 2
#define EXIT_MISSING 1

static const char usage[] =
	"pybox tells whether this machine can confine Python as a server's policy wants it.\n"
	"\n"
	"Usage:\n"
	"  pybox doctor [OPTION]...  try every layer of the sandbox, and say what is missing and what mends it\n"
	"\n"
	"Options:\n"
	"  --user USER               try as the server's user; root's default is postgres\n"
	"  --cgroup FOLDER           as pybox.cgroup in postgresql.conf\n"
	"  --policy FILE             as pybox.policy_file; default the policy that is built in\n"
	"  --unit UNIT               the server's systemd unit, such as postgresql@15-main\n"
	"  --json                    print JSON\n"
	"  -h, --help                print this and exit\n"
	"  -V, --version             print the version and exit\n"
	"\n"
	"Exit status: 0 if all that the policy requires is there, 1 if something is missing, 2 for wrong usage.\n"
	"It needs no running server. Policies themselves are checked by pybox-policy.\n";

enum
{
	OPTION_USER = 256,
	OPTION_CGROUP,
	OPTION_POLICY,
	OPTION_UNIT,
	OPTION_JSON
};

static const struct option doctor_options[] = {
	{"user", required_argument, NULL, OPTION_USER},
	{"cgroup", required_argument, NULL, OPTION_CGROUP},
	{"policy", required_argument, NULL, OPTION_POLICY},
	{"unit", required_argument, NULL, OPTION_UNIT},
	{"json", no_argument, NULL, OPTION_JSON},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{NULL, 0, NULL, 0},
};

static int
usage_fault(const char *problem, const char *detail)
{
	fprintf(stderr, "pybox: %s%s\nTry \"pybox --help\".\n", problem, detail);
	return EXIT_USAGE;
}

/* systemd takes names with and without it. */
static const char *
unit_name(char *unit)
{
	size_t length = strlen(unit), suffix = strlen(".service");

	if (length > suffix && strcmp(unit + length - suffix, ".service") == 0)
		unit[length - suffix] = '\0';
	return unit;
}

static int
doctor(const DoctorOptions *options)
{
	static Doctor patient;
	int status;

	patient.options = *options;
	status = doctor_examine(&patient);
	if (status != 0)
		return status;
	(options->as_json ? doctor_print_json : doctor_print_text)(&patient);
	return doctor_required_missing(&patient) == 0 ? EXIT_SUCCESS : EXIT_MISSING;
}

static const struct
{
	const char *name;
	int (*run)(const DoctorOptions *options);
} commands[] = {
	{"doctor", doctor},
};

static int
command_run(int count, char **arguments, const DoctorOptions *options)
{
	if (count < 1)
		return usage_fault("a command is missing", "");
	if (count > 1)
		return usage_fault("too many arguments: ", arguments[1]);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(arguments[0], commands[i].name) == 0)
			return commands[i].run(options);
	return usage_fault("unknown command: ", arguments[0]);
}

int
main(int count, char **arguments)
{
	DoctorOptions options = {0};
	const char **const values[] = {&options.user, &options.cgroup, &options.policy, &options.unit};
	int option;

	while ((option = getopt_long(count, arguments, "hV", doctor_options, NULL)) != -1)
		switch (option)
		{
			case 'h':
				fputs(usage, stdout);
				return EXIT_SUCCESS;
			case 'V':
				printf("pybox " VERSION "\n");
				return EXIT_SUCCESS;
			case '?':
				fputs("Try \"pybox --help\".\n", stderr);
				return EXIT_USAGE;
			case OPTION_JSON:
				options.as_json = true;
				break;
			default:
				*values[option - OPTION_USER] = option == OPTION_UNIT ? unit_name(optarg) : optarg;
		}
	return command_run(count - optind, arguments + optind, &options);
}
