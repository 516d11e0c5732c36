/*
 * clock.h - the time for deadlines and durations, in microseconds since the machine started: nobody sets this clock. What users
 * read is told by GetCurrentTimestamp(); ops/lint knows the files that may ask it. Differences by the server's own macros.
 */
#ifndef PYBOX_CLOCK_H
#define PYBOX_CLOCK_H

#include "postgres.h"

#include <time.h>

#include "utils/timestamp.h"

static inline TimestampTz
clock_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (TimestampTz) now.tv_sec * USECS_PER_SEC + now.tv_nsec / 1000;
}

#endif
