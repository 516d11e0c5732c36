/*
 * queue_policy.c - a queue's setup from a policy. Pure; linked into the server, the unit tests and pybox-policy.
 */
#include "scheduler/queue_policy.h"

static QueueRule
pool_rule(const PolicyPool *pool)
{
	return (QueueRule){
		.priority = pool->priority,
		.weight = pool->weight,
		.slots = pool->slots,
		.length = pool->queue_length,
		.contention = (QueueContention) pool->contention,
		.memory = pool->memory,
		.ageing_us = pool->ageing_ms * 1000,
	};
}

void
queue_plan(const Policy *policy, QueuePlan *plan)
{
	*plan = (QueuePlan){
		.setup =
			{
				.slots = policy->node_slots,
				.memory = policy->node_memory,
				.quantum_us = policy->quantum_ms * 1000,
				.pool_count = policy->pool_count,
				.cap_count = policy->cap_count,
				.pools = plan->pools,
				.caps = plan->caps,
			},
	};
	for (int32_t i = 0; i < policy->pool_count; i++)
		plan->pools[i] = pool_rule(&policy->pools[i]);
	for (int32_t i = 0; i < policy->cap_count; i++)
		plan->caps[i] = (QueueCapRule){.slots = policy->caps[i].slots, .memory = policy->caps[i].memory};
}
