/*
 * capability.h - gives up capabilities of the calling thread. Runs in the launcher's forked children and in interpreters.
 */
#ifndef PYBOX_CAPABILITY_H
#define PYBOX_CAPABILITY_H

#include <stdint.h>

#define CAPABILITY_BIT(capability) (UINT64_C(1) << (capability))

/*
 * Drops all but keep from the bounding, inheritable, permitted and effective sets; keep survives an execve by the ambient
 * set. Returns 0, or -errno when something is left that should be gone.
 */
int capability_drop(uint64_t keep);

#endif
