/*
 * claim.c - makes what a call asks of the queue. Runs in backends.
 */
#include "handler/claim.h"

#include "miscadmin.h"

#include "handler/account.h"
#include "handler/function.h"
#include "scheduler/clock.h"
#include "scheduler/policy_store.h"
#include "scheduler/shared.h"
#include "scheduler/stat.h"

#define GUESS_US 100000	 /* so long what is expected of a function holds */
#define WEIGHT_STEP 10	 /* of priority: for so much more the kernel gives twice the share */
#define WEIGHT_DOUBLES 6 /* at most */
#define GENERATION_SHIFT 32

uint64
claim_turn_of_policy(uint64 generation)
{
	return generation << GENERATION_SHIFT;
}

uint64
claim_turn(const void *arg)
{
	uint64 turn = claim_turn_of_policy(policy_store_generation());

	for (const Call *call = arg; call != NULL; call = call->outer)
		turn += activity_wish_turn(call->entry);
	return turn;
}

/* What is wished for the call; where it says nothing of its priority, for its callers. Who holds one up holds up what is inside. */
static ActivityWish
wish_get(const Call *call)
{
	ActivityWish wish;

	(void) activity_wish_get(call->entry, &wish);
	for (const Call *outer = call->outer; outer != NULL; outer = outer->outer)
	{
		ActivityWish more;

		if (likely(activity_wish_get(outer->entry, &more) == 0))
			continue;
		wish.held = wish.held || more.held;
		wish.priority = wish.priority < 0 ? more.priority : wish.priority;
	}
	return wish;
}

/* A call that has yet to begin is in the pool that policy and wish give it now. */
static void
claim_pool_renew(Call *call, const ActivityWish *wish)
{
	const PolicyPool *pool;
	int wished;

	if (call->outer == NULL)
		policy_store_refresh();
	pool = function_pool(call->function);
	wished = wish->pool[0] != '\0' ? policy_pool_find(policy_store_get(), wish->pool) : -1;
	call_pool_set(call, wished >= 0 ? &policy_store_get()->pools[wished] : pool);
}

/* Where a call counts, by the numbers of the policy in force. */
typedef struct ClaimSeat
{
	uint64 version;
	int pool, pool_priority;
	uint64 caps;
	PolicyContention contention;
	char name[POLICY_NAME_SIZE];
} ClaimSeat;

/* The pool that counts, of a policy; one that is gone has an heir. */
static int
seat_pool(const Call *call, const ActivityWish *wish, const Policy *policy)
{
	int number = wish->pool[0] != '\0' ? policy_pool_find(policy, wish->pool) : -1;

	return number >= 0 ? number : policy_pool_heir(policy, call->pool->name);
}

static void
seat_fill(ClaimSeat *seat, const Policy *policy, int pool)
{
	seat->pool = pool;
	seat->pool_priority = policy->pools[pool].priority;
	seat->contention = policy->pools[pool].contention;
	strlcpy(seat->name, policy->pools[pool].name, sizeof(seat->name));
}

static bool
selector_is_same(const Policy *one_policy, const PolicySelector *one, const Policy *other_policy,
				 const PolicySelector *other)
{
	const char *one_pool = one->pool < 0 ? "" : one_policy->pools[one->pool].name;
	const char *other_pool = other->pool < 0 ? "" : other_policy->pools[other->pool].name;

	return strcmp(one->function, other->function) == 0 && strcmp(one->role, other->role) == 0 &&
		   strcmp(one->database, other->database) == 0 && strcmp(one_pool, other_pool) == 0;
}

/* Those of caps, which are numbers of from, that are in to as well. */
static uint64
caps_translate(const Policy *from, uint64 caps, const Policy *to)
{
	uint64 found = 0;

	for (int i = 0; i < from->cap_count && caps >> i != 0; i++)
		for (int j = 0; j < to->cap_count && (caps >> i & 1) != 0; j++)
			if (selector_is_same(from, &from->caps[i].who, to, &to->caps[j].who))
				found |= UINT64CONST(1) << j;
	return found;
}

static ClaimSeat
seat_find(const Call *call, const ActivityWish *wish)
{
	const Policy *own = policy_store_get();
	ClaimSeat seat = {.version = policy_store_local_generation()};

	seat_fill(&seat, own, wish->pool[0] == '\0' ? (int) (call->pool - own->pools) : seat_pool(call, wish, own));
	seat.caps = policy_caps_of(own, function_selection(call->function)->caps, seat.pool);
	if (likely(seat.version == policy_store_generation()))
		return seat;
	LWLockAcquire(shared->lock, LW_SHARED);
	seat.version = policy_store_generation();
	seat.caps = caps_translate(own, seat.caps, &shared->policy);
	seat_fill(&seat, &shared->policy, seat_pool(call, wish, &shared->policy));
	LWLockRelease(shared->lock);
	return seat;
}

static bool
budget_is_set(const Policy *policy, const ClaimSeat *seat)
{
	for (int i = 0; i < policy->cap_count; i++)
		if ((seat->caps >> i & 1) != 0 && policy->caps[i].memory > 0)
			return true;
	return policy->node_memory > 0 || (seat->pool < policy->pool_count && policy->pools[seat->pool].memory > 0);
}

/* Whether a caller has the interpreter that this call will have, and has reserved its memory. */
static bool
interpreter_is_shared(const Call *call)
{
	for (const Call *outer = call->outer; outer != NULL; outer = outer->outer)
		if (outer->lease != NULL && outer->role == call->role && outer->pool == call->pool &&
			outer->function->trusted == call->function->trusted)
			return true;
	return false;
}

/* Reserved with a call's first slot, for all of it. */
static int64
memory_find(const Call *call, const ClaimSeat *seat, int64 guessed)
{
	int64 limit = call->pool->limits.memory;

	if (call->started_at != 0 || !budget_is_set(policy_store_get(), seat) || interpreter_is_shared(call))
		return 0;
	if (guessed > 0)
		return Min(guessed, limit);
	return call->pool->reserve > 0 ? Min(call->pool->reserve, limit) : limit;
}

static const StatGuess *
guess_get(Function *function, TimestampTz now)
{
	if (likely(function->guessed_at != 0 && now - function->guessed_at < GUESS_US))
		return &function->guess;
	stat_guess(MyDatabaseId, function->oid, &function->guess);
	function->guessed_at = now;
	return &function->guess;
}

/* Its callers go on no sooner for it than they would by themselves. */
static int64
rank_least_find(const Call *call)
{
	int64 least = 0;

	for (const Call *outer = call->outer; outer != NULL; outer = outer->outer)
		least = Max(least, rank_of(&outer->function->guess.ranks, measure_run_us(outer)));
	return least;
}

static int32
priority_find(const Call *call, const ActivityWish *wish, const ClaimSeat *seat)
{
	int demoted;

	if (wish->priority >= 0)
		return wish->priority;
	demoted = budget_priority(call->selection.budgets, call->role);
	return demoted >= 0 ? Min(demoted, seat->pool_priority) : seat->pool_priority;
}

/* The kernel's share of one whose priority is not its pool's. */
static int
weight_find(int32 priority, int32 usual)
{
	int steps = (priority - usual) / WEIGHT_STEP;

	if (steps >= 0)
		return LEASE_WEIGHT_USUAL << Min(steps, WEIGHT_DOUBLES);
	return Max(LEASE_WEIGHT_USUAL >> Min(-steps, WEIGHT_DOUBLES), LEASE_WEIGHT_LEAST);
}

void
claim_make(void *arg, SlotClaim *claim)
{
	Call *call = arg;
	uint64 turn = claim_turn(call);
	ActivityWish wish = wish_get(call);
	const StatGuess *guess = guess_get(call->function, claim->now);
	ClaimSeat seat;

	if (call->started_at == 0 && unlikely(call->turn != turn))
		claim_pool_renew(call, &wish);
	seat = seat_find(call, &wish);
	*claim = (SlotClaim){
		.now = claim->now,
		.queue = {.pool = seat.pool,
				  .priority = priority_find(call, &wish, &seat),
				  .resumes = call->resumes || call->started_at != 0,
				  .nested = call->outer != NULL,
				  .caps = seat.caps,
				  .memory = memory_find(call, &seat, guess->next.memory),
				  .predicted = guess->next.run_us,
				  .ranks = guess->ranks,
				  .rank_least = rank_least_find(call),
				  .attained = measure_run_us(call),
				  .version = seat.version},
		.held = wish.held,
		.begun = call->started_at != 0,
		.goes_on = call->resumes || call->started_at != 0,
		.pool = call->pool->name,
		.timeout_ms = call->pool->queue_timeout_ms,
		.length = call->pool->queue_length,
		.call_id = call->id,
	};
	call->turn = turn;
	call->shares = seat.contention == POLICY_CONTENTION_SHARE;
	call->weight = weight_find(claim->queue.priority, seat.pool_priority);
	activity_seat_set(call->entry, seat.name, claim->queue.priority, call->pool->limits.wall_ms);
}
