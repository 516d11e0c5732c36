/*
 * admin_gate.c - pybox.drain(), quarantine() and their opposites, pybox.drained, pybox.quarantines; pybox.check_queue(). Runs
 * in backends.
 */
#include "handler/admin.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "handler/function.h"
#include "scheduler/gate.h"
#include "scheduler/shared.h"

PG_FUNCTION_INFO_V1(pybox_drain);
PG_FUNCTION_INFO_V1(pybox_undrain);
PG_FUNCTION_INFO_V1(pybox_drained);
PG_FUNCTION_INFO_V1(pybox_quarantine);
PG_FUNCTION_INFO_V1(pybox_release);
PG_FUNCTION_INFO_V1(pybox_quarantines);
PG_FUNCTION_INFO_V1(pybox_check_queue);

#define DURATION_MIN_US USECS_PER_SEC

enum
{
	DRAINED_POOL,
	DRAINED_ROLE,
	DRAINED_SINCE,
	DRAINED_COUNT
};

enum
{
	QUARANTINE_DATABASE,
	QUARANTINE_FUNCTION,
	QUARANTINE_BODY,
	QUARANTINE_SINCE,
	QUARANTINE_UNTIL,
	QUARANTINE_REASON,
	QUARANTINE_COUNT
};

static void
pool_record(EventKind kind, const char *pool)
{
	Event event = {.kind = kind};

	strlcpy(event.pool, pool, sizeof(event.pool));
	admin_record(&event, "");
}

static void
function_record(EventKind kind, Oid function, const char *detail)
{
	Event event = {.kind = kind, .database = MyDatabaseId, .function = function};

	admin_record(&event, detail);
}

Datum
pybox_drain(PG_FUNCTION_ARGS)
{
	char *pool = text_to_cstring(PG_GETARG_TEXT_PP(0));

	shared_require();
	admin_may_govern_check("drain pools");
	admin_pool_check(pool);
	if (!gate_drain(pool))
	{
		ereport(NOTICE, (errmsg("pool \"%s\" is drained already", pool)));
		PG_RETURN_BOOL(false);
	}
	pool_record(EVENT_DRAIN, pool);
	PG_RETURN_BOOL(true);
}

Datum
pybox_undrain(PG_FUNCTION_ARGS)
{
	char *pool = text_to_cstring(PG_GETARG_TEXT_PP(0));

	shared_require();
	admin_may_govern_check("open drained pools");
	if (!gate_undrain(pool))
	{
		admin_pool_check(pool); /* the policy may have lost one that is drained */
		ereport(NOTICE, (errmsg("pool \"%s\" is not drained", pool)));
		PG_RETURN_BOOL(false);
	}
	pool_record(EVENT_UNDRAIN, pool);
	PG_RETURN_BOOL(true);
}

Datum
pybox_drained(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rows = admin_rows(fcinfo);
	GateDrain *list = palloc(POLICY_POOLS_MAX * sizeof(GateDrain));
	int count = gate_drains(list);

	for (int i = 0; i < count; i++)
	{
		Datum values[DRAINED_COUNT];
		bool nulls[DRAINED_COUNT] = {0};

		values[DRAINED_POOL] = CStringGetTextDatum(list[i].pool);
		values[DRAINED_ROLE] = ObjectIdGetDatum(list[i].role);
		values[DRAINED_SINCE] = TimestampTzGetDatum(list[i].since);
		tuplestore_putvalues(rows->setResult, rows->setDesc, values, nulls);
	}
	return (Datum) 0;
}

Datum
pybox_quarantine(PG_FUNCTION_ARGS)
{
	Oid function = PG_GETARG_OID(0);
	int64 us;

	shared_require();
	admin_may_govern_check("put functions under quarantine");
	us = admin_interval_us("duration", PG_GETARG_INTERVAL_P(1), DURATION_MIN_US);
	(void) function_get(function, InvalidOid); /* says so when it is not of a language of ours */
	if (!gate_quarantine(MyDatabaseId, function, 0, us / 1000, GetUserNameFromId(GetUserId(), false)))
		ereport(ERROR, (errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
						errmsg("no more than %d functions can be under quarantine", GATE_QUARANTINES_MAX),
						errhint("Release some: see pybox.quarantines.")));
	function_record(EVENT_QUARANTINE, function,
					psprintf("for %s", DatumGetCString(DirectFunctionCall1(interval_out, PG_GETARG_DATUM(1)))));
	PG_RETURN_BOOL(true);
}

Datum
pybox_release(PG_FUNCTION_ARGS)
{
	Oid function = PG_GETARG_OID(0);

	shared_require();
	admin_may_govern_check("end quarantines");
	if (!gate_release(MyDatabaseId, function))
	{
		ereport(NOTICE, (errmsg("the function is not under quarantine")));
		PG_RETURN_BOOL(false);
	}
	function_record(EVENT_RELEASE, function, "");
	PG_RETURN_BOOL(true);
}

Datum
pybox_quarantines(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rows = admin_rows(fcinfo);
	GateQuarantine *list = palloc(GATE_QUARANTINES_MAX * sizeof(GateQuarantine));
	int count = gate_quarantines(list);

	for (int i = 0; i < count; i++)
	{
		Datum values[QUARANTINE_COUNT];
		bool nulls[QUARANTINE_COUNT] = {0};

		values[QUARANTINE_DATABASE] = ObjectIdGetDatum(list[i].database);
		values[QUARANTINE_FUNCTION] = ObjectIdGetDatum(list[i].function);
		values[QUARANTINE_BODY] = CStringGetTextDatum(psprintf("%016llx", (unsigned long long) list[i].body));
		nulls[QUARANTINE_BODY] = list[i].body == 0;
		values[QUARANTINE_SINCE] = TimestampTzGetDatum(list[i].since);
		values[QUARANTINE_UNTIL] = TimestampTzGetDatum(list[i].until);
		values[QUARANTINE_REASON] = CStringGetTextDatum(list[i].why);
		tuplestore_putvalues(rows->setResult, rows->setDesc, values, nulls);
	}
	return (Datum) 0;
}

Datum
pybox_check_queue(PG_FUNCTION_ARGS)
{
	const char *wrong;

	shared_require();
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	wrong = queue_check(shared_queue());
	LWLockRelease(shared->lock);
	if (wrong == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(wrong));
}
