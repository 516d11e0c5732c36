/*
 * python_zygote.h - the preloaded interpreter that forks others and never runs a user's source.
 */
#ifndef PYBOX_PYTHON_ZYGOTE_H
#define PYBOX_PYTHON_ZYGOTE_H

#include "sandbox/lockdown.h"
#include "sandbox/python_start.h"

#define ZYGOTE_CONTROL 3 /* descriptors that the launcher hands over */
#define ZYGOTE_PLAN 4

/* Starts Python and tells the launcher, then serves it until it is gone. Returns only in case of failure. */
void zygote_run(const StartOptions *options, const LockdownPlan *plan);

#endif
