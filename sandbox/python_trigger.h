/*
 * python_trigger.h - the frame that runs a trigger function: WIRE_TRIGGER.
 */
#ifndef PYBOX_PYTHON_TRIGGER_H
#define PYBOX_PYTHON_TRIGGER_H

#include "sandbox/python_channel.h"

/* Reads the frame, which is the innermost activation's, releases it and sends the answer. */
void trigger_serve(Inbox *in);

#endif
