/*
 * rule_tick.h - the scheduler's look at calls that rules and budgets are about. Runs in the scheduler.
 */
#ifndef PYBOX_RULE_TICK_H
#define PYBOX_RULE_TICK_H

#include "postgres.h"

#include "utils/timestamp.h"

#include "sandbox/control.h"

/* Looks, if it is time to, and acts. Returns in how many ms to call again; -1: when somebody sets the latch. */
long rule_tick(TimestampTz now);
/* The launcher's answer to what a tick asked it: the next tick is due at once. */
void rule_tick_usage(const ControlMessage *answer);

#endif
