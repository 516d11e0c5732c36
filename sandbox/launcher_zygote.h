/*
 * launcher_zygote.h - the preloaded process of one pool and language, which forks its interpreters. Runs in the launcher.
 */
#ifndef PYBOX_LAUNCHER_ZYGOTE_H
#define PYBOX_LAUNCHER_ZYGOTE_H

#include <time.h>

#include "sandbox/launcher.h"
#include "sandbox/launcher_interpreter.h"
#include "sandbox/launcher_plan.h"

typedef enum ZygoteState
{
	ZYGOTE_DOWN,	 /* no process; starts again at retry_ms if somebody wants it */
	ZYGOTE_STARTING, /* imports its preload list */
	ZYGOTE_RUNNING,	 /* forks */
	ZYGOTE_ENDING,	 /* killed, not dead yet */
	ZYGOTE_STATE_COUNT
} ZygoteState;

typedef struct Lease Lease;

struct Zygote
{
	Zygote *next;
	Launcher *launcher;
	PolicyPool pool; /* as it was when the zygote was made */
	bool trusted;
	bool keeps_spares; /* from the start, or from its first lease on */
	bool retired;	   /* its pool has changed or gone: lives for its leases only */
	bool was_up;	   /* since it last started */
	ZygoteState state;
	LauncherPlan *plan;
	uint32_t layers; /* in force around its interpreters */
	pid_t pid;
	int64_t need;				  /* bytes that an interpreter with its preload list needs; 0: not measured */
	int report_fd;				  /* the jail's */
	LauncherSource control, exit; /* exit is the pidfd */
	char group[CGROUP_GROUP_SIZE];
	int counts[INTERPRETER_STATE_COUNT];
	Lease *leases, **leases_end;	/* who waits, the first first */
	int failures;					/* in a row, of it or its children */
	int64_t retry_ms;				/* no start and no fork before */
	int64_t limit_ms;				/* of STARTING */
	ControlCause end_cause;			/* what its interpreters' owners are told when it dies */
	char reason[CONTROL_TEXT_SIZE]; /* why it is down */
	struct timespec tablespaces;	/* when their links last changed, as its jail knows them */
};

/* The zygote that serves a pool now, made when there is none; NULL when out of memory. */
Zygote *zygote_obtain(Launcher *launcher, const PolicyPool *pool, bool trusted);
/* Starts it, forks spares, or neither, as is due. */
void zygote_advance(Zygote *zygote);
/* An interpreter of its could not be made: refuses who waits and holds back. */
void zygote_child_failed(Zygote *zygote, const char *reason);
void zygote_kill(Zygote *zygote, const char *reason);
/* After the last interpreter of a retired one. */
void zygote_release(Zygote *zygote);
/* A new policy: retires what has changed, starts what is to have spares. */
void zygote_reconcile(Launcher *launcher);
/* Kills all, waits for them and removes their groups. */
void zygote_stop(Launcher *launcher);
int64_t zygote_deadline(const Launcher *launcher);
void zygote_expire(Launcher *launcher, int64_t now_ms); /* one at most */

#endif
