/*
 * seccomp_trusted.c - all that a trusted interpreter may ask of the kernel. A table only.
 *
 * DESIGN. What is not here fails with EPERM, so that a library's probe is a PermissionError. Built from what CPython,
 * numpy, scipy, pandas and scikit-learn do while they are imported and while they compute. Nothing here reaches beyond
 * the process, except reading files (which ones is for the root and Landlock to say) and the descriptors it was born
 * with; with a private /tmp, files there too. Rows that deny are for the reader: they name what one might miss.
 */
#include "sandbox/seccomp.h"

#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>

#define THREAD_FLAGS                                                                                                   \
	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS |                 \
	 CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID)
#define WRITING_FLAGS (O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND | (O_TMPFILE & ~O_DIRECTORY))
#define VMA_NAME UINT64_C(0x53564d41) /* PR_SET_VMA */

#define ALLOW(name, why)                                                                                               \
	{                                                                                                                  \
		.call = SCMP_SYS(name), .action = SECCOMP_ALLOW, .reason = why                                                 \
	}
#define DENY(name, why)                                                                                                \
	{                                                                                                                  \
		.call = SCMP_SYS(name), .action = SECCOMP_EPERM, .reason = why                                                 \
	}
#define ALLOW_IF(name, number, wanted, why)                                                                            \
	{                                                                                                                  \
		.call = SCMP_SYS(name), .action = SECCOMP_ALLOW, .reason = why, .test = SECCOMP_EQUAL, .argument = number,     \
		.value = wanted                                                                                                \
	}
#define ALLOW_READING(name, number)                                                                                    \
	{                                                                                                                  \
		.call = SCMP_SYS(name), .action = SECCOMP_ALLOW, .reason = "imports, tracebacks; for reading only",            \
		.test = SECCOMP_EQUAL, .argument = number, .mask = WRITING_FLAGS, .value = O_RDONLY,                           \
		.options = SECCOMP_WITHOUT_TMP                                                                                 \
	}
#define ALLOW_TMP(name)                                                                                                \
	{                                                                                                                  \
		.call = SCMP_SYS(name), .action = SECCOMP_ALLOW, .reason = "files in the private /tmp",                        \
		.options = SECCOMP_WITH_TMP                                                                                    \
	}

static const SeccompRule trusted_rules[] = {
	/* memory */
	ALLOW(mmap, "malloc; libraries and ctypes need executable pages"),
	ALLOW(munmap, "free"),
	ALLOW(mprotect, "libraries, thread stacks"),
	ALLOW(mremap, "realloc"),
	ALLOW(brk, "malloc"),
	ALLOW(madvise, "malloc"),
	ALLOW(mbind, "BLAS places its buffers"),
	ALLOW(get_mempolicy, "BLAS places its buffers"),
	ALLOW(membarrier, "lock-free libraries"),
	/* threads */
	{.call = SCMP_SYS(clone3), .action = SECCOMP_ENOSYS, .reason = "its flags are in memory; libc falls back to clone"},
	ALLOW_IF(clone, 0, THREAD_FLAGS, "threads, exactly as libc makes them; no process"),
	ALLOW(futex, "locks"),
	ALLOW(futex_waitv, "locks"),
	ALLOW(set_robust_list, "thread start"),
	ALLOW(get_robust_list, "thread start"),
	ALLOW(rseq, "thread start"),
	ALLOW(set_tid_address, "thread start"),
	ALLOW(gettid, "thread numbers"),
	ALLOW(sched_yield, "BLAS and OpenMP wait"),
	ALLOW(sched_getaffinity, "how many cores"),
	ALLOW(getcpu, "which core"),
	ALLOW(exit, "thread end"),
	ALLOW(exit_group, "the interpreter's end"),
	/* about itself */
	ALLOW(getpid, "itself"),
	ALLOW(getppid, "itself"),
	ALLOW(getpgrp, "itself"),
	ALLOW(getuid, "itself"),
	ALLOW(geteuid, "itself"),
	ALLOW(getgid, "itself"),
	ALLOW(getegid, "itself"),
	ALLOW(getresuid, "itself"),
	ALLOW(getresgid, "itself"),
	ALLOW(getrusage, "resource.getrusage, time.process_time"),
	ALLOW(getrlimit, "limits, to read"),
	ALLOW_IF(prlimit64, 2, 0, "limits, to read"),
	ALLOW(times, "os.times"),
	ALLOW(uname, "platform"),
	ALLOW(sysinfo, "how much memory"),
	ALLOW(umask, "itself"),
	ALLOW_IF(prctl, 0, PR_SET_NAME, "thread names"),
	ALLOW_IF(prctl, 0, PR_GET_NAME, "thread names"),
	ALLOW_IF(prctl, 0, PR_GET_SECCOMP, "to see its own confinement"),
	ALLOW_IF(prctl, 0, PR_GET_NO_NEW_PRIVS, "to see its own confinement"),
	ALLOW_IF(prctl, 0, VMA_NAME, "malloc names its pages"),
	ALLOW(getrandom, "os.urandom, random"),
	/* time */
	ALLOW(clock_gettime, "time"),
	ALLOW(clock_getres, "time"),
	ALLOW(clock_nanosleep, "time.sleep"),
	ALLOW(nanosleep, "time.sleep"),
	ALLOW(gettimeofday, "time"),
	ALLOW(time, "time"),
	ALLOW(alarm, "signal.alarm, to itself"),
	ALLOW(setitimer, "signal.setitimer, to itself"),
	ALLOW(getitimer, "signal.getitimer"),
	/* signals, to itself only */
	ALLOW(rt_sigaction, "signal.signal"),
	ALLOW(rt_sigprocmask, "signal masks"),
	ALLOW(rt_sigreturn, "end of a handler"),
	ALLOW(rt_sigpending, "signal.sigpending"),
	ALLOW(rt_sigtimedwait, "signal.sigwait"),
	ALLOW(rt_sigsuspend, "signal.pause"),
	ALLOW(pause, "signal.pause"),
	ALLOW(sigaltstack, "faulthandler"),
	ALLOW(restart_syscall, "the kernel resumes a sleep"),
	ALLOW_IF(tgkill, 0, SECCOMP_SELF, "abort, raise, pthread_kill; its own process only"),
	DENY(kill, "other processes"),
	DENY(tkill, "other processes"),
	DENY(rt_sigqueueinfo, "other processes"),
	/* descriptors it has */
	ALLOW(read, "the wake-up socket, files"),
	ALLOW(readv, "files"),
	ALLOW(pread64, "files"),
	ALLOW(preadv, "files"),
	ALLOW(preadv2, "files"),
	ALLOW(write, "the wake-up socket"),
	ALLOW(writev, "the wake-up socket"),
	ALLOW_IF(sendto, 4, 0, "the wake-up socket; no address"),
	ALLOW_IF(recvfrom, 4, 0, "the wake-up socket; no address"),
	ALLOW(poll, "the wake-up socket"),
	ALLOW(ppoll, "the wake-up socket"),
	ALLOW(select, "time.sleep, select"),
	ALLOW(pselect6, "time.sleep, select"),
	ALLOW(close, "files"),
	ALLOW(lseek, "files"),
	ALLOW(dup, "files"),
	ALLOW_IF(fcntl, 1, F_GETFD, "close-on-exec"),
	ALLOW_IF(fcntl, 1, F_SETFD, "close-on-exec"),
	ALLOW_IF(fcntl, 1, F_GETFL, "flags"),
	ALLOW_IF(fcntl, 1, F_DUPFD, "files"),
	ALLOW_IF(fcntl, 1, F_DUPFD_CLOEXEC, "files"),
	ALLOW_IF(ioctl, 1, TCGETS, "isatty when a file is opened"),
	ALLOW_IF(ioctl, 1, TIOCGWINSZ, "how wide is the terminal"),
	ALLOW_IF(ioctl, 1, FIOCLEX, "close-on-exec"),
	/* files, to read */
	ALLOW_READING(open, 1),
	ALLOW_READING(openat, 2),
	ALLOW(stat, "imports"),
	ALLOW(lstat, "imports"),
	ALLOW(fstat, "imports"),
	ALLOW(newfstatat, "imports"),
	ALLOW(statx, "imports"),
	ALLOW(statfs, "imports"),
	ALLOW(fstatfs, "imports"),
	ALLOW(access, "imports"),
	ALLOW(faccessat, "imports"),
	ALLOW(faccessat2, "imports"),
	ALLOW(readlink, "imports"),
	ALLOW(readlinkat, "imports"),
	ALLOW(getdents64, "imports"),
	ALLOW(getcwd, "imports"),
	/* files, in the private /tmp */
	ALLOW_TMP(open),
	ALLOW_TMP(openat),
	ALLOW_TMP(creat),
	ALLOW_TMP(pwrite64),
	ALLOW_TMP(pwritev),
	ALLOW_TMP(pwritev2),
	ALLOW_TMP(truncate),
	ALLOW_TMP(ftruncate),
	ALLOW_TMP(fallocate),
	ALLOW_TMP(fsync),
	ALLOW_TMP(fdatasync),
	ALLOW_TMP(flock),
	ALLOW_TMP(fadvise64),
	ALLOW_TMP(sendfile),
	ALLOW_TMP(copy_file_range),
	ALLOW_TMP(mkdir),
	ALLOW_TMP(mkdirat),
	ALLOW_TMP(rmdir),
	ALLOW_TMP(unlink),
	ALLOW_TMP(unlinkat),
	ALLOW_TMP(rename),
	ALLOW_TMP(renameat),
	ALLOW_TMP(renameat2),
	ALLOW_TMP(link),
	ALLOW_TMP(linkat),
	ALLOW_TMP(symlink),
	ALLOW_TMP(symlinkat),
	ALLOW_TMP(chmod),
	ALLOW_TMP(fchmod),
	ALLOW_TMP(fchmodat),
	ALLOW_TMP(utimensat),
	ALLOW_TMP(chdir),
	ALLOW_TMP(fchdir),
	{.call = SCMP_SYS(fcntl),
	 .action = SECCOMP_ALLOW,
	 .reason = "locks on files in the private /tmp",
	 .test = SECCOMP_EQUAL,
	 .argument = 1,
	 .value = F_SETLK,
	 .options = SECCOMP_WITH_TMP},
	{.call = SCMP_SYS(fcntl),
	 .action = SECCOMP_ALLOW,
	 .reason = "locks on files in the private /tmp",
	 .test = SECCOMP_EQUAL,
	 .argument = 1,
	 .value = F_SETLKW,
	 .options = SECCOMP_WITH_TMP},
	{.call = SCMP_SYS(openat2), .action = SECCOMP_ENOSYS, .reason = "its flags are in memory"},
	/* what one might miss */
	DENY(fork, "no other process"),
	DENY(vfork, "no other process"),
	DENY(execve, "no other program: libraries try uname and ldconfig"),
	DENY(execveat, "no other program"),
	DENY(memfd_create, "a file that no size limit covers"),
	DENY(socket, "no network"),
	DENY(socketpair, "no channel of its own"),
	DENY(pipe2, "no channel of its own"),
	DENY(sendmsg, "could pass descriptors"),
	DENY(recvmsg, "could take descriptors"),
	DENY(sched_setaffinity, "reaches other processes"),
	DENY(setpriority, "reaches other processes"),
	DENY(shmget, "memory beyond the process"),
	DENY(setsid, "leaves its process group"),
	{.call = SCMP_SYS(mount), .action = SECCOMP_KILL, .reason = "changes what is mounted"},
	{.call = SCMP_SYS(unshare), .action = SECCOMP_KILL, .reason = "a new namespace"},
};

static const size_t trusted_count = sizeof(trusted_rules) / sizeof(trusted_rules[0]);

const SeccompSet seccomp_trusted = {
	.name = "trusted",
	.otherwise = SECCOMP_EPERM,
	.forbidden = SECCOMP_KILL,
	.rules = trusted_rules,
	.count = &trusted_count,
};
