/*
 * queue_ask_test.c - whom queue_ask() names, against the straightforward way: all callers and all waiters, each time from the start.
 * A walk at random, but the same each time.
 */
#include "tests/unit/queue_fixture.h"

#include <string.h>

#include "scheduler/queue_seat.h"

#define STEPS 200000
#define POOLS 4
#define CAPS 2
#define ACTIVE 20

/* One look: who has been promised to whom. */
typedef struct Plain
{
	Queue *queue;
	Hope hope;
	Look look;
	int32_t helps[ACTIVE]; /* a holder's waiter; QUEUE_NOBODY */
} Plain;

static uint64_t
seat_of(const Plain *plain, int32_t who)
{
	return RELAXED(plain->queue->callers[who].seat);
}

static int64_t
held_by(const Plain *plain, int32_t who)
{
	return time_between(RELAXED(plain->queue->callers[who].since), plain->look.now);
}

/* Of its turn, over all the slots that it had in it. */
static bool
quantum_is_over(const Plain *plain, int32_t who)
{
	int64_t turn = RELAXED(plain->queue->callers[who].turn);

	return time_after(turn, held_by(plain, who)) >= plain->queue->quantum_us;
}

static uint64_t
pass_hoped(const Plain *plain, int32_t priority, int32_t pool)
{
	return RELAXED(plain->queue->tiers[priority].pass[pool]) + plain->hope.pass[pool];
}

/* By the order alone, both of the same priority. */
static bool
plain_precedes(const Plain *plain, int32_t waiter, int32_t holder)
{
	const Queue *queue = plain->queue;
	int32_t pool = seat_pool(seat_of(plain, waiter)), other = seat_pool(seat_of(plain, holder));
	int32_t priority = seat_priority(seat_of(plain, holder));

	if (pool != other)
		return pass_is_before(pass_hoped(plain, priority, pool), pass_hoped(plain, priority, other));
	if (account_pages(RELAXED(queue->callers[holder].account)) > 0 && memory_is_scarce(queue, waiter))
		return false;
	return queue->callers[waiter].resumes ||
		   queue->callers[waiter].rank < caller_rank(&queue->callers[holder], held_by(plain, holder));
}

/* Before its quantum is over, both of the same priority: by what is known of the waiter. */
static bool
plain_is_urgent(const Plain *plain, int32_t waiter, int32_t holder)
{
	const QueueCaller *caller = &plain->queue->callers[waiter], *other = &plain->queue->callers[holder];
	bool known = caller->ranks[0] != 0 || caller->predicted > caller->attained; /* by the claim */

	return known && seat_pool(seat_of(plain, waiter)) == seat_pool(seat_of(plain, holder)) &&
		   (seat_of(plain, holder) & SEAT_AGED) == 0 && held_by(plain, holder) >= MS &&
		   caller_rank(other, held_by(plain, holder)) > 2 * caller->rank &&
		   !(account_pages(RELAXED(other->account)) > 0 && memory_is_scarce(plain->queue, waiter));
}

static bool
plain_may(const Plain *plain, int32_t waiter, bool aged, int32_t holder)
{
	const Queue *queue = plain->queue;
	uint64_t seat = seat_of(plain, holder);
	int32_t priority = seat_priority(seat_of(plain, waiter));
	bool over = queue->quantum_us > 0 && quantum_is_over(plain, holder);

	if (queue->pools[seat_pool(seat)].contention == QUEUE_YIELD)
		return false;
	if (priority > seat_priority(seat))
		return over || queue->quantum_us == 0 || (seat & SEAT_AGED) == 0;
	if (over && aged)
		return true;
	return priority == seat_priority(seat) && queue->quantum_us > 0 &&
		   ((over && plain_precedes(plain, waiter, holder)) || (!aged && plain_is_urgent(plain, waiter, holder)));
}

static bool
plain_goes_before(const Plain *plain, int32_t one, int32_t other)
{
	const QueueCaller *callers = plain->queue->callers;
	uint64_t a = seat_of(plain, one), b = seat_of(plain, other), a_pass, b_pass;

	if ((a & SEAT_ASKED) != (b & SEAT_ASKED))
		return (a & SEAT_ASKED) != 0;
	if (seat_priority(a) != seat_priority(b))
		return seat_priority(a) < seat_priority(b);
	a_pass = pass_hoped(plain, seat_priority(a), seat_pool(a));
	b_pass = pass_hoped(plain, seat_priority(b), seat_pool(b));
	if (a_pass != b_pass)
		return pass_is_before(b_pass, a_pass);
	return caller_rank(&callers[one], held_by(plain, one)) > caller_rank(&callers[other], held_by(plain, other));
}

/* What who lacks, as bits: the node's, the pool's, each cap's. */
static uint64_t
plain_lack(const Plain *plain, Charge charge)
{
	const Queue *queue = plain->queue;
	uint64_t lack = 0;

	if (queue->holding + plain->hope.node >= queue->slots)
		lack |= 1;
	if (queue->pools[charge.pool].holding + plain->hope.pools[charge.pool] >= queue->pools[charge.pool].slots)
		lack |= 2;
	EACH_BIT(cap, charge.caps)
	if (queue->caps[cap].holding + plain->hope.caps[cap] >= queue->caps[cap].slots)
		lack |= UINT64_C(4) << cap;
	return lack;
}

static bool
plain_mends(uint64_t lack, Charge waiter, Charge holder)
{
	return ((lack & 2) == 0 || waiter.pool == holder.pool) && (lack >> 2 & ~(uint64_t) holder.caps) == 0;
}

static void
plain_count(Plain *plain, int32_t who, int32_t change)
{
	Charge charge = seat_charge(seat_of(plain, who));

	plain->hope.node += change;
	plain->hope.pools[charge.pool] += change;
	EACH_BIT(cap, charge.caps)
	plain->hope.caps[cap] += change;
}

static int32_t
plain_find(const Plain *plain, int32_t waiter, bool aged, uint64_t lack)
{
	int32_t best = QUEUE_NOBODY;

	for (int32_t who = 0; who < ACTIVE; who++)
	{
		if (seat_state(seat_of(plain, who)) != QUEUE_HOLDING || plain->helps[who] != QUEUE_NOBODY ||
			!plain_mends(lack, seat_charge(seat_of(plain, waiter)), seat_charge(seat_of(plain, who))) ||
			!plain_may(plain, waiter, aged, who))
			continue;
		if (best == QUEUE_NOBODY || plain_goes_before(plain, who, best))
			best = who;
	}
	return best;
}

/* Promises holders to a waiter until it lacks nothing. *fresh: the first that is not asked yet. */
static bool
plain_help(Plain *plain, int32_t waiter, bool aged, int32_t *fresh)
{
	Charge charge = seat_charge(seat_of(plain, waiter));
	uint64_t lack = plain_lack(plain, charge);

	*fresh = QUEUE_NOBODY;
	while (plain_lack(plain, charge) != 0)
	{
		int32_t holder = plain_find(plain, waiter, aged, lack);

		for (int32_t i = 0; i < ACTIVE && holder == QUEUE_NOBODY; i++)
			if (plain->helps[i] == waiter)
			{
				plain->helps[i] = QUEUE_NOBODY;
				plain_count(plain, i, 1);
			}
		if (holder == QUEUE_NOBODY)
			return false;
		plain->helps[holder] = waiter;
		plain_count(plain, holder, -1);
		if (*fresh == QUEUE_NOBODY && (seat_of(plain, holder) & SEAT_ASKED) == 0)
			*fresh = holder;
	}
	return true;
}

static void
plain_promise(Plain *plain, int32_t waiter)
{
	Charge charge = seat_charge(seat_of(plain, waiter));
	int64_t bytes = queue_claimed(plain->queue, waiter);

	plain_count(plain, waiter, 1);
	plain->hope.node_bytes += bytes;
	plain->hope.pool_bytes[charge.pool] += bytes;
	EACH_BIT(cap, charge.caps)
	plain->hope.cap_bytes[cap] += bytes;
	plain->hope.pass[charge.pool] += pass_expected(plain->queue, waiter);
}

/* Whom to ask first, of all; marked. Nobody: whoever is asked for nothing is let be. */
static int32_t
plain_ask(Queue *queue, int64_t now)
{
	Plain plain = {.queue = queue, .look = {.now = now, .number = ++queue->looks}};
	int32_t who, fresh;
	bool aged;

	plain.look.hope = &plain.hope;
	for (int32_t i = 0; i < ACTIVE; i++)
	{
		plain.helps[i] = QUEUE_NOBODY;
		if (queue->waiting > 0 && queue_state(queue, i) == QUEUE_HOLDING)
			pass_update(queue, i, seat_of(&plain, i), now);
	}
	while ((who = queue_choose(queue, &plain.look, &aged)) != QUEUE_NOBODY)
	{
		bool helped = plain_help(&plain, who, aged, &fresh);

		if (helped && fresh != QUEUE_NOBODY)
		{
			queue->callers[fresh].seat |= SEAT_ASKED;
			return fresh;
		}
		if (helped)
			plain_promise(&plain, who);
		if (aged)
			plain.look.aged |= UINT32_C(1) << queue_pool(queue, who);
		if (helped || !aged)
			queue->callers[who].looked = plain.look.number;
		if (!helped && !aged && seat_charge(seat_of(&plain, who)).caps == 0)
			plain.look.closed |= UINT32_C(1) << queue_pool(queue, who); /* those after it lack no less */
	}
	for (int32_t i = 0; i < ACTIVE && queue->waiting > 0; i++)
		if (plain.helps[i] == QUEUE_NOBODY)
			queue->callers[i].seat &= ~SEAT_ASKED;
	return QUEUE_NOBODY;
}

typedef struct Walk
{
	Queue *queue, *plain;
	int64_t now;
	uint64_t random;
	uint32_t asked, let_be, calm; /* how often it came to that */
} Walk;

static uint32_t
chance(Walk *walk, uint32_t one_of)
{
	walk->random = walk->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t) (walk->random >> 33) % one_of;
}

static void
walk_configure(Walk *walk)
{
	QueueRule pools[POOLS];
	QueueCapRule caps[CAPS];
	QueueSetup setup = {
		.slots = 1 + (int32_t) chance(walk, 5),
		.memory = chance(walk, 2) == 0 ? 0 : 60 * MB,
		.quantum_us = (int64_t) chance(walk, 4) * 10 * MS,
		.pool_count = POOLS,
		.cap_count = CAPS,
		.pools = pools,
		.caps = caps,
	};

	for (int32_t i = 0; i < POOLS; i++)
		pools[i] = (QueueRule){
			.priority = (int32_t) chance(walk, 3) * 25,
			.weight = 1 + (int32_t) chance(walk, 300),
			.slots = 1 + (int32_t) chance(walk, 4),
			.length = ACTIVE,
			.contention = chance(walk, 6) == 0 ? QUEUE_YIELD : QUEUE_PAUSE,
			.memory = chance(walk, 3) == 0 ? 40 * MB : 0,
			.ageing_us = (int64_t) chance(walk, 3) * 60 * MS,
		};
	for (int32_t i = 0; i < CAPS; i++)
		caps[i] = (QueueCapRule){.slots = (int32_t) chance(walk, 3)};
	queue_configure(walk->queue, &setup);
}

static void
walk_enter(Walk *walk, int32_t who)
{
	QueueClaim claim = {
		.pool = (int32_t) chance(walk, POOLS),
		.priority = chance(walk, 4) == 0 ? (int32_t) chance(walk, 101) : -1,
		.resumes = chance(walk, 4) == 0,
		.caps = chance(walk, 4) == 0 ? chance(walk, 4) : 0,
		.memory = chance(walk, 3) == 0 ? (int64_t) chance(walk, 30) * MB : 0,
		.predicted = (int64_t) chance(walk, 4) * 20 * MS,
		.attained = (int64_t) chance(walk, 4) * 15 * MS,
		.rank_least = chance(walk, 6) == 0 ? (int64_t) chance(walk, 100) * MS : 0,
	};

	for (int step = 0; claim.predicted > 0 && step < 24; step++) /* 1 to 64 ms */
		rank_table_set(&claim.ranks, step, (uint8_t) (1 + 10 * RANK_PARTS + (int) chance(walk, 6 * RANK_PARTS)));
	if (!queue_try(walk->queue, who, &claim, walk->now))
		(void) queue_acquire(walk->queue, who, &claim, walk->now);
}

static void
walk_leave(Walk *walk, int32_t who)
{
	queue_release(walk->queue, who, walk->now);
	(void) queue_unreserve(walk->queue, who, INT64_MAX);
}

static void
walk_step(Walk *walk, int32_t who)
{
	QueueState state = queue_state(walk->queue, who);

	if (chance(walk, 500) == 0)
		walk_configure(walk);
	else if (chance(walk, 30) == 0)
		queue_lend(walk->queue, who, (int32_t) chance(walk, 120) - 10);
	else if (state == QUEUE_IDLE)
		walk_enter(walk, who);
	else if (queue_is_asked(walk->queue, who) && chance(walk, 2) == 0)
		queue_yield(walk->queue, who, walk->now);
	else if (state == QUEUE_HOLDING || chance(walk, 8) == 0)
		walk_leave(walk, who);
	while (queue_grant(walk->queue, walk->now) != QUEUE_NOBODY)
		continue;
}

static void
plain_copy(Walk *walk)
{
	memcpy(walk->plain, walk->queue, queue_size(CALLERS));
}

static int32_t
asked_count(const Queue *queue)
{
	int32_t count = 0;

	for (int32_t who = 0; who < ACTIVE; who++)
		count += queue_is_asked(queue, who);
	return count;
}

/* The same are asked, in the same order, the same are let be, and all are charged the same. */
static int64_t
walk_ask(Walk *walk)
{
	Queue *queue = walk->queue, *plain = walk->plain;
	int32_t before = asked_count(queue), asked = 0, who;
	int64_t due;

	plain_copy(walk);
	do
	{
		who = queue_ask(queue, walk->now, &due);
		assert_int_equal(who, plain_ask(plain, walk->now));
		asked += who != QUEUE_NOBODY;
	} while (who != QUEUE_NOBODY);
	for (int32_t i = 0; i < ACTIVE; i++)
	{
		assert_int_equal(queue->callers[i].seat, plain->callers[i].seat);
		assert_int_equal(queue->callers[i].charged, plain->callers[i].charged);
	}
	walk->asked += (uint32_t) asked;
	walk->let_be += (uint32_t) (before + asked - asked_count(queue));
	return due;
}

/* Nobody is asked, no quantum is over, and nobody waits with a higher priority than a holder's. */
static bool
walk_is_calm(const Walk *walk)
{
	const Queue *queue = walk->queue;
	const Plain now = {.queue = walk->queue, .look = {.now = walk->now}};
	int32_t highest = -1, lowest = QUEUE_PRIORITY_MAX;

	for (int32_t who = 0; who < ACTIVE; who++)
	{
		int32_t priority = queue_priority(queue, who);

		if (queue_state(queue, who) == QUEUE_WAITING && priority > highest)
			highest = priority;
		if (queue_state(queue, who) == QUEUE_HOLDING && priority < lowest)
			lowest = priority;
		if (queue_state(queue, who) == QUEUE_HOLDING && (queue_is_asked(queue, who) || quantum_is_over(&now, who)))
			return false;
	}
	return highest <= lowest;
}

/* Then nobody is to be asked before it is due; at other times that is but an estimate. */
static void
walk_check_due(Walk *walk, int64_t due)
{
	assert_true(due == 0 || due > walk->now);
	if (!walk_is_calm(walk))
		return;
	plain_copy(walk);
	assert_int_equal(plain_ask(walk->plain, due == 0 ? walk->now + 10 * SECOND : due - 1), QUEUE_NOBODY);
	walk->calm++;
}

static void
test_the_same_are_asked_as_the_plain_way(void **state)
{
	Walk walk = {.queue = malloc(queue_size(CALLERS)), .plain = malloc(queue_size(CALLERS)), .now = 1, .random = 7};

	(void) state;
	assert_true(walk.queue != NULL && walk.plain != NULL);
	queue_init(walk.queue, CALLERS);
	walk_configure(&walk);
	for (int step = 0; step < STEPS; step++)
	{
		walk.now += chance(&walk, 3) == 0 ? 0 : chance(&walk, 8 * MS);
		walk_step(&walk, (int32_t) chance(&walk, ACTIVE));
		walk_check_due(&walk, walk_ask(&walk));
	}
	assert_sane(walk.queue);
	assert_in_range(walk.asked, STEPS / 50, STEPS);
	assert_in_range(walk.let_be, STEPS / 500, STEPS);
	assert_in_range(walk.calm, STEPS / 100, STEPS);
	free(walk.queue);
	free(walk.plain);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_same_are_asked_as_the_plain_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
