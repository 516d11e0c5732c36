/*
 * policy_show.h - the effective policy as YAML.
 */
#ifndef PYBOX_POLICY_SHOW_H
#define PYBOX_POLICY_SHOW_H

#include "policies/policy.h"

/*
 * Writes the policy with every default filled in; parsed again it gives the same Policy but for line numbers. As
 * snprintf: returns the length without the NUL and cuts off what does not fit into size bytes.
 */
size_t policy_show(const Policy *policy, char *text, size_t size);

#endif
