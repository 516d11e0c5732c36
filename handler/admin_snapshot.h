/*
 * admin_snapshot.h - all calls at one moment with their places in the queue, and all interpreters, for views.
 *
 * DESIGN. The queue is copied under its lock, and judged from the copy after it. The entries of calls are read on both sides of
 * that: only what is the same call before and after is given its place, so that no row mixes two calls, and none comes twice.
 * Who has had its turn or has ended meanwhile leaves the copy, before anything is read off it: positions have no gaps.
 */
#ifndef PYBOX_ADMIN_SNAPSHOT_H
#define PYBOX_ADMIN_SNAPSHOT_H

#include "postgres.h"

#include "sandbox/control.h"
#include "scheduler/activity.h"
#include "scheduler/queue.h"

typedef struct AdminCall
{
	ActivityCall call;
	int entry;		   /* its number in the table of calls */
	bool is_innermost; /* of its backend's, whose place in the queue is this one's */
	QueueState state;  /* QUEUE_IDLE too when it is not the one that its backend waits or holds for */
	int32 position;	   /* 0: does not wait in the queue */
	int32 priority;
	bool held;								 /* by pybox.pause(), or what it is inside of is */
	char waiting_for[32];					 /* empty: nothing */
	int64 waited_us, estimate_us;			 /* -1: not known */
	int64 predicted_us, attained_us, memory; /* 0: not known */
} AdminCall;

typedef struct AdminSnapshot
{
	char node[POLICY_NAME_SIZE];
	int count;
	AdminCall *calls;
} AdminSnapshot;

/* Those that the current user may see. */
void admin_snapshot_calls(AdminSnapshot *snapshot);
/* Those of everybody; -1 when the launcher does not answer. */
int admin_snapshot_interpreters(ControlListed **list);

#endif
