/*
 * policy_catalog.h - whether the roles, databases and functions that a policy names are there.
 */
#ifndef PYBOX_POLICY_CATALOG_H
#define PYBOX_POLICY_CATALOG_H

#include "postgres.h"

#include "policies/policy.h"

/* Warns of each name that the catalog lacks, with source:line; source NULL: a policy that nobody wrote, in which all is right. */
void policy_catalog_check(const Policy *policy, const char *source);

#endif
