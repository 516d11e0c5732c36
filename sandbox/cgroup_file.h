/*
 * cgroup_file.h - the files of a cgroup directory: numbers in, numbers out, trees away. For the back ends only.
 */
#ifndef PYBOX_CGROUP_FILE_H
#define PYBOX_CGROUP_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "sandbox/cgroup.h"

/* Joins the parts, group may be empty; -ENAMETOOLONG when they do not fit, -EINVAL when group climbs out. */
int cgroup_file_path(char path[CGROUP_PATH_SIZE], const char *root, const char *group, const char *file);
int cgroup_file_write(const char *root, const char *group, const char *file, const char *text);
int cgroup_file_write_number(const char *root, const char *group, const char *file, int64_t number);
int cgroup_file_read(const char *root, const char *group, const char *file, char *text, size_t size);
/* A file that holds one number, or the number after key in a file of "key number" lines. 0 where there is none. */
uint64_t cgroup_file_number(const char *root, const char *group, const char *file);
uint64_t cgroup_file_keyed(const char *root, const char *group, const char *file, const char *key);
/* Sends SIGKILL to all in the group's own cgroup.procs. */
int cgroup_file_kill(const char *root, const char *group);
/* Calls visit for each group below group, the deepest first, and for group itself last. Stops at an error. */
int cgroup_file_walk(const char *root, const char *group, int (*visit)(const char *root, const char *group));
int cgroup_file_remove(const char *root, const char *group);

#endif
