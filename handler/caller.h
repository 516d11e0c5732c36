/*
 * caller.h - who calls, by the names that the policy's selectors go by: role, the roles that it is a member of, database, function.
 *
 * DESIGN. To look names up may wait for locks, so it is done before a call holds anything. What was found is kept by role, for a
 * policy that comes while the call runs: that is judged without a look into the catalog.
 */
#ifndef PYBOX_CALLER_H
#define PYBOX_CALLER_H

#include "postgres.h"

#include "policies/policy.h"

/* Looks the role's names up, if they are not known or have changed; database NULL: this one. Valid until the next look. */
PolicyCaller caller_find(Oid role, const char *database, const char *function);
/* The same in this database by what is known of the role, old or not. False: nothing is. */
bool caller_known(Oid role, const char *function, PolicyCaller *caller);
/* Grows when roles have changed. */
uint64 caller_generation(void);

#endif
