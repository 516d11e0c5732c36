/*
 * wire_fuzz.c - rings and payloads whose other end is hostile: positions, headers, lengths and bytes as the input says.
 *
 * The input is a list of steps; a step is a byte that says what, and what it takes. Our own ends must stay inside the
 * mapping, count what they moved, and refuse positions that cannot be; a reader must stay inside its payload.
 */
#include "tests/fuzz/fuzz.h"

#include "sandbox/wire.h"

#define STEPS_MAX 256
#define CHUNK 4096
#define DEPTH_MAX 64

static _Alignas(4096) uint8_t map[WIRE_MAP_SIZE];
static WireEnd in, out, peer; /* ours, ours, and the one that the other end writes with */

/* --- payloads: a walk by the grammar of wire_kind.h, as both sides do it --- */

static void walk_value(WireReader *reader, int depth);

static void
walk_values(WireReader *reader, uint64_t count, int depth)
{
	for (uint64_t i = 0; i < count && reader->error == 0; i++)
		walk_value(reader, depth + 1);
}

static void
walk_text(WireReader *reader)
{
	size_t size, before = wire_left(reader);
	const char *text = wire_get_text(reader, &size);

	FUZZ_CHECK(text != NULL && size <= before);
	FUZZ_CHECK(reader->error == 0 || size == 0);
	for (size_t i = 0; i < size; i += 997)
		(void) *(volatile const char *) (text + i);
	if (size > 0)
		(void) *(volatile const char *) (text + size - 1);
}

static uint64_t
walk_dims(WireReader *reader)
{
	uint64_t items = 1;
	uint8_t ndim = wire_get_u8(reader);

	if (ndim > WIRE_DIMS_MAX)
		return 0;
	for (int i = 0; i < ndim; i++)
	{
		uint64_t size = wire_get_u32(reader);

		if (size != 0 && items > UINT32_MAX / size)
			return 0;
		items *= size;
	}
	return ndim == 0 ? 0 : items;
}

static void
walk_packed(WireReader *reader)
{
	uint8_t kind = wire_get_u8(reader);
	uint64_t items = walk_dims(reader);
	const uint8_t *raw = wire_get_raw(reader, (size_t) items * (kind % 2 == 0 ? 1 : 8));

	FUZZ_CHECK((raw == NULL) == (reader->error != 0));
}

static void
walk_pairs(WireReader *reader, uint64_t count, int depth)
{
	for (uint64_t i = 0; i < count && reader->error == 0; i++)
	{
		walk_text(reader);
		walk_value(reader, depth + 1);
	}
}

static void
walk_value(WireReader *reader, int depth)
{
	uint8_t tag = wire_get_u8(reader);

	if (depth > DEPTH_MAX || reader->error != 0)
		return;
	switch (tag % WIRE_TAG_COUNT)
	{
		case WIRE_BOOL:
			(void) wire_get_u8(reader);
			break;
		case WIRE_INT:
			(void) wire_get_u64(reader);
			break;
		case WIRE_FLOAT:
			(void) wire_get_f64(reader);
			break;
		case WIRE_DECIMAL:
		case WIRE_TEXT:
		case WIRE_BYTES:
			walk_text(reader);
			break;
		case WIRE_ARRAY:
			walk_values(reader, walk_dims(reader), depth);
			break;
		case WIRE_PACKED:
			walk_packed(reader);
			break;
		case WIRE_RECORD:
			walk_pairs(reader, wire_get_u16(reader), depth);
			break;
		case WIRE_TUPLE:
			walk_values(reader, wire_get_u16(reader), depth);
			break;
		case WIRE_LIST:
			walk_values(reader, wire_get_u32(reader), depth);
			break;
		case WIRE_DICT:
			walk_values(reader, 2 * (uint64_t) wire_get_u32(reader), depth);
			break;
		case WIRE_FAULT:
			walk_values(reader, WIRE_FIELD_COUNT, depth);
			break;
		default:
			break;
	}
}

static void
payload_walk(const uint8_t *bytes, size_t size)
{
	WireReader reader = {.at = bytes, .end = bytes + size};

	while (reader.error == 0 && wire_left(&reader) > 0)
		walk_value(&reader, 0);
	FUZZ_CHECK(reader.at <= reader.end);
	if (reader.error == 0)
		return;
	/* An error sticks, and gives nothing more. */
	FUZZ_CHECK(wire_get_u64(&reader) == 0 && wire_get_raw(&reader, 1) == NULL && wire_left(&reader) == 0);
	FUZZ_CHECK(wire_strerror(reader.error) != NULL);
}

/* --- rings --- */

static void
moved_check(const WireEnd *end, uint64_t before, int64_t moved, size_t asked)
{
	FUZZ_CHECK(moved == WIRE_ERROR_RING || (moved >= 0 && (size_t) moved <= asked && moved <= WIRE_RING_SIZE));
	FUZZ_CHECK(end->position == before + (moved > 0 ? (uint64_t) moved : 0));
}

static int64_t
ours_read(void *bytes, size_t size)
{
	uint64_t before = in.position;
	int64_t moved = wire_end_read(&in, bytes, size);

	moved_check(&in, before, moved, size);
	FUZZ_CHECK(moved <= 0 || in.ring->consumed == in.position);
	return moved;
}

/* As a receiver does: header, its bounds, payload into memory of just that size. What never comes is not waited for. */
static void
frame_receive(void)
{
	WireFrame frame;
	uint8_t *payload;
	int64_t got;

	if (ours_read(&frame, sizeof(frame)) != sizeof(frame) || frame.length > WIRE_FRAME_MAX || frame.flags != 0)
		return;
	if (frame.length > WIRE_RING_SIZE)
		return;
	payload = malloc(frame.length + (frame.length == 0));
	FUZZ_CHECK(payload != NULL);
	got = ours_read(payload, frame.length);
	if (got > 0)
		payload_walk(payload, (size_t) got);
	free(payload);
}

/* A frame that is well-formed as far as the ring goes; its payload is the input's. */
static void
peer_send(FuzzInput *input)
{
	size_t size = fuzz_take(input, 1) << (fuzz_take(input, 1) % 6);
	WireFrame frame = {.kind = (uint16_t) fuzz_take(input, 1)};

	if (size > fuzz_left(input))
		size = fuzz_left(input);
	frame.length = (uint32_t) size;
	(void) wire_end_write(&peer, &frame, sizeof(frame));
	(void) wire_end_write(&peer, input->at, size);
	input->at += size;
}

static void
peer_publish_produced(FuzzInput *input)
{
	in.ring->produced = fuzz_take(input, 8);
}

/* Near what is true: there lie the mistakes. */
static void
peer_shift_produced(FuzzInput *input)
{
	in.ring->produced += (uint64_t) (int64_t) (int8_t) fuzz_take(input, 1) << (fuzz_take(input, 1) % 20);
}

static void
peer_publish_consumed(FuzzInput *input)
{
	out.ring->consumed = fuzz_take(input, 8);
}

static void
peer_shift_consumed(FuzzInput *input)
{
	out.ring->consumed += (uint64_t) (int64_t) (int8_t) fuzz_take(input, 1) << (fuzz_take(input, 1) % 20);
}

static void
peer_flip(FuzzInput *input)
{
	map[WIRE_HEADER_SIZE + WIRE_RING_SIZE + (fuzz_take(input, 3) & (WIRE_RING_SIZE - 1))] ^=
		(uint8_t) fuzz_take(input, 1);
}

static void
ours_receive(FuzzInput *input)
{
	(void) input;
	frame_receive();
}

static void
ours_read_some(FuzzInput *input)
{
	static uint8_t bytes[CHUNK];

	(void) ours_read(bytes, fuzz_take(input, 2) % CHUNK);
}

static void
ours_write_some(FuzzInput *input)
{
	static uint8_t bytes[CHUNK];
	size_t size = fuzz_take(input, 2) % CHUNK;
	uint64_t before = out.position;
	int64_t moved = wire_end_write(&out, bytes, size);

	moved_check(&out, before, moved, size);
	FUZZ_CHECK(moved <= 0 || out.ring->produced == out.position);
}

/* A position anywhere, as after days of use: the storage wraps, and so may the counter. */
static void
ours_move(FuzzInput *input)
{
	uint64_t place = fuzz_take(input, 8);

	in.position = peer.position = in.ring->produced = in.ring->consumed = place;
	out.position = out.ring->produced = out.ring->consumed = ~place;
}

/* What is put is got back, and a writer that cannot grow says so and stays whole. */
static void
ours_round_trip(FuzzInput *input)
{
	uint8_t bytes[64];
	WireWriter writer = {.data = bytes, .capacity = sizeof(bytes)};
	uint64_t number = fuzz_take(input, 8);
	size_t size, length = fuzz_take(input, 1) % 80;
	char text[80] = {0};
	WireReader reader;

	wire_put_u64(&writer, number);
	wire_put_text(&writer, text, length);
	wire_put_u16(&writer, (uint16_t) number);
	FUZZ_CHECK(writer.size <= writer.capacity);
	FUZZ_CHECK((writer.error == 0) == (8 + 4 + length + 2 <= sizeof(bytes)));
	if (writer.error != 0)
		return;
	reader = (WireReader){.at = bytes, .end = bytes + writer.size};
	FUZZ_CHECK(wire_get_u64(&reader) == number);
	FUZZ_CHECK(memcmp(wire_get_text(&reader, &size), text, length) == 0 && size == length);
	FUZZ_CHECK(wire_get_u16(&reader) == (uint16_t) number && wire_left(&reader) == 0 && reader.error == 0);
}

static void (*const steps[])(FuzzInput *input) = {
	peer_send, ours_receive,   peer_publish_produced, peer_shift_produced, peer_publish_consumed, peer_shift_consumed,
	peer_flip, ours_read_some, ours_write_some,		  ours_move,		   ours_round_trip,
};

#define STEP_COUNT (sizeof(steps) / sizeof(steps[0]))

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FuzzInput input = {data, data + size};

	memset(map, 0, sizeof(WireShared));
	wire_end_init(&in, map, 0);
	wire_end_init(&peer, map, 0);
	wire_end_init(&out, map, 1);
	payload_walk(data, size);
	for (int i = 0; i < STEPS_MAX && fuzz_left(&input) > 0; i++)
		steps[fuzz_take(&input, 1) % STEP_COUNT](&input);
	frame_receive();
	return 0;
}

const char *
fuzz_word(unsigned number)
{
	(void) number;
	return NULL;
}

/* Values as they are meant to be, in frames, between steps of each kind. */
size_t
fuzz_seed(unsigned number, uint8_t *data, size_t capacity)
{
	WireWriter writer = {.data = data, .capacity = capacity};
	uint8_t value[256];
	WireWriter payload = {.data = value, .capacity = sizeof(value)};

	if (number >= WIRE_TAG_COUNT)
		return 0;
	wire_put_u8(&payload, (uint8_t) number);
	wire_put_u8(&payload, 2);
	wire_put_u32(&payload, 2);
	wire_put_u32(&payload, 3);
	for (int i = 0; i < 6; i++)
	{
		wire_put_u8(&payload, WIRE_TEXT);
		wire_put_text(&payload, "text", 4);
	}
	wire_put_u8(&writer, 9);
	wire_put_u64(&writer, UINT64_MAX - 20 * number);
	wire_put_u8(&writer, 0);
	wire_put_u8(&writer, (uint8_t) payload.size);
	wire_put_u8(&writer, 0);
	wire_put_u8(&writer, WIRE_RESULT);
	wire_put_raw(&writer, value, payload.size);
	for (uint8_t step = 1; step < STEP_COUNT; step++)
	{
		wire_put_u8(&writer, step);
		wire_put_u64(&writer, number);
	}
	return writer.size;
}
