/*
 * simulate_share.c - how slot time is shared: what pools get, and what their weights are due. See simulate_engine.h.
 *
 * DESIGN. Weights promise something only to a pool that has calls waiting, and only among those of its priority: while a pool
 * waits, it is due its weight's part of what its priority holds, beside the pools that hold or wait at that moment. A pool
 * that has all the slots it may have, and may not have all there are, is left out, for it is kept back by its limit.
 */
#include "policies/simulate_engine.h"

static bool
pool_competes(const Engine *engine, int32_t pool)
{
	int32_t slots = engine->policy->pools[pool].slots;

	return engine->waiting[pool] > 0 && (slots >= engine->policy->node_slots || engine->holding[pool] < slots);
}

/* What a pool's priority holds beside it, and the sum of weights of those that have a part in it. */
static void
priority_sum(const Engine *engine, int32_t priority, int64_t *holding, int64_t *weights)
{
	*holding = *weights = 0;
	for (int32_t i = 0; i < engine->policy->pool_count; i++)
	{
		const PolicyPool *pool = &engine->policy->pools[i];

		if (pool->priority != priority || engine->holding[i] + engine->waiting[i] == 0)
			continue;
		*holding += engine->holding[i];
		*weights += pool->weight;
	}
}

void
engine_advance(Engine *engine, int64_t at_us)
{
	int64_t passed = at_us - engine->now;

	for (int32_t i = 0; passed > 0 && i < engine->policy->pool_count; i++)
	{
		SimulatePool *pool = &engine->run->pools[engine->period][i];
		int64_t holding, weights;

		pool->slot_us += passed * engine->holding[i];
		if (!pool_competes(engine, i))
			continue;
		priority_sum(engine, engine->policy->pools[i].priority, &holding, &weights);
		pool->got_us += (double) passed * engine->holding[i];
		pool->due_us += (double) passed * (double) holding * engine->policy->pools[i].weight / (double) weights;
	}
	engine->now = at_us;
}
