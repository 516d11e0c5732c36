/*
 * filter.h - calls that are refused before they start.
 */
#ifndef PYBOX_FILTER_H
#define PYBOX_FILTER_H

#include "postgres.h"

#include "handler/call.h"

/* Raises 53400 when a filter of the policy is about this call, whose arguments are put together; leaves an event. */
void filter_check(const Call *call, WireKind kind);

#endif
