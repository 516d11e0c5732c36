/* launcher_machine.c - reads what /proc and /sys tell of the machine. Runs in the launcher and in `pybox doctor`. */
#include "sandbox/launcher_machine.h"

#include <fcntl.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "sandbox/cgroup_file.h"

int64_t
machine_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool
machine_text(const char *path, char *text, size_t size)
{
	bool found = cgroup_file_read(path, "", "", text, size) == 0;

	if (!found)
		text[0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return found;
}

int64_t
machine_number(const char *path)
{
	char text[MACHINE_TEXT_SIZE];

	return machine_text(path, text, sizeof(text)) && text[0] != '\0' ? strtoll(text, NULL, 10) : -1;
}

/* Calls visit for each mount until it returns true, and returns whether one did. */
static bool
machine_mount_find(bool (*visit)(const struct mntent *mount, void *arg), void *arg)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *mount;
	bool found = false;

	if (mounts == NULL)
		return false;
	while (!found && (mount = getmntent(mounts)) != NULL)
		found = visit(mount, arg);
	endmntent(mounts);
	return found;
}

static bool
mount_is_at(const struct mntent *mount, void *path)
{
	return strcmp(mount->mnt_dir, path) == 0;
}

bool
machine_is_mounted(const char *path)
{
	return machine_mount_find(mount_is_at, (void *) path);
}

bool
machine_is_enforced(const char *path)
{
	char text[MACHINE_TEXT_SIZE];

	return machine_text(path, text, sizeof(text)) && strstr(text, "(enforce)") != NULL;
}

bool
machine_has_filter(void)
{
	return prctl(PR_GET_SECCOMP, 0, 0, 0, 0) > 0;
}

static bool
mount_is_v2(const struct mntent *mount, void *arg)
{
	char text[MACHINE_TEXT_SIZE];
	char *place = arg;

	if (strcmp(mount->mnt_type, "cgroup2") != 0 ||
		cgroup_file_read(mount->mnt_dir, "", "cgroup.controllers", text, sizeof(text)) < 0 ||
		strstr(text, "memory") == NULL)
		return false;
	snprintf(place, MACHINE_TEXT_SIZE, "%s", mount->mnt_dir);
	return true;
}

static bool
mount_is_v1_memory(const struct mntent *mount, void *arg)
{
	(void) arg;
	return strcmp(mount->mnt_type, "cgroup") == 0 && hasmntopt(mount, "memory") != NULL;
}

int
machine_cgroup_version(void)
{
	char place[MACHINE_TEXT_SIZE];

	if (machine_mount_find(mount_is_v2, place))
		return 2;
	return machine_mount_find(mount_is_v1_memory, NULL) ? 1 : 0;
}

void
machine_cgroup_mount(char *text, size_t size)
{
	char place[MACHINE_TEXT_SIZE] = "/sys/fs/cgroup";

	(void) machine_mount_find(mount_is_v2, place);
	snprintf(text, size, "%s", place);
}

typedef struct MachineFolders
{
	const char *name;
	char *text;
	size_t size;
} MachineFolders;

/* The same hierarchy may be mounted more than once: the first counts. */
static bool
mount_add_v1(const struct mntent *mount, void *arg)
{
	static const char *const controllers[] = {"memory", "cpu", "cpuacct", "pids", "freezer"};
	MachineFolders *folders = arg;
	size_t used = strlen(folders->text);
	bool matters = false;

	for (size_t i = 0; i < sizeof(controllers) / sizeof(controllers[0]); i++)
		matters = matters || hasmntopt(mount, controllers[i]) != NULL;
	if (strcmp(mount->mnt_type, "cgroup") == 0 && matters)
		snprintf(folders->text + used, folders->size - used, "%s%s/%s", used > 0 ? " " : "", mount->mnt_dir,
				 folders->name);
	return false;
}

void
machine_cgroup_folders(const char *name, char *text, size_t size)
{
	MachineFolders folders = {name, text, size};

	text[0] = '\0';
	(void) machine_mount_find(mount_add_v1, &folders);
}
