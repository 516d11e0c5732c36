/* blocker.h - who waits for a lock of whom: as pg_blocking_pids tells, for all sessions at once. Needs no database. */
#ifndef PYBOX_BLOCKER_H
#define PYBOX_BLOCKER_H

#include "postgres.h"

/* blocked and blocker are pids, of lock groups their leaders'. */
typedef struct Blocker
{
	int blocked, blocker;
} Blocker;

/* Whether anybody waits for a lock: a hint that costs nothing but a look at each process. */
bool blocker_any(void);
#define BLOCKED_FEW 64 /* for who looks often: each costs a look at the lock table */

/*
 * A palloc'd array of *count, of most blocked processes; a pair may come more than once. What of it holds no longer is found out
 * by looking again.
 */
Blocker *blocker_list(int most, int *count);

#endif
