/*
 * launcher_grant.c - whether the folders that a pool shows to its interpreters are what its author meant.
 *
 * DESIGN. What the policy's words alone tell is refused when it is loaded; here is what only the machine can tell. No folder
 * may hold or lie in the data directory or a place that its links lead to (WAL, tablespaces), nor hold a socket. A folder
 * of `read` has no symbolic link on its way: jail_root opens it so, too. Packages may have them, as virtual environments
 * do, and are judged by where they lead. Runs in the launcher, before each start of a zygote.
 */
#include "sandbox/launcher_grant.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int
grant_refuse(char *reason, size_t size, const char *key, const char *path, const char *why)
{
	snprintf(reason, size, "%s: %s: %s", key, path, why);
	return -1;
}

static bool
path_is_below(const char *path, const char *folder)
{
	size_t length = strlen(folder);

	return strncmp(path, folder, length) == 0 && (path[length] == '\0' || path[length] == '/');
}

/* Whether path and one place of the server's, with its links resolved, are one in the other. */
static bool
place_overlaps(const char *path, const char *place)
{
	char *real = realpath(place, NULL);
	bool overlaps = real != NULL && (path_is_below(path, real) || path_is_below(real, path));

	free(real);
	return overlaps;
}

/* Links in one folder of the data directory lead to the server's other places. Not every file system tells what is one. */
static bool
links_overlap(const char *path, const char *folder)
{
	DIR *entries = opendir(folder);
	char place[PATH_MAX];
	struct dirent *entry;
	bool overlaps = false;

	while (entries != NULL && !overlaps && (entry = readdir(entries)) != NULL)
		if ((entry->d_type == DT_LNK || entry->d_type == DT_UNKNOWN) && strcmp(entry->d_name, "..") != 0 &&
			snprintf(place, sizeof(place), "%s/%s", folder, entry->d_name) < (int) sizeof(place))
			overlaps = place_overlaps(path, place);
	if (entries != NULL)
		closedir(entries);
	return overlaps;
}

static bool
server_overlaps(const Launcher *launcher, const char *path)
{
	char tablespaces[PATH_MAX];

	snprintf(tablespaces, sizeof(tablespaces), "%s/pg_tblspc", launcher->data_directory);
	return place_overlaps(path, launcher->data_directory) || links_overlap(path, launcher->data_directory) ||
		   links_overlap(path, tablespaces);
}

static bool
entry_is_socket(int folder, const struct dirent *entry)
{
	struct stat status;

	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type == DT_SOCK;
	return fstatat(folder, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK(status.st_mode);
}

static bool
folder_has_socket(int fd)
{
	DIR *entries = fdopendir(fd);
	struct dirent *entry;
	bool found = false;

	while (entries != NULL && !found && (entry = readdir(entries)) != NULL)
		found = entry_is_socket(fd, entry);
	if (entries != NULL)
		closedir(entries);
	else
		close(fd);
	return found;
}

static int
grant_folder_check(const Launcher *launcher, const char *key, const char *path, char *reason, size_t size)
{
	char *real = realpath(path, NULL);
	int fd = real == NULL ? -1 : open(real, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int result = 0;

	if (fd < 0)
		result = grant_refuse(reason, size, key, path, strerror(errno));
	else if (server_overlaps(launcher, real))
		result = grant_refuse(reason, size, key, path, "the server's own files are there");
	if (fd >= 0 && folder_has_socket(fd) && result == 0)
		result = grant_refuse(reason, size, key, path, "a socket is there");
	if (result == 0 && strcmp(key, "read") == 0 && strcmp(real, path) != 0)
		result = grant_refuse(reason, size, key, path, "symbolic links are not followed");
	free(real);
	return result;
}

int
launcher_grant_check(const Launcher *launcher, const PolicyPool *pool, char *reason, size_t size)
{
	for (int i = 0; i < pool->package_count; i++)
		if (grant_folder_check(launcher, "packages", pool->packages[i], reason, size) < 0)
			return -1;
	for (int i = 0; i < pool->read_count; i++)
		if (grant_folder_check(launcher, "read", pool->read[i], reason, size) < 0)
			return -1;
	return 0;
}
