/*
 * cli.c - pybox-policy: checks policy files and shows what they amount to. The only file of the room that prints.
 *
 * Exit status: 0, 1 if a policy is at fault, 2 for wrong usage.
 */
#include "policies/policy.h"
#include "policies/policy_show.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROGRAM "pybox-policy"
#define VERSION "1.0"

enum
{
	EXIT_FAULT = 1,
	EXIT_USAGE = 2
};

static const char usage[] = "pybox-policy checks the files that say who may use how much Python.\n"
							"\n"
							"Usage:\n"
							"  pybox-policy check FILE...   say of each file that it is right, or where it is wrong\n"
							"  pybox-policy show [FILE]     print the policy with every default filled in;\n"
							"                               without FILE, the one that is built in\n"
							"\n"
							"Options:\n"
							"  -h, --help                   print this and exit\n"
							"  -V, --version                print the version and exit\n"
							"\n"
							"FILE may be - for the standard input. A file must belong to root or to who runs this,\n"
							"and group and others must not be able to write it, as the server demands.\n";

typedef struct Command
{
	const char *name;
	int least, most; /* arguments */
	int (*run)(int count, char **arguments);
} Command;

static void
fault_print(const char *file, const PolicyError *error)
{
	if (error->line > 0)
		fprintf(stderr, "%s:%d:%d: %s\n", file, error->line, error->column, error->message);
	else
		fprintf(stderr, "%s: %s\n", file, error->message);
}

/* One byte more than allowed is kept, so that policy_parse words the error. */
static size_t
input_read(char *text)
{
	return fread(text, 1, POLICY_TEXT_MAX + 1, stdin);
}

/* file: a path, "-", or NULL for the built-in policy. Prints what is wrong. */
static int
policy_load(const char *file, Policy *policy)
{
	char text[POLICY_TEXT_MAX + 1];
	const char *from = text;
	size_t length = 0;
	PolicyError error;

	if (file == NULL)
	{
		from = policy_default_text();
		length = strlen(from);
	}
	else if (strcmp(file, "-") == 0)
		length = input_read(text);
	else if (policy_read(file, text, &length, &error) < 0)
	{
		fault_print(file, &error);
		return EXIT_FAULT;
	}
	if (policy_parse(from, length, policy, &error) == 0)
		return 0;
	fault_print(file != NULL ? file : "built-in policy", &error);
	return EXIT_FAULT;
}

static void
count_print(int count, const char *noun)
{
	printf(", %d %s%s", count, noun, count == 1 ? "" : "s");
}

static int
check(int count, char **files)
{
	Policy policy;
	int status = 0;

	for (int i = 0; i < count; i++)
	{
		if (policy_load(files[i], &policy) != 0)
		{
			status = EXIT_FAULT;
			continue;
		}
		printf("%s: ok", files[i]);
		count_print(policy.pool_count, "pool");
		count_print(policy.assign_count, "assignment");
		printf("\n");
	}
	return status;
}

static int
show(int count, char **files)
{
	Policy policy;
	size_t length;
	char *text;

	if (policy_load(count > 0 ? files[0] : NULL, &policy) != 0)
		return EXIT_FAULT;
	length = policy_show(&policy, NULL, 0);
	text = malloc(length + 1);
	if (text == NULL)
	{
		fprintf(stderr, PROGRAM ": out of memory\n");
		return EXIT_FAULT;
	}
	policy_show(&policy, text, length + 1);
	fputs(text, stdout);
	free(text);
	return 0;
}

static const Command commands[] = {
	{"check", 1, INT32_MAX, check},
	{"show", 0, 1, show},
};

static int
usage_fault(const char *problem, const char *detail)
{
	fprintf(stderr, PROGRAM ": %s%s\nTry \"" PROGRAM " --help\".\n", problem, detail);
	return EXIT_USAGE;
}

static int
command_run(int count, char **arguments)
{
	if (count == 0)
		return usage_fault("a command is missing", "");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
	{
		if (strcmp(commands[i].name, arguments[0]) != 0)
			continue;
		if (count - 1 < commands[i].least || count - 1 > commands[i].most)
			return usage_fault("wrong number of files for ", arguments[0]);
		return commands[i].run(count - 1, arguments + 1);
	}
	return usage_fault("unknown command ", arguments[0]);
}

/* Output that could not be written, to a full disk for instance, is a fault. */
static int
output_finish(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	perror(PROGRAM);
	return EXIT_FAULT;
}

int
main(int count, char **arguments)
{
	static const struct option options[] = {
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	int option = getopt_long(count, arguments, "+hV", options, NULL);

	if (option == 'h')
		fputs(usage, stdout);
	else if (option == 'V')
		puts(PROGRAM " (pybox) " VERSION);
	else if (option == -1)
		return output_finish(command_run(count - optind, arguments + optind));
	else
		return EXIT_USAGE;
	return output_finish(0);
}
