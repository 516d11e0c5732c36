/*
 * python_serve.h - the conversation: frames of the backend are served, requests to it are made.
 */
#ifndef PYBOX_PYTHON_SERVE_H
#define PYBOX_PYTHON_SERVE_H

#include "sandbox/python_channel.h"

/* Serves frames until the backend is gone. */
_Noreturn void serve_forever(void);

/*
 * Sends a request for the function that runs, after activation_check_request, and waits for the reply; calls that the
 * backend makes meanwhile are served. Returns 0 with the reply to read and serve_finish, or -1 with an exception set.
 */
int serve_request(Outbox *out, WireKind kind, Inbox *reply);
/* Ends the reading of a reply; a malformed one ends the process. An exception that is set stays. */
void serve_finish(Inbox *reply);

/* Lets the backend free a plan or cursor, as soon as it listens; kind is WIRE_FREE_*. May be called at any time, from any thread. */
void serve_free(WireKind kind, uint32_t number);
/* Sends what serve_free has gathered; the backend must be waiting for the innermost activation. */
void serve_flush(void);

/* Ends the process unless the payload was well-formed and is used up. */
void serve_check_end(const WireReader *r);

#endif
