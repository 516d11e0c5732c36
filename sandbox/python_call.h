/*
 * python_call.h - the frames that run user code and are answered: WIRE_CALL, WIRE_NEXT, WIRE_CHECK.
 */
#ifndef PYBOX_PYTHON_CALL_H
#define PYBOX_PYTHON_CALL_H

#include "sandbox/python_channel.h"
#include "sandbox/python_error.h"

/* Each reads the frame, which is the innermost activation's, releases it and sends the answer. */
void call_serve(Inbox *in);
void call_serve_next(Inbox *in);
void call_serve_check(Inbox *in);

/* For python_trigger.c. The answer is an error: the exception that is set; returns its kind. */
WireKind call_put_error(Outbox *out, const ErrorSite *site);
WireKind call_put_compile_error(Outbox *out, const Function *function);
/* Sends the answer. From here on nobody waits for this frame: what is freed afterwards may not ask for anything. */
void call_answer(Outbox *out, WireKind kind);

#endif
