/*
 * stat_file.c - writes and reads entries of statistics. Pure; runs in the scheduler, unit tests and a fuzz target.
 */
#include "scheduler/stat_file.h"

#include <string.h>

#define FORMAT 2
#define COUNT_MOST (INT64_C(1) << 59) /* of anything: sums of a few do not overflow */

/* What a file has to agree with. */
static const uint64_t shape[] = {FORMAT, STAT_CAUSE_COUNT, STAT_SUM_COUNT, STAT_BUCKETS, HISTORY_BUCKETS, HISTORY_RUNS};

#define SHAPE_COUNT (sizeof(shape) / sizeof(shape[0]))

/* --- writing ------------------------------------------------------------------------------------------------------------ */

static uint8_t *
put(uint8_t *at, uint64_t value)
{
	while (value >= 0x80)
	{
		*at++ = (uint8_t) (value | 0x80);
		value >>= 7;
	}
	*at++ = (uint8_t) value;
	return at;
}

static uint8_t *
put_all(uint8_t *at, const uint64_t *values, int count)
{
	for (int i = 0; i < count; i++)
		at = put(at, values[i]);
	return at;
}

static uint8_t *
put_double(uint8_t *at, double value)
{
	memcpy(at, &value, sizeof(value));
	return at + sizeof(value);
}

static uint8_t *
put_key(uint8_t *at, const StatKey *key)
{
	size_t length = strnlen(key->name, STAT_NAME_SIZE - 1);

	at = put(at, key->database);
	at = put(at, key->oid);
	at = put(at, length);
	memcpy(at, key->name, length);
	return at + length;
}

static uint8_t *
put_history(uint8_t *at, const History *history)
{
	at = put(at, history->calls);
	at = put_double(at, history->mean_us);
	at = put_double(at, history->squares);
	for (int i = 0; i < HISTORY_BUCKETS; i++)
		at = put(at, history->sizes[i]);
	for (int i = 0; i < HISTORY_RUNS; i++)
		at = put(at, history->runs[i]);
	return at;
}

size_t
stat_file_put_start(uint8_t *data)
{
	return (size_t) (put_all(data, shape, SHAPE_COUNT) - data);
}

size_t
stat_file_put_entry(uint8_t *data, int kind, const StatEntry *entry)
{
	const StatCounters *counters = &entry->counters;
	uint8_t *at = put(data, (uint64_t) kind + 1);

	at = put_key(at, &entry->key);
	at = put(at, (uint64_t) entry->since);
	at = put_all(at, counters->causes, STAT_CAUSE_COUNT);
	at = put_all(at, counters->sums, STAT_SUM_COUNT);
	at = put(at, (uint64_t) counters->memory_peak);
	at = put_all(at, counters->run.counts, STAT_BUCKETS);
	at = put_all(at, counters->queue.counts, STAT_BUCKETS);
	return (size_t) (put_history(at, &entry->history) - data);
}

size_t
stat_file_put_end(uint8_t *data)
{
	data[0] = 0;
	return 1;
}

/* --- reading, with an error that stays -------------------------------------------------------------------------------------- */

typedef struct Reader
{
	const uint8_t *at, *end;
	int error;
} Reader;

static void
fail(Reader *reader, int error)
{
	if (reader->error == STAT_FILE_OK)
		reader->error = error;
	reader->at = reader->end;
}

static uint64_t
get(Reader *reader, uint64_t most)
{
	uint64_t value = 0;

	for (int shift = 0; reader->at < reader->end; shift += 7)
	{
		uint8_t byte = *reader->at++;
		uint64_t bits = byte & 0x7f;

		if (shift > 63 || (shift == 63 && bits > 1))
			break;
		value |= bits << shift;
		if ((byte & 0x80) != 0)
			continue;
		if (value <= most)
			return value;
		fail(reader, STAT_FILE_DAMAGED);
		return 0;
	}
	fail(reader, reader->at < reader->end ? STAT_FILE_DAMAGED : STAT_FILE_SHORT);
	return 0;
}

static void
get_all(Reader *reader, uint64_t *values, int count)
{
	for (int i = 0; i < count; i++)
		values[i] = get(reader, COUNT_MOST);
}

static const void *
get_bytes(Reader *reader, size_t size)
{
	const uint8_t *bytes = reader->at;

	if ((size_t) (reader->end - reader->at) < size)
	{
		fail(reader, STAT_FILE_SHORT);
		return NULL;
	}
	reader->at += size;
	return bytes;
}

static double
get_double(Reader *reader)
{
	const void *bytes = get_bytes(reader, sizeof(double));
	double value = 0;

	if (bytes != NULL)
		memcpy(&value, bytes, sizeof(value));
	return value;
}

static void
get_key(Reader *reader, StatKey *key)
{
	const void *name;
	size_t length;

	key->database = (uint32_t) get(reader, UINT32_MAX);
	key->oid = (uint32_t) get(reader, UINT32_MAX);
	length = (size_t) get(reader, STAT_NAME_SIZE - 1);
	name = get_bytes(reader, length);
	if (name != NULL)
		memcpy(key->name, name, length);
	for (size_t i = 0; i < length; i++)
		if (key->name[i] < ' ' || key->name[i] > '~') /* no pool's name */
			fail(reader, STAT_FILE_DAMAGED);
}

static void
get_history(Reader *reader, History *history)
{
	history->calls = (uint32_t) get(reader, UINT32_MAX);
	history->mean_us = get_double(reader);
	history->squares = get_double(reader);
	for (int i = 0; i < HISTORY_BUCKETS; i++)
	{
		history->sizes[i] = (uint16_t) get(reader, UINT16_MAX);
		history->sized += history->sizes[i];
	}
	for (int i = 0; i < HISTORY_RUNS; i++)
	{
		history->runs[i] = (uint16_t) get(reader, UINT16_MAX);
		history->ran += history->runs[i];
	}
	if (reader->error == STAT_FILE_OK && !history_is_sane(history))
		fail(reader, STAT_FILE_DAMAGED);
}

static void
get_entry(Reader *reader, StatEntry *entry)
{
	StatCounters *counters = &entry->counters;

	memset(entry, 0, sizeof(*entry));
	get_key(reader, &entry->key);
	entry->since = (int64_t) get(reader, INT64_MAX);
	get_all(reader, counters->causes, STAT_CAUSE_COUNT);
	get_all(reader, counters->sums, STAT_SUM_COUNT);
	counters->memory_peak = (int64_t) get(reader, COUNT_MOST);
	get_all(reader, counters->run.counts, STAT_BUCKETS);
	get_all(reader, counters->queue.counts, STAT_BUCKETS);
	get_history(reader, &entry->history);
}

static void
get_start(Reader *reader)
{
	for (size_t i = 0; i < SHAPE_COUNT; i++)
		if (get(reader, UINT64_MAX) != shape[i])
			fail(reader, STAT_FILE_OTHER);
}

static int
read_once(const uint8_t *data, size_t size, int kinds, void (*take)(void *arg, int kind, const StatEntry *entry),
		  void *arg)
{
	Reader reader = {.at = data, .end = data + size};
	uint64_t kind;

	get_start(&reader);
	while ((kind = get(&reader, (uint64_t) kinds)) != 0)
	{
		StatEntry entry;

		get_entry(&reader, &entry);
		if (take != NULL && reader.error == STAT_FILE_OK)
			take(arg, (int) kind - 1, &entry);
	}
	if (reader.error == STAT_FILE_OK && reader.at != reader.end)
		reader.error = STAT_FILE_DAMAGED;
	return reader.error;
}

int
stat_file_read(const uint8_t *data, size_t size, int kinds, void (*take)(void *arg, int kind, const StatEntry *entry),
			   void *arg)
{
	int error = read_once(data, size, kinds, NULL, NULL);

	return error != STAT_FILE_OK ? error : read_once(data, size, kinds, take, arg);
}

const char *
stat_file_strerror(int error)
{
	static const char *const messages[] = {
		[-STAT_FILE_OK] = "right",
		[-STAT_FILE_SHORT] = "it ends too early",
		[-STAT_FILE_OTHER] = "it was written by another version",
		[-STAT_FILE_DAMAGED] = "it is damaged",
	};

	return messages[-error];
}
