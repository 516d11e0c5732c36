/*
 * queue_cost.c - for `make bench ONLY=D1`: what the queue itself costs. Nanoseconds of this thread's CPU time for a call that
 * takes a slot and gives it back while nobody waits, and for a call that waits, is granted by who gives back, and gives back
 * in turn, while so many others wait. The lock is a pthread mutex, taken as in the server: once to begin to wait and once to
 * grant. Nobody is woken. Prints one figure a line: name, round, nanoseconds.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "scheduler/queue.h"

#define SLOTS 2
#define CALLERS 128
#define ROUNDS 15
#define PAIRS 200000

typedef struct Bench
{
	Queue *queue;
	pthread_mutex_t lock;
	int64_t now; /* us, one more with each look: the clock itself is not what is measured */
	int32_t granted[CALLERS];
	int granted_count;
	uint32_t random;
	bool asks;
} Bench;

static const QueueRule pools[] = {
	{.priority = 50, .weight = 100, .slots = SLOTS, .length = CALLERS, .ageing_us = 10000000},
	{.priority = 50, .weight = 300, .slots = SLOTS, .length = CALLERS, .ageing_us = 10000000},
	{.priority = 70, .weight = 100, .slots = SLOTS, .length = CALLERS, .ageing_us = 10000000},
};

static void
bench_start(Bench *bench)
{
	bench->queue = malloc(queue_size(CALLERS));
	if (bench->queue == NULL)
		abort();
	pthread_mutex_init(&bench->lock, NULL);
	queue_init(bench->queue, CALLERS);
	queue_configure(bench->queue, &(QueueSetup){.slots = SLOTS, .quantum_us = 50000, .pool_count = 3, .pools = pools});
	bench->now = 1;
	bench->random = 1;
}

static double
cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double) now.tv_sec * 1e9 + (double) now.tv_nsec;
}

static uint32_t
bench_random(Bench *bench)
{
	bench->random = bench->random * 1664525 + 1013904223;
	return bench->random >> 8;
}

static void
bench_grant(Bench *bench)
{
	int32_t who;

	while ((who = queue_grant(bench->queue, ++bench->now)) != QUEUE_NOBODY)
		bench->granted[bench->granted_count++] = who;
}

/* A call of a function that has a history, or has not, in a pool. */
static void
bench_enqueue(Bench *bench, int32_t who)
{
	uint32_t kind = bench_random(bench);
	QueueClaim claim = {
		.pool = kind % 16 == 0 ? 2 : (int32_t) (kind % 2), .priority = -1, .predicted = kind / 32 % 4096};
	int64_t due;

	pthread_mutex_lock(&bench->lock);
	if (queue_acquire(bench->queue, who, &claim, ++bench->now) == QUEUE_GRANTED)
		bench->granted[bench->granted_count++] = who;
	bench_grant(bench);
	while (bench->asks && queue_ask(bench->queue, bench->now, &due) != QUEUE_NOBODY)
		continue;
	pthread_mutex_unlock(&bench->lock);
}

/* A holder gives back, which grants the next, and begins to wait again: one pair. */
static void
bench_pair(Bench *bench)
{
	int32_t who = bench->granted[--bench->granted_count];

	if (queue_give_back(bench->queue, who, ++bench->now))
	{
		pthread_mutex_lock(&bench->lock);
		bench_grant(bench);
		pthread_mutex_unlock(&bench->lock);
	}
	bench_enqueue(bench, who);
}

static void
measure_pairs(int waiting, bool asks)
{
	Bench bench = {.asks = asks};

	bench_start(&bench);
	for (int32_t who = 0; who < waiting + SLOTS; who++)
		bench_enqueue(&bench, who);
	for (int round = 0; round < ROUNDS; round++)
	{
		double began = cpu_ns();

		for (int i = 0; i < PAIRS; i++)
			bench_pair(&bench);
		printf("%s%d %d %.1f\n", asks ? "ask" : "pair", waiting, round, (cpu_ns() - began) / PAIRS);
	}
	if (queue_check(bench.queue) != NULL)
		abort();
	free(bench.queue);
}

static void
measure_fast(void)
{
	Bench bench = {0};
	QueueClaim claim = {.pool = 1, .priority = -1};

	bench_start(&bench);
	claim.version = 1;
	for (int round = 0; round < ROUNDS; round++)
	{
		double began = cpu_ns();

		for (int i = 0; i < PAIRS; i++)
			if (!queue_try(bench.queue, i % CALLERS, &claim, ++bench.now) ||
				queue_give_back(bench.queue, i % CALLERS, ++bench.now))
				abort();
		printf("fast %d %.1f\n", round, (cpu_ns() - began) / PAIRS);
	}
	free(bench.queue);
}

int
main(void)
{
	static const int waiting[] = {1, 8, 64};

	measure_fast();
	for (size_t i = 0; i < sizeof(waiting) / sizeof(*waiting); i++)
	{
		measure_pairs(waiting[i], false);
		measure_pairs(waiting[i], true);
	}
	return 0;
}
