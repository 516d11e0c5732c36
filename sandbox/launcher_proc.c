/* launcher_proc.c - reads and writes the few files of /proc/PID that the launcher needs. */
#include "sandbox/launcher_proc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sandbox/fault.h"

#define PROC_TEXT_SIZE 4096

static int
proc_read(const char *path, char text[PROC_TEXT_SIZE])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got;

	if (fd < 0)
		return -errno;
	got = read(fd, text, PROC_TEXT_SIZE - 1);
	close(fd);
	if (got < 0)
		return -EIO;
	text[got] = '\0';
	return 0;
}

/* The number after a "\nkey:" of a status-like file; -1: none. */
static long
proc_number(const char *path, const char *key)
{
	char text[PROC_TEXT_SIZE];
	char *at;

	if (proc_read(path, text) < 0)
		return -1;
	at = strstr(text, key);
	return at == NULL ? -1 : strtol(at + strlen(key), NULL, 10);
}

pid_t
launcher_proc_pidfd_pid(int fd)
{
	char path[64];
	long pid;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	pid = proc_number(path, "\nPid:");
	return pid > 0 ? (pid_t) pid : -1;
}

pid_t
launcher_proc_parent(pid_t pid)
{
	char path[64];
	long parent;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	parent = proc_number(path, "\nPPid:");
	return parent > 0 ? (pid_t) parent : -1;
}

int64_t
launcher_proc_anonymous(pid_t pid)
{
	char path[64];
	long kilobytes;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	kilobytes = proc_number(path, "\nRssAnon:");
	return kilobytes > 0 ? (int64_t) kilobytes * 1024 : 0;
}

/*
 * Of a line that begins a mapping: its name. What may be written is told by the flags, at the mapping's end: the permissions
 * are those of the moment, and mprotect gives more.
 */
static void
proc_mapping_name(const char *line, char *name, size_t size)
{
	int at = 0;

	if (sscanf(line, "%*x-%*x %*4s %*x %*s %*u %n", &at) < 0 || at == 0)
		return;
	snprintf(name, size, "%.*s", (int) strcspn(line + at, "\n"), line[at] == '\0' ? "anonymous" : line + at);
}

int
launcher_proc_shared_find(pid_t pid, char *name, size_t size)
{
	char path[64], line[PROC_TEXT_SIZE];
	int result = 0;
	FILE *mappings;

	snprintf(path, sizeof(path), "/proc/%d/smaps", pid);
	mappings = fopen(path, "re");
	if (mappings == NULL)
		return -errno;
	while (result == 0 && fgets(line, sizeof(line), mappings) != NULL)
		if (strncmp(line, "VmFlags:", strlen("VmFlags:")) != 0)
			proc_mapping_name(line, name, size);
		else if (strstr(line, " sh ") != NULL && strstr(line, " mw ") != NULL && !FAULT_IS_FILE(name))
			result = 1;
	if (result == 0 && ferror(mappings))
		result = -EIO;
	fclose(mappings);
	return result;
}

void
launcher_proc_usage(pid_t pid, uint64_t *memory, uint64_t *cpu_ns)
{
	char path[64], text[PROC_TEXT_SIZE], *after_name;
	unsigned long pages = 0, user = 0, system = 0;
	long ticks = sysconf(_SC_CLK_TCK);

	snprintf(path, sizeof(path), "/proc/%d/statm", pid);
	if (proc_read(path, text) < 0 || sscanf(text, "%*u %lu", &pages) != 1)
		pages = 0;
	*memory = (uint64_t) pages * (uint64_t) sysconf(_SC_PAGESIZE);
	/* The name, which the process chooses, stands in parentheses: count fields from behind the last one. */
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	after_name = proc_read(path, text) < 0 ? NULL : strrchr(text, ')');
	if (after_name == NULL ||
		sscanf(after_name + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
		user = system = 0;
	*cpu_ns = ((uint64_t) user + system) * (UINT64_C(1000000000) / (uint64_t) ticks);
}

int
launcher_proc_oom_score(pid_t pid, int score)
{
	char path[64], text[16];
	int fd, result = 0;

	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", pid);
	snprintf(text, sizeof(text), "%d", score);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		result = -errno;
	close(fd);
	return result;
}
