/*
 * cost.h - what the planner thinks that the running statement costs, for filters.
 */
#ifndef PYBOX_COST_H
#define PYBOX_COST_H

#include "postgres.h"

/* In _PG_init: puts hooks around the executor. */
void cost_initialize(void);
/* The total cost of the outermost statement with a plan that is being executed; -1: there is none. */
double cost_of_statement(void);

#endif
