/*
 * admin.h - what the admin functions share: rights over other sessions' calls, rows of a view.
 */
#ifndef PYBOX_ADMIN_H
#define PYBOX_ADMIN_H

#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"

/* Starts a set-returning admin function; its rows go to info->setResult. */
ReturnSetInfo *admin_rows(FunctionCallInfo call);
/* Whether the current user may see the calls of role: its own, or all for pg_read_all_stats (so pg_monitor). */
bool admin_may_see(Oid role);
/* Raises 42501 unless the current user may end calls of role: as pg_cancel_backend. */
void admin_may_signal_check(Oid role);
/* An interval of microseconds. */
Datum admin_interval(int64 us);
/* The node's name in the policy. */
Datum admin_node(void);

#endif
