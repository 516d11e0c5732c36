/*
 * policy_line.h - the value of one key on a line, for the file, the views and the differences alike.
 */
#ifndef PYBOX_POLICY_LINE_H
#define PYBOX_POLICY_LINE_H

#include "policies/policy_value.h"

#define POLICY_LINE_SIZE (POLICY_READS_MAX * (POLICY_VALUE_SIZE + 2) + 3) /* of the longest list, of paths */

/* Whether the key's value is a mapping, or a list of mappings, of keys of its own: then it has no line. */
bool policy_line_has_below(const PolicyKey *key);
/* Whether the key says anything: false where leaving it out says the same, in entries of lists. */
bool policy_line_is_said(const PolicyKey *key, const void *base);
/* Whether it holds something even when it is left out, or is said: then views show it. */
bool policy_line_is_told(const PolicyKey *key, const void *base);
/* Prints it as YAML, in flow style; base: the struct that the key's offset means. size >= POLICY_LINE_SIZE. */
void policy_line_print(const Policy *policy, const PolicyKey *key, const void *base, char *text, size_t size);

#endif
