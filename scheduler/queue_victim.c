/*
 * queue_victim.c - who has to give way: holders whose slot a better waiter should have. Under the lock.
 *
 * DESIGN. queue_ask() goes through the waiters in the order in which they would be granted, and hopes: that this one gets what is
 * free, that one the slot of a holder who is asked already, and so on, each holder for the good of one waiter. The first
 * for whom another holder would have to go, and may, is why that one is asked. Whoever is asked and helps nobody any more is let be.
 *
 * It ends as soon as each holder that matters helps somebody: one who is asked, whose quantum is over, whose priority is lower
 * than some waiter's, or who is much less urgent than one. Mostly there is none to begin with.
 *
 * Holders are known by a list: a grant adds to it, a look takes those out that are through. Who took a slot without the lock is in
 * no list; then more are counted than listed, and the look goes through all callers.
 */
#include "scheduler/queue_seat.h"

#define URGENT_LEAST_US 1000 /* that a holder keeps its slot in any case: a pause costs about a fifth of it */

typedef struct Ask
{
	Queue *queue;
	Look look;
	int32_t unspoken; /* holders that matter, and help nobody yet */
	Hope *hope;
	int64_t due;
} Ask;

static void
ask_due(Ask *ask, int64_t at)
{
	if (at != INT64_MAX && (ask->due == 0 || at < ask->due))
		ask->due = at;
}

static void
ask_hope(Ask *ask, Charge charge, int32_t change)
{
	ask->hope->node += change;
	ask->hope->pools[charge.pool] += change;
	EACH_BIT(cap, charge.caps)
	ask->hope->caps[cap] += change;
}

static void
ask_hope_memory(Ask *ask, Charge charge, int64_t bytes)
{
	ask->hope->node_bytes += bytes;
	ask->hope->pool_bytes[charge.pool] += bytes;
	EACH_BIT(cap, charge.caps)
	ask->hope->cap_bytes[cap] += bytes;
}

static uint64_t
ask_pass(const Ask *ask, int32_t priority, int32_t pool)
{
	return RELAXED(ask->queue->tiers[priority].pass[pool]) + ask->hope->pass[pool];
}

/* What a waiter lacks by what is hoped for. */
typedef struct Lack
{
	bool node, pool;
	uint32_t caps;
} Lack;

static bool
lack_of(const Ask *ask, Charge charge, Lack *lack)
{
	const Queue *queue = ask->queue;
	const QueuePool *pool = &queue->pools[charge.pool];

	*lack = (Lack){
		.node = atomic_load(&queue->holding) + ask->hope->node >= RELAXED(queue->slots),
		.pool = atomic_load(&pool->holding) + ask->hope->pools[charge.pool] >= RELAXED(pool->slots),
	};
	EACH_BIT(cap, charge.caps)
	if (atomic_load(&queue->caps[cap].holding) + ask->hope->caps[cap] >= RELAXED(queue->caps[cap].slots))
		lack->caps |= UINT32_C(1) << cap;
	return lack->node || lack->pool || lack->caps != 0;
}

/* Whether a holder's end would mend all of it. */
static bool
lack_is_mended(const Lack *lack, Charge waiter, Charge holder)
{
	return (!lack->pool || waiter.pool == holder.pool) && (lack->caps & ~holder.caps) == 0;
}

typedef struct Holder
{
	int32_t who;
	uint64_t seat;
	int64_t since, held;
	int64_t quantum, over; /* what was left of its turn's quantum with the slot; when that is over */
} Holder;

static Holder
holder_at(const Ask *ask, int32_t at)
{
	int32_t who = ask->queue->callers[at].holder;
	const QueueCaller *caller = &ask->queue->callers[who];
	int64_t since = RELAXED(caller->since);

	int64_t quantum = quantum_left(ask->queue, caller);

	return (Holder){
		.who = who,
		.seat = RELAXED(caller->seat),
		.since = since,
		.held = time_between(since, ask->look.now),
		.quantum = quantum,
		.over = time_after(since, quantum),
	};
}

/* Slot time that costs the pool so much; less than INT64_MAX. */
static int64_t
time_of_pass(const QueuePool *pool, uint64_t pass)
{
	const uint64_t most = INT64_MAX - 1, weight = (uint64_t) RELAXED(pool->weight);
	uint64_t whole = pass / QUEUE_STRIDE, us;

	if (__builtin_mul_overflow(whole, weight, &us) || us > most / 2)
		return (int64_t) most;
	return (int64_t) (us + pass % QUEUE_STRIDE * weight / QUEUE_STRIDE);
}

static int64_t
sooner_of(int64_t one, int64_t other)
{
	return one < other ? one : other;
}

/*
 * When a waiter that is known to be more than twice as urgent as the holder, of the same pool, goes before it, its quantum over or
 * not. Nobody comes to that by waiting: so it costs at most one pause for each call.
 */
static int64_t
urgent_at(const QueueCaller *waiter, const QueueCaller *other, const Holder *holder, int64_t until)
{
	int64_t held = holder->held > URGENT_LEAST_US ? holder->held : URGENT_LEAST_US;

	if ((holder->seat & SEAT_AGED) != 0 || !waiter->known)
		return INT64_MAX;
	return time_after(holder->since,
					  caller_rank_above(other, time_after(waiter->rank, waiter->rank), held, until - holder->since));
}

/* When a waiter of the same priority goes before the holder, if not before the holder's quantum is over; INT64_MAX: never. */
static int64_t
order_turns_at(const Ask *ask, int32_t who, const Holder *holder)
{
	const Queue *queue = ask->queue;
	const QueueCaller *waiter = &queue->callers[who], *other = &queue->callers[holder->who];
	int32_t pool = seat_pool(RELAXED(waiter->seat)), priority = seat_priority(holder->seat);
	int64_t held = holder->held > holder->quantum ? holder->held : holder->quantum;
	int64_t at;
	uint64_t ahead;

	if (pool == seat_pool(holder->seat))
	{
		if (account_pages(atomic_load(&other->account)) > 0 && memory_is_scarce(queue, who))
			return INT64_MAX; /* it would have its slot back */
		at = holder->over;
		if (!waiter->resumes && waiter->rank >= caller_rank(other, held))
			at = time_after(holder->since, caller_rank_above(other, waiter->rank, held, INT64_MAX));
		return sooner_of(urgent_at(waiter, other, holder, at), at);
	}
	ahead = ask_pass(ask, priority, pool) - ask_pass(ask, priority, seat_pool(holder->seat));
	if ((int64_t) ahead < 0)
		return holder->over;
	at = time_after(ask->look.now, time_of_pass(&queue->pools[seat_pool(holder->seat)], ahead) + 1);
	return at > holder->over ? at : holder->over;
}

/* When this holder may be asked for the good of that waiter; INT64_MAX: never. */
static int64_t
may_ask_at(const Ask *ask, int32_t who, bool aged, const Holder *holder)
{
	const Queue *queue = ask->queue;
	int32_t priority = seat_priority(RELAXED(queue->callers[who].seat));
	bool quantum = queue->quantum_us > 0;

	if (queue->pools[seat_pool(holder->seat)].contention == QUEUE_YIELD)
		return INT64_MAX;
	if (priority > seat_priority(holder->seat))
		return quantum && (holder->seat & SEAT_AGED) != 0 ? holder->over : ask->look.now;
	if (!quantum)
		return INT64_MAX;
	if (aged)
		return holder->over;
	return priority == seat_priority(holder->seat) ? order_turns_at(ask, who, holder) : INT64_MAX;
}

/* Of two that may go: the lower priority, then the pool that is farther ahead, then the one with more left, then the lower number. */
static bool
holder_goes_before(const Ask *ask, const Holder *one, const Holder *other)
{
	const Queue *queue = ask->queue;
	int32_t priority = seat_priority(one->seat);
	uint64_t one_pass, other_pass;
	int64_t one_rank, other_rank;

	if (priority != seat_priority(other->seat))
		return priority < seat_priority(other->seat);
	one_pass = ask_pass(ask, priority, seat_pool(one->seat));
	other_pass = ask_pass(ask, priority, seat_pool(other->seat));
	if (one_pass != other_pass)
		return pass_is_before(other_pass, one_pass);
	one_rank = caller_rank(&queue->callers[one->who], one->held);
	other_rank = caller_rank(&queue->callers[other->who], other->held);
	return one_rank != other_rank ? one_rank > other_rank : one->who < other->who;
}

/* This one's end is for the good of who, and of nobody else. */
static void
helper_set(Ask *ask, int32_t holder, int32_t who)
{
	ask->queue->callers[holder].looked = ask->look.number;
	ask->queue->callers[holder].helps = who;
}

/* A holder who can help who; one that is asked already before one that is not. */
static bool
holder_find(Ask *ask, int32_t who, bool aged, const Lack *lack, Holder *best)
{
	Charge charge = seat_charge(RELAXED(ask->queue->callers[who].seat));
	bool found = false;

	for (int32_t i = 0; i < ask->queue->holders; i++)
	{
		Holder holder = holder_at(ask, i);
		bool asked = (holder.seat & SEAT_ASKED) != 0, best_asked = (best->seat & SEAT_ASKED) != 0;
		int64_t at;

		if (ask->queue->callers[holder.who].looked == ask->look.number ||
			!lack_is_mended(lack, charge, seat_charge(holder.seat)))
			continue;
		at = may_ask_at(ask, who, aged, &holder);
		if (at > ask->look.now || at == INT64_MAX)
			ask_due(ask, at);
		else if (!found || (asked != best_asked ? asked : holder_goes_before(ask, &holder, best)))
		{
			*best = holder;
			found = true;
		}
	}
	return found;
}

/* Lets those that were to help who help others. */
static void
helpers_free(Ask *ask, int32_t who)
{
	for (int32_t i = 0; i < ask->queue->holders; i++)
	{
		Holder holder = holder_at(ask, i);
		QueueCaller *caller = &ask->queue->callers[holder.who];

		if (caller->looked != ask->look.number || caller->helps != who)
			continue;
		caller->looked = 0;
		ask->unspoken++;
		ask_hope(ask, seat_charge(holder.seat), 1);
	}
}

/*
 * Finds the holder whose end lets who go, or several where fewer slots are allowed than are held. False: there is none. *fresh: the
 * first of them who is not asked yet, or nobody. Each mends all that who lacks, so that what one frees does not go back to it
 * while the others take their time.
 */
static bool
waiter_help(Ask *ask, int32_t who, bool aged, int32_t *fresh)
{
	Charge charge = seat_charge(RELAXED(ask->queue->callers[who].seat));
	Lack first, lack;

	*fresh = QUEUE_NOBODY;
	for (bool lacks = lack_of(ask, charge, &first); lacks; lacks = lack_of(ask, charge, &lack))
	{
		Holder holder = {0};

		if (!holder_find(ask, who, aged, &first, &holder))
		{
			helpers_free(ask, who);
			return false;
		}
		helper_set(ask, holder.who, who);
		ask->unspoken--;
		ask_hope(ask, seat_charge(holder.seat), -1);
		if (*fresh == QUEUE_NOBODY && (holder.seat & SEAT_ASKED) == 0)
			*fresh = holder.who;
	}
	ask_hope(ask, charge, 1);
	ask_hope_memory(ask, charge, (int64_t) ask->queue->callers[who].pages * QUEUE_PAGE);
	return true;
}

void
holder_list(Queue *queue, int32_t who)
{
	if (queue->callers[who].listed)
		return;
	queue->callers[who].listed = true;
	queue->callers[queue->holders++].holder = who;
}

/* Not relaxed: what queue_try() wrote of the caller before its seat is seen too. */
static bool
caller_holds(const Queue *queue, int32_t who)
{
	return seat_state(atomic_load(&queue->callers[who].seat)) == QUEUE_HOLDING;
}

/* Afterwards the list has all holders and nobody else, but for who comes or goes without the lock at this moment. */
static void
holders_list(Queue *queue)
{
	int32_t listed = queue->holders, seen = RELAXED(queue->callers_seen), holding = atomic_load(&queue->holding);

	queue->holders = 0;
	for (int32_t i = 0; i < listed; i++)
	{
		int32_t who = queue->callers[i].holder;

		queue->callers[who].listed = false;
		if (caller_holds(queue, who))
			holder_list(queue, who);
	}
	for (int32_t who = 0; who < seen && queue->holders < holding; who++)
		if (caller_holds(queue, who))
			holder_list(queue, who);
}

/* The most urgent of those that wait in the holder's pool with its priority and that history tells of; NULL: there is none. */
static const QueueCaller *
most_urgent(const Queue *queue, const Holder *holder)
{
	const QueuePool *pool = &queue->pools[seat_pool(holder->seat)];
	const QueueCaller *best = NULL;

	for (int32_t who = pool->known > 0 ? pool->first : QUEUE_NOBODY; who != QUEUE_NOBODY;
		 who = queue->callers[who].next)
	{
		const QueueCaller *waiter = &queue->callers[who];
		int32_t priority = seat_priority(RELAXED(waiter->seat));

		if (priority < seat_priority(holder->seat))
			break;
		if (!waiter->known || priority > seat_priority(holder->seat))
			continue;
		if (best == NULL || waiter->rank < best->rank)
			best = waiter;
		if (!waiter->resumes)
			break; /* the others come after it by rank */
	}
	return best;
}

/* From the end of its quantum on it does not matter. */
static int64_t
pool_urgent_at(const Queue *queue, const Holder *holder)
{
	const QueueCaller *waiter = most_urgent(queue, holder);

	return waiter == NULL ? INT64_MAX : urgent_at(waiter, &queue->callers[holder->who], holder, holder->over);
}

/*
 * Whether it may be that this holder is asked now, or let be. If not, then not before its quantum is over or somebody is urgent,
 * whoever waits.
 */
static bool
holder_matters(Ask *ask, const Holder *holder, int32_t highest)
{
	const Queue *queue = ask->queue;
	bool quantum = queue->quantum_us > 0;
	int64_t urgent;

	if ((holder->seat & SEAT_ASKED) != 0)
		return true;
	if (queue->pools[seat_pool(holder->seat)].contention == QUEUE_YIELD)
		return false;
	if (highest > seat_priority(holder->seat) && (!quantum || (holder->seat & SEAT_AGED) == 0))
		return true;
	if (!quantum || holder->over <= ask->look.now)
		return quantum;
	urgent = pool_urgent_at(queue, holder);
	ask_due(ask, holder->over);
	if (urgent > ask->look.now)
		ask_due(ask, urgent);
	return urgent <= ask->look.now;
}

/* Charges the holders for what they have had so far, and counts those that matter. */
static void
holders_weigh(Ask *ask)
{
	Queue *queue = ask->queue;
	int32_t highest = queue_priority_waiting(queue);

	holders_list(queue);
	for (int32_t i = 0; i < queue->holders; i++)
	{
		Holder holder = holder_at(ask, i);
		bool holds = seat_state(holder.seat) == QUEUE_HOLDING; /* else it has just given back */

		if (holds)
			pass_update(queue, holder.who, holder.seat, ask->look.now);
		if (holds && holder_matters(ask, &holder, highest))
			ask->unspoken++;
		else
			helper_set(ask, holder.who, QUEUE_NOBODY);
	}
}

static bool
seat_mark(Queue *queue, int32_t who, uint64_t set, uint64_t clear)
{
	uint64_t seat = atomic_load(&queue->callers[who].seat);

	while (seat_state(seat) == QUEUE_HOLDING)
		if (atomic_compare_exchange_weak(&queue->callers[who].seat, &seat, (seat | set) & ~clear))
			return true;
	return false;
}

static void
asked_let_be(Ask *ask)
{
	for (int32_t i = 0; i < ask->queue->holders; i++)
	{
		Holder holder = holder_at(ask, i);

		if ((holder.seat & SEAT_ASKED) != 0 && ask->queue->callers[holder.who].looked != ask->look.number)
			(void) seat_mark(ask->queue, holder.who, 0, SEAT_ASKED);
	}
}

/* When the next waiter has aged, as far as anybody could be asked for its good. */
static void
due_ageing(Ask *ask)
{
	const Queue *queue = ask->queue;

	for (int32_t i = 0; queue->quantum_us > 0 && i < queue->pool_count; i++)
	{
		const QueuePool *pool = &queue->pools[i];
		int64_t at;

		if (pool->ageing_us <= 0 || pool->waiting == 0)
			continue;
		at = waiter_aged_due(queue, pool->oldest);
		if (at > ask->look.now)
			ask_due(ask, at);
	}
}

/* One waiter's turn. Returns whom to ask for it, or nobody. */
static int32_t
ask_next(Ask *ask, int32_t who, bool aged)
{
	Queue *queue = ask->queue;
	uint64_t seat = RELAXED(queue->callers[who].seat);
	int32_t pool = seat_pool(seat), fresh;

	if (aged)
		ask->look.aged |= UINT32_C(1) << pool;
	if (waiter_help(ask, who, aged, &fresh))
	{
		queue->callers[who].looked = ask->look.number;
		if (ask->unspoken > 0)
			ask->hope->pass[pool] += pass_expected(queue, who);
		return fresh;
	}
	if (aged)
		return QUEUE_NOBODY; /* its turn in turn may still come */
	queue->callers[who].looked = ask->look.number;
	if (seat_charge(seat).caps == 0)
		ask->look.closed |= UINT32_C(1) << pool; /* the others of its pool come after it and lack no less */
	return QUEUE_NOBODY;
}

/* Nothing is hoped for; of what is not counted nothing is written. */
static void
hope_clear(Hope *hope, const Queue *queue)
{
	hope->node = 0;
	hope->node_bytes = 0;
	for (int32_t i = 0; i < queue->pool_count; i++)
	{
		hope->pools[i] = 0;
		hope->pool_bytes[i] = 0;
		hope->pass[i] = 0;
	}
	for (int32_t i = 0; i < queue->cap_count; i++)
	{
		hope->caps[i] = 0;
		hope->cap_bytes[i] = 0;
	}
}

int32_t
queue_ask(Queue *queue, int64_t now, int64_t *due)
{
	Hope hope;
	Ask ask = {.queue = queue, .hope = &hope, .look = {.now = now, .hope = &hope, .number = ++queue->looks}};
	int32_t who;
	bool aged;

	*due = 0;
	if (queue->waiting == 0)
		return QUEUE_NOBODY;
	holders_weigh(&ask);
	*due = ask.due;
	if (ask.unspoken == 0)
		return QUEUE_NOBODY;
	hope_clear(&hope, queue);
	while (ask.unspoken > 0 && (who = queue_choose(queue, &ask.look, &aged)) != QUEUE_NOBODY)
	{
		int32_t victim = ask_next(&ask, who, aged);

		if (victim != QUEUE_NOBODY && seat_mark(queue, victim, SEAT_ASKED, 0))
			return victim;
	}
	asked_let_be(&ask);
	due_ageing(&ask);
	*due = ask.due;
	return QUEUE_NOBODY;
}
