/*
 * rule_store.c - the rules' part of shared memory; see rule_store.h. Runs in the scheduler, and in backends that reload or look.
 */
#include "scheduler/rule_store.h"

#include "storage/lwlock.h"

#include "scheduler/shared.h"

#define POLICIES_KEPT 8
#define OFFENCES_MAX 256

/* The names of a policy's rules, by their numbers. */
typedef struct RuleNames
{
	uint64 generation; /* 0: none */
	int32 count;
	char names[POLICY_RULES_MAX][POLICY_NAME_SIZE];
} RuleNames;

typedef struct RuleOffender
{
	char rule[POLICY_NAME_SIZE]; /* empty: free */
	Oid database, function;
	uint64 body;
	int32 count;
	TimestampTz last_at; /* by clock_now() */
} RuleOffender;

typedef struct RuleStore
{
	RuleNames policies[POLICIES_KEPT]; /* under shared->lock */
	int32 count;
	RuleCount counts[POLICY_RULES_MAX];
	RuleOffender offenders[OFFENCES_MAX];
} RuleStore;

static RuleStore *
rule_store(void)
{
	return shared_part(SHARED_RULES);
}

Size
rule_store_size(void)
{
	return sizeof(RuleStore);
}

void
rule_store_initialize(void)
{
	memset(rule_store(), 0, sizeof(RuleStore));
}

static RuleCount *
count_find(RuleCount *counts, int count, const char *name)
{
	for (int i = 0; i < count; i++)
		if (strcmp(counts[i].name, name) == 0)
			return &counts[i];
	return NULL;
}

/* Rules that keep their names keep their counts. */
static void
counts_install(RuleStore *store, const Policy *policy)
{
	RuleCount old[POLICY_RULES_MAX];
	int old_count = store->count;

	memcpy(old, store->counts, sizeof(old));
	memset(store->counts, 0, sizeof(store->counts));
	store->count = policy->rule_count;
	for (int i = 0; i < policy->rule_count; i++)
	{
		const RuleCount *former = count_find(old, old_count, policy->rules[i].name);

		if (former != NULL)
			store->counts[i] = *former;
		strlcpy(store->counts[i].name, policy->rules[i].name, POLICY_NAME_SIZE);
	}
}

void
rule_store_install(const Policy *policy, uint64 generation)
{
	RuleStore *store = rule_store();
	RuleNames *names = &store->policies[generation % POLICIES_KEPT];

	Assert(LWLockHeldByMeInMode(shared->lock, LW_EXCLUSIVE));
	names->generation = generation;
	names->count = policy->rule_count;
	for (int i = 0; i < policy->rule_count; i++)
		strlcpy(names->names[i], policy->rules[i].name, POLICY_NAME_SIZE);
	LWLockAcquire(shared_part_lock(SHARED_RULES), LW_EXCLUSIVE);
	counts_install(store, policy);
	LWLockRelease(shared_part_lock(SHARED_RULES));
}

static int32
rule_find(const Policy *policy, const char *name)
{
	for (int32 i = 0; i < policy->rule_count; i++)
		if (strcmp(policy->rules[i].name, name) == 0)
			return i;
	return -1;
}

bool
rule_store_moves(uint64 generation, const Policy *now, int32 *moves)
{
	const RuleNames *names = &rule_store()->policies[generation % POLICIES_KEPT];
	bool known;

	memset(moves, -1, POLICY_RULES_MAX * sizeof(int32));
	LWLockAcquire(shared->lock, LW_SHARED);
	known = names->generation == generation;
	for (int32 i = 0; known && i < names->count; i++)
		moves[i] = rule_find(now, names->names[i]);
	LWLockRelease(shared->lock);
	return known;
}

void
rule_store_count(const char *rule, bool acted)
{
	RuleStore *store = rule_store();
	TimestampTz now = GetCurrentTimestamp();
	RuleCount *count;

	LWLockAcquire(shared_part_lock(SHARED_RULES), LW_EXCLUSIVE);
	count = count_find(store->counts, store->count, rule);
	if (count != NULL && acted)
	{
		count->acted++;
		count->last_at = now;
	}
	else if (count != NULL)
		count->matched++;
	LWLockRelease(shared_part_lock(SHARED_RULES));
}

int
rule_store_counts(RuleCount *list)
{
	const RuleStore *store = rule_store();
	int count;

	LWLockAcquire(shared_part_lock(SHARED_RULES), LW_SHARED);
	count = store->count;
	memcpy(list, store->counts, count * sizeof(RuleCount));
	LWLockRelease(shared_part_lock(SHARED_RULES));
	return count;
}

/* The one there is; else a free one, or that which has been good for longest. */
static RuleOffender *
offender_find(RuleStore *store, const char *rule, Oid database, Oid function, uint64 body)
{
	RuleOffender *oldest = &store->offenders[0];

	for (int i = 0; i < OFFENCES_MAX; i++)
	{
		RuleOffender *one = &store->offenders[i];

		if (one->database == database && one->function == function && one->body == body && strcmp(one->rule, rule) == 0)
			return one;
		if (one->last_at < oldest->last_at)
			oldest = one;
	}
	memset(oldest, 0, sizeof(*oldest));
	strlcpy(oldest->rule, rule, sizeof(oldest->rule));
	oldest->database = database;
	oldest->function = function;
	oldest->body = body;
	return oldest;
}

int
rule_store_offence(const char *rule, Oid database, Oid function, uint64 body, int64 window_us, int after,
				   TimestampTz now)
{
	RuleOffender *offender;
	int count;

	LWLockAcquire(shared_part_lock(SHARED_RULES), LW_EXCLUSIVE);
	offender = offender_find(rule_store(), rule, database, function, body);
	if (offender->count > 0 && window_us > 0 && now - offender->last_at > window_us)
		offender->count = 0;
	offender->last_at = now;
	count = ++offender->count;
	if (count >= after)
		memset(offender, 0, sizeof(*offender));
	LWLockRelease(shared_part_lock(SHARED_RULES));
	return count;
}
