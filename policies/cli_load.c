/*
 * cli_load.c - a policy for the command line: from a file, the standard input, or the built-in one.
 */
#include "policies/cli.h"

#include <stdio.h>
#include <string.h>

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

int
cli_policy_load(const char *file, Policy *policy)
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
		return CLI_FAULT;
	}
	if (policy_parse(from, length, policy, &error) == 0)
		return 0;
	fault_print(file != NULL ? file : "built-in policy", &error);
	return CLI_FAULT;
}
