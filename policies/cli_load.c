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

/* Of the standard input one byte more than allowed is kept, so that policy_parse words the error. */
static int
text_load(const char *file, CliSource *source, PolicyError *error)
{
	if (file == NULL)
	{
		source->length = strlen(policy_default_text());
		memcpy(source->text, policy_default_text(), source->length);
		return 0;
	}
	if (strcmp(file, "-") != 0)
		return policy_read(file, source->text, &source->length, error);
	source->length = fread(source->text, 1, sizeof(source->text), stdin);
	return 0;
}

int
cli_source_load(const char *file, CliSource *source)
{
	PolicyError error;

	if (text_load(file, source, &error) == 0 &&
		policy_parse(source->text, source->length, &source->policy, &error) == 0)
		return 0;
	fault_print(file != NULL ? file : "built-in policy", &error);
	return CLI_FAULT;
}

int
cli_policy_load(const char *file, Policy *policy)
{
	static CliSource source;
	int status = cli_source_load(file, &source);

	if (status == 0)
		*policy = source.policy;
	return status;
}
