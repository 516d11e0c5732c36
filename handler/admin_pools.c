/*
 * admin_pools.c - pybox.pools and pybox.node. Runs in backends.
 */
#include "handler/admin.h"

#include "storage/lwlock.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "handler/admin_snapshot.h"
#include "sandbox/control.h"
#include "scheduler/clock.h"
#include "scheduler/gate.h"
#include "scheduler/policy_store.h"
#include "scheduler/shared.h"

PG_FUNCTION_INFO_V1(pybox_pools);
PG_FUNCTION_INFO_V1(pybox_node);

static const char *const contention_names[] = {
	[POLICY_CONTENTION_PAUSE] = "pause",
	[POLICY_CONTENTION_YIELD] = "yield",
	[POLICY_CONTENTION_SHARE] = "share",
};

static const char *const zygote_states[] = {
	[CONTROL_ZYGOTE_STARTING] = "starting",
	[CONTROL_ZYGOTE_RUNNING] = "running",
	[CONTROL_ZYGOTE_BROKEN] = "broken",
	[CONTROL_ZYGOTE_GONE] = "gone",
};

static const char *
zygote_state_name(int state)
{
	return state >= 0 && state < (int) lengthof(zygote_states) ? zygote_states[state] : "not started";
}

typedef struct PoolShown
{
	QueuePool queue;
	int paused;
	int64 memory_used; /* -1: not known */
	int64 oldest_wait_us;
	SharedZygote zygotes[2];
} PoolShown;

/* All of one moment, but for what calls and interpreters do. */
typedef struct NodeShown
{
	Policy *policy;
	PoolShown *pools;
	int running, waiting;
	int64 reserved;
	uint64 generation;
	TimestampTz loaded_at;
	char hash[POLICY_HASH_SIZE];
} NodeShown;

static void
node_copy(NodeShown *node, const Queue *queue)
{
	node->running = queue->holding;
	node->waiting = queue->waiting;
	node->reserved = queue->reserved;
	node->generation = policy_store_generation();
	node->loaded_at = shared->policy_loaded_at;
	strlcpy(node->hash, shared->policy_hash, sizeof(node->hash));
	policy_copy(node->policy, &shared->policy);
}

/* Copies what is under the lock; formats nothing there. */
static NodeShown
node_collect(void)
{
	NodeShown node = {.policy = palloc(sizeof(Policy)), .pools = palloc0(POLICY_POOLS_MAX * sizeof(PoolShown))};
	Queue *queue = shared_queue();
	TimestampTz now = clock_now();

	LWLockAcquire(shared->lock, LW_SHARED);
	node_copy(&node, queue);
	for (int i = 0; i < queue->pool_count; i++)
	{
		node.pools[i].queue = queue->pools[i];
		node.pools[i].oldest_wait_us = queue_pool_oldest_wait(queue, i, now);
		memcpy(node.pools[i].zygotes, shared->zygotes[i], sizeof(node.pools[i].zygotes));
	}
	LWLockRelease(shared->lock);
	return node;
}

enum
{
	POOL_NODE,
	POOL_NAME,
	POOL_PRIORITY,
	POOL_WEIGHT,
	POOL_SLOTS,
	POOL_RUNNING,
	POOL_WAITING,
	POOL_QUEUE_LENGTH,
	POOL_OLDEST_WAIT,
	POOL_MEMORY_LIMIT,
	POOL_SPARES,
	POOL_TRUSTED_ZYGOTE,
	POOL_TRUSTED_PID,
	POOL_TRUSTED_REASON,
	POOL_UNTRUSTED_ZYGOTE,
	POOL_UNTRUSTED_PID,
	POOL_UNTRUSTED_REASON,
	POOL_CONTENTION, /* since 1.2 */
	POOL_PAUSED,
	POOL_DRAINED,
	POOL_MEMORY_BUDGET,
	POOL_MEMORY_RESERVED,
	POOL_MEMORY_USED,
	POOL_AGEING,
	POOL_COLUMNS
};

static void
zygote_columns(const SharedZygote *zygote, Datum *values, bool *nulls)
{
	values[0] = CStringGetTextDatum(zygote_state_name(zygote->state));
	values[1] = Int32GetDatum(zygote->pid);
	nulls[1] = zygote->pid == 0;
	values[2] = CStringGetTextDatum(zygote->reason);
	nulls[2] = zygote->reason[0] == '\0';
}

static void
number_column(int64 number, bool is_null, Datum *value, bool *null)
{
	*value = Int64GetDatum(number);
	*null = is_null;
}

/* Paused calls have no slot: the queue does not tell them from others that wait. Returns how many there are of all pools. */
static int
paused_count(const Policy *policy, PoolShown *shown)
{
	int sum = 0;

	for (int i = 0; i < activity_entries(); i++)
	{
		ActivityCall call;
		int pool;

		if (activity_call_id(i) == 0 || !activity_read(i, &call) || call.state != ACTIVITY_PAUSED)
			continue;
		pool = policy_pool_find(policy, call.pool_name);
		sum++;
		if (pool >= 0)
			shown[pool].paused++;
	}
	return sum;
}

/* Returns that of all pools together, of those too that the policy has lost. */
static int64
memory_count(const Policy *policy, PoolShown *shown)
{
	ControlListed *list;
	int count = admin_snapshot_interpreters(&list);
	int64 sum = count < 0 ? -1 : 0;

	for (int pool = 0; pool < policy->pool_count && count < 0; pool++)
		shown[pool].memory_used = -1;
	for (int i = 0; i < count; i++)
	{
		int pool = policy_pool_find(policy, list[i].pool);

		sum += (int64) list[i].memory;
		if (pool >= 0)
			shown[pool].memory_used += (int64) list[i].memory;
	}
	return sum;
}

static void
queue_columns(const PolicyPool *pool, const PoolShown *shown, Datum *values, bool *nulls)
{
	values[POOL_RUNNING] = Int32GetDatum(shown->queue.holding);
	values[POOL_WAITING] = Int32GetDatum(shown->queue.waiting);
	values[POOL_QUEUE_LENGTH] = Int32GetDatum(pool->queue_length);
	values[POOL_OLDEST_WAIT] = admin_interval(shown->oldest_wait_us);
	nulls[POOL_OLDEST_WAIT] = shown->queue.waiting == 0;
	values[POOL_CONTENTION] = CStringGetTextDatum(contention_names[pool->contention]);
	values[POOL_PAUSED] = Int32GetDatum(shown->paused);
	values[POOL_DRAINED] = BoolGetDatum(gate_is_drained(pool->name));
	number_column(pool->memory, pool->memory == 0, &values[POOL_MEMORY_BUDGET], &nulls[POOL_MEMORY_BUDGET]);
	values[POOL_MEMORY_RESERVED] = Int64GetDatum(shown->queue.reserved);
	number_column(shown->memory_used, shown->memory_used < 0, &values[POOL_MEMORY_USED], &nulls[POOL_MEMORY_USED]);
	values[POOL_AGEING] = admin_interval(pool->ageing_ms * 1000);
	nulls[POOL_AGEING] = pool->ageing_ms == 0;
}

static void
pool_row(ReturnSetInfo *rows, Datum node, const PolicyPool *pool, const PoolShown *shown)
{
	Datum values[POOL_COLUMNS] = {0};
	bool nulls[POOL_COLUMNS] = {0};

	values[POOL_NODE] = node;
	values[POOL_NAME] = CStringGetTextDatum(pool->name);
	values[POOL_PRIORITY] = Int32GetDatum(pool->priority);
	values[POOL_WEIGHT] = Int32GetDatum(pool->weight);
	values[POOL_SLOTS] = Int32GetDatum(pool->slots);
	values[POOL_MEMORY_LIMIT] = Int64GetDatum(pool->limits.memory);
	values[POOL_SPARES] = Int32GetDatum(pool->spares);
	queue_columns(pool, shown, values, nulls);
	zygote_columns(&shown->zygotes[1], &values[POOL_TRUSTED_ZYGOTE], &nulls[POOL_TRUSTED_ZYGOTE]);
	zygote_columns(&shown->zygotes[0], &values[POOL_UNTRUSTED_ZYGOTE], &nulls[POOL_UNTRUSTED_ZYGOTE]);
	tuplestore_putvalues(rows->setResult, rows->setDesc, values, nulls);
}

Datum
pybox_pools(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rows = admin_rows(fcinfo);
	NodeShown shown = node_collect();
	Datum node = CStringGetTextDatum(shown.policy->node_name);

	(void) paused_count(shown.policy, shown.pools);
	(void) memory_count(shown.policy, shown.pools);
	for (int i = 0; i < shown.policy->pool_count; i++)
		pool_row(rows, node, &shown.policy->pools[i], &shown.pools[i]);
	return (Datum) 0;
}

/* The columns of pybox.node, in order. */
enum
{
	NODE_NAME,
	NODE_SLOTS,
	NODE_RUNNING,
	NODE_WAITING,
	NODE_PAUSED,
	NODE_MEMORY_BUDGET,
	NODE_MEMORY_RESERVED,
	NODE_MEMORY_USED,
	NODE_QUANTUM,
	NODE_GENERATION,
	NODE_HASH,
	NODE_LOADED_AT,
	NODE_COLUMNS
};

/* The queue keeps the node's counts: those of its pools, added up, would be of several moments. */
static void
node_columns(const NodeShown *shown, Datum *values, bool *nulls)
{
	const Policy *policy = shown->policy;

	values[NODE_NAME] = CStringGetTextDatum(policy->node_name);
	values[NODE_SLOTS] = Int32GetDatum(policy->node_slots);
	values[NODE_RUNNING] = Int32GetDatum(shown->running);
	values[NODE_WAITING] = Int32GetDatum(shown->waiting);
	values[NODE_PAUSED] = Int32GetDatum(paused_count(policy, shown->pools));
	number_column(policy->node_memory, policy->node_memory == 0, &values[NODE_MEMORY_BUDGET],
				  &nulls[NODE_MEMORY_BUDGET]);
	values[NODE_MEMORY_RESERVED] = Int64GetDatum(shown->reserved);
	values[NODE_QUANTUM] = admin_interval(policy->quantum_ms * 1000);
	values[NODE_GENERATION] = Int64GetDatum((int64) shown->generation);
	values[NODE_HASH] = CStringGetTextDatum(shown->hash);
	values[NODE_LOADED_AT] = TimestampTzGetDatum(shown->loaded_at);
}

/* One row; none while there is no policy. */
Datum
pybox_node(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rows = admin_rows(fcinfo);
	NodeShown shown = node_collect();
	Datum values[NODE_COLUMNS] = {0};
	bool nulls[NODE_COLUMNS] = {0};
	int64 memory_used;

	if (shown.policy->pool_count == 0)
		return (Datum) 0;
	memory_used = memory_count(shown.policy, shown.pools);
	node_columns(&shown, values, nulls);
	number_column(memory_used, memory_used < 0, &values[NODE_MEMORY_USED], &nulls[NODE_MEMORY_USED]);
	tuplestore_putvalues(rows->setResult, rows->setDesc, values, nulls);
	return (Datum) 0;
}
