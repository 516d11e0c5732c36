/*
 * driver.c - runs a fuzz target without libFuzzer: its seeds, then inputs made from them by a fixed generator.
 *
 *   X_fuzz_test                    prints TAP; PYBOX_TEST_FUZZ is the number of inputs (default 20000)
 *   X_fuzz_test FILE...            tries the files: to see again what libFuzzer has found
 *   X_fuzz_test --seeds FOLDER     writes the seeds there, a file each
 *   X_fuzz_test --words FILE       writes the words as a dictionary of libFuzzer
 */
#include "tests/fuzz/fuzz.h"

#include <errno.h>

#define INPUT_MAX 65536
#define MUTATIONS_MAX 6
#define INPUTS_DEFAULT 20000

static uint64_t state = UINT64_C(0x9e3779b97f4a7c15);
static unsigned seed_count, word_count;

static uint64_t
random_next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static size_t
random_below(size_t bound)
{
	return bound == 0 ? 0 : (size_t) (random_next() % bound);
}

/* Puts size bytes at place, moving what follows; what does not fit is left out. */
static size_t
bytes_insert(uint8_t *data, size_t used, size_t place, const void *bytes, size_t size)
{
	if (used + size > INPUT_MAX)
		return used;
	memmove(data + place + size, data + place, used - place);
	memcpy(data + place, bytes, size);
	return used + size;
}

static size_t
bits_flip(uint8_t *data, size_t used)
{
	if (used > 0)
		data[random_below(used)] ^= (uint8_t) (1u << random_below(8));
	return used;
}

static size_t
number_set(uint8_t *data, size_t used)
{
	static const uint64_t numbers[] = {0,
									   1,
									   0x7f,
									   0x80,
									   0xff,
									   0x7fff,
									   0x8000,
									   0xffff,
									   0x7fffffff,
									   0x80000000,
									   UINT32_C(0xffffffff),
									   UINT64_C(1) << 32,
									   INT64_MAX,
									   UINT64_MAX};
	size_t width = (size_t) 1 << random_below(4);
	uint64_t number = numbers[random_below(sizeof(numbers) / sizeof(numbers[0]))];

	if (used >= width)
		memcpy(data + random_below(used - width + 1), &number, width);
	return used;
}

static size_t
range_remove(uint8_t *data, size_t used)
{
	size_t place = random_below(used), size = random_below(used - place) + 1;

	if (used == 0)
		return 0;
	if (size > 64 && random_below(4) != 0)
		size = random_below(64) + 1;
	memmove(data + place, data + place + size, used - place - size);
	return used - size;
}

static size_t
range_repeat(uint8_t *data, size_t used)
{
	uint8_t copy[256];
	size_t place = random_below(used), size = random_below(sizeof(copy));

	if (size > used - place)
		size = used - place;
	memcpy(copy, data + place, size);
	return bytes_insert(data, used, random_below(used + 1), copy, size);
}

static size_t
word_insert(uint8_t *data, size_t used)
{
	const char *word = word_count > 0 ? fuzz_word((unsigned) random_below(word_count)) : "\xff";

	return bytes_insert(data, used, random_below(used + 1), word, strlen(word));
}

static size_t
seed_splice(uint8_t *data, size_t used)
{
	static uint8_t other[INPUT_MAX];
	size_t size = fuzz_seed((unsigned) random_below(seed_count), other, sizeof(other));
	size_t from = random_below(size), take = random_below(size - from) + 1;

	return bytes_insert(data, used, random_below(used + 1), other + from, take);
}

static size_t (*const mutations[])(uint8_t *data, size_t used) = {bits_flip,	number_set,	 range_remove,
																  range_repeat, word_insert, seed_splice};

static void
input_try(const uint8_t *data, size_t size)
{
	/* In memory of its own size, so that a checker sees who reads on. */
	uint8_t *exact = malloc(size + (size == 0));

	FUZZ_CHECK(exact != NULL);
	memcpy(exact, data, size);
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
}

static void
inputs_try(unsigned long count)
{
	static uint8_t data[INPUT_MAX];

	for (unsigned number = 0; number < seed_count; number++)
		input_try(data, fuzz_seed(number, data, sizeof(data)));
	for (unsigned long i = 0; i < count; i++)
	{
		size_t used = fuzz_seed((unsigned) random_below(seed_count), data, sizeof(data));

		for (size_t turns = random_below(MUTATIONS_MAX) + 1; turns > 0; turns--)
			used = mutations[random_below(sizeof(mutations) / sizeof(mutations[0]))](data, used);
		input_try(data, used);
	}
}

static FILE *
file_open(const char *path, const char *mode)
{
	FILE *file = fopen(path, mode);

	if (file == NULL)
	{
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(1);
	}
	return file;
}

static void
seeds_write(const char *folder)
{
	static uint8_t data[INPUT_MAX];

	for (unsigned number = 0; number < seed_count; number++)
	{
		char path[4096];
		size_t size = fuzz_seed(number, data, sizeof(data));
		FILE *file;

		snprintf(path, sizeof(path), "%s/seed-%04u", folder, number);
		file = file_open(path, "wb");
		FUZZ_CHECK(fwrite(data, 1, size, file) == size && fclose(file) == 0);
	}
}

static void
words_write(const char *path)
{
	FILE *file = file_open(path, "w");

	for (unsigned number = 0; number < word_count; number++)
	{
		fputc('"', file);
		for (const char *at = fuzz_word(number); *at != '\0'; at++)
			fprintf(file, "\\x%02x", (unsigned char) *at);
		fputs("\"\n", file);
	}
	FUZZ_CHECK(fclose(file) == 0);
}

static void
file_try(const char *path)
{
	static uint8_t data[INPUT_MAX * 16];
	FILE *file = file_open(path, "rb");

	input_try(data, fread(data, 1, sizeof(data), file));
	fclose(file);
	printf("%s: nothing found\n", path);
}

static void
sets_count(void)
{
	static uint8_t data[INPUT_MAX];

	while (fuzz_seed(seed_count, data, sizeof(data)) > 0)
		seed_count++;
	while (fuzz_word(word_count) != NULL)
		word_count++;
	FUZZ_CHECK(seed_count > 0);
}

int
main(int count, char **arguments)
{
	const char *wanted = getenv("PYBOX_TEST_FUZZ");
	unsigned long inputs = wanted != NULL ? strtoul(wanted, NULL, 10) : INPUTS_DEFAULT;

	sets_count();
	if (count == 3 && strcmp(arguments[1], "--seeds") == 0)
		seeds_write(arguments[2]);
	else if (count == 3 && strcmp(arguments[1], "--words") == 0)
		words_write(arguments[2]);
	else if (count > 1)
		for (int i = 1; i < count; i++)
			file_try(arguments[i]);
	else
	{
		inputs_try(inputs);
		printf("1..1\nok 1 - %u seeds and %lu inputs made from them\n", seed_count, inputs);
	}
	return 0;
}
