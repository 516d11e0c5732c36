/*
 * channel.h - the backend's end of the wire to one interpreter: frames in and out, with adaptive waiting.
 *
 * DESIGN. To wait is to spin for pybox.spin_us, if there are cores to spare, and then to sleep on latch, socket and pidfd. Each
 * turn calls check(), which may raise an error: then the child may be in the middle of something, and whoever catches
 * must settle or kill it. partial says that a frame is half through, when nothing but killing helps.
 */
#ifndef PYBOX_CHANNEL_H
#define PYBOX_CHANNEL_H

#include "postgres.h"

#include "storage/latch.h"
#include "utils/timestamp.h"

#include "handler/frame.h"
#include "sandbox/wire.h"
#include "sandbox/wire_spin.h"
#include "scheduler/wait_event.h"

/* pybox.spin_us */
extern int channel_spin_us;

typedef enum ChannelStatus
{
	CHANNEL_OK,
	CHANNEL_DEAD,  /* the interpreter is gone */
	CHANNEL_LATE,  /* the deadline passed */
	CHANNEL_BROKEN /* it broke the protocol */
} ChannelStatus;

typedef struct Channel
{
	WireShared *map;
	WireEnd in, out;
	WireSpin spin;
	int socket;
	WaitEventSet *events;
	bool dead;
	bool partial;
	uint32 turns;		  /* pieces of frames that went through without a wait */
	TimestampTz deadline; /* 0: none; check may set another */
	void (*check)(void *arg);
	void *arg;
} Channel;

/*
 * Maps the memory file and listens to socket and pidfd; the descriptors stay the caller's. Raises an error if the file is
 * not sealed.
 */
void channel_open(Channel *channel, int memory, int socket, int pidfd);
void channel_close(Channel *channel);
/* Spins until ready() or for so long; less when an interrupt has come. Returns whether it is ready. */
bool channel_spin(bool (*ready)(const void *arg), const void *arg, uint64 budget_us);
/* Sleeps once, for the latch or a sign of the other end; sets dead when that is gone. */
void channel_sleep(Channel *channel, long ms, WaitName name);
ChannelStatus channel_send(Channel *channel, WireKind kind, uint64 call, const FrameOut *out);
/* The header of the next frame; its length is at most WIRE_FRAME_MAX. */
ChannelStatus channel_receive_header(Channel *channel, WireFrame *frame);
/* The payload of that frame, into in. */
ChannelStatus channel_receive_payload(Channel *channel, const WireFrame *frame, WireWriter *in);

#endif
