/* queue_test.c - the queue's doors: taking, waiting, giving back, moving, new definitions, and what is told of waiters. */
#include "tests/unit/queue_fixture.h"

#include <string.h>

static void
test_free_slots_are_granted_at_once(void **state)
{
	const QueueRule rules[] = {{.priority = 50, .weight = 100, .slots = 2, .length = 10}};
	Queue *queue = QUEUE_OF(2, rules);

	(void) state;
	assert_int_equal(enters(queue, 1, 0, 0), QUEUE_GRANTED);
	assert_int_equal(enters(queue, 2, 0, 0), QUEUE_GRANTED);
	assert_int_equal(enters(queue, 3, 0, 0), QUEUE_QUEUED);
	assert_int_equal(grants(queue, 0), QUEUE_NOBODY);
	assert_int_equal(queue_position(queue, 3), 1);
	assert_int_equal(next_after(queue, 1, 0), 3);
	assert_int_equal(queue_position(queue, 3), 0);
	free(queue);
}

static void
test_caps_of_pools_leave_slots_to_others(void **state)
{
	const QueueRule rules[] = {{.priority = 90, .weight = 100, .slots = 1, .length = 30},
							   {.priority = 10, .weight = 100, .slots = 2, .length = 30}};
	Queue *queue = QUEUE_OF(2, rules);
	int32_t index;

	(void) state;
	assert_int_equal(enters(queue, 0, 0, 0), QUEUE_GRANTED);
	assert_int_equal(enters(queue, 1, 0, 0), QUEUE_QUEUED);
	assert_int_equal(grants(queue, 0), QUEUE_NOBODY);
	assert_int_equal(queue_why(queue, 1, &index), QUEUE_WHY_POOL_SLOTS);
	/* The free slot is not for the capped pool's waiter; another pool's takes it at once. */
	assert_int_equal(enters(queue, 2, 1, 0), QUEUE_GRANTED);
	assert_int_equal(queue_why(queue, 1, &index), QUEUE_WHY_NODE_SLOTS);
	free(queue);
}

/* Three caps; calls count against any of them. The waiter that a cap blocks is passed by the next of its own pool. */
static void
test_caps_of_others_bound_slots(void **state)
{
	const QueueRule rules[] = {{.priority = 50, .weight = 100, .slots = 8, .length = 30}};
	const QueueCapRule caps[] = {{.slots = 1}, {.slots = 2}, {.slots = 0}};
	Queue *queue = queue_new((QueueSetup){.slots = 4, .pool_count = 1, .pools = rules, .cap_count = 3, .caps = caps});
	int32_t index = -1;

	(void) state;
	assert_int_equal(claims(queue, 0, (QueueClaim){.priority = -1, .caps = 7}, 0), QUEUE_GRANTED);
	assert_int_equal(claims(queue, 1, (QueueClaim){.priority = -1, .caps = 3}, 0), QUEUE_QUEUED);
	assert_int_equal(queue_why(queue, 1, &index), QUEUE_WHY_CAP_SLOTS);
	assert_int_equal(index, 0);
	assert_int_equal(claims(queue, 2, (QueueClaim){.priority = -1, .caps = 6}, 0), QUEUE_GRANTED);
	assert_int_equal(claims(queue, 3, (QueueClaim){.priority = -1, .caps = 2}, 0), QUEUE_QUEUED);
	assert_int_equal(queue_why(queue, 3, &index), QUEUE_WHY_CAP_SLOTS);
	assert_int_equal(index, 1);
	assert_int_equal(claims(queue, 4, (QueueClaim){.priority = -1, .caps = 4}, 0), QUEUE_GRANTED);
	assert_int_equal(next_after(queue, 2, 0), 3); /* cap 0 is still taken, so the one before is passed */
	assert_int_equal(next_after(queue, 0, 0), 1);
	free(queue);
}

static void
test_the_greatest_priority_that_waits(void **state)
{
	const QueueRule rules[] = {{.priority = 50, .weight = 100, .slots = 2, .length = 10},
							   {.priority = 20, .weight = 100, .slots = 2, .length = 10}};
	Queue *queue = QUEUE_OF(1, rules);

	(void) state;
	assert_int_equal(queue_priority_waiting(queue), -1);
	assert_int_equal(enters(queue, 0, 0, 0), QUEUE_GRANTED);
	assert_int_equal(queue_priority_waiting(queue), -1);
	assert_int_equal(enters(queue, 1, 1, 0), QUEUE_QUEUED);
	assert_int_equal(queue_priority_waiting(queue), 20);
	/* Whatever the pool's own is, and wherever in line. */
	assert_int_equal(claims(queue, 2, (QueueClaim){.pool = 1, .priority = 60}, 0), QUEUE_QUEUED);
	assert_int_equal(claims(queue, 3, (QueueClaim){.priority = 0}, 0), QUEUE_QUEUED);
	assert_int_equal(queue_priority_waiting(queue), 60);
	assert_int_equal(next_after(queue, 0, 1), 2);
	assert_int_equal(queue_priority_waiting(queue), 20);
	free(queue);
}

static void
test_a_full_queue_refuses(void **state)
{
	const QueueRule rules[] = {{.priority = 50, .weight = 100, .slots = 1, .length = 1}};
	Queue *queue = QUEUE_OF(1, rules);

	(void) state;
	assert_int_equal(enters(queue, 0, 0, 0), QUEUE_GRANTED);
	assert_int_equal(enters(queue, 1, 0, 0), QUEUE_QUEUED);
	assert_int_equal(enters(queue, 2, 0, 0), QUEUE_FULL);
	assert_int_equal(queue_state(queue, 2), QUEUE_IDLE);
	/* One that resumes is never refused, and takes nobody's place in the queue. */
	assert_int_equal(claims(queue, 3, (QueueClaim){.priority = -1, .resumes = true}, 0), QUEUE_QUEUED);
	assert_int_equal(next_after(queue, 1, 0), QUEUE_NOBODY);
	assert_int_equal(enters(queue, 4, 0, 0), QUEUE_QUEUED);
	/* Nor does one that gave way. */
	assert_int_equal(next_after_yield(queue, 0, 1), 3);
	assert_int_equal(next_after(queue, 4, 1), QUEUE_NOBODY);
	assert_int_equal(enters(queue, 5, 0, 1), QUEUE_QUEUED);
	assert_int_equal(enters(queue, 6, 0, 1), QUEUE_FULL);
	free(queue);
}

static void
test_a_pool_without_a_queue_takes_what_is_free(void **state)
{
	const QueueRule rules[] = {{.priority = 50, .weight = 100, .slots = 1, .length = 5},
							   {.priority = 10, .weight = 100, .slots = 2, .length = 0}};
	Queue *queue = QUEUE_OF(2, rules);

	(void) state;
	assert_int_equal(enters(queue, 0, 0, 0), QUEUE_GRANTED);
	assert_int_equal(enters(queue, 1, 0, 0), QUEUE_QUEUED);
	assert_int_equal(enters(queue, 2, 1, 0), QUEUE_GRANTED);
	assert_int_equal(enters(queue, 3, 1, 0), QUEUE_FULL);
	free(queue);
}

/* Whatever is out of its range becomes something in it. */
static void
test_bad_claims(void **state)
{
	const QueueRule rules[] = {{.priority = 50, .weight = 0, .slots = 9, .length = 9},
							   {.priority = 150, .weight = -4, .slots = 9, .length = 9}};
	const QueueCapRule caps[] = {{.slots = 3}};
	const struct
	{
		QueueClaim claim;
		int32_t pool, priority;
	} bad[] = {
		{{.pool = 2, .priority = -1}, 0, 50},
		{{.pool = -1, .priority = -7}, 0, 50},
		{{.pool = INT32_MAX, .priority = INT32_MAX}, 0, 100},
		{{.pool = 1, .priority = -1}, 1, 100},
		{{.priority = 0, .caps = UINT64_MAX}, 0, 0},
		{{.priority = 5, .memory = INT64_MIN}, 0, 5},
		{{.priority = 5, .predicted = INT64_MIN, .attained = INT64_MIN, .since = INT64_MIN}, 0, 5},
		{{.priority = 5, .predicted = INT64_MAX, .attained = INT64_MAX, .since = INT64_MAX}, 0, 5},
	};
	Queue *queue = queue_new((QueueSetup){.slots = 1, .pool_count = 2, .pools = rules, .cap_count = 1, .caps = caps});

	(void) state;
	assert_int_equal(enters(queue, 9, 0, 0), QUEUE_GRANTED);
	for (int32_t i = 0; i < COUNT(bad); i++)
	{
		assert_int_equal(claims(queue, 1, bad[i].claim, 10), QUEUE_QUEUED);
		assert_int_equal(queue_pool(queue, 1), bad[i].pool);
		assert_int_equal(queue_priority(queue, 1), bad[i].priority);
		assert_int_equal(queue_pool_oldest_wait(queue, bad[i].pool, 15), 5);
		assert_int_equal(next_after(queue, 9, 15), 1);
		assert_int_equal(next_after(queue, 1, INT64_MAX), QUEUE_NOBODY);
		assert_int_equal(queue_reserved(queue, 1), 0);
		assert_int_equal(enters(queue, 9, 0, 0), QUEUE_GRANTED);
	}
	free(queue);
}

/* Every call in every state: what does not apply changes nothing. */
static void
test_every_step_in_every_state(void **state)
{
	const QueueRule rules[] = {{.priority = 50, .weight = 1, .slots = 1, .length = 9}};
	const QueueClaim claim = {.priority = -1};
	Queue *queue = QUEUE_OF(1, rules);
	int32_t index;

	(void) state;
	queue_release(queue, 0, 0);
	queue_yield(queue, 0, 0);
	queue_move(queue, 0, &(QueueClaim){.pool = 0, .priority = 90});
	queue_lend(queue, 0, 90);
	assert_false(queue_give_back(queue, 0, 0));
	assert_int_equal(queue_state(queue, 0), QUEUE_IDLE);
	assert_int_equal(queue_why(queue, 0, &index), QUEUE_WHY_NOTHING);
	assert_int_equal(queue_estimate(queue, 0, 0), -1);
	assert_sane(queue);
	assert_int_equal(enters(queue, 0, 0, 0), QUEUE_GRANTED);
	assert_int_equal(enters(queue, 0, 0, 0), QUEUE_GRANTED);
	assert_false(queue_try(queue, 0, &claim, 0));
	assert_int_equal(queue_why(queue, 0, &index), QUEUE_WHY_NOTHING);
	assert_int_equal(queue_estimate(queue, 0, 0), -1);
	assert_int_equal(enters(queue, 1, 0, 0), QUEUE_QUEUED);
	assert_int_equal(enters(queue, 1, 0, 0), QUEUE_QUEUED);
	assert_false(queue_try(queue, 1, &claim, 0));
	assert_true(queue_give_back(queue, 1, 0)); /* has to be taken out of the queue under the lock */
	assert_int_equal(queue_state(queue, 1), QUEUE_WAITING);
	queue_yield(queue, 1, 0);
	assert_int_equal(queue->holding, 1);
	assert_int_equal(queue->waiting, 1);
	queue_release(queue, 1, 0);
	assert_false(queue_give_back(queue, 0, 0));
	assert_sane(queue);
	assert_int_equal(queue->holding + queue->waiting, 0);
	free(queue);
}

static void
test_moving_takes_counts_along(void **state)
{
	const QueueRule rules[] = {{.priority = 50, .weight = 100, .slots = 1, .length = 9},
							   {.priority = 20, .weight = 100, .slots = 1, .length = 9}};
	Queue *queue = QUEUE_OF(2, rules);

	(void) state;
	assert_int_equal(enters(queue, 0, 0, 0), QUEUE_GRANTED);
	assert_int_equal(enters(queue, 1, 0, 1), QUEUE_QUEUED);
	assert_int_equal(enters(queue, 2, 0, 2), QUEUE_QUEUED);
	queue_move(queue, 2, &(QueueClaim){.pool = 0, .priority = 60}); /* the same pool, a better priority */
	assert_sane(queue);
	assert_int_equal(queue_position(queue, 2), 1);
	queue_move(queue, 0, &(QueueClaim){.pool = 1, .priority = -1}); /* makes room in its pool */
	assert_sane(queue);
	assert_int_equal(queue_priority(queue, 0), 20);
	assert_int_equal(grants(queue, 3), 2);
	queue_move(queue, 1, &(QueueClaim){.pool = 1, .priority = 5});
	assert_int_equal(queue_position(queue, 1), 1);
	assert_int_equal(queue_priority(queue, 1), 5);
	assert_int_equal(grants(queue, 3), QUEUE_NOBODY);
	assert_int_equal(next_after(queue, 2, 3), QUEUE_NOBODY);
	assert_int_equal(next_after(queue, 0, 3), 1);
	/* More than the pool's slots: nobody loses one, nobody new gets one. */
	assert_int_equal(enters(queue, 0, 0, 4), QUEUE_GRANTED);
	queue_move(queue, 0, &(QueueClaim){.pool = 1, .priority = -1});
	assert_sane(queue);
	assert_int_equal(queue->pools[1].holding, 2);
	assert_int_equal(enters(queue, 3, 1, 4), QUEUE_QUEUED);
	assert_int_equal(next_after(queue, 0, 4), QUEUE_NOBODY);
	assert_int_equal(next_after(queue, 1, 4), 3);
	free(queue);
}

/* A cap of the new pool counts a call that is moved there, and the old one's no longer. */
static void
test_moving_changes_caps(void **state)
{
	const QueueRule rules[] = {{.priority = 50, .weight = 100, .slots = 9, .length = 9}};
	const QueueCapRule caps[] = {{.slots = 1}, {.slots = 1}};
	Queue *queue = queue_new((QueueSetup){.slots = 9, .pool_count = 1, .pools = rules, .cap_count = 2, .caps = caps});
	int32_t index;

	(void) state;
	assert_int_equal(claims(queue, 0, (QueueClaim){.priority = -1, .caps = 1}, 0), QUEUE_GRANTED);
	assert_int_equal(claims(queue, 1, (QueueClaim){.priority = -1, .caps = 1}, 1), QUEUE_QUEUED);
	queue_move(queue, 0, &(QueueClaim){.priority = -1, .caps = 2});
	assert_sane(queue);
	assert_int_equal(queue->caps[0].holding, 0);
	assert_int_equal(queue->caps[1].holding, 1);
	assert_int_equal(grants(queue, 2), 1);
	assert_int_equal(claims(queue, 2, (QueueClaim){.priority = -1, .caps = 1}, 3), QUEUE_QUEUED);
	queue_move(queue, 2, &(QueueClaim){.priority = -1, .caps = 2});
	assert_int_equal(queue_why(queue, 2, &index), QUEUE_WHY_CAP_SLOTS);
	assert_int_equal(index, 1);
	assert_int_equal(next_after(queue, 0, 4), 2);
	free(queue);
}

static void
test_lending(void **state)
{
	const QueueRule rules[] = {{.priority = 50, .weight = 100, .slots = 1, .length = 9},
							   {.priority = 20, .weight = 100, .slots = 1, .length = 9}};
	Queue *queue = QUEUE_OF(1, rules);

	(void) state;
	assert_int_equal(enters(queue, 0, 0, 0), QUEUE_GRANTED);
	assert_int_equal(enters(queue, 1, 0, 1), QUEUE_QUEUED);
	assert_int_equal(enters(queue, 2, 1, 2), QUEUE_QUEUED);
	queue_lend(queue, 2, 10); /* no more than its own */
	assert_int_equal(queue_priority(queue, 2), 20);
	queue_lend(queue, 2, 1000);
	assert_int_equal(queue_priority(queue, 2), 100);
	queue_move(queue, 2, &(QueueClaim){.pool = 1, .priority = 30}); /* its own priority, not what is lent */
	assert_int_equal(queue_priority(queue, 2), 100);
	queue_lend(queue, 2, -1);
	assert_int_equal(queue_priority(queue, 2), 30);
	queue_lend(queue, 2, 70);
	assert_sane(queue);
	assert_int_equal(next_after(queue, 0, 3), 2);
	assert_int_equal(queue_priority(queue, 2), 70);
	queue_lend(queue, 2, -1);
	assert_int_equal(queue_priority(queue, 2), 30);
	queue_lend(queue, 2, 80);
	assert_int_equal(next_after(queue, 2, 4), 1);
	assert_int_equal(enters(queue, 2, 1, 5), QUEUE_QUEUED); /* the next claim is its own again */
	assert_int_equal(queue_priority(queue, 2), 20);
	free(queue);
}

static void
test_reconfiguring_loses_nobody(void **state)
{
	const QueueRule before[] = {{.priority = 50, .weight = 100, .slots = 2, .length = 10},
								{.priority = 60, .weight = 100, .slots = 2, .length = 10}};
	const QueueRule after[] = {{.priority = 10, .weight = 100, .slots = 1, .length = 10}};
	const int32_t moves[] = {0, 0};
	Queue *queue = QUEUE_OF(2, before);

	(void) state;
	assert_int_equal(enters(queue, 0, 0, 0), QUEUE_GRANTED);
	assert_int_equal(enters(queue, 1, 1, 0), QUEUE_GRANTED);
	assert_int_equal(enters(queue, 2, 0, 3), QUEUE_QUEUED);
	assert_int_equal(enters(queue, 3, 1, 2), QUEUE_QUEUED);
	queue_configure(queue, &(QueueSetup){.slots = 1, .pool_count = 1, .pools = after, .pool_moves = moves});
	assert_sane(queue);
	assert_int_equal(queue->holding, 2);
	assert_int_equal(queue_priority(queue, 1), 10);
	assert_int_equal(queue_priority(queue, 3), 10);
	assert_int_equal(next_after(queue, 0, 4), QUEUE_NOBODY); /* one slot only, and it is still held */
	assert_int_equal(next_after(queue, 1, 4), 3);			 /* the older waiter, though of the other pool */
	assert_int_equal(next_after(queue, 3, 4), 2);
	free(queue);
}

/* Pools and caps change places; one cap goes, and a priority that somebody set stays. */
static void
test_reconfiguring_renumbers(void **state)
{
	const QueueRule before[] = {{.priority = 50, .weight = 1, .slots = 3, .length = 9, .memory = 10 * MB},
								{.priority = 60, .weight = 1, .slots = 3, .length = 9, .memory = 20 * MB},
								{.priority = 70, .weight = 1, .slots = 3, .length = 9}};
	const QueueRule after[] = {before[2], before[0], before[1], {.priority = 1, .weight = 1, .slots = 1, .length = 1}};
	const QueueCapRule caps[] = {{.slots = 2, .memory = 30 * MB}, {.slots = 1}, {.slots = 3}};
	const QueueCapRule new_caps[] = {{.slots = 3}, {.slots = 2, .memory = 30 * MB}};
	const int32_t pool_moves[] = {1, 2, 0}, cap_moves[] = {1, QUEUE_NOBODY, 0};
	Queue *queue = queue_new((QueueSetup){
		.slots = 2, .memory = 100 * MB, .pool_count = 3, .pools = before, .cap_count = 3, .caps = caps, .version = 7});

	(void) state;
	assert_int_equal(queue->version, 7);
	assert_int_equal(claims(queue, 0, (QueueClaim){.pool = 0, .priority = -1, .caps = 3, .memory = 4 * MB}, 0),
					 QUEUE_GRANTED);
	assert_int_equal(claims(queue, 1, (QueueClaim){.pool = 1, .priority = 33, .caps = 5, .memory = 9 * MB}, 0),
					 QUEUE_GRANTED);
	assert_int_equal(claims(queue, 2, (QueueClaim){.pool = 2, .priority = -1, .caps = 2, .memory = MB}, 0),
					 QUEUE_QUEUED);
	queue_configure(queue, &(QueueSetup){.slots = 2,
										 .memory = 100 * MB,
										 .pool_count = 4,
										 .pools = after,
										 .cap_count = 2,
										 .caps = new_caps,
										 .pool_moves = pool_moves,
										 .cap_moves = cap_moves});
	assert_sane(queue);
	assert_int_equal(queue->version, 8);
	assert_int_equal(queue_pool(queue, 0), 1);
	assert_int_equal(queue_pool(queue, 1), 2);
	assert_int_equal(queue_pool(queue, 2), 0);
	assert_int_equal(queue_priority(queue, 1), 33);
	assert_int_equal(queue->pools[1].reserved, 4 * MB);
	assert_int_equal(queue->pools[2].reserved, 9 * MB);
	assert_int_equal(queue->caps[0].holding, 1);
	assert_int_equal(queue->caps[1].holding, 2);
	assert_int_equal(queue->caps[1].reserved, 13 * MB);
	assert_int_equal(queue->caps[2].holding, 0);
	assert_int_equal(next_after(queue, 0, 1), 2);
	(void) queue_unreserve(queue, 0, INT64_MAX);
	assert_sane(queue);
	assert_int_equal(queue->pools[1].reserved, 0);
	assert_int_equal(queue->caps[1].reserved, 9 * MB);
	free(queue);
}

/* Moves that point nowhere, as a caller's fault: nothing breaks. */
static void
test_bad_moves(void **state)
{
	const QueueRule rules[] = {{.priority = 50, .weight = 1, .slots = 3, .length = 9},
							   {.priority = 60, .weight = 1, .slots = 3, .length = 9}};
	const QueueCapRule caps[] = {{.slots = 2}, {.slots = 2}};
	const int32_t pool_moves[] = {-3, 99}, cap_moves[] = {-3, 99};
	Queue *queue = queue_new((QueueSetup){.slots = 1, .pool_count = 2, .pools = rules, .cap_count = 2, .caps = caps});

	(void) state;
	assert_int_equal(claims(queue, 0, (QueueClaim){.pool = 1, .priority = -1, .caps = 3}, 0), QUEUE_GRANTED);
	assert_int_equal(claims(queue, 1, (QueueClaim){.pool = 0, .priority = -1, .caps = 3}, 0), QUEUE_QUEUED);
	queue_configure(queue, &(QueueSetup){.slots = 1,
										 .pool_count = 1,
										 .pools = rules,
										 .cap_count = 1,
										 .caps = caps,
										 .pool_moves = pool_moves,
										 .cap_moves = cap_moves});
	assert_sane(queue);
	assert_int_equal(queue_pool(queue, 0), 0);
	assert_int_equal(queue->caps[0].holding, 0);
	assert_int_equal(next_after(queue, 0, 0), 1);
	free(queue);
}

static void
test_positions_and_estimates(void **state)
{
	const QueueRule rules[] = {{.priority = 50, .weight = 100, .slots = 1, .length = 9},
							   {.priority = 60, .weight = 100, .slots = 1, .length = 9},
							   {.priority = 50, .weight = 100, .slots = 1, .length = 9}};
	Queue *queue = QUEUE_OF(1, rules);

	(void) state;
	assert_int_equal(claims(queue, 0, (QueueClaim){.priority = -1, .predicted = 100}, 1000), QUEUE_GRANTED);
	assert_int_equal(claims(queue, 1, (QueueClaim){.priority = -1, .predicted = 30}, 1000), QUEUE_QUEUED);
	assert_int_equal(claims(queue, 2, (QueueClaim){.priority = -1, .predicted = 20}, 1000), QUEUE_QUEUED);
	assert_int_equal(queue_position(queue, 1), 2);
	assert_int_equal(queue_position(queue, 2), 1);
	assert_int_equal(queue_estimate(queue, 2, 1040), 60);
	assert_int_equal(queue_estimate(queue, 1, 1040), 80);
	/* A better pool's call comes in between; of one without history there is no telling. */
	assert_int_equal(claims(queue, 3, (QueueClaim){.pool = 1, .priority = -1, .predicted = 7}, 1040), QUEUE_QUEUED);
	assert_int_equal(queue_estimate(queue, 3, 1040), 60);
	assert_int_equal(queue_estimate(queue, 2, 1040), 67);
	assert_int_equal(enters(queue, 4, 1, 1040), QUEUE_QUEUED);
	assert_int_equal(queue_estimate(queue, 2, 1040), -1);
	assert_int_equal(queue_estimate(queue, 3, 1040), -1); /* that one has had nothing yet, and so goes first */
	assert_int_equal(queue_estimate(queue, 4, 1040), 60);
	assert_int_equal(queue_estimate(queue, 4, 1100), -1); /* nor of a holder that takes longer than was predicted */
	free(queue);
}

static void
test_sizes(void **state)
{
	(void) state;
	assert_true(queue_size(0) >= sizeof(Queue));
	assert_int_equal(queue_size(1000) - queue_size(0), 1000 * sizeof(QueueCaller));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_free_slots_are_granted_at_once),
		cmocka_unit_test(test_caps_of_pools_leave_slots_to_others),
		cmocka_unit_test(test_caps_of_others_bound_slots),
		cmocka_unit_test(test_the_greatest_priority_that_waits),
		cmocka_unit_test(test_a_full_queue_refuses),
		cmocka_unit_test(test_a_pool_without_a_queue_takes_what_is_free),
		cmocka_unit_test(test_bad_claims),
		cmocka_unit_test(test_every_step_in_every_state),
		cmocka_unit_test(test_moving_takes_counts_along),
		cmocka_unit_test(test_moving_changes_caps),
		cmocka_unit_test(test_lending),
		cmocka_unit_test(test_reconfiguring_loses_nobody),
		cmocka_unit_test(test_reconfiguring_renumbers),
		cmocka_unit_test(test_bad_moves),
		cmocka_unit_test(test_positions_and_estimates),
		cmocka_unit_test(test_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
