/*
 * seccomp_forbidden.c - the calls that are never innocent. A table only.
 *
 * In an interpreter they end the process and the caller gets SQLSTATE 42501; in a zygote, which runs packages while
 * they are imported, they fail with EPERM.
 */
#include "sandbox/seccomp.h"

#include <seccomp.h>

#define FORBID(name, why)                                                                                              \
	{                                                                                                                  \
		.call = SCMP_SYS(name), .action = SECCOMP_KILL, .reason = why                                                  \
	}

const SeccompRule seccomp_forbidden[] = {
	FORBID(ptrace, "memory of another process"),
	FORBID(process_vm_readv, "memory of another process"),
	FORBID(process_vm_writev, "memory of another process"),
	FORBID(process_madvise, "memory of another process"),
	FORBID(kcmp, "looks into another process"),
	FORBID(pidfd_getfd, "descriptors of another process"),
	FORBID(bpf, "code in the kernel"),
	FORBID(perf_event_open, "wide kernel interface"),
	FORBID(userfaultfd, "stops the kernel inside a copy"),
	FORBID(io_uring_setup, "calls that no filter sees"),
	FORBID(io_uring_enter, "calls that no filter sees"),
	FORBID(io_uring_register, "calls that no filter sees"),
	FORBID(kexec_load, "another kernel"),
	FORBID(kexec_file_load, "another kernel"),
	FORBID(init_module, "code in the kernel"),
	FORBID(finit_module, "code in the kernel"),
	FORBID(delete_module, "code in the kernel"),
	FORBID(create_module, "code in the kernel"),
	FORBID(keyctl, "keyrings are not in any namespace"),
	FORBID(add_key, "keyrings are not in any namespace"),
	FORBID(request_key, "keyrings are not in any namespace"),
	FORBID(setns, "another namespace"),
	FORBID(umount2, "changes what is mounted"),
	FORBID(pivot_root, "changes what is mounted"),
	FORBID(chroot, "changes the root"),
	FORBID(move_mount, "changes what is mounted"),
	FORBID(open_tree, "changes what is mounted"),
	FORBID(fsopen, "changes what is mounted"),
	FORBID(fsconfig, "changes what is mounted"),
	FORBID(fsmount, "changes what is mounted"),
	FORBID(fspick, "changes what is mounted"),
	FORBID(mount_setattr, "changes what is mounted"),
	FORBID(open_by_handle_at, "files without a path"),
	FORBID(fanotify_init, "watches other processes' files"),
	FORBID(swapon, "the machine's memory"),
	FORBID(swapoff, "the machine's memory"),
	FORBID(reboot, "the machine"),
	FORBID(acct, "the machine"),
	FORBID(quotactl, "the machine"),
	FORBID(quotactl_fd, "the machine"),
	FORBID(iopl, "the machine's devices"),
	FORBID(ioperm, "the machine's devices"),
	FORBID(modify_ldt, "segments of old code"),
	FORBID(settimeofday, "the machine's clock"),
	FORBID(clock_settime, "the machine's clock"),
	FORBID(sethostname, "the machine's name"),
	FORBID(setdomainname, "the machine's name"),
	FORBID(syslog, "the kernel's log"),
	FORBID(vhangup, "another's terminal"),
	FORBID(uselib, "obsolete"),
	FORBID(nfsservctl, "obsolete"),
	FORBID(lookup_dcookie, "obsolete"),
};

const size_t seccomp_forbidden_count = sizeof(seccomp_forbidden) / sizeof(seccomp_forbidden[0]);
