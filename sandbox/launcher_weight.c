/*
 * launcher_weight.c - shares of the CPU that the kernel gives to pools and their interpreters. Runs in the launcher.
 *
 * DESIGN. Slots decide who runs; these weights decide among those that run at once on fewer cores than there are slots. A
 * pool's group has its policy weight, of which only the ratios count, so that they are spread over the range the kernel
 * takes. An interpreter's group has the usual weight until its backend asks for another one. Since a group alone in its
 * pool gains and loses nothing by its own weight, the pool's follows that of the heaviest interpreter that runs in it.
 * The whole has node.weight beside the server.
 */
#include "sandbox/launcher_weight.h"

#include <stdio.h>
#include <string.h>

#include "sandbox/launcher_zygote.h"
#include "sandbox/watch.h"

#define WEIGHT_HEAVIEST_POOL 1000 /* that of the pool with the greatest weight: leaves room for more and for less */

static int64_t
weight_clamp(int64_t weight)
{
	return weight < 1 ? 1 : weight > WEIGHT_MAX ? WEIGHT_MAX : weight;
}

static int32_t
weight_greatest(const Policy *policy)
{
	int32_t greatest = 1;

	for (int i = 0; i < policy->pool_count; i++)
		if (policy->pools[i].weight > greatest)
			greatest = policy->pools[i].weight;
	return greatest;
}

static bool
weight_counts(const Interpreter *interpreter, const char *pool)
{
	return interpreter->state == INTERPRETER_LEASED && interpreter->watch != NULL &&
		   strcmp(interpreter->zygote->pool.name, pool) == 0 &&
		   __atomic_load_n(&interpreter->watch->state, __ATOMIC_RELAXED) == WATCH_RUNS;
}

/* That of the heaviest interpreter that runs; the usual one while none does. */
static int32_t
weight_of_running(const Launcher *launcher, const char *pool)
{
	int32_t heaviest = 0;

	for (const Interpreter *interpreter = launcher->interpreters; interpreter != NULL; interpreter = interpreter->next)
		if (weight_counts(interpreter, pool) && interpreter->weight > heaviest)
			heaviest = interpreter->weight;
	return heaviest > 0 ? heaviest : WEIGHT_USUAL;
}

int32_t
weight_of_pool(const Launcher *launcher, const char *pool)
{
	int number = policy_pool_find(&launcher->policy, pool);
	int64_t weight = number < 0 ? 1 : launcher->policy.pools[number].weight;

	weight = weight * WEIGHT_HEAVIEST_POOL / weight_greatest(&launcher->policy);
	return (int32_t) weight_clamp(weight_clamp(weight) * weight_of_running(launcher, pool) / WEIGHT_USUAL);
}

/* A group that is not there needs none: it is made with the right one. */
static void
weight_pool_write(const Launcher *launcher, const char *pool)
{
	const CgroupLimits limits = {.cpu_weight = weight_of_pool(launcher, pool)};
	char group[CGROUP_GROUP_SIZE];

	snprintf(group, sizeof(group), CGROUP_TOP "/%s", pool);
	(void) launcher->cgroup.backend->group_limit(&launcher->cgroup, group, &limits);
}

void
weight_set(Interpreter *interpreter, int32_t weight)
{
	const Cgroup *cgroup = &interpreter->launcher->cgroup;
	const CgroupLimits limits = {.cpu_weight = (int32_t) weight_clamp(weight)};

	interpreter->weight = limits.cpu_weight;
	(void) cgroup->backend->group_limit(cgroup, interpreter->group, &limits);
	weight_pool_write(interpreter->launcher, interpreter->zygote->pool.name);
}

void
weight_follow(const Interpreter *interpreter)
{
	weight_pool_write(interpreter->launcher, interpreter->zygote->pool.name);
}

static void
weight_node_write(const Launcher *launcher)
{
	const CgroupLimits limits = {.cpu_weight = launcher->policy.node_weight};
	const CgroupBackend *backend = launcher->cgroup.backend;
	int result = backend->group_limit(&launcher->cgroup, backend->whole, &limits);

	if (result < 0)
		launcher_log("could not set the CPU weight of all interpreters together: %s", strerror(-result));
}

void
weight_apply(const Launcher *launcher)
{
	weight_node_write(launcher);
	for (const Zygote *zygote = launcher->zygotes; zygote != NULL; zygote = zygote->next)
		weight_pool_write(launcher, zygote->pool.name);
}
