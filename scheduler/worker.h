/*
 * worker.h - the scheduler: a background worker that does what needs a clock.
 */
#ifndef PYBOX_WORKER_H
#define PYBOX_WORKER_H

#include "postgres.h"

/* In the postmaster, from _PG_init. */
void worker_register(void);
PGDLLEXPORT void pybox_scheduler_main(Datum argument);

#endif
