/*
 * simulate.h - what a policy would make of a trace: the server's own queue, driven by calls that take no time.
 *
 * DESIGN. Discrete events. Who runs, waits and gives way is decided by scheduler/queue.c, and what is known of a function's
 * calls by scheduler/history.c, as in the server; here are only the calls, that arrive, run, query, are paused and end, and
 * the clock. A slot is taken to be a core. Nothing is random: the same trace gives the same run. Runs in pybox-policy and
 * unit tests.
 */
#ifndef PYBOX_SIMULATE_H
#define PYBOX_SIMULATE_H

#include "policies/policy.h"
#include "policies/trace.h"

#define SIMULATE_QUERIES_MAX 32 /* a call with more has so many, of the same time in all */
#define SIMULATE_EVENTS_MAX UINT64_C(2000000000)
#define SIMULATE_WHYS 8	   /* QUEUE_WHY_COUNT */
#define SIMULATE_PERIODS 2 /* before and after the reload */

typedef enum SimulatePrediction
{
	SIMULATE_HISTORY, /* as the server: what it learned of the calls that have ended */
	SIMULATE_NOTHING,
	SIMULATE_SIZES /* what the trace says: how much a perfect history would help */
} SimulatePrediction;

typedef enum SimulateFate
{
	SIMULATE_DONE,
	SIMULATE_FULL,		/* the queue had its length */
	SIMULATE_TOO_LARGE, /* it needs more memory than a budget has */
	SIMULATE_TIMED_OUT, /* queue.timeout */
	SIMULATE_WALL,		/* limits.wall */
	SIMULATE_FATE_COUNT
} SimulateFate;

typedef struct SimulateSetup
{
	const Policy *policy;
	const Policy *reload; /* another one with pools of the same names from reload_us on; NULL: none */
	int64_t reload_us;
	int64_t stop_us;	/* what a holder runs on after it was asked for its slot */
	int64_t resume_us;	/* slot time until a call that was paused goes on */
	double speed;		/* calls come so many times as fast */
	int32_t share_rate; /* of on_contention: share: a call without its slot runs at 1 / so much */
	SimulatePrediction prediction;
	bool recorded_pools; /* a call's pool is the trace's, where the policy has it */
} SimulateSetup;

/* Of one call, by its place in Trace.calls; times in us. */
typedef struct SimulateOutcome
{
	int64_t wait_us;	/* for its first slot */
	int64_t longest_us; /* of its single waits, those while it was paused or came from SQL included */
	int64_t excess_us;	/* by which one of them exceeded the ageing bound; 0: none */
	int64_t end_us;		/* since it came, SQL not counted */
	int32_t pool;
	uint32_t pauses;
	SimulateFate fate;
} SimulateOutcome;

/* Of one pool in one period. */
typedef struct SimulatePool
{
	int64_t slot_us; /* that its calls held slots */
	/* Slot time while it had waiters: what it got, and what weights give it of what its priority got. */
	double got_us, due_us;
} SimulatePool;

typedef struct SimulateRun
{
	SimulateOutcome *outcomes; /* NULL: not run */
	uint32_t count;
	int32_t pool_count, slots;
	int64_t begin_us, end_us; /* first arrival, last end */
	int64_t bound_us;		  /* the largest ageing bound of a wait; 0: nothing ages */
	uint64_t events;
	uint64_t whys[SIMULATE_WHYS]; /* waits by what they lacked when they began, QueueWhy */
	SimulatePool pools[SIMULATE_PERIODS][POLICY_POOLS_MAX];
} SimulateRun;

void simulate_setup_init(SimulateSetup *setup, const Policy *policy);
/* Runs a sorted trace. 0, or -1 with *error; simulate_free in both cases. */
int simulate_run(const SimulateSetup *setup, const Trace *trace, SimulateRun *run, PolicyError *error);
void simulate_free(SimulateRun *run);
/* The pool of each class of the trace. */
void simulate_pools_find(const SimulateSetup *setup, const Trace *trace, int32_t *pools);
/* Another number of slots: pools that might use them all may do so again. */
void simulate_slots_set(Policy *policy, int32_t slots);

/*
 * Ideals to compare with, on as many slots, without cost, SQL or limits: all calls share the slots evenly; first come, first
 * served; those run that have the least left, which nobody could know. The outcomes' pools are those of the classes.
 */
int simulate_sharing(const Trace *trace, int32_t slots, SimulateRun *run, PolicyError *error);
int simulate_oracle(const Trace *trace, int32_t slots, SimulateRun *run, PolicyError *error);
/* The best that can be done when it is known how the calls of each function are distributed, but no call's own size. */
int simulate_expected(const Trace *trace, int32_t slots, SimulateRun *run, PolicyError *error);
/* Functions by class: classes of the same function in the same database have one number. 0, or -1 without memory. */
int simulate_functions_number(const Trace *trace, uint32_t *numbers, uint32_t *count);
/* The policy without its order: one pool, no pauses, first come, first served by the same queue. */
void simulate_fifo(const SimulateSetup *setup, Policy *fifo, SimulateSetup *plain);

#endif
