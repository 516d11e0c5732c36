/*
 * frame.c - the backend's payload buffers. Runs in backends.
 */
#include "handler/frame.h"

#include "mb/pg_wchar.h"
#include "utils/memutils.h"

/* Under the address sanitizer, who reads on behind a payload is found out, though the buffer is longer. */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, size) ((void) (at), (void) (size))
#define ASAN_UNPOISON_MEMORY_REGION(at, size) ((void) (at), (void) (size))
#endif

#define FRAME_FIRST 1024

static FrameBuffers **levels = NULL;
static int level_count = 0;

static int
frame_grow(WireWriter *writer, size_t need)
{
	size_t capacity = Max(writer->capacity, FRAME_FIRST);

	while (capacity < need)
		capacity *= 2;
	writer->data = repalloc_huge(writer->data, capacity);
	writer->capacity = capacity;
	return 0;
}

WireWriter
frame_writer_make(void)
{
	return (WireWriter){
		.data = MemoryContextAllocHuge(TopMemoryContext, FRAME_FIRST),
		.capacity = FRAME_FIRST,
		.grow = frame_grow,
	};
}

void
frame_writer_free(WireWriter *writer)
{
	ASAN_UNPOISON_MEMORY_REGION(writer->data, writer->capacity);
	pfree(writer->data);
	writer->data = NULL;
}

static FrameBuffers *
level_make(void)
{
	FrameBuffers *buffers = MemoryContextAllocZero(TopMemoryContext, sizeof(FrameBuffers));

	buffers->out.writer = frame_writer_make();
	buffers->in = frame_writer_make();
	return buffers;
}

FrameBuffers *
frame_buffers(int depth)
{
	if (unlikely(depth >= level_count))
	{
		int count = depth + 8;

		if (levels == NULL)
			levels = MemoryContextAlloc(TopMemoryContext, count * sizeof(*levels));
		else
			levels = repalloc(levels, count * sizeof(*levels));
		memset(levels + level_count, 0, (count - level_count) * sizeof(*levels));
		level_count = count;
	}
	if (unlikely(levels[depth] == NULL))
		levels[depth] = level_make();
	frame_clear(&levels[depth]->out);
	return levels[depth];
}

static void
writer_trim(WireWriter *writer)
{
	if (likely(writer->capacity <= FRAME_KEEP))
		return;
	ASAN_UNPOISON_MEMORY_REGION(writer->data, writer->capacity);
	writer->data = repalloc_huge(writer->data, FRAME_FIRST);
	writer->capacity = FRAME_FIRST;
	writer->size = 0;
}

void
frame_buffers_trim(FrameBuffers *buffers)
{
	writer_trim(&buffers->out.writer);
	writer_trim(&buffers->in);
}

void
frame_clear(FrameOut *out)
{
	out->writer.size = 0;
	out->writer.error = 0;
	out->part_count = 0;
	out->part_bytes = 0;
}

void
frame_put_part(FrameOut *out, const void *data, size_t size)
{
	if (size < FRAME_PART_MIN)
	{
		wire_put_raw(&out->writer, data, size);
		return;
	}
	if (out->part_count == out->part_capacity)
	{
		out->part_capacity = Max(8, out->part_capacity * 2);
		if (out->parts == NULL)
			out->parts = MemoryContextAlloc(TopMemoryContext, out->part_capacity * sizeof(FramePart));
		else
			out->parts = repalloc(out->parts, out->part_capacity * sizeof(FramePart));
	}
	out->parts[out->part_count++] = (FramePart){.at = out->writer.size, .data = data, .size = size};
	out->part_bytes += size;
}

void
frame_settle(FrameOut *out)
{
	size_t size = frame_size(out), tail = out->writer.size;

	if (out->part_count == 0)
		return;
	if (size > out->writer.capacity)
		(void) frame_grow(&out->writer, size);
	for (int i = out->part_count - 1; i >= 0; i--)
	{
		const FramePart *part = &out->parts[i];

		memmove(out->writer.data + part->at + out->part_bytes, out->writer.data + part->at, tail - part->at);
		tail = part->at;
		out->part_bytes -= part->size;
		memcpy(out->writer.data + part->at + out->part_bytes, part->data, part->size);
	}
	out->writer.size = size;
	out->part_count = 0;
}

void
frame_put_cstring(FrameOut *out, const char *text)
{
	int length = strlen(text);
	char *utf8 = pg_server_to_any(text, length, PG_UTF8);

	wire_put_text(&out->writer, utf8, utf8 == text ? (size_t) length : strlen(utf8));
	if (utf8 != text)
		pfree(utf8);
}

size_t
frame_size(const FrameOut *out)
{
	return out->writer.size + out->part_bytes;
}

void
frame_reserve(WireWriter *in, size_t size)
{
	in->size = 0;
	ASAN_UNPOISON_MEMORY_REGION(in->data, in->capacity);
	if (size > in->capacity)
		(void) frame_grow(in, size);
	ASAN_POISON_MEMORY_REGION(in->data + size, in->capacity - size);
}

char *
frame_get_cstring(WireReader *reader)
{
	size_t size;
	const char *text = wire_get_text(reader, &size);
	char *copy, *converted;

	if (reader->error != 0)
		return pstrdup("");
	if (size >= MaxAllocSize)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("text from Python is too long"),
						errdetail("It has %zu bytes; the limit is %zu.", size, (size_t) MaxAllocSize - 1)));
	copy = pnstrdup(text, size);
	if (strlen(copy) != size)
		ereport(ERROR, (errcode(ERRCODE_CHARACTER_NOT_IN_REPERTOIRE),
						errmsg("invalid byte sequence for encoding \"UTF8\": 0x00")));
	converted = pg_any_to_server(copy, size, PG_UTF8);
	if (converted != copy)
		pfree(copy);
	return converted;
}
