/*
 * queue_policy.h - what a policy says, in the queue's words: the same for the server and for the simulator.
 */
#ifndef PYBOX_QUEUE_POLICY_H
#define PYBOX_QUEUE_POLICY_H

#include "policies/policy.h"
#include "scheduler/queue.h"

typedef struct QueuePlan
{
	QueueRule pools[POLICY_POOLS_MAX];
	QueueCapRule caps[POLICY_CAPS_MAX];
	QueueSetup setup; /* points to these two: a plan is not to be copied */
} QueuePlan;

/* Fills the plan; moves and version are the caller's to add. */
void queue_plan(const Policy *policy, QueuePlan *plan);

#endif
