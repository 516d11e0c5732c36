/*
 * trace_kind.c - kinds of calls from their text, for the generator. Runs in pybox-policy and unit tests.
 */
#include <string.h>

#include "policies/option.h"
#include "policies/policy_text.h"
#include "policies/trace_generate.h"

#define KIND_TEXT_MAX 1024

static const OptionRow rows[] = {
	{"role", OPTION_NAME, 0, POLICY_NAME_SIZE - 1, offsetof(GenerateKind, who.role)},
	{"database", OPTION_NAME, 0, POLICY_NAME_SIZE - 1, offsetof(GenerateKind, who.database)},
	{"function", OPTION_NAME, 0, POLICY_FUNCTION_SIZE - 1, offsetof(GenerateKind, who.function)},
	{"share", OPTION_REAL, 0.000001, 1e9, offsetof(GenerateKind, share)},
	{"alpha", OPTION_REAL, 0.05, 20, offsetof(GenerateKind, alpha)},
	{"low", OPTION_TIME, 1, TRACE_TIME_MAX, offsetof(GenerateKind, low_us)},
	{"high", OPTION_TIME, 1, TRACE_TIME_MAX, offsetof(GenerateKind, high_us)},
	{"functions", OPTION_COUNT, 0, GENERATE_FUNCTIONS_MAX, offsetof(GenerateKind, functions)},
	{"spread", OPTION_REAL, 0, 1, offsetof(GenerateKind, spread)},
	{"sigma", OPTION_REAL, 0, 100, offsetof(GenerateKind, sigma)},
	{"sql", OPTION_REAL, 0, 1000, offsetof(GenerateKind, sql)},
	{"queries", OPTION_COUNT, 1, TRACE_QUERIES_MAX, offsetof(GenerateKind, queries)},
	{"memory", OPTION_SIZE, 0, (double) TRACE_MEMORY_MAX, offsetof(GenerateKind, memory)},
};

void
generate_setup_init(GenerateSetup *setup)
{
	*setup = (GenerateSetup){.seed = 1, .calls = 10000, .slots = 1, .load = 0.7};
}

static int
entry_read(GenerateKind *kind, char *entry, PolicyError *error)
{
	char quote[POLICY_QUOTE_SIZE];
	char *value = strchr(entry, '=');
	const OptionRow *row;

	if (value != NULL)
		*value++ = '\0';
	row = option_find(rows, sizeof(rows) / sizeof(rows[0]), entry);
	if (row == NULL || value == NULL)
		return policy_error_set(error, 0, 0, "expected entries such as share=3 or low=1ms, found %s",
								policy_text_quote(entry, quote));
	return option_read(row, value, kind, error);
}

int
generate_kind_add(GenerateSetup *setup, const char *text, PolicyError *error)
{
	GenerateKind kind = {.who.role = "ana", .who.database = "postgres", .who.function = "public.f", .share = 1};
	char copy[KIND_TEXT_MAX], *rest = NULL;

	kind.alpha = 1.1;
	kind.low_us = 1000;
	kind.high_us = 10000000;
	kind.spread = 0.25;
	kind.queries = 1;
	if (setup->kind_count == GENERATE_KINDS_MAX)
		return policy_error_set(error, 0, 0, "more than %d kinds of calls", GENERATE_KINDS_MAX);
	if (strlen(text) >= sizeof(copy))
		return policy_error_set(error, 0, 0, "a kind of calls is longer than %d bytes", KIND_TEXT_MAX - 1);
	strcpy(copy, text);
	for (char *entry = strtok_r(copy, ",", &rest); entry != NULL; entry = strtok_r(NULL, ",", &rest))
		if (entry_read(&kind, entry, error) < 0)
			return -1;
	if (kind.low_us > kind.high_us)
		return policy_error_set(error, 0, 0, "low is above high");
	setup->kinds[setup->kind_count++] = kind;
	return 0;
}
