/*
 * policy_diff.c - compares two policies setting by setting, and words what each change does.
 *
 * DESIGN. A new policy never ends a call: what it lowers takes effect as calls end. The words for each kind of key are a table;
 * where the server counts calls beyond a lower cap, it says how many.
 */
#include "policies/policy_diff.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EFFECT_SIZE 192
#define ALL_SIZE 4096 /* of what a whole pool or entry says; the rest is cut off */

typedef struct Comparison
{
	const PolicySource *old, *new;
	const PolicyUse *use;
	PolicySettings before, after;
	PolicyDiff *diff;
	int hint; /* where in the other list the last one was found: mostly the order is the same */
	bool failed;
} Comparison;

typedef void (*EffectWriter)(const Comparison *all, const PolicySetting *before, const PolicySetting *after,
							 char *effect);

static void words_write(char *effect, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void
words_write(char *effect, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(effect, EFFECT_SIZE, format, arguments);
	va_end(arguments);
}

/* --- what a change does ------------------------------------------------------------------------------------------- */

static int32_t
slots_of(const Policy *policy, const PolicySetting *setting, const PolicyUse *use, int32_t *running)
{
	const char *section = policy_keys[setting->section].name;

	if (strcmp(section, "pools") == 0)
	{
		*running = use == NULL ? 0 : use->pool_running[setting->index];
		return policy->pools[setting->index].slots;
	}
	if (strcmp(section, "caps") == 0)
	{
		*running = use == NULL ? 0 : use->cap_running[setting->index];
		return policy->caps[setting->index].slots;
	}
	*running = use == NULL ? 0 : use->running;
	return policy->node_slots;
}

/* A cap's slots of 0, or none, are any number. */
static void
effect_slots(const Comparison *all, const PolicySetting *before, const PolicySetting *after, char *effect)
{
	int32_t running = 0, unused = 0;
	int32_t old = before == NULL ? 0 : slots_of(all->old->policy, before, all->use, &running);
	int32_t new = after == NULL ? 0 : slots_of(all->new->policy, after, NULL, &unused);
	const bool lower = new != 0 && (old == 0 || new < old);

	if (!lower || (all->use != NULL && running <= new))
		words_write(effect, "in force at once");
	else if (all->use == NULL)
		words_write(effect, "calls that run beyond the new cap run until they end");
	else
		words_write(effect, "%d call%s beyond the new cap until they end", (int) (running - new),
					running - new == 1 ? " runs" : "s run");
}

/* The words for the other kinds. */
static const char *const effect_words[POLICY_EFFECT_COUNT] = {
	[POLICY_EFFECT_ONCE] = "in force at once",
	[POLICY_EFFECT_ORDER] = "queued calls are judged anew",
	[POLICY_EFFECT_BUDGET] = "running calls keep what they have reserved",
	[POLICY_EFFECT_QUEUE] = "calls that wait already stay in the queue",
	[POLICY_EFFECT_LATER] = "for calls that come from now on",
	[POLICY_EFFECT_LIMIT] =
		"running calls keep the old limit; idle interpreters of the pool end, sessions get new ones",
	[POLICY_EFFECT_SPARES] = "spare interpreters of the pool are made anew",
	[POLICY_EFFECT_LAYERS] = "calls are refused where a layer that is required now is missing",
	[POLICY_EFFECT_ASSIGN] = "running calls stay in their pool, queued calls are judged anew",
	[POLICY_EFFECT_FILTER] = "for calls that have not started; running calls go on",
	[POLICY_EFFECT_CAP] = "queued calls are judged anew; running calls do not count against a new cap",
	[POLICY_EFFECT_RULE] = "running and queued calls of the rule are judged by it at once",
	[POLICY_EFFECT_RULES] = "a new rule is for calls that come from now on, one that is gone judges none",
	[POLICY_EFFECT_OVERDRAFT] = "for calls that start from now on; what was used under that name counts",
	[POLICY_EFFECT_WINDOW] = "for calls that start from now on; nothing has been used yet",
};

static const EffectWriter effect_writers[POLICY_EFFECT_COUNT] = {[POLICY_EFFECT_SLOTS] = effect_slots};

static void
effect_write(const Comparison *all, const PolicySetting *before, const PolicySetting *after, char *effect)
{
	PolicyEffect kind = (before != NULL ? before : after)->key->effect;

	if (effect_writers[kind] != NULL)
		effect_writers[kind](all, before, after, effect);
	else
		words_write(effect, "%s", effect_words[kind]);
}

/* A pool that is gone leaves calls to another one. */
static void
effect_write_gone(const Comparison *all, const PolicySetting *gone, char *effect)
{
	const PolicyKey *section = &policy_keys[gone->section];
	const PolicyUse *use = all->use;
	char calls[64] = "";

	if (section->kind != POLICY_KIND_POOLS)
	{
		words_write(effect, "%s", effect_words[section->effect]);
		return;
	}
	if (use != NULL && use->pool_running[gone->index] + use->pool_waiting[gone->index] > 0)
		snprintf(calls, sizeof(calls), ", %d running and %d queued,", (int) use->pool_running[gone->index],
				 (int) use->pool_waiting[gone->index]);
	words_write(
		effect, "its calls%s go on in pool %s; its interpreters end when they are idle", calls,
		all->new->policy->pools[policy_pool_heir(all->new->policy, all->old->policy->pools[gone->index].name)].name);
}

/* --- what differs --------------------------------------------------------------------------------------------------- */

static char *
text_copy(Comparison *all, const char *text)
{
	char *copy = text == NULL ? NULL : strdup(text);

	all->failed = all->failed || (copy == NULL && text != NULL);
	return copy;
}

static void
change_add(Comparison *all, const char *path, const char *old, const char *new, const char *effect)
{
	PolicyDiff *diff = all->diff;

	if (diff->count == diff->room)
	{
		int room = diff->room == 0 ? 64 : 2 * diff->room;
		PolicyChange *grown = realloc(diff->rows, (size_t) room * sizeof(*grown));

		all->failed = all->failed || grown == NULL;
		if (grown == NULL)
			return;
		diff->rows = grown;
		diff->room = room;
	}
	diff->rows[diff->count++] = (PolicyChange){.path = text_copy(all, path),
											   .old = text_copy(all, old),
											   .new = text_copy(all, new),
											   .effect = text_copy(all, effect)};
}

static const PolicySetting *
setting_find(Comparison *all, const PolicySettings *settings, const char *path)
{
	for (int i = 0; i < settings->count; i++)
	{
		int at = (all->hint + i) % settings->count;

		if (strcmp(settings->rows[at].path, path) != 0)
			continue;
		all->hint = at + 1;
		return &settings->rows[at];
	}
	return NULL;
}

static bool
group_is_same(const PolicySetting *one, const PolicySetting *other)
{
	return one->section == other->section && one->group == other->group &&
		   memcmp(one->path, other->path, one->group) == 0;
}

static bool
group_is_in(const PolicySettings *settings, const PolicySetting *of)
{
	for (int i = 0; i < settings->count; i++)
		if (group_is_same(&settings->rows[i], of))
			return true;
	return false;
}

/* All that the file says of a pool or entry, the first setting of which is given: {priority: 1, queue.length: 5}. */
static void
group_write(const PolicySettings *settings, const PolicySetting *first, char *text)
{
	const PolicySetting *end = settings->rows + settings->count;
	const char *separator = "";
	size_t used = (size_t) snprintf(text, ALL_SIZE, "{");

	for (const PolicySetting *setting = first; setting < end && group_is_same(setting, first); setting++)
	{
		const bool said = setting->line != 0 || setting->key->required;

		if (!said || setting->key->kind == POLICY_KIND_IDENTIFIER || used >= ALL_SIZE)
			continue;
		used += (size_t) snprintf(text + used, ALL_SIZE - used, "%s%s: %s", separator,
								  setting->path + setting->group + 1, setting->value);
		separator = ", ";
	}
	if (used < ALL_SIZE)
		snprintf(text + used, ALL_SIZE - used, "}");
}

static void
group_add(Comparison *all, const PolicySetting *gone, const PolicySetting *come)
{
	const PolicySetting *setting = gone != NULL ? gone : come;
	char path[POLICY_SETTING_PATH_SIZE], text[ALL_SIZE], effect[EFFECT_SIZE];

	snprintf(path, sizeof(path), "%.*s", (int) setting->group, setting->path);
	group_write(gone != NULL ? &all->before : &all->after, setting, text);
	if (gone != NULL)
		effect_write_gone(all, gone, effect);
	else
		words_write(effect, "%s", effect_words[policy_keys[come->section].effect]);
	change_add(all, path, gone != NULL ? text : NULL, gone != NULL ? NULL : text, effect);
}

/* What the old policy says and the new one does not, or otherwise. */
static void
section_compare_old(Comparison *all, int section)
{
	for (int i = 0; i < all->before.count && !all->failed; i++)
	{
		const PolicySetting *before = &all->before.rows[i], *after;
		char effect[EFFECT_SIZE];

		if (before->section != section)
			continue;
		after = setting_find(all, &all->after, before->path);
		if (after != NULL && strcmp(before->value, after->value) == 0)
			continue;
		if (after == NULL && before->group > 0 && !group_is_in(&all->after, before))
		{
			if (i == 0 || !group_is_same(before, before - 1))
				group_add(all, before, NULL);
			continue;
		}
		effect_write(all, before, after, effect);
		change_add(all, before->path, before->value, after == NULL ? NULL : after->value, effect);
	}
}

static void
section_compare_new(Comparison *all, int section)
{
	for (int i = 0; i < all->after.count && !all->failed; i++)
	{
		const PolicySetting *after = &all->after.rows[i];
		char effect[EFFECT_SIZE];

		if (after->section != section || setting_find(all, &all->before, after->path) != NULL)
			continue;
		if (after->group > 0 && !group_is_in(&all->before, after))
		{
			if (i == 0 || !group_is_same(after, after - 1))
				group_add(all, NULL, after);
			continue;
		}
		effect_write(all, NULL, after, effect);
		change_add(all, after->path, NULL, after->value, effect);
	}
}

/* Of the assignments, which decides between roles that somebody is a member of; of the pools, caps and others not. */
static bool
order_differs(const Policy *old, const Policy *new)
{
	int last = -1;

	for (int i = 0; i < old->assign_count; i++)
		for (int k = 0; k < new->assign_count; k++)
		{
			const PolicyAssign *one = &old->assigns[i], *other = &new->assigns[k];

			if (strcmp(one->function, other->function) != 0 || strcmp(one->role, other->role) != 0 ||
				strcmp(one->database, other->database) != 0)
				continue;
			if (k < last)
				return true;
			last = k;
		}
	return false;
}

int
policy_diff(const PolicySource *old, const PolicySource *new, const PolicyUse *use, PolicyDiff *diff,
			PolicyError *error)
{
	Comparison all = {.old = old, .new = new, .use = use, .diff = diff};
	int result = policy_settings_list(old->policy, old->text, old->length, &all.before, error);

	*diff = (PolicyDiff){0};
	if (result == 0)
		result = policy_settings_list(new->policy, new->text, new->length, &all.after, error);
	for (int section = 0; result == 0 && policy_keys[section].name != NULL; section++)
	{
		section_compare_old(&all, section);
		section_compare_new(&all, section);
	}
	if (result == 0 && order_differs(old->policy, new->policy))
		change_add(&all, "assign", NULL, NULL,
				   "the order has changed, which decides among roles that a caller is a member of");
	if (all.failed && result == 0)
		result = -1, *error = (PolicyError){.message = "out of memory"};
	policy_settings_free(&all.before);
	policy_settings_free(&all.after);
	return result;
}

void
policy_diff_free(PolicyDiff *diff)
{
	for (int i = 0; i < diff->count; i++)
	{
		free(diff->rows[i].path);
		free(diff->rows[i].old);
		free(diff->rows[i].new);
		free(diff->rows[i].effect);
	}
	free(diff->rows);
	*diff = (PolicyDiff){0};
}
