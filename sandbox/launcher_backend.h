/* launcher_backend.h - the connections of server processes. Runs in the launcher. */
#ifndef PYBOX_LAUNCHER_BACKEND_H
#define PYBOX_LAUNCHER_BACKEND_H

#include <sys/types.h>

#include "sandbox/launcher.h"

struct Backend
{
	Backend *next;
	Launcher *launcher;
	LauncherSource socket;
	pid_t pid;
	bool is_broken; /* closed at the next turn of the loop */
};

/* Makes the socket and listens. Returns 0 or -errno. */
int backend_listen(Launcher *launcher);
/* A backend that does not take its messages is broken. */
void backend_send(Backend *backend, const ControlMessage *message, const int *fds, int count);
/* Closes the broken ones, whose leases end, and listens again after a pause. */
void backend_expire(Launcher *launcher, int64_t now_ms);
int64_t backend_deadline(const Launcher *launcher);
void backend_stop(Launcher *launcher);

#endif
