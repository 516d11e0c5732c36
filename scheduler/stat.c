/*
 * stat.c - counts calls: first in the backend, then in shared memory. Runs in backends and the scheduler.
 *
 * DESIGN. The tables (stat_table.h) have a lock of their own: shared for finding an entry, exclusive for making one. What an
 * entry counts is guarded by a spinlock, one for some entries together. Nothing is allocated here, so that counting works in
 * every state of a transaction; a backend has room for PENDING_MAX kinds of calls, and flushes when it needs more.
 */
#include "scheduler/stat.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/spin.h"

#include "scheduler/shared.h"

#define ROLES_MAX 500
#define POOLS_MAX (2 * POLICY_POOLS_MAX) /* with some that were */
#define SPINLOCKS 64
#define PENDING_MAX 16
#define FLUSH_US (500 * INT64CONST(1000))
#define MEMORY_CALLS 1024		/* look at the memory again after so many calls */
#define MEMORY_US USECS_PER_SEC /* but not more often than that */

typedef struct StatShared
{
	LWLock *lock;
	bool is_restored; /* by the scheduler */
	bool is_changed;  /* since it was last saved */
	slock_t spinlocks[SPINLOCKS];
	Size offsets[STAT_KIND_COUNT];
} StatShared;

/* What was not yet added to the shared counters: of calls that have all of this in common. */
typedef struct Pending
{
	Oid database, function, role;
	char pool[POLICY_NAME_SIZE];
	StatCounters counters;
	HistoryCalls calls;
} Pending;

int stat_functions_max = 2000;

static Pending pending[PENDING_MAX];
static int pending_count = 0;
static TimestampTz flush_at =
	0; /* clock_now() when what is pending is to be flushed, whatever goes on; 0: nothing is */
static StatCause noted_cause = STAT_OK;
static bool registered = false;

static const struct
{
	const char *name;
	int size; /* 0: pybox.stat_functions_max */
} kinds[STAT_KIND_COUNT] = {
	[STAT_FUNCTIONS] = {"functions", 0},
	[STAT_ROLES] = {"roles", ROLES_MAX},
	[STAT_POOLS] = {"pools", POOLS_MAX},
};

static int
kind_size(StatKind kind)
{
	return kinds[kind].size > 0 ? kinds[kind].size : stat_functions_max;
}

const char *
stat_kind_name(StatKind kind)
{
	return kinds[kind].name;
}

Size
stat_size(void)
{
	Size size = MAXALIGN(sizeof(StatShared));

	for (int kind = 0; kind < STAT_KIND_COUNT; kind++)
		size = add_size(size, MAXALIGN(stat_table_size(kind_size((StatKind) kind))));
	return size;
}

static StatShared *
stat_shared(void)
{
	return (StatShared *) shared_part(SHARED_STATISTICS);
}

static StatTable *
stat_table(StatKind kind)
{
	return (StatTable *) ((char *) stat_shared() + stat_shared()->offsets[kind]);
}

void
stat_initialize(void)
{
	StatShared *stat = stat_shared();
	Size offset = MAXALIGN(sizeof(StatShared));

	stat->lock = shared_part_lock(SHARED_STATISTICS);
	for (int i = 0; i < SPINLOCKS; i++)
		SpinLockInit(&stat->spinlocks[i]);
	for (int kind = 0; kind < STAT_KIND_COUNT; kind++)
	{
		stat->offsets[kind] = offset;
		offset += MAXALIGN(stat_table_size(kind_size((StatKind) kind)));
		stat_table_init(stat_table((StatKind) kind), kind_size((StatKind) kind), GetCurrentTimestamp());
	}
}

StatKey
stat_key(Oid database, Oid oid, const char *name)
{
	StatKey key = {.database = database, .oid = oid};

	if (name != NULL)
		strlcpy(key.name, name, sizeof(key.name));
	return key;
}

static slock_t *
entry_lock(StatKind kind, int32 number)
{
	return &stat_shared()->spinlocks[(number + (int32) kind) % SPINLOCKS];
}

/* --- from the backend to shared memory ------------------------------------------------------------------------------- */

static void
entry_add(StatKind kind, int32 number, const Pending *more)
{
	StatEntry *entry = stat_table_entry(stat_table(kind), number);
	volatile slock_t *lock = entry_lock(kind, number);

	SpinLockAcquire(lock);
	stat_counters_add(&entry->counters, &more->counters);
	if (kind == STAT_FUNCTIONS)
		history_learn(&entry->history, &more->calls);
	SpinLockRelease(lock);
}

static void
pending_add(StatKind kind, const StatKey *key, const Pending *more, TimestampTz now)
{
	LWLock *lock = stat_shared()->lock;
	int32 number;

	LWLockAcquire(lock, LW_SHARED);
	number = stat_table_find(stat_table(kind), key);
	if (number == STAT_NOBODY)
	{
		LWLockRelease(lock);
		LWLockAcquire(lock, LW_EXCLUSIVE);
		number = stat_table_make(stat_table(kind), key, now);
	}
	else
		stat_table_touch(stat_table(kind), number, now);
	entry_add(kind, number, more);
	LWLockRelease(lock);
}

static void
pending_flush(const Pending *more, TimestampTz now)
{
	StatKey function = stat_key(more->database, more->function, NULL);
	StatKey role = stat_key(InvalidOid, more->role, NULL);
	StatKey pool = stat_key(InvalidOid, InvalidOid, more->pool);

	pending_add(STAT_FUNCTIONS, &function, more, now);
	pending_add(STAT_ROLES, &role, more, now);
	pending_add(STAT_POOLS, &pool, more, now);
}

void
stat_flush(void)
{
	TimestampTz now;

	if (pending_count == 0)
		return;
	now = GetCurrentTimestamp();
	for (int i = 0; i < pending_count; i++)
		pending_flush(&pending[i], now);
	if (!stat_shared()->is_changed)
		stat_shared()->is_changed = true;
	pending_count = 0;
	flush_at = 0;
}

static void
stat_transaction(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PARALLEL_COMMIT:
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PARALLEL_ABORT:
		case XACT_EVENT_PREPARE:
			stat_flush();
			break;
		default:
			break;
	}
}

static void
stat_exit(int code, Datum arg)
{
	stat_flush();
}

void
stat_register(void)
{
	if (likely(registered))
		return;
	RegisterXactCallback(stat_transaction, NULL);
	before_shmem_exit(stat_exit, (Datum) 0);
	registered = true;
}

static bool
pending_matches(const Pending *some, const StatCall *call)
{
	return some->function == call->function && some->role == call->role && some->database == call->database &&
		   strcmp(some->pool, call->pool) == 0;
}

static Pending *
pending_find(const StatCall *call)
{
	Pending *some;

	for (int i = pending_count - 1; i >= 0; i--)
		if (pending_matches(&pending[i], call))
			return &pending[i];
	if (pending_count == PENDING_MAX)
		stat_flush();
	some = &pending[pending_count++];
	memset(some, 0, sizeof(*some));
	some->database = call->database;
	some->function = call->function;
	some->role = call->role;
	strlcpy(some->pool, call->pool, sizeof(some->pool));
	return some;
}

static void
pending_time(Pending *some, const StatCall *call)
{
	some->counters.queue.counts[stat_histogram_bucket(call->queue_us)]++;
	some->counters.run.counts[stat_histogram_bucket(call->run_us)]++;
	if (call->cause == STAT_OK)
		history_calls_add(&some->calls, call->run_us, 0);
}

static void
pending_memory(Pending *some, int64 bytes)
{
	some->counters.memory_peak = Max(some->counters.memory_peak, bytes);
	history_calls_memory(&some->calls, bytes);
}

void
stat_call_add(const StatCall *call)
{
	Pending *some;
	uint64 *sums;

	some = pending_find(call);
	sums = some->counters.sums;
	some->counters.causes[call->cause]++;
	sums[STAT_ROWS] += call->rows;
	sums[STAT_BYTES_IN] += call->bytes_in;
	sums[STAT_BYTES_OUT] += call->bytes_out;
	sums[STAT_QUEUE_US] += (uint64) call->queue_us;
	sums[STAT_RUN_US] += (uint64) call->run_us;
	sums[STAT_SQL_US] += (uint64) call->sql_us;
	sums[STAT_PAUSED_US] += (uint64) call->paused_us;
	sums[STAT_CPU_US] += (uint64) call->cpu_us;
	sums[STAT_COLD_STARTS] += call->cold_start ? 1 : 0;
	if (call->started)
		pending_time(some, call);
	if (call->memory_peak > 0)
		pending_memory(some, call->memory_peak);
	if (flush_at == 0)
		flush_at = call->ended_at + FLUSH_US;
	else if (call->ended_at >= flush_at)
		stat_flush();
}

/* --- what is known of a function --------------------------------------------------------------------------------------- */

void
stat_guess(Oid database, Oid function, StatGuess *guess)
{
	StatKey key = stat_key(database, function, NULL);
	History history = {0};
	int32 number;

	LWLockAcquire(stat_shared()->lock, LW_SHARED);
	number = stat_table_find(stat_table(STAT_FUNCTIONS), &key);
	if (number != STAT_NOBODY)
	{
		const StatEntry *entry = stat_table_entry(stat_table(STAT_FUNCTIONS), number);
		volatile slock_t *lock = entry_lock(STAT_FUNCTIONS, number);

		SpinLockAcquire(lock);
		history = entry->history;
		SpinLockRelease(lock);
	}
	LWLockRelease(stat_shared()->lock);
	guess->next = history_guess(&history);
	history_rank(&history, &guess->ranks);
}

bool
stat_memory_is_due(StatMemory *memory, TimestampTz now)
{
	uint64 calls = ++memory->calls;

	if ((calls & (calls - 1)) != 0 && calls % MEMORY_CALLS != 0)
		return false;
	if (calls > MEMORY_CALLS && now - memory->looked_at < MEMORY_US)
		return false;
	memory->looked_at = now;
	return true;
}

/* --- for views ---------------------------------------------------------------------------------------------------------- */

bool
stat_read(StatKind kind, int number, StatEntry *entry)
{
	const StatEntry *from = stat_table_entry(stat_table(kind), number);
	volatile slock_t *lock = entry_lock(kind, number);

	LWLockAcquire(stat_shared()->lock, LW_SHARED);
	entry->is_used = from->is_used;
	if (from->is_used)
	{
		SpinLockAcquire(lock);
		*entry = *from;
		SpinLockRelease(lock);
	}
	LWLockRelease(stat_shared()->lock);
	return entry->is_used;
}

void
stat_table_state(StatKind kind, StatTableState *state)
{
	const StatTable *table = stat_table(kind);

	LWLockAcquire(stat_shared()->lock, LW_SHARED);
	*state = (StatTableState){.size = table->size,
							  .seen = table->seen,
							  .count = table->count,
							  .evicted = table->evicted,
							  .since = table->since};
	LWLockRelease(stat_shared()->lock);
}

bool
stat_reset_entry(StatKind kind, const StatKey *key)
{
	int32 number;

	stat_flush();
	LWLockAcquire(stat_shared()->lock, LW_EXCLUSIVE);
	number = stat_table_find(stat_table(kind), key);
	if (number != STAT_NOBODY)
		stat_table_zero(stat_table(kind), number, GetCurrentTimestamp());
	stat_shared()->is_changed = true;
	LWLockRelease(stat_shared()->lock);
	return number != STAT_NOBODY;
}

void
stat_reset_all(void)
{
	stat_flush();
	LWLockAcquire(stat_shared()->lock, LW_EXCLUSIVE);
	for (int kind = 0; kind < STAT_KIND_COUNT; kind++)
		stat_table_clear(stat_table((StatKind) kind), GetCurrentTimestamp());
	stat_shared()->is_changed = true;
	LWLockRelease(stat_shared()->lock);
}

bool
stat_take_changed(void)
{
	bool is_changed = stat_shared()->is_changed;

	stat_shared()->is_changed = false;
	return is_changed;
}

bool
stat_restore_once(void)
{
	bool is_first = !stat_shared()->is_restored;

	stat_shared()->is_restored = true;
	return is_first;
}

void
stat_restore(StatKind kind, const StatEntry *entry)
{
	StatTable *table = stat_table(kind);
	StatEntry *to;

	LWLockAcquire(stat_shared()->lock, LW_EXCLUSIVE);
	to = stat_table_entry(table, stat_table_make(table, &entry->key, entry->since));
	stat_counters_add(&to->counters, &entry->counters);
	if (to->history.calls == 0)
		to->history = entry->history;
	to->since = Min(to->since, entry->since);
	LWLockRelease(stat_shared()->lock);
}

/* --- why a call failed ---------------------------------------------------------------------------------------------------- */

void
stat_cause_note(StatCause cause)
{
	noted_cause = cause;
}

StatCause
stat_cause_take(void)
{
	StatCause cause = noted_cause;

	noted_cause = STAT_OK;
	return cause;
}
