/*
 * activity.c - the table of calls in shared memory. Runs in backends and the scheduler; see activity.h.
 */
#include "scheduler/activity.h"

#include <signal.h>

#include "miscadmin.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "storage/procsignal.h"
#include "utils/timeout.h"

#include "sandbox/fault.h"
#include "scheduler/shared.h"

#if PG_VERSION_NUM >= 170000
#define PROC_OF(number) GetPGProcByNumber(number)
#else
#define PROC_OF(number) (&ProcGlobal->allProcs[number])
#endif

static ActivityEntry *
entry_at(int number)
{
	return (ActivityEntry *) shared_part(SHARED_CALLS) + number;
}

Size
activity_size(void)
{
	return mul_size(sizeof(ActivityEntry), (Size) shared_backends() * ACTIVITY_DEPTH);
}

int
activity_entries(void)
{
	return shared_backends() * ACTIVITY_DEPTH;
}

int
activity_backend(int number)
{
	return number / ACTIVITY_DEPTH;
}

void
activity_initialize(void)
{
	for (int i = 0; i < activity_entries(); i++)
	{
		pg_atomic_init_u32(&entry_at(i)->version, 0);
		SpinLockInit(&entry_at(i)->stop_lock);
		pg_atomic_init_u64(&entry_at(i)->stop_call, 0);
		pg_atomic_init_u32(&entry_at(i)->signalers, 0);
		pg_atomic_init_u64(&entry_at(i)->wish_call, 0);
		pg_atomic_init_u32(&entry_at(i)->wish_turn, 0);
		pg_atomic_init_u64(&entry_at(i)->measured, 0);
		pg_atomic_init_u64(&entry_at(i)->cpu_us, 0);
		pg_atomic_init_u64(&entry_at(i)->memory, 0);
		pg_atomic_init_u64(&entry_at(i)->temp, 0);
	}
}

/* Only the owner writes the version, so a plain store of the next number does. */
static void
entry_open(ActivityEntry *entry)
{
	pg_atomic_write_u32(&entry->version, pg_atomic_read_u32(&entry->version) + 1);
	pg_write_barrier();
}

static void
entry_close(ActivityEntry *entry)
{
	pg_write_barrier();
	pg_atomic_write_u32(&entry->version, pg_atomic_read_u32(&entry->version) + 1);
}

/* What was wished of another call of the function, which may be over, for all that the statement makes. */
static void
wish_inherit(ActivityEntry *entry, const ActivityCall *call)
{
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	if (entry->wish.statement == call->statement && entry->wish.function == call->function)
		pg_atomic_write_u64(&entry->wish_call, call->call_id);
	LWLockRelease(shared->lock);
}

static ActivityStop
stop_of_verdict(const ActivityVerdict *verdict)
{
	return verdict->action == POLICY_ACTION_KILL ? ACTIVITY_STOP_RULE_KILL : ACTIVITY_STOP_RULE;
}

/* The same of its end. */
static void
stop_inherit(ActivityEntry *entry, const ActivityCall *call)
{
	SpinLockAcquire(&entry->stop_lock);
	if (entry->verdict.statement == call->statement && entry->verdict.function == call->function &&
		pg_atomic_read_u64(&entry->stop_call) != call->call_id)
	{
		entry->stop = stop_of_verdict(&entry->verdict);
		pg_atomic_write_u64(&entry->stop_call, call->call_id);
	}
	SpinLockRelease(&entry->stop_lock);
}

ActivityEntry *
activity_begin(int depth, const ActivityCall *call)
{
	ActivityEntry *entry;

	if (depth >= ACTIVITY_DEPTH)
		return NULL;
	entry = entry_at(shared_my_number() * ACTIVITY_DEPTH + depth);
	if (unlikely(call->statement != 0) && entry->wish.statement == call->statement)
		wish_inherit(entry, call);
	entry_open(entry);
	entry->call = *call;
	entry_close(entry);
	if (unlikely(call->statement != 0) && entry->verdict.statement == call->statement)
		stop_inherit(entry, call); /* last: from now on nobody asks for the end of what was here before */
	return entry;
}

void
activity_watch(void)
{
	pg_memory_barrier(); /* pairs with the scheduler, which says that it does not watch and then looks */
	if (pg_atomic_read_u32(&shared->rules_watched) == 0)
		shared_wake_scheduler();
}

/* Takes back the SIGINT that came with a stop: the stop itself is raised, and nothing that comes after the call is hit. */
static void
interrupt_take_back(ActivityEntry *entry)
{
	pg_memory_barrier(); /* pairs with activity_stop(): the state is set, then those are looked at who may have seen the old one */
	while (pg_atomic_read_u32(&entry->signalers) != 0)
		pg_usleep(10);
	if (activity_stop_get(entry) == ACTIVITY_STOP_NONE)
		return;
	pg_usleep(1); /* a signal that was sent is delivered on the way back from a system call */
	if (!get_timeout_indicator(STATEMENT_TIMEOUT, false))
		QueryCancelPending = false;
}

void
activity_state_set(ActivityEntry *entry, ActivityState state)
{
	bool was_sql;

	if (entry == NULL)
		return;
	was_sql = entry->call.state == ACTIVITY_SQL;
	entry_open(entry);
	entry->call.state = state;
	entry_close(entry);
	if (was_sql && state != ACTIVITY_SQL)
		interrupt_take_back(entry);
}

void
activity_enter_sql(ActivityEntry *entry)
{
	if (entry == NULL)
		return;
	activity_state_set(entry, ACTIVITY_SQL);
	pg_memory_barrier(); /* pairs with those who ask for a stop and with the scheduler that goes to sleep */
	if (entry->call.wall_ms > 0 && pg_atomic_read_u32(&shared->walls_watched) == 0)
		shared_wake_scheduler();
}

void
activity_started(ActivityEntry *entry, TimestampTz at, TimestampTz running_since)
{
	if (entry == NULL || entry->call.started_at != 0)
		return;
	entry_open(entry);
	entry->call.started_at = at;
	entry->call.running_since = running_since;
	entry_close(entry);
}

void
activity_seat_set(ActivityEntry *entry, const char *pool, int32 priority, int64 wall_ms)
{
	if (entry == NULL || likely(entry->call.priority == priority && entry->call.wall_ms == wall_ms &&
								strcmp(entry->call.pool_name, pool) == 0))
		return;
	entry_open(entry);
	entry->call.priority = priority;
	entry->call.wall_ms = wall_ms;
	strlcpy(entry->call.pool_name, pool, sizeof(entry->call.pool_name));
	entry_close(entry);
}

void
activity_rules_set(ActivityEntry *entry, uint64 policy, uint64 rules, TimestampTz statement, uint64 calls)
{
	if (entry == NULL)
		return;
	entry_open(entry);
	entry->call.policy = policy;
	entry->call.rules = rules;
	entry->call.statement = statement;
	entry->call.calls = calls;
	entry_close(entry);
}

void
activity_put_off(ActivityEntry *entry, int64 us)
{
	if (entry == NULL || entry->call.started_at == 0)
		return;
	entry_open(entry);
	entry->call.running_since += us;
	entry->call.still_since = 0;
	entry_close(entry);
}

void
activity_still_set(ActivityEntry *entry, TimestampTz since)
{
	if (entry == NULL || entry->call.started_at == 0)
		return;
	entry_open(entry);
	entry->call.still_since = since;
	entry_close(entry);
}

void
activity_interpreter_set(ActivityEntry *entry, uint64 interpreter, int pid)
{
	if (entry == NULL)
		return;
	entry_open(entry);
	entry->call.interpreter = interpreter;
	entry->call.interpreter_pid = pid;
	entry_close(entry);
}

void
activity_end(ActivityEntry *entry)
{
	activity_state_set(entry, ACTIVITY_FREE);
}

ActivityStop
activity_stop_get(ActivityEntry *entry)
{
	ActivityStop stop;

	if (entry == NULL || likely(pg_atomic_read_u64(&entry->stop_call) != entry->call.call_id))
		return ACTIVITY_STOP_NONE;
	SpinLockAcquire(&entry->stop_lock);
	stop = entry->stop;
	SpinLockRelease(&entry->stop_lock);
	return stop;
}

ActivityVerdict
activity_verdict(ActivityEntry *entry)
{
	ActivityVerdict verdict;

	SpinLockAcquire(&entry->stop_lock);
	verdict = entry->verdict;
	SpinLockRelease(&entry->stop_lock);
	return verdict;
}

uint32
activity_wish_turn(ActivityEntry *entry)
{
	if (entry == NULL || likely(pg_atomic_read_u64(&entry->wish_call) != entry->call.call_id))
		return 0;
	return pg_atomic_read_u32(&entry->wish_turn);
}

uint32
activity_wish_get(ActivityEntry *entry, ActivityWish *wish)
{
	uint32 turn = 0;

	*wish = (ActivityWish){.priority = -1};
	if (activity_wish_turn(entry) == 0)
		return 0;
	LWLockAcquire(shared->lock, LW_SHARED);
	*wish = entry->wish;
	turn = pg_atomic_read_u32(&entry->wish_turn);
	LWLockRelease(shared->lock);
	return turn;
}

uint64
activity_call_id(int number)
{
	const volatile ActivityCall *call = &entry_at(number)->call;

	return call->state == ACTIVITY_FREE ? 0 : call->call_id;
}

bool
activity_read(int number, ActivityCall *call)
{
	ActivityEntry *entry = entry_at(number);

	for (;;)
	{
		uint32 before = pg_atomic_read_u32(&entry->version);

		pg_read_barrier();
		*call = entry->call;
		pg_read_barrier();
		if ((before & 1) == 0 && before == pg_atomic_read_u32(&entry->version))
			return call->state != ACTIVITY_FREE;
	}
}

static bool
stop_is_kill(ActivityStop stop)
{
	return stop == ACTIVITY_STOP_KILL || stop == ACTIVITY_STOP_RULE_KILL;
}

/* What became of asking for a stop. */
typedef enum StopAnswer
{
	STOP_TOO_LATE, /* the entry holds another call by now, or none */
	STOP_STANDS,   /* it stops for another reason */
	STOP_IS_THIS
} StopAnswer;

static StopAnswer
stop_write(int number, uint64 call_id, ActivityStop stop, const ActivityVerdict *verdict)
{
	ActivityEntry *entry = entry_at(number);
	StopAnswer answer = STOP_TOO_LATE;

	SpinLockAcquire(&entry->stop_lock);
	if (activity_call_id(number) == call_id)
	{
		bool stops = pg_atomic_read_u64(&entry->stop_call) == call_id;

		answer = stops && (stop_is_kill(entry->stop) || !stop_is_kill(stop)) ? STOP_STANDS : STOP_IS_THIS;
	}
	if (answer == STOP_IS_THIS)
	{
		entry->stop = stop;
		if (verdict != NULL)
			entry->verdict = *verdict;
		pg_atomic_write_u64(&entry->stop_call, call_id);
	}
	SpinLockRelease(&entry->stop_lock);
	return answer;
}

/* Has the owner see it. SQL does not look at the stop word: it is interrupted as pg_cancel_backend does. */
static void
stop_tell(int number, uint64 call_id)
{
	ActivityCall call;

	pg_memory_barrier(); /* pairs with the owner's: it sets its state, then looks at the stop word */
	activity_wake(number);
	pg_atomic_fetch_add_u32(&entry_at(number)->signalers, 1);
	if (activity_read(number, &call) && call.call_id == call_id && call.state == ACTIVITY_SQL)
		kill(call.pid, SIGINT);
	pg_atomic_fetch_sub_u32(&entry_at(number)->signalers, 1);
}

/* The entry that holds the call, or -1. */
static int
entry_find(uint64 call_id)
{
	ActivityCall call;

	for (int i = 0; i < activity_entries(); i++)
		if (activity_read(i, &call) && call.call_id == call_id)
			return i;
	return -1;
}

static StopAnswer
call_stop(uint64 call_id, ActivityStop stop, const ActivityVerdict *verdict)
{
	int number = entry_find(call_id);
	StopAnswer answer;

	if (number < 0)
		return STOP_TOO_LATE;
	(void) FAULT_POINT("backend.stop");
	answer = stop_write(number, call_id, stop, verdict);
	if (answer != STOP_TOO_LATE)
		stop_tell(number, call_id);
	return answer;
}

bool
activity_stop(uint64 call_id, ActivityStop stop)
{
	return call_stop(call_id, stop, NULL) != STOP_TOO_LATE;
}

bool
activity_stop_by_rule(uint64 call_id, const ActivityVerdict *verdict)
{
	return call_stop(call_id, stop_of_verdict(verdict), verdict) == STOP_IS_THIS;
}

void
activity_measure_set(int number, uint64 call_id, const ActivityMeasure *measure)
{
	ActivityEntry *entry = entry_at(number);

	pg_atomic_write_u64(&entry->cpu_us, (uint64) measure->cpu_us);
	pg_atomic_write_u64(&entry->memory, (uint64) measure->memory);
	pg_atomic_write_u64(&entry->temp, (uint64) measure->temp);
	pg_write_barrier();
	pg_atomic_write_u64(&entry->measured, call_id);
}

bool
activity_measure_get(int number, uint64 call_id, ActivityMeasure *measure)
{
	ActivityEntry *entry = entry_at(number);

	if (pg_atomic_read_u64(&entry->measured) != call_id)
		return false;
	pg_read_barrier();
	measure->cpu_us = (int64) pg_atomic_read_u64(&entry->cpu_us);
	measure->memory = (int64) pg_atomic_read_u64(&entry->memory);
	measure->temp = (int64) pg_atomic_read_u64(&entry->temp);
	return true;
}

bool
activity_wish_read(int number, uint64 call_id, ActivityWish *wish)
{
	ActivityEntry *entry = entry_at(number);
	bool found;

	if (pg_atomic_read_u64(&entry->wish_call) != call_id)
		return false;
	LWLockAcquire(shared->lock, LW_SHARED);
	*wish = entry->wish;
	found = pg_atomic_read_u64(&entry->wish_call) == call_id;
	LWLockRelease(shared->lock);
	return found;
}

/* Writes nothing when the entry holds another call by now, of which somebody may have wished something already. */
static bool
wish_write(int number, uint64 call_id, void (*change)(ActivityWish *wish, void *arg), void *arg)
{
	ActivityEntry *entry = entry_at(number);
	uint32 turn;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	if (activity_call_id(number) != call_id)
	{
		LWLockRelease(shared->lock);
		return false;
	}
	turn = pg_atomic_read_u32(&entry->wish_turn) + 1;
	if (pg_atomic_read_u64(&entry->wish_call) != call_id)
		entry->wish = (ActivityWish){.priority = -1};
	change(&entry->wish, arg);
	pg_atomic_write_u32(&entry->wish_turn, turn == 0 ? 1 : turn);
	pg_write_barrier();
	pg_atomic_write_u64(&entry->wish_call, call_id);
	LWLockRelease(shared->lock);
	return true;
}

bool
activity_wish_change(uint64 call_id, void (*change)(ActivityWish *wish, void *arg), void *arg)
{
	int number = entry_find(call_id);

	if (number < 0)
		return false;
	(void) FAULT_POINT("backend.wish");
	if (!wish_write(number, call_id, change, arg))
		return false;
	activity_wake(number);
	return true;
}

void
activity_wake(int number)
{
	SetLatch(&PROC_OF(activity_backend(number))->procLatch);
}
