/*
 * lease.c - the session's interpreters. Runs in backends. Owns the descriptors of each lease.
 */
#include "handler/lease.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "miscadmin.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "utils/memutils.h"

#include "handler/call.h"
#include "handler/launcher.h"
#include "sandbox/layer.h"
#include "sandbox/watch.h"
#include "scheduler/clock.h"
#include "scheduler/fault_raise.h"
#include "scheduler/policy_store.h"
#include "scheduler/shared.h"

#define LEASE_FDS 2
#define LEASES_MAX 32		 /* of a session; beyond them the one unused for longest ends */
#define DROP_TIMEOUT_MS 1000 /* for finalizers, which run without a slot */
#define PROCESS_EXITING 0x4	 /* the kernel's PF_EXITING */
#define DEATH_GRACE_MS 200	 /* from the end of the socket to the end of the process */

static Lease *leases = NULL;
static bool registered = false;

static int
pidfd_signal(int pidfd, int number)
{
	return (int) syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0);
}

void
lease_interrupt(Lease *lease)
{
	(void) pidfd_signal(lease->pidfd, SIGINT);
}

void
lease_kill(Lease *lease)
{
	if (!lease->killed)
	{
		(void) pidfd_signal(lease->pidfd, SIGKILL);
		launcher_release(lease->id);
	}
	lease->killed = true;
	lease->channel.dead = true;
}

/* With all of its process group; what an untrusted one started beside that only its cgroup reaches. */
static void
lease_signal(const Lease *lease, int number)
{
	if (pidfd_signal(lease->pidfd, number) == 0)
		(void) kill(-lease->pid, number);
}

static uint64
idle_clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint64) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void
lease_pause(Lease *lease)
{
	uint32 *state = &lease->watch->state;

	/* Nobody but us changes it then. */
	if (lease->killed || __atomic_load_n(state, __ATOMIC_RELAXED) != WATCH_RUNS)
		return;
	__atomic_store_n(&lease->watch->turn, lease->watch->turn + 1, __ATOMIC_RELAXED);
	__atomic_store_n(state, WATCH_PAUSED, __ATOMIC_SEQ_CST);
	lease_signal(lease, SIGSTOP);
	if (!lease->trusted)
		launcher_freeze(lease->id);
}

/* It was stopped by us, or by the launcher, see sandbox/watch.h. */
static void
lease_continue(Lease *lease, WatchState was)
{
	if (was == WATCH_PAUSED && !lease->trusted)
		launcher_thaw(lease->id);
	lease_signal(lease, SIGCONT);
}

void
lease_run(Lease *lease, TimestampTz deadline)
{
	WatchPage *watch = lease->watch;
	WatchState was;

	__atomic_store_n(&watch->ends_ms, (uint64) deadline / 1000, __ATOMIC_RELAXED);
	/* Nobody but us changes it then. */
	if (__atomic_load_n(&watch->state, __ATOMIC_RELAXED) == WATCH_RUNS)
		return;
	was = (WatchState) __atomic_exchange_n(&watch->state, WATCH_RUNS, __ATOMIC_SEQ_CST);
	if (unlikely(was != WATCH_RESTS))
		lease_continue(lease, was);
}

void
lease_rest(Lease *lease)
{
	WatchPage *watch = lease->watch;
	uint32 state = __atomic_load_n(&watch->state, __ATOMIC_RELAXED);

	if (state != WATCH_RUNS && state != WATCH_PAUSED)
		return;
	__atomic_store_n(&watch->turn, watch->turn + 1, __ATOMIC_RELAXED);
	__atomic_store_n(&watch->state, WATCH_RESTS, state == WATCH_PAUSED ? __ATOMIC_SEQ_CST : __ATOMIC_RELEASE);
	if (state == WATCH_PAUSED && !lease->killed)
		lease_continue(lease, WATCH_PAUSED);
}

/* One that has long rested at an unusual weight was left out of account by the launcher. */
static bool
lease_weight_is_known(const Lease *lease)
{
	return lease->weight == LEASE_WEIGHT_USUAL || __atomic_load_n(&lease->watch->weight_is_left, __ATOMIC_RELAXED) == 0;
}

void
lease_weigh(Lease *lease, int weight)
{
	if (lease->killed || likely(lease->weight == weight && lease_weight_is_known(lease)))
		return;
	if (!launcher_weigh(lease->id, weight)) /* the next time that it is wished, then */
		return;
	lease->weight = weight;
	__atomic_store_n(&lease->watch->weight_is_left, 0, __ATOMIC_RELAXED);
}

int64
lease_cpu_us(const Lease *lease)
{
	return (int64) (__atomic_load_n(&lease->watch->cpu_ns, __ATOMIC_RELAXED) / 1000);
}

static bool
lease_is_dead(const Lease *lease)
{
	return lease->channel.dead || lease->generation != launcher_generation();
}

uint32
lease_turn(const Lease *lease)
{
	return lease->watch->turn;
}

/* The peak when a call since the last look has reached it, else what there is now. */
static int64
memory_of_call(Lease *lease, uint64 memory, uint64 peak)
{
	bool is_new = (int64) peak > lease->memory_peak;

	lease->memory_peak = Max(lease->memory_peak, (int64) peak);
	return (int64) (is_new ? peak : memory);
}

int64
lease_memory(Lease *lease, uint32 turn, bool asks)
{
	const WatchPage *watch = lease->watch;
	uint32 seen = __atomic_load_n(&watch->seen_turn, __ATOMIC_ACQUIRE);
	ControlUsage usage = {.id = lease->id};

	/* Turns that have come round are told by their distance. */
	if (watch->memory != 0 && seen - turn < watch->turn - turn)
		return memory_of_call(lease, __atomic_load_n(&watch->memory, __ATOMIC_RELAXED),
							  __atomic_load_n(&watch->memory_peak, __ATOMIC_RELAXED));
	if (asks && !lease_is_dead(lease) && launcher_usage_soon(&usage))
		return memory_of_call(lease, usage.memory, usage.memory_peak);
	return 0;
}

/*
 * Whether the kernel has begun to take it apart: with much memory, and little time to do it in, that goes on for a while
 * after its socket was closed. The flags are the seventh field after the name, which is the process's to choose.
 */
static bool
process_is_exiting(pid_t pid)
{
	char path[64], text[1024], *after_name;
	unsigned flags = 0;
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int) pid);
	fd = BasicOpenFile(path, O_RDONLY | O_CLOEXEC); /* makes room when no descriptor is left */
	if (fd < 0)
		return false;
	got = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[Max(got, 0)] = '\0';
	after_name = strrchr(text, ')');
	return after_name != NULL && sscanf(after_name + 1, " %*c %*d %*d %*d %*d %*d %u", &flags) == 1 &&
		   (flags & PROCESS_EXITING) != 0;
}

bool
lease_is_ending(const Lease *lease)
{
	struct pollfd death = {.fd = lease->pidfd, .events = POLLIN};
	int result;

	if (lease->killed)
		return true;
	while ((result = poll(&death, 1, DEATH_GRACE_MS)) < 0 && errno == EINTR)
		continue;
	/* Between these two looks it may have come to its end, and be reaped: then its number says nothing. */
	return result > 0 || process_is_exiting(lease->pid) || poll(&death, 1, 0) > 0;
}

void
lease_end_threads(const Lease *lease)
{
	(void) pidfd_signal(lease->pidfd, SIGKILL);
}

static bool
lease_is_used(const Lease *lease)
{
	return lease->depth > 0 || lease->sets > 0;
}

static void
lease_free(Lease *lease)
{
	lease_kill(lease);
	channel_close(&lease->channel);
	if (lease->watch != NULL)
		munmap(lease->watch, WATCH_PAGE_SIZE);
	close(lease->socket);
	close(lease->pidfd);
	for (int i = 0; i < LEASE_FDS; i++)
		ReleaseExternalFD();
	if (lease->sent != NULL)
		pfree(lease->sent);
	pfree(lease);
}

/* Frees what nobody uses any more: the dead, and with all those that are idle too. */
static void
leases_sweep(bool all)
{
	Lease **link = &leases;

	while (*link != NULL)
	{
		Lease *lease = *link;

		if (lease->depth == 0 && ((all && lease->sets == 0) || lease_is_dead(lease)))
		{
			*link = lease->next;
			lease_free(lease);
		}
		else
			link = &lease->next;
	}
}

/* Takes one frame of what the child says while it drops something; true: it is through, or there is no telling. */
static bool
dropped_receive(Lease *lease, WireWriter *in)
{
	Channel *channel = &lease->channel;
	WireFrame frame = {0};
	bool ends;

	if (channel_receive_header(channel, &frame) != CHANNEL_OK || frame.call != 0 || frame.kind >= WIRE_KIND_COUNT ||
		frame.length > sizeof(uint32) || channel_receive_payload(channel, &frame, in) != CHANNEL_OK)
	{
		lease_kill(lease);
		return true;
	}
	ends = frame.kind == WIRE_END && frame.length == 0;
	if (!ends && request_is_note((WireKind) frame.kind))
		request_note(lease->id, (WireKind) frame.kind, in);
	else if (!ends)
		lease_kill(lease);
	return ends || lease->killed;
}

void
lease_drop(Lease *lease, WireKind kind, uint32 number)
{
	Channel *channel = &lease->channel;
	FrameOut out = {.writer = frame_writer_make()};
	WireWriter in = frame_writer_make();

	wire_put_u32(&out.writer, number);
	channel->check = NULL;
	channel->deadline = TimestampTzPlusMilliseconds(clock_now(), DROP_TIMEOUT_MS);
	lease_run(lease, channel->deadline);
	if (channel->partial || channel_send(channel, kind, 0, &out) != CHANNEL_OK)
		lease_kill(lease);
	while (!lease->killed && !dropped_receive(lease, &in))
		if (clock_now() >= channel->deadline)
			lease_kill(lease);
	lease_rest(lease);
	frame_writer_free(&out.writer);
	frame_writer_free(&in);
}

void
lease_drop_all(void)
{
	leases_sweep(true);
}

static void
lease_exit(int code, Datum arg)
{
	for (Lease *lease = leases; lease != NULL; lease = lease->next)
		lease_kill(lease);
}

static int
refusal_code(ControlRefusal refusal)
{
	static const int codes[] = {
		[CONTROL_REFUSED_LAYER] = ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
		[CONTROL_REFUSED_POOL] = ERRCODE_SYSTEM_ERROR,
		[CONTROL_REFUSED_START] = ERRCODE_SYSTEM_ERROR,
		[CONTROL_REFUSED_LIMIT] = ERRCODE_INSUFFICIENT_RESOURCES,
		[CONTROL_REFUSED_EARLY] = ERRCODE_SYSTEM_ERROR,
	};

	return (int) refusal < (int) lengthof(codes) ? codes[refusal] : ERRCODE_SYSTEM_ERROR;
}

static void
lease_refused(const ControlMessage *answer, const PolicyPool *pool)
{
	if (answer->status == CONTROL_REFUSED_LAYER)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("pool \"%s\" has no sandbox: a required layer is missing", pool->name),
						errdetail_internal("%s", answer->text),
						errhint("See pybox.protection, or run pybox doctor where the server runs. Mend the layer, or "
								"take it off \"require\" in the policy.")));
	ereport(ERROR, (errcode(refusal_code((ControlRefusal) answer->status)),
					errmsg("could not start a Python interpreter in pool \"%s\"", pool->name),
					errdetail_internal("%s", answer->text)));
}

static void
watch_open(Lease *lease, int fd)
{
	void *map = mmap(NULL, WATCH_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (map == MAP_FAILED)
		ereport(ERROR, (errcode_for_file_access(), errmsg("could not map a page of the pybox launcher: %m")));
	lease->watch = map;
}

/* Takes over the descriptors of the launcher's answer, whatever happens. */
static Lease *
lease_open(const ControlMessage *answer, const int fds[CONTROL_FDS_MAX])
{
	Lease *lease = MemoryContextAllocExtended(TopMemoryContext, sizeof(Lease), MCXT_ALLOC_ZERO | MCXT_ALLOC_NO_OOM);

	if (lease == NULL)
	{
		for (int i = 0; i < CONTROL_FDS_MAX; i++)
			close(fds[i]);
		launcher_release(answer->id);
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
						errdetail("There was none left to keep an interpreter by.")));
	}
	for (int i = 0; i < LEASE_FDS; i++)
		ReserveExternalFD();
	lease->id = answer->id;
	lease->pid = answer->pid;
	lease->generation = launcher_generation();
	lease->is_cold = answer->status != 0;
	lease->weight = LEASE_WEIGHT_USUAL;
	lease->charged_us = -1;
	lease->socket = fds[1];
	lease->pidfd = fds[2];
	(void) fcntl(lease->socket, F_SETFL, O_NONBLOCK);
	PG_TRY();
	{
		FAULT_RAISE("backend.lease_answer");
		channel_open(&lease->channel, fds[0], lease->socket, lease->pidfd);
		watch_open(lease, fds[3]);
	}
	PG_CATCH();
	{
		close(fds[0]);
		close(fds[3]);
		lease_free(lease);
		PG_RE_THROW();
	}
	PG_END_TRY();
	close(fds[0]);
	close(fds[3]);
	lease->next = leases;
	leases = lease;
	return lease;
}

/* Kept with the lease: it may be long before a call meets it, and after many others. */
static void
lease_death_take(uint64 id, const LauncherDeath *death)
{
	for (Lease *lease = leases; lease != NULL; lease = lease->next)
		if (lease->id == id)
		{
			lease->death = *death;
			lease->is_told = true;
		}
}

static Lease *
lease_make(Oid role, bool trusted, const PolicyPool *pool, void (*check)(void *arg), void *arg)
{
	ControlMessage message = {.trusted = trusted, .role = role, .id = policy_store_local_generation()};
	int fds[CONTROL_FDS_MAX];
	Lease *lease;

	if (!registered)
	{
		before_shmem_exit(lease_exit, (Datum) 0);
		launcher_deaths_pass(lease_death_take);
	}
	registered = true;
	strlcpy(message.pool, pool->name, sizeof(message.pool));
	launcher_lease(&message, fds, check, arg);
	if (message.kind == CONTROL_REFUSED)
		lease_refused(&message, pool);
	if (message.kind != CONTROL_LEASED || fds[0] < 0 || fds[1] < 0 || fds[2] < 0 || fds[3] < 0)
		elog(ERROR, "pybox launcher answered a lease with message %u", message.kind);
	lease = lease_open(&message, fds);
	lease->role = role;
	lease->trusted = trusted;
	lease->pool = *pool;
	lease->policy_generation = policy_store_local_generation();
	return lease;
}

/* An interpreter keeps what its pool gave it; one of a pool that has changed since serves no new call. */
static bool
lease_is_current(Lease *lease, const PolicyPool *pool)
{
	size_t start = offsetof(PolicyPool, idle_timeout_ms); /* those before it are the queue's */

	if (likely(lease->policy_generation == policy_store_local_generation()))
		return true;
	if (memcmp((const char *) &lease->pool + start, (const char *) pool + start, sizeof(PolicyPool) - start) != 0)
		return false;
	lease->policy_generation = policy_store_local_generation();
	return true;
}

/* The list is in the order of use, latest first, so the last that nothing uses is the one to end. */
static void
leases_limit(void)
{
	Lease *victim = NULL;
	int count = 0;

	for (Lease *lease = leases; lease != NULL; lease = lease->next)
	{
		count++;
		if (!lease_is_used(lease))
			victim = lease;
	}
	if (count >= LEASES_MAX && victim != NULL)
		lease_kill(victim);
	leases_sweep(false);
}

static void
lease_to_front(Lease *lease)
{
	Lease **link = &leases;

	while (*link != lease)
		link = &(*link)->next;
	*link = lease->next;
	lease->next = leases;
	leases = lease;
}

Lease *
lease_get(Oid role, bool trusted, const PolicyPool *pool, void (*check)(void *arg), void *arg)
{
	for (Lease *lease = leases; lease != NULL; lease = lease->next)
		if (lease->role == role && lease->trusted == trusted && !lease_is_dead(lease) &&
			strcmp(lease->pool.name, pool->name) == 0)
		{
			if (lease_is_used(lease) || (lease_is_current(lease, pool) && lease_enter(lease)))
			{
				lease_to_front(lease);
				return lease;
			}
			lease_kill(lease);
			break;
		}
	leases_limit();
	for (;;)
	{
		Lease *lease = lease_make(role, trusted, pool, check, arg);

		if (lease_enter(lease))
			return lease;
	}
}

Lease *
lease_find(uint64 id)
{
	for (Lease *lease = leases; lease != NULL; lease = lease->next)
		if (lease->id == id && !lease_is_dead(lease))
			return lease;
	return NULL;
}

bool
lease_enter(Lease *lease)
{
	uint32 idle = WIRE_LEASE_IDLE;

	if (lease_is_used(lease))
		return true;
	if (__atomic_compare_exchange_n(&lease->channel.map->lease_state, &idle, WIRE_LEASE_BUSY, false, __ATOMIC_ACQ_REL,
									__ATOMIC_ACQUIRE))
		return true;
	lease->channel.dead = true;
	return false;
}

void
lease_leave(Lease *lease)
{
	if (lease_is_used(lease))
		return;
	lease->channel.map->idle_since_ms = lease->watch->idle_ms = idle_clock_ms();
	__atomic_store_n(&lease->channel.map->lease_state, WIRE_LEASE_IDLE, __ATOMIC_RELEASE);
}

bool
lease_knows(Lease *lease, uint32 handle)
{
	return handle < lease->sent_size && lease->sent[handle] != 0;
}

void
lease_learns(Lease *lease, uint32 handle)
{
	if (handle >= lease->sent_size)
	{
		uint32 size = Max(64, handle * 2);
		uint8 *sent = MemoryContextAllocZero(TopMemoryContext, size);

		if (lease->sent != NULL)
		{
			memcpy(sent, lease->sent, lease->sent_size);
			pfree(lease->sent);
		}
		lease->sent = sent;
		lease->sent_size = size;
	}
	lease->sent[handle] = 1;
}

void
lease_forget(Lease *lease, uint32 handle)
{
	if (!lease_knows(lease, handle))
		return;
	lease->sent[handle] = 0;
	if (!lease_is_dead(lease))
		lease_drop(lease, WIRE_FORGET, handle);
}

void
lease_forget_all(uint32 handle)
{
	for (Lease *lease = leases; lease != NULL; lease = lease->next)
		if (lease_knows(lease, handle) && !lease_is_dead(lease) && lease_enter(lease))
		{
			lease_forget(lease, handle);
			lease_leave(lease);
		}
}
