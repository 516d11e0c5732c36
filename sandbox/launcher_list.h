/* launcher_list.h - what the launcher tells of all its interpreters. Runs in the launcher. */
#ifndef PYBOX_LAUNCHER_LIST_H
#define PYBOX_LAUNCHER_LIST_H

#include "sandbox/launcher_backend.h"

/* Answers CONTROL_LIST with one page. */
void list_request(Backend *backend, const ControlMessage *message);

#endif
