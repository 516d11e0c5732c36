/*
 * lease.h - an interpreter this session has leased: one for each (role, language, pool).
 *
 * DESIGN. A lease lives until the session ends, DISCARD ALL, a policy that defines its pool anew, its idle timeout, its death
 * or its misbehaviour. depth counts
 * the calls on its stack: while it is above zero the lease is pinned. A dead lease stays in the list until nobody pins it.
 */
#ifndef PYBOX_LEASE_H
#define PYBOX_LEASE_H

#include "postgres.h"

#include "handler/channel.h"
#include "handler/launcher.h"
#include "policies/policy.h"

#define LEASE_WEIGHT_USUAL 100
#define LEASE_WEIGHT_LEAST 1

typedef struct Lease
{
	struct Lease *next;
	Oid role;
	bool trusted;
	PolicyPool pool;		  /* as it was when the lease was made */
	uint64 policy_generation; /* the last one that left the pool as it was */
	uint64 id;
	int pid;
	uint32 generation; /* of the launcher */
	int weight;		   /* share of the CPU that it has asked for */
	int pidfd, socket;
	int sets; /* open sets whose iterators it holds; they keep it as calls do */
	int depth;
	int64 charged_us; /* up to where its CPU clock is charged to budgets, see account.c; -1: it is nobody's */
	uint64 charged_call, charged_budgets, charged_policy;
	bool greeted; /* WIRE_HELLO was sent */
	bool is_cold; /* the launcher had none ready; until a call has taken note of it */
	bool killed;
	bool is_told; /* death says how it died */
	LauncherDeath death;
	struct WatchPage *watch; /* what the launcher may know of us */
	int64 memory_peak;		 /* bytes, when it was last looked at */
	Channel channel;
	uint64 types; /* generation that it was last told of, see call.c */
	uint8 *sent;  /* by handle: this function or type was sent */
	uint32 sent_size;
} Lease;

/*
 * The session's lease for these, made when there is none. Raises 55000, 53000, 58000 when the launcher refuses, and what
 * check(arg), called while it waits, raises.
 */
Lease *lease_get(Oid role, bool trusted, const PolicyPool *pool, void (*check)(void *arg), void *arg);
/* The lease with this id if it still lives, else NULL. */
Lease *lease_find(uint64 id);
/* Marks it busy or idle for the launcher's idle timeout; false: it was reclaimed. */
bool lease_enter(Lease *lease);
void lease_leave(Lease *lease);
/* Something is about to be sent to it, to be done by deadline (clock_now()); cheap unless it was stopped. */
void lease_run(Lease *lease, TimestampTz deadline);
/* It has nothing to do until the next lease_run(): what runs in it then has no slot, and the launcher stops it. */
void lease_rest(Lease *lease);
/*
 * Stops what runs in it, all its processes, until the next lease_run(): which is due however the call goes on or ends, unless the
 * lease is killed. Returns at once; children beyond its process group stand still a moment later.
 */
void lease_pause(Lease *lease);
/* Its share of the CPU beside its pool's others, 1..10000, LEASE_WEIGHT_USUAL in the beginning; cheap when that is so already. */
void lease_weigh(Lease *lease, int weight);
/* CPU time of all its processes, in us, as of a moment ago; 0: not known. */
int64 lease_cpu_us(const Lease *lease);
/* Another number each time it rests or is paused. */
uint32 lease_turn(const Lease *lease);
/*
 * Bytes that a call took which began at that turn and is over, as far as that can be told; 0: not known. asks: the launcher may
 * be asked, for a moment. Raises nothing.
 */
int64 lease_memory(Lease *lease, uint32 turn, bool asks);
/* Whether the process ends, or was killed by this backend: waits a moment for a death that its closed socket announced. */
bool lease_is_ending(const Lease *lease);
/* Of one that ends: a first thread that is gone may have left others, which would run on. Why it ended stays what it was. */
void lease_end_threads(const Lease *lease);
/* SIGINT, for WireShared.cancel_call. */
void lease_interrupt(Lease *lease);
/* SIGKILL, at once; the lease is dead then. Never raises. */
void lease_kill(Lease *lease);
/*
 * Has the child drop what number stands for (WIRE_FORGET, WIRE_CLOSE) and waits until the finalizers are through, for a second:
 * what takes longer dies with the child. Raises nothing.
 */
void lease_drop(Lease *lease, WireKind kind, uint32 number);
/* Has it drop a function that it knows, by lease_drop. */
void lease_forget(Lease *lease, uint32 handle);
/* The same of every lease of the session. */
void lease_forget_all(uint32 handle);
/* Ends those that nothing uses. */
void lease_drop_all(void);
/* Whether the interpreter has what handle names; says so from now on. */
bool lease_knows(Lease *lease, uint32 handle);
void lease_learns(Lease *lease, uint32 handle);
/* Raises the error that tells how it died; call_id for the detail. */
void lease_death_report(Lease *lease, uint64 call_id, const PolicyPool *pool) pg_attribute_noreturn();

#endif
