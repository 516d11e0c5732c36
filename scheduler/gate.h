/*
 * gate.h - pools that are drained and functions under quarantine: what may not start now, whatever the policy says.
 *
 * DESIGN. Kept in shared memory under shared->lock, until the server restarts or somebody undoes it; a pool is remembered
 * by name, so that a reload does not open it. Each backend has a copy of what is closed, and makes it anew when the one
 * word has changed that a call looks at: no call takes a lock for this. Who closes something wakes those that wait, and each
 * call looks again once it has its slot, so that none starts after gate_drain() has returned.
 */
#ifndef PYBOX_GATE_H
#define PYBOX_GATE_H

#include "postgres.h"

#include "utils/timestamp.h"

#include "policies/policy.h"

#define GATE_QUARANTINES_MAX 256

typedef struct GateDrain
{
	char pool[POLICY_NAME_SIZE];
	TimestampTz since;
	Oid role; /* who did it */
} GateDrain;

typedef struct GateQuarantine
{
	Oid database, function;
	uint64 body;				/* hash of the source that misbehaved: another body is free; 0: any */
	TimestampTz since, until;	/* as users read it */
	int64 until_us;				/* by clock_now() */
	char why[POLICY_NAME_SIZE]; /* rule, or the role that did it */
} GateQuarantine;

Size gate_size(void);
void gate_initialize(void);
/* Of all that follow the caller holds no lock of pybox's. */
/*
 * Raises 53400 when the pool (NULL: does not matter) is drained, or the function of this database under quarantine. For
 * new calls and those that wait for their first slot.
 */
void gate_check(const char *pool, Oid function, uint64 body);
/* Closes a pool in the name of the current user: no call of it starts any more. False: it was so already. */
bool gate_drain(const char *pool);
/* Opens it. False: it was not drained. */
bool gate_undrain(const char *pool);
/*
 * Puts the function under quarantine, or changes until when it is. With no room for another one a rule's makes room, the one
 * that ends first. False: there is none.
 */
bool gate_quarantine(Oid database, Oid function, uint64 body, int64 duration_ms, const char *why);
/* False: it was not under quarantine. */
bool gate_release(Oid database, Oid function);
/* Copies what is in force to list[POLICY_POOLS_MAX], list[GATE_QUARANTINES_MAX]; returns how many. */
int gate_drains(GateDrain *list);
int gate_quarantines(GateQuarantine *list);
bool gate_is_drained(const char *pool);

#endif
