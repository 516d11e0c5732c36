/*
 * cgroup.c - chooses a back end, and clears away what a former launcher left. Runs in the launcher.
 */
#include "sandbox/cgroup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SWEEP_TRIES 200
#define SWEEP_PAUSE_NS (5 * 1000 * 1000)

/* A machine may have both versions mounted; controllers are in one of them only. */
static const CgroupBackend *const cgroup_backends[] = {&cgroup_v2, &cgroup_v1, &cgroup_none};

/* Where this process is in version 2's tree, less the child that the server lives in; empty: nowhere. */
static void
cgroup_own_path(char *path, size_t size)
{
	static const char server[] = "/server";
	FILE *file = fopen("/proc/self/cgroup", "re");
	char line[CGROUP_PATH_SIZE];
	size_t length;

	path[0] = '\0';
	if (file == NULL)
		return;
	while (fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, "0::", 3) == 0)
			snprintf(path, size, "%.*s", (int) strcspn(line + 3, "\n"), line + 3);
	fclose(file);
	length = strlen(path);
	if (length >= strlen(server) && strcmp(path + length - strlen(server), server) == 0)
		path[length - strlen(server)] = '\0';
}

void
cgroup_open(Cgroup *cgroup, const char *path)
{
	char own[CGROUP_PATH_SIZE];

	memset(cgroup, 0, sizeof(*cgroup));
	if (strcmp(path, CGROUP_AUTO) == 0)
	{
		cgroup_own_path(own, sizeof(own));
		path = own;
	}
	snprintf(cgroup->name, sizeof(cgroup->name), "%s", path + strspn(path, "/"));
	for (size_t i = 0; i < sizeof(cgroup_backends) / sizeof(cgroup_backends[0]); i++)
	{
		cgroup->backend = cgroup_backends[i];
		memset(cgroup->roots, 0, sizeof(cgroup->roots));
		cgroup->layers = 0;
		if (cgroup->backend->probe(cgroup) == 0)
			break;
	}
	if (cgroup->name[0] == '\0')
		snprintf(cgroup->why, sizeof(cgroup->why), "%s",
				 path == own ? "pybox.cgroup is " CGROUP_AUTO ", but the server is in no cgroup v2 below the root"
							 : "pybox.cgroup is not set");
}

int
cgroup_sweep(const Cgroup *cgroup)
{
	const struct timespec pause = {.tv_nsec = SWEEP_PAUSE_NS};
	int result = -EBUSY;

	for (int try = 0; try < SWEEP_TRIES && result == -EBUSY; try++)
	{
		if (try > 0)
			nanosleep(&pause, NULL);
		(void) cgroup->backend->group_kill(cgroup, CGROUP_TOP);
		result = cgroup->backend->group_remove(cgroup, CGROUP_TOP);
	}
	return result;
}
