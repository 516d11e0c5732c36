/* queue_fixture.h - what the tests of the queue share: queues of some pools, and steps that check the invariants. */
#ifndef PYBOX_QUEUE_FIXTURE_H
#define PYBOX_QUEUE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "scheduler/queue.h"

#define CALLERS 64
#define MB (INT64_C(1) << 20)
#define MS INT64_C(1000)
#define SECOND INT64_C(1000000)
#define COUNT(array) ((int32_t) (sizeof(array) / sizeof(*(array))))

static inline Queue *
queue_new(QueueSetup setup)
{
	Queue *queue = malloc(queue_size(CALLERS));

	assert_non_null(queue);
	queue_init(queue, CALLERS);
	queue_configure(queue, &setup);
	return queue;
}

/* A queue of these pools alone, with a quantum of 50 ms. */
#define QUEUE_OF(slot_count, rules)                                                                                    \
	queue_new((QueueSetup){.slots = (slot_count), .quantum_us = 50 * MS, .pool_count = COUNT(rules), .pools = (rules)})

static inline void
assert_sane(const Queue *queue)
{
	const char *wrong = queue_check(queue);

	if (wrong != NULL)
		fail_msg("%s", wrong);
}

static inline QueueAnswer
claims(Queue *queue, int32_t who, QueueClaim claim, int64_t now)
{
	QueueAnswer answer = queue_acquire(queue, who, &claim, now);

	assert_sane(queue);
	return answer;
}

/* A claim of one of the pool's usual calls. */
static inline QueueAnswer
enters(Queue *queue, int32_t who, int32_t pool, int64_t now)
{
	return claims(queue, who, (QueueClaim){.pool = pool, .priority = -1}, now);
}

static inline int32_t
grants(Queue *queue, int64_t now)
{
	int32_t who = queue_grant(queue, now);

	assert_sane(queue);
	return who;
}

static inline int32_t
next_after(Queue *queue, int32_t holder, int64_t now)
{
	queue_release(queue, holder, now);
	assert_sane(queue);
	return grants(queue, now);
}

static inline int32_t
asks(Queue *queue, int64_t now, int64_t *due)
{
	int32_t who = queue_ask(queue, now, due);

	assert_sane(queue);
	return who;
}

/* Nobody is asked now; returns when to look again. */
static inline int64_t
asks_nobody(Queue *queue, int64_t now)
{
	int64_t due;

	assert_int_equal(asks(queue, now, &due), QUEUE_NOBODY);
	return due;
}

/* Exactly this one is asked. */
static inline void
asks_only(Queue *queue, int32_t who, int64_t now)
{
	int64_t due;

	assert_int_equal(asks(queue, now, &due), who);
	assert_true(queue_is_asked(queue, who));
	(void) asks_nobody(queue, now);
}

static inline int32_t
next_after_yield(Queue *queue, int32_t holder, int64_t now)
{
	queue_yield(queue, holder, now);
	assert_sane(queue);
	return grants(queue, now);
}

#endif
