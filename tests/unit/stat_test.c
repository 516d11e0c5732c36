/* stat_test.c - the pure parts of statistics: histograms, counters, the table that forgets, and the file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scheduler/stat_file.h"

#define KINDS 3

/* --- histograms ------------------------------------------------------------------------------------------------------- */

static void
test_buckets_double(void **state)
{
	static const struct
	{
		int64_t us;
		int bucket;
	} times[] = {
		{-5, 0},
		{0, 0},
		{1, 1},
		{2, 2},
		{3, 2},
		{4, 3},
		{1023, 10},
		{1024, 11},
		{INT64_C(1) << 38, 39},
		{INT64_MAX, STAT_BUCKETS - 1},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		assert_int_equal(stat_histogram_bucket(times[i].us), times[i].bucket);
	for (int bucket = 1; bucket < STAT_BUCKETS; bucket++)
	{
		assert_int_equal(stat_histogram_bucket(stat_histogram_bound(bucket)), bucket);
		assert_int_equal(stat_histogram_bucket(stat_histogram_bound(bucket) - 1), bucket - 1);
	}
}

static void
test_percentiles_lie_in_their_bucket(void **state)
{
	StatHistogram histogram = {0};

	(void) state;
	assert_true(stat_histogram_percentile(&histogram, 0.5) < 0);
	for (int i = 0; i < 94; i++)
		histogram.counts[stat_histogram_bucket(100)]++;
	for (int i = 0; i < 6; i++)
		histogram.counts[stat_histogram_bucket(1000000)]++;
	assert_int_equal(stat_histogram_total(&histogram), 100);
	assert_in_range(stat_histogram_percentile(&histogram, 0.5), 64, 128);
	assert_in_range(stat_histogram_percentile(&histogram, 0.94), 64, 128);
	assert_in_range(stat_histogram_percentile(&histogram, 0.95), 524288, 1048576);
	assert_in_range(stat_histogram_percentile(&histogram, 1), 524288, 1048576);
	assert_true(stat_histogram_percentile(&histogram, 0.5) < stat_histogram_percentile(&histogram, 0.9));
}

/* --- counters --------------------------------------------------------------------------------------------------------- */

static StatEntry
entry_of(uint32_t oid, const char *name, uint64_t seed)
{
	StatEntry entry = {.key = {.database = 5, .oid = oid}, .since = 1000 + (int64_t) seed, .is_used = true};

	strcpy(entry.key.name, name);
	for (int i = 0; i < STAT_CAUSE_COUNT; i++)
		entry.counters.causes[i] = seed + (uint64_t) i;
	for (int i = 0; i < STAT_SUM_COUNT; i++)
		entry.counters.sums[i] = seed << i;
	entry.counters.memory_peak = (int64_t) seed * 4096;
	entry.counters.run.counts[3] = seed;
	entry.counters.queue.counts[STAT_BUCKETS - 1] = seed + 1;
	for (uint64_t i = 0; i < seed % 50; i++)
	{
		HistoryCalls calls = {0};

		history_calls_add(&calls, 1000, 1 << 20);
		history_learn(&entry.history, &calls);
	}
	return entry;
}

static void
test_counters_add_up(void **state)
{
	StatEntry one = entry_of(1, "", 10), other = entry_of(1, "", 20);

	(void) state;
	stat_counters_add(&one.counters, &other.counters);
	for (int i = 0; i < STAT_CAUSE_COUNT; i++)
		assert_int_equal(one.counters.causes[i], 30 + 2 * i);
	for (int i = 0; i < STAT_SUM_COUNT; i++)
		assert_int_equal(one.counters.sums[i], UINT64_C(30) << i);
	assert_int_equal(one.counters.memory_peak, 20 * 4096);
	assert_int_equal(one.counters.run.counts[3], 30);
	assert_int_equal(one.counters.queue.counts[STAT_BUCKETS - 1], 32);
	assert_int_equal(stat_counters_calls(&one.counters),
					 30 * STAT_CAUSE_COUNT + STAT_CAUSE_COUNT * (STAT_CAUSE_COUNT - 1));
}

static void
test_every_cause_has_a_name(void **state)
{
	(void) state;
	assert_string_equal(stat_cause_name(STAT_OK), "");
	for (int i = STAT_OK + 1; i < STAT_CAUSE_COUNT; i++)
		assert_true(stat_cause_name((StatCause) i)[0] != '\0');
}

/* --- the table -------------------------------------------------------------------------------------------------------- */

static StatTable *
table_make(int32_t size)
{
	StatTable *table = malloc(stat_table_size(size));

	stat_table_init(table, size, 1);
	return table;
}

static StatKey
key_of(uint32_t oid)
{
	return (StatKey){.database = 5, .oid = oid};
}

static int32_t
make(StatTable *table, uint32_t oid, int64_t now)
{
	StatKey key = key_of(oid);
	int32_t number = stat_table_make(table, &key, now);

	stat_table_touch(table, number, now);
	return number;
}

static int32_t
find(const StatTable *table, uint32_t oid)
{
	StatKey key = key_of(oid);

	return stat_table_find(table, &key);
}

static void
test_keys_differ_in_every_part(void **state)
{
	StatTable *table = table_make(8);
	StatKey keys[] = {{1, 1, ""}, {1, 2, ""}, {2, 1, ""}, {0, 0, "a"}, {0, 0, "b"}, {0, 0, "ab"}};

	(void) state;
	for (int i = 0; i < 6; i++)
		assert_int_equal(stat_table_find(table, &keys[i]), STAT_NOBODY);
	for (int i = 0; i < 6; i++)
		stat_table_entry(table, stat_table_make(table, &keys[i], 7))->counters.sums[0] = (uint64_t) i;
	for (int i = 0; i < 6; i++)
	{
		assert_int_equal(stat_table_make(table, &keys[i], 8), stat_table_find(table, &keys[i]));
		assert_int_equal(stat_table_entry(table, stat_table_find(table, &keys[i]))->counters.sums[0], i);
		assert_int_equal(stat_table_entry(table, stat_table_find(table, &keys[i]))->since, 7);
	}
	assert_int_equal(table->count, 6);
	free(table);
}

static void
test_the_least_recently_used_makes_room(void **state)
{
	StatTable *table = table_make(4);

	(void) state;
	for (uint32_t oid = 1; oid <= 4; oid++)
		make(table, oid, oid);
	stat_table_touch(table, find(table, 1), 10);
	stat_table_entry(table, find(table, 2))->counters.sums[0] = 99;
	make(table, 5, 11);
	assert_int_equal(find(table, 2), STAT_NOBODY);
	assert_true(find(table, 1) != STAT_NOBODY && find(table, 3) != STAT_NOBODY && find(table, 4) != STAT_NOBODY);
	assert_int_equal(stat_table_entry(table, find(table, 5))->counters.sums[0], 0);
	assert_int_equal(table->evicted, 1);
	assert_int_equal(table->count, 4);
	make(table, 6, 12);
	assert_int_equal(find(table, 3), STAT_NOBODY);
	free(table);
}

static void
test_a_busy_table_keeps_its_lists(void **state)
{
	StatTable *table = table_make(32);
	uint32_t seed = 1;

	(void) state;
	for (int64_t now = 1; now < 20000; now++)
	{
		uint32_t oid = (seed = seed * 1103515245u + 12345u) >> 16 & 63;
		int used = 0;

		make(table, oid, now);
		assert_true(find(table, oid) != STAT_NOBODY);
		for (int32_t i = 0; i < table->size; i++)
		{
			const StatEntry *entry = stat_table_entry(table, i);

			used += entry->is_used;
			if (entry->is_used)
				assert_int_equal(stat_table_find(table, &entry->key), i);
		}
		assert_int_equal(used, table->count);
	}
	assert_true(table->evicted > 1000);
	stat_table_clear(table, 50000);
	assert_int_equal(table->count, 0);
	assert_int_equal(table->since, 50000);
	for (uint32_t oid = 0; oid < 64; oid++)
		assert_int_equal(find(table, oid), STAT_NOBODY);
	free(table);
}

static void
test_zero_keeps_the_entry(void **state)
{
	StatTable *table = table_make(4);
	int32_t number = make(table, 1, 5);
	StatEntry *entry = stat_table_entry(table, number);

	(void) state;
	entry->counters.sums[1] = 3;
	entry->history.calls = 4;
	stat_table_zero(table, number, 9);
	assert_int_equal(find(table, 1), number);
	assert_int_equal(entry->counters.sums[1], 0);
	assert_int_equal(entry->history.calls, 0);
	assert_int_equal(entry->since, 9);
	free(table);
}

/* --- the file --------------------------------------------------------------------------------------------------------- */

#define ENTRIES 3

typedef struct Taken
{
	int count, kinds[ENTRIES];
	StatEntry entries[ENTRIES];
} Taken;

static void
take(void *arg, int kind, const StatEntry *entry)
{
	Taken *taken = arg;

	assert_true(taken->count < ENTRIES);
	taken->kinds[taken->count] = kind;
	taken->entries[taken->count++] = *entry;
}

static StatEntry
wanted(int number)
{
	return entry_of((uint32_t) (7 + 100000 * number), number == 2 ? "a pool" : "", (uint64_t) (number * 1000 + 33));
}

static size_t
file_make(uint8_t *data)
{
	size_t size = stat_file_put_start(data);

	for (int i = 0; i < ENTRIES; i++)
	{
		StatEntry entry = wanted(i);

		size += stat_file_put_entry(data + size, i, &entry);
	}
	return size + stat_file_put_end(data + size);
}

static void
test_a_file_gives_back_what_was_put(void **state)
{
	static uint8_t data[STAT_FILE_START_MAX + ENTRIES * STAT_FILE_ENTRY_MAX + 1];
	Taken taken = {0};

	(void) state;
	assert_int_equal(stat_file_read(data, file_make(data), KINDS, take, &taken), STAT_FILE_OK);
	assert_int_equal(taken.count, ENTRIES);
	for (int i = 0; i < ENTRIES; i++)
	{
		StatEntry entry = wanted(i);

		assert_int_equal(taken.kinds[i], i);
		assert_memory_equal(&taken.entries[i].key, &entry.key, sizeof(entry.key));
		assert_memory_equal(&taken.entries[i].counters, &entry.counters, sizeof(entry.counters));
		assert_memory_equal(&taken.entries[i].history, &entry.history, sizeof(entry.history));
		assert_int_equal(taken.entries[i].since, entry.since);
	}
}

static void
test_the_largest_entry_has_room(void **state)
{
	static uint8_t data[2 * STAT_FILE_ENTRY_MAX];
	StatEntry entry;

	(void) state;
	memset(&entry, 0xff, sizeof(entry));
	assert_true(stat_file_put_entry(data, 2, &entry) <= STAT_FILE_ENTRY_MAX);
	assert_true(stat_file_put_start(data) <= STAT_FILE_START_MAX);
}

/* A part of a file is none, and nothing of it is taken. */
static void
test_a_cut_file_gives_nothing(void **state)
{
	static uint8_t data[STAT_FILE_START_MAX + ENTRIES * STAT_FILE_ENTRY_MAX + 1];
	size_t size = file_make(data);

	(void) state;
	for (size_t cut = 0; cut < size; cut++)
	{
		Taken taken = {0};

		assert_int_equal(stat_file_read(data, cut, KINDS, take, &taken), STAT_FILE_SHORT);
		assert_int_equal(taken.count, 0);
	}
}

static void
test_a_wrong_file_gives_nothing(void **state)
{
	static const struct
	{
		size_t at; /* from the front; or, when too large, behind the end */
		uint8_t byte;
		int error;
	} faults[] = {
		{0, 1, STAT_FILE_OTHER},					/* another format */
		{1, STAT_CAUSE_COUNT + 1, STAT_FILE_OTHER}, /* other causes */
		{7, KINDS + 1, STAT_FILE_DAMAGED},			/* a kind that is none */
		{SIZE_MAX, 0, STAT_FILE_DAMAGED},			/* something behind the end */
	};
	static uint8_t data[STAT_FILE_START_MAX + ENTRIES * STAT_FILE_ENTRY_MAX + 2];

	(void) state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
	{
		size_t size = file_make(data);
		Taken taken = {0};

		if (faults[i].at < size)
			data[faults[i].at] = faults[i].byte;
		else
			data[size++] = faults[i].byte;
		assert_int_equal(stat_file_read(data, size, KINDS, take, &taken), faults[i].error);
		assert_int_equal(taken.count, 0);
	}
}

/* Numbers that a history cannot have would make the queue foresee nonsense. */
static void
test_a_mad_history_is_damage(void **state)
{
	static uint8_t data[STAT_FILE_START_MAX + STAT_FILE_ENTRY_MAX + 1];
	static const struct
	{
		double mean_us;
		uint16_t runs[2]; /* a sum that cannot be */
	} mad[] = {{-1, {0}}, {1e300, {0}}, {0.0 / 0.0, {0}}, {1, {40000, 40000}}};

	(void) state;
	for (size_t i = 0; i < sizeof(mad) / sizeof(mad[0]); i++)
	{
		StatEntry entry = wanted(0);
		size_t size = stat_file_put_start(data);
		Taken taken = {0};

		entry.history.mean_us = mad[i].mean_us;
		memcpy(entry.history.runs, mad[i].runs, sizeof(mad[i].runs));
		size += stat_file_put_entry(data + size, 0, &entry);
		size += stat_file_put_end(data + size);
		assert_int_equal(stat_file_read(data, size, KINDS, take, &taken), STAT_FILE_DAMAGED);
		assert_int_equal(taken.count, 0);
	}
}

/* What cannot have been counted, or is no name that a view could show. */
static void
test_a_mad_entry_is_damage(void **state)
{
	static uint8_t data[STAT_FILE_START_MAX + STAT_FILE_ENTRY_MAX + 1];
	StatEntry mad[] = {wanted(0), wanted(0), wanted(0), wanted(0)};

	(void) state;
	mad[0].counters.causes[STAT_OK] = UINT64_MAX;
	mad[1].counters.sums[STAT_ROWS] = UINT64_C(1) << 60;
	mad[2].counters.memory_peak = INT64_MAX;
	strcpy(mad[3].key.name, "caf\xc3");
	for (size_t i = 0; i < sizeof(mad) / sizeof(mad[0]); i++)
	{
		size_t size = stat_file_put_start(data);
		Taken taken = {0};

		size += stat_file_put_entry(data + size, 0, &mad[i]);
		size += stat_file_put_end(data + size);
		assert_int_equal(stat_file_read(data, size, KINDS, take, &taken), STAT_FILE_DAMAGED);
		assert_int_equal(taken.count, 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buckets_double),
		cmocka_unit_test(test_percentiles_lie_in_their_bucket),
		cmocka_unit_test(test_counters_add_up),
		cmocka_unit_test(test_every_cause_has_a_name),
		cmocka_unit_test(test_keys_differ_in_every_part),
		cmocka_unit_test(test_the_least_recently_used_makes_room),
		cmocka_unit_test(test_a_busy_table_keeps_its_lists),
		cmocka_unit_test(test_zero_keeps_the_entry),
		cmocka_unit_test(test_a_file_gives_back_what_was_put),
		cmocka_unit_test(test_the_largest_entry_has_room),
		cmocka_unit_test(test_a_cut_file_gives_nothing),
		cmocka_unit_test(test_a_wrong_file_gives_nothing),
		cmocka_unit_test(test_a_mad_history_is_damage),
		cmocka_unit_test(test_a_mad_entry_is_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
