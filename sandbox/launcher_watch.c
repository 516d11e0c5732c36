/*
 * launcher_watch.c - looks at leased interpreters now and then, and acts on what runs when it should not.
 *
 * DESIGN. What a backend says of its lease (watch.h) is held against the CPU clock of the process, which nothing in it can
 * change. Two looks at the same turn of rest have no call between them: if CPU time has passed, threads or processes that
 * the function left behind have used it, and they are stopped until the next call; what is paused and computes is stopped
 * again. Stopping undoes nothing, so it may be done on little evidence. The backend keeps the wall limit; one that is stuck
 * itself has its interpreter ended here. A frozen process that was killed, by somebody or with its zygote, does not die before it is
 * thawed where cgroups are of version 1: so it is looked for here, too.
 *
 * Looks are rare where nothing happens. Runs in the launcher.
 */
#include "sandbox/launcher_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "sandbox/launcher_memfd.h"
#include "sandbox/launcher_weight.h"
#include "sandbox/launcher_zygote.h"
#include "sandbox/watch.h"

#define WATCH_FIRST_MS 250	  /* from a change to the next look; doubled while nothing changes */
#define WATCH_LAST_MS 4000	  /* between two looks in the end */
#define WATCH_STRAY_MS 500	  /* at most, for those that have been stopped before, or are frozen */
#define WATCH_AGAIN_MS 25	  /* for a turn that has just begun */
#define WATCH_WEIGHT_MS 100	  /* for those of another weight than the usual one that run */
#define WATCH_OVERDUE_MS 2000 /* after its wall limit a call is the launcher's to end */
#define WATCH_STRAY_SHARE 10  /* a tenth of a core between calls is too much */

int
watch_make(Interpreter *interpreter)
{
	const WatchPage page = {.state = WATCH_RESTS};
	void *map;

	interpreter->watch_fd =
		launcher_memfd_make("pybox-watch", WATCH_PAGE_SIZE, &page, sizeof(page), LAUNCHER_SEAL_SIZE);
	if (interpreter->watch_fd < 0)
		return interpreter->watch_fd;
	map = mmap(NULL, WATCH_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, interpreter->watch_fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	interpreter->watch = map;
	return 0;
}

void
watch_forget(Interpreter *interpreter)
{
	if (interpreter->watch != NULL)
		munmap(interpreter->watch, WATCH_PAGE_SIZE);
	if (interpreter->watch_fd >= 0)
		close(interpreter->watch_fd);
	interpreter->watch = NULL;
	interpreter->watch_fd = -1;
}

/* Those that have long been idle are looked at together, so that the launcher wakes as rarely for many as for one. */
static void
watch_again(Interpreter *interpreter, int64_t now_ms, int64_t pause_ms)
{
	int64_t due_ms = now_ms + pause_ms;

	if (pause_ms == WATCH_LAST_MS)
		due_ms = (due_ms + WATCH_LAST_MS / 2) / WATCH_LAST_MS * WATCH_LAST_MS;
	interpreter->look.at_ms = now_ms;
	interpreter->look.pause_ms = pause_ms;
	interpreter->look.due_ms = due_ms;
}

void
watch_begin(Interpreter *interpreter)
{
	close(interpreter->watch_fd);
	interpreter->watch_fd = -1;
	watch_again(interpreter, launcher_now_ms(), WATCH_FIRST_MS);
}

/* No less than at the last look: one that has died since has no clock, and its group may be gone. */
static uint64_t
watch_cpu_since(const Interpreter *interpreter, uint64_t cpu_ns)
{
	return cpu_ns > interpreter->look.cpu_ns ? cpu_ns : interpreter->look.cpu_ns;
}

/* Of the process, by its clock; of all that an untrusted one started, by its group. */
static uint64_t
watch_cpu(Interpreter *interpreter)
{
	CgroupUsage usage = {0};
	struct timespec used = {0};
	clockid_t clock;
	uint64_t cpu_ns = 0;

	if (clock_getcpuclockid(interpreter->pid, &clock) == 0 && clock_gettime(clock, &used) == 0)
		cpu_ns = (uint64_t) used.tv_sec * UINT64_C(1000000000) + (uint64_t) used.tv_nsec;
	if (interpreter->zygote->trusted)
		return watch_cpu_since(interpreter, cpu_ns);
	interpreter_usage_read(interpreter, &usage);
	interpreter->look.oom_kills[0] = interpreter->look.oom_kills[1];
	interpreter->look.oom_kills[1] = usage.oom_kills;
	cpu_ns = watch_cpu_since(interpreter, usage.cpu_ns > cpu_ns ? usage.cpu_ns : cpu_ns);
	__atomic_store_n(&interpreter->watch->cpu_ns, cpu_ns, __ATOMIC_RELAXED);
	return cpu_ns;
}

static void
watch_signal(const Interpreter *interpreter, int number)
{
	if (interpreter->life.fd >= 0 && syscall(SYS_pidfd_send_signal, interpreter->life.fd, number, NULL, 0) == 0)
		(void) kill(-interpreter->pid, number);
}

/* Whether it is to stand still as the page says now. */
static bool
watch_is_still(const Interpreter *interpreter)
{
	uint32_t state = __atomic_load_n(&interpreter->watch->state, __ATOMIC_SEQ_CST);

	return state == WATCH_STOPPED || state == WATCH_PAUSED;
}

static void
watch_stop(Interpreter *interpreter, uint64_t used_ns)
{
	uint32_t rests = WATCH_RESTS;
	uint32_t *state = &interpreter->watch->state;

	if (!__atomic_compare_exchange_n(state, &rests, WATCH_STOPPED, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		return;
	watch_signal(interpreter, SIGSTOP);
	if (!watch_is_still(interpreter))
		watch_signal(interpreter, SIGCONT);
	if (!interpreter->look.is_stray)
		launcher_log(
			"pool \"%s\": interpreter %d used %llu ms of CPU time while no call of it ran, and is stopped between "
			"calls from now on",
			interpreter->zygote->pool.name, (int) interpreter->pid, (unsigned long long) (used_ns / 1000000));
	interpreter->look.is_stray = true;
}

/* What is paused of it is frozen, beside the signal. */
static bool
watch_freezes(const Interpreter *interpreter)
{
	return !interpreter->zygote->trusted && interpreter->group[0] != '\0';
}

/* Whether it has been sent SIGKILL and has yet to die. */
static bool
watch_is_killed(const Interpreter *interpreter)
{
	char path[sizeof("/proc//status") + 3 * sizeof(int)], line[128];
	unsigned long long pending = 0;
	FILE *status;

	(void) snprintf(path, sizeof(path), "/proc/%d/status", (int) interpreter->pid);
	status = fopen(path, "re");
	if (status == NULL)
		return false;
	while (fgets(line, sizeof(line), status) != NULL)
		if (sscanf(line, "SigPnd: %llx", &pending) == 1)
			break;
	(void) fclose(status);
	return (pending & 1ULL << (SIGKILL - 1)) != 0;
}

static void
watch_let_die(const Interpreter *interpreter)
{
	const Cgroup *cgroup = &interpreter->launcher->cgroup;

	if (watch_freezes(interpreter) && watch_is_killed(interpreter))
		(void) cgroup->backend->group_thaw(cgroup, interpreter->group);
}

/* A call that is paused runs on: its backend's signal, or order to freeze it, was lost, or somebody undid it. */
static void
watch_stop_again(Interpreter *interpreter, uint64_t used_ns)
{
	const Cgroup *cgroup = &interpreter->launcher->cgroup;
	bool freezes = watch_freezes(interpreter);

	watch_signal(interpreter, SIGSTOP);
	if (freezes)
		(void) cgroup->backend->group_freeze(cgroup, interpreter->group);
	if (!watch_is_still(interpreter))
	{
		if (freezes)
			(void) cgroup->backend->group_thaw(cgroup, interpreter->group);
		watch_signal(interpreter, SIGCONT);
	}
	if (!interpreter->look.is_stray)
		launcher_log(
			"pool \"%s\": interpreter %d used %llu ms of CPU time while its call was paused, and is stopped again",
			interpreter->zygote->pool.name, (int) interpreter->pid, (unsigned long long) (used_ns / 1000000));
	interpreter->look.is_stray = true;
}

/* Returns whether it was ended. */
static bool
watch_wall(Interpreter *interpreter, int64_t now_ms)
{
	uint64_t ends_ms = __atomic_load_n(&interpreter->watch->ends_ms, __ATOMIC_RELAXED);

	if (ends_ms == 0 || (uint64_t) now_ms < ends_ms + WATCH_OVERDUE_MS)
		return false;
	launcher_log("pool \"%s\": interpreter %d is %lld ms past its call's wall limit and is ended",
				 interpreter->zygote->pool.name, (int) interpreter->pid, (long long) now_ms - (long long) ends_ms);
	interpreter_doom(interpreter, CONTROL_CAUSE_WALL);
	return true;
}

/* Its pool's weight follows it while it has calls; else its backend says when it has them again. */
static bool
watch_weighs(Interpreter *interpreter, bool same_turn, uint32_t state)
{
	bool is_left = same_turn && state != WATCH_RUNS;

	if (interpreter->weight == WEIGHT_USUAL)
		return false;
	weight_follow(interpreter);
	__atomic_store_n(&interpreter->watch->weight_is_left, is_left, __ATOMIC_RELAXED);
	return !is_left;
}

static int64_t
watch_pause(const Interpreter *interpreter, bool same_turn, uint32_t state)
{
	const Zygote *zygote = interpreter->zygote;
	int64_t most = interpreter->look.is_stray ? WATCH_STRAY_MS : WATCH_LAST_MS;

	if (state == WATCH_PAUSED && watch_freezes(interpreter))
		most = WATCH_STRAY_MS;
	if (!zygote->trusted && zygote->pool.limits.cpu_ms > 0) /* its backend goes by what is seen here */
		most = WATCH_FIRST_MS;

	if (!same_turn)
		return state == WATCH_RESTS && interpreter->look.pause_ms != WATCH_AGAIN_MS ? WATCH_AGAIN_MS : WATCH_FIRST_MS;
	if (interpreter->look.pause_ms == WATCH_AGAIN_MS)
		return WATCH_FIRST_MS;
	return 2 * interpreter->look.pause_ms < most ? 2 * interpreter->look.pause_ms : most;
}

/* What is there while Python runs tells what its calls take. */
static void
watch_memory(Interpreter *interpreter, uint32_t turn)
{
	WatchPage *watch = interpreter->watch;
	CgroupUsage usage = {0};

	interpreter_usage_read(interpreter, &usage);
	__atomic_store_n(&watch->memory, usage.memory, __ATOMIC_RELAXED);
	__atomic_store_n(&watch->memory_peak, usage.memory_peak, __ATOMIC_RELAXED);
	__atomic_store_n(&watch->seen_turn, turn, __ATOMIC_RELEASE);
}

void
watch_look(Interpreter *interpreter, int64_t now_ms)
{
	uint32_t turn = __atomic_load_n(&interpreter->watch->turn, __ATOMIC_SEQ_CST);
	uint32_t state = __atomic_load_n(&interpreter->watch->state, __ATOMIC_SEQ_CST);
	uint64_t cpu_ns = watch_cpu(interpreter), used_ns = cpu_ns - interpreter->look.cpu_ns;
	bool same_turn = turn == interpreter->look.turn;
	uint64_t allowed_ns = (uint64_t) (now_ms - interpreter->look.at_ms) * (1000000 / WATCH_STRAY_SHARE);

	if (state == WATCH_RUNS && watch_wall(interpreter, now_ms))
		return;
	if (same_turn && interpreter->look.state == state && used_ns > allowed_ns)
	{
		if (state == WATCH_RESTS)
			watch_stop(interpreter, used_ns);
		else if (state == WATCH_PAUSED)
			watch_stop_again(interpreter, used_ns);
	}
	if (state == WATCH_RUNS)
		watch_memory(interpreter, turn);
	if (state == WATCH_PAUSED)
		watch_let_die(interpreter);
	if (watch_weighs(interpreter, same_turn, state)) /* who else runs in its pool may change at any time */
		watch_again(interpreter, now_ms, WATCH_WEIGHT_MS);
	else
		watch_again(interpreter, now_ms, watch_pause(interpreter, same_turn, state));
	interpreter->look.turn = turn;
	interpreter->look.state = state;
	interpreter->look.cpu_ns = cpu_ns;
}

void
watch_weigh(Interpreter *interpreter, int32_t weight, int64_t now_ms)
{
	weight_set(interpreter, weight);
	if (interpreter->weight == WEIGHT_USUAL)
		return;
	interpreter->look.pause_ms =
		WATCH_WEIGHT_MS; /* should it not run yet when it is looked at, so it will soon again */
	if (interpreter->look.due_ms > now_ms + WATCH_WEIGHT_MS)
		interpreter->look.due_ms = now_ms + WATCH_WEIGHT_MS;
}
