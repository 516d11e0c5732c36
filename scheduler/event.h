/*
 * event.h - what was done to calls, pools and policies, by whom or what, and why: a ring in shared memory, and the log.
 *
 * DESIGN. A lock of its own; nothing is formatted under it. The ring keeps the last EVENT_RING of them; each has a number, so
 * that a reader sees what it missed. Runs in backends and the scheduler.
 */
#ifndef PYBOX_EVENT_H
#define PYBOX_EVENT_H

#include "postgres.h"

#include "utils/timestamp.h"

#include "policies/policy.h"

#define EVENT_RING 1024
#define EVENT_DETAIL_SIZE 192

typedef enum EventKind
{
	EVENT_CANCEL,
	EVENT_KILL,
	EVENT_PRIORITY,
	EVENT_MOVE,
	EVENT_PAUSE,
	EVENT_RESUME,
	EVENT_DRAIN,
	EVENT_UNDRAIN,
	EVENT_QUARANTINE,
	EVENT_RELEASE,
	EVENT_RULE,	  /* a rule whose action is to log, or would have been */
	EVENT_FILTER, /* a call was refused */
	EVENT_BUDGET,
	EVENT_RELOAD,
	EVENT_KIND_COUNT
} EventKind;

typedef struct Event
{
	uint64 number;	/* by event_record() */
	TimestampTz at; /* by event_record() */
	EventKind kind;
	bool dry_run;				 /* nothing was done */
	char rule[POLICY_NAME_SIZE]; /* rule, filter or budget that did it; empty: somebody */
	int32 actor_pid;			 /* backend of who did it; the scheduler's for rules */
	Oid actor;					 /* role; InvalidOid: the scheduler */
	uint64 call_id;				 /* 0: not about one call */
	int32 pid;					 /* the call's backend */
	Oid role, database, function;
	char pool[POLICY_NAME_SIZE];
	int32 metric; /* PolicyMetric, -1: none */
	double value, threshold;
	char detail[EVENT_DETAIL_SIZE]; /* what else there is to say, such as "priority 50 to 10" */
} Event;

Size event_size(void);
void event_initialize(void);
/* Takes it into the ring, and writes it to the server's log. Raises nothing. Caller holds no lock of pybox's. */
void event_record(const Event *event);
/* Copies the events there are to events[EVENT_RING], oldest first; returns how many. */
int event_read(Event *events);
const char *event_kind_name(EventKind kind);

#endif
