/*
 * policy_diff.h - what differs between two policies, and what that does to the calls there are.
 */
#ifndef PYBOX_POLICY_DIFF_H
#define PYBOX_POLICY_DIFF_H

#include "policies/policy_setting.h"

/* How many calls hold a slot, or wait, under the old policy, by its numbers of pools and caps. */
typedef struct PolicyUse
{
	int32_t running, pool_running[POLICY_POOLS_MAX], pool_waiting[POLICY_POOLS_MAX], cap_running[POLICY_CAPS_MAX];
} PolicyUse;

typedef struct PolicySource
{
	const Policy *policy;
	const char *text; /* what it was made from */
	size_t length;
} PolicySource;

/* What differs: a setting, or a whole pool or entry that is new or gone; then the value holds all that it says. */
typedef struct PolicyChange
{
	char *path, *old, *new; /* old and new: NULL: there is none */
	char *effect;
} PolicyChange;

typedef struct PolicyDiff
{
	PolicyChange *rows;
	int count, room;
} PolicyDiff;

/* use: NULL where no calls are known of. Returns 0, or -1 with *error filled in; the caller frees in both cases. */
int policy_diff(const PolicySource *old, const PolicySource *new, const PolicyUse *use, PolicyDiff *diff,
				PolicyError *error);
void policy_diff_free(PolicyDiff *diff);

#endif
