/*
 * filter.c - refuses calls before they hold anything: by who calls what, when, at which cost, with how much. Runs in backends.
 *
 * DESIGN. Which filters are about the call is known by its selection already; what is left are the conditions of the table,
 * all of which a filter that has any must meet. The time of day is that of log_timezone, which is the server's and which
 * no session may change.
 */
#include "handler/filter.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "pgtime.h"
#include "port/pg_bitutils.h"
#include "utils/timestamp.h"

#include "handler/cost.h"
#include "scheduler/event.h"
#include "scheduler/policy_store.h"

#define CALL_HEADER 10 /* bytes of WIRE_CALL before its first argument */
#define DAYS 7

/* What a call is measured by. */
typedef struct Arrival
{
	double cost; /* -1: no plan */
	int64 argument_size;
	int32 day, minute; /* of the server's local week and day */
} Arrival;

typedef struct Condition
{
	const char *name, *unit;
	bool (*is_asked)(const PolicyFilter *filter);
	bool (*is_met)(const PolicyFilter *filter, const Arrival *arrival);
	double (*value)(const Arrival *arrival);
	double (*limit)(const PolicyFilter *filter);
} Condition;

static bool
cost_is_asked(const PolicyFilter *filter)
{
	return filter->cost > 0;
}

static bool
cost_is_met(const PolicyFilter *filter, const Arrival *arrival)
{
	return arrival->cost > filter->cost;
}

static double
cost_value(const Arrival *arrival)
{
	return arrival->cost;
}

static double
cost_limit(const PolicyFilter *filter)
{
	return filter->cost;
}

static bool
size_is_asked(const PolicyFilter *filter)
{
	return filter->argument_size > 0;
}

static bool
size_is_met(const PolicyFilter *filter, const Arrival *arrival)
{
	return arrival->argument_size > filter->argument_size;
}

static double
size_value(const Arrival *arrival)
{
	return (double) arrival->argument_size;
}

static double
size_limit(const PolicyFilter *filter)
{
	return (double) filter->argument_size;
}

static bool
day_is_asked(const PolicyFilter *filter)
{
	return filter->days != 0;
}

static bool
day_is_met(const PolicyFilter *filter, const Arrival *arrival)
{
	return (filter->days & 1u << arrival->day) != 0;
}

static bool
hour_is_asked(const PolicyFilter *filter)
{
	return filter->from_min != filter->until_min;
}

/* Until before from: over midnight. */
static bool
hour_is_met(const PolicyFilter *filter, const Arrival *arrival)
{
	bool after = arrival->minute >= filter->from_min, before = arrival->minute < filter->until_min;

	return filter->from_min < filter->until_min ? after && before : after || before;
}

/* What is measured is told; hours and days are told of the moment. */
static const Condition conditions[] = {
	{"cost", "", cost_is_asked, cost_is_met, cost_value, cost_limit},
	{"argument_size", " bytes", size_is_asked, size_is_met, size_value, size_limit},
	{"days", "", day_is_asked, day_is_met, NULL, NULL},
	{"hours", "", hour_is_asked, hour_is_met, NULL, NULL},
};

static Arrival
arrival_of(const Call *call, WireKind kind)
{
	pg_time_t now = timestamptz_to_time_t(GetCurrentTimestamp());
	const struct pg_tm *local = pg_localtime(&now, log_timezone);
	int64 size = (int64) frame_size(&call->buffers->out);

	return (Arrival){
		.cost = cost_of_statement(),
		.argument_size = kind == WIRE_CALL ? size - CALL_HEADER : size,
		.day = local != NULL ? local->tm_wday : 0,
		.minute = local != NULL ? local->tm_hour * 60 + local->tm_min : 0,
	};
}

static bool
filter_holds(const PolicyFilter *filter, const Arrival *arrival)
{
	for (int i = 0; i < (int) lengthof(conditions); i++)
		if (conditions[i].is_asked(filter) && !conditions[i].is_met(filter, arrival))
			return false;
	return true;
}

static void
matched_write(StringInfo text, const PolicyFilter *filter, const Arrival *arrival)
{
	static const char *const day_names[DAYS] = {"Sunday",	"Monday", "Tuesday", "Wednesday",
												"Thursday", "Friday", "Saturday"};

	for (int i = 0; i < (int) lengthof(conditions); i++)
	{
		const Condition *one = &conditions[i];

		if (one->is_asked(filter) && one->value != NULL)
			appendStringInfo(text, ", %s is %.0f%s, more than %.0f%s", one->name, one->value(arrival), one->unit,
							 one->limit(filter), one->unit);
	}
	if (day_is_asked(filter) || hour_is_asked(filter))
		appendStringInfo(text, ", it is %s %02d:%02d (%s)", day_names[arrival->day], arrival->minute / 60,
						 arrival->minute % 60, pg_get_timezone_name(log_timezone));
}

static void
who_write(StringInfo text, const PolicySelector *who, const Policy *policy)
{
	if (who->function[0] != '\0')
		appendStringInfo(text, ", function \"%s\"", who->function);
	if (who->role[0] != '\0')
		appendStringInfo(text, ", role \"%s\"", who->role);
	if (who->database[0] != '\0')
		appendStringInfo(text, ", database \"%s\"", who->database);
	if (who->pool != POLICY_NO_POOL)
		appendStringInfo(text, ", pool \"%s\"", policy->pools[who->pool].name);
}

static void
filter_record(const Call *call, const PolicyFilter *filter, const char *matched)
{
	Event event = {
		.kind = EVENT_FILTER,
		.actor_pid = MyProcPid,
		.actor = GetSessionUserId(),
		.call_id = call->id,
		.pid = MyProcPid,
		.role = call->role,
		.database = MyDatabaseId,
		.function = call->function->oid,
		.metric = -1,
	};

	strlcpy(event.rule, filter->name, sizeof(event.rule));
	strlcpy(event.pool, call->pool->name, sizeof(event.pool));
	strlcpy(event.detail, matched, sizeof(event.detail));
	event_record(&event);
}

static void
filter_refuse(const Call *call, const PolicyFilter *filter, const Arrival *arrival)
{
	StringInfoData matched;

	initStringInfo(&matched);
	who_write(&matched, &filter->who, policy_store_get());
	matched_write(&matched, filter, arrival);
	filter_record(call, filter, matched.len > 0 ? matched.data + 2 : "all calls");
	ereport(ERROR,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 errmsg("Python call was refused by filter \"%s\"", filter->name),
			 errdetail("Pool \"%s\", call %lld; the filter is about: %s.", call->pool->name, (long long) call->id,
					   matched.len > 0 ? matched.data + 2 : "all calls"),
			 errhint("%s", filter->message[0] != '\0' ? filter->message
													  : "Ask who keeps the policy when and how such calls may run.")));
}

void
filter_check(const Call *call, WireKind kind)
{
	const Policy *policy = policy_store_get();
	Arrival arrival;

	if (likely(call->selection.filters == 0))
		return;
	arrival = arrival_of(call, kind);
	for (uint64 left = call->selection.filters; left != 0; left &= left - 1)
	{
		const PolicyFilter *filter = &policy->filters[pg_rightmost_one_pos64(left)];

		if (filter_holds(filter, &arrival))
			filter_refuse(call, filter, &arrival);
	}
}
