/*
 * watch_test.c - which interpreters are stopped or ended when the launcher looks at them: a real process, and time as an argument.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sandbox/launcher_watch.h"
#include "sandbox/launcher_weight.h"
#include "sandbox/launcher_zygote.h"
#include "sandbox/watch.h"

#define USED_NS 50000000 /* of CPU time, between two looks */
#define START_MS 1000000

static Launcher launcher;
static Zygote zygote;
static Interpreter interpreter;

static uint64_t
cpu_of(pid_t pid)
{
	struct timespec used;
	clockid_t clock;

	assert_int_equal(clock_getcpuclockid(pid, &clock), 0);
	assert_int_equal(clock_gettime(clock, &used), 0);
	return (uint64_t) used.tv_sec * 1000000000 + (uint64_t) used.tv_nsec;
}

/* A process that computes, or sleeps, in a group of its own, leased. */
static void
process_start(int computes)
{
	pid_t parent = getpid(), pid = fork();

	if (pid == 0)
	{
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nobody, who would keep its output open */
		if (getppid() != parent)
			_exit(0);
		setpgid(0, 0);
		while (computes)
			;
		for (;;)
			pause();
	}
	setpgid(pid, pid);
	memset(&launcher, 0, sizeof(launcher));
	cgroup_open(&launcher.cgroup, "");
	zygote = (Zygote){.launcher = &launcher, .trusted = true};
	zygote.counts[INTERPRETER_LEASED] = 1;
	interpreter = (Interpreter){.launcher = &launcher, .zygote = &zygote, .state = INTERPRETER_LEASED, .pid = pid};
	interpreter.weight = WEIGHT_USUAL;
	interpreter.socket.fd = interpreter.wire_fd = -1;
	interpreter.life.fd = (int) syscall(SYS_pidfd_open, pid, 0);
	assert_true(interpreter.life.fd >= 0);
	assert_int_equal(watch_make(&interpreter), 0);
	watch_begin(&interpreter);
	while (computes && cpu_of(pid) == 0)
		;
}

static void
process_kill(void)
{
	int status;

	kill(interpreter.pid, SIGKILL);
	assert_int_equal(waitpid(interpreter.pid, &status, 0), interpreter.pid);
}

static void
process_forget(void)
{
	close(interpreter.life.fd);
	watch_forget(&interpreter);
}

static void
process_end(void)
{
	process_kill();
	process_forget();
}

/* Until it has used so much more. */
static void
process_let_compute(void)
{
	uint64_t start = cpu_of(interpreter.pid);

	while (cpu_of(interpreter.pid) - start < USED_NS)
		;
}

/* As the kernel says: stopped, or not within a moment of CPU time of its own. */
static int
process_is_stopped(void)
{
	siginfo_t info = {0};

	assert_int_equal(waitid(P_PID, (id_t) interpreter.pid, &info, WSTOPPED | WNOHANG | WNOWAIT), 0);
	return info.si_pid == interpreter.pid;
}

static const struct
{
	const char *what;
	int computes;
	WatchState state;
	uint32_t turns;	  /* that begin between two looks */
	int64_t apart_ms; /* the looks */
	int64_t ends_ms;  /* from the second look on; 0: not known */
	WatchState then;
	int stopped;
	InterpreterState lease;
} looks[] = {
	{"computes at rest", 1, WATCH_RESTS, 0, 100, 0, WATCH_STOPPED, 1, INTERPRETER_LEASED},
	{"computes at rest a little", 1, WATCH_RESTS, 0, 100000, 0, WATCH_RESTS, 0, INTERPRETER_LEASED},
	{"had calls meanwhile", 1, WATCH_RESTS, 1, 100, 0, WATCH_RESTS, 0, INTERPRETER_LEASED},
	{"sleeps", 0, WATCH_RESTS, 0, 100, 0, WATCH_RESTS, 0, INTERPRETER_LEASED},
	{"runs", 1, WATCH_RUNS, 0, 100, 0, WATCH_RUNS, 0, INTERPRETER_LEASED},
	{"runs, in time", 1, WATCH_RUNS, 0, 100, -1999, WATCH_RUNS, 0, INTERPRETER_LEASED},
	{"runs, overdue", 1, WATCH_RUNS, 0, 100, -2000, WATCH_RUNS, 0, INTERPRETER_DYING},
	{"rests, overdue", 0, WATCH_RESTS, 0, 100, -2000, WATCH_RESTS, 0, INTERPRETER_LEASED},
	{"computes though paused", 1, WATCH_PAUSED, 0, 100, 0, WATCH_PAUSED, 1, INTERPRETER_LEASED},
	{"computed until it was paused", 1, WATCH_PAUSED, 0, 100000, 0, WATCH_PAUSED, 0, INTERPRETER_LEASED},
	{"ran between two pauses", 1, WATCH_PAUSED, 1, 100, 0, WATCH_PAUSED, 0, INTERPRETER_LEASED},
	{"is paused, overdue", 0, WATCH_PAUSED, 0, 100, -2000, WATCH_PAUSED, 0, INTERPRETER_LEASED},
};

static void
test_looks(void **state)
{
	(void) state;
	for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++)
	{
		process_start(looks[i].computes);
		interpreter.watch->state = looks[i].state;
		watch_look(&interpreter, START_MS);
		interpreter.watch->turn += looks[i].turns;
		interpreter.watch->ends_ms =
			looks[i].ends_ms == 0 ? 0 : (uint64_t) (START_MS + looks[i].apart_ms + looks[i].ends_ms);
		if (looks[i].computes)
			process_let_compute();
		watch_look(&interpreter, START_MS + looks[i].apart_ms);
		if (interpreter.watch->state != looks[i].then || interpreter.state != looks[i].lease)
			fail_msg("%s: state %u, lease %d", looks[i].what, interpreter.watch->state, (int) interpreter.state);
		while (looks[i].stopped && !process_is_stopped())
			;
		assert_int_equal(process_is_stopped(), looks[i].stopped);
		process_end();
	}
}

/* What is not stopped is looked at less and less often, at multiples of 4 s in the end; what has been stopped, twice a second. */
static void
test_pauses(void **state)
{
	static const int64_t expected[] = {500, 1000, 2000, 4500, 4000, 4000};
	int64_t now_ms = START_MS;

	(void) state;
	process_start(0);
	watch_look(&interpreter, now_ms);
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
	{
		assert_int_equal(interpreter.look.due_ms - now_ms, expected[i]);
		now_ms = interpreter.look.due_ms;
		watch_look(&interpreter, now_ms);
	}
	interpreter.watch->turn++;
	watch_look(&interpreter, now_ms);
	assert_int_equal(interpreter.look.due_ms - now_ms, 25); /* a turn that has just begun */
	watch_look(&interpreter, now_ms);
	assert_int_equal(interpreter.look.due_ms - now_ms, 250);
	interpreter.look.is_stray = true;
	watch_look(&interpreter, now_ms);
	watch_look(&interpreter, now_ms);
	assert_int_equal(interpreter.look.due_ms - now_ms, 500);
	process_end();
}

static const struct
{
	const char *what;
	int32_t weight;
	WatchState state;
	uint32_t turns; /* that begin between two looks */
	int64_t due_ms; /* from the second look on */
	uint32_t is_left;
} weights[] = {
	{"runs", 2 * WEIGHT_USUAL, WATCH_RUNS, 0, 100, 0},
	{"runs again", 2 * WEIGHT_USUAL, WATCH_RUNS, 1, 100, 0},
	{"rests since a moment ago", 2 * WEIGHT_USUAL, WATCH_RESTS, 1, 100, 0},
	{"rests", 2 * WEIGHT_USUAL, WATCH_RESTS, 0, 500, 1},
	{"is paused", WEIGHT_USUAL / 2, WATCH_PAUSED, 0, 500, 1},
	{"rests at the usual weight", WEIGHT_USUAL, WATCH_RESTS, 0, 500, 0},
};

/* The pool's weight follows an unusual one for as long as it is used. */
static void
test_weights(void **state)
{
	(void) state;
	for (size_t i = 0; i < sizeof(weights) / sizeof(weights[0]); i++)
	{
		process_start(0);
		interpreter.weight = weights[i].weight;
		interpreter.look.state = interpreter.watch->state = weights[i].state;
		interpreter.watch->turn = weights[i].turns;
		watch_look(&interpreter, START_MS);
		if (interpreter.look.due_ms - START_MS != weights[i].due_ms ||
			interpreter.watch->weight_is_left != weights[i].is_left)
			fail_msg("%s: after %lld ms, left %u", weights[i].what, (long long) interpreter.look.due_ms - START_MS,
					 interpreter.watch->weight_is_left);
		process_end();
	}
}

/* Of one that nobody uses, in ten minutes. */
static int
looks_count(int32_t weight)
{
	int count = 0;

	process_start(0);
	interpreter.weight = weight;
	watch_look(&interpreter, START_MS);
	for (; interpreter.look.due_ms < START_MS + 600000; count++)
		watch_look(&interpreter, interpreter.look.due_ms);
	process_end();
	return count;
}

static void
test_weight_costs_nothing_at_rest(void **state)
{
	(void) state;
	assert_int_equal(looks_count(2 * WEIGHT_USUAL), looks_count(WEIGHT_USUAL));
	assert_in_range(looks_count(WEIGHT_USUAL), 150, 155);
}

/* Whoever is about to run at an unusual weight is looked at soon. What is known of its use of CPU time stays. */
static void
test_weigh(void **state)
{
	InterpreterLook look;

	(void) state;
	process_start(0);
	interpreter.look.due_ms = START_MS + 4000;
	look = interpreter.look;
	watch_weigh(&interpreter, WEIGHT_USUAL, START_MS);
	assert_memory_equal(&interpreter.look, &look, sizeof(look));
	watch_weigh(&interpreter, 2 * WEIGHT_USUAL, START_MS);
	assert_int_equal(interpreter.weight, 2 * WEIGHT_USUAL);
	assert_int_equal(interpreter.look.due_ms, START_MS + 100);
	/* That it is asked for again and again puts nothing off. */
	watch_weigh(&interpreter, 3 * WEIGHT_USUAL, START_MS + 99);
	assert_int_equal(interpreter.look.due_ms, START_MS + 100);
	look.due_ms = interpreter.look.due_ms;
	look.pause_ms = 100;
	assert_memory_equal(&interpreter.look, &look, sizeof(look));
	watch_look(&interpreter, look.due_ms); /* still rests, and is looked at again before long */
	assert_int_equal(interpreter.look.due_ms, look.due_ms + 200);
	process_end();
}

/* One that has died, of which the launcher has yet to hear, has no clock any more: that is not CPU time. */
static void
test_dead(void **state)
{
	static const WatchState states[] = {WATCH_RESTS, WATCH_PAUSED};

	(void) state;
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
	{
		process_start(1);
		interpreter.watch->state = states[i];
		process_let_compute();
		watch_look(&interpreter, START_MS);
		process_kill();
		watch_look(&interpreter, START_MS + 100);
		assert_int_equal(interpreter.watch->state, states[i]);
		assert_false(interpreter.look.is_stray);
		process_forget();
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_looks),
									   cmocka_unit_test(test_dead),
									   cmocka_unit_test(test_pauses),
									   cmocka_unit_test(test_weights),
									   cmocka_unit_test(test_weight_costs_nothing_at_rest),
									   cmocka_unit_test(test_weigh)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
