/*
 * transform_set.h - which transforms a function has, and the call of them.
 */
#ifndef PYBOX_TRANSFORM_SET_H
#define PYBOX_TRANSFORM_SET_H

#include "postgres.h"

#include "fmgr.h"
#include "nodes/pg_list.h"

#include "handler/frame.h"
#include "handler/transform.h"

/* A TRANSFORM clause: equal ones are one set, which lives as long as the session. NULL: none. */
typedef struct TransformSet
{
	struct TransformSet *next;
	Oid language;
	List *types;
} TransformSet;

/* One function of a transform, ready to be called. */
typedef struct Transform
{
	FmgrInfo function;
	TransformRole role;
} Transform;

/* Of pg_proc.protrftypes, 0 for null. */
const TransformSet *transform_set_get(Oid language, Datum types);
/* Functions of a base type's transform; InvalidOid where the set has none. */
Oid transform_from_sql(const TransformSet *set, Oid type);
Oid transform_to_sql(const TransformSet *set, Oid type);
/* Loads it, in the current memory context; NULL for InvalidOid. Raises 0A000 for one that is not written for pybox. */
Transform *transform_load(Oid function, bool to_sql);

/* transform_call.c: appends the value, which is not null; takes a value, which is not WIRE_NULL. */
void transform_write(Transform *transform, FrameOut *out, Datum value);
Datum transform_read(Transform *transform, WireReader *reader);

#endif
