/*
 * wall_clock.h - the time of day that users read, without asking the kernel for it at each call. Runs in backends.
 */
#ifndef PYBOX_WALL_CLOCK_H
#define PYBOX_WALL_CLOCK_H

#include "postgres.h"

#include "utils/timestamp.h"

/* What users read for a time by clock_now(). Their clock may be set: the two are compared now and then. */
TimestampTz wall_clock_of(TimestampTz at);

#endif
