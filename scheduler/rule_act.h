/*
 * rule_act.h - what rules do to calls. Runs in the scheduler.
 */
#ifndef PYBOX_RULE_ACT_H
#define PYBOX_RULE_ACT_H

#include "postgres.h"

#include "scheduler/activity.h"
#include "scheduler/rule.h"

/* Does what the rule says, or on trial only notes it; leaves an event. False: the call is over. */
bool rule_act(const Policy *policy, const RuleDue *due, const ActivityCall *call, TimestampTz now);
/* Lets a call go on that a rule paused for a while which is over. */
void rule_resume(const ActivityCall *call, TimestampTz now);

#endif
