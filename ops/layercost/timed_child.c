/*
 * timed_child.c - for `make bench ONLY=R3`: an interpreter that says by its process name how many nanoseconds its last layers
 * and their self-test took. Linked with --wrap=lockdown_apply, never installed.
 */
#include <stdio.h>
#include <sys/prctl.h>
#include <time.h>

#include "sandbox/lockdown.h"

int __real_lockdown_apply(const LockdownPlan *plan, uint32_t *layers, const char **stage);
int __wrap_lockdown_apply(const LockdownPlan *plan, uint32_t *layers, const char **stage);

static long long
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

int
__wrap_lockdown_apply(const LockdownPlan *plan, uint32_t *layers, const char **stage)
{
	long long before = now_ns();
	int result = __real_lockdown_apply(plan, layers, stage);
	char name[16];

	snprintf(name, sizeof(name), "ns %lld", now_ns() - before);
	prctl(PR_SET_NAME, name, 0, 0, 0);
	return result;
}
