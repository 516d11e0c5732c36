/*
 * inherit.c - priority inheritance, and the deadlocks of memory. Runs in the scheduler.
 *
 * DESIGN. Who waits in the queue, for its first slot or in mid-call, may hold locks that others wait for: their wait is as long as its
 * own. So it counts with the best priority among all that it blocks, directly or through others, until it no longer does. A session
 * that is blocked has the priority of its call; one without a call runs plain SQL, which no pool holds back, and counts as the best
 * pool's. A call that somebody paused (pybox.pause) is not in line, and nothing is lent to it.
 *
 * Memory is kept while a call is in SQL, so that there is one deadlock which slots do not know: a call waits for memory that a call
 * keeps which waits for a lock of the first one's transaction. When all that others may yet give back is not enough for it, and two
 * looks in a row agree, the first one is refused. A call inside another one never waits for memory at all.
 */
#include "scheduler/inherit.h"

#include "storage/proc.h"
#include "utils/memutils.h"

#include "scheduler/activity.h"
#include "scheduler/blocker.h"
#include "scheduler/queue.h"
#include "scheduler/shared.h"
#include "scheduler/slot.h"

#define CHAIN_MAX 16 /* so many blocked sessions in a row are followed */

/* A session in line, or that has reserved memory, or is blocked. */
typedef struct Party
{
	int pid;	 /* of its lock group */
	int who;	 /* its number in the queue */
	int worth;	 /* the best priority that waits for it; -1: nobody does */
	uint64 call; /* its innermost */
	bool stuck;	 /* until somebody gets memory */
} Party;

typedef struct Scene
{
	Blocker *blockers;
	int *worths; /* of each pair: the priority of who is blocked, and of who waits for that in turn */
	int blocker_count;
	Party *parties;
	int party_count;
} Scene;

static MemoryContext scene_context = NULL;
static TimestampTz looked_at = 0;
static bool lent = true;   /* to anybody; by the scheduler before this one, for all that is known */
static uint64 suspect = 0; /* call that the last look found in a deadlock */

static int
priority_best(void)
{
	int best = 0;

	for (int i = 0; i < shared->policy.pool_count; i++)
		best = Max(best, shared->policy.pools[i].priority);
	return best;
}

/* A call in SQL has yet to hear of a wish. */
static int
priority_wished(int number, const ActivityCall *call)
{
	ActivityWish wish;

	return activity_wish_read(number, call->call_id, &wish) && wish.priority >= 0 ? wish.priority : call->priority;
}

/* The parties are the sessions with calls; the innermost call of each counts. */
static void
scene_parties(Scene *scene, int *priorities)
{
	ActivityCall call;

	scene->parties = palloc0(shared_backends() * sizeof(Party));
	for (int i = 0; i < activity_entries(); i++)
	{
		Party *party = scene->party_count > 0 ? &scene->parties[scene->party_count - 1] : NULL;

		if (!activity_read(i, &call))
			continue;
		if (party == NULL || party->who != activity_backend(i))
			party = &scene->parties[scene->party_count++];
		*party = (Party){.pid = call.leader_pid != 0 ? call.leader_pid : call.pid,
						 .who = activity_backend(i),
						 .worth = -1,
						 .call = call.call_id};
		priorities[party - scene->parties] = priority_wished(i, &call);
	}
}

/* Of a session that is blocked: the best of its group's calls, or plain SQL's. */
static int
priority_of(const Scene *scene, const int *priorities, int pid, int best)
{
	int priority = -1;

	for (int i = 0; i < scene->party_count; i++)
		if (scene->parties[i].pid == pid)
			priority = Max(priority, priorities[i]);
	return priority >= 0 ? priority : best;
}

/* What a pair is worth is worth what its blocked session blocks, too. Returns whether anything changed. */
static bool
worths_spread(Scene *scene)
{
	bool changed = false;

	for (int i = 0; i < scene->blocker_count; i++)
		for (int j = 0; j < scene->blocker_count; j++)
			if (scene->blockers[j].blocker == scene->blockers[i].blocked && scene->worths[j] > scene->worths[i])
			{
				scene->worths[i] = scene->worths[j];
				changed = true;
			}
	return changed;
}

static Scene
scene_take(void)
{
	Scene scene = {0};
	int *priorities = palloc0(shared_backends() * sizeof(int));
	int best = priority_best();

	scene.blockers = blocker_list(&scene.blocker_count);
	scene.worths = palloc0((scene.blocker_count + 1) * sizeof(int));
	scene_parties(&scene, priorities);
	for (int i = 0; i < scene.blocker_count; i++)
		scene.worths[i] = priority_of(&scene, priorities, scene.blockers[i].blocked, best);
	for (int round = 0; round < CHAIN_MAX && worths_spread(&scene); round++)
		continue;
	for (int i = 0; i < scene.party_count; i++)
		for (int j = 0; j < scene.blocker_count; j++)
			if (scene.blockers[j].blocker == scene.parties[i].pid)
				scene.parties[i].worth = Max(scene.parties[i].worth, scene.worths[j]);
	return scene;
}

/* Caller holds the lock. */
static void
scene_lend(const Scene *scene)
{
	Queue *queue = shared_queue();

	lent = false;
	for (int i = 0; i < scene->party_count; i++)
	{
		const Party *party = &scene->parties[i];

		if (queue_state(queue, party->who) == QUEUE_IDLE)
			continue;
		queue_lend(queue, party->who, party->worth);
		lent = lent || party->worth >= 0;
	}
}

/* Whether a call waits for memory, and of which budget. Caller holds the lock. */
static bool
waits_for_memory(const Party *party, QueueWhy *why, int32_t *index)
{
	const Queue *queue = shared_queue();

	*why = queue_why(queue, party->who, index);
	if (*why == QUEUE_WHY_POOL_MEMORY)
		*index = queue_pool(queue, party->who);
	return queue_state(queue, party->who) == QUEUE_WAITING &&
		   (*why == QUEUE_WHY_NODE_MEMORY || *why == QUEUE_WHY_POOL_MEMORY || *why == QUEUE_WHY_CAP_MEMORY);
}

/* Whether pid waits for locks of one that is marked, directly. */
static bool
blocked_by_marked(const Scene *scene, int pid)
{
	for (int i = 0; i < scene->blocker_count; i++)
		for (int j = 0; j < scene->party_count && scene->blockers[i].blocked == pid; j++)
			if (scene->parties[j].pid == scene->blockers[i].blocker && scene->parties[j].stuck)
				return true;
	return false;
}

/* Marks who gives back nothing before somebody has got memory: who waits for it, and whom they block. */
static void
scene_mark_stuck(Scene *scene)
{
	bool changed = true;
	QueueWhy why;
	int32_t index;

	for (int i = 0; i < scene->party_count; i++)
		scene->parties[i].stuck = waits_for_memory(&scene->parties[i], &why, &index);
	for (int round = 0; round < CHAIN_MAX && changed; round++)
	{
		changed = false;
		for (int i = 0; i < scene->party_count; i++)
			if (!scene->parties[i].stuck && blocked_by_marked(scene, scene->parties[i].pid))
				scene->parties[i].stuck = changed = true;
	}
}

/* The call that waits for memory which only calls that wait for it could give back; 0: there is none. Caller holds the lock. */
static uint64
deadlock_find(Scene *scene)
{
	const Queue *queue = shared_queue();

	if (queue->wanting_memory == 0 || scene->blocker_count == 0)
		return 0;
	scene_mark_stuck(scene);
	for (int i = 0; i < scene->party_count; i++)
	{
		const Party *party = &scene->parties[i];
		QueueWhy why;
		int32_t index;
		int64 room;

		if (party->worth < 0 || !waits_for_memory(party, &why, &index))
			continue;
		room = queue_budget_free(queue, why, index);
		for (int j = 0; j < scene->party_count; j++)
			if (!scene->parties[j].stuck)
				room += queue_reserved_of(queue, scene->parties[j].who, why, index);
		if (room < queue_claimed(queue, party->who))
			return party->call;
	}
	return 0;
}

/* Two looks have to agree: what was read of locks and of the queue is not of one moment. */
static void
deadlock_judge(uint64 found)
{
	if (found != 0 && found == suspect && activity_stop(found, ACTIVITY_STOP_DEADLOCK))
		found = 0;
	suspect = found;
}

static void
inherit_look(TimestampTz now)
{
	Scene scene = scene_take();
	uint64 found;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	scene_lend(&scene);
	found = deadlock_find(&scene);
	slot_settle(now);
	LWLockRelease(shared->lock);
	deadlock_judge(found);
}

void
inherit_tick(TimestampTz now)
{
	MemoryContext old;

	if (now - looked_at < SLOT_TICK_US || (!lent && (shared_queue()->waiting == 0 || !blocker_any())))
		return;
	looked_at = now;
	if (scene_context == NULL)
		scene_context = AllocSetContextCreate(TopMemoryContext, "pybox inheritance", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(scene_context);
	inherit_look(now);
	MemoryContextSwitchTo(old);
	MemoryContextReset(scene_context);
}
