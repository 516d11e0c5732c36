/* launcher_zygote_process.h - a zygote's process: its jail, its messages, its end. For launcher_zygote.c only. */
#ifndef PYBOX_LAUNCHER_ZYGOTE_PROCESS_H
#define PYBOX_LAUNCHER_ZYGOTE_PROCESS_H

#include "sandbox/launcher_zygote.h"

/* Returns 0, or -1 with zygote->reason. */
int zygote_process_start(Zygote *zygote);
/* After its SIGKILL: waits until it is gone, for a second at most. */
void zygote_process_wait(Zygote *zygote);

/* launcher_zygote.c */
void zygote_status_send(const Zygote *zygote, ControlZygote status);
/* It has no process any more. The zygote may be freed. */
void zygote_fall(Zygote *zygote);

#endif
