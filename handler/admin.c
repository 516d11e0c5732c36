/*
 * admin.c - rights and rows for the admin functions. Runs in backends; needs no slot and no interpreter.
 */
#include "handler/admin.h"

#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "storage/lwlock.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "scheduler/shared.h"

#define INTERVAL_MAX_DAYS 366

#if PG_VERSION_NUM < 150000
#define InitMaterializedSRF(call, flags) admin_materialize(call)
static void admin_materialize(FunctionCallInfo call);
#endif

#if PG_VERSION_NUM < 150000
static void
admin_materialize(FunctionCallInfo call)
{
	ReturnSetInfo *info = (ReturnSetInfo *) call->resultinfo;
	MemoryContext old = MemoryContextSwitchTo(info->econtext->ecxt_per_query_memory);
	TupleDesc desc;

	if (get_call_result_type(call, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	info->returnMode = SFRM_Materialize;
	info->setResult = tuplestore_begin_heap(true, false, work_mem);
	info->setDesc = desc;
	MemoryContextSwitchTo(old);
}
#endif

ReturnSetInfo *
admin_rows(FunctionCallInfo call)
{
	shared_require();
	InitMaterializedSRF(call, 0);
	return (ReturnSetInfo *) call->resultinfo;
}

bool
admin_may_see(Oid role)
{
	return has_privs_of_role(GetUserId(), role) || has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS);
}

bool
admin_may_see_policy(void)
{
	return has_privs_of_role(GetUserId(), ROLE_PG_MONITOR);
}

bool
admin_may_govern(void)
{
	return superuser() || has_privs_of_role(GetUserId(), ROLE_PG_SIGNAL_BACKEND);
}

bool
admin_may_signal(Oid role)
{
	if (superuser_arg(role) && !superuser())
		return false;
	return has_privs_of_role(GetUserId(), role) || admin_may_govern();
}

void
admin_may_signal_check(Oid role)
{
	if (admin_may_signal(role))
		return;
	if (superuser_arg(role))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("must be a superuser to act on a superuser's call")));
	ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					errmsg("must be a member of the role whose call it is or member of pg_signal_backend")));
}

void
admin_may_govern_check(const char *what)
{
	if (!admin_may_govern())
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("must be superuser or a member of pg_signal_backend to %s", what)));
}

void
admin_pool_check(const char *pool)
{
	bool known;

	LWLockAcquire(shared->lock, LW_SHARED);
	known = policy_pool_find(&shared->policy, pool) >= 0;
	LWLockRelease(shared->lock);
	if (!known)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("the policy has no pool \"%s\"", pool),
						errhint("See pybox.pools for those there are.")));
}

int64
admin_interval_us(const char *name, const Interval *interval, int64 least)
{
	double days = (double) interval->month * DAYS_PER_MONTH + interval->day;
	double us = days * USECS_PER_DAY + (double) interval->time;

	if (us < least || us > INTERVAL_MAX_DAYS * (double) USECS_PER_DAY)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s must be between %g s and %d days", name,
																  (double) least / USECS_PER_SEC, INTERVAL_MAX_DAYS)));
	return (int64) us;
}

/* Where a function acts with its owner's rights, or a role was set, the event tells who stands behind. */
static void
role_append(StringInfo text, const char *what, Oid role)
{
	char *name;

	if (role == GetUserId())
		return;
	name = GetUserNameFromId(role, true);
	appendStringInfo(text, "%s%s \"%s\"", text->len > 0 ? ", " : "", what, name != NULL ? name : "?");
}

void
admin_record(Event *event, const char *detail)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoString(&text, detail);
	if (GetOuterUserId() != GetSessionUserId())
		role_append(&text, "for role", GetOuterUserId());
	role_append(&text, "session user", GetSessionUserId());
	event->actor = GetUserId();
	event->actor_pid = MyProcPid;
	event->metric = -1;
	strlcpy(event->detail, text.data, sizeof(event->detail));
	event_record(event);
	pfree(text.data);
}

Datum
admin_interval(int64 us)
{
	Interval *interval = palloc0(sizeof(Interval));

	interval->time = us;
	return IntervalPGetDatum(interval);
}

Datum
admin_node(void)
{
	char name[POLICY_NAME_SIZE];

	LWLockAcquire(shared->lock, LW_SHARED);
	strlcpy(name, shared->policy.node_name, sizeof(name));
	LWLockRelease(shared->lock);
	return CStringGetTextDatum(name);
}
