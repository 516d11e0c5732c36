/*
 * transform.h - the contract of transforms (CREATE TRANSFORM) for the languages of pybox; needs nothing else of pybox.
 *
 * DESIGN. The functions that CREATE TRANSFORM names are C functions of a library that says of each what it does:
 *
 *   static const TransformEntry entries[] = {{"pybox_hstore_from_sql", TRANSFORM_FROM_SQL}, ...};
 *   TRANSFORM_LIBRARY(entries);
 *
 * Symbols start with "pybox_": what has another name is never loaded, let alone called, for pybox. A function is called
 * with a TransformWriter or a TransformReader as fcinfo->context, which transform_writer() and transform_reader() check,
 * so that no other language's handler can call it by mistake. A FROM SQL function puts exactly one value (a list or a
 * dict counts with all that is in it); a TO SQL function takes all of one value, and never sees None on the outside.
 * Who recurses calls check_stack_depth(). Text is in the server's encoding. Runs in backends.
 */
#ifndef PYBOX_TRANSFORM_H
#define PYBOX_TRANSFORM_H

#include "postgres.h"

#include "fmgr.h"
#include "nodes/nodes.h"

#define TRANSFORM_VERSION 1
#define TRANSFORM_LIBRARY_MAGIC 0x7079746c
#define TRANSFORM_WRITER_MAGIC 0x70797477
#define TRANSFORM_READER_MAGIC 0x70797472

/* What a function does, and for TO SQL what Python objects its type takes; the interpreter refuses all others. */
typedef enum TransformRole
{
	TRANSFORM_FROM_SQL,
	TRANSFORM_TO_SQL_OBJECT,  /* str, bool, number, None, and sequences and mappings of these */
	TRANSFORM_TO_SQL_MAPPING, /* a dict of texts to texts or nulls, from whatever has str() */
	TRANSFORM_ROLE_COUNT
} TransformRole;

typedef struct TransformEntry
{
	const char *symbol;
	TransformRole role;
} TransformEntry;

typedef struct TransformLibrary
{
	uint32 magic, version;
	const TransformEntry *entries;
	int count;
} TransformLibrary;

#define TRANSFORM_LIBRARY(table)                                                                                       \
	extern PGDLLEXPORT const TransformLibrary *pybox_transforms(void);                                                 \
	const TransformLibrary *pybox_transforms(void)                                                                     \
	{                                                                                                                  \
		static const TransformLibrary library = {TRANSFORM_LIBRARY_MAGIC, TRANSFORM_VERSION, table, lengthof(table)};  \
		return &library;                                                                                               \
	}                                                                                                                  \
	extern int transform_library_ends

/* The head of both contexts. */
typedef struct TransformContext
{
	NodeTag tag; /* T_Invalid: no node of the server's */
	uint32 magic;
} TransformContext;

typedef struct TransformWriter
{
	TransformContext context;
	Datum value; /* what to write; not null */
	void (*put_null)(struct TransformWriter *writer);
	void (*put_bool)(struct TransformWriter *writer, bool value);
	void (*put_int)(struct TransformWriter *writer, int64 value);
	void (*put_float)(struct TransformWriter *writer, double value);
	void (*put_decimal)(struct TransformWriter *writer, const char *digits); /* a Decimal */
	void (*put_text)(struct TransformWriter *writer, const char *text, Size size);
	void (*put_bytes)(struct TransformWriter *writer, const void *bytes, Size size);
	void (*put_list)(struct TransformWriter *writer, uint32 count); /* count values follow */
	void (*put_dict)(struct TransformWriter *writer, uint32 count); /* count keys, a value after each */
	/* pybox's own */
	struct FrameOut *out;
	int64 owed; /* values to come */
} TransformWriter;

typedef enum TransformKind
{
	TRANSFORM_NULL,
	TRANSFORM_BOOL,	  /* boolean */
	TRANSFORM_NUMBER, /* text: str() of a Python number */
	TRANSFORM_TEXT,	  /* text */
	TRANSFORM_LIST,	  /* count values follow */
	TRANSFORM_DICT	  /* count keys follow, a value after each */
} TransformKind;

typedef struct TransformItem
{
	TransformKind kind;
	bool boolean;
	char *text; /* palloc'd, NUL-terminated; no NUL inside */
	int size;
	uint32 count; /* never more than the message can hold */
} TransformItem;

typedef struct TransformReader
{
	TransformContext context;
	/* Takes the next item; raises 08P01 for what the function's role does not allow. */
	void (*next)(struct TransformReader *reader, TransformItem *item);
	/* Takes a dict's next key, always TRANSFORM_TEXT. */
	void (*key)(struct TransformReader *reader, TransformItem *item);
	/* pybox's own */
	struct WireReader *wire;
	TransformRole role;
	int64 owed;
	bool inside; /* of the outermost value */
} TransformReader;

static inline void *
transform_context(FunctionCallInfo call, uint32 magic)
{
	TransformContext *context = (TransformContext *) call->context;

	if (context == NULL || context->tag != T_Invalid || context->magic != magic)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("transform function %u can only be called for a language of pybox", call->flinfo->fn_oid)));
	return context;
}

static inline TransformWriter *
transform_writer(FunctionCallInfo call)
{
	return transform_context(call, TRANSFORM_WRITER_MAGIC);
}

static inline TransformReader *
transform_reader(FunctionCallInfo call)
{
	return transform_context(call, TRANSFORM_READER_MAGIC);
}

#endif
