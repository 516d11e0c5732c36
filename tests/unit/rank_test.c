/* rank_test.c - how urgent history makes a call, and what the queue does by it. */
#include <math.h>
#include <string.h>

#include "scheduler/history.h"
#include "tests/unit/queue_fixture.h"

static void
learn(History *history, int64_t run_us)
{
	HistoryCalls calls = {0};

	history_calls_add(&calls, run_us, 0);
	history_learn(history, &calls);
}

static RankTable
table_of(const History *history)
{
	RankTable table;

	history_rank(history, &table);
	return table;
}

/* --- steps -------------------------------------------------------------------------------------------------------------- */

static void
test_steps_are_half_octaves(void **state)
{
	(void) state;
	assert_int_equal(rank_step(0), 0);
	assert_int_equal(rank_step(1023), 0);
	assert_int_equal(rank_step(INT64_MAX), RANK_STEPS - 1);
	for (int step = 0; step < RANK_STEPS; step++)
	{
		assert_int_equal(rank_step(rank_step_begin(step)), step);
		if (step > 0)
			assert_int_equal(rank_step(rank_step_begin(step) - 1), step - 1);
		if (step > 1)
			assert_true(fabs((double) rank_step_begin(step) / (double) rank_step_begin(step - 1) - sqrt(2)) < 0.002);
	}
}

static void
test_codes_are_sixths_of_an_octave(void **state)
{
	(void) state;
	assert_int_equal(rank_decode(1), 1);
	assert_int_equal(rank_decode(1 + 20 * RANK_PARTS), 1 << 20);
	for (int code = 1 + 10 * RANK_PARTS; code < RANK_CODE_MAX; code++)
		assert_true(fabs((double) rank_decode((uint8_t) (code + 1)) / (double) rank_decode((uint8_t) code) -
						 exp2(1.0 / 6)) < 0.002);
}

static void
test_the_least_code_above(void **state)
{
	(void) state;
	for (int64_t rank = 0; rank < INT64_C(1) << 43; rank += 1 + rank / 100)
	{
		int code = rank_code_above(rank);

		assert_in_range(code, 1, RANK_CODE_MAX + 1);
		assert_true(code > RANK_CODE_MAX || rank_decode((uint8_t) code) > rank);
		assert_true(code == 1 || rank_decode((uint8_t) (code - 1)) <= rank);
	}
	assert_int_equal(rank_code_above(INT64_MAX), RANK_CODE_MAX + 1);
}

/* --- what history says ---------------------------------------------------------------------------------------------------- */

static void
test_without_history_there_is_none(void **state)
{
	History history = {0};
	const RankTable nothing = {0};
	RankTable table = table_of(&history);

	(void) state;
	assert_memory_equal(&table, &nothing, sizeof(table));
}

/* Calls that differ in what they are known for, by what they have had; times in ms, within a quarter. */
static void
test_ranks_of_functions(void **state)
{
	const struct
	{
		const char *why;
		struct
		{
			int calls, ms;
		} known[2];
		int had;
		double rank;
	} rows[] = {
		{"size is known: as urgent as it is short", {{100, 1000}}, 0, 1000},
		{"what it has had makes it more urgent", {{100, 1000}}, 750, 480},
		{"beyond all that were seen: what it has had", {{100, 1000}}, 8400, 8400},
		{"most are short", {{90, 10}, {10, 10000}}, 0, 11},
		{"not one of the short ones", {{10, 10}, {90, 10000}}, 3000, 8400},
		{"a few are short: worth a try", {{10, 10}, {90, 10000}}, 0, 32},
		{"none is short", {{10, 5000}, {90, 10000}}, 0, 9300},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		History history = {0};
		RankTable table;
		double rank;

		for (int call = 0; call < rows[i].known[0].calls + rows[i].known[1].calls; call++)
			learn(&history, rows[i].known[call >= rows[i].known[0].calls].ms * MS);
		table = table_of(&history);
		rank = (double) rank_of(&table, rows[i].had * MS) / MS;
		if (rank < rows[i].rank / 1.25 || rank > rows[i].rank * 1.25)
			fail_msg("%s: %.0f instead of %.0f", rows[i].why, rank, rows[i].rank);
	}
}

/* The most that a call which begins a bucket is worth for each us until the end of any later one, by adding up. */
static double
rank_by_adding(const History *history, int begin)
{
	double alive = 1, best = 0, worth = 0, cost = 0, left = history->ran, unit = HISTORY_RUN_UNIT / 4.0;
	bool seen = false;

	for (int i = 0; i < HISTORY_RUNS; i++)
	{
		double low = i == 0 ? 0 : history_run_bound(i - 1), high = history_run_bound(i), ends;

		seen = seen || history->runs[i] > 0;
		ends = alive * (history->runs[i] + (seen ? unit * (1 - exp2(-0.25)) : 0)) / (left + unit);
		if (i >= begin)
		{
			worth += ends / sqrt(fmax(low, 1) * high);
			cost += (alive - ends) * (high - low) + ends * (high - low) / 2;
			best = fmax(best, worth / cost);
		}
		alive -= ends;
		left -= history->runs[i];
	}
	return 1 / sqrt(best);
}

static void
test_ranks_are_the_best_of_all_ends(void **state)
{
	uint32_t random = 1;

	(void) state;
	for (int round = 0; round < 200; round++)
	{
		History history = {0};
		RankTable table;

		for (int call = 0; call < 1 + round; call++)
		{
			random = random * 1664525u + 1013904223u;
			learn(&history, (int64_t) exp2((double) (random >> 8) / (1 << 24) * (double) (round % 30) + 6));
		}
		table = table_of(&history);
		for (int step = 0; step < RANK_STEPS; step++)
		{
			int64_t begin = rank_step_begin(step);
			int bucket = 0;
			double wanted;

			while (bucket < HISTORY_RUNS && history_run_bound(bucket) < 1.001 * (double) begin && step > 0)
				bucket++;
			if (bucket == HISTORY_RUNS)
				break;
			wanted = rank_by_adding(&history, bucket);
			assert_true(fabs((double) rank_of(&table, begin) - wanted) <= 0.07 * wanted + 1);
		}
	}
}

/* A few calls change little, many all: what was learned first is forgotten. */
static void
test_a_function_that_changes(void **state)
{
	History history = {0};
	RankTable table;

	(void) state;
	for (int i = 0; i < 1000; i++)
		learn(&history, 10 * MS);
	table = table_of(&history);
	assert_in_range(rank_of(&table, 0), 8 * MS, 12 * MS);
	for (int i = 0; i < 100; i++)
		learn(&history, 10 * SECOND);
	table = table_of(&history);
	assert_in_range(rank_of(&table, 0), 8 * MS, 20 * MS);
	assert_in_range(rank_of(&table, 3 * SECOND), 7 * SECOND, 12 * SECOND);
	for (int i = 0; i < 3000; i++)
		learn(&history, 10 * SECOND);
	table = table_of(&history);
	assert_in_range(rank_of(&table, 0), 7 * SECOND, 12 * SECOND);
}

/* Many at once count as one by one, and none overflows. */
static void
test_many_at_once(void **state)
{
	History single = {0}, summed = {0};
	HistoryCalls calls = {0};
	RankTable one, other;

	(void) state;
	for (int i = 0; i < 100000; i++)
		history_calls_add(&calls, 30 * MS, 0);
	history_learn(&summed, &calls);
	for (int i = 0; i < 100; i++)
		learn(&single, 30 * MS);
	one = table_of(&single);
	other = table_of(&summed);
	assert_true(history_is_sane(&summed));
	assert_true(fabs(log2((double) rank_of(&one, 0) / (double) rank_of(&other, 0))) < 0.2);
}

static void
test_extremes(void **state)
{
	History none = {0}, all = {0};
	RankTable table;

	(void) state;
	for (int i = 0; i < 10; i++)
	{
		learn(&none, 0);
		learn(&all, INT64_MAX);
	}
	table = table_of(&none);
	assert_in_range(rank_of(&table, 0), 1, 64);
	assert_int_equal(rank_of(&table, 3600 * SECOND), rank_decode((uint8_t) (table.words[rank_step(3600 * SECOND) / 8] >>
																			rank_step(3600 * SECOND) % 8 * 8)));
	table = table_of(&all);
	assert_in_range(rank_of(&table, 0), INT64_C(100) * 3600 * SECOND / 2, INT64_MAX);
	assert_int_equal(rank_of(&table, INT64_C(1) << 50), INT64_C(1) << 50);
}

/* --- the queue ---------------------------------------------------------------------------------------------------------- */

static const QueueRule rules[] = {{.priority = 50, .weight = 100, .slots = 64, .length = 64}};

static QueueClaim
claim_of(const History *history, int64_t attained)
{
	QueueClaim claim = {.priority = -1, .attained = attained};

	history_rank(history, &claim.ranks);
	return claim;
}

/* Short, nothing known, long; and a long one that is nearly done goes before one that is shorter as a whole. */
static void
test_the_more_urgent_goes_first(void **state)
{
	History hundred = {0}, second = {0};
	Queue *queue = QUEUE_OF(1, rules);

	(void) state;
	for (int i = 0; i < 100; i++)
	{
		learn(&hundred, 100 * MS);
		learn(&second, SECOND);
	}
	assert_int_equal(enters(queue, 0, 0, 0), QUEUE_GRANTED);
	assert_int_equal(claims(queue, 1, claim_of(&second, 0), 0), QUEUE_QUEUED);
	assert_int_equal(claims(queue, 2, claim_of(&hundred, 0), 0), QUEUE_QUEUED);
	assert_int_equal(claims(queue, 3, (QueueClaim){.priority = -1, .attained = 300 * MS}, 0), QUEUE_QUEUED);
	assert_int_equal(claims(queue, 4, (QueueClaim){.priority = -1}, 0), QUEUE_QUEUED);
	assert_int_equal(claims(queue, 5, claim_of(&second, 900 * MS), 0), QUEUE_QUEUED);
	assert_int_equal(next_after(queue, 0, 1), 4);
	assert_int_equal(next_after(queue, 4, 1), 2);
	assert_int_equal(next_after(queue, 2, 1), 3);
	assert_int_equal(next_after(queue, 3, 1), 5);
	assert_int_equal(next_after(queue, 5, 1), 1);
	free(queue);
}

/* The holder is asked when its table says that it is less urgent than the waiter, not before its quantum is over. */
static void
test_a_holder_gives_way_by_its_table(void **state)
{
	const struct
	{
		int step; /* of the table, from which on the rank is another; before: 2^10 us */
		uint8_t code;
		int64_t waiter, due; /* waiter: slot time that it has had */
	} rows[] = {
		{17, 1 + 20 * RANK_PARTS, 100 * MS, 0},				   /* 2^20 us from 2^18 us on */
		{17, 1 + 20 * RANK_PARTS, 1, 50 * MS},				   /* at once, but for the quantum */
		{17, 1 + 20 * RANK_PARTS, 2 * SECOND, 2 * SECOND + 1}, /* no more than that: then by what it has had */
		{13, 1 + 20 * RANK_PARTS, 100 * MS, INT64_C(1) << 16},
	};

	(void) state;
	for (int32_t i = 0; i < COUNT(rows); i++)
	{
		Queue *queue = QUEUE_OF(1, rules);
		QueueClaim holder = {.priority = -1};
		int64_t due = 0, now = 0, wanted = rows[i].due > 0 ? rows[i].due : rank_step_begin(rows[i].step);

		for (int step = 0; step < 22; step++) /* to 2^20.5 us */
			rank_table_set(&holder.ranks, step, step < rows[i].step ? 1 + 10 * RANK_PARTS : rows[i].code);
		assert_int_equal(claims(queue, 0, holder, 0), QUEUE_GRANTED);
		assert_int_equal(claims(queue, 1, (QueueClaim){.priority = -1, .attained = rows[i].waiter}, 0), QUEUE_QUEUED);
		while (now < 10 * SECOND && asks(queue, now, &due) == QUEUE_NOBODY)
		{
			assert_true(due > now);
			now = due;
		}
		assert_int_equal(now, wanted);
		assert_int_equal(next_after_yield(queue, 0, now), 1);
		free(queue);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps_are_half_octaves),
		cmocka_unit_test(test_codes_are_sixths_of_an_octave),
		cmocka_unit_test(test_the_least_code_above),
		cmocka_unit_test(test_without_history_there_is_none),
		cmocka_unit_test(test_ranks_of_functions),
		cmocka_unit_test(test_ranks_are_the_best_of_all_ends),
		cmocka_unit_test(test_a_function_that_changes),
		cmocka_unit_test(test_many_at_once),
		cmocka_unit_test(test_extremes),
		cmocka_unit_test(test_the_more_urgent_goes_first),
		cmocka_unit_test(test_a_holder_gives_way_by_its_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
