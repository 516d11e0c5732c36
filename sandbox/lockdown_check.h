/*
 * lockdown_check.h - tries what must fail. Runs in a new interpreter, after its filter is in force.
 */
#ifndef PYBOX_LOCKDOWN_CHECK_H
#define PYBOX_LOCKDOWN_CHECK_H

#include "sandbox/lockdown.h"

/* Returns 0 when every forbidden call fails as it should, else -EACCES and the name of the one that does not. */
int lockdown_check(const LockdownPlan *plan, const char **name);

#endif
