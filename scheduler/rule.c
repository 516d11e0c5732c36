/*
 * rule.c - the rules' tables. Pure: see rule.h.
 */
#include "scheduler/rule.h"

static const char *const metric_names[POLICY_METRIC_COUNT] = {
	[POLICY_METRIC_ELAPSED] = "elapsed",
	[POLICY_METRIC_RUN_TIME] = "run_time",
	[POLICY_METRIC_QUEUE_TIME] = "queue_time",
	[POLICY_METRIC_CPU_TIME] = "cpu_time",
	[POLICY_METRIC_MEMORY] = "memory",
	[POLICY_METRIC_CALLS] = "calls",
	[POLICY_METRIC_ROWS] = "rows",
	[POLICY_METRIC_TEMP] = "temp",
};

static const char *const action_names[POLICY_ACTION_COUNT] = {
	[POLICY_ACTION_LOG] = "log",
	[POLICY_ACTION_DEMOTE] = "demote",
	[POLICY_ACTION_MOVE] = "move",
	[POLICY_ACTION_PAUSE] = "pause",
	[POLICY_ACTION_CANCEL] = "cancel",
	[POLICY_ACTION_KILL] = "kill",
	[POLICY_ACTION_QUARANTINE] = "quarantine",
};

const char *
rule_metric_name(PolicyMetric metric)
{
	return metric_names[metric];
}

const char *
rule_action_name(PolicyAction action)
{
	return action_names[action];
}
