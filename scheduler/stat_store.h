/*
 * stat_store.h - statistics in a file, pg_stat/pybox.stat: as of the last clean shutdown, or some minutes before another end.
 */
#ifndef PYBOX_STAT_STORE_H
#define PYBOX_STAT_STORE_H

#include "postgres.h"

#include "utils/timestamp.h"

/* For the scheduler. Loads what was kept, once in the life of shared memory; a file that is damaged is told of and left out. */
void stat_store_load(void);
/* Writes all that is counted; a failure is logged. */
void stat_store_save(void);
/* Writes when that is due; returns after how many ms to call again, by clock_now(). */
long stat_store_tick(TimestampTz now);

#endif
