/* launcher_slice.h - for how long the kernel lets an interpreter compute before it looks at others. Runs in the launcher. */
#ifndef PYBOX_LAUNCHER_SLICE_H
#define PYBOX_LAUNCHER_SLICE_H

#include "sandbox/launcher_interpreter.h"

/* Nanoseconds for interpreters of a pool; 0: as the kernel has it for all. */
uint64_t slice_of_pool(const Policy *policy, const char *pool);
/* Gives a process and the threads that it makes from now on its slice. Returns 0 or -errno, -ESRCH where it is gone. */
int slice_set(pid_t pid, uint64_t slice_ns);
/* The policy has changed: all interpreters get theirs. */
void slice_apply(const Launcher *launcher);

#endif
