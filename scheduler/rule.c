/*
 * rule.c - which rules act on a call. Pure: see rule.h.
 */
#include "scheduler/rule.h"

#include <string.h>

#define NOBODY (-1)

static const char *const units[POLICY_METRIC_COUNT] = {
	[POLICY_METRIC_ELAPSED] = "ms",	 [POLICY_METRIC_RUN_TIME] = "ms",  [POLICY_METRIC_QUEUE_TIME] = "ms",
	[POLICY_METRIC_CPU_TIME] = "ms", [POLICY_METRIC_MEMORY] = "bytes", [POLICY_METRIC_CALLS] = "",
	[POLICY_METRIC_ROWS] = "",		 [POLICY_METRIC_TEMP] = "bytes",
};

/* What ends a call: nothing milder follows, and it is done once. */
static const bool ends[POLICY_ACTION_COUNT] = {
	[POLICY_ACTION_CANCEL] = true,
	[POLICY_ACTION_KILL] = true,
	[POLICY_ACTION_QUARANTINE] = true,
};

const char *
rule_metric_unit(PolicyMetric metric)
{
	return units[metric];
}

uint32_t
rule_metrics_used(const PolicyRule *rules, uint64_t mask)
{
	uint32_t used = 0;

	for (; mask != 0; mask &= mask - 1)
	{
		const PolicyRule *rule = &rules[__builtin_ctzll(mask)];

		for (int32_t i = 0; i < rule->term_count; i++)
			used |= UINT32_C(1) << rule->terms[i].metric;
	}
	return used;
}

static bool
terms_hold(const PolicyRule *rule, const RuleMetrics *metrics)
{
	for (int32_t i = 0; i < rule->term_count; i++)
	{
		const PolicyTerm *term = &rule->terms[i];

		if ((metrics->known & UINT32_C(1) << term->metric) == 0 || metrics->values[term->metric] <= term->above)
			return false;
	}
	return rule->term_count > 0;
}

/* What it did on trial, or as the rule that it was before a reload, is not what it is to do now. */
static void
deed_forget(const PolicyRule *rule, RuleState *state)
{
	if (state->acted_at == 0 || (state->action == rule->action && (!state->was_trial || rule->dry_run)))
		return;
	state->acted_at = 0;
	state->spent = false;
}

/* Begins or ends the spell. True: it begins now. */
static bool
spell_follow(RuleState *state, bool holds, int64_t now)
{
	bool begins = holds && state->held_since == 0;

	if (begins)
		state->held_since = now;
	if (!holds)
	{
		state->held_since = 0;
		state->spent = false;
	}
	return begins;
}

static bool
rule_is_due(const PolicyRule *rule, const RuleState *state, int64_t now)
{
	bool cooled = state->acted_at == 0 || now - state->acted_at >= rule->cooldown_ms * 1000;

	if (state->held_since == 0 || now - state->held_since < rule->for_ms * 1000 || !cooled)
		return false;
	if (ends[rule->action])
		return state->acted_at == 0;
	return !state->spent || rule->cooldown_ms > 0;
}

/* The mask of what is due and was not overtaken by what ended the call. */
static uint64_t
rules_due(const PolicyRule *rules, uint64_t mask, const RuleMetrics *metrics, RuleWatch *watch, int64_t now,
		  uint64_t *begun)
{
	uint64_t due = 0;

	*begun = 0;
	for (int32_t i = 0; i < POLICY_RULES_MAX; i++)
		if ((mask & UINT64_C(1) << i) == 0)
			(void) spell_follow(&watch->states[i], false, now);
	for (; mask != 0; mask &= mask - 1)
	{
		int32_t i = __builtin_ctzll(mask);
		RuleState *state = &watch->states[i];

		deed_forget(&rules[i], state);
		if (spell_follow(state, terms_hold(&rules[i], metrics), now))
			*begun |= UINT64_C(1) << i;
		if (rule_is_due(&rules[i], state, now) && (int32_t) rules[i].action >= watch->ended)
			due |= UINT64_C(1) << i;
	}
	return due;
}

/* The most severe of those in force, the first among equals. */
static int32_t
most_severe(const PolicyRule *rules, uint64_t due)
{
	int32_t best = NOBODY;

	for (; due != 0; due &= due - 1)
	{
		int32_t i = __builtin_ctzll(due);

		if (!rules[i].dry_run && (best == NOBODY || rules[i].action > rules[best].action))
			best = i;
	}
	return best;
}

static bool
would_win(const PolicyRule *rules, int32_t one, int32_t best)
{
	if (best == NOBODY || rules[one].action > rules[best].action)
		return true;
	return rules[one].action == rules[best].action && one < best;
}

static RuleDue
rule_act(const PolicyRule *rules, int32_t number, const RuleMetrics *metrics, RuleWatch *watch, int64_t now)
{
	const PolicyRule *rule = &rules[number];
	const PolicyTerm *term = &rule->terms[0];

	watch->states[number].acted_at = now;
	watch->states[number].spent = true;
	watch->states[number].was_trial = rule->dry_run;
	watch->states[number].action = rule->action;
	if (!rule->dry_run && ends[rule->action])
		watch->ended = (int32_t) rule->action + 1;
	return (RuleDue){.rule = number,
					 .metric = term->metric,
					 .value = metrics->values[term->metric],
					 .threshold = term->above,
					 .dry_run = rule->dry_run};
}

int32_t
rule_look(const PolicyRule *rules, uint64_t mask, const RuleMetrics *metrics, RuleWatch *watch, int64_t now,
		  RuleDue *due, uint64_t *begun)
{
	uint64_t ready = rules_due(rules, mask, metrics, watch, now, begun);
	int32_t best = most_severe(rules, ready), count = 0;

	for (; ready != 0; ready &= ready - 1)
	{
		int32_t i = __builtin_ctzll(ready);

		if (i == best || (rules[i].dry_run && would_win(rules, i, best)))
			due[count++] = rule_act(rules, i, metrics, watch, now);
	}
	return count;
}

void
rule_watch_undo(RuleWatch *watch, int32_t rule)
{
	watch->states[rule].acted_at = 0;
	watch->states[rule].spent = false;
	watch->ended = 0;
}

void
rule_watch_renumber(RuleWatch *watch, const int32_t *moves, int32_t count)
{
	RuleState old[POLICY_RULES_MAX];

	memcpy(old, watch->states, sizeof(old));
	memset(watch->states, 0, sizeof(watch->states));
	for (int32_t i = 0; i < count; i++)
		if (moves[i] >= 0)
			watch->states[moves[i]] = old[i];
}

uint64_t
rule_mask_renumber(uint64_t mask, const int32_t *moves, int32_t count)
{
	uint64_t moved = 0;

	for (int32_t i = 0; i < count; i++)
		if ((mask & UINT64_C(1) << i) != 0 && moves[i] >= 0)
			moved |= UINT64_C(1) << moves[i];
	return moved;
}
