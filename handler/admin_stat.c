/*
 * admin_stat.c - pybox.stat_pools, pybox.stat_functions, pybox.stat_roles and their reset functions. Runs in backends.
 */
#include "handler/admin.h"

#include "access/htup_details.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "scheduler/shared.h"
#include "scheduler/stat.h"

PG_FUNCTION_INFO_V1(pybox_stat_rows);
PG_FUNCTION_INFO_V1(pybox_stat_tables);
PG_FUNCTION_INFO_V1(pybox_histogram_bounds);
PG_FUNCTION_INFO_V1(pybox_stat_reset);
PG_FUNCTION_INFO_V1(pybox_stat_reset_function);
PG_FUNCTION_INFO_V1(pybox_stat_reset_role);
PG_FUNCTION_INFO_V1(pybox_stat_reset_pool);

#define MS_OF_US(us) ((double) (us) / 1000.0)

/* The columns of pybox.stat_rows(), in order. */
enum
{
	STAT_COLUMN_DATABASE,
	STAT_COLUMN_OID,
	STAT_COLUMN_NAME,
	STAT_COLUMN_CALLS,
	STAT_COLUMN_ERRORS,
	STAT_COLUMN_CAUSES, /* all but STAT_OK */
	STAT_COLUMN_ROWS = STAT_COLUMN_CAUSES + STAT_CAUSE_COUNT - 1,
	STAT_COLUMN_BYTES_IN,
	STAT_COLUMN_BYTES_OUT,
	STAT_COLUMN_QUEUE_TIME,
	STAT_COLUMN_RUN_TIME,
	STAT_COLUMN_SQL_TIME,
	STAT_COLUMN_PAUSED_TIME,
	STAT_COLUMN_CPU_TIME,
	STAT_COLUMN_RUN_HISTOGRAM,
	STAT_COLUMN_QUEUE_HISTOGRAM,
	STAT_COLUMN_RUN_PERCENTILES,
	STAT_COLUMN_QUEUE_PERCENTILES = STAT_COLUMN_RUN_PERCENTILES + 3,
	STAT_COLUMN_MEMORY_PEAK = STAT_COLUMN_QUEUE_PERCENTILES + 3,
	STAT_COLUMN_COLD_STARTS,
	STAT_COLUMN_RESET,
	STAT_COLUMN_PREDICTED_RUN,
	STAT_COLUMN_PREDICTED_MEMORY,
	STAT_COLUMN_COUNT
};

static const double percentiles[] = {0.5, 0.95, 0.99};

/* Whose function it is: its owner's. Of another database, or gone: only who may see everybody's statistics may see it. */
static bool
function_is_visible(const StatKey *key)
{
	HeapTuple tuple;
	Oid owner;

	if (has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS))
		return true;
	if (key->database != MyDatabaseId || !OidIsValid(key->oid))
		return false;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(key->oid));
	if (!HeapTupleIsValid(tuple))
		return false;
	owner = ((Form_pg_proc) GETSTRUCT(tuple))->proowner;
	ReleaseSysCache(tuple);
	return admin_may_see(owner);
}

static bool
role_is_visible(const StatKey *key)
{
	return admin_may_see(key->oid);
}

static bool
pool_is_visible(const StatKey *key)
{
	return true;
}

static bool (*const is_visible[STAT_KIND_COUNT])(const StatKey *key) = {
	[STAT_FUNCTIONS] = function_is_visible,
	[STAT_ROLES] = role_is_visible,
	[STAT_POOLS] = pool_is_visible,
};

static Datum
bigints(const uint64 *numbers, int count)
{
	Datum *values = palloc(count * sizeof(Datum));

	for (int i = 0; i < count; i++)
		values[i] = Int64GetDatum((int64) numbers[i]);
	return PointerGetDatum(construct_array(values, count, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

static void
histogram_columns(const StatHistogram *histogram, Datum *values, bool *nulls)
{
	for (int i = 0; i < (int) lengthof(percentiles); i++)
	{
		double us = stat_histogram_percentile(histogram, percentiles[i]);

		nulls[i] = us < 0;
		values[i] = Float8GetDatum(us / 1000.0);
	}
}

static void
count_columns(const StatCounters *counters, Datum *values)
{
	const uint64 *sums = counters->sums;
	uint64 calls = stat_counters_calls(counters);

	values[STAT_COLUMN_CALLS] = Int64GetDatum((int64) calls);
	values[STAT_COLUMN_ERRORS] = Int64GetDatum((int64) (calls - counters->causes[STAT_OK]));
	for (int cause = STAT_OK + 1; cause < STAT_CAUSE_COUNT; cause++)
		values[STAT_COLUMN_CAUSES + cause - 1] = Int64GetDatum((int64) counters->causes[cause]);
	values[STAT_COLUMN_ROWS] = Int64GetDatum((int64) sums[STAT_ROWS]);
	values[STAT_COLUMN_BYTES_IN] = Int64GetDatum((int64) sums[STAT_BYTES_IN]);
	values[STAT_COLUMN_BYTES_OUT] = Int64GetDatum((int64) sums[STAT_BYTES_OUT]);
	values[STAT_COLUMN_QUEUE_TIME] = Float8GetDatum(MS_OF_US(sums[STAT_QUEUE_US]));
	values[STAT_COLUMN_RUN_TIME] = Float8GetDatum(MS_OF_US(sums[STAT_RUN_US]));
	values[STAT_COLUMN_SQL_TIME] = Float8GetDatum(MS_OF_US(sums[STAT_SQL_US]));
	values[STAT_COLUMN_PAUSED_TIME] = Float8GetDatum(MS_OF_US(sums[STAT_PAUSED_US]));
	values[STAT_COLUMN_CPU_TIME] = Float8GetDatum(MS_OF_US(sums[STAT_CPU_US]));
	values[STAT_COLUMN_COLD_STARTS] = Int64GetDatum((int64) sums[STAT_COLD_STARTS]);
}

static void
stat_row(ReturnSetInfo *rows, const StatEntry *entry)
{
	const StatCounters *counters = &entry->counters;
	HistoryGuess guess = history_guess(&entry->history);
	Datum values[STAT_COLUMN_COUNT] = {0};
	bool nulls[STAT_COLUMN_COUNT] = {0};

	values[STAT_COLUMN_DATABASE] = ObjectIdGetDatum(entry->key.database);
	values[STAT_COLUMN_OID] = ObjectIdGetDatum(entry->key.oid);
	values[STAT_COLUMN_NAME] = CStringGetTextDatum(entry->key.name);
	count_columns(counters, values);
	values[STAT_COLUMN_RUN_HISTOGRAM] = bigints(counters->run.counts, STAT_BUCKETS);
	values[STAT_COLUMN_QUEUE_HISTOGRAM] = bigints(counters->queue.counts, STAT_BUCKETS);
	histogram_columns(&counters->run, &values[STAT_COLUMN_RUN_PERCENTILES], &nulls[STAT_COLUMN_RUN_PERCENTILES]);
	histogram_columns(&counters->queue, &values[STAT_COLUMN_QUEUE_PERCENTILES], &nulls[STAT_COLUMN_QUEUE_PERCENTILES]);
	values[STAT_COLUMN_MEMORY_PEAK] = Int64GetDatum(counters->memory_peak);
	nulls[STAT_COLUMN_MEMORY_PEAK] = counters->memory_peak == 0;
	values[STAT_COLUMN_RESET] = TimestampTzGetDatum(entry->since);
	values[STAT_COLUMN_PREDICTED_RUN] = Float8GetDatum(MS_OF_US(guess.run_us));
	nulls[STAT_COLUMN_PREDICTED_RUN] = guess.run_us == 0;
	values[STAT_COLUMN_PREDICTED_MEMORY] = Int64GetDatum(guess.memory);
	nulls[STAT_COLUMN_PREDICTED_MEMORY] = guess.memory == 0;
	tuplestore_putvalues(rows->setResult, rows->setDesc, values, nulls);
}

static StatKind
kind_get(const char *name)
{
	for (int kind = 0; kind < STAT_KIND_COUNT; kind++)
		if (strcmp(stat_kind_name((StatKind) kind), name) == 0)
			return (StatKind) kind;
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("there are no statistics of \"%s\"", name),
					errhint("There are those of functions, roles and pools.")));
}

Datum
pybox_stat_rows(PG_FUNCTION_ARGS)
{
	StatKind kind = kind_get(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	ReturnSetInfo *rows = admin_rows(fcinfo);
	StatTableState state;
	StatEntry entry;

	stat_flush();
	stat_table_state(kind, &state);
	for (int i = 0; i < state.seen; i++)
		if (stat_read(kind, i, &entry) && is_visible[kind](&entry.key))
			stat_row(rows, &entry);
	return (Datum) 0;
}

Datum
pybox_stat_tables(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rows = admin_rows(fcinfo);

	for (int kind = 0; kind < STAT_KIND_COUNT; kind++)
	{
		StatTableState state;
		Datum values[5];
		bool nulls[5] = {0};

		stat_table_state((StatKind) kind, &state);
		values[0] = CStringGetTextDatum(stat_kind_name((StatKind) kind));
		values[1] = Int32GetDatum(state.count);
		values[2] = Int32GetDatum(state.size);
		values[3] = Int64GetDatum((int64) state.evicted);
		values[4] = TimestampTzGetDatum(state.since);
		tuplestore_putvalues(rows->setResult, rows->setDesc, values, nulls);
	}
	return (Datum) 0;
}

Datum
pybox_histogram_bounds(PG_FUNCTION_ARGS)
{
	uint64 bounds[STAT_BUCKETS];

	for (int i = 0; i < STAT_BUCKETS; i++)
		bounds[i] = (uint64) stat_histogram_bound(i);
	return bigints(bounds, STAT_BUCKETS);
}

Datum
pybox_stat_reset(PG_FUNCTION_ARGS)
{
	shared_require();
	stat_reset_all();
	PG_RETURN_VOID();
}

static bool
entry_reset(StatKind kind, Oid database, Oid oid, const char *name)
{
	StatKey key = stat_key(database, oid, name);

	shared_require();
	return stat_reset_entry(kind, &key);
}

Datum
pybox_stat_reset_function(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(entry_reset(STAT_FUNCTIONS, MyDatabaseId, PG_GETARG_OID(0), NULL));
}

Datum
pybox_stat_reset_role(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(entry_reset(STAT_ROLES, InvalidOid, PG_GETARG_OID(0), NULL));
}

Datum
pybox_stat_reset_pool(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(entry_reset(STAT_POOLS, InvalidOid, InvalidOid, text_to_cstring(PG_GETARG_TEXT_PP(0))));
}
