/*
 * queue_fast_test.c - the path without the lock, by threads at the same time as everything that is done under it: no slot is
 * lost or given twice, no budget exceeded, no wake-up lost. Under the thread sanitizer too, see `make sanitize`.
 */
#include "tests/unit/queue_fixture.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <time.h>

#define THREADS 8
#define ROUNDS 20000
#define STUCK_SECONDS 30 /* a wake-up that has not come by then is lost */
#define POLICIES 20000
#define SLOTS 3
#define PAGES 6 /* budget */

/* Pools by name; their numbers change places with each new policy: an even version counts them the other way round. */
enum
{
	NARROW,
	WIDE,
	NAMES
};
static const int32_t name_slots[NAMES] = {1, 2};

typedef struct Bench Bench;

typedef struct Backend
{
	Bench *bench;
	int32_t who;
	uint32_t random;
	sem_t latch;
	int fast, slow, yielded, refused;
} Backend;

struct Bench
{
	Queue *queue;
	pthread_mutex_t lock;
	Backend backends[THREADS];
	_Atomic int32_t inside, inside_of[NAMES], inside_cap; /* by the test's own count */
	_Atomic int32_t pages;
	_Atomic int32_t running, taken;
	_Atomic(const char *) wrong;
	_Atomic int64_t now;
};

static uint32_t
chance(Backend *backend, uint32_t one_of)
{
	backend->random = backend->random * 1664525 + 1013904223;
	return (backend->random >> 8) % one_of;
}

static int32_t
number_of(int32_t name, uint64_t version)
{
	return version % 2 == 0 ? NAMES - 1 - name : name;
}

/* The same for all of a caller's claims: who is moved to other caps may be one too many there. */
static uint64_t
caps_of(int32_t who)
{
	return (uint64_t) who % 2;
}

static void
wrong(Bench *bench, const char *what)
{
	bench->wrong = what;
}

static void
policy_install(Bench *bench, uint64_t version)
{
	static const int32_t swapped[NAMES] = {1, 0};
	QueueRule rules[NAMES];
	const QueueCapRule caps[] = {{.slots = 2}};

	for (int32_t name = 0; name < NAMES; name++)
		rules[number_of(name, version)] = (QueueRule){
			.priority = 50, .weight = 1 + name, .slots = name_slots[name], .length = THREADS, .ageing_us = 1000};
	queue_configure(bench->queue, &(QueueSetup){.slots = SLOTS,
												.memory = PAGES * QUEUE_PAGE,
												.quantum_us = 100,
												.pool_count = NAMES,
												.pools = rules,
												.cap_count = 1,
												.caps = caps,
												.pool_moves = version == 1 ? NULL : swapped,
												.version = version});
}

static void
bench_start(Bench *bench)
{
	bench->queue = malloc(queue_size(THREADS));
	assert_non_null(bench->queue);
	queue_init(bench->queue, THREADS);
	pthread_mutex_init(&bench->lock, NULL);
	bench->now = 1;
	policy_install(bench, 1);
}

/* Under the lock. */
static void
grant_all(Backend *backend)
{
	Bench *bench = backend->bench;
	int32_t who;

	while ((who = queue_grant(bench->queue, ++bench->now)) != QUEUE_NOBODY)
		sem_post(&bench->backends[who].latch);
}

static void
slot_await(Backend *backend)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += STUCK_SECONDS;
	while (queue_state(backend->bench->queue, backend->who) != QUEUE_HOLDING)
		if (sem_clockwait(&backend->latch, CLOCK_MONOTONIC, &until) != 0)
		{
			wrong(backend->bench, "a wake-up was lost");
			return;
		}
}

/* Counts as inside only while it surely holds, so that too many inside are too many that hold. */
static void
slot_enter(Backend *backend, int32_t name, uint64_t caps)
{
	Bench *bench = backend->bench;

	if (++bench->inside > SLOTS || ++bench->inside_of[name] > name_slots[name])
		wrong(bench, "a slot was given twice");
	if (caps != 0 && ++bench->inside_cap > 2)
		wrong(bench, "a cap was exceeded");
	if (chance(backend, 4) == 0)
		sched_yield();
}

static void
slot_leave(Bench *bench, int32_t name, uint64_t caps)
{
	if (caps != 0)
		bench->inside_cap--;
	bench->inside_of[name]--;
	bench->inside--;
}

/* False: refused. */
static bool
slot_take(Backend *backend, int32_t name, QueueClaim *claim)
{
	Bench *bench = backend->bench;
	QueueAnswer answer;

	claim->version = bench->queue->version;
	claim->pool = number_of(name, claim->version);
	if (queue_try(bench->queue, backend->who, claim, ++bench->now))
	{
		backend->fast++;
		return true;
	}
	pthread_mutex_lock(&bench->lock);
	claim->pool = number_of(name, bench->queue->version);
	answer = queue_acquire(bench->queue, backend->who, claim, ++bench->now);
	grant_all(backend);
	pthread_mutex_unlock(&bench->lock);
	backend->slow++;
	backend->refused += answer == QUEUE_NESTED;
	if (answer == QUEUE_QUEUED)
		slot_await(backend);
	return answer == QUEUE_GRANTED || answer == QUEUE_QUEUED;
}

static void
slot_yield(Backend *backend)
{
	Bench *bench = backend->bench;

	pthread_mutex_lock(&bench->lock);
	queue_yield(bench->queue, backend->who, ++bench->now);
	grant_all(backend);
	pthread_mutex_unlock(&bench->lock);
	slot_await(backend);
	backend->yielded++;
}

/* What others do to the queue meanwhile: new policies, priorities, questions. */
static void
disturb(Backend *backend)
{
	Bench *bench = backend->bench;
	int32_t who = (int32_t) chance(backend, THREADS);
	int64_t due;

	pthread_mutex_lock(&bench->lock);
	switch (chance(backend, 4))
	{
		case 0:
			policy_install(bench, bench->queue->version + 1);
			break;
		case 1:
			queue_move(bench->queue, who,
					   &(QueueClaim){.pool = queue_pool(bench->queue, who),
									 .priority = (int32_t) chance(backend, 101),
									 .caps = caps_of(who)});
			break;
		case 2:
			queue_lend(bench->queue, who, (int32_t) chance(backend, 101));
			break;
		default:
			while (queue_ask(bench->queue, ++bench->now, &due) != QUEUE_NOBODY)
				continue;
	}
	grant_all(backend);
	pthread_mutex_unlock(&bench->lock);
}

static void
call_make(Backend *backend)
{
	Bench *bench = backend->bench;
	int32_t name = (int32_t) chance(backend, NAMES), pages = (int32_t) chance(backend, 4);
	QueueClaim claim = {
		.priority = -1, .caps = caps_of(backend->who), .memory = pages * QUEUE_PAGE, .nested = chance(backend, 8) == 0};
	bool locks;

	if (!slot_take(backend, name, &claim))
		return;
	if ((bench->pages += pages) > PAGES)
		wrong(bench, "a budget was exceeded");
	slot_enter(backend, name, claim.caps);
	slot_leave(bench, name, claim.caps);
	if (queue_is_asked(bench->queue, backend->who))
	{
		slot_yield(backend);
		slot_enter(backend, name, claim.caps);
		slot_leave(bench, name, claim.caps);
	}
	bench->pages -= pages;
	locks = queue_give_back(bench->queue, backend->who, ++bench->now);
	if (queue_unreserve(bench->queue, backend->who, claim.memory))
		locks = true;
	if (!locks)
		return;
	pthread_mutex_lock(&bench->lock);
	grant_all(backend);
	pthread_mutex_unlock(&bench->lock);
}

static void *
backend_main(void *arg)
{
	Backend *backend = arg;
	Bench *bench = backend->bench;

	bench->running++;
	while (bench->running < THREADS && bench->wrong == NULL)
		sched_yield();
	for (int round = 0; round < ROUNDS && bench->wrong == NULL; round++)
	{
		if (chance(backend, 16) == 0)
			disturb(backend);
		call_make(backend);
		if (chance(backend, 8) == 0)
			sched_yield();
	}
	return NULL;
}

static void
test_threads(void **state)
{
	static Bench bench;
	pthread_t threads[THREADS];
	int fast = 0, slow = 0, yielded = 0, refused = 0;

	(void) state;
	bench_start(&bench);
	for (int32_t i = 0; i < THREADS; i++)
	{
		bench.backends[i] = (Backend){.bench = &bench, .who = i, .random = (uint32_t) i + 1};
		sem_init(&bench.backends[i].latch, 0, 0);
		assert_int_equal(pthread_create(&threads[i], NULL, backend_main, &bench.backends[i]), 0);
	}
	for (int32_t i = 0; i < THREADS; i++)
	{
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		fast += bench.backends[i].fast;
		slow += bench.backends[i].slow;
		yielded += bench.backends[i].yielded;
		refused += bench.backends[i].refused;
	}
	if (bench.wrong != NULL)
		fail_msg("%s", bench.wrong);
	assert_sane(bench.queue);
	assert_int_equal(bench.queue->holding + bench.queue->waiting, 0);
	assert_int_equal(bench.queue->reserved, 0);
	/* Both paths and their meeting were walked. */
	assert_in_range(fast, 100, THREADS * ROUNDS);
	assert_in_range(slow, 100, THREADS * ROUNDS);
	assert_in_range(yielded, 1, THREADS * ROUNDS);
	assert_in_range(refused, 1, THREADS * ROUNDS);
	free(bench.queue);
}

/* One who takes the narrow pool's slot again and again without the lock, whatever number the pool has. */
static void *
taker_main(void *arg)
{
	Backend *backend = arg;
	Bench *bench = backend->bench;

	while (bench->running > 0 && bench->wrong == NULL)
	{
		uint64_t version = bench->queue->version;
		const QueueClaim claim = {.pool = number_of(NARROW, version), .priority = -1, .version = version};

		if (!queue_try(bench->queue, backend->who, &claim, 1))
			continue;
		bench->taken++;
		if (++bench->inside_of[NARROW] > name_slots[NARROW])
			wrong(bench, "a pool's slot was given twice");
		for (uint32_t i = chance(backend, 64); i > 0; i--)
			__asm__ volatile("" ::: "memory");
		bench->inside_of[NARROW]--;
		(void) queue_give_back(bench->queue, backend->who, 1);
	}
	return NULL;
}

/* Policies that renumber the pools in the very moment in which somebody takes a slot. */
static void
test_policies_meet_takers(void **state)
{
	static Bench bench;
	pthread_t threads[3];

	(void) state;
	bench_start(&bench);
	bench.running = 1;
	for (int32_t i = 0; i < COUNT(threads); i++)
	{
		bench.backends[i] = (Backend){.bench = &bench, .who = i, .random = (uint32_t) i + 1};
		assert_int_equal(pthread_create(&threads[i], NULL, taker_main, &bench.backends[i]), 0);
	}
	for (uint64_t version = 2; bench.wrong == NULL && (version < POLICIES || bench.taken < POLICIES); version++)
		policy_install(&bench, version);
	bench.running = 0;
	for (int32_t i = 0; i < COUNT(threads); i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	if (bench.wrong != NULL)
		fail_msg("%s", bench.wrong);
	assert_sane(bench.queue);
	assert_int_equal(bench.queue->holding, 0);
	free(bench.queue);
}

/* One thread alone: when the path without the lock is open, and when it is shut. */
static void
test_when_the_lock_is_needed(void **state)
{
	const QueueRule rules[] = {{.priority = 50, .weight = 1, .slots = 1, .length = 9},
							   {.priority = 50, .weight = 1, .slots = 2, .length = 9}};
	const QueueCapRule caps[] = {{.slots = 1}};
	Queue *queue = queue_new((QueueSetup){
		.slots = 2, .memory = 10 * MB, .pool_count = 2, .pools = rules, .cap_count = 1, .caps = caps, .version = 5});
	const QueueClaim none = {.priority = -1}, capped = {.pool = 1, .priority = -1, .caps = 1},
					 large = {.pool = 1, .priority = -1, .memory = 9 * MB}, now = {.priority = -1, .version = 5},
					 old = {.priority = -1, .version = 4};

	(void) state;
	assert_false(queue_try(queue, 0, &old, 1));
	assert_true(queue_try(queue, 0, &now, 1));
	assert_false(queue_try(queue, 0, &now, 1));	 /* holds one already */
	assert_false(queue_try(queue, 1, &none, 1)); /* the pool is full */
	assert_sane(queue);
	assert_true(queue_try(queue, 1, &capped, 1));
	assert_false(queue_try(queue, 2, &large, 1)); /* the node is full */
	assert_sane(queue);
	assert_false(queue_give_back(queue, 0, 2));
	assert_false(queue_try(queue, 2, &capped, 2));
	assert_true(queue_try(queue, 2, &large, 2));
	assert_int_equal(queue_reserved(queue, 2), 9 * MB);
	assert_false(queue_give_back(queue, 1, 3));
	assert_false(queue_try(queue, 1, &large, 3)); /* no memory */
	assert_sane(queue);
	assert_int_equal(enters(queue, 1, 0, 3), QUEUE_GRANTED);
	assert_int_equal(enters(queue, 3, 1, 3), QUEUE_QUEUED);
	assert_true(queue_unreserve(queue, 2, MB)); /* now that somebody waits */
	assert_true(queue_give_back(queue, 2, 4));
	assert_false(queue_try(queue, 2, &none, 4)); /* a slot is free, but not for who comes now */
	assert_int_equal(grants(queue, 4), 3);
	assert_false(queue_give_back(queue, 3, 5));
	assert_true(queue_try(queue, 3, &capped, 5));
	free(queue);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_when_the_lock_is_needed),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_policies_meet_takers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
