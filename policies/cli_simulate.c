/*
 * cli_simulate.c - pybox-policy simulate: what a policy would make of a trace.
 */
#include "policies/cli_simulate.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policies/cli.h"
#include "policies/option.h"

#define OUT_OF_MEMORY CLI_PROGRAM ": out of memory\n"

/* What the options fill in. */
typedef struct Options
{
	int32_t slots;		/* 0: the policy's */
	int64_t quantum_us; /* 0: the policy's */
	int64_t reload_us;
	char reload[4096];
	char format[8], prediction[16], pools[16];
	SimulateSetup setup;
	bool compare;
} Options;

static const OptionRow rows[] = {
	{"slots", OPTION_COUNT, 1, 1024, offsetof(Options, slots)},
	{"quantum", OPTION_TIME, 1000, 86400e6, offsetof(Options, quantum_us)},
	{"speed", OPTION_REAL, 0.01, 100, offsetof(Options, setup.speed)},
	{"stop", OPTION_TIME, 0, 60e6, offsetof(Options, setup.stop_us)},
	{"resume", OPTION_TIME, 0, 60e6, offsetof(Options, setup.resume_us)},
	{"reload", OPTION_NAME, 0, 4095, offsetof(Options, reload)},
	{"reload-at", OPTION_TIME, 0, (double) TRACE_AT_MAX, offsetof(Options, reload_us)},
	{"format", OPTION_NAME, 0, 7, offsetof(Options, format)},
	{"prediction", OPTION_NAME, 0, 15, offsetof(Options, prediction)},
	{"pools", OPTION_NAME, 0, 15, offsetof(Options, pools)},
};

#define ROW_COUNT ((int) (sizeof(rows) / sizeof(rows[0])))

static const char *const predictions[] = {
	[SIMULATE_HISTORY] = "history",
	[SIMULATE_NOTHING] = "none",
	[SIMULATE_SIZES] = "sizes",
};

static int
words_check(Options *options)
{
	if (strcmp(options->format, "text") != 0 && strcmp(options->format, "json") != 0)
		return cli_usage_fault("format: expected text or json, found ", options->format);
	if (strcmp(options->pools, "policy") != 0 && strcmp(options->pools, "recorded") != 0)
		return cli_usage_fault("pools: expected policy or recorded, found ", options->pools);
	options->setup.recorded_pools = strcmp(options->pools, "recorded") == 0;
	for (size_t i = 0; i < sizeof(predictions) / sizeof(predictions[0]); i++)
		if (strcmp(predictions[i], options->prediction) == 0)
		{
			options->setup.prediction = (SimulatePrediction) i;
			return 0;
		}
	return cli_usage_fault("prediction: expected history, none or sizes, found ", options->prediction);
}

/* Options by rows, and --compare. 0 or an exit status. */
static int
options_read(int count, char **arguments, Options *options)
{
	struct option known[ROW_COUNT + 2] = {0};
	PolicyError error;
	int which;

	simulate_setup_init(&options->setup, NULL);
	strcpy(options->format, "text");
	strcpy(options->prediction, predictions[SIMULATE_HISTORY]);
	strcpy(options->pools, "policy");
	for (int i = 0; i < ROW_COUNT; i++)
		known[i] = (struct option){rows[i].name, required_argument, NULL, i};
	known[ROW_COUNT] = (struct option){"compare", no_argument, NULL, ROW_COUNT};
	while ((which = getopt_long(count, arguments, "", known, NULL)) != -1)
	{
		if (which == '?')
			return CLI_USAGE;
		if (which == ROW_COUNT)
			options->compare = true;
		else if (option_read(&rows[which], optarg, options, &error) < 0)
			return cli_usage_fault(error.message, "");
	}
	if (count - optind != 2)
		return cli_usage_fault("expected a policy and a trace for ", arguments[0]);
	return words_check(options);
}

/* 0, or an exit status when what is wrong has been printed. */
static int
trace_load(const char *path, Trace *trace)
{
	FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
	PolicyError error = {0};
	int result;

	if (file == NULL)
	{
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return CLI_FAULT;
	}
	result = trace_read(file, trace, &error);
	if (file != stdin)
		fclose(file);
	if (result == 0 && trace->call_count > 0)
		return 0;
	if (result == 0)
		fprintf(stderr, "%s: there are no calls in it\n", path);
	else if (error.column > 0)
		fprintf(stderr, "%s:%d:%d: %s\n", path, error.line, error.column, error.message);
	else
		fprintf(stderr, "%s:%d: %s\n", path, error.line, error.message);
	return CLI_FAULT;
}

static CliRun *
run_add(CliSimulation *simulation, const char *name, const char *key)
{
	CliRun *run = &simulation->runs[simulation->run_count++];

	run->name = name;
	run->key = key;
	return run;
}

/* The ideals know no SQL and no speed: they are given what is left of the trace without. */
static int
ideals_run(CliSimulation *simulation, const SimulateSetup *setup, PolicyError *error)
{
	Trace *copy = malloc(sizeof(*copy));
	int result = -1;

	if (copy == NULL)
		return -1;
	*copy = *simulation->trace;
	copy->calls = malloc(((size_t) copy->call_count + 1) * sizeof(TraceCall));
	if (copy->calls != NULL)
	{
		for (uint32_t i = 0; i < copy->call_count; i++)
		{
			copy->calls[i] = simulation->trace->calls[i];
			copy->calls[i].at_us = (int64_t) ((double) copy->calls[i].at_us / setup->speed);
		}
		result = simulate_sharing(copy, setup->policy->node_slots,
								  &run_add(simulation, "processor sharing, ideal", "processor_sharing")->run, error);
		if (result == 0)
			result = simulate_expected(copy, setup->policy->node_slots,
									   &run_add(simulation, "best without sizes, ideal", "expected")->run, error);
		if (result == 0)
			result = simulate_oracle(copy, setup->policy->node_slots,
									 &run_add(simulation, "shortest first, by an oracle", "oracle")->run, error);
	}
	free(copy->calls);
	free(copy);
	return result;
}

static int
fifo_run(CliSimulation *simulation, const SimulateSetup *setup, PolicyError *error)
{
	Policy *fifo = malloc(sizeof(*fifo));
	SimulateSetup plain;
	int result;

	if (fifo == NULL)
		return -1;
	simulate_fifo(setup, fifo, &plain);
	result =
		simulate_run(&plain, simulation->trace, &run_add(simulation, "first come, first served", "fifo")->run, error);
	free(fifo);
	return result;
}

static int
figures_count(CliSimulation *simulation)
{
	for (int i = 0; i < simulation->run_count; i++)
		if (simulate_figures(&simulation->runs[i].run, simulation->trace, simulation->pools, -1,
							 &simulation->runs[i].all) < 0)
			return -1;
	for (int32_t pool = 0; pool < simulation->policy->pool_count; pool++)
		if (simulate_figures(&simulation->runs[0].run, simulation->trace, simulation->pools, pool,
							 &simulation->of_pool[pool]) < 0)
			return -1;
	return 0;
}

static int
simulation_run(CliSimulation *simulation, const Options *options)
{
	PolicyError error = {.message = "out of memory"};
	int result;

	simulation->pools = calloc((size_t) simulation->trace->class_count + 1, sizeof(int32_t));
	if (simulation->pools == NULL)
		return fprintf(stderr, OUT_OF_MEMORY), CLI_FAULT;
	simulate_pools_find(&options->setup, simulation->trace, simulation->pools);
	result =
		simulate_run(&options->setup, simulation->trace, &run_add(simulation, "this policy", "policy")->run, &error);
	if (result == 0 && options->compare)
		result = fifo_run(simulation, &options->setup, &error);
	if (result == 0 && options->compare)
		result = ideals_run(simulation, &options->setup, &error);
	if (result == 0)
		result = figures_count(simulation);
	if (result == 0)
		(strcmp(options->format, "json") == 0 ? simulation_print_json : simulation_print_text)(simulation);
	else
		fprintf(stderr, CLI_PROGRAM ": %s\n", error.message);
	for (int i = 0; i < simulation->run_count; i++)
		simulate_free(&simulation->runs[i].run);
	free(simulation->pools);
	return result == 0 ? 0 : CLI_FAULT;
}

static void
policy_adjust(Policy *policy, const Options *options)
{
	if (options->slots > 0)
		simulate_slots_set(policy, options->slots);
	if (options->quantum_us > 0)
		policy->quantum_ms = options->quantum_us / 1000;
}

/* Both policies and the trace, one after the other. */
static int
inputs_load(Options *options, char **files, Policy *policies, Trace *trace)
{
	int status = cli_policy_load(files[0], &policies[0]);

	if (status == 0 && options->reload[0] != '\0')
	{
		status = cli_policy_load(options->reload, &policies[1]);
		options->setup.reload = &policies[1];
	}
	if (status != 0)
		return status;
	options->setup.policy = &policies[0];
	policy_adjust(&policies[0], options);
	if (options->setup.reload != NULL)
		policy_adjust(&policies[1], options);
	return trace_load(files[1], trace);
}

int
cli_simulate(int count, char **arguments)
{
	Options options = {0};
	Policy *policies;
	Trace trace;
	int status = options_read(count, arguments, &options);

	if (status != 0)
		return status;
	policies = calloc(2, sizeof(*policies));
	if (policies == NULL)
		return fprintf(stderr, OUT_OF_MEMORY), CLI_FAULT;
	trace_init(&trace);
	options.setup.reload_us = options.reload_us;
	status = inputs_load(&options, arguments + optind, policies, &trace);
	if (status == 0)
	{
		CliSimulation simulation = {.policy = &policies[0], .trace = &trace};

		status = simulation_run(&simulation, &options);
	}
	trace_free(&trace);
	free(policies);
	return status;
}
