/*
 * simulate_figures.h - a run of the simulator in figures. For pybox-policy and unit tests.
 */
#ifndef PYBOX_SIMULATE_FIGURES_H
#define PYBOX_SIMULATE_FIGURES_H

#include "policies/simulate.h"

/* Of the calls of one pool, or of all. Times in us. */
typedef struct SimulateFigures
{
	uint32_t calls, fates[SIMULATE_FATE_COUNT];
	uint32_t exceeded; /* calls that waited longer than the ageing bound */
	uint64_t pauses;
	double wait_mean, wait_p50, wait_p95, wait_p99, wait_max; /* for the first slot, of all calls */
	double longest;											  /* single wait of any kind */
	/* Time from arrival to end over the slot time it needed, SQL left out of both; of those that ended well. */
	double slowdown_mean, slowdown_p50, slowdown_p99, slowdown_max;
} SimulateFigures;

/* pool -1: all. pools: of the trace's classes. 0, or -1 when there is no memory. */
int simulate_figures(const SimulateRun *run, const Trace *trace, const int32_t *pools, int32_t pool,
					 SimulateFigures *figures);
/* Slots used, of all there were from the first arrival to the last end. */
double simulate_utilisation(const SimulateRun *run);
/* Jain's index of what waiting pools of a period got for what they were due: 1 is fair, 1/n is all to one of n. */
double simulate_fairness(const SimulateRun *run, int period);
/* The largest difference between got and due of a pool that waited, over due. */
double simulate_share_error(const SimulateRun *run, int period);

#endif
