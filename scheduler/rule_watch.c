/*
 * rule_watch.c - the scheduler's memory of calls under rules; see rule_watch.h. Runs in the scheduler.
 */
#include "scheduler/rule_watch.h"

#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "scheduler/rule_store.h"

#define FORGET_US (2 * USECS_PER_SEC)	   /* not seen for so long: over */
#define FORGET_SET_US (60 * USECS_PER_SEC) /* what the executor does between rows may take long */
#define SEEN_US (USECS_PER_SEC / 4)		   /* so long ago counts as now for who is in an interpreter */

typedef struct Clock
{
	uint64 interpreter;
	uint64 cpu_ns;
	TimestampTz read_at;
} Clock;

static HTAB *watches = NULL;
static HTAB *clocks = NULL; /* of interpreters, when they were read last */

static void
watches_initialize(void)
{
	HASHCTL calls = {.keysize = sizeof(WatchKey), .entrysize = sizeof(Watched)};
	HASHCTL interpreters = {.keysize = sizeof(uint64), .entrysize = sizeof(Clock)};

	if (watches != NULL)
		return;
	watches = hash_create("pybox watched calls", 64, &calls, HASH_ELEM | HASH_BLOBS);
	clocks = hash_create("pybox interpreters' clocks", 64, &interpreters, HASH_ELEM | HASH_BLOBS);
}

static Watched *
watch_find(const WatchKey *key, TimestampTz now)
{
	Watched *watched;
	bool found;

	watches_initialize();
	watched = hash_search(watches, key, HASH_ENTER, &found);
	if (!found)
	{
		memset(watched, 0, sizeof(*watched));
		watched->key = *key;
	}
	watched->seen_at = now;
	return watched;
}

Watched *
rule_watch_call(int number, const ActivityCall *call, TimestampTz now)
{
	WatchKey key;
	Watched *watched;

	memset(&key, 0, sizeof(key)); /* with its padding */
	key.id = call->call_id;
	watched = watch_find(&key, now);
	watched->number = number;
	watched->interpreter = call->interpreter;
	watched->lasts = call->rows > 0;
	return watched;
}

Watched *
rule_watch_statement(int number, const ActivityCall *call, TimestampTz now)
{
	WatchKey key;

	memset(&key, 0, sizeof(key));
	key.id = (uint64) call->statement;
	key.pid = call->pid;
	key.function = call->function;
	return watch_find(&key, now);
}

void
rule_watch_follow(Watched *watched, const Policy *policy, uint64 generation)
{
	int32 moves[POLICY_RULES_MAX];

	if (watched->policy == generation)
		return;
	if (watched->policy != 0)
	{
		(void) rule_store_moves(watched->policy, policy, moves);
		rule_watch_renumber(&watched->watch, moves, POLICY_RULES_MAX);
	}
	watched->policy = generation;
}

/* What of the interpreter's CPU time is new since it was read last. */
static int64
clock_advance(const ControlUsage *usage, TimestampTz now)
{
	bool found;
	Clock *clock = hash_search(clocks, &usage->id, HASH_ENTER, &found);
	uint64 last = found ? clock->cpu_ns : 0;

	clock->cpu_ns = usage->cpu_ns;
	clock->read_at = now;
	return usage->cpu_ns > last ? (int64) (usage->cpu_ns - last) / 1000 : 0;
}

/* A call that has not been measured before cannot have used more than the time it ran; threads show at the next look. */
static void
call_measure(Watched *watched, const ControlUsage *usage, int64 used_us)
{
	watched->measure.cpu_us += watched->measured ? used_us : Min(used_us, watched->run_us);
	watched->measure.memory = (int64) usage->memory;
	watched->measure.temp = (int64) usage->temp;
	watched->measured = true;
	activity_measure_set(watched->number, watched->key.id, &watched->measure);
}

void
rule_watch_measure(const ControlUsage *usage, TimestampTz now)
{
	HASH_SEQ_STATUS scan;
	Watched *watched;
	int64 used_us;

	watches_initialize();
	if (usage->id == 0 || usage->memory == 0)
		return;
	used_us = clock_advance(usage, now);
	hash_seq_init(&scan, watches);
	while ((watched = hash_seq_search(&scan)) != NULL)
		if (watched->key.pid == 0 && watched->interpreter == usage->id && now - watched->seen_at < SEEN_US)
			call_measure(watched, usage, used_us);
}

void
rule_watch_sweep(TimestampTz now)
{
	HASH_SEQ_STATUS scan;
	Watched *watched;
	Clock *clock;

	watches_initialize();
	hash_seq_init(&scan, watches);
	while ((watched = hash_seq_search(&scan)) != NULL)
		if (now - watched->seen_at > (watched->lasts ? FORGET_SET_US : watched->key.pid != 0 ? FORGET_US : 0))
			(void) hash_search(watches, &watched->key, HASH_REMOVE, NULL);
	hash_seq_init(&scan, clocks);
	while ((clock = hash_seq_search(&scan)) != NULL)
		if (now - clock->read_at > FORGET_SET_US)
			(void) hash_search(clocks, &clock->interpreter, HASH_REMOVE, NULL);
}
