/*
 * cli_diff.c - pybox-policy diff: what a new policy changes.
 */
#include "policies/cli.h"
#include "policies/policy_diff.h"

#include <stdio.h>

static void
change_print(const PolicyChange *change)
{
	if (change->old == NULL && change->new == NULL)
		printf("  %s\n", change->path);
	else if (change->old == NULL)
		printf("+ %s: %s\n", change->path, change->new);
	else if (change->new == NULL)
		printf("- %s: %s\n", change->path, change->old);
	else
		printf("  %s: %s -> %s\n", change->path, change->old, change->new);
	printf("        %s\n", change->effect);
}

int
cli_diff(int count, char **arguments)
{
	static CliSource sources[2];
	char **files = cli_files(count, arguments, 2, 2);
	PolicySource from[2];
	PolicyDiff diff;
	PolicyError error;
	int status = 0;

	if (files == NULL)
		return CLI_USAGE;
	for (int i = 0; i < 2; i++)
	{
		if (cli_source_load(files[i], &sources[i]) != 0)
			return CLI_FAULT;
		from[i] = (PolicySource){&sources[i].policy, sources[i].text, sources[i].length};
	}
	if (policy_diff(&from[0], &from[1], NULL, &diff, &error) < 0)
	{
		fprintf(stderr, CLI_PROGRAM ": %s\n", error.message);
		status = CLI_FAULT;
	}
	for (int i = 0; i < diff.count; i++)
		change_print(&diff.rows[i]);
	if (status == 0 && diff.count > 0)
		status = CLI_DIFFERENT;
	policy_diff_free(&diff);
	return status;
}
