/*
 * frame.h - a frame's payload while it is put together or taken apart in the backend.
 *
 * DESIGN. Each level of nested calls owns one FrameBuffers, kept for the session, so that the warm path allocates nothing
 * and a nested call cannot overwrite what its caller still reads. Large array data is not copied into the payload: a
 * part points at it, and must stay valid until the frame is sent.
 */
#ifndef PYBOX_FRAME_H
#define PYBOX_FRAME_H

#include "postgres.h"

#include "sandbox/wire.h"

#define FRAME_KEEP (64 * 1024) /* a longer buffer is given back when its call ends */
#define FRAME_PART_MIN 8192	   /* array data shorter than this is copied */

typedef struct FramePart
{
	size_t at; /* place in the writer's bytes where the part goes */
	const void *data;
	size_t size;
} FramePart;

typedef struct FrameOut
{
	WireWriter writer;
	FramePart *parts;
	int part_count, part_capacity;
	size_t part_bytes;
} FrameOut;

typedef struct FrameBuffers
{
	FrameOut out;
	WireWriter in;
} FrameBuffers;

/* A growing writer that lives as long as the session. */
WireWriter frame_writer_make(void);
void frame_writer_free(WireWriter *writer);
/* The buffers of a level, made at its first use; out is emptied. */
FrameBuffers *frame_buffers(int depth);
/* Gives back what grew beyond FRAME_KEEP. */
void frame_buffers_trim(FrameBuffers *buffers);
void frame_clear(FrameOut *out);
/* Refers to bytes of the caller that stay valid until the frame is sent. */
void frame_put_part(FrameOut *out, const void *data, size_t size);
/* Copies what parts refer to into the payload, for when the bytes will not stay valid. */
void frame_settle(FrameOut *out);
/* Text in the server's encoding. */
void frame_put_cstring(FrameOut *out, const char *text);
size_t frame_size(const FrameOut *out);
/* Makes room in a buffer for size bytes of payload to come. */
void frame_reserve(WireWriter *in, size_t size);
/* Takes text and gives it in the server's encoding, palloc'd and NUL-terminated; NULs inside are a protocol violation. */
char *frame_get_cstring(WireReader *reader);

#endif
