/*
 * gate.h - pools that are drained and functions under quarantine: what may not start now, whatever the policy says.
 *
 * DESIGN. Kept in shared memory under shared->lock, until the server restarts or somebody undoes it; a pool is remembered
 * by name, so that a reload does not open it. A call that starts looks at one word while nothing is closed.
 */
#ifndef PYBOX_GATE_H
#define PYBOX_GATE_H

#include "postgres.h"

#include "utils/timestamp.h"

#include "policies/policy.h"

#define GATE_QUARANTINES_MAX 256

typedef struct GateQuarantine
{
	Oid database, function;		/* InvalidOid: free */
	uint64 body;				/* hash of the source that misbehaved: another body is free; 0: any */
	TimestampTz until;			/* as users read it */
	int64 until_us;				/* by clock_now() */
	char why[POLICY_NAME_SIZE]; /* rule, or the role that did it */
} GateQuarantine;

Size gate_size(void);
void gate_initialize(void);
/* Raises 53400 when the pool is drained or the function is under quarantine. For new calls and those that wait. */
void gate_check(const char *pool, Oid function, uint64 body);
/* closed: no call of the pool starts any more. False: it was so already. */
bool gate_drain(const char *pool, bool closed);
bool gate_is_drained(const char *pool);
/* False: there is no room for another one. */
bool gate_quarantine(Oid database, Oid function, uint64 body, int64 duration_ms, const char *why);
bool gate_release(Oid database, Oid function);
/* Copies those in force to list[GATE_QUARANTINES_MAX]; returns how many. */
int gate_list(GateQuarantine *list);

#endif
