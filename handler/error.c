/*
 * error.c - ErrorData and WireFields, both ways. Runs in backends.
 */
#include "handler/error.h"

#include "handler/limit.h"
#include "handler/type.h"

void
error_fields_get(WireReader *reader, ErrorFields *fields)
{
	for (int i = 0; i < WIRE_FIELD_COUNT; i++)
	{
		uint8 tag = wire_get_u8(reader);

		if (reader->error != 0 || (tag != WIRE_NULL && tag != WIRE_TEXT))
			value_malformed("an error without its fields");
		fields->text[i] = tag == WIRE_TEXT ? frame_get_cstring(reader) : NULL;
	}
	if (reader->error != 0)
		value_malformed(wire_strerror(reader->error));
}

/* "00000" says nothing, as in PL/Python. */
static int
sqlstate_of(const char *text, int otherwise)
{
	int code;

	if (text == NULL || strlen(text) != 5 || strspn(text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 5)
		return otherwise;
	code = MAKE_SQLSTATE(text[0], text[1], text[2], text[3], text[4]);
	return code != 0 ? code : otherwise;
}

/* Called between errstart and errfinish. */
static int
fields_apply(const ErrorFields *fields)
{
	static const struct
	{
		WireField field;
		int name;
	} names[] = {
		{WIRE_FIELD_SCHEMA, PG_DIAG_SCHEMA_NAME},		  {WIRE_FIELD_TABLE, PG_DIAG_TABLE_NAME},
		{WIRE_FIELD_COLUMN, PG_DIAG_COLUMN_NAME},		  {WIRE_FIELD_DATATYPE, PG_DIAG_DATATYPE_NAME},
		{WIRE_FIELD_CONSTRAINT, PG_DIAG_CONSTRAINT_NAME},
	};

	errmsg_internal("%s", fields->text[WIRE_FIELD_MESSAGE] ? fields->text[WIRE_FIELD_MESSAGE] : "no exception data");
	if (fields->text[WIRE_FIELD_DETAIL])
		errdetail_internal("%s", fields->text[WIRE_FIELD_DETAIL]);
	if (fields->text[WIRE_FIELD_HINT])
		errhint("%s", fields->text[WIRE_FIELD_HINT]);
	if (fields->text[WIRE_FIELD_CONTEXT] && fields->text[WIRE_FIELD_CONTEXT][0] != '\0')
		errcontext("%s", fields->text[WIRE_FIELD_CONTEXT]);
	if (fields->text[WIRE_FIELD_QUERY])
		internalerrquery(fields->text[WIRE_FIELD_QUERY]);
	if (fields->text[WIRE_FIELD_POSITION])
		internalerrposition(atoi(fields->text[WIRE_FIELD_POSITION]));
	for (int i = 0; i < (int) lengthof(names); i++)
		if (fields->text[names[i].field])
			err_generic_string(names[i].name, fields->text[names[i].field]);
	return 0;
}

static void
fields_raise(int elevel, WireReader *reader, const ErrorContextCallback *own)
{
	ErrorFields fields;

	error_fields_get(reader, &fields);
	if (fields.text[WIRE_FIELD_CONTEXT] == NULL)
		error_context_stack = own->previous;
	if (fields.text[WIRE_FIELD_LIMIT] != NULL)
		limit_report(&fields);
	ereport(elevel, (errcode(sqlstate_of(fields.text[WIRE_FIELD_SQLSTATE], ERRCODE_EXTERNAL_ROUTINE_EXCEPTION)),
					 fields_apply(&fields)));
}

void
error_raise(WireReader reader, const ErrorContextCallback *own)
{
	fields_raise(ERROR, &reader, own);
	pg_unreachable();
}

void
error_raise_fatal(WireReader reader, const ErrorContextCallback *own)
{
	fields_raise(FATAL, &reader, own);
	pg_unreachable();
}

void
error_report(int elevel, const ErrorFields *fields)
{
	int otherwise = elevel > ERROR		? ERRCODE_INTERNAL_ERROR
					: elevel == WARNING ? ERRCODE_WARNING
										: ERRCODE_SUCCESSFUL_COMPLETION;

	ereport(elevel, (errcode(sqlstate_of(fields->text[WIRE_FIELD_SQLSTATE], otherwise)), fields_apply(fields)));
}

void
error_put(FrameOut *out, const ErrorData *error)
{
	char position[16];
	const char *texts[WIRE_FIELD_COUNT] = {
		[WIRE_FIELD_MESSAGE] = error->message,
		[WIRE_FIELD_DETAIL] = error->detail,
		[WIRE_FIELD_HINT] = error->hint,
		[WIRE_FIELD_SQLSTATE] =
			error->sqlerrcode != ERROR_WITHOUT_SQLSTATE ? unpack_sql_state(error->sqlerrcode) : NULL,
		[WIRE_FIELD_SCHEMA] = error->schema_name,
		[WIRE_FIELD_TABLE] = error->table_name,
		[WIRE_FIELD_COLUMN] = error->column_name,
		[WIRE_FIELD_DATATYPE] = error->datatype_name,
		[WIRE_FIELD_CONSTRAINT] = error->constraint_name,
		[WIRE_FIELD_QUERY] = error->internalquery,
		[WIRE_FIELD_POSITION] = error->internalpos > 0 ? position : NULL,
	};

	snprintf(position, sizeof(position), "%d", error->internalpos);
	for (int i = 0; i < WIRE_FIELD_COUNT; i++)
	{
		wire_put_u8(&out->writer, texts[i] != NULL ? WIRE_TEXT : WIRE_NULL);
		if (texts[i] != NULL)
			frame_put_cstring(out, texts[i]);
	}
}
