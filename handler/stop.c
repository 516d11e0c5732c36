/*
 * stop.c - the errors of calls that others asked to stop; a row for each ActivityStop. Runs in backends.
 */
#include "handler/call.h"

#include "scheduler/rule.h"

#define INTERRUPT_MESSAGE "canceling statement due to user request" /* the server's, before translation */

static const struct
{
	const char *message;
	const char *hint;
	bool no_grace;
	StatCause cause;
} stops[ACTIVITY_STOP_COUNT] = {
	[ACTIVITY_STOP_CANCEL] = {"canceling Python call due to pybox.cancel", NULL, false, STAT_CANCEL},
	[ACTIVITY_STOP_KILL] = {"terminating Python call due to pybox.kill",
							"The session goes on with a new interpreter; SD and GD start empty.", true, STAT_CANCEL},
	[ACTIVITY_STOP_WALL] = {"canceling Python call due to its pool's wall limit",
							"Ask for a pool with a higher limits.wall, or do less in one call.", false, STAT_WALL},
	[ACTIVITY_STOP_RULE] = {"canceling Python call due to rule \"%s\"", NULL, false, STAT_RULE},
	[ACTIVITY_STOP_RULE_KILL] = {"terminating Python call due to rule \"%s\"", NULL, true, STAT_RULE},
	[ACTIVITY_STOP_DEADLOCK] = {"deadlock detected", NULL, false, STAT_REFUSED},
};

/* The scheduler saw it, and says what. */
static void
rule_raise(const Call *call, ActivityStop stop)
{
	const ActivityVerdict verdict = activity_verdict(call->entry);
	const char *unit = rule_metric_unit(verdict.metric);

	ereport(
		ERROR,
		(errcode(ERRCODE_QUERY_CANCELED), errmsg_internal(stops[stop].message, verdict.rule),
		 errdetail("Pool \"%s\", call %lld: %s was %lld%s%s, more than the rule's %lld%s%s; its action is %s.",
				   call->pool->name, (long long) call->id, policy_metric_name(verdict.metric),
				   (long long) verdict.value, unit[0] != '\0' ? " " : "", unit, (long long) verdict.threshold,
				   unit[0] != '\0' ? " " : "", unit, policy_action_name(verdict.action)),
		 errhint(
			 "Do less in one call, or ask who keeps the policy about this rule; pg_monitor sees it in pybox.rules.")));
}

/* It has not begun: its time says nothing. */
static void
deadlock_raise(const Call *call)
{
	ereport(ERROR,
			(errcode(ERRCODE_T_R_DEADLOCK_DETECTED), errmsg_internal("%s", stops[ACTIVITY_STOP_DEADLOCK].message),
			 errdetail("Call %lld waits in pool \"%s\" for memory of the budget, which is reserved by calls that "
					   "wait for locks of its transaction.",
					   (long long) call->id, call->pool->name),
			 errhint("Try the transaction again; call before it takes locks, or raise the memory budget.")));
}

void
stop_raise(Call *call, ActivityStop stop)
{
	int64 ms = call_spent_us(call) / 1000;

	for (Call *inner = current_call; inner != NULL; inner = inner->outer)
	{
		inner->no_grace = inner->no_grace || stops[stop].no_grace;
		if (inner == call)
			break;
	}
	stat_cause_note(stops[stop].cause);
	if (stop == ACTIVITY_STOP_DEADLOCK)
		deadlock_raise(call);
	if (stop == ACTIVITY_STOP_RULE || stop == ACTIVITY_STOP_RULE_KILL)
		rule_raise(call, stop);
	ereport(ERROR, (errcode(ERRCODE_QUERY_CANCELED), errmsg_internal("%s", stops[stop].message),
					errdetail("Pool \"%s\", call %lld, ran %lld.%03d s; limits.wall is %lld ms.", call->pool->name,
							  (long long) call->id, (long long) ms / 1000, (int) (ms % 1000),
							  (long long) call->pool->limits.wall_ms),
					stops[stop].hint != NULL ? errhint("%s", stops[stop].hint) : 0));
}

/* The innermost of the call and its callers that was asked to stop. */
static Call *
stop_find(Call *call, ActivityStop *stop)
{
	for (; call != NULL; call = call->outer)
	{
		*stop = activity_stop_get(call->entry);
		if (*stop != ACTIVITY_STOP_NONE)
			return call;
	}
	return NULL;
}

/* Whether the error under way is how the server words an interrupt. */
static bool
error_is_interrupt(const Call *call)
{
	MemoryContext old = MemoryContextSwitchTo(call->home);
	ErrorData *error = CopyErrorData();
	bool is_interrupt = error->message_id != NULL && strcmp(error->message_id, INTERRUPT_MESSAGE) == 0;

	FreeErrorData(error);
	MemoryContextSwitchTo(old);
	return is_interrupt;
}

/* Puts it in the place of the error under way. */
static void
error_replace(Call *stopped, ActivityStop stop)
{
	MemoryContext context = CurrentMemoryContext;

	FlushErrorState();
	PG_TRY();
	{
		stop_raise(stopped, stop);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
	}
	PG_END_TRY();
}

void
stop_explain(Call *call)
{
	ActivityStop stop;
	Call *stopped;

	if (geterrcode() != ERRCODE_QUERY_CANCELED)
		return;
	stopped = stop_find(call, &stop);
	if (stopped != NULL && error_is_interrupt(call))
		error_replace(stopped, stop);
}
