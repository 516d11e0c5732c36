/*
 * simulate_call.c - the life of a simulated call, and the server's part in it. See simulate_engine.h.
 */
#include "policies/simulate_engine.h"

void
engine_event(Engine *engine, EventKind kind, int32_t who, uint32_t turn, int64_t at_us)
{
	SimulateEvent event = {.at_us = at_us, .who = who, .turn = turn, .kind = kind};

	if (event_push(&engine->heap, event) < 0)
		engine->out_of_memory = true;
}

static SimulateOutcome *
session_outcome(Engine *engine, int32_t who)
{
	return &engine->run->outcomes[engine->sessions[who].call];
}

static const TraceCall *
session_call(const Engine *engine, int32_t who)
{
	return &engine->trace->calls[engine->sessions[who].call];
}

static History *
call_history(const Engine *engine, const TraceCall *call)
{
	return &engine->histories[engine->history_numbers[call->class]];
}

static bool
session_shares(const Engine *engine, const Session *session)
{
	return engine->policy->pools[session->pool].contention == POLICY_CONTENTION_SHARE;
}

static void
state_set(Engine *engine, int32_t who, SessionState state)
{
	Session *session = &engine->sessions[who];

	session->state = state;
	session->turn++;
	session->since_us = engine->now;
}

/* The next part with a slot; the wall limit may end it, and the call. */
static void
part_begin(Session *session)
{
	session->part_us = session->run_us / (session->parts + 1);
	session->run_us -= session->part_us;
	if (session->part_us < session->wall_us)
		return;
	session->run_us += session->part_us - session->wall_us;
	session->part_us = session->wall_us;
	session->parts = 0;
}

static void
session_leave(Engine *engine, int32_t who, SimulateFate fate)
{
	Session *session = &engine->sessions[who];
	const TraceCall *call = session_call(engine, who);
	SimulateOutcome *outcome = session_outcome(engine, who);

	outcome->fate = fate;
	engine->run->end_us = engine->now;
	outcome->end_us =
		engine->now - (int64_t) ((double) call->at_us / engine->setup->speed) - call->sql_us + session->sql_us;
	if (fate == SIMULATE_DONE)
	{
		HistoryCalls calls = {0};

		history_calls_add(&calls, call->run_us, call->memory);
		history_learn(call_history(engine, call), &calls);
	}
	(void) queue_unreserve(engine->queue, who, queue_reserved(engine->queue, who));
	state_set(engine, who, SESSION_FREE);
	session->next = engine->free;
	engine->free = who;
}

/* The sooner of the wall limit and the trace's size ends it. */
static void
session_finish(Engine *engine, int32_t who)
{
	const Session *session = &engine->sessions[who];

	session_leave(engine, who, session->wall_us <= 0 && session->run_us > 0 ? SIMULATE_WALL : SIMULATE_DONE);
}

/* Whether what a call reserves counts anywhere. */
static bool
memory_is_bounded(const Engine *engine, int32_t who)
{
	const Policy *policy = engine->policy;
	uint64_t caps = engine->class_caps[session_call(engine, who)->class];

	for (int32_t i = 0; i < policy->cap_count; i++)
		if ((caps >> i & 1) != 0 && policy->caps[i].memory > 0)
			return true;
	return policy->node_memory > 0 || policy->pools[engine->sessions[who].pool].memory > 0;
}

static int64_t
memory_claimed(const Engine *engine, int32_t who)
{
	const PolicyPool *pool = &engine->policy->pools[engine->sessions[who].pool];
	const TraceCall *call = session_call(engine, who);
	int64_t guess = history_guess(call_history(engine, call)).memory;

	if (engine->sessions[who].begun || !memory_is_bounded(engine, who))
		return 0;
	if (guess > 0)
		return guess < pool->limits.memory ? guess : pool->limits.memory;
	return pool->reserve > 0 ? pool->reserve : pool->limits.memory;
}

static void
run_begin(Engine *engine, int32_t who)
{
	Session *session = &engine->sessions[who];

	state_set(engine, who, SESSION_RUNNING);
	session->lead_us = session->paused && !session_shares(engine, session) ? engine->setup->resume_us : 0;
	session->paused = false;
	session->begun = true;
	engine->holding[session->pool]++;
	engine_event(engine, EVENT_RUN_END, who, session->turn, engine->now + session->lead_us + session->part_us);
}

/*
 * The most that a waiter should have to wait: the k-th longest waiter of a pool has a slot after k times the pool's ageing time
 * and a quantum for each pool that ages. What a holder runs on when it is asked comes on top. 0: there is no bound, as for a
 * call that has memory to reserve: that is not given back before another call ends.
 */
static int64_t
wait_bound(const Engine *engine, int32_t pool, bool reserves)
{
	int64_t ageing = engine->policy->pools[pool].ageing_ms * 1000;
	int64_t quantum = engine->policy->quantum_ms * 1000 + engine->setup->stop_us + engine->setup->resume_us;
	int32_t ageing_pools = 0;

	for (int32_t i = 0; i < engine->policy->pool_count; i++)
		ageing_pools += engine->policy->pools[i].ageing_ms > 0;
	return ageing == 0 || reserves ? 0 : (engine->waiting[pool] + 1) * (ageing + ageing_pools * quantum);
}

static void
wait_begin(Engine *engine, int32_t who)
{
	Session *session = &engine->sessions[who];
	int64_t timeout = engine->policy->pools[session->pool].queue_timeout_ms * 1000;
	int32_t index;

	state_set(engine, who, SESSION_WAITING);
	session->bound_us = wait_bound(engine, session->pool, !session->begun && memory_is_bounded(engine, who));
	if (session->bound_us > engine->run->bound_us)
		engine->run->bound_us = session->bound_us;
	engine->waiting[session->pool]++;
	engine->run->whys[queue_why(engine->queue, who, &index)]++;
	if (!session->begun)
		engine_event(engine, EVENT_TIMEOUT, who, session->turn, engine->now + timeout);
	else if (session->paused && session_shares(engine, session))
		engine_event(engine, EVENT_RUN_END, who, session->turn,
					 engine->now + session->part_us * engine->setup->share_rate);
}

static void
wait_end(Engine *engine, int32_t who)
{
	Session *session = &engine->sessions[who];
	SimulateOutcome *outcome = session_outcome(engine, who);
	int64_t waited = engine->now - session->since_us;

	engine->waiting[session->pool]--;
	if (!session->begun)
		outcome->wait_us = waited;
	if (waited > outcome->longest_us)
		outcome->longest_us = waited;
	if (session->bound_us > 0 && waited - session->bound_us > outcome->excess_us)
		outcome->excess_us = waited - session->bound_us;
}

static void
time_used(Session *session, int64_t us)
{
	us = us > session->part_us ? session->part_us : us;
	session->part_us -= us;
	session->attained_us += us;
	session->wall_us -= us;
}

static void
slot_granted(Engine *engine, int32_t who)
{
	Session *session = &engine->sessions[who];

	wait_end(engine, who);
	if (session->paused && session_shares(engine, session))
		time_used(session, (engine->now - session->since_us) / engine->setup->share_rate);
	run_begin(engine, who);
}

void
engine_dispatch(Engine *engine)
{
	int64_t due = 0;
	int32_t who;

	while ((who = queue_grant(engine->queue, engine->now)) != QUEUE_NOBODY)
		slot_granted(engine, who);
	while ((who = queue_ask(engine->queue, engine->now, &due)) != QUEUE_NOBODY)
		engine_event(engine, EVENT_STOPPED, who, engine->sessions[who].turn, engine->now + engine->setup->stop_us);
	if (due == 0 || due == engine->timer_us)
		return;
	engine->timer_us = due > engine->now ? due : engine->now + 1;
	engine_event(engine, EVENT_TIMER, 0, ++engine->timer_turn, engine->timer_us);
}

static int64_t
time_predicted(const Engine *engine, const TraceCall *call)
{
	switch (engine->setup->prediction)
	{
		case SIMULATE_HISTORY:
			return history_guess(call_history(engine, call)).run_us;
		case SIMULATE_SIZES:
			return call->run_us > 0 ? call->run_us : 1;
		case SIMULATE_NOTHING:
			break;
	}
	return 0;
}

/* Asks for a slot, as scheduler/slot.c does. */
static void
slot_take(Engine *engine, int32_t who)
{
	Session *session = &engine->sessions[who];
	const TraceCall *call = session_call(engine, who);
	QueueClaim claim = {
		.pool = session->pool,
		.priority = call->priority >= 0 ? call->priority : engine->policy->pools[session->pool].priority,
		.resumes = session->begun,
		.caps = engine->class_caps[call->class],
		.memory = memory_claimed(engine, who),
		.predicted = session->predicted_us,
		.ranks = session->ranks,
		.attained = session->attained_us,
	};
	QueueAnswer answer = QUEUE_GRANTED;

	if (!queue_try(engine->queue, who, &claim, engine->now))
		answer = queue_acquire(engine->queue, who, &claim, engine->now);
	if (answer == QUEUE_GRANTED)
		run_begin(engine, who);
	else if (answer == QUEUE_QUEUED)
		wait_begin(engine, who);
	else
		session_leave(engine, who, answer == QUEUE_FULL ? SIMULATE_FULL : SIMULATE_TOO_LARGE);
	engine_dispatch(engine);
}

void
session_arrive(Engine *engine, uint32_t number)
{
	const TraceCall *call = &engine->trace->calls[number];
	int32_t who = engine->free;
	Session *session = &engine->sessions[who];

	engine->run->outcomes[number] = (SimulateOutcome){.pool = engine->class_pools[call->class], .fate = SIMULATE_FULL};
	if (who == QUEUE_NOBODY)
		return;
	engine->free = session->next;
	*session = (Session){
		.turn = session->turn + 1,
		.call = number,
		.pool = engine->class_pools[call->class],
		.parts = call->queries < SIMULATE_QUERIES_MAX ? call->queries : SIMULATE_QUERIES_MAX,
		.run_us = call->run_us,
		.sql_us = call->sql_us,
		.predicted_us = time_predicted(engine, call),
	};
	if (engine->setup->prediction == SIMULATE_HISTORY)
		history_rank(call_history(engine, call), &session->ranks);
	session->wall_us = engine->policy->pools[session->pool].limits.wall_ms * 1000;
	part_begin(session);
	slot_take(engine, who);
}

/* The part is done: a query follows, or the end. The caller has taken the slot back, or the place in the queue. */
static void
part_end(Engine *engine, int32_t who)
{
	Session *session = &engine->sessions[who];
	int64_t query_us;

	time_used(session, session->part_us);
	if (session->parts == 0 || session->wall_us <= 0)
	{
		session_finish(engine, who);
		engine_dispatch(engine);
		return;
	}
	query_us = session->sql_us / session->parts--;
	if (query_us > session->wall_us)
		query_us = session->wall_us;
	session->sql_us -= query_us;
	session->wall_us -= query_us;
	state_set(engine, who, SESSION_SQL);
	engine_event(engine, EVENT_SQL_END, who, session->turn, engine->now + query_us);
	engine_dispatch(engine);
}

static void
running_end(Engine *engine, int32_t who)
{
	engine->holding[engine->sessions[who].pool]--;
	(void) queue_give_back(engine->queue, who, engine->now);
	part_end(engine, who);
}

static void
running_stopped(Engine *engine, int32_t who)
{
	Session *session = &engine->sessions[who];
	int64_t passed = engine->now - session->since_us - session->lead_us;

	time_used(session, passed > 0 ? passed : 0);
	engine->holding[session->pool]--;
	session->paused = true;
	session_outcome(engine, who)->pauses++;
	queue_yield(engine->queue, who, engine->now);
	wait_begin(engine, who);
	engine_dispatch(engine);
}

/* Of a call that runs on at the lowest weight. */
static void
waiting_end(Engine *engine, int32_t who)
{
	wait_end(engine, who);
	queue_release(engine->queue, who, engine->now);
	part_end(engine, who);
}

static void
waiting_timeout(Engine *engine, int32_t who)
{
	wait_end(engine, who);
	queue_release(engine->queue, who, engine->now);
	session_leave(engine, who, SIMULATE_TIMED_OUT);
	engine_dispatch(engine);
}

static void
sql_end(Engine *engine, int32_t who)
{
	Session *session = &engine->sessions[who];

	if (session->wall_us <= 0)
	{
		session_leave(engine, who, SIMULATE_WALL);
		engine_dispatch(engine);
		return;
	}
	part_begin(session);
	slot_take(engine, who);
}

/* What is not here cannot be: the event's turn is the session's. */
static void (*const actions[SESSION_STATE_COUNT][EVENT_KIND_COUNT])(Engine *engine, int32_t who) = {
	[SESSION_WAITING] = {[EVENT_RUN_END] = waiting_end, [EVENT_TIMEOUT] = waiting_timeout},
	[SESSION_RUNNING] = {[EVENT_RUN_END] = running_end, [EVENT_STOPPED] = running_stopped},
	[SESSION_SQL] = {[EVENT_SQL_END] = sql_end},
};

void
session_event(Engine *engine, const SimulateEvent *event)
{
	const Session *session = &engine->sessions[event->who];

	if (session->turn == event->turn && actions[session->state][event->kind] != NULL)
		actions[session->state][event->kind](engine, event->who);
}
