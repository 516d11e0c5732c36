/*
 * subtransaction.h - the subtransactions that a function opened by plpy.subtransaction(), a stack of each call's own.
 */
#ifndef PYBOX_SUBTRANSACTION_H
#define PYBOX_SUBTRANSACTION_H

#include "postgres.h"

#include "handler/call.h"

/* Serves WIRE_SUBTRANSACTION; SPI is connected before, since its context must outlive what is opened. */
void subtransaction_serve(Call *call, WireReader *reader, FrameOut *out);
/* Rolls back what a function that is through has left open, with a warning for each. */
void subtransactions_end(Call *call);
/* The same without a word, for a call that an error ends. */
void subtransactions_abandon(Call *call);

#endif
