/*
 * landlock.h - fences the calling thread off: from files, the network and other processes, as far as the kernel can.
 *
 * Runs in the launcher's forked children and in interpreters, while they have one thread.
 */
#ifndef PYBOX_LANDLOCK_H
#define PYBOX_LANDLOCK_H

#include <stddef.h>

typedef enum LandlockAccess
{
	LANDLOCK_MAY_READ,		   /* files and directories */
	LANDLOCK_MAY_EXECUTE,	   /* that and execve */
	LANDLOCK_MAY_WRITE_DEVICE, /* read and write one device node */
	LANDLOCK_MAY_KEEP_FILES,   /* make, change and remove plain files, directories and symbolic links */
	LANDLOCK_MAY_MOVE_FILES,   /* from one directory to another: no ruleset without it allows that */
} LandlockAccess;

typedef enum LandlockReach
{
	LANDLOCK_REACH_ALL,
	LANDLOCK_REACH_PROCESSES, /* files and network stay as they are; others' memory and signals to them do not */
} LandlockReach;

typedef struct LandlockPath
{
	const char *path; /* what does not exist is passed over */
	LandlockAccess access;
} LandlockPath;

/* The newest version whose rights the kernel takes, or -errno: it has none. Changes nothing. */
int landlock_version(void);
/*
 * Denies what is in reach but the given paths. Who is restricted in files, and that is either way, may not mount any
 * more. Returns 0 or -errno. Needs no_new_privs.
 */
int landlock_restrict(LandlockReach reach, const LandlockPath *paths, size_t count);

#endif
