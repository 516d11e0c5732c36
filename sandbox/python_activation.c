/*
 * python_activation.c - the calls that are on the stack, and who may be interrupted.
 *
 * DESIGN. The signal handler walks the stack of activations, so a push completes the new element before it becomes
 * visible. The handler only marks Python's own flag: the exception is raised by the evaluation loop, never while a frame
 * is read or written. Runs in: child; the handler also in the zygote, where it does nothing.
 */
#include <Python.h>

#include "sandbox/python_activation.h"

#include <signal.h>

#include "sandbox/python_channel.h"
#include "sandbox/python_exceptions.h"
#include "sandbox/python_memory.h"

static Activation *volatile activation_stack;
static int activation_count;
static unsigned long activation_thread; /* the one thread that may talk to the backend */

void
activation_push(Activation *activation, uint64_t call)
{
	*activation = (Activation){.call = call, .outer = activation_stack};
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	activation_stack = activation;
	if (activation_count++ == 0)
		memory_refusal_forget();
	if (activation_thread == 0)
		activation_thread = PyThread_get_thread_ident();
}

void
activation_pop(Activation *activation)
{
	activation_stack = activation->outer;
	activation_count--;
}

Activation *
activation_current(void)
{
	return activation_stack;
}

int
activation_depth(void)
{
	return activation_count;
}

bool
activation_check_request(void)
{
	if (activation_thread != PyThread_get_thread_ident())
		PyErr_SetString(exception_error, "plpy may be used only in the thread that runs the function");
	else if (activation_stack == NULL || !activation_stack->may_request)
		PyErr_SetString(exception_error, "plpy may be used only while a function runs");
	else
		return true;
	return false;
}

static void
activation_interrupt(int signal_number)
{
	const WireShared *shared = channel_shared();
	uint64_t call = shared == NULL ? 0 : __atomic_load_n(&shared->cancel_call, __ATOMIC_SEQ_CST);

	if (call == 0)
		return;
	for (Activation *a = activation_stack; a != NULL; a = a->outer)
		if (a->call == call)
		{
			PyErr_SetInterruptEx(signal_number);
			return;
		}
}

void
activation_catch_interrupts(void)
{
	struct sigaction action = {.sa_handler = activation_interrupt};

	sigaction(SIGINT, &action, NULL);
}

void
activation_hear_interrupt(void)
{
	if (activation_count == 1 && PyErr_CheckSignals() != 0)
		PyErr_Clear();
	activation_interrupt(SIGINT);
}
