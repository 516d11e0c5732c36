/*
 * watch.h - one page that a backend and the launcher share for each lease, and the interpreter never sees.
 *
 * DESIGN. A call that begins and ends writes here by plain stores and one exchange, so that the launcher can tell, whenever
 * it looks, whether Python is to run at all, and until when. An interpreter that uses CPU time while it is not to run is
 * stopped by a signal; whoever lets it run next finds WATCH_STOPPED and continues it. Both look at the word again after
 * they have changed it, so that none is left stopped. A call that is paused is its backend's to continue: the launcher does not
 * hold its wall limit against it, which the backend puts off, and stops it again if it uses CPU time all the same, as when a
 * process that the signal did not reach has let it go on.
 *
 * Runs in: backend and launcher.
 */
#ifndef PYBOX_WATCH_H
#define PYBOX_WATCH_H

#include <stdint.h>

typedef enum WatchState
{
	WATCH_RESTS,   /* by backend: no call, or one that waits for SQL or for its slot */
	WATCH_RUNS,	   /* by backend: has been sent something to do */
	WATCH_STOPPED, /* by launcher, in place of WATCH_RESTS */
	WATCH_PAUSED /* by backend, in place of WATCH_RUNS: it has stopped a call that is not over, and will continue it */
} WatchState;

typedef struct WatchPage
{
	uint32_t state;				  /* WatchState */
	uint32_t turn;				  /* by backend: another one each time it rests or is paused */
	uint64_t ends_ms;			  /* by backend: CLOCK_MONOTONIC when the call that runs is to be over; 0: not known */
	uint64_t cpu_ns;			  /* by launcher, now and then: what all processes of an untrusted one have used */
	uint64_t idle_ms;			  /* by backend: CLOCK_MONOTONIC_COARSE when its last call was over */
	uint64_t calls;				  /* by backend: that are over */
	uint64_t memory, memory_peak; /* by launcher, when it looked while Python ran: bytes */
	uint32_t seen_turn;			  /* by launcher, after these: the turn at that look */
	uint32_t
		weight_is_left; /* by launcher: rests for so long that who runs it at an unusual weight is to say so again */
} WatchPage;

#define WATCH_PAGE_SIZE 4096

#endif
