/*
 * limit.h - errors of a pool's limits: each names pool, limit, value and call.
 */
#ifndef PYBOX_LIMIT_H
#define PYBOX_LIMIT_H

#include "postgres.h"

#include "handler/call.h"
#include "handler/error.h"

/* Raises the error for a limit that the child's exception came from, if its text names one that the pool has; or returns. */
void limit_report(const ErrorFields *fields);
/* Counts a message of so many bytes; raises 54000 when the call has sent too many. */
void limit_log(Call *call, size_t bytes);
/* A call, or the next step of a set, has its interpreter: when to look at its CPU time first. Raises 57014. */
void limit_cpu_begin(Call *call, TimestampTz now);
/* It is time to look: raises 57014 when the call has used more CPU time than it may, else sets when to look again. */
void limit_cpu(Call *call);
/* The interpreter's CPU clock, with what it started as far as that is known, in us; -1: it is gone. */
int64 limit_cpu_clock(const Lease *lease);
/* In us, of all steps of a set together. */
int64 limit_cpu_used(const Call *call);

#endif
