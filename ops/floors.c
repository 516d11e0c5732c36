/*
 * floors.c - what one round trip between two processes costs on this machine, without pybox: the floor under every call.
 *
 * Prints "name nanoseconds" for each way. A parent and a child, each bound to a core of its own where there are two.
 */
#include <linux/futex.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef struct Ball
{
	_Alignas(64) _Atomic uint32_t there; /* by the parent: number of the round */
	_Alignas(64) _Atomic uint32_t back;	 /* by the child */
} Ball;

typedef struct Way
{
	const char *name;
	int rounds;
	int apart; /* 1: the two ends on two cores */
	void (*serve)(int rounds);
	void (*play)(int rounds);
} Way;

static Ball *ball;
static int sockets[2];

static void
core_bind(int core)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(core % (int) sysconf(_SC_NPROCESSORS_ONLN), &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void
spin_serve(int rounds)
{
	for (uint32_t i = 1; i <= (uint32_t) rounds; i++)
	{
		while (atomic_load(&ball->there) != i)
			continue;
		atomic_store(&ball->back, i);
	}
}

static void
spin_play(int rounds)
{
	for (uint32_t i = 1; i <= (uint32_t) rounds; i++)
	{
		atomic_store(&ball->there, i);
		while (atomic_load(&ball->back) != i)
			continue;
	}
}

static void
futex_await(_Atomic uint32_t *word, uint32_t value)
{
	uint32_t seen;

	while ((seen = atomic_load(word)) != value)
		syscall(SYS_futex, word, FUTEX_WAIT, seen, NULL, NULL, 0);
}

static void
futex_set(_Atomic uint32_t *word, uint32_t value)
{
	atomic_store(word, value);
	syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void
futex_serve(int rounds)
{
	for (uint32_t i = 1; i <= (uint32_t) rounds; i++)
	{
		futex_await(&ball->there, i);
		futex_set(&ball->back, i);
	}
}

static void
futex_play(int rounds)
{
	for (uint32_t i = 1; i <= (uint32_t) rounds; i++)
	{
		futex_set(&ball->there, i);
		futex_await(&ball->back, i);
	}
}

static void
socket_serve(int rounds)
{
	char byte;

	for (int i = 0; i < rounds; i++)
		if (read(sockets[1], &byte, 1) != 1 || write(sockets[1], &byte, 1) != 1)
			_exit(1);
}

static void
socket_play(int rounds)
{
	char byte = 0;

	for (int i = 0; i < rounds; i++)
		if (write(sockets[0], &byte, 1) != 1 || read(sockets[0], &byte, 1) != 1)
			exit(1);
}

static const Way ways[] = {
	{"spin", 1000000, 1, spin_serve, spin_play},
	{"futex_two_cores", 10000, 1, futex_serve, futex_play},
	{"futex_one_core", 50000, 0, futex_serve, futex_play},
	{"socketpair_two_cores", 10000, 1, socket_serve, socket_play},
	{"socketpair_one_core", 50000, 0, socket_serve, socket_play},
};

static int64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void
way_measure(const Way *way)
{
	int64_t start;
	pid_t child;

	atomic_store(&ball->there, 0);
	atomic_store(&ball->back, 0);
	child = fork();
	if (child == 0)
	{
		core_bind(way->apart);
		way->serve(way->rounds);
		_exit(0);
	}
	core_bind(0);
	start = now_ns();
	way->play(way->rounds);
	printf("%s %.1f\n", way->name, (double) (now_ns() - start) / way->rounds);
	waitpid(child, NULL, 0);
}

int
main(void)
{
	ball = mmap(NULL, sizeof(*ball), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (ball == MAP_FAILED || socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) != 0)
		return 1;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (!ways[i].apart || sysconf(_SC_NPROCESSORS_ONLN) > 1)
			way_measure(&ways[i]);
	return 0;
}
