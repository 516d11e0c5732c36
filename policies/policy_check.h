/*
 * policy_check.h - what must hold between the values of a policy, each of which is right by itself.
 */
#ifndef PYBOX_POLICY_CHECK_H
#define PYBOX_POLICY_CHECK_H

#include "policies/policy_reader.h"

/* Each also fills in the defaults that depend on other values. They return 0, or -1 with the reader's error set. */
int policy_check_node(PolicyReader *reader, int node);
int policy_check_pool(PolicyReader *reader, PolicyPool *pool, int node);
int policy_check_default(PolicyReader *reader, int node);
/* One entry of a list, by the struct's type, with those before it in the draft; node: its mapping. */
int policy_check_assign(PolicyReader *reader, const void *assign, int node);
int policy_check_cap(PolicyReader *reader, const void *cap, int node);
int policy_check_filter(PolicyReader *reader, const void *filter, int node);
int policy_check_rule(PolicyReader *reader, const void *rule, int node);
int policy_check_budget(PolicyReader *reader, const void *budget, int node);

#endif
