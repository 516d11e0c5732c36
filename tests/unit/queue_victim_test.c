/* queue_victim_test.c - who is asked to give way, when, and who never is. */
#include "tests/unit/queue_fixture.h"

#define POOL(level, ...)                                                                                               \
	{                                                                                                                  \
		.priority = (level), .weight = 100, .slots = 64, .length = 64, __VA_ARGS__                                     \
	}

static void
test_a_better_priority_asks_at_once(void **state)
{
	const QueueRule rules[] = {POOL(10), POOL(50), POOL(90)};
	Queue *queue = QUEUE_OF(2, rules);

	(void) state;
	assert_int_equal(enters(queue, 0, 1, 0), QUEUE_GRANTED);
	assert_int_equal(enters(queue, 1, 0, 0), QUEUE_GRANTED);
	assert_int_equal(asks_nobody(queue, 0), 0); /* nobody waits */
	assert_int_equal(enters(queue, 2, 2, 1), QUEUE_QUEUED);
	asks_only(queue, 1, 1); /* the least of them, and no more than one */
	assert_false(queue_is_asked(queue, 0));
	assert_int_equal(enters(queue, 3, 2, 2), QUEUE_QUEUED);
	asks_only(queue, 0, 2);
	assert_int_equal(enters(queue, 4, 2, 3), QUEUE_QUEUED);
	assert_int_equal(asks_nobody(queue, 3), 0); /* there is nobody left to ask */
	assert_int_equal(next_after_yield(queue, 1, 4), 2);
	assert_false(queue_is_asked(queue, 1));
	assert_int_equal(next_after_yield(queue, 0, 4), 3);
	assert_int_equal(asks_nobody(queue, 4), 50 * MS + 4); /* of the same priority */
	free(queue);
}

static void
test_a_worse_priority_asks_nobody(void **state)
{
	const QueueRule rules[] = {POOL(10), POOL(50)};
	Queue *queue = QUEUE_OF(1, rules);

	(void) state;
	assert_int_equal(enters(queue, 0, 1, 0), QUEUE_GRANTED);
	assert_int_equal(enters(queue, 1, 0, 0), QUEUE_QUEUED);
	assert_int_equal(asks_nobody(queue, 3600 * SECOND), 0);
	queue_move(queue, 1, &(QueueClaim){.pool = 0, .priority = 60});
	asks_only(queue, 0, 3600 * SECOND);
	free(queue);
}

/* Two calls without history take turns of a quantum each. */
static void
test_quanta_take_turns(void **state)
{
	const QueueRule rules[] = {POOL(50)};
	Queue *queue = QUEUE_OF(1, rules);

	(void) state;
	assert_int_equal(enters(queue, 0, 0, 0), QUEUE_GRANTED);
	assert_int_equal(enters(queue, 1, 0, 10 * MS), QUEUE_QUEUED);
	assert_int_equal(asks_nobody(queue, 10 * MS), 50 * MS);
	assert_int_equal(asks_nobody(queue, 50 * MS - 1), 50 * MS);
	asks_only(queue, 0, 50 * MS);
	assert_int_equal(next_after_yield(queue, 0, 52 * MS), 1);
	/* It has had 52 ms: the other one, with as much, must not be put behind it. */
	assert_int_equal(asks_nobody(queue, 52 * MS), 102 * MS); /* before its quantum is over nobody looks closer */
	assert_int_equal(asks_nobody(queue, 102 * MS), 104 * MS + 1);
	assert_int_equal(asks_nobody(queue, 104 * MS), 104 * MS + 1);
	asks_only(queue, 1, 104 * MS + 1);
	assert_int_equal(next_after_yield(queue, 1, 105 * MS), 0);
	free(queue);
}

/* One that has less left than the holder goes first after a quantum; one that has more waits until the prediction is proved wrong. */
static void
test_quanta_and_predictions(void **state)
{
	const QueueRule rules[] = {POOL(50)};
	const struct
	{
		int64_t holder, waiter, due; /* due: when the holder is asked */
	} rows[] = {
		{SECOND, 900 * MS, 50 * MS},		  /* 900 against 950 left */
		{SECOND, 950 * MS, SECOND},			  /* not less: when it has had its second, it is worth a second */
		{SECOND, 2 * SECOND, 2 * SECOND + 1}, /* worth what it has had, which must be more than 2 s */
		{0, 70 * MS, 70 * MS + 1},			  /* no history: what it has had */
		{0, 10 * MS, 20 * MS + 1},			  /* more than twice as urgent: before the quantum is over */
		{0, 30 * MS, 50 * MS},
		{SECOND, 1, MS},
		{20 * MS, 30 * MS, 50 * MS},
	};

	(void) state;
	for (int32_t i = 0; i < COUNT(rows); i++)
	{
		Queue *queue = QUEUE_OF(1, rules);
		int64_t due = 0, now = 0;

		assert_int_equal(claims(queue, 0, (QueueClaim){.priority = -1, .predicted = rows[i].holder}, 0), QUEUE_GRANTED);
		assert_int_equal(claims(queue, 1, (QueueClaim){.priority = -1, .predicted = rows[i].waiter}, 0), QUEUE_QUEUED);
		while (now < 10 * SECOND && asks(queue, now, &due) == QUEUE_NOBODY)
		{
			assert_true(due > now);
			now = due;
		}
		assert_int_equal(now, rows[i].due);
		assert_int_equal(next_after_yield(queue, 0, now), 1);
		free(queue);
	}
}

/* Among pools of one priority the weights decide: the holder's pool must be ahead by more. */
static void
test_quanta_and_weights(void **state)
{
	const QueueRule rules[] = {POOL(50), {.priority = 50, .weight = 300, .slots = 9, .length = 9}};
	Queue *queue = QUEUE_OF(1, rules);
	int64_t due;

	(void) state;
	assert_int_equal(enters(queue, 0, 0, 0), QUEUE_GRANTED);
	assert_int_equal(enters(queue, 1, 1, 0), QUEUE_QUEUED);
	asks_only(queue, 0, 50 * MS);
	assert_int_equal(next_after_yield(queue, 0, 50 * MS), 1);
	/* Pool 0 has had 50 ms of weight 1: pool 1 may have 150 before it is behind. */
	assert_int_equal(asks_nobody(queue, 50 * MS), 100 * MS);
	assert_int_equal(asks(queue, 100 * MS, &due), QUEUE_NOBODY);
	assert_in_range(due, 200 * MS, 200 * MS + 5);
	due = asks_nobody(queue, due - 1);
	assert_in_range(due, 200 * MS, 200 * MS + 5);
	asks_only(queue, 1, due);
	assert_int_equal(next_after_yield(queue, 1, due), 0);
	free(queue);
}

static void
test_one_that_resumes_asks_after_a_quantum(void **state)
{
	const QueueRule rules[] = {POOL(50)};
	Queue *queue = QUEUE_OF(1, rules);

	(void) state;
	assert_int_equal(claims(queue, 0, (QueueClaim){.priority = -1, .predicted = 60 * MS}, 0), QUEUE_GRANTED);
	assert_int_equal(claims(queue, 1, (QueueClaim){.priority = -1, .resumes = true, .predicted = SECOND}, 0),
					 QUEUE_QUEUED);
	assert_int_equal(asks_nobody(queue, 0), 50 * MS);
	asks_only(queue, 0, 50 * MS);
	assert_int_equal(next_after_yield(queue, 0, 50 * MS), 1);
	free(queue);
}

/* The quantum is of a call's turn: slots that it has again after SQL, with nobody waiting, have what is left of it. */
static void
test_sql_does_not_renew_a_quantum(void **state)
{
	const QueueRule rules[] = {POOL(50)};
	Queue *queue = QUEUE_OF(1, rules);
	QueueClaim resumed = {.priority = -1, .resumes = true, .attained = 40 * MS};

	(void) state;
	assert_int_equal(enters(queue, 0, 0, 0), QUEUE_GRANTED);
	queue_release(queue, 0, 40 * MS);
	assert_true(queue_try(queue, 0, &resumed, 41 * MS));
	assert_int_equal(enters(queue, 1, 0, 42 * MS), QUEUE_QUEUED);
	assert_int_equal(asks_nobody(queue, 42 * MS), 51 * MS);
	asks_only(queue, 0, 51 * MS);
	assert_int_equal(next_after_yield(queue, 0, 51 * MS), 1);
	/* It has given way: with its next slot a turn begins. */
	assert_int_equal(next_after(queue, 1, 60 * MS), 0);
	assert_int_equal(enters(queue, 1, 0, 61 * MS), QUEUE_QUEUED);
	assert_int_equal(asks_nobody(queue, 61 * MS), 110 * MS);
	/* So it does with another call. */
	assert_int_equal(next_after(queue, 0, 100 * MS), 1);
	assert_int_equal(next_after(queue, 1, 101 * MS), QUEUE_NOBODY);
	assert_int_equal(enters(queue, 0, 0, 102 * MS), QUEUE_GRANTED);
	assert_int_equal(enters(queue, 1, 0, 103 * MS), QUEUE_QUEUED);
	assert_int_equal(asks_nobody(queue, 103 * MS), 152 * MS);
	free(queue);
}

/* Two calls that pass the slot to each other with each SQL keep a third out for the quanta of their turns, not for ever. */
static void
test_sql_does_not_keep_others_out(void **state)
{
	const QueueRule rules[] = {POOL(50)};
	Queue *queue = QUEUE_OF(1, rules);
	int64_t now = 0, attained[2] = {0};
	int32_t holder = 0, next;

	(void) state;
	for (int32_t who = 0; who < 3; who++)
		assert_int_equal(enters(queue, who, 0, who), who == 0 ? QUEUE_GRANTED : QUEUE_QUEUED);
	for (next = 1; next != 2 && now < SECOND; holder = next)
	{
		now += 10 * MS;
		attained[holder] += 10 * MS;
		next = next_after(queue, holder, now);
		assert_int_equal(
			claims(queue, holder, (QueueClaim){.priority = -1, .resumes = true, .attained = attained[holder]}, now),
			QUEUE_QUEUED);
	}
	assert_int_equal(now, 100 * MS);
	assert_int_equal(queue_state(queue, 2), QUEUE_HOLDING);
	free(queue);
}

/*
 * A call whose SQL makes small calls does not come to turns by these: when its turn is over they wait for one as it would. Claims
 * are made as the server makes them.
 */
static void
test_calls_inside_do_not_keep_others_out(void **state)
{
	const QueueRule rules[] = {POOL(50)};
	Queue *queue = QUEUE_OF(1, rules);
	QueueClaim outer = {.priority = -1}, inner = {.priority = -1, .resumes = true, .nested = true};
	int64_t now = 0;

	(void) state;
	for (int step = 0; step < RANK_STEPS; step++)
	{
		rank_table_set(&outer.ranks, step, 1 + 23 * RANK_PARTS); /* 8 s */
		rank_table_set(&inner.ranks, step, 1 + 10 * RANK_PARTS); /* 1 ms */
	}
	assert_int_equal(claims(queue, 0, outer, 0), QUEUE_GRANTED);
	assert_int_equal(claims(queue, 1, outer, 1), QUEUE_QUEUED);
	outer.resumes = true;
	while (queue_state(queue, 1) == QUEUE_WAITING && now < SECOND)
	{
		now += 20 * MS;
		outer.attained += 20 * MS;
		inner.rank_least = rank_of(&outer.ranks, outer.attained);
		queue_release(queue, 0, now);
		(void) claims(queue, 0, inner, now);
		if (grants(queue, now) == 1)
			break;
		now += MS;
		queue_release(queue, 0, now);
		(void) claims(queue, 0, outer, now);
		(void) grants(queue, now);
	}
	assert_int_equal(now, 62 * MS);
	assert_int_equal(queue_state(queue, 1), QUEUE_HOLDING);
	free(queue);
}

/* Pools that yield between calls alone are never asked; those that share are, as those that pause. */
static void
test_contention(void **state)
{
	const QueueRule rules[] = {POOL(10, .contention = QUEUE_YIELD), POOL(20, .contention = QUEUE_SHARE),
							   POOL(30, .contention = QUEUE_PAUSE), POOL(90, .ageing_us = SECOND)};
	Queue *queue = QUEUE_OF(3, rules);

	(void) state;
	for (int32_t who = 0; who < 3; who++)
		assert_int_equal(enters(queue, who, who, 0), QUEUE_GRANTED);
	for (int32_t who = 3; who < 6; who++)
		assert_int_equal(enters(queue, who, 3, 1), QUEUE_QUEUED);
	{
		int64_t due;

		assert_int_equal(asks(queue, 1, &due), 1);
		assert_int_equal(asks(queue, 1, &due), 2);
	}
	assert_int_equal(asks_nobody(queue, 1), SECOND + 1);
	assert_int_equal(asks_nobody(queue, 2 * SECOND), 0); /* not out of turn either */
	assert_false(queue_is_asked(queue, 0));
	free(queue);
}

/* One who has aged has the next slot whose quantum is over, whatever the priority, and keeps it for a quantum. */
static void
test_aged_waiters_ask(void **state)
{
	const QueueRule rules[] = {POOL(10, .ageing_us = SECOND), POOL(90)};
	Queue *queue = QUEUE_OF(1, rules);

	(void) state;
	assert_int_equal(enters(queue, 0, 1, 0), QUEUE_GRANTED);
	assert_int_equal(enters(queue, 1, 0, 0), QUEUE_QUEUED);
	assert_int_equal(enters(queue, 2, 0, 0), QUEUE_QUEUED);
	assert_int_equal(asks_nobody(queue, 100 * MS), SECOND);
	asks_only(queue, 0, SECOND);
	assert_int_equal(next_after_yield(queue, 0, SECOND), 1);
	/* The better one waits now, but not for less than a quantum. */
	assert_int_equal(asks_nobody(queue, SECOND), SECOND + 50 * MS);
	asks_only(queue, 1, SECOND + 50 * MS);
	assert_int_equal(next_after_yield(queue, 1, SECOND + 50 * MS), 0);
	/* The next one of that pool has its turn an ageing time later. */
	assert_int_equal(asks_nobody(queue, SECOND + 100 * MS), 2 * SECOND);
	asks_only(queue, 0, 2 * SECOND);
	assert_int_equal(next_after_yield(queue, 0, 2 * SECOND), 2);
	free(queue);
}

/* One whose own pool or cap is full is helped by holders of that pool or cap alone. */
static void
test_only_a_holder_that_helps_is_asked(void **state)
{
	const QueueRule rules[] = {POOL(10), {.priority = 50, .weight = 1, .slots = 1, .length = 9}, POOL(20)};
	const QueueCapRule caps[] = {{.slots = 1}};
	Queue *queue = queue_new(
		(QueueSetup){.slots = 3, .quantum_us = 50 * MS, .pool_count = 3, .pools = rules, .cap_count = 1, .caps = caps});

	(void) state;
	assert_int_equal(enters(queue, 0, 0, 0), QUEUE_GRANTED);
	assert_int_equal(enters(queue, 1, 1, 0), QUEUE_GRANTED);
	assert_int_equal(claims(queue, 2, (QueueClaim){.pool = 2, .priority = -1, .caps = 1}, 0), QUEUE_GRANTED);
	/* Pool 1 is full: its own holder it is, though one of a lower priority runs. */
	assert_int_equal(claims(queue, 3, (QueueClaim){.pool = 1, .priority = 60}, 1), QUEUE_QUEUED);
	asks_only(queue, 1, 1);
	assert_int_equal(next_after_yield(queue, 1, 1), 3);
	queue_release(queue, 1, 1);
	/* The same of a cap. */
	assert_int_equal(claims(queue, 4, (QueueClaim){.pool = 0, .priority = 70, .caps = 1}, 2), QUEUE_QUEUED);
	asks_only(queue, 2, 2);
	assert_int_equal(next_after_yield(queue, 2, 2), 4);
	free(queue);
}

/* When two would have to go for one, of whom each frees a part: neither, since the first would have its slot back at once. */
static void
test_two_holders_for_one_waiter(void **state)
{
	const QueueRule rules[] = {POOL(10), {.priority = 20, .weight = 1, .slots = 1, .length = 9}};
	const QueueCapRule caps[] = {{.slots = 1}};
	Queue *queue = queue_new(
		(QueueSetup){.slots = 2, .quantum_us = 50 * MS, .pool_count = 2, .pools = rules, .cap_count = 1, .caps = caps});

	(void) state;
	assert_int_equal(claims(queue, 0, (QueueClaim){.pool = 0, .priority = -1, .caps = 1}, 0), QUEUE_GRANTED);
	assert_int_equal(enters(queue, 1, 1, 0), QUEUE_GRANTED);
	assert_int_equal(claims(queue, 2, (QueueClaim){.pool = 1, .priority = 50, .caps = 1}, 1), QUEUE_QUEUED);
	assert_int_equal(asks_nobody(queue, 1), 0);
	assert_int_equal(next_after(queue, 1, 2), QUEUE_NOBODY);
	asks_only(queue, 0, 2); /* now one is enough */
	assert_int_equal(next_after_yield(queue, 0, 2), 2);
	free(queue);
}

/* Fewer slots than holders: those too many go as well. */
static void
test_fewer_slots(void **state)
{
	const QueueRule rules[] = {POOL(10), POOL(90)};
	Queue *queue = QUEUE_OF(4, rules);
	int64_t due;

	(void) state;
	for (int32_t who = 0; who < 4; who++)
		assert_int_equal(enters(queue, who, 0, who), QUEUE_GRANTED);
	queue_configure(queue, &(QueueSetup){.slots = 2, .quantum_us = 50 * MS, .pool_count = 2, .pools = rules});
	assert_int_equal(enters(queue, 4, 1, 5), QUEUE_QUEUED);
	for (int32_t i = 0; i < 3; i++)
		assert_int_not_equal(asks(queue, 5, &due), QUEUE_NOBODY);
	assert_int_equal(asks(queue, 5, &due), QUEUE_NOBODY);
	free(queue);
}

/* Whom nobody needs to go any more is let be. */
static void
test_the_asked_are_let_be(void **state)
{
	const QueueRule rules[] = {POOL(10), POOL(90)};
	Queue *queue = QUEUE_OF(1, rules);

	(void) state;
	assert_int_equal(enters(queue, 0, 0, 0), QUEUE_GRANTED);
	assert_int_equal(enters(queue, 1, 1, 1), QUEUE_QUEUED);
	assert_int_equal(enters(queue, 2, 0, 1), QUEUE_QUEUED);
	asks_only(queue, 0, 1);
	queue_release(queue, 1, 2);
	assert_int_equal(asks_nobody(queue, 2), 50 * MS);
	assert_false(queue_is_asked(queue, 0));
	free(queue);
}

static void
test_asking_lasts_no_longer_than_the_slot(void **state)
{
	const QueueRule rules[] = {POOL(10), POOL(90)};
	Queue *queue = QUEUE_OF(1, rules);

	(void) state;
	assert_int_equal(enters(queue, 0, 0, 0), QUEUE_GRANTED);
	assert_int_equal(enters(queue, 1, 1, 1), QUEUE_QUEUED);
	asks_only(queue, 0, 1);
	assert_true(queue_give_back(queue, 0, 1));
	assert_int_equal(grants(queue, 1), 1);
	assert_int_equal(next_after(queue, 1, 2), QUEUE_NOBODY);
	assert_int_equal(enters(queue, 0, 0, 3), QUEUE_GRANTED);
	assert_false(queue_is_asked(queue, 0));
	free(queue);
}

/* Who waits for memory is not helped by a slot; two that want the same memory need one slot. */
static void
test_memory_asks_nobody(void **state)
{
	const QueueRule rules[] = {POOL(10), POOL(90)};
	Queue *queue =
		queue_new((QueueSetup){.slots = 2, .memory = 100 * MB, .quantum_us = 50 * MS, .pool_count = 2, .pools = rules});

	(void) state;
	assert_int_equal(claims(queue, 0, (QueueClaim){.priority = -1, .memory = 60 * MB}, 0), QUEUE_GRANTED);
	assert_int_equal(enters(queue, 1, 0, 0), QUEUE_GRANTED);
	assert_int_equal(claims(queue, 2, (QueueClaim){.pool = 1, .priority = -1, .memory = 50 * MB}, 1), QUEUE_QUEUED);
	assert_int_equal(asks_nobody(queue, 1), 0);
	assert_int_equal(claims(queue, 3, (QueueClaim){.pool = 1, .priority = -1, .memory = 30 * MB}, 1), QUEUE_QUEUED);
	assert_int_equal(claims(queue, 4, (QueueClaim){.pool = 1, .priority = -1, .memory = 30 * MB}, 1), QUEUE_QUEUED);
	asks_only(queue, 0, 1); /* of two alike the first will do */
	free(queue);
}

/* Without a quantum nobody of the same priority is asked, nor out of turn; and bad times ask nobody wrongly. */
static void
test_without_a_quantum(void **state)
{
	const QueueRule rules[] = {POOL(10, .ageing_us = SECOND), POOL(90)};
	Queue *queue = queue_new((QueueSetup){.slots = 1, .pool_count = 2, .pools = rules});

	(void) state;
	assert_int_equal(enters(queue, 0, 0, 1000), QUEUE_GRANTED);
	assert_int_equal(enters(queue, 1, 0, 1000), QUEUE_QUEUED);
	assert_int_equal(asks_nobody(queue, 3600 * SECOND), 0);
	assert_int_equal(asks_nobody(queue, INT64_MAX), 0);
	assert_int_equal(asks_nobody(queue, INT64_MIN), 0);
	assert_int_equal(enters(queue, 2, 1, 1000), QUEUE_QUEUED);
	asks_only(queue, 0, 1000);
	free(queue);
}

static void
test_a_clock_that_stands_or_goes_back(void **state)
{
	const QueueRule rules[] = {POOL(50)};
	Queue *queue = QUEUE_OF(1, rules);

	(void) state;
	assert_int_equal(enters(queue, 0, 0, SECOND), QUEUE_GRANTED);
	assert_int_equal(enters(queue, 1, 0, SECOND), QUEUE_QUEUED);
	assert_int_equal(asks_nobody(queue, SECOND), SECOND + 50 * MS);
	assert_int_equal(asks_nobody(queue, 0), SECOND + 50 * MS);
	assert_int_equal(asks_nobody(queue, INT64_MIN), SECOND + 50 * MS);
	asks_only(queue, 0, INT64_MAX);
	assert_int_equal(next_after_yield(queue, 0, INT64_MAX), 1);
	free(queue);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_better_priority_asks_at_once),
		cmocka_unit_test(test_a_worse_priority_asks_nobody),
		cmocka_unit_test(test_quanta_take_turns),
		cmocka_unit_test(test_quanta_and_predictions),
		cmocka_unit_test(test_quanta_and_weights),
		cmocka_unit_test(test_one_that_resumes_asks_after_a_quantum),
		cmocka_unit_test(test_sql_does_not_renew_a_quantum),
		cmocka_unit_test(test_sql_does_not_keep_others_out),
		cmocka_unit_test(test_calls_inside_do_not_keep_others_out),
		cmocka_unit_test(test_contention),
		cmocka_unit_test(test_aged_waiters_ask),
		cmocka_unit_test(test_only_a_holder_that_helps_is_asked),
		cmocka_unit_test(test_two_holders_for_one_waiter),
		cmocka_unit_test(test_fewer_slots),
		cmocka_unit_test(test_the_asked_are_let_be),
		cmocka_unit_test(test_asking_lasts_no_longer_than_the_slot),
		cmocka_unit_test(test_memory_asks_nobody),
		cmocka_unit_test(test_without_a_quantum),
		cmocka_unit_test(test_a_clock_that_stands_or_goes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
