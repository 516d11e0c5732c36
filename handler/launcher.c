/*
 * launcher.c - requests to the launcher and its notices. Runs in backends.
 *
 * DESIGN. One request is under way at a time; what comes meanwhile is either its answer or a notice of a death, which
 * is kept until asked for. An interrupted request is withdrawn: the launcher forgets it, or takes back what it has just
 * lent; an answer that was under way is dropped when it is found, and answers are matched by the sequence number that
 * the launcher repeats in generation.
 */
#include "handler/launcher.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "miscadmin.h"
#include "storage/fd.h"
#include "storage/latch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "scheduler/clock.h"
#include "scheduler/fault_raise.h"
#include "scheduler/shared.h"
#include "scheduler/supervisor.h"
#include "scheduler/wait_event.h"

#define START_TIMEOUT_MS 10000
#define LEASE_TIMEOUT_MS 60000
#define DEATH_TIMEOUT_MS 30000 /* as the launcher waits for a process that is taken apart */
#define USAGE_TIMEOUT_MS 1000
#define USAGE_SOON_MS 20
#define TELL_TIMEOUT_MS 2000
#define TICK_MS 20 /* until the launcher is up, and until it has heard of a new policy */

static int control = -1;
static uint32 generation = 0;
static uint64 sequence = 0;
static bool lease_asked = false;	 /* a request was given up before its answer came */
static bool lease_withdrawn = false; /* and the launcher was told, so that none may come */
static LauncherDeathTaker death_taker = NULL;
static bool descriptors_lacked = false; /* why the connection was lost */

static void
launcher_disconnect(void)
{
	if (control < 0)
		return;
	close(control);
	ReleaseExternalFD();
	control = -1;
}

uint32
launcher_generation(void)
{
	return pg_atomic_read_u32(&shared->launcher_generation);
}

static bool
launcher_connect_once(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = SUPERVISOR_SOCKET};
	uint32 current = launcher_generation();

	if (control >= 0 && generation == current)
		return true;
	launcher_disconnect();
	if (!shared_launcher_ready())
		return false;
	if (!AcquireExternalFD())
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_RESOURCES), errmsg("too many open files for a pybox connection")));
	control = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (control < 0 || connect(control, (struct sockaddr *) &address, sizeof(address)) < 0)
	{
		if (control >= 0)
			close(control);
		ReleaseExternalFD();
		control = -1;
		return false;
	}
	generation = current;
	return true;
}

/* Waits for no event but the passing of a moment. */
static void
launcher_pause(void)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, TICK_MS,
					 wait_event_info(WAIT_NAME_INTERPRETER));
	ResetLatch(MyLatch);
}

static void
launcher_connect(void (*check)(void *arg), void *arg)
{
	TimestampTz deadline = TimestampTzPlusMilliseconds(clock_now(), START_TIMEOUT_MS);

	while (!launcher_connect_once())
	{
		if (clock_now() >= deadline)
			ereport(ERROR, (errcode(ERRCODE_SYSTEM_ERROR), errmsg("pybox launcher is not running"),
							errdetail("It did not come up within %d s.", START_TIMEOUT_MS / 1000),
							errhint("The server log tells why; see also pybox.protection.")));
		launcher_pause();
		check(arg);
	}
}

void
launcher_deaths_pass(LauncherDeathTaker taker)
{
	death_taker = taker;
}

static void
death_pass(const ControlMessage *message)
{
	LauncherDeath death = {
		.cause = message->cause < CONTROL_CAUSE_COUNT ? (ControlCause) message->cause : CONTROL_CAUSE_EXIT,
		.status = message->status,
		.memory_limit = message->memory_limit,
		.memory_peak = message->memory_peak,
	};

	if (death_taker != NULL)
		death_taker(message->id, &death);
}

static void
fds_close(int *fds, int count)
{
	for (int i = 0; i < count; i++)
		close(fds[i]);
}

typedef enum Taken
{
	TAKEN_GONE = -1, /* the launcher is gone */
	TAKEN_NOTHING,
	TAKEN_ANSWER, /* to the request under way */
	TAKEN_NOTICE  /* of a death, or an answer that nobody waits for */
} Taken;

/* Takes one packet, if there is one. */
static Taken
launcher_take(ControlMessage *message, int fds[CONTROL_FDS_MAX])
{
	int count;
	int result = control < 0 ? 0 : control_receive(control, message, fds, &count);

	if (result == -EAGAIN || result == -EINTR)
		return TAKEN_NOTHING;
	if (result <= 0)
	{
		/* With the connection goes whatever the launcher meant to lend. */
		launcher_disconnect();
		descriptors_lacked = result == -EMFILE;
		return TAKEN_GONE;
	}
	if (message->kind == CONTROL_LEASED || message->kind == CONTROL_REFUSED)
		lease_asked = false;
	if (message->kind != CONTROL_DIED && message->generation == sequence)
		return TAKEN_ANSWER;
	fds_close(fds, count);
	if (message->kind == CONTROL_DIED)
		death_pass(message);
	else if (message->kind == CONTROL_LEASED)
		launcher_release(message->id);
	return TAKEN_NOTICE;
}

static void
launcher_sleep(TimestampTz deadline)
{
	long timeout = TimestampDifferenceMilliseconds(clock_now(), deadline);
	int events = WL_LATCH_SET | WL_SOCKET_READABLE | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH;

	events = WaitLatchOrSocket(MyLatch, events, control, timeout, wait_event_info(WAIT_NAME_INTERPRETER));
	if (events & WL_LATCH_SET)
		ResetLatch(MyLatch);
}

static void
interrupts_check(void *arg)
{
	CHECK_FOR_INTERRUPTS();
}

/* Waits for the answer until the deadline: then TAKEN_NOTHING. Raises what check raises. */
static Taken
launcher_await(ControlMessage *message, int fds[CONTROL_FDS_MAX], TimestampTz deadline, void (*check)(void *arg),
			   void *arg)
{
	for (;;)
	{
		Taken taken;

		check(arg); /* before each sleep: the latch may have been reset since what it was set for was looked at */
		taken = launcher_take(message, fds);
		if (taken == TAKEN_ANSWER || taken == TAKEN_GONE)
			return taken;
		if (clock_now() >= deadline)
			return TAKEN_NOTHING;
		if (taken == TAKEN_NOTHING)
			launcher_sleep(deadline);
	}
}

/* TAKEN_NOTHING, or TAKEN_GONE. A launcher that is behind with its packets is waited for. */
static Taken
launcher_send(const ControlMessage *message, TimestampTz deadline, void (*check)(void *arg), void *arg)
{
	int result;

	while ((result = control_send(control, message, NULL, 0)) == -EAGAIN && clock_now() < deadline)
	{
		launcher_pause();
		check(arg);
	}
	return result == 0 ? TAKEN_NOTHING : TAKEN_GONE;
}

/* A policy that this session has seen may still be on its way to the launcher. */
static bool
answer_is_early(const ControlMessage *answer, TimestampTz deadline)
{
	return answer->kind == CONTROL_REFUSED && answer->status == CONTROL_REFUSED_EARLY && clock_now() < deadline;
}

/* Asks until there is an answer. sequence is that of the request under way, whatever is raised. */
static void
lease_ask(ControlMessage *message, int fds[CONTROL_FDS_MAX], void (*check)(void *arg), void *arg)
{
	TimestampTz deadline = TimestampTzPlusMilliseconds(clock_now(), LEASE_TIMEOUT_MS);
	ControlMessage request = *message;

	request.kind = CONTROL_LEASE;
	for (;;)
	{
		Taken taken;

		launcher_connect(check, arg);
		request.generation = ++sequence;
		lease_asked = true;
		lease_withdrawn = descriptors_lacked = false;
		taken = launcher_send(&request, deadline, check, arg);
		FAULT_RAISE("backend.lease_ask");
		if (taken != TAKEN_GONE)
			taken = launcher_await(message, fds, deadline, check, arg);
		if (taken == TAKEN_ANSWER && !answer_is_early(message, deadline))
			return;
		if (taken == TAKEN_ANSWER)
		{
			launcher_pause();
			check(arg);
			continue;
		}
		if (taken == TAKEN_NOTHING)
			ereport(ERROR,
					(errcode(ERRCODE_SYSTEM_ERROR),
					 errmsg("no Python interpreter for pool \"%s\" within %d s", request.pool, LEASE_TIMEOUT_MS / 1000),
					 errdetail("The pybox launcher (pid %d) runs but has not answered.", shared->launcher_pid),
					 errhint("See pybox.pools for its zygote's state and the server log for the reason.")));
		if (descriptors_lacked)
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
					 errmsg("too many open files in this session for a Python interpreter"),
					 errdetail("It takes %d descriptors.", CONTROL_FDS_MAX),
					 errhint("Raise the server's limit of open files (ulimit -n), or lower max_files_per_process.")));
		/* The launcher died before it answered: the next one is asked, as long as the deadline allows. */
		launcher_disconnect();
		generation = 0;
		launcher_pause();
		check(arg);
	}
}

void
launcher_lease(ControlMessage *message, int fds[CONTROL_FDS_MAX], void (*check)(void *arg), void *arg)
{
	PG_TRY();
	{
		lease_ask(message, fds, check, arg);
	}
	PG_CATCH();
	{
		const ControlMessage withdraw = {.kind = CONTROL_WITHDRAW, .generation = sequence};

		/* Should the launcher be too far behind to take it, the next call gives back what has come by then. */
		if (control >= 0 && lease_asked)
			lease_withdrawn = control_send(control, &withdraw, NULL, 0) == 0;
		PG_RE_THROW();
	}
	PG_END_TRY();
}

void
launcher_release(uint64 id)
{
	ControlMessage message = {.kind = CONTROL_RELEASE, .id = id};

	if (FAULT_POINT("backend.lease_release") == 0 && control >= 0)
		(void) control_send(control, &message, NULL, 0);
}

/*
 * Whatever else is lost, a thaw is not: a launcher that is too far behind to take it loses the session's leases instead,
 * which ends what is frozen.
 */
static bool
launcher_tell(ControlKind kind, uint64 id, int status)
{
	ControlMessage message = {.kind = kind, .id = id, .status = status};
	TimestampTz deadline = TimestampTzPlusMilliseconds(clock_now(), TELL_TIMEOUT_MS);
	int result = -EPIPE;

	while (control >= 0 && (result = control_send(control, &message, NULL, 0)) != 0)
	{
		if (kind != CONTROL_THAW)
			return false;
		if (result != -EAGAIN || clock_now() >= deadline)
			launcher_disconnect();
		else
			pg_usleep(1000L);
	}
	return result == 0;
}

void
launcher_freeze(uint64 id)
{
	(void) launcher_tell(CONTROL_FREEZE, id, 0);
}

void
launcher_thaw(uint64 id)
{
	(void) launcher_tell(CONTROL_THAW, id, 0);
}

bool
launcher_weigh(uint64 id, int weight)
{
	return launcher_tell(CONTROL_WEIGH, id, weight);
}

void
launcher_drain(void)
{
	ControlMessage message;
	int fds[CONTROL_FDS_MAX];

	if (likely(!lease_asked))
		return;
	sequence++; /* whatever comes answers nobody */
	while (launcher_take(&message, fds) == TAKEN_NOTICE)
		continue;
	if (lease_withdrawn)
		lease_asked = lease_withdrawn = false;
}

bool
launcher_death_await(uint32 lent_by, const bool *told)
{
	TimestampTz deadline = TimestampTzPlusMilliseconds(clock_now(), DEATH_TIMEOUT_MS);

	sequence++; /* no request is under way: what still answers one comes too late */
	while (!*told)
	{
		ControlMessage message;
		int fds[CONTROL_FDS_MAX];

		if (control < 0 || generation != lent_by || clock_now() >= deadline)
			return false;
		if (launcher_take(&message, fds) == TAKEN_NOTHING)
			launcher_sleep(deadline);
		CHECK_FOR_INTERRUPTS();
	}
	return true;
}

/* Asks for something that carries no descriptors; false: no answer in time. */
static bool
launcher_inquire(ControlMessage *message, int timeout_ms, void (*check)(void *arg))
{
	TimestampTz deadline = TimestampTzPlusMilliseconds(clock_now(), timeout_ms);
	uint32 kind = message->kind;
	int fds[CONTROL_FDS_MAX];

	message->generation = ++sequence;
	return launcher_send(message, deadline, check, NULL) != TAKEN_GONE &&
		   launcher_await(message, fds, deadline, check, NULL) == TAKEN_ANSWER && message->kind == kind;
}

bool
launcher_usage(ControlUsage *usages, int count)
{
	ControlMessage message = {.kind = CONTROL_USAGE, .count = (uint32) count, .status = 1};

	Assert(count <= CONTROL_USAGES_MAX);
	if (!launcher_connect_once())
		return false;
	memcpy(message.usages, usages, count * sizeof(ControlUsage));
	if (!launcher_inquire(&message, USAGE_TIMEOUT_MS, interrupts_check))
		return false;
	memcpy(usages, message.usages, count * sizeof(ControlUsage));
	return true;
}

bool
launcher_list(uint64 id, ControlMessage *listed)
{
	*listed = (ControlMessage){.kind = CONTROL_LIST, .id = id};
	return launcher_connect_once() && launcher_inquire(listed, USAGE_TIMEOUT_MS, interrupts_check) &&
		   listed->count <= CONTROL_LISTED_MAX;
}

static void
nothing_check(void *arg)
{
}

bool
launcher_usage_soon(ControlUsage *usage)
{
	ControlMessage message = {.kind = CONTROL_USAGE, .count = 1, .usages = {*usage}};

	if (control < 0 || generation != launcher_generation() || !launcher_inquire(&message, USAGE_SOON_MS, nothing_check))
		return false;
	*usage = message.usages[0];
	return usage->memory > 0;
}
