/*
 * jail_step.h - the mechanisms of a jail, each of which runs in the child alone, before execve. For jail.c and the probes.
 *
 * Each returns 0 or -errno; there is no way back from any of them.
 */
#ifndef PYBOX_JAIL_STEP_H
#define PYBOX_JAIL_STEP_H

#include "sandbox/jail.h"

/* The system's own folders, as patterns: what CPython and its packages need to be found in a jail. */
typedef enum JailPathKind
{
	JAIL_PATH_LIBRARY, /* folders; a symbolic link is shown as one */
	JAIL_PATH_FILE,
	JAIL_PATH_DEVICE,
} JailPathKind;

typedef struct JailPath
{
	const char *pattern;
	JailPathKind kind;
} JailPath;

extern const JailPath jail_paths[];
extern const size_t jail_path_count;

/* Flags for clone by LAYER_BITs. */
uint64_t jail_namespace_flags(uint32_t layers);
/* Gives the own user and group in the new user namespace their old numbers. */
int jail_namespace_map(uid_t user, gid_t group);
/* Makes a root of jail_paths, the program and its packages, all read-only, and nothing else. */
int jail_root_enter(const JailSpec *spec);
/* Keeps the machine's root, but for the server's files, other processes and what governs the jail. */
int jail_host_enter(const JailSpec *spec);
/* One mount with all below it: adds MOUNT_ATTR_ flags, takes none away. */
int jail_mount_restrict(const char *path, uint64_t flags);
/* Takes off what a process has from its parent beside files: see jail_inheritance.c. */
int jail_inheritance_drop(void);
int jail_landlock_apply(const JailSpec *spec);
int jail_seccomp_apply(const JailSpec *spec);
int jail_capability_drop(const JailSpec *spec);

#endif
