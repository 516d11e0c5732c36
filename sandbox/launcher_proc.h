/* launcher_proc.h - what /proc tells of a process of ours. Runs in the launcher. */
#ifndef PYBOX_LAUNCHER_PROC_H
#define PYBOX_LAUNCHER_PROC_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The pid, as we see it, behind a pidfd; -1 when fd is none or its process is gone. */
pid_t launcher_proc_pidfd_pid(int fd);
/* The parent's pid, or -1. */
pid_t launcher_proc_parent(pid_t pid);
/* Bytes of it that are no file's; 0 when the process is gone. */
int64_t launcher_proc_anonymous(pid_t pid);
/*
 * Whether it has memory that it may write and that its forks would share with it. Returns 1 and what it is a mapping of in
 * name, 0 when there is none, or -errno.
 */
int launcher_proc_shared_find(pid_t pid, char *name, size_t size);
/* Bytes in memory and processor time; both 0 when the process is gone. */
void launcher_proc_usage(pid_t pid, uint64_t *memory, uint64_t *cpu_ns);
/* Makes the process the first choice when memory runs out. Returns 0 or -errno. */
int launcher_proc_oom_score(pid_t pid, int score);

#endif
