/*
 * jail_confine.c - the layers of a jail that confine the process itself: capabilities, Landlock, system calls.
 *
 * Runs in the launcher's child, after its root is set.
 */
#include "sandbox/jail_step.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/capability.h"
#include "sandbox/landlock.h"

/* To mount, and to give even that up for good afterwards. */
#define CAPABILITIES_FOR_TMP (CAPABILITY_BIT(CAP_SYS_ADMIN) | CAPABILITY_BIT(CAP_SETPCAP))

int
jail_capability_drop(const JailSpec *spec)
{
	return capability_drop(spec->has_tmp ? CAPABILITIES_FOR_TMP : 0);
}

int
jail_landlock_apply(const JailSpec *spec)
{
	static const LandlockPath paths[] = {{"/", LANDLOCK_MAY_EXECUTE}, {"/dev/null", LANDLOCK_MAY_WRITE_DEVICE}};

	/* Who is restricted in anything may not mount: then Landlock is the children's own affair. */
	if (!spec->fences_files || spec->has_tmp)
		return 0;
	return landlock_restrict(LANDLOCK_REACH_ALL, paths, sizeof(paths) / sizeof(paths[0]));
}

int
jail_seccomp_apply(const JailSpec *spec)
{
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, spec->filter) < 0 ? -errno : 0;
}
