/*
 * fault.h - named points where a test can stop a process or make it fail. Only a build with FAULTS=1 has any of it.
 *
 * The points are listed in tests/faults.tbl, which says how to add one. Never under a lock: a stopped process keeps what it
 * holds, and no other may have to wait for it.
 */
#ifndef PYBOX_FAULT_H
#define PYBOX_FAULT_H

#include <stdbool.h>

#ifdef PYBOX_FAULTS

/* Tells that the running process has come to the point, and stands still there if a test wants it to. 0, or -EIO to fail. */
int fault_reached(const char *name);
/* A descriptor of the control file for a program without the data directory; otherwise when there is no such file. */
int fault_file(int otherwise);
/* Whether a mapping of this name is the control file's. */
bool fault_is_file(const char *path);
/* Takes the control file that came as standard output, which becomes standard error again. */
void fault_inherit(void);

#define FAULT_POINT(name) fault_reached(name)
#define FAULT_FILE(otherwise) fault_file(otherwise)
#define FAULT_INHERIT() fault_inherit()
#define FAULT_IS_FILE(path) fault_is_file(path)

#else

#define FAULT_POINT(name) 0
#define FAULT_FILE(otherwise) (otherwise)
#define FAULT_INHERIT() ((void) 0)
#define FAULT_IS_FILE(path) false

#endif

#endif
