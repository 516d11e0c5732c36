/*
 * wall_clock.c - times by clock_now() as times of day. Runs in backends; see wall_clock.h.
 */
#include "handler/wall_clock.h"

#include "scheduler/clock.h"

#define COMPARE_US 100000 /* between two looks at the time of day */
#define COMPARE_TOOK_US 20

TimestampTz
wall_clock_of(TimestampTz at)
{
	static TimestampTz compared_at = 0;
	static int64 ahead_us = 0;

	if (unlikely(compared_at == 0 || at - compared_at > COMPARE_US))
	{
		compared_at = clock_now();
		ahead_us = GetCurrentTimestamp() - compared_at;
		if (clock_now() - compared_at > COMPARE_TOOK_US) /* something came between */
			compared_at = 0;
	}
	return at + ahead_us;
}
