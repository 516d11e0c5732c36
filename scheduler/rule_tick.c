/*
 * rule_tick.c - looks at calls that rules and budgets are about, while there are any. Runs in the scheduler.
 *
 * DESIGN. As with wall limits, the scheduler says that it does not watch, looks, and says whether it watches: a call that
 * begins meanwhile wakes it. It looks every RULE_TICK_MS, and at once when the launcher has answered; never more often than
 * RULE_GAP_MS otherwise, however many calls begin. What a call is measured by that its backend cannot say without a system
 * call, the launcher is asked once a tick, and only after interpreters of calls whose rules look at that.
 */
#include "scheduler/rule_tick.h"

#include "scheduler/activity.h"
#include "scheduler/policy_store.h"
#include "scheduler/rule.h"
#include "scheduler/rule_act.h"
#include "scheduler/rule_store.h"
#include "scheduler/rule_watch.h"
#include "scheduler/shared.h"
#include "scheduler/supervisor.h"

#define RULE_TICK_MS 100
#define RULE_GAP_MS 20
#define CHARGE_AFTER_US 50000 /* shorter calls are charged to budgets at their end */
#define BIT(metric) (UINT32_C(1) << (metric))
#define MEASURED (BIT(POLICY_METRIC_CPU_TIME) | BIT(POLICY_METRIC_MEMORY) | BIT(POLICY_METRIC_TEMP))

/* One look. */
typedef struct Look
{
	const Policy *policy;
	uint64 generation;
	uint64 counting; /* rules that look at calls */
	TimestampTz now; /* by clock_now() */
	ControlMessage question;
} Look;

static TimestampTz looked_at = 0, asked_at = 0;
static bool answered = false;

static uint64
rules_counting(const Policy *policy)
{
	uint64 counting = 0;

	for (int i = 0; i < policy->rule_count; i++)
		if ((rule_metrics_used(policy->rules, UINT64CONST(1) << i) & BIT(POLICY_METRIC_CALLS)) != 0)
			counting |= UINT64CONST(1) << i;
	return counting;
}

/* The call's rules by the numbers of the policy in force, of those that are about its pool. One that is about others by now waits for the
 * backend to say whether it is about this call, too. */
static uint64
rules_of(const Look *look, const ActivityCall *call)
{
	uint64 rules = call->rules;
	int32 moves[POLICY_RULES_MAX];

	if (rules != 0 && call->policy != look->generation)
	{
		(void) rule_store_moves(call->policy, look->policy, moves);
		rules &= rule_store_same(call->policy, look->policy);
		rules = rule_mask_renumber(rules, moves, POLICY_RULES_MAX);
	}
	return policy_rules_of(look->policy, rules, policy_pool_find(look->policy, call->pool_name));
}

static void
metrics_read(const ActivityCall *call, const Watched *watched, TimestampTz now, RuleMetrics *metrics)
{
	metrics->known = BIT(POLICY_METRIC_COUNT) - 1;
	metrics->values[POLICY_METRIC_ELAPSED] = (now - call->asked_at) / 1000;
	metrics->values[POLICY_METRIC_RUN_TIME] = watched->run_us / 1000;
	metrics->values[POLICY_METRIC_QUEUE_TIME] = watched->queue_us / 1000;
	metrics->values[POLICY_METRIC_CALLS] = (int64) call->calls;
	metrics->values[POLICY_METRIC_ROWS] = (int64) call->rows;
	metrics->values[POLICY_METRIC_CPU_TIME] = watched->measure.cpu_us / 1000;
	metrics->values[POLICY_METRIC_MEMORY] = watched->measure.memory;
	metrics->values[POLICY_METRIC_TEMP] = watched->measure.temp;
	if (!watched->measured)
		metrics->known &= ~MEASURED;
}

static void
rules_follow(const Look *look, const ActivityCall *call, uint64 rules, const RuleMetrics *metrics, Watched *watched)
{
	RuleDue due[POLICY_RULES_MAX];
	uint64 begun;
	int32 count;

	rule_watch_follow(watched, look->policy, look->generation);
	count = rule_look(look->policy->rules, rules, metrics, &watched->watch, look->now, due, &begun);
	for (; begun != 0; begun &= begun - 1)
		rule_store_count(look->policy->rules[__builtin_ctzll(begun)].name, false);
	for (int32 i = 0; i < count; i++)
		if (!rule_act(look->policy, &due[i], call, look->now))
			rule_watch_undo(&watched->watch, due[i].rule); /* another call of the statement, if there is one */
}

static void
usage_send(Look *look)
{
	if (look->question.count > 0)
		supervisor_send(&look->question);
	look->question.count = 0;
}

static void
usage_ask(Look *look, uint64 interpreter)
{
	if (interpreter == 0)
		return;
	if (look->question.count == CONTROL_USAGES_MAX)
		usage_send(look);
	look->question.usages[look->question.count++] = (ControlUsage){.id = interpreter};
}

static void
call_judge(Look *look, int number, const ActivityCall *call, uint64 rules)
{
	Watched *watched = rule_watch_call(number, call, look->now);
	RuleMetrics metrics;

	if (call->started_at != 0)
		watched->run_us = (call->still_since != 0 ? call->still_since : look->now) - call->running_since;
	if (call->started_at == 0)
		watched->queue_us = look->now - call->asked_at;
	metrics_read(call, watched, look->now, &metrics);
	rules_follow(look, call, rules & ~look->counting, &metrics, watched);
	if ((rules & look->counting) != 0)
		rules_follow(look, call, rules & look->counting, &metrics, rule_watch_statement(number, call, look->now));
	if ((rule_metrics_used(look->policy->rules, rules) & MEASURED) != 0 && !answered)
		usage_ask(look, call->interpreter);
}

/*
 * There are rules that the call's backend has not seen: wakes it to look. Returns whether it is to be looked at again. In SQL it
 * cannot look, and does when that is over.
 */
static bool
call_remind(const Look *look, int number, const ActivityCall *call)
{
	if (call->policy == look->generation || look->policy->rule_count == 0 || call->state == ACTIVITY_SQL)
		return false;
	activity_wake(number);
	return true;
}

/* Returns whether the call needs another look. */
static bool
call_look(Look *look, int number, const ActivityCall *call)
{
	bool reminded = call_remind(look, number, call);
	uint64 rules = rules_of(look, call);
	ActivityWish wish;
	bool held = activity_wish_read(number, call->call_id, &wish) && wish.held && !OidIsValid(wish.held_by) &&
				wish.held_until != 0;

	if (held && look->now >= wish.held_until)
		rule_resume(call, look->now);
	if (rules != 0)
		call_judge(look, number, call, rules);
	if (call->budgets != 0 && call->state == ACTIVITY_RUNNING && look->now - call->running_since >= CHARGE_AFTER_US)
		activity_wake(number);
	return rules != 0 || call->budgets != 0 || held || reminded;
}

static bool
calls_look(Look *look)
{
	bool any = false;

	for (int i = 0; i < activity_entries(); i++)
	{
		ActivityCall call;

		if (activity_read(i, &call) && call_look(look, i, &call))
			any = true;
	}
	usage_send(look);
	return any;
}

long
rule_tick(TimestampTz now)
{
	static Look look;
	bool any;

	if (policy_store_generation() == 0)
		return -1;
	if (!answered && now - looked_at < RULE_GAP_MS * 1000)
		return pg_atomic_read_u32(&shared->rules_watched) != 0 ? RULE_TICK_MS : RULE_GAP_MS;
	policy_store_refresh();
	look = (Look){.policy = policy_store_get(),
				  .generation = policy_store_local_generation(),
				  .now = now,
				  .question = {.kind = CONTROL_USAGE}};
	look.counting = rules_counting(look.policy);
	answered = answered && now - asked_at < RULE_TICK_MS * 1000 / 2;
	if (!answered)
		asked_at = now;
	pg_atomic_write_u32(&shared->rules_watched, 0);
	pg_memory_barrier(); /* pairs with activity_watch() */
	any = calls_look(&look);
	pg_atomic_write_u32(&shared->rules_watched, any ? 1 : 0);
	rule_watch_sweep(now);
	answered = false;
	looked_at = now;
	return any ? RULE_TICK_MS : -1;
}

void
rule_tick_usage(const ControlMessage *answer)
{
	for (uint32 i = 0; i < answer->count; i++)
		rule_watch_measure(&answer->usages[i], looked_at);
	answered = true;
}
