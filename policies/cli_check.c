/*
 * cli_check.c - pybox-policy check and show.
 */
#include "policies/cli.h"
#include "policies/policy_show.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

static void
count_print(int count, const char *noun)
{
	printf(", %d %s%s", count, noun, count == 1 ? "" : "s");
}

int
cli_check(int count, char **arguments)
{
	char **files = cli_files(count, arguments, 1, INT_MAX);
	Policy policy;
	int status = 0;

	if (files == NULL)
		return CLI_USAGE;
	for (; *files != NULL; files++)
	{
		if (cli_policy_load(*files, &policy) != 0)
		{
			status = CLI_FAULT;
			continue;
		}
		printf("%s: ok", *files);
		count_print(policy.pool_count, "pool");
		count_print(policy.assign_count, "assignment");
		printf("\n");
	}
	return status;
}

int
cli_show(int count, char **arguments)
{
	char **files = cli_files(count, arguments, 0, 1);
	Policy policy;
	size_t length;
	char *text;

	if (files == NULL)
		return CLI_USAGE;
	if (cli_policy_load(*files, &policy) != 0)
		return CLI_FAULT;
	length = policy_show(&policy, NULL, 0);
	text = malloc(length + 1);
	if (text == NULL)
	{
		fprintf(stderr, CLI_PROGRAM ": out of memory\n");
		return CLI_FAULT;
	}
	policy_show(&policy, text, length + 1);
	fputs(text, stdout);
	free(text);
	return 0;
}
