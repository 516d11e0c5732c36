/*
 * policy_store.c - loads the policy file into shared memory. Runs in the scheduler (start, SIGHUP) and in the backend
 * that calls pybox.reload_policy().
 */
#include "scheduler/policy_store.h"

#include "access/xact.h"
#include "common/cryptohash.h"
#include "common/sha2.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "sandbox/fault.h"
#include "scheduler/clock.h"
#include "scheduler/event.h"
#include "scheduler/policy_floor.h"
#include "scheduler/queue_policy.h"
#include "scheduler/rule_store.h"
#include "scheduler/shared.h"
#include "scheduler/slot.h"
#include "scheduler/wait_event.h"

#define BUILTIN_SOURCE "built-in default"
#define FIRST_TIMEOUT_MS 10000
#define FIRST_TICK_MS 20

char *policy_store_file = NULL;

static Policy *local_policy = NULL;
static uint64 local_generation = 0;

static void
fault_report(int elevel, const char *source, const PolicyError *error)
{
	if (error->line > 0)
		ereport(elevel, (errcode(ERRCODE_CONFIG_FILE_ERROR), errmsg("invalid pybox policy: %s:%d:%d: %s", source,
																	error->line, error->column, error->message)));
	else
		ereport(elevel,
				(errcode(ERRCODE_CONFIG_FILE_ERROR), errmsg("invalid pybox policy: %s: %s", source, error->message)));
}

/* Where the holders and waiters of each old pool go. */
static void
pools_match(const Policy *old, const Policy *new, int32_t *moves)
{
	for (int i = 0; i < old->pool_count; i++)
		moves[i] = policy_pool_heir(new, old->pools[i].name);
}

/* Whether both select the same calls; pools go by name. */
static bool
selectors_equal(const Policy *one, const PolicySelector *a, const Policy *other, const PolicySelector *b)
{
	const char *a_pool = a->pool < 0 ? "" : one->pools[a->pool].name;
	const char *b_pool = b->pool < 0 ? "" : other->pools[b->pool].name;

	return strcmp(a->function, b->function) == 0 && strcmp(a->role, b->role) == 0 &&
		   strcmp(a->database, b->database) == 0 && strcmp(a_pool, b_pool) == 0;
}

/* Which new cap, if any, goes on with what each old one has counted; one that has been taken is not taken again. */
static void
caps_match(const Policy *old, const Policy *new, int32_t *moves)
{
	uint64 taken = 0;

	for (int i = 0; i < old->cap_count; i++)
	{
		moves[i] = QUEUE_NOBODY;
		for (int j = 0; j < new->cap_count &&moves[i] == QUEUE_NOBODY; j++)
			if ((taken >> j & 1) == 0 && selectors_equal(old, &old->caps[i].who, new, &new->caps[j].who))
				moves[i] = j;
		if (moves[i] != QUEUE_NOBODY)
			taken |= UINT64CONST(1) << moves[i];
	}
}

/* Gives the queue the new definitions. Caller holds the lock; shared->policy is the old one still. */
static void
policy_queue_configure(const Policy *policy, uint64 generation)
{
	QueuePlan plan;
	int32_t pool_moves[POLICY_POOLS_MAX], cap_moves[POLICY_CAPS_MAX];

	queue_plan(policy, &plan);
	plan.setup.version = generation;
	if (generation > 1)
	{
		pools_match(&shared->policy, policy, pool_moves);
		caps_match(&shared->policy, policy, cap_moves);
		plan.setup.pool_moves = pool_moves;
		plan.setup.cap_moves = cap_moves;
	}
	queue_configure(shared_queue(), &plan.setup);
}

/* Tells the hash of the one before; empty: there was none. */
static void
policy_install(const PolicyDraft *draft, const char *hash, char old_hash[POLICY_HASH_SIZE])
{
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	strlcpy(old_hash, shared->policy_hash, POLICY_HASH_SIZE);
	policy_queue_configure(draft->policy, policy_store_generation() + 1);
	memcpy(&shared->policy, draft->policy, sizeof(Policy));
	memcpy(shared->policy_text, draft->text, draft->length);
	shared->policy_length = draft->length;
	strlcpy(shared->policy_source, draft->source, sizeof(shared->policy_source));
	strlcpy(shared->policy_hash, hash, sizeof(shared->policy_hash));
	shared->policy_loaded_at = GetCurrentTimestamp();
	shared->policy_refused = false;
	shared->policy_changed = true;
	for (int pool = 0; pool < POLICY_POOLS_MAX; pool++)
		shared->zygotes[pool][0].state = shared->zygotes[pool][1].state = -1;
	rule_store_install(draft->policy, policy_store_generation() + 1);
	pg_atomic_fetch_add_u64(&shared->policy_generation, 1);
	slot_settle(clock_now());
	slot_wake_all();
	shared_wake_scheduler();
	LWLockRelease(shared->lock);
}

/* As sha256sum and pybox-policy check have it. The server's hashes need a resource owner, which the scheduler lacks. */
static void
text_hash(const char *text, size_t length, char hash[POLICY_HASH_SIZE])
{
	ResourceOwner outer = CurrentResourceOwner, mine = ResourceOwnerCreate(outer, "pybox policy");
	pg_cryptohash_ctx *context;
	uint8 sum[PG_SHA256_DIGEST_LENGTH];

	CurrentResourceOwner = mine;
	context = pg_cryptohash_create(PG_SHA256);
	if (context == NULL || pg_cryptohash_init(context) < 0 ||
		pg_cryptohash_update(context, (const uint8 *) text, length) < 0 ||
		pg_cryptohash_final(context, sum, sizeof(sum)) < 0)
		elog(ERROR, "could not hash the pybox policy: %s", pg_cryptohash_error(context));
	pg_cryptohash_free(context);
	CurrentResourceOwner = outer;
	ResourceOwnerDelete(mine);
	for (int i = 0; i < (POLICY_HASH_SIZE - 1) / 2; i++)
		snprintf(hash + 2 * i, 3, "%02x", sum[i]);
}

static void
reload_record(const PolicyDraft *draft, const char *old_hash, const char *new_hash)
{
	Event event = {
		.kind = EVENT_RELOAD,
		.actor = IsTransactionState() ? GetUserId() : InvalidOid,
		.actor_pid = MyProcPid,
		.metric = -1,
	};

	snprintf(event.detail, sizeof(event.detail), "hash %s to %s%s, from %s", old_hash, new_hash,
			 strcmp(old_hash, new_hash) == 0 ? " (the same)" : "", draft->source);
	event_record(&event);
}

bool
policy_store_check(PolicyDraft *draft, int elevel)
{
	PolicyError error;

	draft->policy = palloc(sizeof(Policy));
	if (policy_parse(draft->text, draft->length, draft->policy, &error) == 0 &&
		policy_floor_check(draft->policy, &error) == 0)
		return true;
	fault_report(elevel, draft->source, &error);
	return false;
}

bool
policy_store_read(PolicyDraft *draft, int elevel)
{
	char *buffer;
	PolicyError error;

	if (policy_store_file == NULL || policy_store_file[0] == '\0')
	{
		*draft = (PolicyDraft){
			.source = BUILTIN_SOURCE, .text = policy_default_text(), .length = strlen(policy_default_text())};
		return policy_store_check(draft, elevel);
	}
	buffer = palloc(POLICY_TEXT_MAX);
	*draft = (PolicyDraft){.source = policy_store_file, .text = buffer, .length = POLICY_TEXT_MAX};
	if (policy_read(policy_store_file, buffer, &draft->length, &error) == 0)
		return policy_store_check(draft, elevel);
	fault_report(elevel, draft->source, &error);
	return false;
}

static bool
draft_load(int elevel)
{
	char old_hash[POLICY_HASH_SIZE], new_hash[POLICY_HASH_SIZE];
	PolicyDraft draft;

	if (!policy_store_read(&draft, elevel))
		return false;
	text_hash(draft.text, draft.length, new_hash);
	(void) FAULT_POINT("backend.policy_install");
	policy_install(&draft, new_hash, old_hash);
	if (old_hash[0] != '\0')
		reload_record(&draft, old_hash, new_hash);
	return true;
}

bool
policy_store_load(int elevel)
{
	MemoryContext mine = AllocSetContextCreate(CurrentMemoryContext, "pybox policy", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(mine);
	bool loaded = draft_load(elevel);

	MemoryContextSwitchTo(old);
	MemoryContextDelete(mine);
	return loaded;
}

uint64
policy_store_generation(void)
{
	return pg_atomic_read_u64(&shared->policy_generation);
}

uint64
policy_store_local_generation(void)
{
	return local_generation;
}

void
policy_store_refuse(void)
{
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	shared->policy_refused = true;
	LWLockRelease(shared->lock);
}

/* The scheduler loads it when the server starts, at the same time as the first sessions. */
static void
policy_await_first(void)
{
	TimestampTz deadline = TimestampTzPlusMilliseconds(clock_now(), FIRST_TIMEOUT_MS);

	while (policy_store_generation() == 0)
	{
		if (shared->policy_refused)
			ereport(ERROR,
					(errcode(ERRCODE_CONFIG_FILE_ERROR), errmsg("pybox has no policy: its file could not be used"),
					 errdetail("Calls are refused rather than run under another policy than the file's."),
					 errhint("The server log tells what is wrong. Mend the file and call pybox.reload_policy().")));
		if (clock_now() >= deadline)
			ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("pybox has no policy yet"),
							errdetail("The pybox scheduler did not start within %d s.", FIRST_TIMEOUT_MS / 1000),
							errhint("The server log tells why.")));
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, FIRST_TICK_MS,
						 wait_event_info(WAIT_NAME_INTERPRETER));
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

void
policy_store_refresh(void)
{
	if (likely(local_policy != NULL && local_generation == policy_store_generation()))
		return;
	policy_await_first();
	if (local_policy == NULL)
		local_policy = MemoryContextAlloc(TopMemoryContext, sizeof(Policy));
	LWLockAcquire(shared->lock, LW_SHARED);
	policy_copy(local_policy, &shared->policy);
	local_generation = policy_store_generation();
	LWLockRelease(shared->lock);
}

const Policy *
policy_store_get(void)
{
	if (local_policy == NULL)
		policy_store_refresh();
	return local_policy;
}

Policy *
policy_store_copy(void)
{
	Policy *copy = palloc(sizeof(Policy));

	policy_await_first();
	LWLockAcquire(shared->lock, LW_SHARED);
	policy_copy(copy, &shared->policy);
	LWLockRelease(shared->lock);
	return copy;
}

Policy *
policy_store_peek(void)
{
	Policy *copy = palloc(sizeof(Policy));

	LWLockAcquire(shared->lock, LW_SHARED);
	policy_copy(copy, &shared->policy);
	LWLockRelease(shared->lock);
	return copy;
}
