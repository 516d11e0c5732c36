/*
 * launcher_probe.h - one function for each layer that does it once. Each runs in a forked child of the launcher that ends
 * right after, and returns 0 or -errno.
 */
#ifndef PYBOX_LAUNCHER_PROBE_H
#define PYBOX_LAUNCHER_PROBE_H

#include <errno.h>

#include "sandbox/launcher.h"

#define PROBE_NOT_HELD EBADE /* the kernel took the layer, but what it forbids works */

int probe_user_namespace(const Launcher *launcher);
int probe_mount_namespace(const Launcher *launcher);
int probe_pid_namespace(const Launcher *launcher);
int probe_ipc_namespace(const Launcher *launcher);
int probe_uts_namespace(const Launcher *launcher);
int probe_net_namespace(const Launcher *launcher);
int probe_cgroup_namespace(const Launcher *launcher);
int probe_root(const Launcher *launcher);
int probe_capabilities(const Launcher *launcher);
int probe_no_new_privs(const Launcher *launcher);
int probe_rlimits(const Launcher *launcher);
int probe_landlock(const Launcher *launcher);
int probe_seccomp(const Launcher *launcher);
int probe_cgroup_memory(const Launcher *launcher);
int probe_cgroup_pids(const Launcher *launcher);
int probe_cgroup_cpu(const Launcher *launcher);

#endif
