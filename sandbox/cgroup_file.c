/*
 * cgroup_file.c - reads, writes and removes what lies in a cgroup file system. Runs in the launcher.
 */
#include "sandbox/cgroup_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CGROUP_TEXT_SIZE 4096

int
cgroup_file_path(char path[CGROUP_PATH_SIZE], const char *root, const char *group, const char *file)
{
	const char *before_group = group[0] != '\0' ? "/" : "", *before_file = file[0] != '\0' ? "/" : "";

	if (strstr(group, "..") != NULL)
		return -EINVAL;
	if (snprintf(path, CGROUP_PATH_SIZE, "%s%s%s%s%s", root, before_group, group, before_file, file) >=
		CGROUP_PATH_SIZE)
		return -ENAMETOOLONG;
	return 0;
}

static int
cgroup_file_open(const char *root, const char *group, const char *file, int flags)
{
	char path[CGROUP_PATH_SIZE];
	int result = cgroup_file_path(path, root, group, file);

	if (result == 0)
		result = open(path, flags | O_CLOEXEC);
	return result < 0 && result != -EINVAL && result != -ENAMETOOLONG ? -errno : result;
}

int
cgroup_file_write(const char *root, const char *group, const char *file, const char *text)
{
	int fd = cgroup_file_open(root, group, file, O_WRONLY);
	int result = 0;

	if (fd < 0)
		return fd;
	if (write(fd, text, strlen(text)) < 0)
		result = -errno;
	close(fd);
	return result;
}

int
cgroup_file_write_number(const char *root, const char *group, const char *file, int64_t number)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRId64, number);
	return cgroup_file_write(root, group, file, text);
}

int
cgroup_file_read(const char *root, const char *group, const char *file, char *text, size_t size)
{
	int fd = cgroup_file_open(root, group, file, O_RDONLY);
	ssize_t got;

	if (fd < 0)
		return fd;
	got = read(fd, text, size - 1);
	if (got < 0)
		got = -errno;
	else
		text[got] = '\0';
	close(fd);
	return got < 0 ? (int) got : 0;
}

uint64_t
cgroup_file_number(const char *root, const char *group, const char *file)
{
	char text[32];

	return cgroup_file_read(root, group, file, text, sizeof(text)) == 0 ? strtoull(text, NULL, 10) : 0;
}

uint64_t
cgroup_file_keyed(const char *root, const char *group, const char *file, const char *key)
{
	char text[CGROUP_TEXT_SIZE];
	size_t length = strlen(key);

	if (cgroup_file_read(root, group, file, text, sizeof(text)) < 0)
		return 0;
	for (char *line = text; line != NULL; line = strchr(line, '\n'))
	{
		line += *line == '\n';
		if (strncmp(line, key, length) == 0 && line[length] == ' ')
			return strtoull(line + length, NULL, 10);
	}
	return 0;
}

/* A process of another pid namespace than ours reads as 0 and is not ours to kill. */
int
cgroup_file_kill(const char *root, const char *group)
{
	char path[CGROUP_PATH_SIZE];
	int result = cgroup_file_path(path, root, group, "cgroup.procs");
	FILE *processes;
	int pid;

	if (result < 0)
		return result;
	processes = fopen(path, "re");
	if (processes == NULL)
		return errno == ENOENT ? 0 : -errno;
	while (fscanf(processes, "%d", &pid) == 1)
		if (pid > 0 && pid != getpid())
			kill(pid, SIGKILL);
	fclose(processes);
	return 0;
}

static int
cgroup_file_walk_entries(DIR *directory, const char *root, const char *group,
						 int (*visit)(const char *root, const char *group))
{
	struct dirent *entry;
	int result = 0;

	while (result == 0 && (entry = readdir(directory)) != NULL)
	{
		char below[CGROUP_PATH_SIZE];

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		if (snprintf(below, sizeof(below), "%s/%s", group, entry->d_name) >= (int) sizeof(below))
			result = -ENAMETOOLONG;
		else
			result = cgroup_file_walk(root, below, visit);
	}
	return result;
}

int
cgroup_file_walk(const char *root, const char *group, int (*visit)(const char *root, const char *group))
{
	char path[CGROUP_PATH_SIZE];
	int result = cgroup_file_path(path, root, group, "");
	DIR *directory;

	if (result < 0)
		return result;
	directory = opendir(path);
	if (directory == NULL)
		return errno == ENOENT ? 0 : -errno;
	result = cgroup_file_walk_entries(directory, root, group, visit);
	closedir(directory);
	return result == 0 ? visit(root, group) : result;
}

int
cgroup_file_remove(const char *root, const char *group)
{
	char path[CGROUP_PATH_SIZE];
	int result = cgroup_file_path(path, root, group, "");

	if (result == 0 && rmdir(path) < 0 && errno != ENOENT)
		result = -errno;
	return result;
}
