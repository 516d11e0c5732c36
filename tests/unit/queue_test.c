/* queue_test.c - the priority queue's rules, with the time as an argument and the invariants checked after each step. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "scheduler/queue.h"

#define CALLERS 64

static Queue *
queue_new(int32_t slots, const QueueRule *rules, int32_t count)
{
	Queue *queue = malloc(queue_size(CALLERS));

	assert_non_null(queue);
	queue_init(queue, CALLERS);
	queue_configure(queue, &(QueueSetup){.slots = slots, .pool_count = count, .pools = rules});
	return queue;
}

static void
assert_sane(const Queue *queue)
{
	const char *wrong = queue_check(queue);

	if (wrong != NULL)
		fail_msg("%s", wrong);
}

static int32_t
next_after(Queue *queue, int32_t holder)
{
	int32_t who;

	queue_release(queue, holder, 0);
	who = queue_grant(queue, 0);
	assert_sane(queue);
	return who;
}

static void
test_free_slots_are_granted_at_once(void **state)
{
	const QueueRule rules[] = {{.priority = 50, .weight = 100, .slots = 2, .length = 10}};
	Queue *queue = queue_new(2, rules, 1);

	(void) state;
	assert_int_equal(queue_acquire(queue, 1, &(QueueClaim){.pool = 0, .priority = -1}, 0), QUEUE_GRANTED);
	assert_int_equal(queue_acquire(queue, 2, &(QueueClaim){.pool = 0, .priority = -1}, 0), QUEUE_GRANTED);
	assert_int_equal(queue_acquire(queue, 3, &(QueueClaim){.pool = 0, .priority = -1}, 0), QUEUE_QUEUED);
	assert_int_equal(queue_grant(queue, 0), QUEUE_NOBODY);
	assert_int_equal(queue_position(queue, 3), 1);
	assert_int_equal(next_after(queue, 1), 3);
	assert_int_equal(queue_position(queue, 3), 0);
	free(queue);
}

static void
test_the_higher_tier_goes_first(void **state)
{
	const QueueRule rules[] = {{.priority = 10, .weight = 100, .slots = 1, .length = 30},
							   {.priority = 90, .weight = 100, .slots = 1, .length = 30}};
	Queue *queue = queue_new(1, rules, 2);

	(void) state;
	assert_int_equal(queue_acquire(queue, 0, &(QueueClaim){.pool = 0, .priority = -1}, 0), QUEUE_GRANTED);
	for (int32_t who = 1; who <= 20; who++)
		assert_int_equal(queue_acquire(queue, who, &(QueueClaim){.pool = 0, .priority = -1}, who), QUEUE_QUEUED);
	assert_int_equal(queue_acquire(queue, 40, &(QueueClaim){.pool = 1, .priority = -1}, 99), QUEUE_QUEUED);
	assert_sane(queue);
	assert_int_equal(next_after(queue, 0), 40);
	for (int32_t who = 1; who <= 20; who++)
		assert_int_equal(next_after(queue, who == 1 ? 40 : who - 1), who);
	free(queue);
}

/* Two pools that always wait, weights 3 to 1: 40 grants go 30 to 10. */
static void
test_weights_share_a_tier(void **state)
{
	const QueueRule rules[] = {{.priority = 50, .weight = 300, .slots = 1, .length = 30},
							   {.priority = 50, .weight = 100, .slots = 1, .length = 30}};
	Queue *queue = queue_new(1, rules, 2);
	int32_t holder = 63, granted[2] = {0, 0};

	(void) state;
	assert_int_equal(queue_acquire(queue, holder, &(QueueClaim){.pool = 0, .priority = -1}, 0), QUEUE_GRANTED);
	for (int32_t who = 0; who < 20; who++)
		assert_int_equal(queue_acquire(queue, who, &(QueueClaim){.pool = who % 2, .priority = -1}, who), QUEUE_QUEUED);
	for (int i = 0; i < 40; i++)
	{
		int32_t next = next_after(queue, holder);

		assert_int_not_equal(next, QUEUE_NOBODY);
		granted[queue_pool(queue, next)]++;
		if (holder != 63)
			assert_int_equal(
				queue_acquire(queue, holder, &(QueueClaim){.pool = queue_pool(queue, holder), .priority = -1}, 100 + i),
				QUEUE_QUEUED);
		holder = next;
	}
	assert_in_range(granted[0], 29, 31);
	assert_in_range(granted[1], 9, 11);
	free(queue);
}

/* A pool that was idle while another ran for long gets its share from now on, not the past's. */
static void
test_idle_time_is_not_saved_up(void **state)
{
	const QueueRule rules[] = {{.priority = 50, .weight = 100, .slots = 1, .length = 30},
							   {.priority = 50, .weight = 100, .slots = 1, .length = 30}};
	Queue *queue = queue_new(1, rules, 2);
	int32_t holder = 0, latecomer = 0;

	(void) state;
	assert_int_equal(queue_acquire(queue, 0, &(QueueClaim){.pool = 0, .priority = -1}, 0), QUEUE_GRANTED);
	for (int i = 0; i < 1000; i++)
	{
		queue_release(queue, 0, i);
		assert_int_equal(queue_acquire(queue, 0, &(QueueClaim){.pool = 0, .priority = -1}, i), QUEUE_GRANTED);
	}
	for (int32_t who = 1; who <= 20; who++)
		assert_int_equal(queue_acquire(queue, who, &(QueueClaim){.pool = who <= 10 ? 0 : 1, .priority = -1}, who),
						 QUEUE_QUEUED);
	for (int i = 0; i < 10; i++)
	{
		holder = next_after(queue, holder);
		latecomer += holder > 10;
	}
	assert_in_range(latecomer, 4, 6);
	free(queue);
}

static void
test_caps_leave_slots_to_others(void **state)
{
	const QueueRule rules[] = {{.priority = 90, .weight = 100, .slots = 1, .length = 30},
							   {.priority = 10, .weight = 100, .slots = 2, .length = 30}};
	Queue *queue = queue_new(2, rules, 2);

	(void) state;
	assert_int_equal(queue_acquire(queue, 0, &(QueueClaim){.pool = 0, .priority = -1}, 0), QUEUE_GRANTED);
	assert_int_equal(queue_acquire(queue, 1, &(QueueClaim){.pool = 0, .priority = -1}, 0), QUEUE_QUEUED);
	assert_int_equal(queue_grant(queue, 0), QUEUE_NOBODY);
	/* The free slot is not for the capped pool's waiter; another pool's takes it at once. */
	assert_int_equal(queue_acquire(queue, 2, &(QueueClaim){.pool = 1, .priority = -1}, 0), QUEUE_GRANTED);
	assert_sane(queue);
	free(queue);
}

static void
test_a_full_queue_refuses(void **state)
{
	const QueueRule rules[] = {{.priority = 50, .weight = 100, .slots = 1, .length = 1}};
	Queue *queue = queue_new(1, rules, 1);

	(void) state;
	assert_int_equal(queue_acquire(queue, 0, &(QueueClaim){.pool = 0, .priority = -1}, 0), QUEUE_GRANTED);
	assert_int_equal(queue_acquire(queue, 1, &(QueueClaim){.pool = 0, .priority = -1}, 0), QUEUE_QUEUED);
	assert_int_equal(queue_acquire(queue, 2, &(QueueClaim){.pool = 0, .priority = -1}, 0), QUEUE_FULL);
	assert_int_equal(queue_state(queue, 2), QUEUE_IDLE);
	assert_int_equal(queue_acquire(queue, 3, &(QueueClaim){.pool = 0, .priority = -1, .resumes = true}, 0),
					 QUEUE_QUEUED); /* one that resumes is never refused */
	assert_sane(queue);
	free(queue);
}

static void
test_resumers_go_first_in_their_pool(void **state)
{
	const QueueRule rules[] = {{.priority = 50, .weight = 100, .slots = 1, .length = 10}};
	Queue *queue = queue_new(1, rules, 1);

	(void) state;
	assert_int_equal(queue_acquire(queue, 0, &(QueueClaim){.pool = 0, .priority = -1}, 0), QUEUE_GRANTED);
	assert_int_equal(queue_acquire(queue, 1, &(QueueClaim){.pool = 0, .priority = -1}, 1), QUEUE_QUEUED);
	assert_int_equal(queue_acquire(queue, 2, &(QueueClaim){.pool = 0, .priority = -1, .resumes = true}, 2),
					 QUEUE_QUEUED);
	assert_int_equal(queue_acquire(queue, 3, &(QueueClaim){.pool = 0, .priority = -1, .resumes = true}, 3),
					 QUEUE_QUEUED);
	assert_int_equal(queue_position(queue, 1), 3);
	assert_int_equal(next_after(queue, 0), 2);
	assert_int_equal(next_after(queue, 2), 3);
	assert_int_equal(next_after(queue, 3), 1);
	free(queue);
}

static void
test_reconfiguring_loses_nobody(void **state)
{
	const QueueRule before[] = {{.priority = 50, .weight = 100, .slots = 2, .length = 10},
								{.priority = 60, .weight = 100, .slots = 2, .length = 10}};
	const QueueRule after[] = {{.priority = 10, .weight = 100, .slots = 1, .length = 10}};
	const int32_t moves[] = {0, 0};
	Queue *queue = queue_new(2, before, 2);

	(void) state;
	assert_int_equal(queue_acquire(queue, 0, &(QueueClaim){.pool = 0, .priority = -1}, 0), QUEUE_GRANTED);
	assert_int_equal(queue_acquire(queue, 1, &(QueueClaim){.pool = 1, .priority = -1}, 0), QUEUE_GRANTED);
	assert_int_equal(queue_acquire(queue, 2, &(QueueClaim){.pool = 0, .priority = -1}, 3), QUEUE_QUEUED);
	assert_int_equal(queue_acquire(queue, 3, &(QueueClaim){.pool = 1, .priority = -1}, 2), QUEUE_QUEUED);
	queue_configure(queue, &(QueueSetup){.slots = 1, .pool_count = 1, .pools = after, .pool_moves = moves});
	assert_sane(queue);
	assert_int_equal(queue->holding, 2);
	assert_int_equal(next_after(queue, 0), QUEUE_NOBODY); /* one slot only, and it is still held */
	assert_int_equal(next_after(queue, 1), 3);			  /* the older waiter, though of the other pool */
	assert_int_equal(next_after(queue, 3), 2);
	free(queue);
}

/* Every operation in every state, at random but the same each time: nothing is lost and the counts agree. */
static void
test_random_walk_keeps_the_invariants(void **state)
{
	const QueueRule rules[] = {{.priority = 50, .weight = 100, .slots = 2, .length = 5},
							   {.priority = 50, .weight = 300, .slots = 1, .length = 5},
							   {.priority = 90, .weight = 10, .slots = 3, .length = 0}};
	Queue *queue = queue_new(3, rules, 3);
	int32_t operations[3] = {0};

	(void) state;
	srandom(42);
	for (int i = 0; i < 200000; i++)
	{
		int32_t who = (int32_t) (random() % 6); /* few enough that the queue is empty at times */

		if (queue_state(queue, who) == QUEUE_IDLE)
			operations[queue_acquire(
				queue, who,
				&(QueueClaim){.pool = (int32_t) (random() % 3), .priority = -1, .resumes = random() % 4 == 0}, i)]++;
		else
			queue_release(queue, who, i);
		while (queue_grant(queue, i) != QUEUE_NOBODY)
			continue;
		assert_in_range(queue->holding, 0, 3);
		if (i % 97 == 0)
			assert_sane(queue);
	}
	for (int i = 0; i < 3; i++)
		assert_in_range(operations[i], 1000, 200000); /* each answer was seen */
	for (int32_t who = 0; who < CALLERS; who++)
		queue_release(queue, who, 0);
	assert_sane(queue);
	assert_int_equal(queue->holding + queue->waiting, 0);
	free(queue);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_free_slots_are_granted_at_once),
		cmocka_unit_test(test_the_higher_tier_goes_first),
		cmocka_unit_test(test_weights_share_a_tier),
		cmocka_unit_test(test_idle_time_is_not_saved_up),
		cmocka_unit_test(test_caps_leave_slots_to_others),
		cmocka_unit_test(test_a_full_queue_refuses),
		cmocka_unit_test(test_resumers_go_first_in_their_pool),
		cmocka_unit_test(test_reconfiguring_loses_nobody),
		cmocka_unit_test(test_random_walk_keeps_the_invariants),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
