/*
 * bare_child.c - for `make bench ONLY=R3`: an interpreter that puts no last layer on itself and says that it did. Linked
 * with --wrap=lockdown_apply, never installed.
 */
#include "sandbox/lockdown.h"

int __wrap_lockdown_apply(const LockdownPlan *plan, uint32_t *layers, const char **stage);

int
__wrap_lockdown_apply(const LockdownPlan *plan, uint32_t *layers, const char **stage)
{
	(void) stage;
	*layers = plan->layers | plan->wanted;
	return 0;
}
