/*
 * wait_event.c - named wait events. Before PostgreSQL 17 an extension has none of its own, so each name is a LWLock
 * tranche that no lock uses: pg_stat_activity then shows the type LWLock and the right name.
 */
#include "scheduler/wait_event.h"

#include "storage/lwlock.h"
#include "utils/wait_event.h"

static const char *const wait_event_names[WAIT_NAME_COUNT] = {
	[WAIT_NAME_SLOT] = "PyboxSlot",		[WAIT_NAME_PAUSED] = "PyboxPaused",
	[WAIT_NAME_MEMORY] = "PyboxMemory", [WAIT_NAME_INTERPRETER] = "PyboxInterpreter",
	[WAIT_NAME_PYTHON] = "PyboxPython", [WAIT_NAME_SCHEDULER] = "PyboxScheduler",
};

static uint32 wait_event_numbers[WAIT_NAME_COUNT];

void
wait_event_request(void)
{
#if PG_VERSION_NUM < 170000
	for (int i = 0; i < WAIT_NAME_COUNT; i++)
		RequestNamedLWLockTranche(wait_event_names[i], 1);
#endif
}

uint32
wait_event_info(WaitName event)
{
	if (wait_event_numbers[event] == 0)
	{
#if PG_VERSION_NUM >= 170000
		wait_event_numbers[event] = WaitEventExtensionNew(wait_event_names[event]);
#else
		wait_event_numbers[event] = PG_WAIT_LWLOCK | GetNamedLWLockTranche(wait_event_names[event])->lock.tranche;
#endif
	}
	return wait_event_numbers[event];
}
