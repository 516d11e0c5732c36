/*
 * rule.h - what the rules of a policy do to calls that run away: which of them are due, and how severe.
 */
#ifndef PYBOX_RULE_H
#define PYBOX_RULE_H

#include "policies/policy.h"

/* By the names of the policy file. */
const char *rule_metric_name(PolicyMetric metric);
const char *rule_action_name(PolicyAction action);

#endif
