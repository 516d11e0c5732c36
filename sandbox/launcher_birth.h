/* launcher_birth.h - from a request to the zygote to an armed interpreter. For launcher_interpreter.c only. */
#ifndef PYBOX_LAUNCHER_BIRTH_H
#define PYBOX_LAUNCHER_BIRTH_H

#include "sandbox/launcher_interpreter.h"

/* Takes over pidfd, puts the process into its cgroup and tells it to go on. Returns 0, or -1 with a reason. */
int birth_adopt(Interpreter *interpreter, int pidfd, char *reason, size_t size);
/* The child's socket is readable, or its pidfd. */
void birth_socket_ready(void *interpreter);

#endif
