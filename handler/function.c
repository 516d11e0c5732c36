/*
 * function.c - the cache of functions and their call sites. Runs in backends.
 */
#include "handler/function.h"

#include "access/htup_details.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "common/hashfn.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "handler/caller.h"
#include "handler/lease.h"
#include "scheduler/clock.h"
#include "scheduler/policy_store.h"

#define FUNCTIONS_SWEEP_MIN 256
#define FUNCTIONS_SWEEP_MS 500 /* nothing interrupts finalizers: what is left then waits for the next sweep */

/* Of pybox and pyboxu, and of whatever language stands on them. */
#define HANDLER_TRUSTED "pybox_call_handler"
#define HANDLER_UNTRUSTED "pyboxu_call_handler"

typedef struct FunctionKey
{
	Oid oid, relation;
} FunctionKey;

typedef struct FunctionSlot
{
	FunctionKey key;
	Function *function;
} FunctionSlot;

static HTAB *functions = NULL;
static uint64 function_generation = 1;

static void
procedure_changed(Datum arg, int cache, uint32 hash)
{
	function_generation++;
}

static void
functions_initialize(void)
{
	HASHCTL control = {.keysize = sizeof(FunctionKey), .entrysize = sizeof(FunctionSlot)};

	if (functions != NULL)
		return;
	CacheRegisterSyscacheCallback(PROCOID, procedure_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(NAMESPACEOID, procedure_changed, (Datum) 0);
	functions = hash_create("pybox functions", 64, &control, HASH_ELEM | HASH_BLOBS);
}

/* The C function that calls those of a language; NULL: it has no such handler. */
static char *
language_handler(Form_pg_language language)
{
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(language->lanplcallfoid));
	char *symbol = NULL;
	bool is_null;

	if (!HeapTupleIsValid(tuple))
		return NULL;
	if (((Form_pg_proc) GETSTRUCT(tuple))->prolang == ClanguageId)
		symbol = TextDatumGetCString(SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosrc, &is_null));
	ReleaseSysCache(tuple);
	return symbol;
}

/* Whether the handler of pybox serves a language, rather than that of pyboxu; raises an error if neither does. */
static bool
language_is_confined(const char *function, Oid language)
{
	HeapTuple tuple = SearchSysCache1(LANGOID, ObjectIdGetDatum(language));
	Form_pg_language form;
	char *handler;
	bool confined;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for language %u", language);
	form = (Form_pg_language) GETSTRUCT(tuple);
	handler = language_handler(form);
	confined = handler != NULL && strcmp(handler, HANDLER_TRUSTED) == 0;
	if (!confined && (handler == NULL || strcmp(handler, HANDLER_UNTRUSTED) != 0))
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("function \"%s\" is written in language \"%s\", which pybox does not run", function,
							   NameStr(form->lanname)),
						errhint("If it was replaced while a query used it, run the query again.")));
	if (form->lanpltrusted && !confined)
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("language \"%s\" is trusted, but its handler is pyboxu's", NameStr(form->lanname)),
						errhint("Create it without TRUSTED, or with the handlers of pybox.")));
	ReleaseSysCache(tuple);
	return confined;
}

uint64
function_body(const char *source)
{
	uint64 hash = hash_bytes_extended((const unsigned char *) source, (int) strlen(source), 0);

	return hash != 0 ? hash : 1;
}

static Function *
function_make(MemoryContext parent, const char *name, const char *source, Oid language)
{
	bool trusted = language_is_confined(name, language);
	MemoryContext context = AllocSetContextCreate(parent, "pybox function", ALLOCSET_SMALL_SIZES);
	Function *function = MemoryContextAllocZero(context, sizeof(Function));

	MemoryContextSetIdentifier(context, MemoryContextStrdup(context, name));
	function->context = context;
	function->current = true;
	function->trusted = trusted;
	function->handle = type_handle_next();
	function->name = MemoryContextStrdup(context, name);
	function->source = MemoryContextStrdup(context, source);
	function->body = function_body(source);
	function->language = MemoryContextStrdup(context, get_language_name(language, false));
	return function;
}

static bool
arg_is_input(char mode)
{
	return mode == PROARGMODE_IN || mode == PROARGMODE_INOUT || mode == PROARGMODE_VARIADIC;
}

/* Only what goes in: names and declared types of IN, INOUT and VARIADIC arguments. */
static void
arguments_read(Function *function, HeapTuple tuple)
{
	MemoryContext old = MemoryContextSwitchTo(function->context);
	Oid *types;
	char **names, *modes;
	int count = get_func_arg_info(tuple, &types, &names, &modes);

	function->arg_types = palloc(Max(count, 1) * sizeof(Oid));
	function->arg_names = palloc0(Max(count, 1) * sizeof(char *));
	for (int i = 0; i < count; i++)
	{
		if (modes != NULL && !arg_is_input(modes[i]))
			continue;
		function->arg_types[function->arg_count] = types[i];
		if (names != NULL && names[i] != NULL && names[i][0] != '\0')
			function->arg_names[function->arg_count] = names[i];
		function->arg_count++;
	}
	MemoryContextSwitchTo(old);
}

static const TransformSet *
transforms_read(Oid language, HeapTuple tuple)
{
	bool is_null;
	Datum types = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_protrftypes, &is_null);

	return transform_set_get(language, is_null ? (Datum) 0 : types);
}

static char *
function_qualified(Form_pg_proc form)
{
	char *schema = get_namespace_name(form->pronamespace);

	return psprintf("%s.%s", schema ? schema : "", NameStr(form->proname));
}

/* A schema's name is not in its functions' rows; pools may go by it. */
static void
function_rename(Function *function, Form_pg_proc form)
{
	char *qualified = function_qualified(form);

	if (strcmp(qualified, function->qualified) == 0)
		return;
	function->qualified = MemoryContextStrdup(function->context, qualified);
	function->pool = NULL;
}

static Function *
function_read(HeapTuple tuple, Oid oid, Oid relation)
{
	Form_pg_proc form = (Form_pg_proc) GETSTRUCT(tuple);
	bool is_null;
	Datum source = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosrc, &is_null);
	Function *function;

	if (is_null)
		elog(ERROR, "function %u has no source", oid);
	function = function_make(TopMemoryContext, NameStr(form->proname), TextDatumGetCString(source), form->prolang);
	function->oid = oid;
	function->relation = relation;
	function->xmin = HeapTupleHeaderGetRawXmin(tuple->t_data);
	function->tid = tuple->t_self;
	function->returns_set = form->proretset;
	function->is_procedure = form->prokind == PROKIND_PROCEDURE;
	function->read_only = form->provolatile != PROVOLATILE_VOLATILE;
	function->qualified = MemoryContextStrdup(function->context, function_qualified(form));
	function->transforms = transforms_read(form->prolang, tuple);
	arguments_read(function, tuple);
	return function;
}

static void
function_retire(Function *function)
{
	function->current = false;
	if (function->users == 0)
		MemoryContextDelete(function->context);
}

static bool
function_is_dropped(const Function *function)
{
	return !SearchSysCacheExists1(PROCOID, ObjectIdGetDatum(function->oid)) ||
		   (OidIsValid(function->relation) && !SearchSysCacheExists1(RELOID, ObjectIdGetDatum(function->relation)));
}

/*
 * Lets go of dropped functions, and triggers of dropped tables, whenever there are twice as many as were left the last
 * time: a session that makes functions and drops them, temporary ones among them, keeps neither them nor what its
 * interpreters have of them.
 */
static void
functions_sweep(void)
{
	static long limit = FUNCTIONS_SWEEP_MIN;
	TimestampTz deadline;
	HASH_SEQ_STATUS scan;
	FunctionSlot *slot;

	if (hash_get_num_entries(functions) < limit)
		return;
	deadline = TimestampTzPlusMilliseconds(clock_now(), FUNCTIONS_SWEEP_MS);
	hash_seq_init(&scan, functions);
	while ((slot = hash_seq_search(&scan)) != NULL)
	{
		Function *function = slot->function;

		if (clock_now() > deadline)
		{
			hash_seq_term(&scan);
			break;
		}
		if (function->users > 0 || !function_is_dropped(function))
			continue;
		lease_forget_all(function->handle);
		(void) hash_search(functions, &slot->key, HASH_REMOVE, NULL);
		function_retire(function);
		function_generation++; /* no call site may go by what it remembers */
	}
	limit = Max(FUNCTIONS_SWEEP_MIN, 2 * hash_get_num_entries(functions));
}

Function *
function_get(Oid oid, Oid relation)
{
	FunctionKey key = {.oid = oid, .relation = relation};
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(oid));
	FunctionSlot *slot;
	Function *function;
	bool found;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", oid);
	functions_initialize();
	slot = hash_search(functions, &key, HASH_FIND, &found);
	if (found && slot->function->xmin == HeapTupleHeaderGetRawXmin(tuple->t_data) &&
		ItemPointerEquals(&slot->function->tid, &tuple->t_self))
	{
		function_rename(slot->function, (Form_pg_proc) GETSTRUCT(tuple));
		ReleaseSysCache(tuple);
		return slot->function;
	}
	function = function_read(tuple, oid, relation);
	ReleaseSysCache(tuple);
	if (found)
	{
		function->replaces = slot->function->handle;
		function_retire(slot->function);
	}
	else
	{
		functions_sweep();
		slot = hash_search(functions, &key, HASH_ENTER, &found);
	}
	slot->function = function;
	return function;
}

Function *
function_inline(const char *source, Oid language)
{
	Function *function = function_make(CurrentMemoryContext, "__inline", source, language);

	function->is_inline = true;
	function->current = false;
	return function;
}

void
function_hold(Function *function)
{
	function->users++;
}

void
function_release(Function *function)
{
	function->users--;
	if (function->users > 0 || function->current)
		return;
	if (function->is_inline)
		type_handle_free(function->handle);
	MemoryContextDelete(function->context);
}

static Oid
argument_type(FunctionCallInfo call, const Function *function, int number)
{
	Oid type = function->arg_types[number];

	if (IsPolymorphicType(type))
		type = get_fn_expr_argtype(call->flinfo, number);
	if (!OidIsValid(type))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("could not determine the type of argument %d of function \"%s\"", number + 1, function->name)));
	if (get_typtype(type) == TYPTYPE_PSEUDO && type != RECORDOID)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("PL/Python functions cannot accept type %s", format_type_be(type))));
	return type;
}

static TypeInfo *
result_type(FunctionCallInfo call, const Function *function)
{
	Oid type;
	TupleDesc desc;
	ReturnSetInfo *set = (ReturnSetInfo *) call->resultinfo;
	TypeFuncClass class = get_call_result_type(call, &type, &desc);

	if (function->is_procedure && class != TYPEFUNC_COMPOSITE)
		return type_get(VOIDOID, -1);
	if (type == TRIGGEROID || type == EVENT_TRIGGEROID)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("trigger functions can only be called as triggers")));
	if (class == TYPEFUNC_COMPOSITE && type == RECORDOID)
		return type_get_row(desc, function->transforms);
	if (class == TYPEFUNC_OTHER || type == CSTRINGOID)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("PL/Python functions cannot return type %s", format_type_be(type))));
	if (class != TYPEFUNC_RECORD)
		return type_get_for(type, -1, function->transforms);
	if (set == NULL || !IsA(set, ReturnSetInfo) || set->expectedDesc == NULL)
		return type_get_for(RECORDOID, -1,
							function->transforms); /* which call_value() refuses, when there is a value */
	return type_get_row(set->expectedDesc, function->transforms);
}

static CallSite *
site_make(FunctionCallInfo call, Function *function)
{
	MemoryContext old = MemoryContextSwitchTo(call->flinfo->fn_mcxt);
	CallSite *site = palloc0(sizeof(CallSite));

	site->handle = function->handle;
	site->args = palloc(Max(function->arg_count, 1) * sizeof(TypeInfo *));
	MemoryContextSwitchTo(old);
	return site;
}

CallSite *
function_site(FunctionCallInfo call)
{
	CallSite *site = call->flinfo->fn_extra;
	Function *function;
	uint64 functions_now = function_generation, types_now = type_generation();

	if (likely(site != NULL && site->functions == functions_now && site->types == types_now))
		return site;
	if (site != NULL && site->set != NULL)
		return site; /* a set goes on as it began */
	function = function_get(call->flinfo->fn_oid, InvalidOid);
	if (site == NULL || site->handle != function->handle)
		site = site_make(call, function);
	for (int i = 0; i < function->arg_count; i++)
		site->args[i] = type_get_for(argument_type(call, function, i), -1, function->transforms);
	site->result = result_type(call, function);
	site->function = function;
	site->functions = functions_now;
	site->types = types_now;
	call->flinfo->fn_extra = site;
	return site;
}

void
function_put(FrameOut *out, const Function *function)
{
	uint8 flags =
		(function->returns_set ? WIRE_FUNCTION_SET : 0) | (function->is_procedure ? WIRE_FUNCTION_PROCEDURE : 0) |
		(function->is_inline ? WIRE_FUNCTION_INLINE : 0) | (OidIsValid(function->relation) ? WIRE_FUNCTION_TRIGGER : 0);

	wire_put_u32(&out->writer, function->handle);
	wire_put_u32(&out->writer, function->oid);
	wire_put_u8(&out->writer, flags);
	frame_put_cstring(out, function->name);
	frame_put_cstring(out, function->source);
	wire_put_u16(&out->writer, function->arg_count);
	for (int i = 0; i < function->arg_count; i++)
	{
		wire_put_u8(&out->writer, function->arg_names[i] != NULL ? WIRE_TEXT : WIRE_NULL);
		if (function->arg_names[i] != NULL)
			frame_put_cstring(out, function->arg_names[i]);
	}
}

const PolicyAssign *
function_assignment(const Policy *policy, Oid role, const char *database, const char *function, const char **why)
{
	PolicyCaller caller = caller_find(role, database, function);

	return policy_assign_find(policy, &caller, why);
}

const PolicyPool *
function_pool(Function *function)
{
	const Policy *policy = policy_store_get();
	uint64 generation = policy_store_local_generation();
	Oid role = GetUserId();
	const PolicyAssign *assign;
	PolicyCaller caller;
	const char *why;

	if (likely(function->pool != NULL && function->pool_role == role && function->pool_policy == generation &&
			   function->pool_roles == caller_generation()))
		return function->pool;
	functions_initialize();
	caller = caller_find(role, NULL, function->qualified);
	assign = policy_assign_find(policy, &caller, &why);
	policy_select(policy, &caller, &function->selection);
	function->pool = &policy->pools[assign != NULL ? assign->pool : 0];
	function->pool_role = role;
	function->pool_policy = generation;
	function->pool_roles = caller_generation();
	return function->pool;
}

const PolicySelection *
function_selection(Function *function)
{
	(void) function_pool(function);
	return &function->selection;
}
