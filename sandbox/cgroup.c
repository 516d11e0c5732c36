/*
 * cgroup.c - chooses a back end, and clears away what a former launcher left. Runs in the launcher.
 */
#include "sandbox/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "sandbox/cgroup_file.h"

#define CGROUP_CLAIM "claim" /* beside CGROUP_TOP; holds no process */
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
	cgroup->claim_fd = -1;
	if (strcmp(path, CGROUP_AUTO) == 0)
	{
		cgroup_own_path(own, sizeof(own));
		path = own;
	}
	snprintf(cgroup->name, sizeof(cgroup->name), "%s", path + strspn(path, "/"));
	for (size_t i = 0; i < sizeof(cgroup_backends) / sizeof(cgroup_backends[0]); i++)
	{
		int result = cgroup_backends[i]->probe(cgroup);

		cgroup->backend = result == 0 ? cgroup_backends[i] : &cgroup_none;
		if (result != -ENOSYS)
			break;
	}
	if (cgroup->backend == &cgroup_none)
	{
		memset(cgroup->roots, 0, sizeof(cgroup->roots));
		cgroup->layers = 0;
	}
	if (cgroup->name[0] == '\0')
		snprintf(cgroup->why, sizeof(cgroup->why), "%s",
				 path == own ? "pybox.cgroup is " CGROUP_AUTO ", but the server is in no cgroup v2 below the root"
							 : "pybox.cgroup is not set");
}

/*
 * The lock is on a directory that only the server's user may open; one on the delegated directory itself could be anybody's.
 * One that was removed meanwhile, by a launcher that ended, does not count.
 */
static int
claim_try(Cgroup *cgroup, const char *path)
{
	struct stat opened, named;
	int fd;

	if (mkdir(path, S_IRWXU) < 0 && errno != EEXIST)
		return -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -EBUSY : -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, &opened) < 0 || stat(path, &named) < 0 ||
		opened.st_ino != named.st_ino)
	{
		close(fd);
		return -EBUSY;
	}
	cgroup->claim_fd = fd;
	return 0;
}

static const char *
claim_root(const Cgroup *cgroup)
{
	for (int i = 0; i < CGROUP_CONTROLLERS_MAX; i++)
		if (cgroup->roots[i][0] != '\0')
			return cgroup->roots[i];
	return NULL;
}

int
cgroup_claim(Cgroup *cgroup)
{
	const struct timespec pause = {.tv_nsec = SWEEP_PAUSE_NS};
	char path[CGROUP_PATH_SIZE];
	int result = -EBUSY;

	if (claim_root(cgroup) == NULL)
		return 0;
	if (cgroup_file_path(path, claim_root(cgroup), CGROUP_CLAIM, "") < 0)
		return -ENAMETOOLONG;
	for (int try = 0; try < SWEEP_TRIES && result == -EBUSY; try++)
	{
		if (try > 0)
			nanosleep(&pause, NULL);
		result = claim_try(cgroup, path);
	}
	if (result == 0)
		return 0;
	cgroup_open(cgroup, "");
	if (result == -EBUSY)
		snprintf(cgroup->why, sizeof(cgroup->why), "another server uses %.150s: each needs a pybox.cgroup of its own",
				 path);
	else
		snprintf(cgroup->why, sizeof(cgroup->why), "%.200s: %s", path, strerror(-result));
	return result;
}

void
cgroup_unclaim(Cgroup *cgroup)
{
	char path[CGROUP_PATH_SIZE];

	if (cgroup->claim_fd < 0)
		return;
	if (cgroup_file_path(path, claim_root(cgroup), CGROUP_CLAIM, "") == 0)
		(void) rmdir(path);
	close(cgroup->claim_fd);
	cgroup->claim_fd = -1;
}

bool
cgroup_is_in_use(const Cgroup *cgroup)
{
	char path[CGROUP_PATH_SIZE];

	return claim_root(cgroup) != NULL && cgroup_file_path(path, claim_root(cgroup), CGROUP_TOP, "") == 0 &&
		   access(path, F_OK) == 0;
}

void
cgroup_leave(const Cgroup *cgroup)
{
	Cgroup claimed = *cgroup;

	if (claim_root(cgroup) == NULL || cgroup_claim(&claimed) < 0)
		return;
	(void) claimed.backend->group_remove(&claimed, CGROUP_TOP);
	cgroup_unclaim(&claimed);
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
