/*
 * policy_section.h - readers of a policy's parts, each from a node of the tree into a field of the draft.
 *
 * All return 0, or -1 with the reader's error set. node may be POLICY_NODE_ABSENT unless the key is required: the
 * default then.
 */
#ifndef PYBOX_POLICY_SECTION_H
#define PYBOX_POLICY_SECTION_H

#include "policies/policy_key.h"
#include "policies/policy_reader.h"

/* In policy_parse.c: by the rows of a table; base is the struct that the rows' offsets mean. */
int policy_section_map(PolicyReader *reader, const PolicyKey *keys, int node, void *base);
/* Fills values[POLICY_KEYS_MAX], for each row of a table the node of its value or POLICY_NODE_ABSENT. */
int policy_section_match(PolicyReader *reader, const PolicyKey *keys, int node, int *values);
int policy_section_scalar(PolicyReader *reader, const PolicyKey *key, int node, void *base);
/* In policy_section.c: one for each kind of structure that only a policy has. */
int policy_section_node(PolicyReader *reader, const PolicyKey *key, int node, void *base);
int policy_section_layers(PolicyReader *reader, const PolicyKey *key, int node, void *base);
int policy_section_pools(PolicyReader *reader, const PolicyKey *key, int node, void *base);
int policy_section_pool(PolicyReader *reader, const PolicyKey *key, int node, void *base);
/* In policy_entry.c: lists of entries with keys, and what only these have. */
int policy_section_entries(PolicyReader *reader, const PolicyKey *key, int node, void *base);
int policy_section_assigns(PolicyReader *reader, const PolicyKey *key, int node, void *base);
int policy_section_flags(PolicyReader *reader, const PolicyKey *key, int node, void *base);
int policy_section_terms(PolicyReader *reader, const PolicyKey *key, int node, void *base);

#endif
