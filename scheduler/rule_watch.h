/*
 * rule_watch.h - what the scheduler remembers of the calls that rules are about, from one look to the next.
 *
 * DESIGN. In the scheduler's own memory: should it start anew, spells and cool-downs begin again, and nothing else is lost. A call
 * is known by its id; rules that count calls go by the statement whose calls they are. CPU time is the interpreter's clock:
 * what it went on by between two looks is that of the calls which are seen in it at the later one.
 */
#ifndef PYBOX_RULE_WATCH_H
#define PYBOX_RULE_WATCH_H

#include "postgres.h"

#include "utils/timestamp.h"

#include "sandbox/control.h"
#include "scheduler/activity.h"
#include "scheduler/rule.h"

typedef struct WatchKey
{
	uint64 id; /* of the call; or when the statement began */
	int32 pid; /* of the statement; 0: a call's */
	Oid function;
} WatchKey;

typedef struct Watched
{
	WatchKey key;
	int number; /* of the entry */
	uint64 interpreter;
	int64 run_us, queue_us; /* how long the call has run, and waited for its first slot */
	bool measured;
	bool lasts; /* may come again after it was not seen for a while, as sets do between rows */
	ActivityMeasure measure;
	TimestampTz seen_at;
	uint64 policy; /* generation by whose numbers watch goes */
	RuleWatch watch;
} Watched;

/* The one for a call that is seen now; made when there is none. */
Watched *rule_watch_call(int number, const ActivityCall *call, TimestampTz now);
Watched *rule_watch_statement(int number, const ActivityCall *call, TimestampTz now);
/* Numbers the watch by the policy in force. */
void rule_watch_follow(Watched *watched, const Policy *policy, uint64 generation);
/* What the launcher says of an interpreter: for the calls that are seen in it. */
void rule_watch_measure(const ControlUsage *usage, TimestampTz now);
/* Forgets what was not seen in the last look. */
void rule_watch_sweep(TimestampTz now);

#endif
