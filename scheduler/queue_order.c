/*
 * queue_order.c - who is next: the order inside a pool, the pools' passes, ageing. Under the lock, but for pass_settle().
 */
#include "scheduler/queue_seat.h"

static uint8_t
caller_code(const QueueCaller *caller, int step)
{
	return (uint8_t) (RELAXED(caller->ranks[step / 8]) >> step % 8 * 8);
}

/* By the table of its function; without one what is left of the predicted time while that is more than nothing, else the time it has had. */
int64_t
caller_rank(const QueueCaller *caller, int64_t held)
{
	int64_t had = time_after(RELAXED(caller->attained), held), predicted = RELAXED(caller->predicted);
	int64_t least = RELAXED(caller->rank_least), rank = had;
	uint8_t code = caller_code(caller, rank_step(had));

	if (code != 0)
		rank = rank_decode(code);
	else if (caller_code(caller, 0) == 0 && predicted > had)
		rank = predicted - had;
	return rank > least ? rank : least;
}

/* The first step from this one on at which the table has no less than enough, or nothing; RANK_STEPS: there is none. */
static int
step_find(const QueueCaller *caller, int step, int enough)
{
	for (; step < RANK_STEPS; step++)
	{
		uint8_t code = caller_code(caller, step);

		if (code == 0 || code >= enough)
			break;
	}
	return step;
}

/*
 * How long it has to hold a slot, held at least, until its rank is above this one; INT64_MAX: never. When that is not before until, which
 * is all that is asked for then, any time from until on.
 */
int64_t
caller_rank_above(const QueueCaller *caller, int64_t rank, int64_t held, int64_t until)
{
	int64_t attained = RELAXED(caller->attained), predicted = RELAXED(caller->predicted);
	int64_t alone = time_after(rank, 1), begin; /* when the time it has had is above */
	int step = rank_step(time_after(attained, held));

	if (held >= until || caller_rank(caller, held) > rank)
		return held;
	if (caller_code(caller, 0) == 0 && predicted > rank)
		return predicted - attained;
	if (caller_code(caller, step) == 0)
		return alone - attained;
	step = step_find(caller, step + 1, rank_code_above(rank));
	if (step == RANK_STEPS)
		return INT64_MAX;
	begin = rank_step_begin(step);
	return (caller_code(caller, step) != 0 || begin > alone ? begin : alone) - attained;
}

bool
waiter_precedes(const Queue *queue, int32_t one, int32_t other)
{
	const QueueCaller *a = &queue->callers[one], *b = &queue->callers[other];
	int32_t a_priority = seat_priority(RELAXED(a->seat)), b_priority = seat_priority(RELAXED(b->seat));

	if (a_priority != b_priority)
		return a_priority > b_priority;
	if (a->resumes != b->resumes)
		return a->resumes;
	if (!a->resumes && a->rank != b->rank)
		return a->rank < b->rank;
	if (!a->resumes && RELAXED(a->since) != RELAXED(b->since))
		return RELAXED(a->since) < RELAXED(b->since);
	return a->ticket < b->ticket;
}

static bool
waiter_is_older(const Queue *queue, int32_t one, int32_t other)
{
	const QueueCaller *a = &queue->callers[one], *b = &queue->callers[other];
	int64_t a_since = RELAXED(a->since), b_since = RELAXED(b->since);

	return a_since != b_since ? a_since < b_since : a->ticket < b->ticket;
}

/* Whom it goes after; from both ends at once, since short calls mostly come to where long ones wait, or the other way round. */
static int32_t
order_place(const Queue *queue, const QueuePool *pool, int32_t who)
{
	int32_t head = pool->first, tail = pool->last;

	while (tail != QUEUE_NOBODY && waiter_precedes(queue, who, tail))
	{
		if (waiter_precedes(queue, who, head))
			return queue->callers[head].previous;
		head = queue->callers[head].next;
		tail = queue->callers[tail].previous;
	}
	return tail;
}

static void
order_insert(Queue *queue, QueuePool *pool, int32_t who)
{
	int32_t after = order_place(queue, pool, who), before;

	before = after == QUEUE_NOBODY ? pool->first : queue->callers[after].next;
	queue->callers[who].previous = after;
	queue->callers[who].next = before;
	*(after == QUEUE_NOBODY ? &pool->first : &queue->callers[after].next) = who;
	*(before == QUEUE_NOBODY ? &pool->last : &queue->callers[before].previous) = who;
}

static void
age_insert(Queue *queue, QueuePool *pool, int32_t who)
{
	int32_t after = pool->newest, before;

	while (after != QUEUE_NOBODY && waiter_is_older(queue, who, after))
		after = queue->callers[after].older;
	before = after == QUEUE_NOBODY ? pool->oldest : queue->callers[after].younger;
	queue->callers[who].older = after;
	queue->callers[who].younger = before;
	*(after == QUEUE_NOBODY ? &pool->oldest : &queue->callers[after].younger) = who;
	*(before == QUEUE_NOBODY ? &pool->newest : &queue->callers[before].older) = who;
}

bool
pass_is_before(uint64_t one, uint64_t other)
{
	return (int64_t) (one - other) < 0;
}

uint64_t
pass_of(const QueuePool *pool, int64_t us)
{
	const int64_t most = INT64_C(1) << 40;

	return (uint64_t) (us > most ? most : us) * QUEUE_STRIDE / (uint64_t) RELAXED(pool->weight);
}

/* From here on is when who comes new to this priority begins. */
static void
tier_advance(QueueTier *tier, uint64_t pass)
{
	if (pass_is_before(tier->start, pass))
		tier->start = pass;
}

/*
 * A pool that begins to wait must not spend the time that it did not use: it joins where the last grant of its priority began,
 * before what that one is expected to cost. Nor does it owe more than an hour for what is long ago.
 */
static void
pool_join(Queue *queue, int32_t number, int32_t priority)
{
	QueueTier *tier = &queue->tiers[priority];
	uint64_t own = RELAXED(tier->pass[number]);
	uint64_t most = tier->start + pass_of(&queue->pools[number], INT64_C(3600) * 1000000);

	if (pass_is_before(own, tier->start))
		RELAXED_SET(tier->pass[number], tier->start);
	else if (pass_is_before(most, own))
		RELAXED_SET(tier->pass[number], most);
}

/* Puts a caller whose seat says that it waits into the lists; Queue.crowd is its caller's matter. */
void
waiter_insert(Queue *queue, int32_t who)
{
	QueueCaller *caller = &queue->callers[who];
	uint64_t seat = RELAXED(caller->seat);
	QueuePool *pool = &queue->pools[seat_pool(seat)];
	QueueTier *tier = &queue->tiers[seat_priority(seat)];

	if (tier->waiting[seat_pool(seat)] == 0)
		pool_join(queue, seat_pool(seat), seat_priority(seat));
	order_insert(queue, pool, who);
	age_insert(queue, pool, who);
	tier->waiting[seat_pool(seat)]++;
	pool->waiting++;
	queue->waiting_pools |= UINT32_C(1) << seat_pool(seat);
	pool->fresh += caller->fresh;
	caller->known = caller_code(caller, 0) != 0 || RELAXED(caller->predicted) > RELAXED(caller->attained);
	pool->known += caller->known;
	queue->waiting++;
	queue->wanting_memory += caller->pages > 0;
}

void
waiter_remove(Queue *queue, int32_t who)
{
	QueueCaller *callers = queue->callers, *caller = &callers[who];
	uint64_t seat = RELAXED(caller->seat);
	QueuePool *pool = &queue->pools[seat_pool(seat)];

	*(caller->previous == QUEUE_NOBODY ? &pool->first : &callers[caller->previous].next) = caller->next;
	*(caller->next == QUEUE_NOBODY ? &pool->last : &callers[caller->next].previous) = caller->previous;
	*(caller->older == QUEUE_NOBODY ? &pool->oldest : &callers[caller->older].younger) = caller->younger;
	*(caller->younger == QUEUE_NOBODY ? &pool->newest : &callers[caller->younger].older) = caller->older;
	caller->next = caller->previous = caller->younger = caller->older = QUEUE_NOBODY;
	queue->tiers[seat_priority(seat)].waiting[seat_pool(seat)]--;
	if (--pool->waiting == 0)
		queue->waiting_pools &= ~(UINT32_C(1) << seat_pool(seat));
	pool->fresh -= caller->fresh;
	pool->known -= caller->known;
	queue->waiting--;
	queue->wanting_memory -= caller->pages > 0;
}

uint64_t
pass_expected(const Queue *queue, int32_t who)
{
	const QueueCaller *caller = &queue->callers[who];
	const QueuePool *pool = &queue->pools[seat_pool(RELAXED(caller->seat))];
	int64_t expected = RELAXED(caller->predicted) - RELAXED(caller->attained);

	if (expected <= 0)
		expected = RELAXED(pool->mean_us);
	if (queue->quantum_us > 0 && expected > queue->quantum_us)
		expected = queue->quantum_us;
	return pass_of(pool, expected > 0 ? expected : 1);
}

void
pass_charge(Queue *queue, int32_t who)
{
	uint64_t seat = RELAXED(queue->callers[who].seat), cost = pass_expected(queue, who);
	QueueTier *tier = &queue->tiers[seat_priority(seat)];
	_Atomic uint64_t *pass = &tier->pass[seat_pool(seat)];

	tier_advance(tier, RELAXED(*pass));
	RELAXED_SET(queue->callers[who].charged, cost);
	atomic_fetch_add(pass, cost);
}

/* Slot time that a slot's pool pays for. Every slot costs something, on a clock that stands still too. */
static int64_t
time_used(const Queue *queue, int32_t who, int64_t now)
{
	int64_t from = RELAXED(queue->callers[who].since);
	int64_t crowded = RELAXED(queue->crowded_since);
	int64_t used = time_between(from > crowded ? from : crowded, now);

	return used > 0 ? used : 1;
}

static uint64_t
pass_used(const Queue *queue, int32_t who, uint64_t seat, int64_t now)
{
	return pass_of(&queue->pools[seat_pool(seat)], time_used(queue, who, now));
}

/* Whether pass pays for the time: less than pass_of() costs, which most looks need not know then. */
static bool
pass_covers(const QueuePool *pool, uint64_t pass, int64_t us)
{
	uint64_t cost;

	return __builtin_mul_overflow(pass, (uint64_t) RELAXED(pool->weight), &cost) ||
		   cost / QUEUE_STRIDE >= (uint64_t) us;
}

void
pass_update(Queue *queue, int32_t who, uint64_t seat, int64_t now)
{
	QueueTier *tier = &queue->tiers[seat_priority(seat)];
	const QueuePool *pool = &queue->pools[seat_pool(seat)];
	uint64_t charged = RELAXED(queue->callers[who].charged), used;

	if (pass_covers(pool, charged, time_used(queue, who, now)))
		return;
	used = pass_used(queue, who, seat, now);
	/* One who gives back at the same time settles it. */
	if (used > charged && atomic_compare_exchange_strong(&queue->callers[who].charged, &charged, used))
		tier_advance(tier, atomic_fetch_add(&tier->pass[seat_pool(seat)], used - charged));
}

void
pass_settle(Queue *queue, int32_t who, uint64_t seat, int64_t now)
{
	bool crowded = (atomic_load(&queue->crowd) & ~QUEUE_CHANGING) != 0;
	uint64_t used;

	if (!crowded && RELAXED(queue->callers[who].charged) == 0)
		return;
	used = crowded ? pass_used(queue, who, seat, now) : 0;
	used -= atomic_exchange(&queue->callers[who].charged, 0);
	atomic_fetch_add(&queue->tiers[seat_priority(seat)].pass[seat_pool(seat)], used);
}

/*
 * The one whose turn it is for memory whatever the order: the longest waiter of all that has aged and lacks some, unless a new
 * policy has put that out of its reach.
 */
static int32_t
memory_elder(const Queue *queue, int64_t now)
{
	int32_t elder = QUEUE_NOBODY, index;

	EACH_BIT(i, queue->wanting_memory > 0 ? queue->waiting_pools : 0)
	{
		const QueuePool *pool = &queue->pools[i];

		if (pool->ageing_us <= 0)
			continue;
		for (int32_t who = pool->oldest; who != QUEUE_NOBODY; who = queue->callers[who].younger)
		{
			const QueueCaller *caller = &queue->callers[who];
			Charge charge = seat_charge(RELAXED(caller->seat));

			if (time_between(RELAXED(caller->since), now) < pool->ageing_us ||
				(elder != QUEUE_NOBODY && !waiter_is_older(queue, who, elder)))
				break;
			if (memory_lack(queue, who, charge, caller->pages, NULL, &index) == QUEUE_WHY_NOTHING ||
				memory_never(queue, who, charge, caller->pages, &index) != QUEUE_WHY_NOTHING)
				continue;
			elder = who;
			break;
		}
	}
	return elder;
}

/* Whether who reserves from the budget that the elder lacks. */
static bool
waits_for_elder(const Queue *queue, int32_t who, int32_t elder)
{
	uint64_t own = RELAXED(queue->callers[who].seat), its;
	int32_t index = 0;

	if (elder == QUEUE_NOBODY || elder == who || queue->callers[who].pages == 0)
		return false;
	its = RELAXED(queue->callers[elder].seat);
	switch (memory_lack(queue, elder, seat_charge(its), queue->callers[elder].pages, NULL, &index))
	{
		case QUEUE_WHY_POOL_MEMORY:
			return seat_pool(own) == seat_pool(its);
		case QUEUE_WHY_CAP_MEMORY:
			return (seat_charge(own).caps >> index & 1) != 0;
		default:
			return true;
	}
}

static bool
waiter_fits(const Queue *queue, const Look *look, int32_t who, int32_t elder)
{
	const QueueCaller *caller = &queue->callers[who];
	Charge charge = seat_charge(RELAXED(caller->seat));
	int32_t index;

	if (look->number != 0 && caller->looked == look->number)
		return false;
	if (look->hope == NULL && charge.caps != 0 && slots_lack(queue, charge, &index) != QUEUE_WHY_NOTHING)
		return false;
	return caller->pages == 0 ||
		   (memory_lack(queue, who, charge, caller->pages, look->hope, &index) == QUEUE_WHY_NOTHING &&
			!waits_for_elder(queue, who, elder));
}

/* The pools whose waiters could go, as far as slots of pools are concerned. */
static uint32_t
pools_open(const Queue *queue, const Look *look)
{
	uint32_t pools = queue->waiting_pools & ~look->closed;

	if (look->hope != NULL)
		return pools;
	EACH_BIT(i, pools)
	if (atomic_load(&queue->pools[i].holding) >= RELAXED(queue->pools[i].slots))
		pools &= ~(UINT32_C(1) << i);
	return pools;
}

/* When a waiter is to go out of turn: it has waited for its pool's ageing time, and so has the pool since its last one. */
int64_t
waiter_aged_due(const Queue *queue, int32_t who)
{
	const QueuePool *pool = &queue->pools[queue_pool(queue, who)];
	int64_t since = RELAXED(queue->callers[who].since);

	return time_after(pool->aged_at > since ? pool->aged_at : since, pool->ageing_us);
}

static int32_t
pool_aged(const Queue *queue, const Look *look, const QueuePool *pool, int32_t elder)
{
	for (int32_t who = pool->oldest; who != QUEUE_NOBODY; who = queue->callers[who].younger)
	{
		if (waiter_aged_due(queue, who) > look->now)
			return QUEUE_NOBODY;
		if (waiter_fits(queue, look, who, elder))
			return who;
	}
	return QUEUE_NOBODY;
}

/* First due, first served: so each other pool has at most one turn before it, however many of its waiters are older. */
static int32_t
queue_choose_aged(const Queue *queue, const Look *look, uint32_t pools, int32_t elder)
{
	int32_t best = QUEUE_NOBODY;
	int64_t best_due = 0;

	EACH_BIT(i, pools & ~look->aged)
	{
		const QueuePool *pool = &queue->pools[i];
		int32_t who = pool->ageing_us > 0 ? pool_aged(queue, look, pool, elder) : QUEUE_NOBODY;
		int64_t due = who != QUEUE_NOBODY ? waiter_aged_due(queue, who) : 0;

		if (who == QUEUE_NOBODY || (best != QUEUE_NOBODY && due >= best_due))
			continue;
		best = who;
		best_due = due;
	}
	return best;
}

/*
 * The pool's next one that could go. Where memory is scarce, those that have some already go before those that come for more of
 * it, of the same priority: else calls that give way in mid-course fill the budget while new ones come in, and none ends.
 */
static int32_t
pool_next(const Queue *queue, const Look *look, const QueuePool *pool, int32_t elder)
{
	int32_t first = pool->first;

	while (first != QUEUE_NOBODY && !waiter_fits(queue, look, first, elder))
		first = queue->callers[first].next;
	if (first == QUEUE_NOBODY || !memory_is_scarce(queue, first))
		return first;
	for (int32_t who = queue->callers[first].next; who != QUEUE_NOBODY; who = queue->callers[who].next)
	{
		if (queue_priority(queue, who) != queue_priority(queue, first))
			return first;
		if (account_pages(atomic_load(&queue->callers[who].account)) > 0 && waiter_fits(queue, look, who, elder))
			return who;
	}
	return first;
}

static int32_t
queue_choose_in_turn(const Queue *queue, const Look *look, uint32_t pools, int32_t elder)
{
	int32_t best = QUEUE_NOBODY, best_priority = -1;
	uint64_t best_pass = 0;

	EACH_BIT(i, pools)
	{
		int32_t who = pool_next(queue, look, &queue->pools[i], elder), priority;
		uint64_t pass;

		if (who == QUEUE_NOBODY)
			continue;
		priority = seat_priority(RELAXED(queue->callers[who].seat));
		pass = RELAXED(queue->tiers[priority].pass[i]) + (look->hope != NULL ? look->hope->pass[i] : 0);
		if (priority < best_priority || (priority == best_priority && !pass_is_before(pass, best_pass)))
			continue;
		best = who;
		best_priority = priority;
		best_pass = pass;
	}
	return best;
}

int32_t
queue_choose(const Queue *queue, const Look *look, bool *aged)
{
	int32_t elder, who;
	uint32_t pools;

	*aged = false;
	if (queue->waiting == 0 || (look->hope == NULL && atomic_load(&queue->holding) >= RELAXED(queue->slots)))
		return QUEUE_NOBODY;
	pools = pools_open(queue, look);
	if (pools == 0)
		return QUEUE_NOBODY;
	elder = memory_elder(queue, look->now);
	who = queue_choose_aged(queue, look, pools, elder);
	*aged = who != QUEUE_NOBODY;
	return who != QUEUE_NOBODY ? who : queue_choose_in_turn(queue, look, pools, elder);
}
