/*
 * simulate_policy.c - the policy as the queue and the simulated calls see it. See simulate_engine.h.
 */
#include <string.h>

#include "policies/simulate_engine.h"
#include "scheduler/queue_policy.h"

static PolicyCaller
class_caller(const TraceClass *class)
{
	return (PolicyCaller){
		.function = class->function[0] != '\0' ? class->function : NULL,
		.role = class->role,
		.database = class->database,
	};
}

void
simulate_pools_find(const SimulateSetup *setup, const Trace *trace, int32_t *pools)
{
	for (uint32_t i = 0; i < trace->class_count; i++)
	{
		const TraceClass *class = &trace->classes[i];
		PolicyCaller caller = class_caller(class);

		pools[i] = setup->recorded_pools ? policy_pool_find(setup->policy, class->pool) : -1;
		if (pools[i] < 0)
			pools[i] = policy_assign_find(setup->policy, &caller, NULL)->pool;
	}
}

void
simulate_slots_set(Policy *policy, int32_t slots)
{
	for (int32_t i = 0; i < policy->pool_count; i++)
		if (policy->pools[i].slots == policy->node_slots || policy->pools[i].slots > slots)
			policy->pools[i].slots = slots;
	policy->node_slots = slots;
}

void
simulate_fifo(const SimulateSetup *setup, Policy *fifo, SimulateSetup *plain)
{
	PolicyPool *pool = &fifo->pools[0];

	*fifo = *setup->policy;
	fifo->pool_count = fifo->assign_count = 1;
	fifo->cap_count = fifo->filter_count = fifo->rule_count = fifo->budget_count = 0;
	fifo->node_memory = 0;
	fifo->assigns[0] = (PolicyAssign){0};
	pool->slots = fifo->node_slots;
	pool->priority = 50;
	pool->queue_length = SESSIONS_MAX;
	pool->queue_timeout_ms = TRACE_AT_MAX / 1000;
	pool->limits.wall_ms = TRACE_AT_MAX / 1000;
	pool->ageing_ms = 0;
	pool->memory = 0;
	pool->contention = POLICY_CONTENTION_YIELD;
	simulate_setup_init(plain, fifo);
	plain->speed = setup->speed;
	plain->prediction = SIMULATE_NOTHING;
}

static uint64_t
class_caps(const Policy *policy, const TraceClass *class, int32_t pool)
{
	PolicyCaller caller = class_caller(class);
	uint64_t caps = 0;

	for (int32_t i = 0; i < policy->cap_count; i++)
		if (policy_selector_holds(&policy->caps[i].who, &caller, pool))
			caps |= UINT64_C(1) << i;
	return caps;
}

void
engine_configure(Engine *engine, const Policy *policy)
{
	QueuePlan plan;
	int32_t moves[POLICY_CAPS_MAX];

	queue_plan(policy, &plan);
	plan.setup.cap_moves = moves;
	for (int32_t i = 0; i < POLICY_CAPS_MAX; i++)
		moves[i] = i < policy->cap_count ? i : QUEUE_NOBODY;
	queue_configure(engine->queue, &plan.setup);
	engine->policy = policy;
	for (uint32_t i = 0; i < engine->trace->class_count; i++)
		engine->class_caps[i] = class_caps(policy, &engine->trace->classes[i], engine->class_pools[i]);
}
