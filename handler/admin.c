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

void
admin_may_signal_check(Oid role)
{
	if (superuser_arg(role) && !superuser())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("must be a superuser to end a superuser's call")));
	if (!has_privs_of_role(GetUserId(), role) && !has_privs_of_role(GetUserId(), ROLE_PG_SIGNAL_BACKEND))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be a member of the role whose call is being ended or member of pg_signal_backend")));
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
