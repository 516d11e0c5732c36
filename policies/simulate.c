/*
 * simulate.c - runs a trace: the loop over time. See simulate.h and simulate_engine.h.
 */
#include "policies/simulate.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "policies/policy_text.h"
#include "policies/simulate_engine.h"

void
simulate_setup_init(SimulateSetup *setup, const Policy *policy)
{
	*setup = (SimulateSetup){
		.policy = policy,
		.stop_us = 100,
		.resume_us = 100,
		.speed = 1.0,
		.share_rate = 100,
		.prediction = SIMULATE_HISTORY,
	};
}

void
simulate_free(SimulateRun *run)
{
	free(run->outcomes);
	*run = (SimulateRun){0};
}

static const Trace *sorted_trace; /* for qsort alone */

static int
function_compare(const void *left, const void *right)
{
	const TraceClass *a = &sorted_trace->classes[*(const uint32_t *) left];
	const TraceClass *b = &sorted_trace->classes[*(const uint32_t *) right];
	int database = strcmp(a->database, b->database);

	return database != 0 ? database : strcmp(a->function, b->function);
}

int
simulate_functions_number(const Trace *trace, uint32_t *numbers, uint32_t *count)
{
	uint32_t *order = malloc((trace->class_count + 1) * sizeof(uint32_t));

	*count = 0;
	if (order == NULL)
		return -1;
	for (uint32_t i = 0; i < trace->class_count; i++)
		order[i] = i;
	sorted_trace = trace;
	qsort(order, trace->class_count, sizeof(uint32_t), function_compare);
	for (uint32_t i = 0; i < trace->class_count; i++)
	{
		*count += i == 0 || function_compare(&order[i - 1], &order[i]) != 0;
		numbers[order[i]] = *count - 1;
	}
	free(order);
	return 0;
}

static int
histories_make(Engine *engine)
{
	uint32_t functions;

	if (simulate_functions_number(engine->trace, engine->history_numbers, &functions) < 0)
		return -1;
	engine->histories = calloc((size_t) functions + 1, sizeof(History));
	return engine->histories == NULL ? -1 : 0;
}

static int
engine_allocate(Engine *engine)
{
	size_t calls = engine->trace->call_count, classes = engine->trace->class_count + 1;

	engine->session_count = calls < SESSIONS_MAX ? (int32_t) calls + 1 : SESSIONS_MAX;
	engine->run->outcomes = calloc(calls + 1, sizeof(SimulateOutcome));
	engine->queue = malloc(queue_size(engine->session_count));
	engine->sessions = calloc((size_t) engine->session_count, sizeof(Session));
	engine->history_numbers = calloc(classes, sizeof(uint32_t));
	engine->class_pools = calloc(classes, sizeof(int32_t));
	engine->class_caps = calloc(classes, sizeof(uint64_t));
	if (engine->run->outcomes == NULL || engine->queue == NULL || engine->sessions == NULL ||
		engine->history_numbers == NULL || engine->class_pools == NULL || engine->class_caps == NULL)
		return -1;
	for (int32_t i = 0; i < engine->session_count; i++)
		engine->sessions[i].next = i + 1 < engine->session_count ? i + 1 : QUEUE_NOBODY;
	return histories_make(engine);
}

static void
engine_free(Engine *engine)
{
	free(engine->queue);
	free(engine->sessions);
	free(engine->histories);
	free(engine->history_numbers);
	free(engine->class_pools);
	free(engine->class_caps);
	free(engine->heap.events);
}

static void
reload(Engine *engine)
{
	SimulateSetup setup = *engine->setup;

	setup.policy = engine->setup->reload;
	simulate_pools_find(&setup, engine->trace, engine->class_pools);
	engine_configure(engine, setup.policy);
	engine->period = 1;
	engine_dispatch(engine);
}

static void
event_handle(Engine *engine, const SimulateEvent *event)
{
	engine_advance(engine, event->at_us);
	engine->run->events++;
	if (event->kind == EVENT_RELOAD)
		reload(engine);
	else if (event->kind != EVENT_TIMER)
		session_event(engine, event);
	else if (event->turn == engine->timer_turn)
	{
		engine->timer_us = 0;
		engine_dispatch(engine);
	}
}

static int64_t
call_at(const Engine *engine, uint32_t number)
{
	return (int64_t) ((double) engine->trace->calls[number].at_us / engine->setup->speed);
}

/* Of the same moment, what has begun goes before what arrives. */
static int
engine_loop(Engine *engine, PolicyError *error)
{
	uint32_t arrived = 0;
	SimulateEvent event;

	while (!engine->out_of_memory && engine->run->events < SIMULATE_EVENTS_MAX)
	{
		bool arrives = arrived < engine->trace->call_count;

		if (arrives && (engine->heap.count == 0 || engine->heap.events[0].at_us > call_at(engine, arrived)))
		{
			engine_advance(engine, call_at(engine, arrived));
			session_arrive(engine, arrived++);
		}
		else if (event_pop(&engine->heap, &event))
			event_handle(engine, &event);
		else
			return 0;
	}
	if (engine->out_of_memory)
		return policy_error_set(error, 0, 0, "out of memory");
	return policy_error_set(error, 0, 0, "the trace needs more than %llu steps: raise node.quantum or shorten it",
							(unsigned long long) SIMULATE_EVENTS_MAX);
}

static int
reload_check(const SimulateSetup *setup, PolicyError *error)
{
	const Policy *reload = setup->reload;
	bool same = reload == NULL || reload->pool_count == setup->policy->pool_count;

	for (int32_t i = 0; reload != NULL && same && i < reload->pool_count; i++)
		same = strcmp(reload->pools[i].name, setup->policy->pools[i].name) == 0;
	return same ? 0 : policy_error_set(error, 0, 0, "the policy to reload must have the same pools in the same order");
}

int
simulate_run(const SimulateSetup *setup, const Trace *trace, SimulateRun *run, PolicyError *error)
{
	Engine engine = {.setup = setup, .trace = trace, .policy = setup->policy, .run = run};
	int result;

	*run = (SimulateRun){
		.count = trace->call_count, .pool_count = setup->policy->pool_count, .slots = setup->policy->node_slots};
	if (reload_check(setup, error) < 0)
		return -1;
	if (engine_allocate(&engine) < 0)
		result = policy_error_set(error, 0, 0, "out of memory");
	else
	{
		simulate_pools_find(setup, trace, engine.class_pools);
		queue_init(engine.queue, engine.session_count);
		engine_configure(&engine, setup->policy);
		engine.now = run->count > 0 ? call_at(&engine, 0) : 0;
		run->begin_us = run->end_us = engine.now;
		if (setup->reload != NULL)
			engine_event(&engine, EVENT_RELOAD, 0, 0, setup->reload_us);
		result = engine_loop(&engine, error);
		assert(queue_check(engine.queue) == NULL);
	}
	engine_free(&engine);
	return result;
}
