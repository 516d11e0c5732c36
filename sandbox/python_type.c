/*
 * python_type.c - trees of SQL types, shared by handle, iterators and plans. Runs in: child.
 */
#include "sandbox/python_type.h"

#include "sandbox/python_table.h"
#include "sandbox/python_text.h"

#define TYPE_DEPTH_MAX 64

static Table type_table;
static uint32_t type_change_count;

static Type *type_read_at(WireReader *r, int depth);

Type *
type_share(Type *type)
{
	type->references++;
	return type;
}

void
type_release(Type *type)
{
	if (type == NULL || --type->references > 0)
		return;
	type_release(type->element);
	for (uint16_t i = 0; i < type->column_count; i++)
	{
		Py_XDECREF(type->columns[i].name);
		type_release(type->columns[i].type);
	}
	PyMem_RawFree(type->name);
	PyMem_RawFree(type->columns);
	PyMem_RawFree(type);
}

static int
type_read_column(WireReader *r, TypeColumn *column, int depth)
{
	column->name = text_get(r);
	if (column->name == NULL)
		return -1;
	PyUnicode_InternInPlace(&column->name);
	column->type = type_read_at(r, depth);
	return column->type == NULL ? -1 : 0;
}

static int
type_read_columns(WireReader *r, Type *type, int depth)
{
	uint16_t count = wire_get_u16(r);

	type->columns = PyMem_RawCalloc((size_t) count + 1, sizeof(TypeColumn));
	if (type->columns == NULL)
	{
		PyErr_NoMemory();
		return -1;
	}
	type->column_count = count;
	for (uint16_t i = 0; i < count; i++)
		if (type_read_column(r, &type->columns[i], depth) != 0)
			return -1;
	return r->error == 0 ? 0 : -1;
}

/* What follows a type's name: nothing for most. */
static int
type_read_rest(WireReader *r, Type *type, int depth)
{
	if (type->kind == WIRE_TYPE_TUPLE)
		return type_read_columns(r, type, depth + 1);
	if (type->kind != WIRE_TYPE_ARRAY)
		return 0;
	type->element = type_read_at(r, depth + 1);
	return type->element == NULL ? -1 : 0;
}

static Type *
type_read_at(WireReader *r, int depth)
{
	uint8_t kind = wire_get_u8(r);
	WireReader name = *r;
	size_t name_size;
	Type *type;

	wire_get_text(r, &name_size);
	if (wire_get_u8(r) != 0 || kind >= WIRE_TYPE_COUNT || depth > TYPE_DEPTH_MAX)
		r->error = WIRE_ERROR_SHORT;
	if (r->error != 0)
		return NULL;
	type = PyMem_RawCalloc(1, sizeof(Type));
	if (type == NULL)
		return (Type *) PyErr_NoMemory();
	type->references = 1;
	type->kind = kind;
	if (kind == WIRE_TYPE_OBJECT)
		type->name = text_get_copy(&name);
	if ((kind == WIRE_TYPE_OBJECT && type->name == NULL) || type_read_rest(r, type, depth) != 0)
	{
		type_release(type);
		return NULL;
	}
	return type;
}

Type *
type_read(WireReader *r)
{
	return type_read_at(r, 0);
}

int
type_register(WireReader *r)
{
	uint32_t handle = wire_get_u32(r);
	Type *type = type_read(r), *old;

	if (type == NULL)
		return -1;
	old = table_take(&type_table, handle);
	type_change_count += old != NULL;
	type_release(old);
	if (table_add(&type_table, handle, type) == 0)
		return 0;
	type_release(type);
	return -1;
}

Type *
type_find(uint32_t handle)
{
	return table_find(&type_table, handle);
}

uint32_t
type_changes(void)
{
	return type_change_count;
}

void
type_forget(uint32_t handle)
{
	type_release(table_take(&type_table, handle));
}
