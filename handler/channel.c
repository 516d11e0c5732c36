/*
 * channel.c - moves frames through the rings and waits for the other end. Runs in backends.
 */
#include "handler/channel.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "miscadmin.h"
#include "portability/instr_time.h"
#include "storage/latch.h"
#include "utils/memutils.h"

#include "scheduler/clock.h"
#include "scheduler/slot.h"
#include "scheduler/wait_event.h"

#if PG_VERSION_NUM >= 170000
#define WAIT_SET_CREATE(count) CreateWaitEventSet(NULL, count)
#else
#define WAIT_SET_CREATE(count) CreateWaitEventSet(TopMemoryContext, count)
#endif

#define CHANNEL_EVENTS 4
#define SPINS_PER_CLOCK 128
#define TURNS_PER_CHECK 64 /* pieces of a frame between two looks at what asks the call to stop */
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

int channel_spin_us = 200;

static int cores = 0;

static void
spin_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ __volatile__("isb");
#endif
}

/* A spinner is worth it only if backend and child both have a core: two threads for every call that runs. */
static int
spin_budget(void)
{
	if (cores == 0)
		cores = (int) sysconf(_SC_NPROCESSORS_ONLN);
	return slot_count_held() * 2 <= cores ? channel_spin_us : 0;
}

static bool
ring_readable(const void *arg)
{
	const Channel *channel = arg;

	return __atomic_load_n(&channel->in.ring->produced, __ATOMIC_SEQ_CST) != channel->in.position;
}

static bool
ring_writable(const void *arg)
{
	const Channel *channel = arg;

	return channel->out.position - __atomic_load_n(&channel->out.ring->consumed, __ATOMIC_SEQ_CST) != WIRE_RING_SIZE;
}

static void
child_wake(Channel *channel)
{
	if (likely(__atomic_load_n(&channel->map->child_sleeps, __ATOMIC_SEQ_CST) == WIRE_AWAKE))
		return;
	if (__atomic_exchange_n(&channel->map->child_sleeps, WIRE_AWAKE, __ATOMIC_SEQ_CST) != WIRE_AWAKE)
		(void) send(channel->socket, "w", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static uint64
microseconds_since(instr_time start)
{
	instr_time now;

	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, start);
	return INSTR_TIME_GET_MICROSEC(now);
}

bool
channel_spin(bool (*ready)(const void *arg), const void *arg, uint64 budget_us)
{
	instr_time start;

	INSTR_TIME_SET_CURRENT(start);
	do
	{
		for (int i = 0; i < SPINS_PER_CLOCK; i++)
		{
			if (ready(arg))
				return true;
			spin_pause();
		}
	} while (!InterruptPending && microseconds_since(start) < budget_us);
	return false;
}

/* Empties the socket of wake-up bytes; notes its end. */
static void
socket_drain(Channel *channel)
{
	char bytes[16];
	ssize_t got;

	while ((got = recv(channel->socket, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
		continue;
	if (got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
		channel->dead = true;
}

static long
time_left(const Channel *channel)
{
	if (channel->deadline == 0 || TIMESTAMP_IS_NOEND(channel->deadline))
		return -1;
	return TimestampDifferenceMilliseconds(clock_now(), channel->deadline);
}

void
channel_sleep(Channel *channel, long ms, WaitName name)
{
	WaitEvent events[CHANNEL_EVENTS];
	int count = WaitEventSetWait(channel->events, ms, events, lengthof(events), wait_event_info(name));

	for (int i = 0; i < count; i++)
	{
		if (events[i].events & WL_LATCH_SET)
			ResetLatch(MyLatch);
		if ((events[i].events & WL_SOCKET_READABLE) == 0)
			continue;
		if (events[i].fd == channel->socket)
			socket_drain(channel);
		else
			channel->dead = true; /* though a process that it forked may hold the socket's other end */
	}
}

static void
sleep_once(Channel *channel, bool (*ready)(const void *arg), long timeout)
{
	WireSleep waits_for = ready == ring_readable ? WIRE_SLEEPS_FOR_BYTES : WIRE_SLEEPS_FOR_ROOM;

	__atomic_store_n(&channel->map->backend_sleeps, waits_for, __ATOMIC_SEQ_CST);
	if (!ready(channel))
		channel_sleep(channel, timeout, WAIT_NAME_PYTHON);
	__atomic_store_n(&channel->map->backend_sleeps, WIRE_AWAKE, __ATOMIC_SEQ_CST);
}

static ChannelStatus
sleep_until(Channel *channel, bool (*ready)(const void *arg))
{
	for (;;)
	{
		TimestampTz deadline = channel->deadline;
		long timeout = time_left(channel);

		if (channel->check != NULL)
			channel->check(channel->arg);
		if (ready(channel))
			return CHANNEL_OK;
		if (channel->dead)
			return CHANNEL_DEAD;
		if (channel->deadline != deadline) /* check has put it off */
			continue;
		if (timeout == 0)
			return CHANNEL_LATE;
		sleep_once(channel, ready, timeout);
	}
}

static ChannelStatus
channel_wait(Channel *channel, bool (*ready)(const void *arg))
{
	uint64 budget = spin_budget();
	bool spins = budget > 0 && wire_spin_allowed(&channel->spin);
	instr_time start;
	ChannelStatus status;

	child_wake(channel);
	if (likely(spins && channel_spin(ready, channel, budget)))
	{
		wire_spin_succeeded(&channel->spin);
		return CHANNEL_OK;
	}
	INSTR_TIME_SET_CURRENT(start);
	status = sleep_until(channel, ready);
	if (spins)
		wire_spin_failed(&channel->spin, budget, microseconds_since(start));
	return status;
}

void
channel_open(Channel *channel, int memory, int socket, int pidfd)
{
	struct stat status;
	int seals = fcntl(memory, F_GET_SEALS);
	void *map;

	if (fstat(memory, &status) < 0 || status.st_size != WIRE_MAP_SIZE || seals < 0 || (seals & SEALS) != SEALS)
		ereport(ERROR, (errcode(ERRCODE_PROTOCOL_VIOLATION),
						errmsg("memory file of a Python interpreter is not sealed at %d bytes", WIRE_MAP_SIZE)));
	map = mmap(NULL, WIRE_MAP_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
	if (map == MAP_FAILED)
		ereport(ERROR,
				(errcode_for_file_access(), errmsg("could not map the memory file of a Python interpreter: %m")));
	memset(channel, 0, sizeof(*channel));
	channel->map = map;
	channel->socket = socket;
	wire_end_init(&channel->out, map, 1);
	wire_end_init(&channel->in, map, 0);
	channel->events = WAIT_SET_CREATE(CHANNEL_EVENTS);
	AddWaitEventToSet(channel->events, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	AddWaitEventToSet(channel->events, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
	AddWaitEventToSet(channel->events, WL_SOCKET_READABLE, socket, NULL, NULL);
	AddWaitEventToSet(channel->events, WL_SOCKET_READABLE, pidfd, NULL, NULL);
}

void
channel_close(Channel *channel)
{
	if (channel->map == NULL)
		return;
	if (channel->events != NULL)
		FreeWaitEventSet(channel->events);
	munmap(channel->map, WIRE_MAP_SIZE);
	channel->map = NULL;
}

/*
 * Between two pieces of a frame. A child that always has the next byte ready, or room for it, never makes us sleep, where
 * channel_wait() looks at interrupts and the deadline: so it is done here too, now and then.
 */
static ChannelStatus
channel_turn(Channel *channel)
{
	if (likely(!InterruptPending && ++channel->turns % TURNS_PER_CHECK != 0))
		return CHANNEL_OK;
	if (channel->check != NULL)
		channel->check(channel->arg);
	return time_left(channel) == 0 ? CHANNEL_LATE : CHANNEL_OK;
}

static ChannelStatus
bytes_send(Channel *channel, const void *bytes, size_t size)
{
	const char *at = bytes;

	for (;;)
	{
		int64 done = wire_end_write(&channel->out, at, size);
		ChannelStatus status;

		if (unlikely(done < 0))
			return CHANNEL_BROKEN;
		if (likely((size_t) done == size))
			return CHANNEL_OK;
		at += done;
		size -= done;
		status = done == 0 ? channel_wait(channel, ring_writable) : channel_turn(channel);
		if (status != CHANNEL_OK)
			return status;
	}
}

static ChannelStatus
bytes_receive(Channel *channel, void *bytes, size_t size)
{
	char *at = bytes;

	for (;;)
	{
		int64 done = wire_end_read(&channel->in, at, size);
		ChannelStatus status;

		if (unlikely(done < 0))
			return CHANNEL_BROKEN;
		if (likely((size_t) done == size))
			return CHANNEL_OK;
		at += done;
		size -= done;
		channel->partial = channel->partial || at != bytes;
		status = done == 0 ? channel_wait(channel, ring_readable) : channel_turn(channel);
		if (status != CHANNEL_OK)
			return status;
	}
}

static ChannelStatus
payload_send(Channel *channel, const FrameOut *out)
{
	size_t sent = 0;
	ChannelStatus status = CHANNEL_OK;

	for (int i = 0; i < out->part_count && status == CHANNEL_OK; i++)
	{
		const FramePart *part = &out->parts[i];

		status = bytes_send(channel, out->writer.data + sent, part->at - sent);
		if (status == CHANNEL_OK)
			status = bytes_send(channel, part->data, part->size);
		sent = part->at;
	}
	return status == CHANNEL_OK ? bytes_send(channel, out->writer.data + sent, out->writer.size - sent) : status;
}

ChannelStatus
channel_send(Channel *channel, WireKind kind, uint64 call, const FrameOut *out)
{
	size_t size = out == NULL ? 0 : frame_size(out);
	WireFrame frame = {.length = (uint32) size, .kind = kind, .call = call};
	ChannelStatus status;

	if (out != NULL && (size > WIRE_FRAME_MAX || out->writer.error != 0))
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("values for a Python function are too large"),
						errdetail("Those of one call or one result may take %u bytes.", WIRE_FRAME_MAX)));
	channel->map->spin_us = (uint32) spin_budget();
	channel->partial = true;
	status = bytes_send(channel, &frame, sizeof(frame));
	if (status == CHANNEL_OK && size > 0)
		status = payload_send(channel, out);
	channel->partial = status != CHANNEL_OK;
	child_wake(channel);
	return status;
}

ChannelStatus
channel_receive_header(Channel *channel, WireFrame *frame)
{
	ChannelStatus status = bytes_receive(channel, frame, sizeof(*frame));

	channel->partial = channel->partial && status != CHANNEL_OK;
	if (status == CHANNEL_OK && (frame->length > WIRE_FRAME_MAX || frame->flags != 0))
		return CHANNEL_BROKEN;
	return status;
}

ChannelStatus
channel_receive_payload(Channel *channel, const WireFrame *frame, WireWriter *in)
{
	ChannelStatus status;

	channel->partial = true;
	frame_reserve(in, frame->length);
	status = bytes_receive(channel, in->data, frame->length);
	channel->partial = status != CHANNEL_OK;
	in->size = frame->length;
	return status;
}
