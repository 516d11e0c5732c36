/*
 * launcher.h - the backend's connection to the launcher: one socket, opened at the first need, kept for the session.
 */
#ifndef PYBOX_HANDLER_LAUNCHER_H
#define PYBOX_HANDLER_LAUNCHER_H

#include "postgres.h"

#include "sandbox/control.h"

typedef struct LauncherDeath
{
	ControlCause cause;
	int status;
	int64 memory_limit, memory_peak;
} LauncherDeath;

typedef void (*LauncherDeathTaker)(uint64 id, const LauncherDeath *death);

/* Which launcher this session talks to; leases of another generation are gone. */
uint32 launcher_generation(void);
/*
 * Asks for an interpreter. answer is CONTROL_LEASED, with fds, or CONTROL_REFUSED. Raises 57014 and the like when
 * interrupted, what check(arg), called at each wake-up, raises, 58000 when no launcher comes up within ten seconds.
 */
void launcher_lease(ControlMessage *message, int fds[CONTROL_FDS_MAX], void (*check)(void *arg), void *arg);
/* Takes what has come since a lease request was given up: a lease that nobody waits for any more goes back. */
void launcher_drain(void);
/* Gives an interpreter back; the launcher kills it. Never raises. */
void launcher_release(uint64 id);
/*
 * All processes of a leased interpreter's group stand still, or go on. A freeze may be lost when the launcher does not keep up;
 * a thaw that is takes the session's leases along. Never raise.
 */
void launcher_freeze(uint64 id);
void launcher_thaw(uint64 id);
/* Its share of the CPU, see CONTROL_WEIGH; false: the launcher was not told. Never raises. */
bool launcher_weigh(uint64 id, int weight);
/* Who is told of each death, whenever word of it comes, so also of those that are long given back. Raises nothing. */
void launcher_deaths_pass(LauncherDeathTaker taker);
/*
 * Waits up to half a minute until the taker has set *told; false: the notice did not come, or cannot, as the launcher of generation
 * lent_by is not the one that this session talks to.
 */
bool launcher_death_await(uint32 lent_by, const bool *told);
/* Fills usages (at most CONTROL_USAGES_MAX) by id, but temp, as of a moment ago; false: no answer within a second. */
bool launcher_usage(ControlUsage *usages, int count);
/* All of one, as it is now, without a wait worth the name and without raising anything. */
bool launcher_usage_soon(ControlUsage *usage);
/*
 * The interpreters with the numbers that follow id: listed->count of listed->listed, listed->status not 0: there are more.
 * False when the launcher does not answer within a second.
 */
bool launcher_list(uint64 id, ControlMessage *listed);

#endif
