/*
 * rule_store.h - what rules keep in shared memory: how often each acted, who offended before, and what their numbers meant.
 *
 * DESIGN. A call knows its rules by their numbers in the policy that its backend saw last. The last lists of names are kept, one
 * for all reloads that change none, so that the scheduler can tell which rule of the policy in force that is. All under the
 * part's own lock but the names, which are written with the policy, under shared->lock.
 */
#ifndef PYBOX_RULE_STORE_H
#define PYBOX_RULE_STORE_H

#include "postgres.h"

#include "utils/timestamp.h"

#include "policies/policy.h"

/* Of a rule of the policy in force. */
typedef struct RuleCount
{
	char name[POLICY_NAME_SIZE];
	uint64 matched; /* how often its terms came to hold for a call */
	uint64 acted;	/* how often it acted, or on trial would have */
	TimestampTz last_at;
} RuleCount;

/* What counts as the same: a call of the function, with that body, against the rule. On trial they count apart. */
typedef struct RuleOffence
{
	char rule[POLICY_NAME_SIZE];
	Oid database, function;
	uint64 body;
	bool dry_run;
} RuleOffence;

Size rule_store_size(void);
void rule_store_initialize(void);
/* A policy was put in force; the caller holds shared->lock, and calls it before the generation grows. */
void rule_store_install(const Policy *policy, uint64 generation);
/* Which rule of the current policy each of a former one is: moves[POLICY_RULES_MAX]. False: it is forgotten. */
bool rule_store_moves(uint64 generation, const Policy *now, int32 *moves);
/* The mask of those former rules that are about the same calls in the current policy, whatever their pools. */
uint64 rule_store_same(uint64 generation, const Policy *now);
void rule_store_count(const char *rule, bool acted);
/* Copies to list[POLICY_RULES_MAX]; returns how many. */
int rule_store_counts(RuleCount *list);
/* How often that happened, each within window_us after the one before. */
int rule_store_offences(const RuleOffence *offence, int64 window_us, TimestampTz now);
/* It happened once more. With as many as after they are forgotten. */
void rule_store_offence_add(const RuleOffence *offence, int64 window_us, int after, TimestampTz now);

#endif
