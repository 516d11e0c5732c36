/*
 * python_channel.c - frames over the two rings, with waiting that spins a little and then sleeps.
 *
 * DESIGN. What the ring holds is copied to one buffer at once, so that a small frame costs one look at the ring; a payload
 * longer than the buffer streams into a bytes object of its own, which arrays may then share. The interpreter sleeps on
 * the socket after it has announced so in child_sleeps and looked at the ring once more (wire.c says why that is enough).
 *
 * Runs in: child.
 */
#include "sandbox/python_channel.h"

#include <errno.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "sandbox/python_value_in.h"
#include "sandbox/wire_spin.h"

#define CHANNEL_BUFFER_SIZE (64 * 1024)
#define CHANNEL_CLOCK_EVERY 32 /* looks at the ring between two looks at the clock */
#define CHANNEL_SLACK 8		   /* bytes in front of a long payload, to align an array */

typedef int (*ChannelReady)(void);

static struct
{
	int socket;
	WireShared *shared;
	WireEnd receiver, sender;
	WireSpin spin;
	size_t start, end; /* of the bytes in the buffer that are not used yet */
	_Alignas(16) uint8_t buffer[CHANNEL_BUFFER_SIZE];
} channel;

void
channel_open(int socket, void *map)
{
	channel.socket = socket;
	channel.shared = map;
	wire_end_init(&channel.receiver, map, 1);
	wire_end_init(&channel.sender, map, 0);
}

const WireShared *
channel_shared(void)
{
	return channel.shared;
}

_Noreturn void
channel_fail(const char *reason)
{
	dprintf(STDERR_FILENO, "pybox-interpreter: %s\n", reason);
	_exit(3);
}

static int
channel_has_bytes(void)
{
	return __atomic_load_n(&channel.receiver.ring->produced, __ATOMIC_SEQ_CST) != channel.receiver.position;
}

static int
channel_has_room(void)
{
	uint64_t consumed = __atomic_load_n(&channel.sender.ring->consumed, __ATOMIC_SEQ_CST);

	return channel.sender.position - consumed < WIRE_RING_SIZE;
}

static uint64_t
channel_clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t) now.tv_sec * 1000000000 + (uint64_t) now.tv_nsec;
}

static void
channel_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/* Looks at the ring for at most spin_ns. */
static int
channel_spin(ChannelReady ready, uint64_t spin_ns)
{
	uint64_t start = channel_clock_ns();

	do
	{
		for (int i = 0; i < CHANNEL_CLOCK_EVERY; i++)
		{
			if (ready())
				return 1;
			channel_pause();
		}
	} while (channel_clock_ns() - start < spin_ns);
	return 0;
}

/* Blocks until a byte comes; bytes left over from earlier only make the caller look once more. */
static void
channel_sleep(void)
{
	char bytes[16];
	ssize_t size = recv(channel.socket, bytes, sizeof(bytes), 0);

	if (size == 0 || (size < 0 && errno != EINTR && errno != EAGAIN))
		_exit(0);
}

static void
channel_sleep_until(ChannelReady ready)
{
	WireSleep waits_for = ready == channel_has_bytes ? WIRE_SLEEPS_FOR_BYTES : WIRE_SLEEPS_FOR_ROOM;

	while (!ready())
	{
		__atomic_exchange_n(&channel.shared->child_sleeps, waits_for, __ATOMIC_SEQ_CST);
		if (!ready())
			channel_sleep();
		__atomic_exchange_n(&channel.shared->child_sleeps, WIRE_AWAKE, __ATOMIC_SEQ_CST);
	}
}

/* The backend says how long to spin at most; whether it pays is learnt here. */
static void
channel_wait(ChannelReady ready)
{
	uint64_t spin_ns = (uint64_t) __atomic_load_n(&channel.shared->spin_us, __ATOMIC_RELAXED) * 1000;
	int spins = spin_ns > 0 && wire_spin_allowed(&channel.spin);
	uint64_t start;

	if (spins && channel_spin(ready, spin_ns))
	{
		wire_spin_succeeded(&channel.spin);
		return;
	}
	start = channel_clock_ns();
	channel_sleep_until(ready);
	if (spins)
		wire_spin_failed(&channel.spin, spin_ns / 1000, (channel_clock_ns() - start) / 1000);
}

/* After what it may sleep for was published. */
static void
channel_wake_backend(WireSleep waits_for)
{
	uint32_t sleeps = waits_for;

	if (__atomic_load_n(&channel.shared->backend_sleeps, __ATOMIC_SEQ_CST) == sleeps &&
		__atomic_compare_exchange_n(&channel.shared->backend_sleeps, &sleeps, WIRE_AWAKE, 0, __ATOMIC_SEQ_CST,
									__ATOMIC_SEQ_CST))
		send(channel.socket, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Copies at least one byte, and what there is up to size. */
static size_t
channel_read_some(uint8_t *bytes, size_t size)
{
	int64_t done = wire_end_read(&channel.receiver, bytes, size);

	while (done == 0)
	{
		channel_wait(channel_has_bytes);
		done = wire_end_read(&channel.receiver, bytes, size);
	}
	if (done < 0)
		channel_fail(wire_strerror((int) done));
	channel_wake_backend(WIRE_SLEEPS_FOR_ROOM);
	return (size_t) done;
}

static void
channel_write(const uint8_t *bytes, size_t size)
{
	while (size > 0)
	{
		int64_t done = wire_end_write(&channel.sender, bytes, size);

		if (done < 0)
			channel_fail(wire_strerror((int) done));
		if (done == 0)
		{
			channel_wait(channel_has_room);
			continue;
		}
		bytes += done;
		size -= (size_t) done;
		channel_wake_backend(WIRE_SLEEPS_FOR_BYTES);
	}
}

/* Makes sure that size bytes, at most the buffer's, stand in the buffer in one piece. */
static void
channel_fill(size_t size)
{
	if (channel.end - channel.start >= size)
		return;
	if (channel.start == channel.end)
		channel.start = channel.end = 0;
	else if (CHANNEL_BUFFER_SIZE - channel.start < size)
	{
		memmove(channel.buffer, channel.buffer + channel.start, channel.end - channel.start);
		channel.end -= channel.start;
		channel.start = 0;
	}
	while (channel.end - channel.start < size)
		channel.end += channel_read_some(channel.buffer + channel.end, CHANNEL_BUFFER_SIZE - channel.end);
}

/* Moves size bytes of a long payload to where they belong: first the buffer's, then the ring's. */
static void
channel_stream(uint8_t *bytes, size_t size)
{
	size_t first = channel.end - channel.start;

	if (first > size)
		first = size;
	memcpy(bytes, channel.buffer + channel.start, first);
	channel.start += first;
	while (first < size)
		first += channel_read_some(bytes + first, size - first);
}

static void
channel_skip(size_t size)
{
	while (size > 0)
	{
		size_t step = size < CHANNEL_BUFFER_SIZE ? size : CHANNEL_BUFFER_SIZE;

		channel_fill(step);
		channel.start += step;
		size -= step;
	}
}

/* A payload longer than the buffer; shifted so that the first array in it may be used in place. */
static int
channel_receive_long(Inbox *in)
{
	size_t size = in->frame.length, shift;
	uint8_t *bytes;

	channel_fill(CHANNEL_BUFFER_SIZE);
	shift = value_in_alignment(in->frame.kind, channel.buffer + channel.start, CHANNEL_BUFFER_SIZE);
	in->owner = PyBytes_FromStringAndSize(NULL, (Py_ssize_t) (size + CHANNEL_SLACK));
	if (in->owner == NULL)
	{
		channel_skip(size);
		return -1;
	}
	bytes = (uint8_t *) PyBytes_AS_STRING(in->owner) + shift;
	channel_stream(bytes, size);
	in->reader = (WireReader){.at = bytes, .end = bytes + size};
	return 0;
}

int
channel_receive(Inbox *in)
{
	*in = (Inbox){.owner = NULL};
	channel_fill(sizeof(WireFrame));
	memcpy(&in->frame, channel.buffer + channel.start, sizeof(WireFrame));
	channel.start += sizeof(WireFrame);
	if (in->frame.length > WIRE_FRAME_MAX || in->frame.flags != 0)
		channel_fail("malformed frame");
	if (in->frame.length > CHANNEL_BUFFER_SIZE)
		return channel_receive_long(in);
	channel_fill(in->frame.length);
	in->reader.at = channel.buffer + channel.start;
	in->reader.end = in->reader.at + in->frame.length;
	channel.start += in->frame.length;
	return 0;
}

void
channel_release(Inbox *in)
{
	Py_CLEAR(in->owner);
	in->reader = (WireReader){.error = 0};
}

static int
outbox_grow(WireWriter *w, size_t need)
{
	uint8_t *small = ((Outbox *) w)->small;
	size_t wanted = need > 2 * w->capacity ? need : 2 * w->capacity;
	uint8_t *data = PyMem_RawRealloc(w->data == small ? NULL : w->data, wanted);

	if (data == NULL)
		return -1;
	if (w->data == small)
		memcpy(data, small, w->size);
	w->data = data;
	w->capacity = wanted;
	return 0;
}

void
outbox_open(Outbox *out)
{
	out->writer = (WireWriter){
		.data = out->small, .size = sizeof(WireFrame), .capacity = OUTBOX_INLINE_SIZE, .grow = outbox_grow};
}

void
outbox_reset(Outbox *out)
{
	out->writer.size = sizeof(WireFrame);
	out->writer.error = 0;
}

void
outbox_send(Outbox *out, WireKind kind, uint64_t call)
{
	WireFrame frame = {.length = (uint32_t) (out->writer.size - sizeof(WireFrame)), .kind = kind, .call = call};

	memcpy(out->writer.data, &frame, sizeof(frame));
	channel_write(out->writer.data, out->writer.size);
}

void
outbox_close(Outbox *out)
{
	if (out->writer.data != out->small)
		PyMem_RawFree(out->writer.data);
	out->writer.data = out->small;
}
