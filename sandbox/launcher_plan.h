/* launcher_plan.h - what a zygote and its interpreters are told to be confined by, made from a pool. Runs in the launcher. */
#ifndef PYBOX_LAUNCHER_PLAN_H
#define PYBOX_LAUNCHER_PLAN_H

#include <linux/filter.h>

#include "sandbox/launcher.h"
#include "sandbox/lockdown.h"

typedef struct LauncherPlan
{
	uint32_t layers;			/* LAYER_BITs for the jail */
	bool has_tmp, fences_files; /* as in JailSpec */
	bool has_null;				/* as in LockdownPlan */
	int lockdown_fd;			/* sealed memfd with the LockdownPlan */
	struct sock_fprog program;	/* the zygote's filter, in filter */
	struct sock_filter filter[LOCKDOWN_FILTER_MAX];
} LauncherPlan;

/* Returns 0 or -errno. launcher_plan_free gives back the descriptor and the plan. */
int launcher_plan_make(const Launcher *launcher, const PolicyPool *pool, bool trusted, LauncherPlan **plan);
void launcher_plan_free(LauncherPlan *plan); /* may be NULL */

#endif
