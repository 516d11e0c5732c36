/*
 * capability.c - drops capabilities with plain system calls, so that interpreters need no library for it.
 *
 * Runs single-threaded: in a jail before execve, and in a new interpreter.
 */
#include "sandbox/capability.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * The kernel's own last capability may be newer than our headers: ask until it says that there is no such number. Who may
 * not drop from the bounding set has nothing to drop it with: without a user namespace the server's user has none at all,
 * and no_new_privs keeps programs from giving any.
 */
static int
capability_bounding_drop(uint64_t keep)
{
	for (unsigned long capability = 0; capability < 64; capability++)
	{
		int held = prctl(PR_CAPBSET_READ, capability, 0, 0, 0);

		if (held < 0)
			return 0;
		if (held == 1 && (keep & CAPABILITY_BIT(capability)) == 0 && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0 &&
			errno != EPERM)
			return -errno;
	}
	return 0;
}

static int
capability_sets_write(uint64_t keep)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	for (int half = 0; half < 2; half++)
		data[half].effective = data[half].permitted = data[half].inheritable = (uint32_t) (keep >> (32 * half));
	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

static int
capability_ambient_raise(uint64_t keep)
{
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return -errno;
	for (unsigned long capability = 0; capability < 64; capability++)
		if ((keep & CAPABILITY_BIT(capability)) != 0 &&
			prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) < 0)
			return -errno;
	return 0;
}

static int
capability_check(uint64_t keep)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	for (int half = 0; half < 2; half++)
		if (((data[half].effective | data[half].permitted | data[half].inheritable) &
			 ~(uint32_t) (keep >> (32 * half))) != 0)
			return -EPERM;
	return 0;
}

int
capability_drop(uint64_t keep)
{
	/* The bounding set first: shrinking it takes a capability that the next step gives up. */
	int result = capability_bounding_drop(keep);

	if (result == 0)
		result = capability_sets_write(keep);
	if (result == 0)
		result = capability_ambient_raise(keep);
	return result == 0 ? capability_check(keep) : result;
}
