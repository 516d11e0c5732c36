/*
 * wire.h - what a backend and its interpreter say to each other, and how bytes pass between them.
 *
 * DESIGN. The two share one sealed memfd: a WireShared page, then one ring for each direction. A ring carries frames: a
 * 16-byte WireFrame, then its payload; a payload longer than the ring streams through it while the other end drains.
 * Each end keeps its own positions in private memory and only publishes them, so the other end can spoil nothing but
 * the data it is owed. A payload is copied out before it is looked at. Integers are in host order.
 *
 * Runs in: backend and child. Includes nothing else; the caller owns every buffer. Text is UTF-8, "u32 length, bytes".
 */
#ifndef PYBOX_WIRE_H
#define PYBOX_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "sandbox/wire_kind.h"

#define WIRE_MAGIC UINT32_C(0x70796278)
#define WIRE_VERSION 1
#define WIRE_RING_SIZE (256 * 1024)			/* a power of two */
#define WIRE_FRAME_MAX UINT32_C(0x40010000) /* the longest payload: an SQL value of 1 GiB and what stands around it */
#define WIRE_DIMS_MAX 6
#define WIRE_ERROR_SHORT (-1)  /* the reader ran past the end, or text was not what it must be */
#define WIRE_ERROR_MEMORY (-2) /* the writer could not grow */
#define WIRE_ERROR_LENGTH (-3) /* a length is past its maximum */
#define WIRE_ERROR_RING (-4)   /* the other end published an impossible position */

typedef struct WireFrame
{
	uint32_t length; /* payload bytes after this header */
	uint16_t kind;	 /* WireKind */
	uint16_t flags;	 /* 0 */
	uint64_t call;	 /* the call it belongs to; 0: none */
} WireFrame;

/* Free-running positions of one ring, each on a cache line of its own. */
typedef struct WireRing
{
	_Alignas(64) uint64_t produced; /* published by the sender */
	_Alignas(64) uint64_t consumed; /* published by the receiver */
} WireRing;

/*
 * For what an end sleeps: it is woken by a byte on the socket, and by that alone. Who wakes it for less has it take a core for
 * nothing, which on a busy machine may be the waker's own, and the next turn of a thread that computes is some milliseconds.
 */
typedef enum WireSleep
{
	WIRE_AWAKE,
	WIRE_SLEEPS_FOR_BYTES,
	WIRE_SLEEPS_FOR_ROOM
} WireSleep;

typedef struct WireShared
{
	uint32_t magic, version;
	_Alignas(64) uint32_t backend_sleeps; /* WireSleep, by backend; the child that wakes it clears it */
	_Alignas(64) uint32_t child_sleeps;	  /* WireSleep, by child; the backend that wakes it clears it */
	_Alignas(64) uint64_t cancel_call;	  /* by backend: SIGINT is meant for this call only */
	uint32_t spin_us;					  /* by backend: how long the child may spin before it sleeps */
	uint32_t lease_state;				  /* WireLeaseState, by backend and launcher, compare-and-swap */
	uint64_t idle_since_ms;				  /* CLOCK_MONOTONIC ms, by backend when it goes idle */
	WireRing to_child, to_backend;
} WireShared;

#define WIRE_HEADER_SIZE 4096
#define WIRE_MAP_SIZE (WIRE_HEADER_SIZE + 2 * WIRE_RING_SIZE)

/* One end of one ring: position is private truth, the ring's words are only published or peeked at. */
typedef struct WireEnd
{
	WireRing *ring;
	uint8_t *data;
	uint64_t position;
} WireEnd;

void wire_end_init(WireEnd *end, void *map, int to_child);
/* Copy up to size bytes in or out. Returns the number copied, 0 when full or empty, or WIRE_ERROR_RING. */
int64_t wire_end_write(WireEnd *end, const void *bytes, size_t size);
int64_t wire_end_read(WireEnd *end, void *bytes, size_t size);

/* Appends to a buffer of the caller; grow (NULL: never) raises capacity to at least need and returns 0, or non-zero. */
typedef struct WireWriter
{
	uint8_t *data;
	size_t size, capacity;
	int (*grow)(struct WireWriter *writer, size_t need);
	int error; /* sticky: 0 or WIRE_ERROR_ */
} WireWriter;

void wire_put_raw(WireWriter *w, const void *bytes, size_t size);
void wire_put_u8(WireWriter *w, uint8_t v);
void wire_put_u16(WireWriter *w, uint16_t v);
void wire_put_u32(WireWriter *w, uint32_t v);
void wire_put_u64(WireWriter *w, uint64_t v);
void wire_put_f64(WireWriter *w, double v);
void wire_put_text(WireWriter *w, const char *bytes, size_t size);

/* Takes from bytes the caller keeps; after an error every get gives 0 or an empty string. */
typedef struct WireReader
{
	const uint8_t *at, *end;
	int error; /* sticky */
} WireReader;

const uint8_t *wire_get_raw(WireReader *r, size_t size); /* NULL after an error */
uint8_t wire_get_u8(WireReader *r);
uint16_t wire_get_u16(WireReader *r);
uint32_t wire_get_u32(WireReader *r);
uint64_t wire_get_u64(WireReader *r);
double wire_get_f64(WireReader *r);
const char *wire_get_text(WireReader *r, size_t *size); /* not NUL-terminated */
size_t wire_left(const WireReader *r);
const char *wire_strerror(int error);

#endif
