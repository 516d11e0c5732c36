/*
 * launcher_grave.c - groups that could not be removed at once, because a process in them is still dying or for another
 * reason that may pass.
 */
#include "sandbox/launcher_grave.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/fault.h"

#define GRAVE_PAUSE_FIRST_MS 2
#define GRAVE_PAUSE_LAST_MS 1000
#define GRAVE_TRIES 60

struct Grave
{
	Grave *next;
	int tries;
	int64_t pause_ms, due_ms;
	char group[CGROUP_GROUP_SIZE];
};

/* What lies in it dies of this; its removal succeeds when the kernel is through with it. */
static int
grave_close(const Launcher *launcher, const char *group)
{
	int result = FAULT_POINT("launcher.grave");

	if (result < 0)
		return result;
	(void) launcher->cgroup.backend->group_kill(&launcher->cgroup, group);
	return launcher->cgroup.backend->group_remove(&launcher->cgroup, group);
}

void
grave_add(Launcher *launcher, const char *group)
{
	Grave *grave;
	int result = grave_close(launcher, group);

	if (result == 0)
		return;
	grave = calloc(1, sizeof(*grave));
	if (grave == NULL)
		return;
	snprintf(grave->group, sizeof(grave->group), "%s", group);
	grave->pause_ms = GRAVE_PAUSE_FIRST_MS;
	grave->due_ms = launcher_now_ms() + grave->pause_ms;
	grave->next = launcher->graves;
	launcher->graves = grave;
}

int64_t
grave_deadline(const Launcher *launcher)
{
	int64_t deadline = LAUNCHER_NEVER;

	for (const Grave *grave = launcher->graves; grave != NULL; grave = grave->next)
		if (grave->due_ms < deadline)
			deadline = grave->due_ms;
	return deadline;
}

/* Returns whether it is done with the grave. */
static bool
grave_try(const Launcher *launcher, Grave *grave, int64_t now_ms)
{
	int result = grave_close(launcher, grave->group);

	if (result < 0 && ++grave->tries < GRAVE_TRIES)
	{
		grave->pause_ms = grave->pause_ms * 2 < GRAVE_PAUSE_LAST_MS ? grave->pause_ms * 2 : GRAVE_PAUSE_LAST_MS;
		grave->due_ms = now_ms + grave->pause_ms;
		return false;
	}
	if (result < 0)
		launcher_log("could not remove cgroup \"%s\": %s", grave->group, strerror(-result));
	return true;
}

void
grave_expire(Launcher *launcher, int64_t now_ms)
{
	Grave **link = &launcher->graves;

	while (*link != NULL)
	{
		Grave *grave = *link;

		if (grave->due_ms <= now_ms && grave_try(launcher, grave, now_ms))
		{
			*link = grave->next;
			free(grave);
		}
		else
			link = &grave->next;
	}
}
