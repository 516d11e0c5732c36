/*
 * policy_check.h - what must hold between the values of a policy, each of which is right by itself.
 */
#ifndef PYBOX_POLICY_CHECK_H
#define PYBOX_POLICY_CHECK_H

#include "policies/policy_reader.h"

/* Each also fills in the defaults that depend on other values. They return 0, or -1 with the reader's error set. */
int policy_check_node(PolicyReader *reader, int node);
int policy_check_pool(PolicyReader *reader, PolicyPool *pool, int node);
int policy_check_assign(PolicyReader *reader, const PolicyAssign *assign, int node);
int policy_check_default(PolicyReader *reader, int node);

#endif
