/*
 * python_type.h - the SQL types that Python objects are turned into, as the backend describes them.
 */
#ifndef PYBOX_PYTHON_TYPE_H
#define PYBOX_PYTHON_TYPE_H

#include <Python.h>

#include "sandbox/wire.h"

struct Type;

typedef struct TypeColumn
{
	PyObject *name; /* interned string */
	struct Type *type;
} TypeColumn;

typedef struct Type
{
	uint32_t references;
	WireType kind;
	char *name;			   /* SQL's, of a WIRE_TYPE_OBJECT; else NULL */
	struct Type *element;  /* of an array */
	uint16_t column_count; /* of a tuple */
	TypeColumn *columns;
} Type;

/* A new type with one reference, or NULL as readers do (python_text.h). */
Type *type_read(WireReader *r);
Type *type_share(Type *type);
void type_release(Type *type); /* NULL is fine */

/* Reads WIRE_TYPE, which may replace a handle. Returns 0, or -1 as readers do. */
int type_register(WireReader *r);
/* Borrowed; NULL for an unknown handle. */
Type *type_find(uint32_t handle);
void type_forget(uint32_t handle);
/* How often a handle was replaced so far. */
uint32_t type_changes(void);

#endif
