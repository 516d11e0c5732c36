/*
 * gate.c - pools that are drained and functions under quarantine; see gate.h. Runs in backends and the scheduler.
 */
#include "scheduler/gate.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "scheduler/activity.h"
#include "scheduler/clock.h"
#include "scheduler/shared.h"

typedef struct Gates
{
	pg_atomic_uint32 turn; /* grows with each change of the rest */
	int32 drain_count, quarantine_count;
	GateDrain drains[POLICY_POOLS_MAX];
	GateQuarantine quarantines[GATE_QUARANTINES_MAX];
} Gates;

static Gates local; /* this process's copy, with the turn it was made at */
static uint32 local_turn = 0;

static Gates *
gates(void)
{
	return shared_part(SHARED_GATES);
}

Size
gate_size(void)
{
	return sizeof(Gates);
}

void
gate_initialize(void)
{
	pg_atomic_init_u32(&gates()->turn, 0);
}

static void
local_renew(void)
{
	const Gates *now = gates();

	LWLockAcquire(shared->lock, LW_SHARED);
	local_turn = pg_atomic_read_u32(&gates()->turn);
	local.drain_count = now->drain_count;
	memcpy(local.drains, now->drains, now->drain_count * sizeof(GateDrain));
	local.quarantine_count = now->quarantine_count;
	memcpy(local.quarantines, now->quarantines, now->quarantine_count * sizeof(GateQuarantine));
	LWLockRelease(shared->lock);
}

static bool
quarantine_is_over(const GateQuarantine *quarantine)
{
	return quarantine->until_us <= clock_now();
}

static void
drain_raise(const GateDrain *drain)
{
	char *role = GetUserNameFromId(drain->role, true);

	ereport(
		ERROR,
		(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED), errmsg("pool \"%s\" is drained", drain->pool),
		 errdetail("No call of it starts since %s, by order of role \"%s\"; those that had begun go on to their end.",
				   timestamptz_to_str(drain->since), role != NULL ? role : "?"),
		 errhint("pybox.undrain(%s) opens it again.", quote_literal_cstr(drain->pool))));
}

static void
quarantine_raise(const GateQuarantine *quarantine)
{
	char *name = get_func_name(quarantine->function);

	ereport(ERROR,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 errmsg("function \"%s\" is under quarantine", name != NULL ? name : "?"),
			 errdetail("It is refused until %s, by \"%s\".", timestamptz_to_str(quarantine->until), quarantine->why),
			 quarantine->body != 0
				 ? errhint("Replace its body, or end the quarantine by pybox.release(); see pybox.quarantines.")
				 : errhint("pybox.release() ends the quarantine; see pybox.quarantines.")));
}

void
gate_check(const char *pool, Oid function, uint64 body)
{
	if (unlikely(pg_atomic_read_u32(&gates()->turn) != local_turn))
		local_renew();
	for (int i = 0; i < local.drain_count && pool != NULL; i++)
		if (strcmp(local.drains[i].pool, pool) == 0)
			drain_raise(&local.drains[i]);
	for (int i = 0; i < local.quarantine_count && OidIsValid(function); i++)
	{
		const GateQuarantine *quarantine = &local.quarantines[i];

		if (quarantine->function == function && quarantine->database == MyDatabaseId &&
			(quarantine->body == 0 || quarantine->body == body) && !quarantine_is_over(quarantine))
			quarantine_raise(quarantine);
	}
}

/* The rest changes what is closed, under the lock. */

static void
gates_change(void)
{
	pg_atomic_fetch_add_u32(&gates()->turn, 1);
}

static int
drain_find(const char *pool)
{
	for (int i = 0; i < gates()->drain_count; i++)
		if (strcmp(gates()->drains[i].pool, pool) == 0)
			return i;
	return -1;
}

static void
drain_remove(int number)
{
	gates()->drains[number] = gates()->drains[--gates()->drain_count];
	gates_change();
}

static void
quarantine_remove(int number)
{
	gates()->quarantines[number] = gates()->quarantines[--gates()->quarantine_count];
	gates_change();
}

/* A policy has no more pools than can be remembered: if it comes to more, some of them are no longer in it. */
static void
drains_sweep(void)
{
	for (int i = gates()->drain_count - 1; i >= 0 && gates()->drain_count == POLICY_POOLS_MAX; i--)
		if (policy_pool_find(&shared->policy, gates()->drains[i].pool) < 0)
			drain_remove(i);
}

static void
quarantines_sweep(void)
{
	for (int i = gates()->quarantine_count - 1; i >= 0; i--)
		if (quarantine_is_over(&gates()->quarantines[i]))
			quarantine_remove(i);
}

/* Calls that wait for a slot have to look at the gates again: all of them, since one in a few can be meant. */
static void
waiters_wake(void)
{
	ActivityCall call;

	for (int i = 0; i < activity_entries(); i++)
		if (activity_read(i, &call) && call.state == ACTIVITY_QUEUED)
			activity_wake(i);
}

bool
gate_drain(const char *pool)
{
	GateDrain drain = {.since = GetCurrentTimestamp(), .role = GetUserId()};
	bool is_new;

	strlcpy(drain.pool, pool, sizeof(drain.pool));
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	drains_sweep();
	is_new = drain_find(pool) < 0 && gates()->drain_count < POLICY_POOLS_MAX;
	if (is_new)
	{
		gates()->drains[gates()->drain_count++] = drain;
		gates_change();
	}
	LWLockRelease(shared->lock);
	waiters_wake();
	return is_new;
}

bool
gate_undrain(const char *pool)
{
	int number;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	number = drain_find(pool);
	if (number >= 0)
		drain_remove(number);
	LWLockRelease(shared->lock);
	return number >= 0;
}

/* Of those that rules made the one that ends first; NULL: there is none. */
static GateQuarantine *
quarantine_spare(void)
{
	GateQuarantine *spare = NULL;

	for (int i = 0; i < gates()->quarantine_count; i++)
	{
		GateQuarantine *one = &gates()->quarantines[i];

		if (one->body != 0 && (spare == NULL || one->until_us < spare->until_us))
			spare = one;
	}
	return spare;
}

/*
 * That of the same body, or a new one; NULL: no room. Whoever may replace functions can have rules fill the table: what
 * somebody ordered finds room all the same.
 */
static GateQuarantine *
quarantine_place(Oid database, Oid function, uint64 body)
{
	for (int i = 0; i < gates()->quarantine_count; i++)
	{
		GateQuarantine *quarantine = &gates()->quarantines[i];

		if (quarantine->database == database && quarantine->function == function && quarantine->body == body)
			return quarantine;
	}
	if (gates()->quarantine_count < GATE_QUARANTINES_MAX)
		return &gates()->quarantines[gates()->quarantine_count++];
	return quarantine_spare();
}

bool
gate_quarantine(Oid database, Oid function, uint64 body, int64 duration_ms, const char *why)
{
	TimestampTz now = GetCurrentTimestamp();
	GateQuarantine *quarantine, made = {
									.database = database,
									.function = function,
									.body = body,
									.since = now,
									.until = TimestampTzPlusMilliseconds(now, duration_ms),
									.until_us = TimestampTzPlusMilliseconds(clock_now(), duration_ms),
								};

	strlcpy(made.why, why, sizeof(made.why));
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	quarantines_sweep();
	quarantine = quarantine_place(database, function, body);
	if (quarantine != NULL)
	{
		*quarantine = made;
		gates_change();
	}
	LWLockRelease(shared->lock);
	waiters_wake();
	return quarantine != NULL;
}

bool
gate_release(Oid database, Oid function)
{
	bool found = false;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	quarantines_sweep();
	for (int i = gates()->quarantine_count - 1; i >= 0; i--)
		if (gates()->quarantines[i].database == database && gates()->quarantines[i].function == function)
		{
			quarantine_remove(i);
			found = true;
		}
	LWLockRelease(shared->lock);
	return found;
}

int
gate_drains(GateDrain *list)
{
	int count;

	LWLockAcquire(shared->lock, LW_SHARED);
	count = gates()->drain_count;
	memcpy(list, gates()->drains, count * sizeof(GateDrain));
	LWLockRelease(shared->lock);
	return count;
}

int
gate_quarantines(GateQuarantine *list)
{
	int count = 0;

	LWLockAcquire(shared->lock, LW_SHARED);
	for (int i = 0; i < gates()->quarantine_count; i++)
		if (!quarantine_is_over(&gates()->quarantines[i]))
			list[count++] = gates()->quarantines[i];
	LWLockRelease(shared->lock);
	return count;
}

bool
gate_is_drained(const char *pool)
{
	bool drained;

	LWLockAcquire(shared->lock, LW_SHARED);
	drained = drain_find(pool) >= 0;
	LWLockRelease(shared->lock);
	return drained;
}
