/*
 * python_serve.c - the conversation with the backend.
 *
 * DESIGN. Strictly one side talks at a time: the backend sends a frame that wants an answer and reads until it has it; what
 * it reads before that are requests, each of which it answers in turn. While it works on a request it may send such frames
 * itself (SQL that calls a function), so that the frames being served form a stack, kept by python_activation.c. User code
 * runs only while the backend waits for its frame; where it runs otherwise, as a finalizer of something dropped, requests
 * are refused. Runs in: child.
 */
#include "sandbox/python_serve.h"

#include "sandbox/fault.h"
#include "sandbox/python_activation.h"
#include "sandbox/python_call.h"
#include "sandbox/python_error.h"
#include "sandbox/python_exceptions.h"
#include "sandbox/python_iterator.h"
#include "sandbox/python_session.h"
#include "sandbox/python_trigger.h"

typedef void (*ServeHandler)(Inbox *in);

/* What no object stands for any more. */
typedef struct ServeDead
{
	WireKind kind;
	uint32_t number;
} ServeDead;

static struct
{
	ServeDead *items;
	size_t count, capacity;
} serve_dead;

void
serve_check_end(const WireReader *r)
{
	if (r->error != 0)
		channel_fail(wire_strerror(r->error));
	if (r->at != r->end)
		channel_fail("message is longer than it says");
}

/* Frames without an answer have nobody to tell of an exception. */
static void
serve_check_silent(const Inbox *in, int result)
{
	if (result != 0 && in->reader.error == 0)
		channel_fail("out of memory");
	serve_check_end(&in->reader);
}

static void
serve_hello(Inbox *in)
{
	serve_check_silent(in, session_read(&in->reader));
}

static void
serve_function(Inbox *in)
{
	serve_check_silent(in, function_register(&in->reader));
}

static void
serve_type(Inbox *in)
{
	serve_check_silent(in, type_register(&in->reader));
}

/* What was dropped may have had finalizers: the backend waits until they are through, but not for long. */
static void
serve_dropped(void)
{
	Outbox out;

	serve_flush();
	outbox_open(&out);
	outbox_send(&out, WIRE_END, 0);
	outbox_close(&out);
}

static void
serve_forget(Inbox *in)
{
	uint32_t handle = wire_get_u32(&in->reader);

	serve_check_end(&in->reader);
	function_forget(handle);
	serve_dropped();
}

static void
serve_close(Inbox *in)
{
	uint32_t number = wire_get_u32(&in->reader);

	serve_check_end(&in->reader);
	iterator_drop(number);
	serve_dropped();
}

static const struct
{
	ServeHandler handler;
	bool answers;
} serve_kinds[WIRE_KIND_COUNT] = {
	[WIRE_HELLO] = {serve_hello, false},	 [WIRE_FUNCTION] = {serve_function, false},
	[WIRE_TYPE] = {serve_type, false},		 [WIRE_FORGET] = {serve_forget, false},
	[WIRE_CLOSE] = {serve_close, false},	 [WIRE_CALL] = {call_serve, true},
	[WIRE_TRIGGER] = {trigger_serve, true},	 [WIRE_NEXT] = {call_serve_next, true},
	[WIRE_CHECK] = {call_serve_check, true},
};

/* Answers a frame that could not be begun with the exception that is set. */
static void
serve_refuse(const Inbox *in)
{
	ErrorSite site = {.function = NULL};
	Outbox out;

	outbox_open(&out);
	error_put(&out.writer, &site);
	outbox_send(&out, WIRE_ERROR, in->frame.call);
	outbox_close(&out);
}

/* received: what channel_receive returned for it. */
static void
serve_frame(Inbox *in, int received)
{
	Activation activation;
	bool answers;

	if (in->frame.kind >= WIRE_KIND_COUNT || serve_kinds[in->frame.kind].handler == NULL)
		channel_fail("frame of a kind that is not expected now");
	answers = serve_kinds[in->frame.kind].answers;
	if (received == 0 && answers && activation_depth() >= ACTIVATION_DEPTH_MAX)
	{
		PyErr_Format(PyExc_RecursionError, "maximum depth of nested calls exceeded (%d)", ACTIVATION_DEPTH_MAX);
		received = -1;
	}
	if (received != 0 && !answers)
		channel_fail("out of memory");
	if (received != 0)
		serve_refuse(in);
	else
	{
		if (FAULT_POINT("child.frame") < 0)
			channel_fail("fault");
		activation_push(&activation, answers ? in->frame.call : 0);
		serve_kinds[in->frame.kind].handler(in);
		activation_pop(&activation);
	}
	channel_release(in);
	PyErr_Clear();
}

_Noreturn void
serve_forever(void)
{
	for (;;)
	{
		Inbox in;
		int received = channel_receive(&in);

		serve_frame(&in, received);
	}
}

/* Without memory to remember it by, it stays until the session ends. */
void
serve_free(WireKind kind, uint32_t number)
{
	if (serve_dead.count == serve_dead.capacity)
	{
		size_t capacity = serve_dead.capacity == 0 ? 64 : 2 * serve_dead.capacity;
		ServeDead *items = PyMem_RawRealloc(serve_dead.items, capacity * sizeof(ServeDead));

		if (items == NULL)
			return;
		serve_dead.items = items;
		serve_dead.capacity = capacity;
	}
	serve_dead.items[serve_dead.count++] = (ServeDead){.kind = kind, .number = number};
}

void
serve_flush(void)
{
	while (serve_dead.count > 0)
	{
		ServeDead dead = serve_dead.items[--serve_dead.count];
		Outbox out;

		outbox_open(&out);
		wire_put_u32(&out.writer, dead.number);
		outbox_send(&out, dead.kind, 0);
		outbox_close(&out);
	}
}

/* A failed request: SQL's errors are SPI errors, those of log and quote functions are plpy.Error. */
static void
serve_raise(WireKind request, Inbox *reply)
{
	ErrorFields fields;

	if (error_fields_get(&reply->reader, &fields) != 0)
		PyErr_NoMemory();
	else if (request == WIRE_LOG || request == WIRE_QUOTE)
		exceptions_raise_plpy(exception_error, &fields);
	else
		exceptions_raise_spi(&fields);
	error_fields_clear(&fields);
}

int
serve_request(Outbox *out, WireKind kind, Inbox *reply)
{
	Activation *caller = activation_current();
	int received;

	caller->may_request = false;
	serve_flush();
	outbox_send(out, kind, caller->call);
	for (;;)
	{
		received = channel_receive(reply);
		if (reply->frame.kind == WIRE_REPLY || reply->frame.kind == WIRE_REPLY_ERROR)
			break;
		serve_frame(reply, received);
	}
	if (reply->frame.call != caller->call)
		channel_fail("reply to another call");
	if (received == 0 && reply->frame.kind == WIRE_REPLY)
		return 0;
	if (received == 0)
		serve_raise(kind, reply);
	serve_finish(reply);
	return -1;
}

void
serve_finish(Inbox *reply)
{
	if (reply->reader.error != 0)
		channel_fail(wire_strerror(reply->reader.error));
	channel_release(reply);
	activation_current()->may_request = true;
}
