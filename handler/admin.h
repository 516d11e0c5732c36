/*
 * admin.h - what the admin functions share: rights over other sessions' calls, rows of a view.
 */
#ifndef PYBOX_ADMIN_H
#define PYBOX_ADMIN_H

#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/timestamp.h"

#include "scheduler/event.h"

/* Starts a set-returning admin function; its rows go to info->setResult. */
ReturnSetInfo *admin_rows(FunctionCallInfo call);
/* Whether the current user may see the calls of role: its own, or all for pg_read_all_stats (so pg_monitor). */
bool admin_may_see(Oid role);
/* Whether the current user may see what the policy says: members of pg_monitor. */
bool admin_may_see_policy(void);
/* Whether the current user may act on calls of role: as pg_cancel_backend. The other raises 42501. */
bool admin_may_signal(Oid role);
void admin_may_signal_check(Oid role);
/* Whether the current user may act on the order of calls and on whole pools: superusers, members of pg_signal_backend. */
bool admin_may_govern(void);
/* Raises 42501 otherwise; what: such as "drain pools". */
void admin_may_govern_check(const char *what);
/* Raises 42704 unless the policy in force has the pool. */
void admin_pool_check(const char *pool);
/* Microseconds of an argument of that name; raises 22023 below least and above a year. */
int64 admin_interval_us(const char *name, const Interval *interval, int64 least);
/* Records an event as done by the current user, with what else there is to say. */
void admin_record(Event *event, const char *detail);
/* An interval of microseconds. */
Datum admin_interval(int64 us);
/* The node's name in the policy. */
Datum admin_node(void);

#endif
