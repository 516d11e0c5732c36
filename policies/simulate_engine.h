/*
 * simulate_engine.h - one run of the simulator, for simulate*.c alone.
 *
 * DESIGN. A call that has come and not ended has a session, which is a caller of the queue. What happens to a session is the
 * table of simulate_call.c: state × event. turn grows with each change of state, so that events which were meant for an
 * earlier one are void.
 */
#ifndef PYBOX_SIMULATE_ENGINE_H
#define PYBOX_SIMULATE_ENGINE_H

#include "policies/simulate.h"
#include "policies/simulate_event.h"
#include "scheduler/history.h"
#include "scheduler/queue.h"

#define SESSIONS_MAX 65536

_Static_assert(SIMULATE_WHYS == QUEUE_WHY_COUNT, "each reason to wait is counted");

typedef enum SessionState
{
	SESSION_FREE,
	SESSION_WAITING,
	SESSION_RUNNING,
	SESSION_SQL,
	SESSION_STATE_COUNT
} SessionState;

typedef struct Session
{
	SessionState state;
	uint32_t call, turn;
	int32_t pool;		 /* by the policy in force */
	int32_t parts;		 /* with a slot, to come behind this one */
	int64_t part_us;	 /* left of this one */
	int64_t run_us;		 /* left of those behind it */
	int64_t sql_us;		 /* left of all queries */
	int64_t wall_us;	 /* left of the wall limit */
	int64_t attained_us; /* had before the state began */
	int64_t predicted_us;
	RankTable ranks;
	int64_t since_us; /* when the state began */
	int64_t bound_us; /* of this wait; 0: none */
	int64_t lead_us;  /* at the begin of this run: the time in which nothing is done */
	bool begun;		  /* had a slot */
	bool paused;
	int32_t next; /* in the list of free ones */
} Session;

typedef struct Engine
{
	const SimulateSetup *setup;
	const Trace *trace;
	const Policy *policy; /* in force */
	SimulateRun *run;
	Queue *queue;
	Session *sessions;
	History *histories;
	uint32_t *history_numbers; /* by class */
	int32_t *class_pools;
	uint64_t *class_caps;
	EventHeap heap;
	int32_t session_count, free;
	int64_t now, timer_us;
	uint32_t timer_turn;
	int period;
	bool out_of_memory;
	int32_t holding[POLICY_POOLS_MAX], waiting[POLICY_POOLS_MAX];
} Engine;

/* simulate_call.c */
void session_arrive(Engine *engine, uint32_t call);
void session_event(Engine *engine, const SimulateEvent *event);
/* Gives free slots away, and asks for those that are due. */
void engine_dispatch(Engine *engine);
void engine_event(Engine *engine, EventKind kind, int32_t who, uint32_t turn, int64_t at_us);
/* simulate_policy.c: the queue's definitions out of the policy, and what classes count against. */
void engine_configure(Engine *engine, const Policy *policy);
/* simulate_share.c: lets time pass to at_us, for who holds slots and who waits. */
void engine_advance(Engine *engine, int64_t at_us);

#endif
