/*
 * type.h - what pybox knows of an SQL type: how its values go to Python and come back.
 *
 * DESIGN. A TypeInfo is made once per (type, typmod, transforms), or per row description for anonymous records, and never
 * changes; when the type does, a new one with a new handle takes its place (type_generation() says when to look again), and
 * the old one stays for whoever still uses it. transforms is the TRANSFORM clause of the function whose values these are.
 */
#ifndef PYBOX_TYPE_H
#define PYBOX_TYPE_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "fmgr.h"

#include "handler/frame.h"
#include "handler/transform_set.h"

typedef struct TypeInfo TypeInfo;

/* How a value goes in: a row of the table in value_in.c. */
typedef enum TypeIn
{
	TYPE_IN_BOOL,
	TYPE_IN_INT16,
	TYPE_IN_INT32,
	TYPE_IN_INT64,
	TYPE_IN_OID,
	TYPE_IN_FLOAT32,
	TYPE_IN_FLOAT64,
	TYPE_IN_NUMERIC,
	TYPE_IN_BYTES,
	TYPE_IN_VARLENA_TEXT,
	TYPE_IN_OUTPUT, /* text by the output function */
	TYPE_IN_ARRAY,
	TYPE_IN_RECORD,
	TYPE_IN_TRANSFORM,
	TYPE_IN_COUNT
} TypeIn;

struct TypeInfo
{
	Oid type;
	int32 typmod;
	const TransformSet *transforms;
	Oid base; /* under domains */
	bool is_domain;
	uint32 handle;	/* for WIRE_TYPE */
	uint64 current; /* generation in which it was last known to be current */
	WireType out;
	TypeIn in;
	char *name;
	int16 length;
	bool by_value;
	char align;
	FmgrInfo input, output;
	Oid io_parameter;
	TypeInfo *element;			  /* of an array */
	TupleDesc desc;				  /* of a row; blessed */
	uint64 desc_id;				  /* 0: an anonymous record's */
	TypeInfo **columns;			  /* desc->natts, NULL for dropped ones */
	void *domain;				  /* domain_check's cache */
	uint64 reader;				  /* id of the call whose value input or domain is at work on; 0: none */
	Transform *from_sql, *to_sql; /* NULL: by the rules for the type */
};

/* type and typmod as in pg_attribute, or RECORDOID and a registered typmod. */
TypeInfo *type_get_for(Oid type, int32 typmod, const TransformSet *transforms);
/* What takes the place of an earlier one, if something does. */
TypeInfo *type_renew(TypeInfo *type);
/* Whether something does; cheap as long as no type changed. */
bool type_is_stale(TypeInfo *type);
/* For a function that returns a row of this description. */
TypeInfo *type_get_row(TupleDesc desc, const TransformSet *transforms);
/* Without transforms. */
#define type_get(type, typmod) type_get_for(type, typmod, NULL)
/* Grows when any type may have changed. */
uint64 type_generation(void);
/* Appends the WireType tree. */
void type_put(FrameOut *out, const TypeInfo *type);
/* Handles are unique in the session, for functions and types alike. */
uint32 type_handle_next(void);
/* handle may be used again: no interpreter that lives knows it. */
void type_handle_free(uint32 handle);

/* Appends a value that is not null as a tagged value. */
void value_in(FrameOut *out, TypeInfo *type, Datum value);
/* Takes a tagged value for a type; raises 08P01 when it is none, and whatever the input function raises. */
Datum value_out(WireReader *reader, TypeInfo *type, bool *is_null);
/* The current call's child sent bytes that make no sense: kills it and raises 08P01. */
void value_malformed(const char *what) pg_attribute_noreturn();

#endif
