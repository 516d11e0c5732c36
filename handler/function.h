/*
 * function.h - what pybox knows of a function: its source for the child, its types, its pool.
 *
 * DESIGN. A Function is made from pg_proc at its first call in a session and made anew, under a new handle, when its row
 * changes. A CallSite hangs on the FmgrInfo and adds what this use of it resolves: polymorphic and record types. users
 * counts the calls and open sets that still need a replaced one. Every so often those that were dropped are let go.
 */
#ifndef PYBOX_FUNCTION_H
#define PYBOX_FUNCTION_H

#include "postgres.h"

#include "fmgr.h"
#include "storage/itemptr.h"
#include "utils/timestamp.h"

#include "handler/type.h"
#include "policies/policy.h"
#include "scheduler/stat.h"

typedef struct Function
{
	Oid oid;	  /* InvalidOid: a DO block */
	Oid relation; /* of a trigger function, which is one function for each table; else InvalidOid */
	TransactionId xmin;
	ItemPointerData tid;
	MemoryContext context;
	int users;
	bool current; /* false: replaced, freed with its last user */
	bool trusted, returns_set, is_procedure, is_inline, read_only;
	uint32 handle, replaces; /* replaces: the handle this one makes void, or 0 */
	char *name, *qualified, *source;
	uint64 body;	/* hash of source, never 0 */
	char *language; /* as pg_language has it: pyboxu's handlers serve other names too */
	int arg_count;
	const TransformSet *transforms; /* of the TRANSFORM clause; NULL: none */
	Oid *arg_types;
	char **arg_names; /* NULL where there is none */
	/* where policy_pool_for() found it last */
	const PolicyPool *pool;
	PolicySelection selection; /* what else of the policy is about its calls; as old as the pool */
	TimestampTz statement;	   /* its calls are counted of, for rules */
	uint64 calls;
	Oid pool_role;
	uint64 pool_policy, pool_roles;
	/* what is expected of its next call, and when that was found out */
	StatGuess guess;
	TimestampTz guessed_at;
	StatMemory memory;
} Function;

typedef struct CallSite
{
	Function *function; /* stale unless the generations hold: handle says which it was */
	uint32 handle;
	uint64 functions, types; /* generations it was made under */
	TypeInfo **args;
	TypeInfo *result;
	struct SetState *set; /* a set that is being returned */
} CallSite;

/* The call site of a call, brought up to date. */
CallSite *function_site(FunctionCallInfo call);
/* From pg_proc, by oid; relation: whose trigger it is, or InvalidOid. Raises 42809 if it is not of a language of ours. */
Function *function_get(Oid oid, Oid relation);
/* For DO: freed by function_release. */
Function *function_inline(const char *source, Oid language);
/* The hash of a source, never 0: what Function.body is for it. */
uint64 function_body(const char *source);
void function_hold(Function *function);
void function_release(Function *function);
/* Appends the payload of WIRE_FUNCTION and WIRE_CHECK. */
void function_put(FrameOut *out, const Function *function);
/* The pool of the current policy for this function and the current user. */
const PolicyPool *function_pool(Function *function);
/* Which caps, filters, rules and budgets of that policy are about it: valid until the next look for its pool. */
const PolicySelection *function_selection(Function *function);
/* The assignment for any role, database and function (NULL: none), for pybox.explain_policy(). */
const PolicyAssign *function_assignment(const Policy *policy, Oid role, const char *database, const char *function,
										const char **why);

#endif
