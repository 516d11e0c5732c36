/*
 * cli_simulate.h - what pybox-policy simulate prints, and from what.
 */
#ifndef PYBOX_CLI_SIMULATE_H
#define PYBOX_CLI_SIMULATE_H

#include "policies/simulate_figures.h"

/* A run and the line it has in the comparison. */
typedef struct CliRun
{
	const char *name, *key; /* in text and in JSON */
	SimulateRun run;
	SimulateFigures all;
} CliRun;

typedef struct CliSimulation
{
	const Policy *policy;
	const Trace *trace;
	int32_t *pools;							   /* of classes */
	SimulateFigures of_pool[POLICY_POOLS_MAX]; /* of the first run */
	CliRun runs[5];							   /* the policy itself, and what it is compared with */
	int run_count;
} CliSimulation;

void simulation_print_text(const CliSimulation *simulation);
void simulation_print_json(const CliSimulation *simulation);

#endif
