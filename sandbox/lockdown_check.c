/*
 * lockdown_check.c - the self-test: forbidden calls, each with the error that only the filter gives.
 *
 * Runs in a new interpreter before any source; every call here is harmless should it succeed.
 */
#include "sandbox/lockdown_check.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROBED_FOLDER "/" /* is there, and readable to all but for Landlock */

typedef struct LockdownCheck
{
	const char *name;
	int (*probe)(void); /* 0: the call succeeded; else its errno */
	int expected;		/* 0: any error will do */
	uint32_t needs;		/* LAYER_BITs without which nothing forbids it */
	uint32_t trusted;
} LockdownCheck;

static int
probe_closed(int fd)
{
	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int
probe_socket(void)
{
	return probe_closed(socket(AF_UNIX, SOCK_STREAM, 0));
}

static int
probe_open(void)
{
	return probe_closed(open(PROBED_FOLDER, O_RDONLY | O_DIRECTORY));
}

static int
probe_memfd(void)
{
	return probe_closed((int) syscall(SYS_memfd_create, "", 0));
}

static int
probe_kill(void)
{
	return kill(1, 0) < 0 ? errno : 0;
}

static int
probe_fork(void)
{
	long child = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, 0);

	if (child == 0)
		_exit(0);
	if (child < 0)
		return errno;
	waitpid((pid_t) child, NULL, 0);
	return 0;
}

static int
probe_execve(void)
{
	char *const none[] = {NULL};

	return execve("", none, none) < 0 ? errno : 0;
}

static int
probe_executable(void)
{
	const size_t size = 4096;
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return errno;
	munmap(memory, size);
	return 0;
}

static int
probe_unshare(void)
{
	return syscall(SYS_unshare, 0) < 0 ? errno : 0;
}

static int
probe_no_new_privs(void)
{
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? EPERM : 0;
}

static const LockdownCheck lockdown_checks[] = {
	{"socket", probe_socket, EPERM, LAYER_BIT(LAYER_SECCOMP), 1},
	{"open " PROBED_FOLDER, probe_open, EACCES, LAYER_BIT(LAYER_LANDLOCK), 1},
	{"memfd_create", probe_memfd, EPERM, LAYER_BIT(LAYER_SECCOMP), 1},
	{"kill", probe_kill, EPERM, LAYER_BIT(LAYER_SECCOMP), 1},
	{"fork", probe_fork, EPERM, LAYER_BIT(LAYER_SECCOMP), 1},
	{"execve", probe_execve, EPERM, LAYER_BIT(LAYER_SECCOMP), 1},
	{"executable memory", probe_executable, EPERM, LAYER_BIT(LAYER_SECCOMP), 1},
	{"unshare", probe_unshare, EPERM, LAYER_BIT(LAYER_SECCOMP), 0},
	{"no_new_privs", probe_no_new_privs, EPERM, LAYER_BIT(LAYER_NO_NEW_PRIVS), 0},
	{"no_new_privs", probe_no_new_privs, EPERM, LAYER_BIT(LAYER_NO_NEW_PRIVS), 1},
};

int
lockdown_check(const LockdownPlan *plan, const char **name)
{
	for (size_t i = 0; i < sizeof(lockdown_checks) / sizeof(lockdown_checks[0]); i++)
	{
		const LockdownCheck *check = &lockdown_checks[i];
		int error;

		if (check->trusted != plan->trusted || (plan->wanted & check->needs) != check->needs)
			continue;
		error = check->probe();
		if (error == 0 || (check->expected != 0 && error != check->expected))
		{
			*name = check->name;
			return -EACCES;
		}
	}
	return 0;
}
