/* jail_namespace.c - which namespaces a jail has, and who its user is there. Runs in the launcher and its child. */
#include "sandbox/jail_step.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sandbox/layer.h"

static const struct
{
	int layer;
	uint64_t flag;
} jail_namespaces[] = {
	{LAYER_USER_NAMESPACE, CLONE_NEWUSER},	   {LAYER_MOUNT_NAMESPACE, CLONE_NEWNS},
	{LAYER_PID_NAMESPACE, CLONE_NEWPID},	   {LAYER_IPC_NAMESPACE, CLONE_NEWIPC},
	{LAYER_UTS_NAMESPACE, CLONE_NEWUTS},	   {LAYER_NET_NAMESPACE, CLONE_NEWNET},
	{LAYER_CGROUP_NAMESPACE, CLONE_NEWCGROUP},
};

uint64_t
jail_namespace_flags(uint32_t layers)
{
	uint64_t flags = 0;

	for (size_t i = 0; i < sizeof(jail_namespaces) / sizeof(jail_namespaces[0]); i++)
		if ((layers & LAYER_BIT(jail_namespaces[i].layer)) != 0)
			flags |= jail_namespaces[i].flag;
	return flags;
}

static int
jail_file_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int result = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		result = -errno;
	close(fd);
	return result;
}

int
jail_namespace_map(uid_t user, gid_t group)
{
	char line[64];
	int result;

	snprintf(line, sizeof(line), "%u %u 1", user, user);
	result = jail_file_write("/proc/self/uid_map", line);
	/* Nobody without privileges may map a group before this. */
	if (result == 0)
		result = jail_file_write("/proc/self/setgroups", "deny");
	snprintf(line, sizeof(line), "%u %u 1", group, group);
	return result == 0 ? jail_file_write("/proc/self/gid_map", line) : result;
}
