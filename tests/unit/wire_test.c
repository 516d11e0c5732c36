/* wire_test.c - rings that wrap, fill and lie; readers of every tag cut short; writers that cannot grow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/wire.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

typedef struct Map
{
	void *memory;
	WireShared *shared;
	WireEnd sender, receiver;
} Map;

static Map map;

static int
map_set_up(void **state)
{
	(void) state;
	map.memory = aligned_alloc(4096, WIRE_MAP_SIZE);
	memset(map.memory, 0, WIRE_MAP_SIZE);
	map.shared = map.memory;
	wire_end_init(&map.sender, map.memory, 1);
	wire_end_init(&map.receiver, map.memory, 1);
	return 0;
}

static int
map_tear_down(void **state)
{
	(void) state;
	free(map.memory);
	return 0;
}

static uint32_t
noise(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

/* Moves both ends forward without looking at the bytes. */
static void
map_advance(uint64_t size)
{
	map.sender.position += size;
	map.receiver.position += size;
	map.shared->to_child.produced += size;
	map.shared->to_child.consumed += size;
}

static void
test_rings_are_apart(void **state)
{
	WireEnd down, up;

	(void) state;
	wire_end_init(&down, map.memory, 1);
	wire_end_init(&up, map.memory, 0);
	assert_ptr_equal(down.ring, &map.shared->to_child);
	assert_ptr_equal(up.ring, &map.shared->to_backend);
	assert_ptr_equal(down.data, (uint8_t *) map.memory + WIRE_HEADER_SIZE);
	assert_ptr_equal(up.data, down.data + WIRE_RING_SIZE);
	assert_ptr_equal(up.data + WIRE_RING_SIZE, (uint8_t *) map.memory + WIRE_MAP_SIZE);
}

static void
test_empty_and_full(void **state)
{
	uint8_t *bytes = calloc(1, WIRE_RING_SIZE + 1);

	(void) state;
	assert_int_equal(wire_end_read(&map.receiver, bytes, 1), 0);
	assert_int_equal(wire_end_write(&map.sender, bytes, 0), 0);
	assert_int_equal(wire_end_write(&map.sender, bytes, WIRE_RING_SIZE + 1), WIRE_RING_SIZE);
	assert_int_equal(wire_end_write(&map.sender, bytes, 1), 0);
	assert_int_equal(wire_end_read(&map.receiver, bytes, 3), 3);
	assert_int_equal(wire_end_write(&map.sender, bytes, 10), 3);
	assert_int_equal(wire_end_read(&map.receiver, bytes, WIRE_RING_SIZE + 1), WIRE_RING_SIZE);
	assert_int_equal(wire_end_read(&map.receiver, bytes, 1), 0);
	free(bytes);
}

static void
test_bytes_survive_every_wrap(void **state)
{
	char in[17], out[17];

	(void) state;
	for (uint64_t before = 0; before <= sizeof(in); before++)
	{
		map_set_up(NULL);
		map_advance(WIRE_RING_SIZE - before);
		memcpy(in, "0123456789abcdef", sizeof(in));
		assert_int_equal(wire_end_write(&map.sender, in, sizeof(in)), sizeof(in));
		assert_int_equal(wire_end_read(&map.receiver, out, sizeof(out)), sizeof(out));
		assert_memory_equal(in, out, sizeof(in));
		map_tear_down(NULL);
	}
	map_set_up(NULL);
}

static void
test_positions_wrap_past_64_bits(void **state)
{
	char out[8];

	(void) state;
	map_advance(UINT64_MAX - 3);
	assert_int_equal(wire_end_write(&map.sender, "12345678", 8), 8);
	assert_int_equal(map.shared->to_child.produced, 4);
	assert_int_equal(wire_end_read(&map.receiver, out, 8), 8);
	assert_memory_equal(out, "12345678", 8);
}

static void
test_random_stream(void **state)
{
	uint32_t seed = 42, sent = 7, received = 7;
	uint8_t *bytes = malloc(2 * WIRE_RING_SIZE);

	(void) state;
	for (int round = 0; round < 500; round++)
	{
		size_t size = noise(&seed) % (WIRE_RING_SIZE + 100);
		uint32_t ahead = sent;
		int64_t done;

		for (size_t i = 0; i < size; i++)
			bytes[i] = (uint8_t) noise(&ahead);
		done = wire_end_write(&map.sender, bytes, size);
		assert_true(done >= 0 && (size_t) done <= size);
		for (int64_t i = 0; i < done; i++)
			noise(&sent);
		done = wire_end_read(&map.receiver, bytes, noise(&seed) % (2 * WIRE_RING_SIZE));
		assert_true(done >= 0);
		for (int64_t i = 0; i < done; i++)
			assert_int_equal(bytes[i], (uint8_t) noise(&received));
	}
	free(bytes);
}

static void
test_impossible_positions(void **state)
{
	static const uint64_t lies[] = {WIRE_RING_SIZE + 1, UINT64_MAX / 2, 1u << 31, UINT64_MAX - WIRE_RING_SIZE};
	char byte = 0;

	(void) state;
	for (size_t i = 0; i < COUNT(lies); i++)
	{
		map.shared->to_child.produced = lies[i];
		assert_int_equal(wire_end_read(&map.receiver, &byte, 1), WIRE_ERROR_RING);
		map.shared->to_child.consumed = (uint64_t) -lies[i];
		assert_int_equal(wire_end_write(&map.sender, &byte, 1), WIRE_ERROR_RING);
	}
	map.shared->to_child.consumed = 1; /* more than was ever sent */
	assert_int_equal(wire_end_write(&map.sender, &byte, 1), WIRE_ERROR_RING);
	assert_int_equal(map.sender.position, 0);
	assert_int_equal(map.receiver.position, 0);
}

static void
test_backend_keeps_its_own_position(void **state)
{
	char out[4];

	(void) state;
	assert_int_equal(wire_end_write(&map.sender, "abcd", 4), 4);
	assert_int_equal(wire_end_read(&map.receiver, out, 2), 2);
	map.shared->to_child.consumed = 0;
	assert_int_equal(wire_end_read(&map.receiver, out, 4), 2);
	assert_memory_equal(out, "cd", 2);
	assert_int_equal(map.shared->to_child.consumed, 4);
}

static size_t grow_limit;

static int
grow_to_limit(WireWriter *w, size_t need)
{
	uint8_t *data;

	if (need > grow_limit)
		return -1;
	data = realloc(w->data, need);
	if (data == NULL)
		return -1;
	w->data = data;
	w->capacity = need;
	return 0;
}

static int
grow_lies(WireWriter *w, size_t need)
{
	(void) w;
	(void) need;
	return 0;
}

static void
write_sample(WireWriter *w)
{
	wire_put_u8(w, 0xab);
	wire_put_u16(w, 0xbcde);
	wire_put_u32(w, 0xdeadbeef);
	wire_put_u64(w, UINT64_C(0x0123456789abcdef));
	wire_put_f64(w, -0.5);
	wire_put_text(w, "text", 4);
	wire_put_text(w, NULL, 0);
	wire_put_raw(w, "raw", 3);
}

#define SAMPLE_SIZE (1 + 2 + 4 + 8 + 8 + 8 + 4 + 3)

static void
test_writer_and_reader_agree(void **state)
{
	WireWriter w = {.grow = grow_to_limit};
	WireReader r;
	size_t size;

	(void) state;
	grow_limit = 1000;
	write_sample(&w);
	assert_int_equal(w.error, 0);
	assert_int_equal(w.size, SAMPLE_SIZE);
	r = (WireReader){.at = w.data, .end = w.data + w.size};
	assert_int_equal(wire_get_u8(&r), 0xab);
	assert_int_equal(wire_get_u16(&r), 0xbcde);
	assert_int_equal(wire_get_u32(&r), 0xdeadbeef);
	assert_true(wire_get_u64(&r) == UINT64_C(0x0123456789abcdef));
	assert_true(wire_get_f64(&r) == -0.5);
	assert_memory_equal(wire_get_text(&r, &size), "text", 4);
	assert_int_equal(size, 4);
	wire_get_text(&r, &size);
	assert_int_equal(size, 0);
	assert_int_equal(wire_left(&r), 3);
	assert_memory_equal(wire_get_raw(&r, 3), "raw", 3);
	assert_int_equal(wire_left(&r), 0);
	assert_int_equal(r.error, 0);
	free(w.data);
}

static void
test_writer_stops_where_it_cannot_grow(void **state)
{
	(void) state;
	for (grow_limit = 0; grow_limit < SAMPLE_SIZE; grow_limit++)
	{
		WireWriter w = {.grow = grow_to_limit};
		size_t size;

		write_sample(&w);
		assert_int_equal(w.error, WIRE_ERROR_MEMORY);
		assert_true(w.size <= grow_limit);
		size = w.size;
		wire_put_u8(&w, 1);
		assert_int_equal(w.size, size);
		free(w.data);
	}
}

static void
test_writer_of_fixed_size(void **state)
{
	uint8_t bytes[SAMPLE_SIZE];
	WireWriter w = {.data = bytes, .capacity = sizeof(bytes)};

	(void) state;
	write_sample(&w);
	assert_int_equal(w.error, 0);
	wire_put_u8(&w, 1);
	assert_int_equal(w.error, WIRE_ERROR_MEMORY);
	w = (WireWriter){.data = bytes, .capacity = 1, .grow = grow_lies};
	wire_put_u16(&w, 1);
	assert_int_equal(w.error, WIRE_ERROR_MEMORY);
	assert_int_equal(w.size, 0);
}

static void
test_writer_refuses_what_no_frame_can_hold(void **state)
{
	uint8_t byte;
	WireWriter w = {.data = &byte, .capacity = 1};

	(void) state;
	wire_put_text(&w, "", (size_t) WIRE_FRAME_MAX + 1);
	assert_int_equal(w.error, WIRE_ERROR_LENGTH);
	w.error = 0;
	wire_put_text(&w, "", SIZE_MAX);
	assert_int_equal(w.error, WIRE_ERROR_LENGTH);
	w.error = 0;
	wire_put_text(&w, "", WIRE_FRAME_MAX - 3);
	assert_int_equal(w.error, WIRE_ERROR_LENGTH);
	w.error = 0;
	wire_put_raw(&w, "", (size_t) WIRE_FRAME_MAX + 1);
	assert_int_equal(w.error, WIRE_ERROR_LENGTH);
	assert_int_equal(w.size, 0);
}

/* One value of each tag, as bytes; a reader that follows the format must fail on every shorter prefix. */
static void
put_tag(WireWriter *w, int tag)
{
	wire_put_u8(w, (uint8_t) tag);
	if (tag == WIRE_BOOL)
		wire_put_u8(w, 1);
	else if (tag == WIRE_INT)
		wire_put_u64(w, (uint64_t) INT64_MIN);
	else if (tag == WIRE_FLOAT)
		wire_put_f64(w, 1e300);
	else if (tag == WIRE_DECIMAL || tag == WIRE_TEXT || tag == WIRE_BYTES)
		wire_put_text(w, "12.5", 4);
	else if (tag == WIRE_ARRAY || tag == WIRE_PACKED)
	{
		if (tag == WIRE_PACKED)
			wire_put_u8(w, WIRE_PACKED_BOOL);
		wire_put_u8(w, 2);
		wire_put_u32(w, 1);
		wire_put_u32(w, 2);
		wire_put_raw(w, "\0\0", 2); /* two nulls, or two false */
	}
	else if (tag == WIRE_RECORD || tag == WIRE_TUPLE)
	{
		wire_put_u16(w, 1);
		if (tag == WIRE_RECORD)
			wire_put_text(w, "name", 4);
		wire_put_u8(w, WIRE_NULL);
	}
	else if (tag == WIRE_LIST || tag == WIRE_DICT)
	{
		wire_put_u32(w, 1);
		wire_put_raw(w, "\0\0", tag == WIRE_LIST ? 1 : 2); /* nulls */
	}
	else if (tag == WIRE_FAULT)
		for (int i = 0; i < WIRE_FIELD_COUNT; i++)
			wire_put_u8(w, WIRE_NULL);
}

static void skip_value(WireReader *r, int depth);

static void
skip_array(WireReader *r, int packed, int depth)
{
	uint64_t elements = 1;
	uint8_t ndim;

	if (packed)
		wire_get_u8(r);
	ndim = wire_get_u8(r);
	for (int i = 0; i < ndim && r->error == 0; i++)
		elements *= wire_get_u32(r) % 1000;
	for (uint64_t i = 0; ndim > 0 && i < elements && r->error == 0; i++)
		packed ? (void) wire_get_raw(r, 1) : skip_value(r, depth + 1);
}

static void
skip_items(WireReader *r, uint64_t count, int depth)
{
	for (uint64_t i = 0; i < count && r->error == 0; i++)
		skip_value(r, depth + 1);
}

static void
skip_value(WireReader *r, int depth)
{
	uint8_t tag = wire_get_u8(r);
	size_t size;
	uint16_t n;

	if (depth > 50)
		return;
	if (tag == WIRE_BOOL)
		wire_get_u8(r);
	else if (tag == WIRE_INT)
		wire_get_u64(r);
	else if (tag == WIRE_FLOAT)
		wire_get_f64(r);
	else if (tag == WIRE_DECIMAL || tag == WIRE_TEXT || tag == WIRE_BYTES)
		wire_get_text(r, &size);
	else if (tag == WIRE_ARRAY || tag == WIRE_PACKED)
		skip_array(r, tag == WIRE_PACKED, depth);
	else if (tag == WIRE_LIST || tag == WIRE_DICT)
		skip_items(r, (uint64_t) wire_get_u32(r) * (tag == WIRE_DICT ? 2 : 1), depth);
	else if (tag == WIRE_FAULT)
		skip_items(r, WIRE_FIELD_COUNT, depth);
	else if (tag == WIRE_RECORD || tag == WIRE_TUPLE)
	{
		n = wire_get_u16(r);
		for (int i = 0; i < n && r->error == 0; i++)
		{
			if (tag == WIRE_RECORD)
				wire_get_text(r, &size);
			skip_value(r, depth + 1);
		}
	}
}

static void
test_every_prefix_of_every_tag_is_short(void **state)
{
	(void) state;
	grow_limit = 1000;
	for (int tag = 0; tag < WIRE_TAG_COUNT; tag++)
	{
		WireWriter w = {.grow = grow_to_limit};

		put_tag(&w, tag);
		for (size_t size = 0; size <= w.size; size++)
		{
			uint8_t *exact = malloc(size + 1); /* its end is where a sanitizer looks */
			WireReader r = {.at = exact + 1, .end = exact + 1 + size};

			memcpy(exact + 1, w.data, size);
			skip_value(&r, 0);
			assert_int_equal(r.error, size < w.size ? WIRE_ERROR_SHORT : 0);
			assert_int_equal(wire_left(&r), 0);
			free(exact);
		}
		free(w.data);
	}
}

static void
test_reader_keeps_its_error(void **state)
{
	static const uint8_t bytes[] = {9, 0, 0, 0, 'a', 'b'};
	WireReader r = {.at = bytes, .end = bytes + sizeof(bytes)};
	size_t size = 99;

	(void) state;
	assert_string_equal(wire_get_text(&r, &size), "");
	assert_int_equal(size, 0);
	assert_int_equal(r.error, WIRE_ERROR_SHORT);
	assert_int_equal(wire_get_u8(&r), 0);
	assert_int_equal(wire_get_u16(&r), 0);
	assert_int_equal(wire_get_u32(&r), 0);
	assert_int_equal(wire_get_u64(&r), 0);
	assert_true(wire_get_f64(&r) == 0);
	assert_null(wire_get_raw(&r, 0));
	assert_int_equal(wire_left(&r), 0);
}

static void
test_random_bytes(void **state)
{
	uint32_t seed = 20240229;

	(void) state;
	for (int round = 0; round < 20000; round++)
	{
		size_t size = noise(&seed) % 64;
		uint8_t *bytes = malloc(size + 1);
		WireReader r = {.at = bytes, .end = bytes + size};

		for (size_t i = 0; i < size; i++)
			bytes[i] = noise(&seed) % 4 ? (uint8_t) (noise(&seed) % WIRE_TAG_COUNT) : (uint8_t) noise(&seed);
		skip_value(&r, 0);
		assert_true(r.at >= bytes && r.at <= bytes + size);
		free(bytes);
	}
}

static void
test_every_error_has_words(void **state)
{
	static const int errors[] = {0, WIRE_ERROR_SHORT, WIRE_ERROR_MEMORY, WIRE_ERROR_LENGTH, WIRE_ERROR_RING};

	(void) state;
	for (size_t i = 0; i < COUNT(errors); i++)
		assert_string_not_equal(wire_strerror(errors[i]), "unknown error");
	assert_string_equal(wire_strerror(1), "unknown error");
	assert_string_equal(wire_strerror(-5), "unknown error");
	assert_string_equal(wire_strerror(INT32_MIN), "unknown error");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_rings_are_apart, map_set_up, map_tear_down),
		cmocka_unit_test_setup_teardown(test_empty_and_full, map_set_up, map_tear_down),
		cmocka_unit_test_setup_teardown(test_bytes_survive_every_wrap, NULL, map_tear_down),
		cmocka_unit_test_setup_teardown(test_positions_wrap_past_64_bits, map_set_up, map_tear_down),
		cmocka_unit_test_setup_teardown(test_random_stream, map_set_up, map_tear_down),
		cmocka_unit_test_setup_teardown(test_impossible_positions, map_set_up, map_tear_down),
		cmocka_unit_test_setup_teardown(test_backend_keeps_its_own_position, map_set_up, map_tear_down),
		cmocka_unit_test(test_writer_and_reader_agree),
		cmocka_unit_test(test_writer_stops_where_it_cannot_grow),
		cmocka_unit_test(test_writer_of_fixed_size),
		cmocka_unit_test(test_writer_refuses_what_no_frame_can_hold),
		cmocka_unit_test(test_every_prefix_of_every_tag_is_short),
		cmocka_unit_test(test_reader_keeps_its_error),
		cmocka_unit_test(test_random_bytes),
		cmocka_unit_test(test_every_error_has_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
