/*
 * admin_snapshot.c - what views show of calls and interpreters, collected without a lock held for longer than a copy takes.
 * Runs in backends.
 */
#include "handler/admin_snapshot.h"

#include "storage/lwlock.h"

#include "handler/admin.h"
#include "handler/launcher.h"
#include "scheduler/clock.h"
#include "scheduler/shared.h"

#define ROWS_FIRST 64

/* The queue as it was, and what its numbers stand for. */
typedef struct QueueCopy
{
	Queue *queue;
	TimestampTz now;
	int32 cap_lines[POLICY_CAPS_MAX];
	char pools[POLICY_POOLS_MAX][POLICY_NAME_SIZE];
} QueueCopy;

static const char *const why_names[QUEUE_WHY_COUNT] = {
	[QUEUE_WHY_NOTHING] = "",
	[QUEUE_WHY_NODE_SLOTS] = "slot of the node",
	[QUEUE_WHY_POOL_SLOTS] = "slot of the pool",
	[QUEUE_WHY_CAP_SLOTS] = "cap",
	[QUEUE_WHY_NODE_MEMORY] = "memory of the node",
	[QUEUE_WHY_POOL_MEMORY] = "memory of the pool",
	[QUEUE_WHY_CAP_MEMORY] = "cap",
	[QUEUE_WHY_ORDER] = "its turn",
};

static void
queue_copy(QueueCopy *copy, char *node, Size node_size)
{
	Size size = queue_size(shared_backends());

	copy->queue = palloc(size);
	LWLockAcquire(shared->lock, LW_SHARED);
	memcpy(copy->queue, shared_queue(), size);
	for (int i = 0; i < POLICY_CAPS_MAX; i++)
		copy->cap_lines[i] = shared->policy.caps[i].line;
	for (int i = 0; i < POLICY_POOLS_MAX; i++)
		strlcpy(copy->pools[i], shared->policy.pools[i].name, POLICY_NAME_SIZE);
	strlcpy(node, shared->policy.node_name, node_size);
	LWLockRelease(shared->lock);
	copy->now = clock_now();
}

static void
why_describe(AdminCall *shown, const QueueCopy *copy, int who)
{
	int32_t cap;
	QueueWhy why = queue_why(copy->queue, who, &cap);

	if (why == QUEUE_WHY_CAP_SLOTS || why == QUEUE_WHY_CAP_MEMORY)
		snprintf(shown->waiting_for, sizeof(shown->waiting_for), "cap line %d", copy->cap_lines[cap]);
	else
		strlcpy(shown->waiting_for, why_names[why], sizeof(shown->waiting_for));
}

static void
wait_describe(AdminCall *shown, const QueueCopy *copy, int who)
{
	const QueueCaller *caller = &copy->queue->callers[who];

	/* The pool that its position is in: the policy may have lost its own, or somebody has moved it. */
	strlcpy(shown->call.pool_name, copy->pools[queue_pool(copy->queue, who)], sizeof(shown->call.pool_name));
	shown->position = queue_position(copy->queue, who);
	shown->waited_us = Max(0, copy->now - caller->since);
	shown->estimate_us = queue_estimate(copy->queue, who, copy->now);
	shown->memory += (int64) caller->pages * QUEUE_PAGE;
	why_describe(shown, copy, who);
}

/* Its backend waits or holds for this call. */
static void
queue_describe(AdminCall *shown, const QueueCopy *copy, int who)
{
	const QueueCaller *caller = &copy->queue->callers[who];

	shown->state = queue_state(copy->queue, who);
	if (shown->state == QUEUE_IDLE)
		return;
	shown->priority = queue_priority(copy->queue, who);
	shown->predicted_us = caller->predicted;
	shown->attained_us = caller->attained;
	shown->memory = queue_reserved(copy->queue, who);
	if (shown->state == QUEUE_HOLDING)
		shown->attained_us += Max(0, copy->now - caller->since);
	else
		wait_describe(shown, copy, who);
}

/* Whether a call in this state is the one that its backend's place in the queue is for: others wait for SQL, theirs or a nested call's. */
static bool
state_has_place(ActivityState state)
{
	return state != ACTIVITY_FREE && state != ACTIVITY_SQL;
}

static void
call_describe(AdminCall *shown, const QueueCopy *copy, int number, bool is_same)
{
	ActivityWish wish;

	shown->waited_us = shown->estimate_us = -1;
	shown->priority = shown->call.priority;
	if (is_same && state_has_place((ActivityState) shown->call.state))
		queue_describe(shown, copy, activity_backend(number));
	shown->held = activity_wish_read(number, shown->call.call_id, &wish) && wish.held;
	if (shown->held && shown->state != QUEUE_HOLDING)
		strlcpy(shown->waiting_for, "pybox.resume()", sizeof(shown->waiting_for));
}

void
admin_snapshot_calls(AdminSnapshot *snapshot)
{
	int entries = activity_entries(), room = ROWS_FIRST;
	uint64 *before = palloc(entries * sizeof(uint64));
	QueueCopy copy;

	for (int i = 0; i < entries; i++)
		before[i] = activity_call_id(i);
	queue_copy(&copy, snapshot->node, sizeof(snapshot->node));
	snapshot->count = 0;
	snapshot->calls = palloc(room * sizeof(AdminCall));
	for (int i = 0; i < entries; i++)
	{
		AdminCall *next = &snapshot->calls[snapshot->count];

		if (activity_call_id(i) == 0)
			continue;
		memset(next, 0, sizeof(*next));
		if (!activity_read(i, &next->call) || !admin_may_see(next->call.role))
			continue;
		call_describe(next, &copy, i, next->call.call_id == before[i]);
		if (++snapshot->count < room)
			continue;
		room *= 2;
		snapshot->calls = repalloc(snapshot->calls, room * sizeof(AdminCall));
	}
	pfree(copy.queue);
	pfree(before);
}

int
admin_snapshot_interpreters(ControlListed **list)
{
	int count = 0, room = ROWS_FIRST;
	ControlMessage page = {.status = 1};

	*list = palloc(room * sizeof(ControlListed));
	while (page.status != 0)
	{
		if (!launcher_list(page.id, &page))
			return -1;
		if (count + (int) page.count > room)
			*list = repalloc(*list, (room *= 2) * sizeof(ControlListed));
		memcpy(*list + count, page.listed, page.count * sizeof(ControlListed));
		count += (int) page.count;
	}
	return count;
}
