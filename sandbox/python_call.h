/*
 * python_call.h - the frames that run user code and are answered: WIRE_CALL, WIRE_NEXT, WIRE_CHECK.
 */
#ifndef PYBOX_PYTHON_CALL_H
#define PYBOX_PYTHON_CALL_H

#include "sandbox/python_channel.h"

/* Each reads the frame, which is the innermost activation's, releases it and sends the answer. */
void call_serve(Inbox *in);
void call_serve_next(Inbox *in);
void call_serve_check(Inbox *in);

#endif
