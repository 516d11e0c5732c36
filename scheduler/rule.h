/*
 * rule.h - which of the rules for runaway calls are due for a call, and which of those acts.
 *
 * DESIGN. Pure: the time is an argument, in microseconds. A rule is due when all its terms have held without a break for as
 * long as it says. It acts once for each such spell, and, with a cool-down, again whenever that is over and the terms still
 * hold; between two actions on the same call the cool-down passes in any case. Of the rules that are due at one look the most
 * severe acts, the first in the file among equals; the others are due at the next look still. What ends a call is done once,
 * and after it only what is more severe. A rule on trial (dry_run) holds back no other, and is said to act exactly when it
 * would have acted were it in force. What acted on trial, or did something else before a reload, acts anew.
 */
#ifndef PYBOX_RULE_H
#define PYBOX_RULE_H

#include "policies/policy.h"

/* What is known of a call; a metric whose bit (1 << PolicyMetric) is not in known holds for no term. */
typedef struct RuleMetrics
{
	uint32_t known;
	int64_t values[POLICY_METRIC_COUNT]; /* in the units of PolicyMetric */
} RuleMetrics;

/* How a call stands to one rule. */
typedef struct RuleState
{
	int64_t held_since;	 /* 0: its terms do not hold */
	int64_t acted_at;	 /* 0: never */
	bool spent;			 /* has acted in this spell */
	bool was_trial;		 /* as a rule on trial */
	PolicyAction action; /* what it did then */
} RuleState;

/* How a call stands to all; zeroed for a new one. */
typedef struct RuleWatch
{
	RuleState states[POLICY_RULES_MAX];
	int32_t ended; /* PolicyAction + 1 that has ended it; 0: none */
} RuleWatch;

/* A rule that acts now, and the term to tell of: its first. */
typedef struct RuleDue
{
	int32_t rule; /* index */
	PolicyMetric metric;
	int64_t value, threshold;
	bool dry_run;
} RuleDue;

/* What a metric's numbers are: "ms", "bytes" or "". */
const char *rule_metric_unit(PolicyMetric metric);
/* Bits 1 << PolicyMetric of what the rules of a mask look at. */
uint32_t rule_metrics_used(const PolicyRule *rules, uint64_t mask);
/*
 * Looks at a call: fills due[POLICY_RULES_MAX] with what acts at once, one rule in force at most, and takes note that it
 * did; begun gets the rules whose terms have come to hold. Returns how many act.
 */
int32_t rule_look(const PolicyRule *rules, uint64_t mask, const RuleMetrics *metrics, RuleWatch *watch, int64_t now,
				  RuleDue *due, uint64_t *begun);
/* What the last look said of a rule in force was not done: it is due again. */
void rule_watch_undo(RuleWatch *watch, int32_t rule);
/* After a new policy: moves[old number] is the new one, or -1. */
void rule_watch_renumber(RuleWatch *watch, const int32_t *moves, int32_t count);
uint64_t rule_mask_renumber(uint64_t mask, const int32_t *moves, int32_t count);

#endif
