/*
 * rule_act.c - a row for each action of rules. Runs in the scheduler.
 */
#include "scheduler/rule_act.h"

#include "miscadmin.h"

#include "scheduler/event.h"
#include "scheduler/gate.h"
#include "scheduler/rule_store.h"

typedef struct Deed
{
	const Policy *policy;
	const PolicyRule *rule;
	const RuleDue *due;
	const ActivityCall *call;
	TimestampTz now;
	int offences; /* of QUARANTINE: this one included */
	RuleOffence offence;
	Event event;
} Deed;

static bool
deed_log(Deed *deed)
{
	return true;
}

/* Rules that count calls mean the rest of the statement; 0: others mean the call. */
static TimestampTz
deed_statement(const Deed *deed)
{
	for (int i = 0; i < deed->rule->term_count; i++)
		if (deed->rule->terms[i].metric == POLICY_METRIC_CALLS)
			return deed->call->statement;
	return 0;
}

static void
wish_extend(ActivityWish *wish, const Deed *deed)
{
	if (deed_statement(deed) == 0)
		return;
	wish->statement = deed_statement(deed);
	wish->function = deed->call->function;
}

/* Never a rise: somebody may have lowered it further. */
static void
wish_demote(ActivityWish *wish, void *arg)
{
	const Deed *deed = arg;
	int32 priority = wish->priority >= 0 ? wish->priority : deed->call->priority;

	if (priority <= deed->rule->priority)
		return;
	wish->priority = deed->rule->priority;
	wish_extend(wish, deed);
}

static bool
deed_demote(Deed *deed)
{
	return activity_wish_change(deed->call->call_id, wish_demote, deed);
}

static void
wish_move(ActivityWish *wish, void *arg)
{
	const Deed *deed = arg;

	strlcpy(wish->pool, deed->policy->pools[deed->rule->to].name, sizeof(wish->pool));
	wish_extend(wish, deed);
}

static bool
deed_move(Deed *deed)
{
	return activity_wish_change(deed->call->call_id, wish_move, deed);
}

/* Whom somebody has paused waits for that one, and for the rule's time; without a time the rule's order takes the place. */
static void
wish_pause(ActivityWish *wish, void *arg)
{
	const Deed *deed = arg;
	bool timed = deed->rule->duration_ms > 0;

	if (!wish->held || !timed)
		wish->held_by = InvalidOid;
	wish->held = true;
	wish->held_until = timed ? deed->now + deed->rule->duration_ms * 1000 : 0;
	wish_extend(wish, deed);
}

static bool
deed_pause(Deed *deed)
{
	return activity_wish_change(deed->call->call_id, wish_pause, deed);
}

static bool
deed_stop(Deed *deed)
{
	ActivityVerdict verdict = {.metric = deed->due->metric,
							   .action = deed->rule->action,
							   .value = deed->due->value,
							   .threshold = deed->due->threshold,
							   .statement = deed_statement(deed),
							   .function = deed->call->function};

	strlcpy(verdict.rule, deed->rule->name, sizeof(verdict.rule));
	return activity_stop_by_rule(deed->call->call_id, &verdict);
}

/* False: there is no room for another one. */
static bool
gate_close(Deed *deed)
{
	const ActivityCall *call = deed->call;

	if (gate_quarantine(call->database, call->function, call->body, deed->rule->duration_ms, deed->rule->name))
		return true;
	strlcpy(deed->event.detail, "there is no room for another function under quarantine", sizeof(deed->event.detail));
	return false;
}

static void
offence_add(const Deed *deed)
{
	rule_store_offence_add(&deed->offence, deed->rule->duration_ms * 1000, deed->rule->after, deed->now);
}

/*
 * The gate closes before the call ends, so that the function cannot be called again in between; it stays closed if the call
 * was over by then. An offence that closes none counts if it was stopped.
 */
static bool
deed_quarantine(Deed *deed)
{
	bool is_last = deed->offences >= deed->rule->after && OidIsValid(deed->call->function);
	bool closed = is_last && gate_close(deed), done = deed_stop(deed) || closed;

	if (done && deed->offences > 0)
		offence_add(deed);
	return done;
}

static void
tell_nothing(Deed *deed)
{
}

static void
tell_demote(Deed *deed)
{
	int32 now = deed->call->priority, least = deed->rule->priority;

	snprintf(deed->event.detail, EVENT_DETAIL_SIZE, now > least ? "priority %d to %d" : "priority is %d, not above %d",
			 now, least);
}

static void
tell_move(Deed *deed)
{
	snprintf(deed->event.detail, EVENT_DETAIL_SIZE, "pool \"%s\" to \"%s\"", deed->call->pool_name,
			 deed->policy->pools[deed->rule->to].name);
}

static void
tell_pause(Deed *deed)
{
	if (deed->rule->duration_ms > 0)
		snprintf(deed->event.detail, EVENT_DETAIL_SIZE, "for %lld ms", (long long) deed->rule->duration_ms);
	else
		snprintf(deed->event.detail, EVENT_DETAIL_SIZE, "until pybox.resume()");
}

/* An offence that is not the last is a cancel. */
static void
tell_quarantine(Deed *deed)
{
	const ActivityCall *call = deed->call;

	if (!OidIsValid(call->function))
	{
		deed->event.kind = EVENT_CANCEL;
		snprintf(deed->event.detail, EVENT_DETAIL_SIZE, "DO has no function to put under quarantine");
		return;
	}
	deed->offence = (RuleOffence){
		.database = call->database, .function = call->function, .body = call->body, .dry_run = deed->due->dry_run};
	strlcpy(deed->offence.rule, deed->rule->name, sizeof(deed->offence.rule));
	deed->offences = rule_store_offences(&deed->offence, deed->rule->duration_ms * 1000, deed->now) + 1;
	if (deed->offences < deed->rule->after)
		deed->event.kind = EVENT_CANCEL;
	snprintf(deed->event.detail, EVENT_DETAIL_SIZE, "offence %d of %d, quarantine for %lld ms", deed->offences,
			 deed->rule->after, (long long) deed->rule->duration_ms);
}

/* tell says what is done, on trial too; act does it: false when the call is over. */
static const struct
{
	EventKind kind;
	void (*tell)(Deed *deed);
	bool (*act)(Deed *deed);
} deeds[POLICY_ACTION_COUNT] = {
	[POLICY_ACTION_LOG] = {EVENT_RULE, tell_nothing, deed_log},
	[POLICY_ACTION_DEMOTE] = {EVENT_PRIORITY, tell_demote, deed_demote},
	[POLICY_ACTION_MOVE] = {EVENT_MOVE, tell_move, deed_move},
	[POLICY_ACTION_PAUSE] = {EVENT_PAUSE, tell_pause, deed_pause},
	[POLICY_ACTION_CANCEL] = {EVENT_CANCEL, tell_nothing, deed_stop},
	[POLICY_ACTION_KILL] = {EVENT_KILL, tell_nothing, deed_stop},
	[POLICY_ACTION_QUARANTINE] = {EVENT_QUARANTINE, tell_quarantine, deed_quarantine},
};

static Event
event_of(EventKind kind, const ActivityCall *call)
{
	Event event = {
		.kind = kind,
		.actor_pid = MyProcPid,
		.call_id = call->call_id,
		.pid = call->pid,
		.role = call->role,
		.database = call->database,
		.function = call->function,
		.metric = -1,
	};

	strlcpy(event.pool, call->pool_name, sizeof(event.pool));
	return event;
}

bool
rule_act(const Policy *policy, const RuleDue *due, const ActivityCall *call, TimestampTz now)
{
	const PolicyRule *rule = &policy->rules[due->rule];
	Deed deed = {.policy = policy, .rule = rule, .due = due, .call = call, .now = now};

	deed.event = event_of(deeds[rule->action].kind, call);
	deed.event.dry_run = due->dry_run;
	deed.event.metric = due->metric;
	deed.event.value = (double) due->value;
	deed.event.threshold = (double) due->threshold;
	strlcpy(deed.event.rule, rule->name, sizeof(deed.event.rule));
	deeds[rule->action].tell(&deed);
	if (due->dry_run && deed.offences > 0)
		offence_add(&deed);
	if (!due->dry_run && !deeds[rule->action].act(&deed))
		return false;
	rule_store_count(rule->name, true);
	event_record(&deed.event);
	return true;
}

typedef struct Resumption
{
	TimestampTz now;
	bool done;
} Resumption;

/* Somebody may have made it another's pause meanwhile, or ended it. */
static void
wish_resume(ActivityWish *wish, void *arg)
{
	Resumption *resumption = arg;

	resumption->done =
		wish->held && !OidIsValid(wish->held_by) && wish->held_until != 0 && resumption->now >= wish->held_until;
	if (!resumption->done)
		return;
	wish->held = false;
	wish->held_until = 0;
}

void
rule_resume(const ActivityCall *call, TimestampTz now)
{
	Event event = event_of(EVENT_RESUME, call);
	Resumption resumption = {.now = now};

	if (!activity_wish_change(call->call_id, wish_resume, &resumption) || !resumption.done)
		return;
	snprintf(event.detail, EVENT_DETAIL_SIZE, "the pause of its rule is over");
	event_record(&event);
}
