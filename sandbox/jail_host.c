/*
 * jail_host.c - the machine's own root for untrusted pools with `fs: host`, less what no function may touch.
 *
 * Hidden under empty, read-only file systems: the data directory and every place its links lead to (WAL, tablespaces).
 * /proc shows the jail's own processes: through another's entry one could walk into the server's root. /sys becomes
 * read-only: the server's user owns the control groups there. Runs in the launcher's child, with a mount namespace of
 * its own.
 */
#include "sandbox/jail_step.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

#include "sandbox/layer.h"

#define HIDDEN_FLAGS (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)

static int
jail_path_hide(const char *path)
{
	return mount("pybox", path, "tmpfs", HIDDEN_FLAGS, "mode=0555,size=4k") < 0 ? -errno : 0;
}

/* A link of the data directory that leads out of it; anything else is hidden with the directory itself. */
static int
jail_link_hide(const char *folder, const char *name)
{
	char path[PATH_MAX], *real;
	ssize_t length;
	char target[1];
	int result;

	if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int) sizeof(path))
		return -ENAMETOOLONG;
	length = readlink(path, target, sizeof(target));
	if (length < 0)
		return 0;
	real = realpath(path, NULL);
	if (real == NULL)
		return errno == ENOENT ? 0 : -errno;
	result = jail_path_hide(real);
	free(real);
	return result;
}

static int
jail_links_hide(const char *data_directory, const char *below)
{
	char path[PATH_MAX];
	DIR *folder;
	struct dirent *entry;
	int result = 0;

	if (snprintf(path, sizeof(path), "%s/%s", data_directory, below) >= (int) sizeof(path))
		return -ENAMETOOLONG;
	folder = opendir(path);
	if (folder == NULL)
		return errno == ENOENT ? 0 : -errno;
	while (result == 0 && (entry = readdir(folder)) != NULL)
		if (entry->d_name[0] != '.')
			result = jail_link_hide(path, entry->d_name);
	closedir(folder);
	return result;
}

static int
jail_data_hide(const char *data_directory)
{
	char *real = realpath(data_directory, NULL);
	int result = real == NULL ? -errno : 0;

	if (result == 0)
		result = jail_links_hide(real, "");
	if (result == 0)
		result = jail_links_hide(real, "pg_tblspc");
	if (result == 0)
		result = jail_path_hide(real);
	free(real);
	return result;
}

/* Where the kernel refuses a new /proc, because parts of the machine's are covered, there is none at all. */
static int
jail_proc_renew(const JailSpec *spec)
{
	if ((spec->layers & LAYER_BIT(LAYER_PID_NAMESPACE)) != 0 &&
		mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0)
		return 0;
	return jail_path_hide("/proc");
}

int
jail_host_enter(const JailSpec *spec)
{
	int result;

	/* What the machine unmounts shall go away here too; nothing of ours shows outside. */
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return -errno;
	result = jail_data_hide(spec->data_directory);
	if (result == 0)
		result = jail_proc_renew(spec);
	if (result == 0 && access("/sys", F_OK) == 0)
		result = jail_mount_restrict("/sys", MOUNT_ATTR_RDONLY);
	return result == 0 && chdir("/") < 0 ? -errno : result;
}
