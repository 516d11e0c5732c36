/*
 * queue_walk_test.c - a million steps at random, but the same each time, against what must always hold: no slot is lost, no
 * cap and no budget exceeded, nobody waits while there is room, hardly anybody is asked to give way in vain.
 */
#include "tests/unit/queue_fixture.h"

#include <stdio.h>
#include <string.h>

#define STEPS 1000000
#define POOLS 4
#define CAPS 3
#define ACTIVE 24 /* callers; few enough that the queue is empty at times */

typedef struct Walk
{
	Queue *queue;
	QueueRule pools[POOLS];
	QueueCapRule caps[CAPS];
	int32_t slots;
	int64_t memory, now;
	bool lowered;				/* a new policy may have left more held and reserved than it allows, */
	bool moved;					/* or a move more held in a pool */
	int64_t reserved[CALLERS];	/* by the model: pages in bytes */
	QueueClaim claims[CALLERS]; /* what it wanted last */
	uint64_t caps_now[CALLERS]; /* of these, the caps by their numbers of now */
	uint64_t random;
	uint32_t seen[16]; /* how often each kind of outcome was met */
} Walk;

enum
{
	SEEN_GRANTED,
	SEEN_QUEUED,
	SEEN_FULL,
	SEEN_TOO_LARGE,
	SEEN_NESTED,
	SEEN_FAST,
	SEEN_NOT_FAST,
	SEEN_ASKED,
	SEEN_YIELDED,
	SEEN_FROM_QUEUE,
	SEEN_MOVED,
	SEEN_POLICY,
	SEEN_COUNT,
	SEEN_IN_VAIN = SEEN_COUNT
};

static uint32_t
chance(Walk *walk, uint32_t one_of)
{
	walk->random = walk->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t) (walk->random >> 33) % one_of;
}

static void
policy_install(Walk *walk)
{
	int32_t moves[POOLS], cap_moves[CAPS];
	bool caps_move = chance(walk, 2) == 0;

	walk->slots = 1 + (int32_t) chance(walk, 6);
	walk->memory = chance(walk, 3) == 0 ? 0 : (int64_t) (20 + chance(walk, 100)) * MB;
	for (int32_t i = 0; i < POOLS; i++)
	{
		walk->pools[i] = (QueueRule){
			.priority = (int32_t) chance(walk, 3) * 25,
			.weight = 1 + (int32_t) chance(walk, 1000),
			.slots = 1 + (int32_t) chance(walk, 4),
			.length = (int32_t) chance(walk, 8),
			.contention = (QueueContention) chance(walk, 3),
			.memory = chance(walk, 2) == 0 ? 0 : (int64_t) (10 + chance(walk, 60)) * MB,
			.ageing_us = (int64_t) chance(walk, 3) * 100 * MS,
		};
		moves[i] = (int32_t) chance(walk, POOLS);
	}
	for (int32_t i = 0; i < CAPS; i++)
	{
		walk->caps[i] = (QueueCapRule){(int32_t) chance(walk, 4), (int64_t) chance(walk, 4) * 10 * MB};
		cap_moves[i] = chance(walk, 4) == 0 ? QUEUE_NOBODY : (i + 1) % CAPS;
	}
	queue_configure(walk->queue, &(QueueSetup){
									 .slots = walk->slots,
									 .memory = walk->memory,
									 .quantum_us = (int64_t) chance(walk, 3) * 10 * MS,
									 .pool_count = POOLS,
									 .cap_count = CAPS,
									 .pools = walk->pools,
									 .caps = walk->caps,
									 .pool_moves = chance(walk, 2) == 0 ? NULL : moves,
									 .cap_moves = caps_move ? cap_moves : NULL,
								 });
	for (int32_t who = 0; who < CALLERS && caps_move; who++)
	{
		uint64_t caps = 0;

		for (int32_t i = 0; i < CAPS; i++)
			if ((walk->caps_now[who] >> i & 1) != 0 && cap_moves[i] != QUEUE_NOBODY)
				caps |= UINT64_C(1) << cap_moves[i];
		walk->caps_now[who] = caps;
	}
	walk->seen[SEEN_POLICY]++;
}

/* What is held and reserved, counted from the callers one by one, against what is allowed. */
static void
limits_check(const Walk *walk)
{
	const Queue *queue = walk->queue;
	int32_t holding = 0, pools[POOLS] = {0};
	int64_t reserved = 0;

	for (int32_t who = 0; who < ACTIVE; who++)
	{
		assert_int_equal(queue_reserved(queue, who), walk->reserved[who]);
		reserved += walk->reserved[who];
		if (queue_state(queue, who) == QUEUE_HOLDING)
		{
			holding++;
			pools[queue_pool(queue, who)]++;
		}
	}
	assert_int_equal(queue->holding, holding);
	assert_int_equal(queue->reserved, reserved);
	for (int32_t i = 0; i < POOLS; i++)
		assert_int_equal(queue->pools[i].holding, pools[i]);
	if (walk->lowered)
		return;
	assert_in_range(holding, 0, walk->slots);
	assert_true(walk->memory == 0 || reserved <= walk->memory);
	for (int32_t i = 0; i < POOLS; i++)
	{
		assert_true(walk->moved || pools[i] <= walk->pools[i].slots);
		assert_true(walk->pools[i].memory == 0 || queue->pools[i].reserved <= walk->pools[i].memory);
	}
	for (int32_t i = 0; i < CAPS; i++)
	{
		assert_true(walk->moved || walk->caps[i].slots == 0 || queue->caps[i].holding <= walk->caps[i].slots);
		assert_true(walk->caps[i].memory == 0 || queue->caps[i].reserved <= walk->caps[i].memory);
	}
}

static int64_t
pages(int64_t bytes)
{
	return (bytes + QUEUE_PAGE - 1) / QUEUE_PAGE * QUEUE_PAGE;
}

/* Whatever was so before: who is given something finds room for it. */
static void
noted_granted(Walk *walk, int32_t who)
{
	const Queue *queue = walk->queue;
	int32_t pool = queue_pool(queue, who);
	bool holds = queue_state(queue, who) == QUEUE_HOLDING, reserves = walk->claims[who].memory > 0;
	const QueueRule *rule = &walk->pools[pool];

	assert_true(!holds || (queue->holding <= walk->slots && queue->pools[pool].holding <= rule->slots));
	assert_true(!reserves || walk->memory == 0 || queue->reserved <= walk->memory);
	assert_true(!reserves || rule->memory == 0 || queue->pools[pool].reserved <= rule->memory);
	for (int32_t i = 0; i < CAPS; i++)
	{
		if ((walk->caps_now[who] >> i & 1) == 0)
			continue;
		assert_true(!holds || walk->caps[i].slots == 0 || queue->caps[i].holding <= walk->caps[i].slots);
		assert_true(!reserves || walk->caps[i].memory == 0 || queue->caps[i].reserved <= walk->caps[i].memory);
	}
	walk->reserved[who] += pages(walk->claims[who].memory);
	walk->claims[who].memory = 0;
}

/* Grants until nobody; afterwards only such wait as lack something, or wait for their turn at memory. */
static void
grant_all(Walk *walk)
{
	int32_t who, index;

	while ((who = queue_grant(walk->queue, walk->now)) != QUEUE_NOBODY)
	{
		assert_int_equal(queue_state(walk->queue, who), QUEUE_HOLDING);
		noted_granted(walk, who);
		walk->seen[SEEN_FROM_QUEUE]++;
	}
	for (who = 0; who < ACTIVE; who++)
		if (queue_state(walk->queue, who) == QUEUE_WAITING && walk->claims[who].memory == 0)
			assert_int_not_equal(queue_why(walk->queue, who, &index), QUEUE_WHY_ORDER);
}

static void
walk_enter(Walk *walk, int32_t who)
{
	QueueClaim claim = {
		.pool = (int32_t) chance(walk, POOLS),
		.priority = chance(walk, 4) == 0 ? (int32_t) chance(walk, 101) : -1,
		.resumes = chance(walk, 4) == 0,
		.nested = chance(walk, 8) == 0,
		.caps = chance(walk, 2) == 0 ? 0 : chance(walk, 8),
		.memory = chance(walk, 2) == 0 ? 0 : (int64_t) chance(walk, 25) * MB + chance(walk, 3),
		.predicted = (int64_t) chance(walk, 4) * 20 * MS,
		.attained = (int64_t) chance(walk, 4) * 15 * MS,
	};
	QueueAnswer answer;

	for (int step = 0; chance(walk, 2) == 0 && step < RANK_STEPS - 1; step++)
		rank_table_set(&claim.ranks, step, (uint8_t) (1 + chance(walk, RANK_CODE_MAX)));
	walk->claims[who] = claim;
	walk->caps_now[who] = claim.caps;
	if (queue_try(walk->queue, who, &claim, walk->now))
	{
		walk->seen[SEEN_FAST]++;
		noted_granted(walk, who);
		return;
	}
	walk->seen[SEEN_NOT_FAST]++;
	answer = queue_acquire(walk->queue, who, &claim, walk->now);
	walk->seen[SEEN_GRANTED + (int) answer]++;
	if (answer == QUEUE_GRANTED || (answer == QUEUE_QUEUED && claim.nested))
		noted_granted(walk, who);
	else if (answer != QUEUE_QUEUED)
		assert_int_equal(queue_state(walk->queue, who), QUEUE_IDLE);
}

/*
 * All who are asked give way at once: hardly any has its slot back then. The exceptions are of one priority, where who makes way
 * may displace the next, since each grant moves its pool back a little.
 */
static void
walk_ask(Walk *walk)
{
	int32_t asked[ACTIVE], count = 0, who;
	int64_t due;

	while ((who = queue_ask(walk->queue, walk->now, &due)) != QUEUE_NOBODY)
	{
		assert_int_equal(queue_state(walk->queue, who), QUEUE_HOLDING);
		assert_int_not_equal(walk->pools[queue_pool(walk->queue, who)].contention, QUEUE_YIELD);
		asked[count++] = who;
		assert_in_range(count, 1, walk->queue->holding);
	}
	assert_true(due == 0 || due > walk->now);
	walk->seen[SEEN_ASKED] += (uint32_t) count;
	if (walk->lowered)
		count = 0; /* what is held beyond the limits goes to nobody */
	for (int32_t i = 0; i < count; i++)
		queue_yield(walk->queue, asked[i], walk->now);
	grant_all(walk);
	for (int32_t i = 0; i < count; i++)
		walk->seen[SEEN_IN_VAIN] += queue_state(walk->queue, asked[i]) != QUEUE_WAITING;
	walk->seen[SEEN_YIELDED] += (uint32_t) count;
}

static void
walk_leave(Walk *walk, int32_t who)
{
	if (chance(walk, 2) == 0)
	{
		int64_t bytes = chance(walk, 2) == 0 ? INT64_MAX : (int64_t) chance(walk, 10) * MB;

		(void) queue_unreserve(walk->queue, who, bytes);
		walk->reserved[who] = bytes > walk->reserved[who] ? 0 : walk->reserved[who] - pages(bytes);
	}
	if (queue_state(walk->queue, who) == QUEUE_HOLDING && chance(walk, 2) == 0)
		(void) queue_give_back(walk->queue, who, walk->now);
	else
		queue_release(walk->queue, who, walk->now);
	assert_int_equal(queue_state(walk->queue, who), QUEUE_IDLE);
}

static void
walk_disturb(Walk *walk, int32_t who)
{
	QueueClaim claim;

	if (chance(walk, 2) == 0)
	{
		queue_lend(walk->queue, who, (int32_t) chance(walk, 120) - 10);
		return;
	}
	claim = (QueueClaim){
		.pool = (int32_t) chance(walk, POOLS), .priority = (int32_t) chance(walk, 102) - 1, .caps = chance(walk, 8)};
	queue_move(walk->queue, who, &claim);
	walk->caps_now[who] = claim.caps;
	walk->moved = true;
	walk->seen[SEEN_MOVED]++;
}

/* Everybody leaves, as when a server has an idle moment: then all is free, and a policy's limits hold again. */
static void
walk_rest(Walk *walk)
{
	for (int32_t who = 0; who < ACTIVE; who++)
	{
		queue_release(walk->queue, who, walk->now);
		(void) queue_unreserve(walk->queue, who, INT64_MAX);
		walk->reserved[who] = 0;
	}
	assert_sane(walk->queue);
	assert_int_equal(walk->queue->holding + walk->queue->waiting, 0);
	assert_int_equal(walk->queue->reserved, 0);
	walk->lowered = walk->moved = false;
}

static void
test_a_million_steps(void **state)
{
	Walk *walk = calloc(1, sizeof(Walk));

	(void) state;
	assert_non_null(walk);
	walk->queue = malloc(queue_size(CALLERS));
	assert_non_null(walk->queue);
	queue_init(walk->queue, CALLERS);
	walk->random = 42;
	walk->now = 1;
	policy_install(walk);
	for (int step = 0; step < STEPS; step++)
	{
		int32_t who = (int32_t) chance(walk, ACTIVE);
		bool idle = queue_state(walk->queue, who) == QUEUE_IDLE;

		walk->now += chance(walk, 4) == 0 ? 0 : chance(walk, 10 * MS);
		if (step % 2000 == 1999)
		{
			walk_rest(walk);
			policy_install(walk);
		}
		else if (step % 1000 == 999)
		{
			policy_install(walk);
			walk->lowered = true;
		}
		else if (chance(walk, 16) == 0)
			walk_ask(walk);
		else if (chance(walk, 32) == 0)
			walk_disturb(walk, who);
		else if (!idle)
			walk_leave(walk, who);
		else
			walk_enter(walk, who);
		grant_all(walk);
		limits_check(walk);
		if (step % 31 == 0)
			assert_sane(walk->queue);
	}
	for (int i = 0; i < SEEN_COUNT; i++)
		if (walk->seen[i] < 100)
			fail_msg("outcome %d was met %u times", i, walk->seen[i]);
	assert_in_range(walk->seen[SEEN_IN_VAIN] * 200, 0, walk->seen[SEEN_YIELDED]);
	free(walk->queue);
	free(walk);
}

/*
 * Three pools at every load: whoever is among the k longest waiters of a pool is granted within k ageing times, and a quantum
 * for each pool that ages. Better calls come all the time; nobody gives a slot back of itself before its quantum is over.
 */
static void
test_ageing_bounds_every_wait(void **state)
{
	const QueueRule rules[] = {
		{.priority = 90, .weight = 1, .slots = 9, .length = 99},
		{.priority = 50, .weight = 1, .slots = 9, .length = 99, .ageing_us = SECOND},
		{.priority = 10, .weight = 1, .slots = 9, .length = 99, .ageing_us = 2 * SECOND},
	};
	Queue *queue = QUEUE_OF(1, rules);
	int32_t holder = 0, who, granted[3] = {0};
	int64_t due = 0, worst = 0;

	(void) state;
	assert_int_equal(enters(queue, 0, 0, 0), QUEUE_GRANTED);
	for (who = 1; who < 6; who++)
		assert_int_equal(enters(queue, who, 0, 0), QUEUE_QUEUED);
	for (who = 10; who < 30; who++)
		assert_int_equal(enters(queue, who, 1 + who % 2, 0), QUEUE_QUEUED);
	for (int64_t now = 0; queue->pools[1].waiting + queue->pools[2].waiting > 0; now += MS)
	{
		int32_t asked = queue_ask(queue, now, &due), next;

		if (asked == QUEUE_NOBODY && now % (200 * MS) != 0)
			continue;
		if (holder < 10 && asked != QUEUE_NOBODY)
			queue_yield(queue, holder, now); /* a better call goes on later */
		else
			queue_release(queue, holder, now);
		if (holder < 10 && queue_state(queue, holder) == QUEUE_IDLE)
			(void) enters(queue, holder, 0, now);
		next = queue_state(queue, holder) == QUEUE_HOLDING ? holder : grants(queue, now);
		assert_int_not_equal(next, QUEUE_NOBODY);
		if (next >= 10)
		{
			int32_t pool = 1 + next % 2;
			int64_t bound = ++granted[pool] * rules[pool].ageing_us + 2 * 50 * MS + MS;

			assert_in_range(now, 0, bound);
			worst = now > worst ? now : worst;
		}
		holder = next;
	}
	assert_in_range(worst, 20 * SECOND, 21 * SECOND);
	assert_int_equal(granted[1] + granted[2], 20);
	free(queue);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_million_steps),
		cmocka_unit_test(test_ageing_bounds_every_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
