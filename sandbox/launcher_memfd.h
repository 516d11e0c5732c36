/* launcher_memfd.h - anonymous files that are handed out sealed. Runs in the launcher. */
#ifndef PYBOX_LAUNCHER_MEMFD_H
#define PYBOX_LAUNCHER_MEMFD_H

#include <stddef.h>

#define LAUNCHER_SEAL_SIZE (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)
#define LAUNCHER_SEAL_ALL (LAUNCHER_SEAL_SIZE | F_SEAL_WRITE)

/* A file of size bytes that starts with length bytes, under F_SEAL_ seals. Returns a descriptor of the caller's or -errno. */
int launcher_memfd_make(const char *name, size_t size, const void *bytes, size_t length, int seals);

#endif
