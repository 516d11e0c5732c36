/*
 * cost.h - what the planner thinks that the running statement costs, for filters.
 */
#ifndef PYBOX_COST_H
#define PYBOX_COST_H

#include "postgres.h"

/* In _PG_init: puts hooks around the executor. */
void cost_initialize(void);
/* The highest total cost of the plans that are being executed, one within the other; -1: there is none. */
double cost_of_statement(void);

#endif
