/*
 * queue_count.c - what is held and reserved: counts that nobody raises above what they are limited to. Lock-free.
 */
#include "scheduler/queue_seat.h"

static bool
count_raise(_Atomic int32_t *count, int32_t limit)
{
	int32_t at = atomic_load(count);

	while (at < limit)
		if (atomic_compare_exchange_weak(count, &at, at + 1))
			return true;
	return false;
}

static bool
budget_raise(_Atomic int64_t *reserved, int64_t budget, int64_t bytes)
{
	int64_t at = atomic_load(reserved);

	while (bytes <= budget && at <= budget - bytes)
		if (atomic_compare_exchange_weak(reserved, &at, at + bytes))
			return true;
	return false;
}

/* Takes one off the caps that are in done. */
static void
caps_drop(Queue *queue, uint32_t done)
{
	EACH_BIT(cap, done)
	atomic_fetch_sub(&queue->caps[cap].holding, 1);
}

static bool
caps_take(Queue *queue, uint32_t caps)
{
	uint32_t done = 0;

	EACH_BIT(cap, caps)
	{
		if (!count_raise(&queue->caps[cap].holding, RELAXED(queue->caps[cap].slots)))
		{
			caps_drop(queue, done);
			return false;
		}
		done |= UINT32_C(1) << cap;
	}
	return true;
}

bool
slots_take(Queue *queue, Charge charge)
{
	QueuePool *pool = &queue->pools[charge.pool];

	if (!count_raise(&queue->holding, RELAXED(queue->slots)))
		return false;
	QUEUE_STEP(STEP_NODE_TAKEN);
	if (count_raise(&pool->holding, RELAXED(pool->slots)))
	{
		if (caps_take(queue, charge.caps))
			return true;
		atomic_fetch_sub(&pool->holding, 1);
	}
	atomic_fetch_sub(&queue->holding, 1);
	return false;
}

void
slots_drop(Queue *queue, Charge charge)
{
	QUEUE_STEP(STEP_DROPPING);
	caps_drop(queue, charge.caps);
	atomic_fetch_sub(&queue->pools[charge.pool].holding, 1);
	atomic_fetch_sub(&queue->holding, 1);
}

void
slots_shift(Queue *queue, Charge from, Charge to)
{
	atomic_fetch_add(&queue->pools[to.pool].holding, 1);
	atomic_fetch_sub(&queue->pools[from.pool].holding, 1);
	EACH_BIT(cap, to.caps)
	atomic_fetch_add(&queue->caps[cap].holding, 1);
	caps_drop(queue, from.caps);
}

QueueWhy
slots_lack(const Queue *queue, Charge charge, int32_t *index)
{
	if (atomic_load(&queue->holding) >= RELAXED(queue->slots))
		return QUEUE_WHY_NODE_SLOTS;
	*index = charge.pool;
	if (atomic_load(&queue->pools[charge.pool].holding) >= RELAXED(queue->pools[charge.pool].slots))
		return QUEUE_WHY_POOL_SLOTS;
	EACH_BIT(cap, charge.caps)
	{
		*index = (int32_t) cap;
		if (atomic_load(&queue->caps[cap].holding) >= RELAXED(queue->caps[cap].slots))
			return QUEUE_WHY_CAP_SLOTS;
	}
	return QUEUE_WHY_NOTHING;
}

uint32_t
pages_of(int64_t bytes)
{
	int64_t pages = bytes <= 0 ? 0 : (bytes - 1) / QUEUE_PAGE + 1;

	return pages > ACCOUNT_PAGES_MAX ? ACCOUNT_PAGES_MAX + 1 : (uint32_t) pages;
}

/*
 * What a budget has to have free for pages more when charge is what they will count against: what the caller has already moves
 * with it, so that a budget that does not know of that yet has to hold it too.
 */
typedef struct Need
{
	uint64_t account;
	Charge charge;
	int64_t bytes, carried;
} Need;

static Need
need_of(const Queue *queue, int32_t who, Charge charge, uint32_t pages)
{
	uint64_t account = atomic_load(&queue->callers[who].account);

	return (Need){account, charge, (int64_t) pages * QUEUE_PAGE, (int64_t) account_pages(account) * QUEUE_PAGE};
}

static int64_t
need_of_pool(const Need *need)
{
	return need->bytes + (account_charge(need->account).pool == need->charge.pool ? 0 : need->carried);
}

static int64_t
need_of_cap(const Need *need, uint32_t cap)
{
	return need->bytes + ((account_charge(need->account).caps >> cap & 1) != 0 ? 0 : need->carried);
}

/* The first of the budgets that holds(budget, what others have, what this one is to have) does not hold for. */
static QueueWhy
budget_first(const Queue *queue, const Need *need, const Hope *hope, bool (*holds)(int64_t, int64_t, int64_t),
			 int32_t *index)
{
	const QueuePool *pool = &queue->pools[need->charge.pool];
	int64_t all = need->bytes + need->carried;
	int64_t others = atomic_load(&queue->reserved) - need->carried + (hope != NULL ? hope->node_bytes : 0);

	if (!holds(RELAXED(queue->memory), others, all))
		return QUEUE_WHY_NODE_MEMORY;
	*index = need->charge.pool;
	others = atomic_load(&pool->reserved) + need_of_pool(need) - all;
	if (!holds(RELAXED(pool->memory), others + (hope != NULL ? hope->pool_bytes[need->charge.pool] : 0), all))
		return QUEUE_WHY_POOL_MEMORY;
	EACH_BIT(cap, need->charge.caps)
	{
		const QueueCap *at = &queue->caps[cap];

		*index = (int32_t) cap;
		others = atomic_load(&at->reserved) + need_of_cap(need, cap) - all;
		if (!holds(RELAXED(at->memory), others + (hope != NULL ? hope->cap_bytes[cap] : 0), all))
			return QUEUE_WHY_CAP_MEMORY;
	}
	return QUEUE_WHY_NOTHING;
}

static bool
fits_now(int64_t budget, int64_t others, int64_t bytes)
{
	return bytes <= budget && others <= budget - bytes;
}

static bool
fits_ever(int64_t budget, int64_t others, int64_t bytes)
{
	(void) others;
	return bytes <= budget;
}

QueueWhy
memory_lack(const Queue *queue, int32_t who, Charge charge, uint32_t pages, const Hope *hope, int32_t *index)
{
	Need need;

	if (pages == 0)
		return QUEUE_WHY_NOTHING;
	need = need_of(queue, who, charge, pages);
	return budget_first(queue, &need, hope, fits_now, index);
}

static bool
budget_is_scarce(int64_t budget, int64_t reserved)
{
	return reserved > budget / 2;
}

bool
memory_is_scarce(const Queue *queue, int32_t who)
{
	const QueueCaller *caller = &queue->callers[who];
	Charge charge = seat_charge(RELAXED(caller->seat));
	const QueuePool *pool = &queue->pools[charge.pool];

	if (caller->pages == 0 || account_pages(atomic_load(&caller->account)) > 0)
		return false;
	if (budget_is_scarce(RELAXED(queue->memory), atomic_load(&queue->reserved)) ||
		budget_is_scarce(RELAXED(pool->memory), atomic_load(&pool->reserved)))
		return true;
	EACH_BIT(cap, charge.caps)
	if (budget_is_scarce(RELAXED(queue->caps[cap].memory), atomic_load(&queue->caps[cap].reserved)))
		return true;
	return false;
}

QueueWhy
memory_never(const Queue *queue, int32_t who, Charge charge, uint32_t pages, int32_t *index)
{
	Need need;

	if (pages == 0)
		return QUEUE_WHY_NOTHING;
	need = need_of(queue, who, charge, pages);
	if (account_pages(need.account) + (uint64_t) pages > ACCOUNT_PAGES_MAX)
		return QUEUE_WHY_NODE_MEMORY;
	return budget_first(queue, &need, NULL, fits_ever, index);
}

static void
caps_unreserve(Queue *queue, uint32_t caps, int64_t bytes)
{
	EACH_BIT(cap, caps)
	atomic_fetch_sub(&queue->caps[cap].reserved, bytes);
}

static bool
caps_reserve(Queue *queue, const Need *need)
{
	uint32_t done = 0;

	EACH_BIT(cap, need->charge.caps)
	{
		QueueCap *at = &queue->caps[cap];

		if (!budget_raise(&at->reserved, RELAXED(at->memory), need_of_cap(need, cap)))
		{
			EACH_BIT(undo, done)
			atomic_fetch_sub(&queue->caps[undo].reserved, need_of_cap(need, undo));
			return false;
		}
		done |= UINT32_C(1) << cap;
	}
	return true;
}

static bool
budgets_raise(Queue *queue, const Need *need)
{
	QueuePool *pool = &queue->pools[need->charge.pool];

	if (!budget_raise(&queue->reserved, RELAXED(queue->memory), need->bytes))
		return false;
	if (budget_raise(&pool->reserved, RELAXED(pool->memory), need_of_pool(need)))
	{
		if (caps_reserve(queue, need))
			return true;
		atomic_fetch_sub(&pool->reserved, need_of_pool(need));
	}
	atomic_fetch_sub(&queue->reserved, need->bytes);
	return false;
}

bool
memory_take(Queue *queue, int32_t who, Charge charge, uint32_t pages)
{
	Need need;
	Charge old;
	uint64_t word;
	uint32_t all;

	if (pages == 0)
		return true;
	need = need_of(queue, who, charge, pages);
	word = need.account;
	old = account_charge(word);
	all = account_pages(need.account) + pages;
	if (all > ACCOUNT_PAGES_MAX || !budgets_raise(queue, &need))
		return false;
	/* Only a new policy that comes in between changes the word: then this begins anew, under the lock. */
	if (!atomic_compare_exchange_strong(&queue->callers[who].account, &word, account_make(all, charge)))
	{
		EACH_BIT(cap, charge.caps)
		atomic_fetch_sub(&queue->caps[cap].reserved, need_of_cap(&need, cap));
		atomic_fetch_sub(&queue->pools[charge.pool].reserved, need_of_pool(&need));
		atomic_fetch_sub(&queue->reserved, need.bytes);
		return false;
	}
	if (need.carried > 0 && old.pool != charge.pool)
		atomic_fetch_sub(&queue->pools[old.pool].reserved, need.carried);
	if (need.carried > 0)
		caps_unreserve(queue, old.caps & ~charge.caps, need.carried);
	return true;
}

void
memory_drop(Queue *queue, int32_t who, uint32_t pages)
{
	_Atomic uint64_t *account = &queue->callers[who].account;
	uint64_t word = atomic_load(account);
	uint32_t some;

	do
		some = account_pages(word) < pages ? account_pages(word) : pages;
	while (
		!atomic_compare_exchange_weak(account, &word, account_make(account_pages(word) - some, account_charge(word))));
	if (some == 0)
		return;
	QUEUE_STEP(STEP_UNRESERVING);
	caps_unreserve(queue, account_charge(word).caps, (int64_t) some * QUEUE_PAGE);
	atomic_fetch_sub(&queue->pools[account_charge(word).pool].reserved, (int64_t) some * QUEUE_PAGE);
	atomic_fetch_sub(&queue->reserved, (int64_t) some * QUEUE_PAGE);
}

void
memory_shift(Queue *queue, uint32_t pages, Charge from, Charge to)
{
	int64_t bytes = (int64_t) pages * QUEUE_PAGE;

	atomic_fetch_add(&queue->pools[to.pool].reserved, bytes);
	atomic_fetch_sub(&queue->pools[from.pool].reserved, bytes);
	EACH_BIT(cap, to.caps)
	atomic_fetch_add(&queue->caps[cap].reserved, bytes);
	caps_unreserve(queue, from.caps, bytes);
}
