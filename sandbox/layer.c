/* layer.c - names of the sandbox's layers. Linked everywhere; knows nothing but the table. */
#include "sandbox/layer.h"

#include <stddef.h>
#include <string.h>

static const char *const layer_names[LAYER_COUNT] = {
	[LAYER_USER_NAMESPACE] = "user_namespace",
	[LAYER_MOUNT_NAMESPACE] = "mount_namespace",
	[LAYER_PID_NAMESPACE] = "pid_namespace",
	[LAYER_IPC_NAMESPACE] = "ipc_namespace",
	[LAYER_UTS_NAMESPACE] = "uts_namespace",
	[LAYER_NET_NAMESPACE] = "net_namespace",
	[LAYER_CGROUP_NAMESPACE] = "cgroup_namespace",
	[LAYER_ROOT] = "root",
	[LAYER_CAPABILITIES] = "capabilities",
	[LAYER_NO_NEW_PRIVS] = "no_new_privs",
	[LAYER_RLIMITS] = "rlimits",
	[LAYER_LANDLOCK] = "landlock",
	[LAYER_SECCOMP] = "seccomp",
	[LAYER_CGROUP_MEMORY] = "cgroup_memory",
	[LAYER_CGROUP_PIDS] = "cgroup_pids",
	[LAYER_CGROUP_CPU] = "cgroup_cpu",
};

const char *
layer_name(int id)
{
	return id >= 0 && id < LAYER_COUNT ? layer_names[id] : NULL;
}

int
layer_find(const char *name)
{
	for (int id = 0; id < LAYER_COUNT; id++)
		if (strcmp(layer_names[id], name) == 0)
			return id;
	return -1;
}
