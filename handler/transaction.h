/*
 * transaction.h - plpy.commit() and plpy.rollback().
 */
#ifndef PYBOX_TRANSACTION_H
#define PYBOX_TRANSACTION_H

#include "postgres.h"

#include "handler/call.h"

/* Serves WIRE_TRANSACTION; when it raises, a new transaction has begun already, or none has ended. */
void transaction_serve(Call *call, WireReader *reader, FrameOut *out);
/* Whether the current call is ending a transaction: then the transaction's end is not the call's. */
bool transaction_is_ending(void);

#endif
