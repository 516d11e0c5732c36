/* launcher_grant.h - the folders that a pool shows to its interpreters, checked before a zygote starts. Runs in the launcher. */
#ifndef PYBOX_LAUNCHER_GRANT_H
#define PYBOX_LAUNCHER_GRANT_H

#include <stddef.h>

#include "sandbox/launcher.h"

/* Returns 0, or -1 with the reason, which names the folder. */
int launcher_grant_check(const Launcher *launcher, const PolicyPool *pool, char *reason, size_t size);

#endif
