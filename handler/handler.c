/*
 * handler.c - what PostgreSQL calls: the call, inline and validation handlers of both languages. Runs in backends.
 *
 * DESIGN. The server keeps the handler of a function for as long as a query runs, in which its owner may give it another
 * language. So a handler does not tell how to run a function: the language in the function's row does (function.c).
 */
#include "handler/call.h"

#include "access/htup_details.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "handler/trigger.h"
#include "scheduler/shared.h"

PG_FUNCTION_INFO_V1(pybox_call_handler);
PG_FUNCTION_INFO_V1(pyboxu_call_handler);
PG_FUNCTION_INFO_V1(pybox_inline_handler);
PG_FUNCTION_INFO_V1(pyboxu_inline_handler);
PG_FUNCTION_INFO_V1(pybox_validator);
PG_FUNCTION_INFO_V1(pyboxu_validator);

void
arguments_put(FrameOut *out, CallSite *site, FunctionCallInfo info)
{
	int count = site->function->arg_count;

	wire_put_u32(&out->writer, site->function->handle);
	wire_put_u32(&out->writer, site->result->handle);
	wire_put_u16(&out->writer, count);
	for (int i = 0; i < count; i++)
		if (info->args[i].isnull)
			wire_put_u8(&out->writer, WIRE_NULL);
		else
			value_in(out, site->args[i], info->args[i].value);
}

static Datum
value_return(Call *call, CallSite *site, FunctionCallInfo info)
{
	Datum value;

	arguments_put(&call->buffers->out, site, info);
	(void) call_ask(call, WIRE_CALL, 1u << WIRE_RESULT);
	value = call_value(call, call->result, &info->isnull);
	call->rows = call->function->is_procedure ? 0 : 1;
	return value;
}

/* CALL outside a transaction block, from the client or from procedures that are not atomic either. */
static bool
call_context_is_nonatomic(FunctionCallInfo info)
{
	return info->context != NULL && IsA(info->context, CallContext) && !castNode(CallContext, info->context)->atomic;
}

static Datum
function_call(FunctionCallInfo info)
{
	CallSite *site;
	volatile Datum value = (Datum) 0;
	Call call;

	shared_require();
	if (CALLED_AS_TRIGGER(info))
		return trigger_fire(info);
	site = function_site(info);
	call_begin(&call, site->function, set_progress(site));
	call.result = site->result;
	call.nonatomic = call_context_is_nonatomic(info);
	PG_TRY();
	{
		value = site->function->returns_set ? set_next(&call, site, info) : value_return(&call, site, info);
	}
	PG_CATCH();
	{
		call_abort(&call);
		PG_RE_THROW();
	}
	PG_END_TRY();
	call_end(&call);
	return value;
}

Datum
pybox_call_handler(PG_FUNCTION_ARGS)
{
	return function_call(fcinfo);
}

Datum
pyboxu_call_handler(PG_FUNCTION_ARGS)
{
	return function_call(fcinfo);
}

/* Asks the child to do kind with function, and for nothing back but success. */
static void
function_submit(Function *function, WireKind kind, TypeInfo *result, bool nonatomic)
{
	Call call;

	call_begin(&call, function, NULL);
	call.result = result;
	call.nonatomic = nonatomic;
	PG_TRY();
	{
		FrameOut *out = &call.buffers->out;

		if (kind == WIRE_CHECK)
			function_put(out, function);
		else
		{
			wire_put_u32(&out->writer, function->handle);
			wire_put_u32(&out->writer, result->handle);
			wire_put_u16(&out->writer, 0);
		}
		(void) call_ask(&call, kind, 1u << WIRE_RESULT);
	}
	PG_CATCH();
	{
		call_abort(&call);
		PG_RE_THROW();
	}
	PG_END_TRY();
	call_end(&call);
}

static void
block_run(const InlineCodeBlock *block)
{
	Function *function;

	shared_require();
	function = function_inline(block->source_text, block->langOid);
	function_submit(function, WIRE_CALL, type_get(VOIDOID, -1), !block->atomic);
}

Datum
pybox_inline_handler(PG_FUNCTION_ARGS)
{
	block_run((InlineCodeBlock *) DatumGetPointer(PG_GETARG_DATUM(0)));
	PG_RETURN_VOID();
}

Datum
pyboxu_inline_handler(PG_FUNCTION_ARGS)
{
	block_run((InlineCodeBlock *) DatumGetPointer(PG_GETARG_DATUM(0)));
	PG_RETURN_VOID();
}

static void
argument_types_check(const Function *function)
{
	for (int i = 0; i < function->arg_count; i++)
	{
		Oid type = function->arg_types[i];

		if (get_typtype(type) == TYPTYPE_PSEUDO && !IsPolymorphicType(type) && type != RECORDOID)
			ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
							errmsg("PL/Python functions cannot accept type %s", format_type_be(type))));
	}
}

static void
result_type_check(Oid oid)
{
	Oid type = get_func_rettype(oid);

	if (type == EVENT_TRIGGEROID)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("trigger functions can only be called as triggers")));
	if (type != TRIGGEROID && get_typtype(type) == TYPTYPE_PSEUDO && !IsPolymorphicType(type) && type != VOIDOID &&
		type != RECORDOID)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("PL/Python functions cannot return type %s", format_type_be(type))));
}

/* Types are checked here, the source in a confined child: nothing of it is parsed in the server. */
static void
function_validate(FunctionCallInfo info)
{
	Oid oid = DatumGetObjectId(info->args[0].value);
	Function *function;

	if (!CheckFunctionValidatorAccess(info->flinfo->fn_oid, oid))
		return;
	if (!check_function_bodies)
		return;
	result_type_check(oid);
	shared_require();
	function = function_get(oid, InvalidOid);
	argument_types_check(function);
	function_submit(function, WIRE_CHECK, NULL, false);
}

Datum
pybox_validator(PG_FUNCTION_ARGS)
{
	function_validate(fcinfo);
	PG_RETURN_VOID();
}

Datum
pyboxu_validator(PG_FUNCTION_ARGS)
{
	function_validate(fcinfo);
	PG_RETURN_VOID();
}
