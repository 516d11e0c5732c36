/* slot_error.h - the errors of calls that get no slot. */
#ifndef PYBOX_SLOT_ERROR_H
#define PYBOX_SLOT_ERROR_H

#include "scheduler/slot.h"

/* The queue's answer to the claim was neither a slot nor a place in line. */
void slot_refused(const SlotClaim *claim, QueueAnswer answer) pg_attribute_noreturn();
void slot_timed_out(const SlotClaim *claim) pg_attribute_noreturn();

#endif
