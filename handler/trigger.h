/*
 * trigger.h - a function called by a trigger.
 */
#ifndef PYBOX_TRIGGER_H
#define PYBOX_TRIGGER_H

#include "postgres.h"

#include "fmgr.h"

/* The call handlers' other half, for CALLED_AS_TRIGGER: the row to go on with, or NULL, as trigger functions return it. */
Datum trigger_fire(FunctionCallInfo info);

#endif
