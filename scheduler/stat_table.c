/*
 * stat_table.c - a hash table with chains and a stamp of last use. Pure; runs in backends, the scheduler and unit tests.
 */
#include "scheduler/stat_table.h"

#include <string.h>

#define ALIGN8(size) (((size) + 7) & ~(size_t) 7)

static int64_t *
used_of(const StatTable *table)
{
	return (int64_t *) ((char *) table + ALIGN8(sizeof(StatTable)));
}

static int32_t *
heads_of(const StatTable *table)
{
	return (int32_t *) (used_of(table) + table->size);
}

StatEntry *
stat_table_entry(const StatTable *table, int32_t number)
{
	return (StatEntry *) ((char *) heads_of(table) + ALIGN8(sizeof(int32_t) * (size_t) table->size)) + number;
}

size_t
stat_table_size(int32_t size)
{
	return ALIGN8(sizeof(StatTable)) + sizeof(int64_t) * (size_t) size + ALIGN8(sizeof(int32_t) * (size_t) size) +
		   sizeof(StatEntry) * (size_t) size;
}

void
stat_table_clear(StatTable *table, int64_t now)
{
	for (int32_t i = 0; i < table->size; i++)
	{
		StatEntry *entry = stat_table_entry(table, i);

		heads_of(table)[i] = STAT_NOBODY;
		used_of(table)[i] = 0;
		entry->is_used = false;
		entry->next = i + 1 < table->size ? i + 1 : STAT_NOBODY;
	}
	table->count = table->free = table->seen = 0;
	table->evicted = 0;
	table->since = now;
}

void
stat_table_init(StatTable *table, int32_t size, int64_t now)
{
	table->size = size;
	stat_table_clear(table, now);
}

/* FNV-1a over what tells keys apart. */
static int32_t *
head_of(const StatTable *table, const StatKey *key)
{
	uint64_t hash = UINT64_C(14695981039346656037);

	hash = (hash ^ key->database) * UINT64_C(1099511628211);
	hash = (hash ^ key->oid) * UINT64_C(1099511628211);
	for (const char *at = key->name; *at != '\0'; at++)
		hash = (hash ^ (unsigned char) *at) * UINT64_C(1099511628211);
	return &heads_of(table)[(hash ^ hash >> 32) % (uint64_t) table->size];
}

int32_t
stat_table_find(const StatTable *table, const StatKey *key)
{
	int32_t number = *head_of(table, key);

	while (number != STAT_NOBODY && memcmp(&stat_table_entry(table, number)->key, key, sizeof(*key)) != 0)
		number = stat_table_entry(table, number)->next;
	return number;
}

static void
entry_free(StatTable *table, int32_t number)
{
	StatEntry *entry = stat_table_entry(table, number);
	int32_t *link = head_of(table, &entry->key);

	while (*link != number)
		link = &stat_table_entry(table, *link)->next;
	*link = entry->next;
	entry->next = table->free;
	entry->is_used = false;
	table->free = number;
	table->count--;
}

/* The table is full: every entry is used. */
static void
entry_evict(StatTable *table)
{
	int32_t oldest = 0;

	for (int32_t i = 1; i < table->size; i++)
		if (used_of(table)[i] < used_of(table)[oldest])
			oldest = i;
	entry_free(table, oldest);
	table->evicted++;
}

int32_t
stat_table_make(StatTable *table, const StatKey *key, int64_t now)
{
	int32_t number = stat_table_find(table, key);
	StatEntry *entry;

	if (number != STAT_NOBODY)
		return number;
	if (table->free == STAT_NOBODY)
		entry_evict(table);
	number = table->free;
	entry = stat_table_entry(table, number);
	table->free = entry->next;
	if (table->seen <= number)
		table->seen = number + 1;
	entry->key = *key;
	entry->next = *head_of(table, key);
	*head_of(table, key) = number;
	entry->is_used = true;
	table->count++;
	stat_table_zero(table, number, now);
	stat_table_touch(table, number, now);
	return number;
}

void
stat_table_touch(StatTable *table, int32_t number, int64_t now)
{
	__atomic_store_n(&used_of(table)[number], now, __ATOMIC_RELAXED);
}

void
stat_table_zero(StatTable *table, int32_t number, int64_t now)
{
	StatEntry *entry = stat_table_entry(table, number);

	memset(&entry->counters, 0, sizeof(entry->counters));
	memset(&entry->history, 0, sizeof(entry->history));
	entry->since = now;
}
