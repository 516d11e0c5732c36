/*
 * python_table.h - things by the 32-bit number that the backend or the interpreter gave them.
 */
#ifndef PYBOX_PYTHON_TABLE_H
#define PYBOX_PYTHON_TABLE_H

#include <stdint.h>

typedef struct TableEntry
{
	uint32_t key;
	void *value; /* NULL: an empty place */
} TableEntry;

/* All zero is an empty table. */
typedef struct Table
{
	TableEntry *entries;
	uint32_t size; /* places: 0 or a power of two */
	uint32_t used;
} Table;

void *table_find(const Table *table, uint32_t key);
/* Adds a value under a key that is not there yet. Returns 0, or -1 with MemoryError set. */
int table_add(Table *table, uint32_t key, void *value);
/* Removes and returns what is under the key, or NULL. */
void *table_take(Table *table, uint32_t key);

#endif
