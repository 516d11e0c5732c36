/*
 * launcher_grave.h - cgroups whose processes are dead or must be: killed, emptied and removed. Runs in the launcher.
 */
#ifndef PYBOX_LAUNCHER_GRAVE_H
#define PYBOX_LAUNCHER_GRAVE_H

#include "sandbox/launcher.h"

/* Kills what is left in the group and removes it, now or as soon as the kernel lets it go. */
void grave_add(Launcher *launcher, const char *group);
int64_t grave_deadline(const Launcher *launcher);
void grave_expire(Launcher *launcher, int64_t now_ms);

#endif
