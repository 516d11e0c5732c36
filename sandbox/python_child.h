/*
 * python_child.h - a new interpreter, from its fork to its first frame.
 */
#ifndef PYBOX_PYTHON_CHILD_H
#define PYBOX_PYTHON_CHILD_H

#include <stdbool.h>

#include "sandbox/lockdown.h"

/*
 * Waits for CONTROL_GO, confines itself, says so, and serves. Before it no source of a user is seen. memfd and socket are
 * the only descriptors it keeps, beside 0 to 2; a trusted one's output goes nowhere.
 */
_Noreturn void child_run(const LockdownPlan *plan, bool trusted, int memfd, int socket, int null_fd);

#endif
