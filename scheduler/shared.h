/*
 * shared.h - everything pybox keeps in the server's shared memory, and the one lock over it.
 *
 * DESIGN. The lock guards the queue, the policy and the launcher's report. Calls (activity.h) are written by their own
 * backend alone, without the lock. Nothing here is a pointer but the latches, which live as long as the server.
 */
#ifndef PYBOX_SHARED_H
#define PYBOX_SHARED_H

#include "postgres.h"

#include "port/atomics.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "utils/timestamp.h"

#include "policies/policy.h"
#include "sandbox/layer.h"
#include "scheduler/queue.h"

/* What the launcher said of one layer of this machine. */
typedef struct SharedLayer
{
	bool known;
	int32 error;	  /* errno of the probe, 0: works */
	char detail[256]; /* of what works: how; else why not */
	char hint[256];	  /* commands, may be empty */
} SharedLayer;

/* What the launcher said of one zygote: [pool][trusted]. */
typedef struct SharedZygote
{
	int32 state; /* ControlZygote, or -1: never started */
	uint32 layers;
	int32 pid;
	char reason[512];
} SharedZygote;

#define SHARED_FLOORS 64

/* What the preload list of a zygote was seen to need; see policy_floor.c. */
typedef struct SharedFloor
{
	uint64 key; /* of the list; 0: none */
	int64 need; /* bytes */
} SharedFloor;

/* What is kept beside struct Shared, each by the file of its name; a row for each in shared.c. */
typedef enum SharedPart
{
	SHARED_QUEUE,
	SHARED_CALLS,
	SHARED_GATES,
	SHARED_EVENTS,
	SHARED_RULES,
	SHARED_BUDGETS,
	SHARED_STATISTICS,
	SHARED_RECORDER,
	SHARED_PART_COUNT
} SharedPart;

typedef struct Shared
{
	LWLock *lock;
	Latch *scheduler; /* NULL: no scheduler runs */
	int32 scheduler_pid, launcher_pid;
	pg_atomic_uint32 launcher_generation; /* grows when a launcher is ready and when it is lost; odd: ready */
	pg_atomic_uint64 next_call;
	pg_atomic_uint64 policy_generation;
	pg_atomic_uint32 walls_watched; /* 1: the scheduler ticks for calls that are in SQL */
	TimestampTz
		tick_at; /* when the scheduler looks at the queue next, by clock_now(); 0: not before it is woken. Under the lock */
	pg_atomic_uint32 rules_watched; /* 1: it ticks for calls that rules or budgets are about */
	TimestampTz policy_loaded_at;
	bool policy_refused; /* there is a file, but none that could be used since the server started */
	bool policy_changed; /* the scheduler has yet to tell the launcher */
	char policy_source[MAXPGPATH];
	char policy_hash[POLICY_HASH_SIZE];
	size_t policy_length;
	char policy_text[POLICY_TEXT_MAX];
	Policy policy;
	SharedLayer layers[LAYER_COUNT];
	SharedZygote zygotes[POLICY_POOLS_MAX][2];
	SharedFloor floors[SHARED_FLOORS];
	uint32 next_floor;
	Size parts[SHARED_PART_COUNT]; /* offsets */
} Shared;

/* NULL where pybox is not in shared_preload_libraries; shared_require() raises the error that says so. */
extern Shared *shared;

void shared_request(void);
void shared_attach(void);
void shared_require(void);
int shared_backends(void);
/* The running backend's number in queue and activity, 0..shared_backends()-1. */
int shared_my_number(void);
void *shared_part(SharedPart part);
/* A lock that the part's file may use; taken within shared->lock, if together, never around it. */
LWLock *shared_part_lock(SharedPart part);
Queue *shared_queue(void);
/* Sets the scheduler's latch, if there is one. */
void shared_wake_scheduler(void);
bool shared_launcher_ready(void);

#endif
