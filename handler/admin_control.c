/*
 * admin_control.c - what somebody may do to calls that run or wait: cancel, kill, set_priority, move, pause, resume, one at a
 * time, and cancel_where, kill_where. Runs in backends; needs no slot, no interpreter, no scheduler and no launcher.
 *
 * DESIGN. An end is a stop word, everything else a wish: the call's own backend acts on it, see scheduler/activity.h. A change
 * of a wish is checked and made under one lock, so that two who change it at once leave two events that fit together.
 */
#include "handler/admin.h"

#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "scheduler/activity.h"
#include "scheduler/clock.h"
#include "scheduler/shared.h"

PG_FUNCTION_INFO_V1(pybox_cancel);
PG_FUNCTION_INFO_V1(pybox_kill);
PG_FUNCTION_INFO_V1(pybox_set_priority);
PG_FUNCTION_INFO_V1(pybox_move);
PG_FUNCTION_INFO_V1(pybox_pause);
PG_FUNCTION_INFO_V1(pybox_resume);
PG_FUNCTION_INFO_V1(pybox_cancel_where);
PG_FUNCTION_INFO_V1(pybox_kill_where);

#define PRIORITY_MAX 100 /* as in the policy */

/* One change of a wish, and what it found. */
typedef struct Change
{
	bool governs; /* the one who asks may do more than lower and pause own calls */
	bool refused, done;
	Oid by;			 /* who pauses or resumes */
	TimestampTz now; /* by clock_now() */
	ActivityCall call;
	ActivityWish wanted, before;
} Change;

/* False, with a warning: no such call. Raises 42501 unless the current user may end it. */
static bool
call_find(int64 id, ActivityCall *call)
{
	shared_require();
	for (int i = 0; i < activity_entries(); i++)
		if (activity_read(i, call) && call->call_id == (uint64) id)
		{
			admin_may_signal_check(call->role);
			return true;
		}
	ereport(WARNING, (errmsg("call %lld is not running", (long long) id)));
	return false;
}

static void
call_record(EventKind kind, const ActivityCall *call, const char *detail)
{
	Event event = {
		.kind = kind,
		.call_id = call->call_id,
		.pid = call->pid,
		.role = call->role,
		.database = call->database,
		.function = call->function,
	};

	strlcpy(event.pool, call->pool_name, sizeof(event.pool));
	admin_record(&event, detail);
}

/* --- ends ------------------------------------------------------------------------------------------------------------ */

static bool
call_stop(const ActivityCall *call, ActivityStop stop)
{
	if (!activity_stop(call->call_id, stop))
		return false;
	call_record(stop == ACTIVITY_STOP_KILL ? EVENT_KILL : EVENT_CANCEL, call, "");
	return true;
}

static bool
stop_one(int64 id, ActivityStop stop)
{
	ActivityCall call;

	return call_find(id, &call) && call_stop(&call, stop);
}

Datum
pybox_cancel(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(stop_one(PG_GETARG_INT64(0), ACTIVITY_STOP_CANCEL));
}

Datum
pybox_kill(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(stop_one(PG_GETARG_INT64(0), ACTIVITY_STOP_KILL));
}

/* Which calls are meant; what was not given does not constrain. */
typedef struct Filter
{
	const char *pool; /* NULL: any */
	Oid role, function;
	int64 older_than_us;
} Filter;

static Filter
filter_read(FunctionCallInfo fcinfo)
{
	Filter filter = {0};

	if (PG_ARGISNULL(0) && PG_ARGISNULL(1) && PG_ARGISNULL(2) && PG_ARGISNULL(3))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("no filter was given"),
						errdetail("At least one of pool, role, function and older_than says which calls are meant."),
						errhint("older_than => '0' means all calls.")));
	if (!PG_ARGISNULL(0))
		filter.pool = text_to_cstring(PG_GETARG_TEXT_PP(0));
	if (!PG_ARGISNULL(1))
		filter.role = get_role_oid(NameStr(*PG_GETARG_NAME(1)), false);
	if (!PG_ARGISNULL(2))
		filter.function = PG_GETARG_OID(2);
	if (!PG_ARGISNULL(3))
		filter.older_than_us = admin_interval_us("older_than", PG_GETARG_INTERVAL_P(3), 0);
	return filter;
}

static bool
filter_takes(const Filter *filter, const ActivityCall *call, TimestampTz now)
{
	return (filter->pool == NULL || strcmp(filter->pool, call->pool_name) == 0) &&
		   (!OidIsValid(filter->role) || filter->role == call->role) &&
		   (!OidIsValid(filter->function) || (filter->function == call->function && call->database == MyDatabaseId)) &&
		   (filter->older_than_us == 0 || now - call->queued_at >= filter->older_than_us) && call->pid != MyProcPid;
}

static int32
stop_where(FunctionCallInfo fcinfo, ActivityStop stop)
{
	int32 stopped = 0, spared = 0;
	TimestampTz now;
	Filter filter;
	ActivityCall call;

	shared_require();
	filter = filter_read(fcinfo);
	now = GetCurrentTimestamp();
	for (int i = 0; i < activity_entries(); i++)
	{
		if (!activity_read(i, &call) || !filter_takes(&filter, &call, now))
			continue;
		if (admin_may_signal(call.role))
			stopped += call_stop(&call, stop);
		else
			spared += admin_may_see(call.role);
	}
	if (stopped + spared == 0 && filter.pool != NULL)
		admin_pool_check(filter.pool);
	if (spared > 0)
		ereport(WARNING, (errmsg_plural("%d call that was meant is not yours to end",
										"%d calls that were meant are not yours to end", spared, spared)));
	return stopped;
}

Datum
pybox_cancel_where(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(stop_where(fcinfo, ACTIVITY_STOP_CANCEL));
}

Datum
pybox_kill_where(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(stop_where(fcinfo, ACTIVITY_STOP_KILL));
}

/* --- wishes ---------------------------------------------------------------------------------------------------------- */

/* Makes the change that apply() makes of a wish, for call id; false when there is no such call any more. */
static bool
wish_change(int64 id, Change *change, void (*apply)(ActivityWish *wish, void *arg))
{
	if (!call_find(id, &change->call))
		return false;
	change->governs = admin_may_govern();
	if (activity_wish_change(change->call.call_id, apply, change))
		return true;
	ereport(WARNING, (errmsg("call %lld is not running", (long long) id)));
	return false;
}

static void
priority_apply(ActivityWish *wish, void *arg)
{
	Change *change = arg;

	change->before = *wish;
	if (wish->priority < 0)
		change->before.priority = change->call.priority;
	change->refused = !change->governs && change->wanted.priority > change->before.priority;
	if (!change->refused)
		wish->priority = change->wanted.priority;
}

Datum
pybox_set_priority(PG_FUNCTION_ARGS)
{
	int64 id = PG_GETARG_INT64(0);
	Change change = {.wanted.priority = PG_GETARG_INT32(1)};

	if (change.wanted.priority < 0 || change.wanted.priority > PRIORITY_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("priority must be between 0 and %d", PRIORITY_MAX)));
	if (!wish_change(id, &change, priority_apply))
		PG_RETURN_BOOL(false);
	if (change.refused)
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("must be superuser or a member of pg_signal_backend to raise a call's priority"),
						errdetail("Call %lld has priority %d.", (long long) id, change.before.priority)));
	call_record(EVENT_PRIORITY, &change.call,
				psprintf("priority %d to %d", change.before.priority, change.wanted.priority));
	PG_RETURN_BOOL(true);
}

static void
move_apply(ActivityWish *wish, void *arg)
{
	Change *change = arg;

	change->before = *wish;
	if (wish->pool[0] == '\0')
		strlcpy(change->before.pool, change->call.pool_name, sizeof(change->before.pool));
	strlcpy(wish->pool, change->wanted.pool, sizeof(wish->pool));
}

Datum
pybox_move(PG_FUNCTION_ARGS)
{
	int64 id = PG_GETARG_INT64(0);
	const char *pool = text_to_cstring(PG_GETARG_TEXT_PP(1));
	Change change = {0};

	shared_require();
	admin_may_govern_check("move calls to another pool");
	admin_pool_check(pool);
	strlcpy(change.wanted.pool, pool, sizeof(change.wanted.pool));
	if (!wish_change(id, &change, move_apply))
		PG_RETURN_BOOL(false);
	call_record(EVENT_MOVE, &change.call, psprintf("pool \"%s\" to \"%s\"", change.before.pool, pool));
	PG_RETURN_BOOL(true);
}

/* Who pauses what is paused already takes it over: those who govern from anybody, others from a rule that would let it go. */
static void
pause_apply(ActivityWish *wish, void *arg)
{
	Change *change = arg;
	bool is_rules = !OidIsValid(wish->held_by);

	change->before = *wish;
	change->done =
		!wish->held || (change->governs && wish->held_by != change->by) || (is_rules && wish->held_until != 0);
	if (!change->done)
		return;
	wish->held = true;
	wish->held_by = change->by;
}

/*
 * Who holds a call is who has to let it go: what others or a rule paused is not resumed by its own role, nor what it has paused
 * itself before the time of a rule's pause is over.
 */
static void
resume_apply(ActivityWish *wish, void *arg)
{
	Change *change = arg;

	change->before = *wish;
	change->refused = wish->held && !change->governs && (wish->held_by != change->by || change->now < wish->held_until);
	change->done = wish->held && !change->refused;
	if (!change->done)
		return;
	wish->held = false;
	wish->held_until = 0;
}

Datum
pybox_pause(PG_FUNCTION_ARGS)
{
	Change change = {.by = GetUserId()};

	if (!wish_change(PG_GETARG_INT64(0), &change, pause_apply))
		PG_RETURN_BOOL(false);
	if (change.done)
		call_record(EVENT_PAUSE, &change.call, "");
	PG_RETURN_BOOL(true);
}

Datum
pybox_resume(PG_FUNCTION_ARGS)
{
	int64 id = PG_GETARG_INT64(0);
	Change change = {.by = GetUserId(), .now = clock_now()};

	if (!wish_change(id, &change, resume_apply))
		PG_RETURN_BOOL(false);
	if (change.refused)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be superuser or a member of pg_signal_backend to resume what others have paused")));
	if (!change.done)
	{
		ereport(WARNING, (errmsg("call %lld is not paused by pybox.pause()", (long long) id)));
		PG_RETURN_BOOL(false);
	}
	call_record(EVENT_RESUME, &change.call, "");
	PG_RETURN_BOOL(true);
}
