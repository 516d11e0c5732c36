/*
 * queue_step_test.c - the path without the lock, stopped at each of its steps while somebody else does something under the
 * lock: afterwards nobody waits for what is free, and everything is counted where it belongs.
 */
#include "tests/unit/queue_fixture.h"

typedef enum Step
{
	STEP_LOOKED,
	STEP_NODE_TAKEN,
	STEP_SLOTS_TAKEN,
	STEP_ALL_TAKEN,
	STEP_SEATED,
	STEP_DROPPING,
	STEP_UNRESERVING,
	STEP_COUNT, /* of those without the lock */
	STEP_NESTED_REFUSED = STEP_COUNT
} Step;

static void step_reached(Step step);

#define QUEUE_STEP(name) step_reached(name)
#include "scheduler/queue.c"
#include "scheduler/queue_count.c"

static struct
{
	Queue *queue;
	Step at;
	void (*other)(Queue *queue); /* what comes in between; NULL: has come, or is not to */
	bool locked;				 /* somebody has the lock: nobody else comes */
	int reached;
} scene;

/* Under the lock: whoever holds it ends by granting what can be granted. */
static void
grant_all(Queue *queue)
{
	scene.locked = true;
	while (queue_grant(queue, 10) != QUEUE_NOBODY)
		continue;
	scene.locked = false;
}

static void
step_reached(Step step)
{
	void (*other)(Queue * queue) = scene.other;

	if (other == NULL || scene.locked || step != scene.at)
		return;
	scene.other = NULL;
	scene.reached++;
	scene.locked = true;
	other(scene.queue);
	grant_all(scene.queue);
}

/* Two pools, of one slot and of two; a budget of two pages. The new policy makes the first the second. */
static const QueueRule rules[] = {{.priority = 50, .weight = 1, .slots = 1, .length = 9},
								  {.priority = 50, .weight = 1, .slots = 2, .length = 9}};
static const QueueRule turned[] = {{.priority = 50, .weight = 1, .slots = 2, .length = 9},
								   {.priority = 50, .weight = 1, .slots = 1, .length = 9}};
static const int32_t moves[] = {1, 0};

#define NARROW 7 /* who waits for pool 0 */
#define WIDE 8	 /* and who for pool 1, with memory */

static void
other_waits(Queue *queue)
{
	(void) queue_acquire(queue, NARROW, &(QueueClaim){.pool = 0, .priority = -1}, 5);
}

static void
other_waits_for_memory(Queue *queue)
{
	(void) queue_acquire(queue, WIDE, &(QueueClaim){.pool = 1, .priority = -1, .memory = QUEUE_PAGE}, 5);
}

static void
other_renumbers(Queue *queue)
{
	queue_configure(
		queue,
		&(QueueSetup){
			.slots = 2, .memory = 2 * QUEUE_PAGE, .pool_count = 2, .pools = turned, .pool_moves = moves, .version = 2});
}

static void
other_renumbers_and_waits(Queue *queue)
{
	other_renumbers(queue);
	(void) queue_acquire(queue, NARROW, &(QueueClaim){.pool = 1, .priority = -1}, 5);
}

static void
other_moves(Queue *queue)
{
	queue_move(queue, 0, &(QueueClaim){.pool = 1, .priority = 80});
	queue_lend(queue, 0, 90);
}

static void (*const others[])(Queue *queue) = {other_waits, other_waits_for_memory, other_renumbers,
											   other_renumbers_and_waits, other_moves};

/* Nobody waits for what is there: whoever waits lacks something, and what is counted is what is held. */
static void
assert_nobody_is_forgotten(Queue *queue)
{
	int32_t index;

	assert_sane(queue);
	for (int32_t who = 0; who < CALLERS; who++)
		if (queue_state(queue, who) == QUEUE_WAITING)
			assert_int_not_equal(queue_why(queue, who, &index), QUEUE_WHY_ORDER);
}

static void
scene_begin(Step at, void (*other)(Queue *queue))
{
	scene.queue =
		queue_new((QueueSetup){.slots = 2, .memory = 2 * QUEUE_PAGE, .pool_count = 2, .pools = rules, .version = 1});
	scene.at = at;
	scene.other = other;
}

/* As the server does: without the lock, else with it. */
static void
takes(Queue *queue, int32_t who, QueueClaim claim)
{
	int32_t number = claim.pool;

	claim.version = 1;
	if (queue_try(queue, who, &claim, 1))
	{
		assert_int_equal(queue_pool(queue, who) == number || queue->version != 1 || queue_priority(queue, who) == 90,
						 true);
		return;
	}
	claim.pool = queue->version == 1 ? number : moves[number];
	scene.locked = true;
	(void) queue_acquire(queue, who, &claim, 1);
	grant_all(queue);
}

static void
gives_back(Queue *queue, int32_t who)
{
	if (queue_give_back(queue, who, 9))
		grant_all(queue);
	assert_nobody_is_forgotten(queue);
	if (queue_unreserve(queue, who, INT64_MAX))
		grant_all(queue);
}

/* What a taker finds when it begins: so that it succeeds, or fails for want of a slot of its pool, or of memory. */
static const struct
{
	int32_t holder_pool; /* who holds already; -1: nobody */
	int64_t holder_memory;
	QueueClaim claim;
} beginnings[] = {
	{-1, 0, {.pool = 0, .priority = -1}},
	{-1, 0, {.pool = 0, .priority = -1, .memory = 2 * QUEUE_PAGE}},
	{0, 0, {.pool = 0, .priority = -1}},
	{1, 2 * QUEUE_PAGE, {.pool = 0, .priority = -1, .memory = QUEUE_PAGE}},
	{1, QUEUE_PAGE, {.pool = 0, .priority = -1, .memory = QUEUE_PAGE}},
};

static void
test_others_between_the_steps(void **state)
{
	int reached[STEP_COUNT] = {0};

	(void) state;
	for (Step step = 0; step < STEP_COUNT; step++)
		for (int32_t i = 0; i < COUNT(others) * COUNT(beginnings); i++)
		{
			int32_t begins = i / COUNT(others);
			Queue *queue;

			scene_begin(step, NULL);
			queue = scene.queue;
			if (beginnings[begins].holder_pool >= 0)
				assert_true(queue_try(queue, 1,
									  &(QueueClaim){.pool = beginnings[begins].holder_pool,
													.priority = -1,
													.memory = beginnings[begins].holder_memory},
									  1));
			scene.other = others[i % COUNT(others)];
			scene.reached = 0;
			takes(queue, 0, beginnings[begins].claim);
			assert_nobody_is_forgotten(queue);
			gives_back(queue, 0);
			assert_nobody_is_forgotten(queue);
			reached[step] += scene.reached;
			gives_back(queue, 1);
			for (int32_t who = 0; who < CALLERS; who++)
			{
				scene.locked = true;
				queue_release(queue, who, 20);
				(void) queue_unreserve(queue, who, INT64_MAX);
				grant_all(queue);
			}
			assert_sane(queue);
			assert_int_equal(queue->holding + queue->waiting, 0);
			free(queue);
		}
	for (Step step = 0; step < STEP_COUNT; step++)
		assert_in_range(reached[step], COUNT(others), INT32_MAX);
}

/* The one slot of the pool, taken while a new policy makes another pool of its number: it is not that other pool's slot. */
static void
test_a_policy_between_the_steps(void **state)
{
	const QueueClaim claim = {.pool = 0, .priority = -1, .memory = QUEUE_PAGE, .version = 1};

	(void) state;
	for (Step step = STEP_LOOKED; step <= STEP_SEATED; step++)
	{
		scene_begin(step, other_renumbers);
		assert_false(queue_try(scene.queue, 0, &claim, 1));
		assert_null(scene.other);
		assert_sane(scene.queue);
		assert_int_equal(scene.queue->holding, 0);
		assert_int_equal(scene.queue->reserved, 0);
		free(scene.queue);
	}
}

static void
other_gives_memory_back(Queue *queue)
{
	(void) queue_unreserve(queue, 1, INT64_MAX);
}

/* A claim inside another call does not fit, and does when its refusal is to be worded: it has its memory then. */
static void
test_memory_comes_while_a_claim_is_refused(void **state)
{
	const QueueClaim nested = {.priority = -1, .nested = true, .resumes = true, .memory = QUEUE_PAGE};

	(void) state;
	scene_begin(STEP_NESTED_REFUSED, other_gives_memory_back);
	scene.locked = false;
	assert_true(queue_try(scene.queue, 1, &(QueueClaim){.pool = 1, .priority = -1, .memory = 2 * QUEUE_PAGE}, 1));
	assert_int_equal(queue_acquire(scene.queue, 0, &nested, 2), QUEUE_GRANTED);
	assert_null(scene.other);
	assert_int_equal(queue_reserved(scene.queue, 0), QUEUE_PAGE);
	assert_sane(scene.queue);
	free(scene.queue);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_others_between_the_steps),
		cmocka_unit_test(test_a_policy_between_the_steps),
		cmocka_unit_test(test_memory_comes_while_a_claim_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
