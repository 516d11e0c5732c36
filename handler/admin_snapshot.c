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

/* A call in SQL has no place in the queue, whatever its backend waits for. */
static bool
call_has_place(const AdminCall *shown)
{
	return shown->is_innermost && shown->call.state != ACTIVITY_SQL;
}

static void
call_describe(AdminCall *shown, const QueueCopy *copy)
{
	shown->waited_us = shown->estimate_us = -1;
	shown->priority = shown->call.priority;
	if (call_has_place(shown))
		queue_describe(shown, copy, activity_backend(shown->entry));
	if (shown->held && shown->state != QUEUE_HOLDING)
		strlcpy(shown->waiting_for, "pybox.resume()", sizeof(shown->waiting_for));
}

/* Who holds up a call holds up what is inside; outer: NULL when it is inside none. */
static bool
call_is_held(const AdminCall *shown, const AdminCall *outer)
{
	ActivityWish wish;

	return (outer != NULL && outer->held) ||
		   (activity_wish_read(shown->entry, shown->call.call_id, &wish) && wish.held);
}

static void
call_append(AdminSnapshot *snapshot, int *room, const AdminCall *found)
{
	if (snapshot->count == *room)
		snapshot->calls = repalloc(snapshot->calls, (*room *= 2) * sizeof(AdminCall));
	snapshot->calls[snapshot->count++] = *found;
}

/* All calls that there are, in the order of their entries; before: which ones there were. */
static void
calls_read(AdminSnapshot *snapshot, const uint64 *before)
{
	int room = ROWS_FIRST;

	snapshot->count = 0;
	snapshot->calls = palloc(room * sizeof(AdminCall));
	for (int i = 0; i < activity_entries(); i++)
	{
		AdminCall found = {.entry = i};
		AdminCall *outer = snapshot->count > 0 ? &snapshot->calls[snapshot->count - 1] : NULL;

		if (activity_call_id(i) == 0 || !activity_read(i, &found.call))
			continue;
		if (outer != NULL && activity_backend(outer->entry) != activity_backend(i))
			outer = NULL;
		if (outer != NULL)
			outer->is_innermost = false;
		found.is_innermost = found.call.call_id == before[i];
		found.held = call_is_held(&found, outer);
		call_append(snapshot, &room, &found);
	}
}

/* Whether it has waited all the time since the copy was made: what its entry said amid that is what it said as it waited. */
static bool
wait_goes_on(const QueueCopy *copy, int who)
{
	const Queue *queue = shared_queue();

	return queue_state(copy->queue, who) == QUEUE_WAITING && queue_state(queue, who) == QUEUE_WAITING &&
		   queue->callers[who].since == copy->queue->callers[who].since;
}

/* Takes those out of the copy whose calls wait no more, so that whoever is left in it has a row. */
static void
queue_copy_renew(const AdminSnapshot *snapshot, QueueCopy *copy)
{
	bool *waits = palloc0(shared_backends() * sizeof(bool));

	for (int i = 0; i < snapshot->count; i++)
	{
		int who = activity_backend(snapshot->calls[i].entry);

		if (call_has_place(&snapshot->calls[i]))
			waits[who] = wait_goes_on(copy, who);
	}
	for (int who = 0; who < shared_backends(); who++)
		if (!waits[who] && queue_state(copy->queue, who) == QUEUE_WAITING)
			queue_release(copy->queue, who, copy->now);
	pfree(waits);
}

void
admin_snapshot_calls(AdminSnapshot *snapshot)
{
	uint64 *before = palloc(activity_entries() * sizeof(uint64));
	int count = 0;
	QueueCopy copy;

	for (int i = 0; i < activity_entries(); i++)
		before[i] = activity_call_id(i);
	queue_copy(&copy, snapshot->node, sizeof(snapshot->node));
	calls_read(snapshot, before);
	queue_copy_renew(snapshot, &copy);
	for (int i = 0; i < snapshot->count; i++)
	{
		if (!admin_may_see(snapshot->calls[i].call.role))
			continue;
		call_describe(&snapshot->calls[i], &copy);
		snapshot->calls[count++] = snapshot->calls[i];
	}
	snapshot->count = count;
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
