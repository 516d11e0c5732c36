/*
 * top_source.h - what pybox-top reads: one statement for each set, and its columns. Tables; a further column is a row.
 */
#ifndef PYBOX_TOP_SOURCE_H
#define PYBOX_TOP_SOURCE_H

#include "ops/top_set.h"

typedef enum TopSource
{
	SOURCE_SERVER,
	SOURCE_NODE,
	SOURCE_POOLS,
	SOURCE_CALLS,
	SOURCE_INTERPRETERS,
	SOURCE_EVENTS,
	SOURCE_HISTORY, /* of the function of the call that is looked at */
	SOURCE_LIMITS,	/* of its pool */
	SOURCE_COUNT
} TopSource;

typedef struct TopStatement
{
	const char *name; /* in JSON */
	const char *sql;
	const TopColumn *columns;
	int column_count;
	bool is_single;	 /* one row: an object in JSON, not an array */
	bool takes_call; /* $1: the call that is looked at, 0 for none */
	bool is_of_call; /* only read while there is one */
} TopStatement;

extern const TopStatement top_statements[SOURCE_COUNT];

/* All that there is at one time. */
typedef struct TopSnapshot
{
	TopSet sets[SOURCE_COUNT];
} TopSnapshot;

void snapshot_open(TopSnapshot *snapshot); /* with empty sets */
void snapshot_close(TopSnapshot *snapshot);

#endif
