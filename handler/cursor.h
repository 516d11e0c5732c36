/*
 * cursor.h - the cursors of Python functions: portals of this session, known to their interpreter by number.
 *
 * DESIGN. An entry lives in its portal's memory and goes with it, so that whatever ends a portal, a number that is unknown
 * is one whose transaction or subtransaction was rolled back. The portal is pinned while Python has the cursor, if it may be:
 * then it survives plpy.commit(). One that nobody has any more is doomed: unpinned at once, which is safe at any time, and dropped
 * at the next sweep.
 */
#ifndef PYBOX_CURSOR_H
#define PYBOX_CURSOR_H

#include "postgres.h"

#include "handler/call.h"

/* Each takes its request's payload, appends its reply, and may raise. */
void cursor_open_query(Call *call, WireReader *reader, FrameOut *out);
void cursor_open_plan(Call *call, WireReader *reader, FrameOut *out);
void cursor_fetch(Call *call, WireReader *reader, FrameOut *out);
void cursor_close(Call *call, WireReader *reader, FrameOut *out);
void cursor_free(Call *call, WireReader *reader, FrameOut *out);
/* The interpreter of this lease has let go of one. Raises nothing. */
void cursor_doom(uint64 lease, uint32 number);
/* Unpins the cursors of interpreters that are gone. Raises nothing. */
void cursors_unpin(void);
/* Drops those that nobody has; may run what executors run at their end, and raise. */
void cursors_sweep(void);

#endif
