/*
 * seccomp_zygote.c - the first filter: in force from before execve, and under every filter that follows. A table only.
 *
 * A deny-list, since packages may do much while they are imported. With a private /tmp the zygote's children still
 * have to mount it; they lose that right before they run anybody's source.
 */
#include "sandbox/seccomp.h"

#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>

#define CLONE_NEWTIME_FLAG UINT64_C(0x80)
#define DENY(name, why)                                                                                                \
	{                                                                                                                  \
		.call = SCMP_SYS(name), .action = SECCOMP_EPERM, .reason = why                                                 \
	}
#define DENY_WITH(name, given, why)                                                                                    \
	{                                                                                                                  \
		.call = SCMP_SYS(name), .action = SECCOMP_EPERM, .reason = why, .options = given                               \
	}
#define DENY_BITS(name, bits, why)                                                                                     \
	{                                                                                                                  \
		.call = SCMP_SYS(name), .action = SECCOMP_EPERM, .reason = why, .test = SECCOMP_EQUAL, .mask = bits,           \
		.value = bits                                                                                                  \
	}
#define DENY_UNSHARE(bits, given)                                                                                      \
	{                                                                                                                  \
		.call = SCMP_SYS(unshare), .action = SECCOMP_EPERM, .reason = "a new namespace", .test = SECCOMP_EQUAL,        \
		.mask = bits, .value = bits, .options = given                                                                  \
	}
#define DENY_IOCTL(request, why)                                                                                       \
	{                                                                                                                  \
		.call = SCMP_SYS(ioctl), .action = SECCOMP_EPERM, .reason = why, .test = SECCOMP_EQUAL, .argument = 1,         \
		.mask = UINT64_C(0xffffffff), .value = request                                                                 \
	}

static const SeccompRule zygote_rules[] = {
	{.call = SCMP_SYS(clone3), .action = SECCOMP_ENOSYS, .reason = "its flags are in memory; libc falls back to clone"},
	DENY_BITS(clone, CLONE_NEWUSER, "a new namespace"),
	DENY_BITS(clone, CLONE_NEWNS, "a new namespace"),
	DENY_BITS(clone, CLONE_NEWPID, "a new namespace"),
	DENY_BITS(clone, CLONE_NEWNET, "a new namespace"),
	DENY_BITS(clone, CLONE_NEWIPC, "a new namespace"),
	DENY_BITS(clone, CLONE_NEWUTS, "a new namespace"),
	DENY_BITS(clone, CLONE_NEWCGROUP, "a new namespace"),
	DENY_UNSHARE(CLONE_NEWNS, SECCOMP_WITHOUT_TMP),
	DENY_UNSHARE(CLONE_NEWUSER, 0),
	DENY_UNSHARE(CLONE_NEWPID, 0),
	DENY_UNSHARE(CLONE_NEWNET, 0),
	DENY_UNSHARE(CLONE_NEWIPC, 0),
	DENY_UNSHARE(CLONE_NEWUTS, 0),
	DENY_UNSHARE(CLONE_NEWCGROUP, 0),
	DENY_UNSHARE(CLONE_NEWTIME_FLAG, 0),
	DENY_WITH(mount, SECCOMP_WITHOUT_TMP, "changes what is mounted"),
	DENY_WITH(socket, SECCOMP_WITHOUT_NET, "a path to a socket crosses every namespace"),
	DENY(name_to_handle_at, "files without a path"),
	DENY_IOCTL(TIOCSTI, "types into a terminal"),
	DENY_IOCTL(0x541c, "TIOCLINUX: types into a console"),
};

static const size_t zygote_count = sizeof(zygote_rules) / sizeof(zygote_rules[0]);

const SeccompSet seccomp_zygote = {
	.name = "zygote",
	.otherwise = SECCOMP_ALLOW,
	.forbidden = SECCOMP_EPERM,
	.rules = zygote_rules,
	.count = &zygote_count,
};
