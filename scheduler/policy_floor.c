/*
 * policy_floor.c - remembers, for preload lists, how much memory they need. Runs in the scheduler, which hears it from the
 * launcher, and in whoever loads or checks a policy.
 *
 * DESIGN. A list that no zygote has imported yet is not known: then the zygote itself finds out, and its pool is broken.
 */
#include "scheduler/policy_floor.h"

#include <stdio.h>

#include "scheduler/shared.h"

#define MEGABYTE (INT64CONST(1024) * 1024)

static uint64
floor_key_add(uint64 key, const char *text)
{
	for (; *text != '\0'; text++)
		key = (key ^ (uint8) *text) * UINT64CONST(1099511628211); /* FNV-1a */
	return (key ^ '\n') * UINT64CONST(1099511628211);
}

/* Of what a zygote imports, and from where; never 0. */
static uint64
floor_key(const PolicyPool *pool)
{
	uint64 key = UINT64CONST(14695981039346656037);

	for (int i = 0; i < pool->preload_count; i++)
		key = floor_key_add(key, pool->preload[i]);
	key = floor_key_add(key, "");
	for (int i = 0; i < pool->package_count; i++)
		key = floor_key_add(key, pool->packages[i]);
	return Max(key, 1);
}

static SharedFloor *
floor_find(uint64 key)
{
	for (int i = 0; i < SHARED_FLOORS; i++)
		if (shared->floors[i].key == key)
			return &shared->floors[i];
	return NULL;
}

void
policy_floor_learn(const PolicyPool *pool, int64 need)
{
	uint64 key = floor_key(pool);
	SharedFloor *known = floor_find(key);

	if (known == NULL)
		known = &shared->floors[shared->next_floor++ % SHARED_FLOORS];
	*known = (SharedFloor){.key = key, .need = need};
}

int
policy_floor_check(const Policy *policy, PolicyError *error)
{
	int result = 0;

	if (shared == NULL) /* the server did not load us at its start: no zygote ever ran, but a text can be checked */
		return 0;
	LWLockAcquire(shared->lock, LW_SHARED);
	for (int i = 0; i < policy->pool_count && result == 0; i++)
	{
		const PolicyPool *pool = &policy->pools[i];
		const SharedFloor *known = floor_find(floor_key(pool));

		if (known == NULL || known->need <= pool->limits.memory)
			continue;
		*error = (PolicyError){.line = pool->line, .column = 1};
		snprintf(error->message, sizeof(error->message),
				 "pools.%s.limits.memory: %lld MB is less than the %lld MB that its preload list was seen to need",
				 pool->name, (long long) (pool->limits.memory / MEGABYTE),
				 (long long) ((known->need + MEGABYTE - 1) / MEGABYTE));
		result = -1;
	}
	LWLockRelease(shared->lock);
	return result;
}
