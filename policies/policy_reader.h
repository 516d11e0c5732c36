/*
 * policy_reader.h - where the parser stands in the file, and how it says what is wrong there.
 */
#ifndef PYBOX_POLICY_READER_H
#define PYBOX_POLICY_READER_H

#include "policies/policy_text.h"
#include "policies/policy_yaml.h"

#define POLICY_READER_PATH_SIZE 160
#define POLICY_NODE_ABSENT (-1) /* instead of a node: the key is not in the file */

typedef struct PolicyReader
{
	PolicyTree tree;
	Policy *policy; /* the draft */
	PolicyError *error;
	size_t path_used;
	char path[POLICY_READER_PATH_SIZE]; /* such as "pools.batch.limits" */
} PolicyReader;

/* Appends one step to the path, with a dot if one is wanted; returns what policy_reader_leave takes back. */
size_t policy_reader_enter(PolicyReader *reader, const char *format, ...) __attribute__((format(printf, 2, 3)));
void policy_reader_leave(PolicyReader *reader, size_t mark);
/* Sets the error to "path: message" at the node's place and returns -1. */
int policy_reader_fail(PolicyReader *reader, int node, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* 0 if the node is of that kind, else the error "expected ..., found ...". */
int policy_reader_expect(PolicyReader *reader, int node, PolicyNodeKind kind);
/* A scalar's value. */
const char *policy_reader_text(const PolicyReader *reader, int node);
/* What a node is, for messages: a text in quotes or "a list". Returns quote or a constant. */
const char *policy_reader_found(const PolicyReader *reader, int node, char quote[POLICY_QUOTE_SIZE]);
/*
 * Enters a key of a mapping that was read without fault, to say what is wrong with it. Returns the key's value, or the
 * mapping itself if it lacks the key.
 */
int policy_reader_descend(PolicyReader *reader, int map, const char *key);
/* The key's value in a mapping that was read without fault, or POLICY_NODE_ABSENT. */
int policy_reader_find(const PolicyReader *reader, int map, const char *key);

#endif
