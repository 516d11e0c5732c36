/*
 * policy_yaml.h - the subset of YAML that a policy is written in, as a flat tree.
 *
 * Only policy_parse.c reads it. Plain and quoted scalars, lists and mappings of one document; no anchors, aliases, tags
 * or directives.
 */
#ifndef PYBOX_POLICY_YAML_H
#define PYBOX_POLICY_YAML_H

#include "policies/policy.h"

typedef enum PolicyNodeKind
{
	POLICY_NODE_NOTHING,
	POLICY_NODE_TEXT,
	POLICY_NODE_LIST,
	POLICY_NODE_MAP
} PolicyNodeKind;

typedef struct PolicyNode
{
	PolicyNodeKind kind;
	int line, column; /* from 1 */
	int end;		  /* index of the first node that is neither this one nor below it */
	size_t text;	  /* offset of a scalar's NUL-terminated value */
} PolicyNode;

/*
 * Nodes in the order of the text: node 0 is the root, a node's first child follows it, a mapping's are key, value, ...
 */
typedef struct PolicyTree
{
	PolicyNode *nodes;
	int node_count, node_room;
	char *text;
	size_t text_used, text_room;
} PolicyTree;

/* Returns 0, or -1 with *error filled in. The caller frees the tree in both cases. */
int policy_tree_read(PolicyTree *tree, const char *text, size_t length, PolicyError *error);
void policy_tree_free(PolicyTree *tree);

#endif
