/* launcher_machine.h - what can be read about the machine and what is around us. For the causes of missing layers. */
#ifndef PYBOX_LAUNCHER_MACHINE_H
#define PYBOX_LAUNCHER_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MACHINE_TEXT_SIZE 512

/* CLOCK_MONOTONIC. */
int64_t machine_now_ms(void);
/* A file's first line; false, and an empty text, where there is none. */
bool machine_text(const char *path, char *text, size_t size);
/* The number that a file holds, or -1. */
int64_t machine_number(const char *path);
/* Whether something is mounted right there, as a chroot's root is not. */
bool machine_is_mounted(const char *path);
/* Whether a file of a process's security attributes names an enforced profile. */
bool machine_is_enforced(const char *path);
/* Whether this process runs under a seccomp filter. */
bool machine_has_filter(void);
/* Which version has the memory controller: 2, 1, or 0: none. */
int machine_cgroup_version(void);
/* Where version 2 is mounted. */
void machine_cgroup_mount(char *text, size_t size);
/* The folders of a version 1 cgroup, one for each hierarchy that matters, with spaces between. */
void machine_cgroup_folders(const char *name, char *text, size_t size);

#endif
