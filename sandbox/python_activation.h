/*
 * python_activation.h - the calls that are on the stack, and who may be interrupted.
 */
#ifndef PYBOX_PYTHON_ACTIVATION_H
#define PYBOX_PYTHON_ACTIVATION_H

#include <stdbool.h>
#include <stdint.h>

/* Python's recursion limit ends runaway recursion long before, unless it was raised. */
#define ACTIVATION_DEPTH_MAX 1000

/* One frame of the backend that is being served; lives on the C stack. */
typedef struct Activation
{
	uint64_t call;	  /* 0: no call, as when an iterator is dropped */
	bool may_request; /* user code runs and the backend waits for this frame's answer */
	struct Activation *outer;
} Activation;

void activation_push(Activation *activation, uint64_t call);
void activation_pop(Activation *activation);
/* The innermost; NULL between calls. */
Activation *activation_current(void);
/* Frames on the stack, the innermost included. */
int activation_depth(void);
/* Whether the caller may send a request now; if not, a plpy.Error says why. */
bool activation_check_request(void);

/* From now on SIGINT raises KeyboardInterrupt if the backend's cancel_call is on the stack, and does nothing else. */
void activation_catch_interrupts(void);
/*
 * Before the current activation runs user code: forgets an interrupt that was meant for a call that is over, and takes up
 * one that was meant for this call but came before it was on the stack.
 */
void activation_hear_interrupt(void);

#endif
