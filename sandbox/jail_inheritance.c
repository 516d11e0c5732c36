/*
 * jail_inheritance.c - what execve leaves in place of the server's own: personality, scheduling, stack, keys.
 *
 * Signals, descriptors, working directory, umask and environment are jail.c's. Runs in the launcher's child.
 */
#include "sandbox/jail_step.h"

#include <errno.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STACK_SIZE (8 << 20) /* what Linux gives by default: depth of recursion, and the stack of a thread */
#define PERSONALITY_ASK 0xffffffff
#define IOPRIO_WHO_PROCESS 1
#define IOPRIO_NONE 0
#define IOPRIO_ORDINARY                                                                                                \
	0x4004 /* class best effort, in its middle, which is what none means; what is smaller goes first */

/*
 * A server under a debugger or "setarch" has flags that take the randomness off addresses, or make all memory executable.
 * Like the others below, it asks first: a service may be forbidden to set what it need not set.
 */
static int
drop_personality(void)
{
	return personality(PERSONALITY_ASK) == PER_LINUX || personality(PER_LINUX) >= 0 ? 0 : -errno;
}

/* What is better than ordinary; what is worse stays, as nobody may better himself. */
static int
drop_scheduling(void)
{
	const struct sched_param none = {0};
	int policy = sched_getscheduler(0);

	if (policy != SCHED_OTHER && policy != SCHED_BATCH && policy != SCHED_IDLE &&
		sched_setscheduler(0, SCHED_OTHER, &none) < 0)
		return -errno;
	errno = 0;
	if (getpriority(PRIO_PROCESS, 0) < 0 && errno == 0 && setpriority(PRIO_PROCESS, 0, 0) < 0)
		return -errno;
	return 0;
}

static int
drop_io_priority(void)
{
	long now = syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0);

	if (now <= 0 || now >= IOPRIO_ORDINARY)
		return 0;
	return syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_NONE) < 0 ? -errno : 0;
}

/* Without a limit the kernel lays out memory in the old, more predictable way, and threads have stacks of another size. */
static int
drop_stack(void)
{
	struct rlimit stack;
	rlim_t wanted;

	if (getrlimit(RLIMIT_STACK, &stack) < 0)
		return -errno;
	wanted = stack.rlim_max < STACK_SIZE ? stack.rlim_max : STACK_SIZE;
	if (stack.rlim_cur == wanted)
		return 0;
	stack.rlim_cur = wanted;
	return setrlimit(RLIMIT_STACK, &stack) < 0 ? -errno : 0;
}

/*
 * The server's session keyring is ours otherwise. A kernel or container without key rings, or that forbids this call, has
 * nothing that could be reached: no interpreter may call keyctl.
 */
static int
drop_keys(void)
{
	(void) syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
	return 0;
}

int
jail_inheritance_drop(void)
{
	static int (*const drops[])(void) = {drop_personality, drop_scheduling, drop_io_priority, drop_stack, drop_keys};
	int result = 0;

	for (size_t i = 0; i < sizeof(drops) / sizeof(drops[0]) && result == 0; i++)
		result = drops[i]();
	return result;
}
