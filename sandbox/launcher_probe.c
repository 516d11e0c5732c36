/*
 * launcher_probe.c - does every layer once, and looks whether it holds. Runs in forked children of the launcher.
 *
 * DESIGN. A call that the kernel answers with 0 proves nothing: filters of containers and security modules answer too. So
 * each probe goes on to use what it got, as a jail does, and tries what must fail now. What should fail and works is
 * PROBE_NOT_HELD.
 */
#include "sandbox/launcher_probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/capability.h"
#include "sandbox/jail_step.h"
#include "sandbox/landlock.h"
#include "sandbox/lockdown.h"
#include "sandbox/seccomp.h"

#define PROBE_PATH_SIZE 512

static const char *const probe_namespaces[LAYER_COUNT] = {
	[LAYER_USER_NAMESPACE] = "/proc/self/ns/user",
	[LAYER_MOUNT_NAMESPACE] = "/proc/self/ns/mnt",
	[LAYER_PID_NAMESPACE] = "/proc/self/ns/pid_for_children",
	[LAYER_IPC_NAMESPACE] = "/proc/self/ns/ipc",
	[LAYER_UTS_NAMESPACE] = "/proc/self/ns/uts",
	[LAYER_NET_NAMESPACE] = "/proc/self/ns/net",
	[LAYER_CGROUP_NAMESPACE] = "/proc/self/ns/cgroup",
};

static int
probe_namespace_id(int layer, ino_t *id)
{
	struct stat status;

	/* What has no process yet, such as a namespace for children, cannot be looked at; then it is a new one. */
	*id = 0;
	if (stat(probe_namespaces[layer], &status) == 0)
		*id = status.st_ino;
	else if (errno != ENOENT || layer != LAYER_PID_NAMESPACE)
		return -errno;
	return 0;
}

/* Enters a user namespace with the layer's own, as a jail does. */
static int
probe_unshare(int layer)
{
	uid_t user = geteuid();
	gid_t group = getegid();
	ino_t before, after;
	int result = probe_namespace_id(layer, &before);

	if (result < 0)
		return result;
	if (unshare((int) jail_namespace_flags(LAYER_BIT(LAYER_USER_NAMESPACE) | LAYER_BIT(layer))) < 0)
		return -errno;
	result = probe_namespace_id(layer, &after);
	if (result == 0 && before == after)
		result = -PROBE_NOT_HELD;
	return result == 0 ? jail_namespace_map(user, group) : result;
}

/* Security modules let unshare succeed and deny what it gives: a user namespace without capabilities is none. */
int
probe_user_namespace(const Launcher *launcher)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];
	uid_t user = geteuid();
	int result = probe_unshare(LAYER_USER_NAMESPACE);

	(void) launcher;
	if (result == 0 && (geteuid() != user || getuid() != user))
		result = -PROBE_NOT_HELD;
	if (result == 0 && syscall(SYS_capget, &header, data) < 0)
		result = -errno;
	return result == 0 && (data[0].effective & CAPABILITY_BIT(CAP_SYS_ADMIN)) == 0 ? -EPERM : result;
}

/* What is always in a data directory, and never to be seen in a jail. */
static int
probe_data_hidden(const Launcher *launcher)
{
	char path[PROBE_PATH_SIZE];

	snprintf(path, sizeof(path), "%s/PG_VERSION", launcher->data_directory);
	return access(path, F_OK) == 0 ? -PROBE_NOT_HELD : 0;
}

/* As for `fs: host`, which needs more of it than a root of its own. */
int
probe_mount_namespace(const Launcher *launcher)
{
	const JailSpec spec = {.data_directory = launcher->data_directory};
	int result = probe_unshare(LAYER_MOUNT_NAMESPACE);

	if (result == 0)
		result = jail_host_enter(&spec);
	return result == 0 ? probe_data_hidden(launcher) : result;
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
		_exit(getpid() == 1 && getppid() == 0 ? 0 : PROBE_NOT_HELD);
	if (child < 0 || waitpid(child, &status, 0) != child)
		return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -PROBE_NOT_HELD;
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
	char name[64] = "";
	int result = probe_unshare(LAYER_UTS_NAMESPACE);

	(void) launcher;
	if (result == 0 && (sethostname("pybox", strlen("pybox")) < 0 || gethostname(name, sizeof(name)) < 0))
		result = -errno;
	return result == 0 && strcmp(name, "pybox") != 0 ? -PROBE_NOT_HELD : result;
}

/* Its loopback is down: there is no way even to itself. */
int
probe_net_namespace(const Launcher *launcher)
{
	const struct sockaddr_in loopback = {
		.sin_family = AF_INET, .sin_port = htons(1), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int result = probe_unshare(LAYER_NET_NAMESPACE);
	int fd = result < 0 ? -1 : socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void) launcher;
	if (fd >= 0 && connect(fd, (const struct sockaddr *) &loopback, sizeof(loopback)) == 0)
		result = -PROBE_NOT_HELD;
	if (fd >= 0)
		close(fd);
	return result;
}

int
probe_cgroup_namespace(const Launcher *launcher)
{
	(void) launcher;
	return probe_unshare(LAYER_CGROUP_NAMESPACE);
}

/* Every mount that makes up the root has to be read-only, but for its devices. */
static int
probe_root_read_only(void)
{
	struct statvfs status;

	if (statvfs("/", &status) < 0 || (status.f_flag & ST_RDONLY) == 0)
		return -PROBE_NOT_HELD;
	for (size_t i = 0; i < jail_path_count; i++)
		if (jail_paths[i].kind != JAIL_PATH_DEVICE && statvfs(jail_paths[i].pattern, &status) == 0 &&
			(status.f_flag & ST_RDONLY) == 0)
			return -PROBE_NOT_HELD;
	return 0;
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
	if (result == 0)
		result = probe_root_read_only();
	if (result == 0 && (access("/etc/passwd", F_OK) == 0 || access("/proc/self", F_OK) == 0))
		result = -PROBE_NOT_HELD;
	if (result == 0 && access(launcher->interpreter_path, X_OK) < 0)
		result = -errno;
	return result == 0 ? probe_data_hidden(launcher) : result;
}

/* Without a user namespace the server's user has none, which is as good. */
int
probe_capabilities(const Launcher *launcher)
{
	int result = 0;

	if ((launcher->layers & LAYER_BIT(LAYER_USER_NAMESPACE)) != 0)
		result = probe_unshare(LAYER_USER_NAMESPACE);
	if (result == 0)
		result = capability_drop(0);
	return result == 0 && unshare(CLONE_NEWUTS) == 0 ? -PROBE_NOT_HELD : result;
}

int
probe_no_new_privs(const Launcher *launcher)
{
	(void) launcher;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : -PROBE_NOT_HELD;
}

int
probe_rlimits(const Launcher *launcher)
{
	const struct rlimit none = {0, 0};

	(void) launcher;
	if (setrlimit(RLIMIT_NOFILE, &none) < 0)
		return -errno;
	return open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC) < 0 && errno == EMFILE ? 0 : -PROBE_NOT_HELD;
}

int
probe_landlock(const Launcher *launcher)
{
	int result = probe_no_new_privs(launcher);

	if (result == 0)
		result = landlock_restrict(LANDLOCK_REACH_ALL, NULL, 0);
	return result == 0 && open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC) >= 0 ? -PROBE_NOT_HELD : result;
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
	return result == 0 && (syscall(SYS_clone3, NULL, 0) >= 0 || errno != ENOSYS) ? -PROBE_NOT_HELD : result;
}
