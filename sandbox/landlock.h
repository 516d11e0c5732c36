/*
 * landlock.h - restricts the calling thread to given paths and keeps it off the network, as far as the kernel can.
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
} LandlockAccess;

typedef enum LandlockReach
{
	LANDLOCK_REACH_ALL,
	LANDLOCK_REACH_NETWORK, /* not files: a thread restricted in files may not mount any more */
} LandlockReach;

typedef struct LandlockPath
{
	const char *path; /* what does not exist is passed over */
	LandlockAccess access;
} LandlockPath;

/* The kernel's version of Landlock, 0: it has none. */
int landlock_version(void);
/* Denies everything the kernel knows to deny but the given paths. Returns 0 or -errno. Needs no_new_privs. */
int landlock_restrict(LandlockReach reach, const LandlockPath *paths, size_t count);

#endif
