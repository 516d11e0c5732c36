/*
 * rule_store.c - the rules' part of shared memory; see rule_store.h. Runs in the scheduler, and in backends that reload or look.
 */
#include "scheduler/rule_store.h"

#include "common/hashfn.h"
#include "storage/lwlock.h"

#include "scheduler/shared.h"

#define LISTS_KEPT 16
#define OFFENCES_MAX 256

/* The names of the rules, by their numbers, and whom they are about, of policies one after the other that have the same. */
typedef struct RuleNames
{
	uint64 first, last; /* generations; 0: none */
	int32 count;
	char names[POLICY_RULES_MAX][POLICY_NAME_SIZE];
	uint64 about[POLICY_RULES_MAX]; /* whose calls each is about, but for pools: a hash */
} RuleNames;

typedef struct RuleOffender
{
	RuleOffence what; /* its rule empty: free */
	int32 count;
	TimestampTz last_at; /* by clock_now() */
} RuleOffender;

typedef struct RuleStore
{
	RuleNames lists[LISTS_KEPT]; /* under shared->lock */
	int32 newest;				 /* of them */
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

static uint64
text_hash(const char *text, uint64 seed)
{
	return hash_bytes_extended((const unsigned char *) text, (int) strlen(text), seed);
}

/* Of which pool a call is, is looked up by who asks. */
static uint64
about_hash(const PolicySelector *who)
{
	return text_hash(who->function, text_hash(who->role, text_hash(who->database, 0)));
}

static bool
names_are(const RuleNames *names, const Policy *policy)
{
	bool same = names->first != 0 && names->count == policy->rule_count;

	for (int i = 0; same && i < policy->rule_count; i++)
		same =
			strcmp(names->names[i], policy->rules[i].name) == 0 && names->about[i] == about_hash(&policy->rules[i].who);
	return same;
}

static void
names_install(RuleStore *store, const Policy *policy, uint64 generation)
{
	RuleNames *names = &store->lists[store->newest];

	if (!names_are(names, policy))
	{
		store->newest = (store->newest + 1) % LISTS_KEPT;
		names = &store->lists[store->newest];
		names->first = generation;
		names->count = policy->rule_count;
		for (int i = 0; i < policy->rule_count; i++)
		{
			strlcpy(names->names[i], policy->rules[i].name, POLICY_NAME_SIZE);
			names->about[i] = about_hash(&policy->rules[i].who);
		}
	}
	names->last = generation;
}

void
rule_store_install(const Policy *policy, uint64 generation)
{
	RuleStore *store = rule_store();

	Assert(LWLockHeldByMeInMode(shared->lock, LW_EXCLUSIVE));
	names_install(store, policy, generation);
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

static const RuleNames *
names_find(uint64 generation)
{
	for (int i = 0; i < LISTS_KEPT; i++)
	{
		const RuleNames *names = &rule_store()->lists[i];

		if (names->first != 0 && names->first <= generation && generation <= names->last)
			return names;
	}
	return NULL;
}

bool
rule_store_moves(uint64 generation, const Policy *now, int32 *moves)
{
	const RuleNames *names;

	memset(moves, -1, POLICY_RULES_MAX * sizeof(int32));
	LWLockAcquire(shared->lock, LW_SHARED);
	names = names_find(generation);
	for (int32 i = 0; names != NULL && i < names->count; i++)
		moves[i] = rule_find(now, names->names[i]);
	LWLockRelease(shared->lock);
	return names != NULL;
}

uint64
rule_store_same(uint64 generation, const Policy *now)
{
	const RuleNames *names;
	uint64 same = 0;

	LWLockAcquire(shared->lock, LW_SHARED);
	names = names_find(generation);
	for (int32 i = 0; names != NULL && i < names->count; i++)
	{
		int32 found = rule_find(now, names->names[i]);

		if (found >= 0 && names->about[i] == about_hash(&now->rules[found].who))
			same |= UINT64CONST(1) << i;
	}
	LWLockRelease(shared->lock);
	return same;
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

static bool
offence_is(const RuleOffence *one, const RuleOffence *other)
{
	return one->database == other->database && one->function == other->function && one->body == other->body &&
		   one->dry_run == other->dry_run && strcmp(one->rule, other->rule) == 0;
}

/* The one there is; else a free one, or that which has been good for longest, made anew. */
static RuleOffender *
offender_find(RuleStore *store, const RuleOffence *offence)
{
	RuleOffender *oldest = &store->offenders[0];

	for (int i = 0; i < OFFENCES_MAX; i++)
	{
		RuleOffender *one = &store->offenders[i];

		if (offence_is(&one->what, offence))
			return one;
		if (one->last_at < oldest->last_at)
			oldest = one;
	}
	*oldest = (RuleOffender){.what = *offence};
	return oldest;
}

static int32
offences_within(const RuleOffender *offender, int64 window_us, TimestampTz now)
{
	return window_us > 0 && now - offender->last_at > window_us ? 0 : offender->count;
}

int
rule_store_offences(const RuleOffence *offence, int64 window_us, TimestampTz now)
{
	const RuleStore *store = rule_store();
	int count = 0;

	LWLockAcquire(shared_part_lock(SHARED_RULES), LW_SHARED);
	for (int i = 0; i < OFFENCES_MAX; i++)
		if (offence_is(&store->offenders[i].what, offence))
			count = offences_within(&store->offenders[i], window_us, now);
	LWLockRelease(shared_part_lock(SHARED_RULES));
	return count;
}

void
rule_store_offence_add(const RuleOffence *offence, int64 window_us, int after, TimestampTz now)
{
	RuleOffender *offender;

	LWLockAcquire(shared_part_lock(SHARED_RULES), LW_EXCLUSIVE);
	offender = offender_find(rule_store(), offence);
	offender->count = offences_within(offender, window_us, now) + 1;
	offender->last_at = now;
	if (offender->count >= after)
		memset(offender, 0, sizeof(*offender));
	LWLockRelease(shared_part_lock(SHARED_RULES));
}
