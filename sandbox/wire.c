/*
 * wire.c - rings, and the writer and reader of payloads.
 *
 * Owns nothing: every buffer and mapping is the caller's. Must not know processes, PostgreSQL or Python.
 * Runs in: backend, child and unit tests.
 *
 * A position only ever grows; its place in the ring is position modulo WIRE_RING_SIZE. It is published in sequentially
 * consistent order: of one end that publishes and then looks whether the other sleeps, and another that says it sleeps
 * and then looks at the ring once more, at least one sees the other, as long as each look is such a load or exchange too.
 */
#include "sandbox/wire.h"

#include <string.h>

#define WIRE_RING_MASK ((uint64_t) WIRE_RING_SIZE - 1)

_Static_assert((WIRE_RING_SIZE & (WIRE_RING_SIZE - 1)) == 0, "a ring's size is a power of two");
_Static_assert(sizeof(WireFrame) == 16, "a frame's header has no padding");
_Static_assert(sizeof(WireShared) <= WIRE_HEADER_SIZE, "the shared words fit their page");

static const char *const wire_errors[] = {
	[0] = "no error",
	[-WIRE_ERROR_SHORT] = "message is shorter than it says",
	[-WIRE_ERROR_MEMORY] = "out of memory",
	[-WIRE_ERROR_LENGTH] = "length is past its maximum",
	[-WIRE_ERROR_RING] = "ring position is impossible",
};

const char *
wire_strerror(int error)
{
	int count = (int) (sizeof(wire_errors) / sizeof(wire_errors[0]));

	return error <= 0 && error > -count ? wire_errors[-error] : "unknown error";
}

void
wire_end_init(WireEnd *end, void *map, int to_child)
{
	WireShared *shared = map;

	end->ring = to_child ? &shared->to_child : &shared->to_backend;
	end->data = (uint8_t *) map + WIRE_HEADER_SIZE + (to_child ? 0 : WIRE_RING_SIZE);
	end->position = 0;
}

/* Bytes from here to where the ring's storage wraps, at most size. */
static size_t
wire_end_run(const WireEnd *end, size_t size)
{
	size_t run = WIRE_RING_SIZE - (size_t) (end->position & WIRE_RING_MASK);

	return run < size ? run : size;
}

int64_t
wire_end_write(WireEnd *end, const void *bytes, size_t size)
{
	uint64_t used = end->position - __atomic_load_n(&end->ring->consumed, __ATOMIC_ACQUIRE);
	size_t run;

	if (used > WIRE_RING_SIZE)
		return WIRE_ERROR_RING;
	if (size > WIRE_RING_SIZE - used)
		size = WIRE_RING_SIZE - (size_t) used;
	if (size == 0)
		return 0;
	run = wire_end_run(end, size);
	memcpy(end->data + (end->position & WIRE_RING_MASK), bytes, run);
	memcpy(end->data, (const uint8_t *) bytes + run, size - run);
	end->position += size;
	__atomic_store_n(&end->ring->produced, end->position, __ATOMIC_SEQ_CST);
	return (int64_t) size;
}

int64_t
wire_end_read(WireEnd *end, void *bytes, size_t size)
{
	uint64_t ready = __atomic_load_n(&end->ring->produced, __ATOMIC_ACQUIRE) - end->position;
	size_t run;

	if (ready > WIRE_RING_SIZE)
		return WIRE_ERROR_RING;
	if (size > ready)
		size = (size_t) ready;
	if (size == 0)
		return 0;
	run = wire_end_run(end, size);
	memcpy(bytes, end->data + (end->position & WIRE_RING_MASK), run);
	memcpy((uint8_t *) bytes + run, end->data, size - run);
	end->position += size;
	__atomic_store_n(&end->ring->consumed, end->position, __ATOMIC_SEQ_CST);
	return (int64_t) size;
}

/* Makes sure that need more bytes fit; sets the sticky error and returns 0 when they do not. */
static int
wire_writer_fit(WireWriter *w, size_t need)
{
	if (w->error != 0)
		return 0;
	if (w->size > WIRE_FRAME_MAX || need > WIRE_FRAME_MAX - w->size)
		w->error = WIRE_ERROR_LENGTH;
	else if (w->capacity - w->size < need &&
			 (w->grow == NULL || w->grow(w, w->size + need) != 0 || w->capacity - w->size < need))
		w->error = WIRE_ERROR_MEMORY;
	return w->error == 0;
}

void
wire_put_raw(WireWriter *w, const void *bytes, size_t size)
{
	if (size == 0 || !wire_writer_fit(w, size))
		return;
	memcpy(w->data + w->size, bytes, size);
	w->size += size;
}

void
wire_put_u8(WireWriter *w, uint8_t v)
{
	wire_put_raw(w, &v, sizeof(v));
}

void
wire_put_u16(WireWriter *w, uint16_t v)
{
	wire_put_raw(w, &v, sizeof(v));
}

void
wire_put_u32(WireWriter *w, uint32_t v)
{
	wire_put_raw(w, &v, sizeof(v));
}

void
wire_put_u64(WireWriter *w, uint64_t v)
{
	wire_put_raw(w, &v, sizeof(v));
}

void
wire_put_f64(WireWriter *w, double v)
{
	wire_put_raw(w, &v, sizeof(v));
}

/* Length and bytes go in together or not at all, so that a failed writer never ends in half a text. */
void
wire_put_text(WireWriter *w, const char *bytes, size_t size)
{
	if (size > WIRE_FRAME_MAX)
	{
		if (w->error == 0)
			w->error = WIRE_ERROR_LENGTH;
		return;
	}
	if (!wire_writer_fit(w, sizeof(uint32_t) + size))
		return;
	wire_put_u32(w, (uint32_t) size);
	wire_put_raw(w, bytes, size);
}

/* NULL after an error. */
const uint8_t *
wire_get_raw(WireReader *r, size_t size)
{
	const uint8_t *bytes = r->at;

	if (r->error == 0 && size > (size_t) (r->end - r->at))
		r->error = WIRE_ERROR_SHORT;
	if (r->error != 0)
		return NULL;
	r->at += size;
	return bytes;
}

/* Copies size bytes to value, which keeps its zero after an error. */
static void
wire_get_fixed(WireReader *r, void *value, size_t size)
{
	const uint8_t *bytes = wire_get_raw(r, size);

	if (bytes != NULL)
		memcpy(value, bytes, size);
}

uint8_t
wire_get_u8(WireReader *r)
{
	uint8_t v = 0;

	wire_get_fixed(r, &v, sizeof(v));
	return v;
}

uint16_t
wire_get_u16(WireReader *r)
{
	uint16_t v = 0;

	wire_get_fixed(r, &v, sizeof(v));
	return v;
}

uint32_t
wire_get_u32(WireReader *r)
{
	uint32_t v = 0;

	wire_get_fixed(r, &v, sizeof(v));
	return v;
}

uint64_t
wire_get_u64(WireReader *r)
{
	uint64_t v = 0;

	wire_get_fixed(r, &v, sizeof(v));
	return v;
}

double
wire_get_f64(WireReader *r)
{
	double v = 0;

	wire_get_fixed(r, &v, sizeof(v));
	return v;
}

const char *
wire_get_text(WireReader *r, size_t *size)
{
	uint32_t length = wire_get_u32(r);
	const uint8_t *bytes = wire_get_raw(r, length);

	*size = bytes != NULL ? length : 0;
	return bytes != NULL ? (const char *) bytes : "";
}

size_t
wire_left(const WireReader *r)
{
	return r->error == 0 ? (size_t) (r->end - r->at) : 0;
}
