/*
 * cli_explain.c - pybox-policy explain: the pool that a call would get, why, and what else would hold for it.
 */
#include "policies/cli.h"
#include "policies/policy_line.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#define MEMBERSHIPS_MAX 64

typedef struct Memberships
{
	const char *roles[MEMBERSHIPS_MAX];
	int count;
} Memberships;

static bool
is_member(void *arg, const char *role)
{
	const Memberships *of = arg;

	for (int i = 0; i < of->count; i++)
		if (strcmp(of->roles[i], role) == 0)
			return true;
	return false;
}

static int
options_read(int count, char **arguments, PolicyCaller *caller, Memberships *of)
{
	static const struct option options[] = {
		{"role", required_argument, NULL, 'r'},
		{"member-of", required_argument, NULL, 'm'},
		{"database", required_argument, NULL, 'd'},
		{"function", required_argument, NULL, 'f'},
		{NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(count, arguments, "", options, NULL)) != -1)
	{
		if (option == '?')
			return CLI_USAGE;
		if (option == 'm' && of->count == MEMBERSHIPS_MAX)
			return cli_usage_fault("too many times --member-of ", optarg);
		if (option == 'm')
			of->roles[of->count++] = optarg;
		else
			*(option == 'r' ? &caller->role : option == 'd' ? &caller->database : &caller->function) = optarg;
	}
	return count - optind == 1 ? 0 : cli_usage_fault("expected one file for ", arguments[0]);
}

/* What the entry says beside whom it is about, on a line. */
static void
entry_print(const Policy *policy, const PolicyKey *section, const void *entry)
{
	char value[POLICY_LINE_SIZE];
	const char *separator = ": ";
	int32_t line;

	memcpy(&line, (const char *) entry + section->line_offset, sizeof(line));
	printf("%.*s, line %d", (int) strlen(section->name) - 1, section->name, (int) line);
	for (const PolicyKey *key = section->below; key->name != NULL; key++)
	{
		if (!policy_line_is_said(key, entry))
			continue;
		policy_line_print(policy, key, entry, value, sizeof(value));
		printf("%s%s: %s", separator, key->name, value);
		separator = ", ";
	}
	printf("\n");
}

#define ENTRIES_PRINT(entries, count)                                                                                  \
	for (int i = 0; i < policy->count; i++)                                                                            \
		if (policy_selector_holds(&policy->entries[i].who, caller, pool))                                              \
	entry_print(policy, section_find(#entries), &policy->entries[i])

static const PolicyKey *
section_find(const char *name)
{
	const PolicyKey *section = policy_keys;

	while (strcmp(section->name, name) != 0)
		section++;
	return section;
}

static void
call_explain(const Policy *policy, const PolicyCaller *caller)
{
	const char *why;
	const PolicyAssign *assign = policy_assign_find(policy, caller, &why);
	const int32_t pool = assign->pool;

	printf("pool: %s\nwhy: %s", policy->pools[pool].name, why);
	printf(assign->line > 0 ? ", line %d\n" : "\n", (int) assign->line);
	ENTRIES_PRINT(caps, cap_count);
	ENTRIES_PRINT(filters, filter_count);
	ENTRIES_PRINT(rules, rule_count);
	ENTRIES_PRINT(budgets, budget_count);
}

int
cli_explain(int count, char **arguments)
{
	static CliSource source;
	Memberships of = {.count = 0};
	PolicyCaller caller = {.is_member = is_member, .arg = &of};
	int status = options_read(count, arguments, &caller, &of);

	if (status == 0)
		status = cli_source_load(arguments[optind], &source);
	if (status == 0)
		call_explain(&source.policy, &caller);
	return status;
}
