/*
 * cli.h - what the commands of pybox-policy share.
 */
#ifndef PYBOX_CLI_H
#define PYBOX_CLI_H

#include "policies/policy.h"

#define CLI_PROGRAM "pybox-policy"

/* Exit status, beside 0. */
enum
{
	CLI_FAULT = 1, /* a policy, or a file, is at fault */
	CLI_USAGE = 2,
	CLI_DIFFERENT = 3 /* of diff: the policies differ */
};

/*
 * Each command runs as a main() of its own: arguments[0] is its name, getopt_long() works on the rest. Returns the exit
 * status and has printed what is wrong.
 */
int cli_check(int count, char **arguments);
int cli_show(int count, char **arguments);
int cli_diff(int count, char **arguments);
int cli_explain(int count, char **arguments);
int cli_schema(int count, char **arguments);
int cli_keys(int count, char **arguments);
int cli_simulate(int count, char **arguments);
int cli_generate(int count, char **arguments);

/* A policy and what it was made from. */
typedef struct CliSource
{
	Policy policy;
	char text[POLICY_TEXT_MAX + 1];
	size_t length;
} CliSource;

/* file: a path, "-", or NULL for the built-in policy. 0, or an exit status when what is wrong has been printed. */
int cli_source_load(const char *file, CliSource *source);
int cli_policy_load(const char *file, Policy *policy);
/* Says what is wrong with the command line; returns CLI_USAGE. */
int cli_usage_fault(const char *problem, const char *detail);
/* The arguments from the first that is no option, when there are least to most of them; NULL when not, and that is said. */
char **cli_files(int count, char **arguments, int least, int most);

#endif
