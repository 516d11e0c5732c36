/*
 * policy_floor.h - how much memory a preload list needs, as zygotes have shown, and policies that give a pool less.
 */
#ifndef PYBOX_POLICY_FLOOR_H
#define PYBOX_POLICY_FLOOR_H

#include "postgres.h"

#include "policies/policy.h"

/* A zygote of such a pool needs so many bytes. Caller holds shared->lock. */
void policy_floor_learn(const PolicyPool *pool, int64 need);
/* Returns 0, or -1 with *error when a pool has less memory than its preload list is known to need. */
int policy_floor_check(const Policy *policy, PolicyError *error);

#endif
