/*
 * cli_check.c - pybox-policy check and show.
 */
#include "policies/cli.h"
#include "policies/policy_show.h"

#include <limits.h>
#include <sha256.h>
#include <stdio.h>
#include <stdlib.h>

static void
count_print(int count, const char *noun)
{
	if (count > 0)
		printf(", %d %s%s", count, noun, count == 1 ? "" : "s");
}

static void
policy_print(const char *file, const CliSource *source)
{
	char hash[SHA256_DIGEST_STRING_LENGTH];

	SHA256Data((const uint8_t *) source->text, source->length, hash);
	printf("%s: ok, hash %.*s", file, POLICY_HASH_SIZE - 1, hash);
	count_print(source->policy.pool_count, "pool");
	count_print(source->policy.assign_count, "assignment");
	count_print(source->policy.cap_count, "cap");
	count_print(source->policy.filter_count, "filter");
	count_print(source->policy.rule_count, "rule");
	count_print(source->policy.budget_count, "budget");
	printf("\n");
}

/* A pool that only pybox.move() leads to is no fault, but worth a word. */
static void
pools_print(const char *file, const Policy *policy)
{
	for (int pool = 0; pool < policy->pool_count; pool++)
		if (!policy_pool_is_reached(policy, pool))
			printf("%s:%d: note: no assignment or rule leads to pool \"%s\"\n", file, (int) policy->pools[pool].line,
				   policy->pools[pool].name);
}

int
cli_check(int count, char **arguments)
{
	static CliSource source;
	char **files = cli_files(count, arguments, 1, INT_MAX);
	int status = 0;

	if (files == NULL)
		return CLI_USAGE;
	for (; *files != NULL; files++)
	{
		if (cli_source_load(*files, &source) != 0)
		{
			status = CLI_FAULT;
			continue;
		}
		policy_print(*files, &source);
		pools_print(*files, &source.policy);
	}
	return status;
}

int
cli_show(int count, char **arguments)
{
	static Policy policy;
	char **files = cli_files(count, arguments, 0, 1);
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
