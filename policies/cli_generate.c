/*
 * cli_generate.c - pybox-policy generate: a random trace on the standard output.
 */
#include <getopt.h>
#include <stdio.h>

#include "policies/cli.h"
#include "policies/option.h"
#include "policies/trace_generate.h"

typedef struct Options
{
	int64_t seed;
	int32_t calls;
	GenerateSetup setup;
} Options;

static const OptionRow rows[] = {
	{"calls", OPTION_COUNT, 1, TRACE_CALLS_MAX, offsetof(Options, calls)},
	{"seed", OPTION_INTEGER, 0, 9e15, offsetof(Options, seed)},
	{"slots", OPTION_COUNT, 1, 1024, offsetof(Options, setup.slots)},
	{"load", OPTION_REAL, 0.01, 100, offsetof(Options, setup.load)},
};

#define ROW_COUNT ((int) (sizeof(rows) / sizeof(rows[0])))

static int
options_read(int count, char **arguments, Options *options)
{
	struct option known[ROW_COUNT + 1] = {0};
	PolicyError error;
	int which;

	for (int i = 0; i < ROW_COUNT; i++)
		known[i] = (struct option){rows[i].name, required_argument, NULL, i};
	while ((which = getopt_long(count, arguments, "", known, NULL)) != -1)
	{
		if (which == '?')
			return CLI_USAGE;
		if (option_read(&rows[which], optarg, options, &error) < 0)
			return cli_usage_fault(error.message, "");
	}
	for (int i = optind; i < count; i++)
		if (generate_kind_add(&options->setup, arguments[i], &error) < 0)
			return cli_usage_fault(error.message, "");
	if (options->setup.kind_count == 0)
		(void) generate_kind_add(&options->setup, "", &error);
	return 0;
}

int
cli_generate(int count, char **arguments)
{
	Options options = {.seed = 1, .calls = 10000};
	PolicyError error = {0};
	Trace trace;
	int result;

	generate_setup_init(&options.setup);
	result = options_read(count, arguments, &options);
	if (result != 0)
		return result;
	options.setup.seed = (uint64_t) options.seed;
	options.setup.calls = (uint32_t) options.calls;
	trace_init(&trace);
	result = trace_generate(&options.setup, &trace, &error);
	if (result == 0)
		trace_write(stdout, &trace);
	else
		fprintf(stderr, CLI_PROGRAM ": %s\n", error.message);
	trace_free(&trace);
	return result == 0 ? 0 : CLI_FAULT;
}
