/*
 * admin_policy.c - pybox.policy, pybox.protection and the functions on policies. Runs in backends.
 */
#include "handler/admin.h"

#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "handler/function.h"
#include "handler/policy_catalog.h"
#include "sandbox/control.h"
#include "scheduler/clock.h"
#include "scheduler/policy_store.h"
#include "scheduler/shared.h"

PG_FUNCTION_INFO_V1(pybox_policy);
PG_FUNCTION_INFO_V1(pybox_protection);
PG_FUNCTION_INFO_V1(pybox_reload_policy);
PG_FUNCTION_INFO_V1(pybox_check_policy);
PG_FUNCTION_INFO_V1(pybox_explain_policy);

/* What was loaded, and when. */
typedef struct PolicyLoaded
{
	uint64 generation; /* 0: nothing */
	TimestampTz at;
	size_t length;
	char node[POLICY_NAME_SIZE], hash[POLICY_HASH_SIZE], source[MAXPGPATH], text[POLICY_TEXT_MAX];
} PolicyLoaded;

static PolicyLoaded *
policy_loaded_copy(void)
{
	PolicyLoaded *loaded = palloc(sizeof(PolicyLoaded));

	LWLockAcquire(shared->lock, LW_SHARED);
	loaded->generation = pg_atomic_read_u64(&shared->policy_generation);
	loaded->at = shared->policy_loaded_at;
	loaded->length = shared->policy_length;
	strlcpy(loaded->node, shared->policy.node_name, sizeof(loaded->node));
	strlcpy(loaded->hash, shared->policy_hash, sizeof(loaded->hash));
	strlcpy(loaded->source, shared->policy_source, sizeof(loaded->source));
	memcpy(loaded->text, shared->policy_text, loaded->length);
	LWLockRelease(shared->lock);
	return loaded;
}

/* One row, none while there is no policy: its text as it was loaded, from where, when, and which. */
Datum
pybox_policy(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rows = admin_rows(fcinfo);
	PolicyLoaded *loaded = policy_loaded_copy();
	Datum values[6];
	bool nulls[6] = {0};

	if (loaded->generation == 0)
		return (Datum) 0;
	values[0] = CStringGetTextDatum(loaded->node);
	values[1] = Int64GetDatum((int64) loaded->generation);
	values[2] = CStringGetTextDatum(loaded->source);
	values[3] = TimestampTzGetDatum(loaded->at);
	values[4] = PointerGetDatum(cstring_to_text_with_len(loaded->text, (int) loaded->length));
	values[5] = CStringGetTextDatum(loaded->hash);
	tuplestore_putvalues(rows->setResult, rows->setDesc, values, nulls);
	return (Datum) 0;
}

typedef struct Protection
{
	Policy policy;
	SharedLayer layers[LAYER_COUNT];
	SharedZygote zygotes[POLICY_POOLS_MAX][2];
	uint32 have; /* LAYER_BITs that work, or are not known not to */
} Protection;

static uint32
protection_have(const SharedLayer *layers)
{
	uint32 have = 0;

	for (int id = 0; id < LAYER_COUNT; id++)
		if (!layers[id].known || layers[id].error == 0)
			have |= LAYER_BIT(id);
	return have;
}

static const Protection *
protection_copy(void)
{
	Protection *all = palloc(sizeof(Protection));

	LWLockAcquire(shared->lock, LW_SHARED);
	policy_copy(&all->policy, &shared->policy);
	memcpy(all->layers, shared->layers, sizeof(all->layers));
	memcpy(all->zygotes, shared->zygotes, all->policy.pool_count * sizeof(all->zygotes[0]));
	LWLockRelease(shared->lock);
	all->have = protection_have(all->layers);
	return all;
}

enum
{
	PROTECTION_NODE,
	PROTECTION_POOL,
	PROTECTION_LANGUAGE,
	PROTECTION_LAYER,
	PROTECTION_AVAILABLE,
	PROTECTION_REQUIRED,
	PROTECTION_IN_FORCE,
	PROTECTION_REASON,
	PROTECTION_DETAIL,
	PROTECTION_HINT,
	PROTECTION_COLUMNS
};

/* Why interpreters do not run under a layer, in words of its own only where the launcher has none. */
static const char *
protection_reason(int id, const SharedLayer *layer, const SharedZygote *zygote, bool wanted)
{
	if (layer->known && layer->error != 0)
		return layer->detail;
	if (!wanted)
		return id == LAYER_ROOT ? "pyboxu has the host's files: fs: host" : "pyboxu has the host's network: net: host";
	if (zygote->state == CONTROL_ZYGOTE_RUNNING)
		return "not in force in the zygote";
	return zygote->state == CONTROL_ZYGOTE_BROKEN ? zygote->reason : "no interpreter has been needed yet";
}

static void
protection_text(const char *text, Datum *value, bool *is_null)
{
	*is_null = text[0] == '\0';
	if (!*is_null)
		*value = CStringGetTextDatum(text);
}

static void
protection_row(ReturnSetInfo *rows, const Protection *all, int pool, int trusted, int id)
{
	const PolicyPool *limits = &all->policy.pools[pool];
	const SharedLayer *layer = &all->layers[id];
	const SharedZygote *zygote = &all->zygotes[pool][trusted];
	bool runs = zygote->state == CONTROL_ZYGOTE_RUNNING, works = layer->known && layer->error == 0;
	bool in_force = runs && (zygote->layers & LAYER_BIT(id)) != 0;
	bool wanted = (policy_layers_wanted(limits, trusted) & LAYER_BIT(id)) != 0;
	Datum values[PROTECTION_COLUMNS] = {0};
	bool nulls[PROTECTION_COLUMNS] = {0};

	values[PROTECTION_NODE] = CStringGetTextDatum(all->policy.node_name);
	values[PROTECTION_POOL] = CStringGetTextDatum(limits->name);
	values[PROTECTION_LANGUAGE] = CStringGetTextDatum(trusted ? "pybox" : "pyboxu");
	values[PROTECTION_LAYER] = CStringGetTextDatum(layer_name(id));
	values[PROTECTION_AVAILABLE] = BoolGetDatum(works);
	nulls[PROTECTION_AVAILABLE] = !layer->known;
	values[PROTECTION_REQUIRED] = BoolGetDatum(((policy_layers_needed(&all->policy, limits, trusted) |
												 policy_layers_missing(&all->policy, limits, trusted, all->have)) &
												LAYER_BIT(id)) != 0);
	values[PROTECTION_IN_FORCE] = BoolGetDatum(in_force);
	nulls[PROTECTION_IN_FORCE] = !runs;
	protection_text(in_force ? "" : protection_reason(id, layer, zygote, wanted), &values[PROTECTION_REASON],
					&nulls[PROTECTION_REASON]);
	protection_text(works ? layer->detail : "", &values[PROTECTION_DETAIL], &nulls[PROTECTION_DETAIL]);
	protection_text(works ? "" : layer->hint, &values[PROTECTION_HINT], &nulls[PROTECTION_HINT]);
	tuplestore_putvalues(rows->setResult, rows->setDesc, values, nulls);
}

Datum
pybox_protection(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rows = admin_rows(fcinfo);
	const Protection *all = protection_copy();

	for (int pool = 0; pool < all->policy.pool_count; pool++)
		for (int trusted = 1; trusted >= 0; trusted--)
			for (int id = 0; id < LAYER_COUNT; id++)
				protection_row(rows, all, pool, trusted, id);
	return (Datum) 0;
}

Datum
pybox_reload_policy(PG_FUNCTION_ARGS)
{
	Policy *policy;

	shared_require();
	(void) policy_store_load(ERROR);
	policy = policy_store_copy();
	policy_catalog_check(policy, policy_store_file == NULL || policy_store_file[0] == '\0' ? NULL : policy_store_file);
	PG_RETURN_BOOL(true);
}

Datum
pybox_check_policy(PG_FUNCTION_ARGS)
{
	text *yaml = PG_GETARG_TEXT_PP(0);
	PolicyDraft draft = {.source = "text", .text = VARDATA_ANY(yaml), .length = VARSIZE_ANY_EXHDR(yaml)};

	(void) policy_store_check(&draft, ERROR);
	policy_catalog_check(draft.policy, draft.source);
	PG_RETURN_BOOL(true);
}

Datum
pybox_explain_policy(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rows = admin_rows(fcinfo);
	Policy *policy = policy_store_copy();
	Oid role = PG_ARGISNULL(0) ? GetUserId() : get_role_oid(text_to_cstring(PG_GETARG_TEXT_PP(0)), false);
	char *database = PG_ARGISNULL(1) ? get_database_name(MyDatabaseId) : text_to_cstring(PG_GETARG_TEXT_PP(1));
	char *function = PG_ARGISNULL(2) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(2));
	const char *why = "only pool";
	const PolicyAssign *assign = function_assignment(policy, role, database, function, &why);
	Datum values[3];
	bool nulls[3] = {0};

	values[0] = CStringGetTextDatum(policy->pools[assign != NULL ? assign->pool : 0].name);
	values[1] = CStringGetTextDatum(why);
	values[2] = Int32GetDatum(assign != NULL ? assign->line : 0);
	nulls[2] = assign == NULL;
	tuplestore_putvalues(rows->setResult, rows->setDesc, values, nulls);
	return (Datum) 0;
}
