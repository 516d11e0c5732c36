/*
 * stat_fuzz.c - the file of statistics from a hostile hand: whatever the bytes are, only whole files are taken, and what is taken
 * comes out the same when it is written again.
 */
#include "tests/fuzz/fuzz.h"

#include "scheduler/stat_file.h"

#define KINDS 3

typedef struct Taken
{
	int first, second;
	uint8_t *again;
	size_t size;
} Taken;

static void
count(void *arg, int kind, const StatEntry *entry)
{
	Taken *taken = arg;

	FUZZ_CHECK(kind >= 0 && kind < KINDS);
	FUZZ_CHECK(memchr(entry->key.name, '\0', STAT_NAME_SIZE) != NULL);
	FUZZ_CHECK(history_is_sane(&entry->history));
	FUZZ_CHECK(history_guess(&entry->history).run_us >= 0 && history_guess(&entry->history).memory >= 0);
	taken->first++;
	taken->again = realloc(taken->again, taken->size + STAT_FILE_ENTRY_MAX + 1);
	FUZZ_CHECK(taken->again != NULL);
	taken->size += stat_file_put_entry(taken->again + taken->size, kind, entry);
}

static void
recount(void *arg, int kind, const StatEntry *entry)
{
	Taken *taken = arg;

	FUZZ_CHECK(kind >= 0 && entry->since >= 0);
	taken->second++;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Taken taken = {.again = malloc(STAT_FILE_START_MAX + 1)};
	int error;

	FUZZ_CHECK(taken.again != NULL);
	taken.size = stat_file_put_start(taken.again);
	error = stat_file_read(data, size, KINDS, count, &taken);
	FUZZ_CHECK(stat_file_strerror(error) != NULL);
	FUZZ_CHECK(error == STAT_FILE_OK || taken.first == 0);
	if (error == STAT_FILE_OK)
	{
		taken.size += stat_file_put_end(taken.again + taken.size);
		FUZZ_CHECK(stat_file_read(taken.again, taken.size, KINDS, recount, &taken) == STAT_FILE_OK);
		FUZZ_CHECK(taken.first == taken.second);
	}
	free(taken.again);
	return 0;
}

/* Files with none, one, and one entry of each kind. */
size_t
fuzz_seed(unsigned number, uint8_t *data, size_t capacity)
{
	static const int entries[] = {0, 1, KINDS};
	size_t size;

	if (number >= sizeof(entries) / sizeof(entries[0]) ||
		capacity < STAT_FILE_START_MAX + (size_t) KINDS * STAT_FILE_ENTRY_MAX + 1)
		return 0;
	size = stat_file_put_start(data);
	for (int kind = 0; kind < entries[number]; kind++)
	{
		StatEntry entry = {.key = {.database = 5, .oid = 16384}, .since = 1};
		HistoryCalls calls = {0};

		strcpy(entry.key.name, kind == 2 ? "pool" : "");
		history_calls_add(&calls, 1234, 5 << 20);
		history_learn(&entry.history, &calls);
		entry.counters.causes[STAT_OK] = 300;
		entry.counters.sums[STAT_RUN_US] = 370200;
		entry.counters.run.counts[11] = 300;
		size += stat_file_put_entry(data + size, kind, &entry);
	}
	return size + stat_file_put_end(data + size);
}

const char *
fuzz_word(unsigned number)
{
	return number == 0 ? "pool" : NULL;
}
