/*
 * policy_read.h - what a policy file must be like before a byte of it is read.
 */
#ifndef PYBOX_POLICY_READ_H
#define PYBOX_POLICY_READ_H

#include "policies/policy.h"

#include <sys/stat.h>

/*
 * A regular file of root or of the user `self`, which nobody else can write, not too long. Returns 0, or -1 with *error
 * filled in; path is for the command in the message that mends it.
 */
int policy_read_check(const struct stat *status, uid_t self, const char *path, PolicyError *error);

#endif
