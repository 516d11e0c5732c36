/*
 * supervisor.h - starts the launcher, hears it, starts it again with back-off. Runs in the scheduler worker only.
 */
#ifndef PYBOX_SUPERVISOR_H
#define PYBOX_SUPERVISOR_H

#include "postgres.h"

#include "utils/timestamp.h"

#include "sandbox/control.h"

/* pybox.cgroup: the folder below each controller that root delegated to the server's user, CGROUP_AUTO; empty: none. */
extern char *supervisor_cgroup;

/* Where the launcher listens, relative to the data directory; the same in every backend. */
#define SUPERVISOR_SOCKET "pg_stat_tmp/pybox.sock"

/* Does what is due and returns in how many ms to call again, -1: only when the socket speaks. */
long supervisor_tick(TimestampTz now);
/* The socket to wait on, PGINVALID_SOCKET while no launcher runs. */
pgsocket supervisor_socket(void);
/* Asks the launcher something; what it answers comes by supervisor_read(). Nothing is sent while it is not ready, or is behind. */
void supervisor_send(const ControlMessage *message);
/* The socket is readable. */
void supervisor_read(void);

#endif
