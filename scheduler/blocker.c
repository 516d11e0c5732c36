/*
 * blocker.c - reads the lock manager's own tables. Runs in backends and the scheduler.
 *
 * DESIGN. The rules are those of pg_blocking_pids: who holds a lock that conflicts blocks, and so does who waits for one and is ahead.
 * Each blocked process costs a look at the whole lock table, under all its locks, so that there is a bound to how many are looked at,
 * and to the pairs, whose number has a square.
 */
#include "scheduler/blocker.h"

#include "storage/lock.h"
#include "storage/proc.h"

#define BLOCKED_MAX 64
#define PAIRS_MAX 1024 /* as where many wait for a table that many more have read */

static bool
process_is_blocked(const PGPROC *process)
{
	return process->pid != 0 && *(LOCK *const volatile *) &process->waitLock != NULL;
}

bool
blocker_any(void)
{
	for (uint32 i = 0; i < ProcGlobal->allProcCount; i++)
		if (process_is_blocked(&ProcGlobal->allProcs[i]))
			return true;
	return false;
}

typedef struct BlockerList
{
	Blocker *pairs;
	int count, room;
} BlockerList;

static void
list_add(BlockerList *list, int blocked, int blocker)
{
	if (list->count == PAIRS_MAX)
		return;
	if (list->count == list->room)
	{
		list->room *= 2;
		list->pairs = repalloc(list->pairs, list->room * sizeof(Blocker));
	}
	list->pairs[list->count++] = (Blocker){blocked, blocker};
}

static bool
waits_ahead(const BlockedProcsData *data, const BlockedProcData *process, int pid)
{
	for (int i = 0; i < process->num_waiters; i++)
		if (data->waiter_pids[process->first_waiter + i] == pid)
			return true;
	return false;
}

static bool
instance_blocks(const BlockedProcsData *data, const BlockedProcData *process, const LockInstanceData *own,
				const LockInstanceData *other)
{
	LOCKMASK conflicts = GetLockTagsMethodTable(&own->locktag)->conflictTab[own->waitLockMode];

	if (other == own || other->leaderPid == own->leaderPid)
		return false;
	if ((conflicts & other->holdMask) != 0)
		return true;
	return other->waitLockMode != NoLock && (conflicts & LOCKBIT_ON(other->waitLockMode)) != 0 &&
		   waits_ahead(data, process, other->pid);
}

static void
process_add(BlockerList *list, const BlockedProcsData *data, const BlockedProcData *process)
{
	const LockInstanceData *instances = &data->locks[process->first_lock], *own = NULL;

	for (int i = 0; i < process->num_locks && own == NULL; i++)
		if (instances[i].pid == process->pid)
			own = &instances[i];
	for (int i = 0; i < process->num_locks && own != NULL; i++)
		if (instance_blocks(data, process, own, &instances[i]))
			list_add(list, own->leaderPid, instances[i].leaderPid);
}

Blocker *
blocker_list(int *count)
{
	BlockerList list = {.pairs = palloc(16 * sizeof(Blocker)), .room = 16};
	int looked_at = 0;

	for (uint32 i = 0; i < ProcGlobal->allProcCount && looked_at < BLOCKED_MAX; i++)
	{
		const PGPROC *process = &ProcGlobal->allProcs[i];
		BlockedProcsData *data;

		if (!process_is_blocked(process))
			continue;
		looked_at++;
		data = GetBlockerStatusData(process->pid);
		for (int j = 0; j < data->nprocs; j++)
			process_add(&list, data, &data->procs[j]);
	}
	*count = list.count;
	return list.pairs;
}
