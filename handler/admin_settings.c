/*
 * admin_settings.c - pybox.policy_settings and pybox.diff_policy(). Runs in backends.
 *
 * The lists that they show are in heap memory of the policies' room: freed whatever happens.
 */
#include "handler/admin.h"

#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "policies/policy_diff.h"
#include "scheduler/policy_store.h"
#include "scheduler/shared.h"

PG_FUNCTION_INFO_V1(pybox_policy_settings);
PG_FUNCTION_INFO_V1(pybox_diff_policy);

/* The policy in force with its text, and the calls there are under it. */
typedef struct InForce
{
	Policy policy;
	PolicyUse use;
	size_t length;
	char text[POLICY_TEXT_MAX];
} InForce;

/* NULL while there is no policy. */
static InForce *
in_force_copy(void)
{
	InForce *copy = palloc(sizeof(InForce));
	const Queue *queue = shared_queue();

	memset(&copy->use, 0, sizeof(copy->use));
	LWLockAcquire(shared->lock, LW_SHARED);
	policy_copy(&copy->policy, &shared->policy);
	memcpy(copy->text, shared->policy_text, shared->policy_length);
	copy->length = shared->policy_length;
	copy->use.running = queue->holding;
	for (int i = 0; i < copy->policy.pool_count; i++)
	{
		copy->use.pool_running[i] = queue->pools[i].holding;
		copy->use.pool_waiting[i] = queue->pools[i].waiting;
	}
	for (int i = 0; i < copy->policy.cap_count; i++)
		copy->use.cap_running[i] = queue->caps[i].holding;
	LWLockRelease(shared->lock);
	if (policy_store_generation() > 0)
		return copy;
	pfree(copy);
	return NULL;
}

static void
text_put(const char *text, Datum *value, bool *is_null)
{
	*is_null = text == NULL;
	if (!*is_null)
		*value = CStringGetTextDatum(text);
}

static void
settings_put(ReturnSetInfo *rows, const PolicySettings *settings)
{
	for (int i = 0; i < settings->count; i++)
	{
		const PolicySetting *setting = &settings->rows[i];
		Datum values[3];
		bool nulls[3] = {false, false, setting->line == 0};

		values[0] = CStringGetTextDatum(setting->path);
		values[1] = CStringGetTextDatum(setting->value);
		values[2] = Int32GetDatum(setting->line);
		tuplestore_putvalues(rows->setResult, rows->setDesc, values, nulls);
	}
}

/* What can only come of a lack of memory, since both texts are right. */
static void
failure_raise(const PolicyError *error)
{
	ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("could not compare pybox policies: %s", error->message)));
}

Datum
pybox_policy_settings(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rows = admin_rows(fcinfo);
	InForce *now = in_force_copy();
	PolicySettings settings = {0};
	PolicyError error;

	if (now == NULL)
		return (Datum) 0;
	PG_TRY();
	{
		if (policy_settings_list(&now->policy, now->text, now->length, &settings, &error) < 0)
			failure_raise(&error);
		settings_put(rows, &settings);
	}
	PG_FINALLY();
	{
		policy_settings_free(&settings);
	}
	PG_END_TRY();
	return (Datum) 0;
}

static void
diff_put(ReturnSetInfo *rows, const PolicyDiff *diff)
{
	for (int i = 0; i < diff->count; i++)
	{
		const PolicyChange *change = &diff->rows[i];
		Datum values[4];
		bool nulls[4];

		text_put(change->path, &values[0], &nulls[0]);
		text_put(change->old, &values[1], &nulls[1]);
		text_put(change->new, &values[2], &nulls[2]);
		text_put(change->effect, &values[3], &nulls[3]);
		tuplestore_putvalues(rows->setResult, rows->setDesc, values, nulls);
	}
}

/* What it is compared with: the text that is given, or the file as it is now. Raises F0000 when that is wrong. */
static void
draft_get(FunctionCallInfo fcinfo, PolicyDraft *draft)
{
	text *yaml;

	if (PG_ARGISNULL(0))
	{
		(void) policy_store_read(draft, ERROR);
		return;
	}
	yaml = PG_GETARG_TEXT_PP(0);
	*draft = (PolicyDraft){.source = "text", .text = VARDATA_ANY(yaml), .length = VARSIZE_ANY_EXHDR(yaml)};
	(void) policy_store_check(draft, ERROR);
}

Datum
pybox_diff_policy(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rows = admin_rows(fcinfo);
	InForce *now = in_force_copy();
	PolicyDiff diff = {0};
	PolicySource old, new;
	PolicyDraft draft;
	PolicyError error;

	draft_get(fcinfo, &draft);
	if (now == NULL)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("pybox has no policy yet"),
						errhint("pybox.check_policy() says whether a text is one.")));
	old = (PolicySource){&now->policy, now->text, now->length};
	new = (PolicySource){draft.policy, draft.text, draft.length};
	PG_TRY();
	{
		if (policy_diff(&old, &new, &now->use, &diff, &error) < 0)
			failure_raise(&error);
		diff_put(rows, &diff);
	}
	PG_FINALLY();
	{
		policy_diff_free(&diff);
	}
	PG_END_TRY();
	return (Datum) 0;
}
