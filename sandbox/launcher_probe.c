/*
 * launcher_probe.c - does every layer once, and looks whether it holds. Runs in forked children of the launcher.
 *
 * A layer that the kernel accepts but that does not hold is reported as EACCES.
 */
#include "sandbox/launcher_probe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/capability.h"
#include "sandbox/jail_step.h"
#include "sandbox/landlock.h"
#include "sandbox/lockdown.h"
#include "sandbox/seccomp.h"

#define PROBE_GROUP CGROUP_TOP "/probe/1"

/* Enters a user namespace with the layer's own, as a jail does. */
static int
probe_unshare(int layer)
{
	uid_t user = geteuid();
	gid_t group = getegid();

	if (unshare((int) jail_namespace_flags(LAYER_BIT(LAYER_USER_NAMESPACE) | LAYER_BIT(layer))) < 0)
		return -errno;
	return jail_namespace_map(user, group);
}

int
probe_user_namespace(const Launcher *launcher)
{
	(void) launcher;
	return probe_unshare(LAYER_USER_NAMESPACE);
}

int
probe_mount_namespace(const Launcher *launcher)
{
	int result = probe_unshare(LAYER_MOUNT_NAMESPACE);

	if (result == 0 && (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
						mount("pybox", launcher->data_directory, "tmpfs", MS_RDONLY, "size=4k") < 0))
		result = -errno;
	return result;
}

int
probe_pid_namespace(const Launcher *launcher)
{
	int result = probe_unshare(LAYER_PID_NAMESPACE);
	int status;
	pid_t child;

	(void) launcher;
	if (result < 0)
		return result;
	child = fork();
	if (child == 0)
		_exit(getpid() == 1 ? 0 : EACCES);
	if (child < 0 || waitpid(child, &status, 0) != child)
		return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EACCES;
}

int
probe_ipc_namespace(const Launcher *launcher)
{
	(void) launcher;
	return probe_unshare(LAYER_IPC_NAMESPACE);
}

int
probe_uts_namespace(const Launcher *launcher)
{
	int result = probe_unshare(LAYER_UTS_NAMESPACE);

	(void) launcher;
	return result == 0 && sethostname("pybox", strlen("pybox")) < 0 ? -errno : result;
}

int
probe_net_namespace(const Launcher *launcher)
{
	(void) launcher;
	return probe_unshare(LAYER_NET_NAMESPACE);
}

int
probe_cgroup_namespace(const Launcher *launcher)
{
	(void) launcher;
	return probe_unshare(LAYER_CGROUP_NAMESPACE);
}

int
probe_root(const Launcher *launcher)
{
	const char *const none[] = {NULL};
	const JailSpec spec = {.program = launcher->interpreter_path,
						   .data_directory = launcher->data_directory,
						   .packages = none,
						   .folders = none};
	int result = probe_unshare(LAYER_MOUNT_NAMESPACE);

	if (result == 0)
		result = jail_root_enter(&spec);
	return result == 0 && access("/etc/passwd", F_OK) == 0 ? -EACCES : result;
}

int
probe_capabilities(const Launcher *launcher)
{
	int result = probe_unshare(LAYER_USER_NAMESPACE);

	(void) launcher;
	return result == 0 ? capability_drop(0) : result;
}

int
probe_no_new_privs(const Launcher *launcher)
{
	(void) launcher;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : -EACCES;
}

int
probe_rlimits(const Launcher *launcher)
{
	const struct rlimit none = {0, 0};
	struct rlimit now;

	(void) launcher;
	if (setrlimit(RLIMIT_CORE, &none) < 0 || getrlimit(RLIMIT_CORE, &now) < 0)
		return -errno;
	return now.rlim_max == 0 ? 0 : -EACCES;
}

int
probe_landlock(const Launcher *launcher)
{
	int result = probe_no_new_privs(launcher);

	if (result == 0)
		result = landlock_restrict(LANDLOCK_REACH_ALL, NULL, 0);
	return result == 0 && open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC) >= 0 ? -EACCES : result;
}

int
probe_seccomp(const Launcher *launcher)
{
	static struct sock_filter filter[LOCKDOWN_FILTER_MAX];
	int length = seccomp_compile(&seccomp_zygote, SECCOMP_WHEN_NO_TMP, filter, LOCKDOWN_FILTER_MAX);
	struct sock_fprog program = {.len = (unsigned short) length, .filter = filter};
	int result = length < 0 ? length : probe_no_new_privs(launcher);

	if (result == 0 && syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
		result = -errno;
	/* Without the filter this is EINVAL. */
	return result == 0 && (syscall(SYS_clone3, NULL, 0) >= 0 || errno != ENOSYS) ? -EACCES : result;
}

/* A group with a limit, and a process that moves into it. */
static int
probe_cgroup(const Launcher *launcher, int layer, const CgroupLimits *limits)
{
	const Cgroup *cgroup = &launcher->cgroup;
	int result;
	pid_t child;

	if ((cgroup->layers & LAYER_BIT(layer)) == 0)
		return -ENOENT;
	result = cgroup->backend->group_make(cgroup, CGROUP_TOP, &(CgroupLimits){0});
	if (result == 0)
		result = cgroup->backend->group_make(cgroup, CGROUP_TOP "/probe", &(CgroupLimits){0});
	if (result == 0)
		result = cgroup->backend->group_make(cgroup, PROBE_GROUP, limits);
	if (result < 0)
		return result;
	child = fork();
	if (child == 0)
	{
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		for (;;)
			pause();
	}
	result = child < 0 ? -errno : cgroup->backend->group_attach(cgroup, PROBE_GROUP, child);
	if (child > 0)
	{
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	(void) cgroup->backend->group_remove(cgroup, PROBE_GROUP);
	return result;
}

int
probe_cgroup_memory(const Launcher *launcher)
{
	return probe_cgroup(launcher, LAYER_CGROUP_MEMORY, &(CgroupLimits){.memory = 64 << 20});
}

int
probe_cgroup_pids(const Launcher *launcher)
{
	return probe_cgroup(launcher, LAYER_CGROUP_PIDS, &(CgroupLimits){.pids = 8});
}

int
probe_cgroup_cpu(const Launcher *launcher)
{
	return probe_cgroup(launcher, LAYER_CGROUP_CPU, &(CgroupLimits){.cpu_percent = 50});
}
