/*
 * policy_store.h - the policy in force, in shared memory, and each process's copy of it.
 */
#ifndef PYBOX_POLICY_STORE_H
#define PYBOX_POLICY_STORE_H

#include "postgres.h"

#include "policies/policy.h"

/* pybox.policy_file; empty: the built-in default. */
extern char *policy_store_file;

/* A policy that could be put in force. */
typedef struct PolicyDraft
{
	const char *source; /* path, or what stands for one */
	const char *text;
	size_t length;
	Policy *policy;
} PolicyDraft;

/*
 * Fills in a draft from the policy file, or its policy from its source and text; palloc'd. What is wrong is reported at elevel
 * with SQLSTATE F0000 and "file:line:column"; below ERROR they return false.
 */
bool policy_store_read(PolicyDraft *draft, int elevel);
bool policy_store_check(PolicyDraft *draft, int elevel);
/*
 * Reads, checks and installs the policy file, all or nothing. What is wrong with it is reported as above; then the old
 * policy stays. One that replaces another is an event.
 */
bool policy_store_load(int elevel);
/* Until a policy is installed, calls fail at once instead of waiting for the first one. */
void policy_store_refuse(void);
/* Grows with each policy installed; 0: none yet. */
uint64 policy_store_generation(void);
/*
 * This process's copy, and which it is. It changes in place, in policy_store_refresh() alone, which the outermost call
 * makes: calls that run keep the limits they began with. It waits for the first policy, and raises 55000 when there is
 * none within ten seconds, or F0000 when the file could not be used.
 */
const Policy *policy_store_get(void);
uint64 policy_store_local_generation(void);
void policy_store_refresh(void);
/* The one in force, palloc'd. Raises as policy_store_get(). */
Policy *policy_store_copy(void);
/* The same for views, which neither wait nor raise: one of zeros while there is none. */
Policy *policy_store_peek(void);

#endif
