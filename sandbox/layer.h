/*
 * layer.h - the sandbox's layers by number and name, shared by policy, launcher, interpreter and views.
 *
 * Includes nothing but the standard integer header, so that every room may read it.
 */
#ifndef PYBOX_LAYER_H
#define PYBOX_LAYER_H

#include <stdint.h>

typedef enum LayerId
{
	LAYER_USER_NAMESPACE,
	LAYER_MOUNT_NAMESPACE,
	LAYER_PID_NAMESPACE,
	LAYER_IPC_NAMESPACE,
	LAYER_UTS_NAMESPACE,
	LAYER_NET_NAMESPACE,
	LAYER_CGROUP_NAMESPACE,
	LAYER_ROOT,			/* read-only root of the interpreter's own files */
	LAYER_CAPABILITIES, /* every capability dropped */
	LAYER_NO_NEW_PRIVS,
	LAYER_RLIMITS,
	LAYER_LANDLOCK,
	LAYER_SECCOMP,
	LAYER_CGROUP_MEMORY, /* memory cap by the kernel's cgroup */
	LAYER_CGROUP_PIDS,
	LAYER_CGROUP_CPU,
	LAYER_COUNT
} LayerId;

#define LAYER_BIT(id) (UINT32_C(1) << (id))
#define LAYER_ALL (LAYER_BIT(LAYER_COUNT) - 1)

/* The name used in YAML, SQL and logs, such as "seccomp"; NULL for a number out of range. */
const char *layer_name(int id);
/* The number of a name, or -1. */
int layer_find(const char *name);

#endif
