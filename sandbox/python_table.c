/*
 * python_table.c - an open hash table with linear probing, never more than half full.
 *
 * Owns its places, not the values. Runs in: child.
 */
#include <Python.h>

#include "sandbox/python_table.h"

#define TABLE_SIZE_FIRST 64

static uint32_t
table_home(const Table *table, uint32_t key)
{
	return (key * UINT32_C(2654435769)) >> 7 & (table->size - 1);
}

/* The place of the key, or the empty one where it would go. */
static uint32_t
table_place(const Table *table, uint32_t key)
{
	uint32_t place = table_home(table, key);

	while (table->entries[place].value != NULL && table->entries[place].key != key)
		place = (place + 1) & (table->size - 1);
	return place;
}

void *
table_find(const Table *table, uint32_t key)
{
	return table->size == 0 ? NULL : table->entries[table_place(table, key)].value;
}

static int
table_grow(Table *table)
{
	Table wider = {.size = table->size == 0 ? TABLE_SIZE_FIRST : table->size * 2, .used = table->used};

	wider.entries = PyMem_RawCalloc(wider.size, sizeof(TableEntry));
	if (wider.entries == NULL)
	{
		PyErr_NoMemory();
		return -1;
	}
	for (uint32_t i = 0; i < table->size; i++)
		if (table->entries[i].value != NULL)
			wider.entries[table_place(&wider, table->entries[i].key)] = table->entries[i];
	PyMem_RawFree(table->entries);
	*table = wider;
	return 0;
}

int
table_add(Table *table, uint32_t key, void *value)
{
	if (table->used >= table->size / 2 && table_grow(table) != 0)
		return -1;
	table->entries[table_place(table, key)] = (TableEntry){.key = key, .value = value};
	table->used++;
	return 0;
}

/* Moves later entries of the run back, so that no probe stops at the hole. */
static void
table_close_hole(Table *table, uint32_t hole)
{
	uint32_t mask = table->size - 1;

	for (uint32_t next = (hole + 1) & mask; table->entries[next].value != NULL; next = (next + 1) & mask)
	{
		uint32_t home = table_home(table, table->entries[next].key);

		if (((next - home) & mask) < ((next - hole) & mask))
			continue;
		table->entries[hole] = table->entries[next];
		hole = next;
	}
	table->entries[hole].value = NULL;
}

void *
table_take(Table *table, uint32_t key)
{
	uint32_t place;
	void *value;

	if (table->size == 0)
		return NULL;
	place = table_place(table, key);
	value = table->entries[place].value;
	if (value != NULL)
	{
		table_close_hole(table, place);
		table->used--;
	}
	return value;
}
