/*
 * event.c - the ring of events and their lines in the server's log. Runs in backends and the scheduler; see event.h.
 */
#include "scheduler/event.h"

#include "access/xact.h"
#include "commands/dbcommands.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "storage/lwlock.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"

#include "scheduler/shared.h"

typedef struct EventRing
{
	uint64 count; /* ever recorded: the number of the latest */
	Event events[EVENT_RING];
} EventRing;

/* The name in pybox.events, and what the log says of it; of a call: with its id behind. */
static const struct
{
	const char *name, *phrase;
} kinds[EVENT_KIND_COUNT] = {
	[EVENT_CANCEL] = {"cancel", "cancel"},
	[EVENT_KILL] = {"kill", "kill"},
	[EVENT_PRIORITY] = {"priority", "change of priority"},
	[EVENT_MOVE] = {"move", "move"},
	[EVENT_PAUSE] = {"pause", "pause"},
	[EVENT_RESUME] = {"resume", "resumption"},
	[EVENT_DRAIN] = {"drain", "drain"},
	[EVENT_UNDRAIN] = {"undrain", "end of drain"},
	[EVENT_QUARANTINE] = {"quarantine", "quarantine"},
	[EVENT_RELEASE] = {"release", "release from quarantine"},
	[EVENT_RULE] = {"rule", "rule met"},
	[EVENT_FILTER] = {"filter", "refusal by filter"},
	[EVENT_BUDGET] = {"budget", "budget used up"},
	[EVENT_RELOAD] = {"reload", "reload of the policy"},
};

static EventRing *
event_ring(void)
{
	return shared_part(SHARED_EVENTS);
}

Size
event_size(void)
{
	return sizeof(EventRing);
}

void
event_initialize(void)
{
	memset(event_ring(), 0, sizeof(EventRing));
}

const char *
event_kind_name(EventKind kind)
{
	return kinds[kind].name;
}

static void
event_keep(Event *event)
{
	EventRing *ring = event_ring();

	LWLockAcquire(shared_part_lock(SHARED_EVENTS), LW_EXCLUSIVE);
	event->number = ++ring->count;
	event->at = GetCurrentTimestamp();
	ring->events[event->number % EVENT_RING] = *event;
	LWLockRelease(shared_part_lock(SHARED_EVENTS));
}

/* What is the matter, in words that the log is searched for. */
static void
subject_write(StringInfo text, const Event *event)
{
	appendStringInfo(text, "pybox: %s", kinds[event->kind].phrase);
	if (event->call_id != 0)
		appendStringInfo(text, " of call %lld", (long long) event->call_id);
	if (event->rule[0] != '\0')
		appendStringInfo(text, " by \"%s\"", event->rule);
	if (event->dry_run)
		appendStringInfoString(text, " (dry run: nothing was done)");
}

/* Its quotes are doubled: no name can look like what follows names. */
static void
name_write(StringInfo text, const char *name)
{
	appendStringInfoChar(text, '"');
	for (const char *at = name; *at != '\0'; at++)
	{
		if (*at == '"')
			appendStringInfoChar(text, '"');
		appendStringInfoChar(text, *at);
	}
	appendStringInfoChar(text, '"');
}

/*
 * With a name where the catalog can be read: for what somebody does, in a transaction of its own. The scheduler has no database, and
 * a call that is charged to a budget at its end may be on its way out of an error.
 */
static void
object_write(StringInfo text, const char *what, Oid oid, const char *name)
{
	if (!OidIsValid(oid))
		return;
	appendStringInfo(text, ", %s ", what);
	if (name != NULL)
		name_write(text, name);
	else
		appendStringInfo(text, "%u", oid);
}

static void
objects_write(StringInfo text, const Event *event)
{
	bool readable = OidIsValid(event->actor) && IsTransactionState() && OidIsValid(MyDatabaseId);
	bool here = readable && event->database == MyDatabaseId;

	object_write(text, "role", event->role, readable ? GetUserNameFromId(event->role, true) : NULL);
	object_write(text, "database", event->database, readable ? get_database_name(event->database) : NULL);
	object_write(text, "function", event->function, here ? get_func_name(event->function) : NULL);
	if (event->pool[0] != '\0')
		appendStringInfo(text, ", pool \"%s\"", event->pool);
	object_write(text, "done by role", event->actor, readable ? GetUserNameFromId(event->actor, true) : NULL);
}

static void
detail_write(StringInfo text, const Event *event)
{
	if (event->metric >= 0 && event->metric < POLICY_METRIC_COUNT)
		appendStringInfo(text, ", %s %.0f, threshold %.0f", policy_metric_name(event->metric), event->value,
						 event->threshold);
	if (event->detail[0] != '\0')
		appendStringInfo(text, ", %s", event->detail);
}

static void
event_log(const Event *event)
{
	StringInfoData subject, detail;

	initStringInfo(&subject);
	initStringInfo(&detail);
	subject_write(&subject, event);
	appendStringInfo(&detail, "Event %llu, by process %d", (unsigned long long) event->number, event->actor_pid);
	if (event->pid != 0)
		appendStringInfo(&detail, ", of backend %d", event->pid);
	objects_write(&detail, event);
	detail_write(&detail, event);
	ereport(LOG_SERVER_ONLY, (errmsg_internal("%s", subject.data), errdetail_internal("%s.", detail.data),
							  errhidestmt(true), errhidecontext(true)));
	pfree(subject.data);
	pfree(detail.data);
}

void
event_record(const Event *event)
{
	Event kept = *event;

	event_keep(&kept);
	event_log(&kept);
}

int
event_read(Event *events)
{
	const EventRing *ring = event_ring();
	uint64 first;
	int count = 0;

	LWLockAcquire(shared_part_lock(SHARED_EVENTS), LW_SHARED);
	first = ring->count > EVENT_RING ? ring->count - EVENT_RING + 1 : 1;
	for (uint64 number = first; number <= ring->count; number++)
		events[count++] = ring->events[number % EVENT_RING];
	LWLockRelease(shared_part_lock(SHARED_EVENTS));
	return count;
}
