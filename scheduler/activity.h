/*
 * activity.h - the calls that run or wait, one entry each, as the admin functions and the scheduler see them.
 *
 * DESIGN. Each backend owns ACTIVITY_DEPTH entries, one for each level of nested calls (deeper ones are governed as part
 * of the deepest entry). Only the owner writes, between version increments; readers copy until the version is even and
 * unchanged. The stop word is the exception: others set it to the call's id to ask for its end. They do so one at a time and
 * only while the entry holds that call, so that a request which comes too late does nothing, not even to what was asked of the
 * next call. The first of several that ask is who is told of; only a kill takes the place of what is milder.
 */
#ifndef PYBOX_ACTIVITY_H
#define PYBOX_ACTIVITY_H

#include "postgres.h"

#include "port/atomics.h"
#include "storage/spin.h"
#include "utils/timestamp.h"

#include "policies/policy.h"

#define ACTIVITY_DEPTH 8

typedef enum ActivityState
{
	ACTIVITY_FREE,
	ACTIVITY_QUEUED,   /* waits for a slot */
	ACTIVITY_STARTING, /* waits for an interpreter */
	ACTIVITY_RUNNING,  /* Python runs; holds a slot */
	ACTIVITY_PAUSED,   /* has begun; Python is stopped, for others or by pybox.pause(); no slot */
	ACTIVITY_SQL,	   /* the backend executes SQL for it; no slot */
	ACTIVITY_STATE_COUNT
} ActivityState;

/* Why a call is to stop; each has its row in handler/stop.c. */
typedef enum ActivityStop
{
	ACTIVITY_STOP_NONE,
	ACTIVITY_STOP_CANCEL, /* pybox.cancel */
	ACTIVITY_STOP_KILL,	  /* pybox.kill: no grace */
	ACTIVITY_STOP_WALL,	  /* the pool's wall limit */
	ACTIVITY_STOP_RULE,	  /* a rule of the policy: see ActivityVerdict */
	ACTIVITY_STOP_RULE_KILL,
	ACTIVITY_STOP_DEADLOCK, /* waits for memory that waits for its locks */
	ACTIVITY_STOP_COUNT
} ActivityStop;

/* Which rule stopped a call, for the error that says so. */
typedef struct ActivityVerdict
{
	char rule[POLICY_NAME_SIZE];
	PolicyMetric metric;
	PolicyAction action;
	int64 value, threshold;
	TimestampTz statement; /* whose other calls of the function it is about as well; 0: the call alone */
	Oid function;
} ActivityVerdict;

/* What somebody wants of a call beside its end; holds for all the rest of it. */
typedef struct ActivityWish
{
	int32 priority;				 /* -1: its pool's */
	char pool[POLICY_NAME_SIZE]; /* empty: the policy's */
	bool held;					 /* is not to run until somebody resumes it */
	TimestampTz
		held_until; /* by clock_now(), of a rule: the scheduler lets go then what nobody else holds; 0: no such time */
	TimestampTz statement; /* holds for the other calls of the function in that statement as well; 0: the call alone */
	Oid function;
	Oid held_by; /* role whose order that is; InvalidOid: a rule's */
} ActivityWish;

typedef struct ActivityCall
{
	uint64 call_id;
	int32 state; /* ActivityState */
	int32 pid, leader_pid;
	Oid role, database, function; /* function: InvalidOid for DO */
	int32 priority;
	bool trusted;
	int32 interpreter_pid; /* 0: none yet */
	uint64 interpreter;
	int64 wall_ms;
	TimestampTz queued_at, started_at; /* started_at: 0 while it never had a slot */
	TimestampTz running_since;		   /* the same by clock_now(), without the time it stood still */
	TimestampTz still_since;		   /* it, or a call inside it, waits for a slot in mid-call since then; 0: no */
	TimestampTz asked_at;			   /* as queued_at, by clock_now() */
	uint64 policy;					   /* generation of the policy that rules are of */
	uint64 rules;					   /* that select it, whatever its pool: bits 1 << number */
	uint64 budgets;					   /* the same of budgets, of the policy that it began under */
	uint64 body;					   /* hash of the function's source */
	TimestampTz statement;			   /* when the session's statement began */
	uint64 calls, rows;				   /* of this function by that statement; returned so far by this set */
	char pool_name[POLICY_NAME_SIZE];
	char language[NAMEDATALEN];
} ActivityCall;

/* What the scheduler measured of a call; only of those that rules ask for. */
typedef struct ActivityMeasure
{
	int64 cpu_us;		/* of the call */
	int64 memory, temp; /* bytes, of its interpreter now */
} ActivityMeasure;

typedef struct ActivityEntry
{
	pg_atomic_uint32 version; /* odd: being written */
	slock_t stop_lock;		  /* for the next three */
	ActivityStop stop;
	ActivityVerdict verdict; /* of a rule */
	pg_atomic_uint64
		stop_call; /* whose the two are; written last, and read without the lock to see whether there is any */
	pg_atomic_uint32 signalers; /* who may be about to send the owner SIGINT: see activity_stop() */
	pg_atomic_uint64 wish_call; /* whose the wish is */
	pg_atomic_uint32 wish_turn; /* grows with each change of it */
	ActivityWish wish;			/* by anybody, under shared->lock */
	pg_atomic_uint64 measured;	/* by the scheduler: call_id of what follows */
	pg_atomic_uint64 cpu_us, memory, temp;
	ActivityCall call;
} ActivityEntry;

Size activity_size(void);
void activity_initialize(void);

/* For the owner. begin copies call into the entry of that depth; NULL when too deep to show. */
ActivityEntry *activity_begin(int depth, const ActivityCall *call);
void activity_state_set(ActivityEntry *entry, ActivityState state);
/* The call begun is one that rules or budgets are about: the scheduler has to watch. */
void activity_watch(void);
/* To ACTIVITY_SQL, with the scheduler watching the wall limit; look at the stop word afterwards. */
void activity_enter_sql(ActivityEntry *entry);
void activity_started(ActivityEntry *entry, TimestampTz at, TimestampTz running_since);
void activity_interpreter_set(ActivityEntry *entry, uint64 interpreter, int pid);
/* Another policy's rules are about it. */
void activity_rules_set(ActivityEntry *entry, uint64 policy, uint64 rules, TimestampTz statement, uint64 calls);
/* Pool and priority that it counts by, and the wall limit that it has or will have; cheap when they are the same. */
void activity_seat_set(ActivityEntry *entry, const char *pool, int32 priority, int64 wall_ms);
/* It stands still since then, ... */
void activity_still_set(ActivityEntry *entry, TimestampTz since);
/* ... and did for so long, which does not count. */
void activity_put_off(ActivityEntry *entry, int64 us);
void activity_end(ActivityEntry *entry);
/* What the entry's call was asked to do, ACTIVITY_STOP_NONE mostly. */
ActivityStop activity_stop_get(ActivityEntry *entry);

/* Which rule that was. */
ActivityVerdict activity_verdict(ActivityEntry *entry);

/* Which wish is the latest: cheap; 0 while the entry's call has none. */
uint32 activity_wish_turn(ActivityEntry *entry);
/* The wish for the entry's call, that of none when there is none; returns its turn. Caller holds no lock. */
uint32 activity_wish_get(ActivityEntry *entry, ActivityWish *wish);

/* For everybody. */
int activity_entries(void);
/* False when entry number holds no call. */
bool activity_read(int number, ActivityCall *call);
int activity_backend(int number);
/* Which call entry number holds, 0: none; cheaper than to read it, and no more than a hint. */
uint64 activity_call_id(int number);
/* Has the backend of entry number look again at what it waits for. */
void activity_wake(int number);
/* Asks call_id to stop and wakes its backend, anew if somebody has asked already; false when there is no such call any more. */
bool activity_stop(uint64 call_id, ActivityStop stop);
/* The same for a rule, with what the error is to say; false too when the call stops for another reason. */
bool activity_stop_by_rule(uint64 call_id, const ActivityVerdict *verdict);
void activity_measure_set(int number, uint64 call_id, const ActivityMeasure *measure);
/* False: nothing was measured of entry number's call_id. */
bool activity_measure_get(int number, uint64 call_id, ActivityMeasure *measure);
/* The wish for call_id in entry number; false: there is none. */
bool activity_wish_read(int number, uint64 call_id, ActivityWish *wish);
/* Changes the wish for call_id by change(wish, arg), under shared->lock, and wakes its backend; false: no such call any more. */
bool activity_wish_change(uint64 call_id, void (*change)(ActivityWish *wish, void *arg), void *arg);

#endif
