/*
 * stat_table.h - a table of counters of fixed size: when it is full, what was used least recently makes room.
 *
 * DESIGN. Pure, without a pointer inside, so that it lives in shared memory and in unit tests alike. The caller holds a lock
 * over it: shared for finding and reading, exclusive for making and clearing. What an entry counts is changed under the lock
 * of the caller's choice; the time is the caller's and only ever compared.
 */
#ifndef PYBOX_STAT_TABLE_H
#define PYBOX_STAT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scheduler/history.h"
#include "scheduler/stat_counters.h"

#define STAT_NAME_SIZE 64
#define STAT_NOBODY (-1)

/* Of a function: database and oid (0: DO blocks); of a role: oid; of a pool: name. The rest is zero to the last byte. */
typedef struct StatKey
{
	uint32_t database, oid;
	char name[STAT_NAME_SIZE];
} StatKey;

typedef struct StatEntry
{
	StatKey key;
	int32_t next; /* of the same hash, or of the free ones */
	bool is_used;
	int64_t since; /* when its counting began, as users read it */
	StatCounters counters;
	History history; /* of functions */
} StatEntry;

typedef struct StatTable
{
	int32_t size, count, free;
	int32_t seen;	  /* nothing from this number on was ever used */
	uint64_t evicted; /* since it was made or cleared */
	int64_t since;	  /* when that was */
	/* int64_t used[size], when each was used last; int32_t heads[size], by hash; StatEntry entries[size] */
} StatTable;

size_t stat_table_size(int32_t size);
/* Makes an empty table in stat_table_size(size) bytes. */
void stat_table_init(StatTable *table, int32_t size, int64_t now);
StatEntry *stat_table_entry(const StatTable *table, int32_t number);
/* Its number, or STAT_NOBODY. */
int32_t stat_table_find(const StatTable *table, const StatKey *key);
/* The entry of key, made empty if there was none; that may cost another its place. */
int32_t stat_table_make(StatTable *table, const StatKey *key, int64_t now);
/* Without the lock's exclusive mode: of two who set it at once one wins. */
void stat_table_touch(StatTable *table, int32_t number, int64_t now);
/* Counts from nothing again: one entry, and its history; all of them, which are gone then. */
void stat_table_zero(StatTable *table, int32_t number, int64_t now);
void stat_table_clear(StatTable *table, int64_t now);

#endif
