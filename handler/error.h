/*
 * error.h - errors over the wire: a Python exception becomes an SQL error, and an SQL error a Python exception.
 */
#ifndef PYBOX_ERROR_H
#define PYBOX_ERROR_H

#include "postgres.h"

#include "handler/frame.h"
#include "utils/elog.h"

/* Stands for "no SQLSTATE" inside the server: error_put() leaves it out. It never reaches a client. */
#define ERROR_WITHOUT_SQLSTATE MAKE_SQLSTATE('P', 'Y', 'B', '0', '0')

/* The texts of WIRE_ERROR and WIRE_LOG, in the server's encoding; NULL where absent. */
typedef struct ErrorFields
{
	char *text[WIRE_FIELD_COUNT];
} ErrorFields;

void error_fields_get(WireReader *reader, ErrorFields *fields);
/* Raises what WIRE_ERROR says, at ERROR; without own, the call's context line, when the function did not even run. */
void error_raise(WireReader reader, const ErrorContextCallback *own) pg_attribute_noreturn();
/* The same at FATAL: ends the session. */
void error_raise_fatal(WireReader reader, const ErrorContextCallback *own) pg_attribute_noreturn();
/* Whether error_raise() raised it: then its SQLSTATE is what the function wanted, and says nothing of what happened. */
bool error_is_of_function(const ErrorData *error);
/* Reports fields at elevel, any but ERROR. */
void error_report(int elevel, const ErrorFields *fields);
/* Appends the payload of WIRE_REPLY_ERROR. */
void error_put(FrameOut *out, const ErrorData *error);

#endif
