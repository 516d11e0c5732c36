/*
 * queue_cost.c - for `make bench ONLY=D1`: what the queue itself costs. Nanoseconds of this thread's CPU time for a call that
 * takes a slot and gives it back while nobody waits, and for a call that waits, is granted by who gives back, and gives back
 * in turn, while so many others wait. The lock is a pthread mutex, taken as in the server: once to begin to wait and once to
 * grant. Nobody is woken. "pair" is that alone; "ask" looks each time who should give way, as the server does; "asked" does so
 * while one holder has been asked long since and does not go. Prints one figure a line: name, round, nanoseconds.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "scheduler/history.h"
#include "scheduler/queue.h"

#define SLOTS 2
#define FUNCTIONS 64
#define CALLERS 128
#define ROUNDS 15
#define PAIRS 200000

typedef struct Bench
{
	Queue *queue;
	pthread_mutex_t lock;
	int64_t now;			  /* us, one more with each look: the clock itself is not what is measured */
	int32_t granted[CALLERS]; /* a ring: the first that was granted is the first to give back */
	uint32_t grants, ends;
	uint32_t random;
	bool asks;
	QueueClaim functions[FUNCTIONS]; /* what is known of each, of one in 16 nothing */
} Bench;

typedef struct Series
{
	const char *name;
	bool asks;
	uint32_t stays; /* holders that never give back */
} Series;

static const QueueRule pools[] = {
	{.priority = 50, .weight = 100, .slots = SLOTS, .length = CALLERS, .ageing_us = 10000000},
	{.priority = 50, .weight = 300, .slots = SLOTS, .length = CALLERS, .ageing_us = 10000000},
	{.priority = 70, .weight = 100, .slots = SLOTS, .length = CALLERS, .ageing_us = 10000000},
};

/* Their calls take from 0.1 ms to 4 s, each function's up to twice as long as its shortest one. */
static void
bench_learn(Bench *bench)
{
	for (int i = 0; i < FUNCTIONS; i++)
	{
		History history = {0};
		HistoryCalls calls = {0};

		for (int call = 0; call < 8 && i % 16 != 0; call++)
			history_calls_add(&calls, (INT64_C(64) << i / 4) * (8 + i % 4 + call) / 8, 0);
		history_learn(&history, &calls);
		bench->functions[i].predicted = history_guess(&history).run_us;
		history_rank(&history, &bench->functions[i].ranks);
	}
}

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
	bench_learn(bench);
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
bench_granted(Bench *bench, int32_t who)
{
	bench->granted[bench->grants++ % CALLERS] = who;
}

/* What the server does whenever something has changed. */
static void
bench_settle(Bench *bench)
{
	int32_t who;
	int64_t due;

	while ((who = queue_grant(bench->queue, ++bench->now)) != QUEUE_NOBODY)
		bench_granted(bench, who);
	while (bench->asks && queue_ask(bench->queue, bench->now, &due) != QUEUE_NOBODY)
		continue;
}

/* A call of a function that has a history, or has not, in a pool. */
static void
bench_enqueue(Bench *bench, int32_t who)
{
	uint32_t kind = bench_random(bench);
	QueueClaim claim = bench->functions[kind / 32 % FUNCTIONS];

	claim.pool = kind % 16 == 0 ? 2 : (int32_t) (kind % 2);
	claim.priority = -1;
	pthread_mutex_lock(&bench->lock);
	if (queue_acquire(bench->queue, who, &claim, ++bench->now) == QUEUE_GRANTED)
		bench_granted(bench, who);
	bench_settle(bench);
	pthread_mutex_unlock(&bench->lock);
}

/* A holder gives back, which grants the next, and begins to wait again: one pair. */
static void
bench_pair(Bench *bench)
{
	int32_t who = bench->granted[bench->ends++ % CALLERS];

	if (queue_give_back(bench->queue, who, ++bench->now))
	{
		pthread_mutex_lock(&bench->lock);
		bench_settle(bench);
		pthread_mutex_unlock(&bench->lock);
	}
	bench_enqueue(bench, who);
}

static void
measure_pairs(const Series *series, int waiting)
{
	Bench bench = {.asks = series->asks};

	bench_start(&bench);
	for (int32_t who = 0; who < waiting + SLOTS; who++)
		bench_enqueue(&bench, who);
	bench.ends = series->stays;
	for (int round = 0; round < ROUNDS; round++)
	{
		double began = cpu_ns();

		for (int i = 0; i < PAIRS; i++)
			bench_pair(&bench);
		printf("%s%d %d %.1f\n", series->name, waiting, round, (cpu_ns() - began) / PAIRS);
	}
	if (queue_check(bench.queue) != NULL)
		abort();
	free(bench.queue);
}

static void
measure_fast(void)
{
	Bench bench = {0};
	QueueClaim claim;

	bench_start(&bench);
	claim = bench.functions[1];
	claim.pool = 1;
	claim.priority = -1;
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
	static const Series series[] = {{"pair", false, 0}, {"ask", true, 0}, {"asked", true, 1}};

	measure_fast();
	for (size_t i = 0; i < sizeof(waiting) / sizeof(*waiting); i++)
		for (size_t j = 0; j < sizeof(series) / sizeof(*series); j++)
			measure_pairs(&series[j], waiting[i]);
	return 0;
}
