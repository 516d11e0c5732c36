/* inherit.h - calls in the queue whose transactions block others run with the priority of the best of them. Runs in the scheduler. */
#ifndef PYBOX_INHERIT_H
#define PYBOX_INHERIT_H

#include "postgres.h"

#include "utils/timestamp.h"

/* Looks at who blocks whom, every so often while anybody is in line. Caller holds no lock. */
void inherit_tick(TimestampTz now);

#endif
