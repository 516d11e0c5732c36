/*
 * python_channel.h - frames to and from the backend, for the interpreter.
 *
 * Nothing here looks at Python's signals or runs Python code, so the stream is never left in the middle of a frame. The
 * interpreter lock is kept while waiting: Python threads run only while a call does. A broken stream or a backend that is
 * gone ends the process.
 */
#ifndef PYBOX_PYTHON_CHANNEL_H
#define PYBOX_PYTHON_CHANNEL_H

#include <Python.h>

#include "sandbox/wire.h"

#define OUTBOX_INLINE_SIZE 2048

/* A frame that came. The reader's bytes are valid until channel_release. */
typedef struct Inbox
{
	WireFrame frame;
	WireReader reader;
	PyObject *owner; /* bytes object that holds a long payload, or NULL */
} Inbox;

/* A frame in the making; small ones need no memory of their own. The header's place is kept in front. */
typedef struct Outbox
{
	WireWriter writer;
	uint8_t small[OUTBOX_INLINE_SIZE];
} Outbox;

/* Takes the socket and the mapped memfd over; once in a process. */
void channel_open(int socket, void *map);
/* NULL before channel_open. */
const WireShared *channel_shared(void);

/*
 * Waits for the next frame. Returns 0, or -1 with MemoryError set: then in->frame is right and the payload was skipped.
 */
int channel_receive(Inbox *in);
void channel_release(Inbox *in);

void outbox_open(Outbox *out);
/* Drops what was written so far, and the writer's error; room for a small payload is always there. */
void outbox_reset(Outbox *out);
void outbox_send(Outbox *out, WireKind kind, uint64_t call);
void outbox_close(Outbox *out);

/* The other end, or this program, broke the rules: says so where it may, and ends the process. */
_Noreturn void channel_fail(const char *reason);

#endif
