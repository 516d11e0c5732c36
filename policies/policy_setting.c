/*
 * policy_setting.c - Policy and its source, side by side, to settings.
 *
 * DESIGN. An entry of a list has no key in the file that would name it: its path has its name, or else what it selects, so that
 * two policies can be compared whatever the order. Heap memory, so that pybox-policy and server share it.
 */
#include "policies/policy_setting.h"
#include "policies/policy_line.h"
#include "policies/policy_reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where the walk is: in the tables, and in the source, where node may be POLICY_NODE_ABSENT. */
typedef struct Walk
{
	PolicyReader source;
	const Policy *policy;
	PolicySettings *settings;
	bool failed; /* out of memory */
	char path[POLICY_SETTING_PATH_SIZE];
	size_t used, group;
	int section;
	int32_t index;
	bool in_path; /* what selects is in the path */
} Walk;

typedef void (*KindWalker)(Walk *walk, const PolicyKey *key, const void *base, int node);

static void walk_map(Walk *walk, const PolicyKey *keys, const void *base, int node);
static size_t path_add(Walk *walk, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Returns what path_cut() takes back. */
static size_t
path_add(Walk *walk, const char *format, ...)
{
	const size_t mark = walk->used, room = sizeof(walk->path) - walk->used;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(walk->path + walk->used, room, format, arguments);
	va_end(arguments);
	walk->used += length < 0 ? 0 : (size_t) length < room ? (size_t) length : room - 1;
	return mark;
}

static void
path_cut(Walk *walk, size_t mark)
{
	walk->used = mark;
	walk->path[mark] = '\0';
}

static bool
settings_grow(PolicySettings *settings)
{
	int room = settings->room == 0 ? 256 : 2 * settings->room;
	PolicySetting *grown;

	if (settings->count < settings->room)
		return true;
	grown = realloc(settings->rows, (size_t) room * sizeof(*grown));
	if (grown == NULL)
		return false;
	settings->rows = grown;
	settings->room = room;
	return true;
}

static void
setting_add(Walk *walk, const PolicyKey *key, const void *base, int node)
{
	char value[POLICY_LINE_SIZE];
	PolicySetting setting = {
		.group = walk->group,
		.line = node == POLICY_NODE_ABSENT ? 0 : walk->source.tree.nodes[node].line,
		.section = walk->section,
		.key = key,
		.index = walk->index,
	};

	policy_line_print(walk->policy, key, base, value, sizeof(value));
	if (!settings_grow(walk->settings))
	{
		walk->failed = true;
		return;
	}
	setting.path = strdup(walk->path);
	setting.value = strdup(value);
	walk->failed = walk->failed || setting.path == NULL || setting.value == NULL;
	walk->settings->rows[walk->settings->count++] = setting;
}

static void
walk_submap(Walk *walk, const PolicyKey *key, const void *base, int node)
{
	walk_map(walk, key->below, base, node);
}

static void
walk_pools(Walk *walk, const PolicyKey *key, const void *base, int node)
{
	const Policy *policy = base;

	for (int pool = 0; pool < policy->pool_count; pool++)
	{
		const char *name = policy->pools[pool].name;
		size_t mark = path_add(walk, ".%s", name);

		walk->group = walk->used;
		walk->index = pool;
		walk_map(walk, key->below, &policy->pools[pool],
				 node == POLICY_NODE_ABSENT ? node : policy_reader_find(&walk->source, node, name));
		path_cut(walk, mark);
	}
	walk->group = 0;
}

/* Rows that say which calls an unnamed entry is about. */
static bool
key_selects(const PolicyKey *key)
{
	return key->kind == POLICY_KIND_FUNCTION || key->kind == POLICY_KIND_NAME ||
		   (key->kind == POLICY_KIND_POOL && !key->required);
}

/* Appends the entry's name, or in brackets whom it selects. */
static size_t
path_add_entry(Walk *walk, const PolicyKey *keys, const void *entry)
{
	char value[POLICY_LINE_SIZE];
	const char *separator = "[";
	size_t mark = walk->used;

	if (keys->kind == POLICY_KIND_IDENTIFIER)
		return path_add(walk, ".%s", (const char *) entry + keys->offset);
	for (const PolicyKey *key = keys; key->name != NULL; key++)
	{
		if (!key_selects(key) || !policy_line_is_said(key, entry))
			continue;
		policy_line_print(walk->policy, key, entry, value, sizeof(value));
		path_add(walk, "%s%s: %s", separator, key->name, value);
		separator = ", ";
	}
	path_add(walk, "%s]", *separator == '[' ? "[any" : "");
	return mark;
}

static void
walk_entries(Walk *walk, const PolicyKey *key, const void *base, int node)
{
	const char *entry = (const char *) base + key->offset;
	const PolicyNode *nodes = walk->source.tree.nodes;
	int place = node == POLICY_NODE_ABSENT ? node : node + 1;
	int32_t count;

	memcpy(&count, (const char *) base + key->count_offset, sizeof(count));
	for (walk->index = 0; walk->index < count; walk->index++, entry += key->stride)
	{
		/* The last one may be the default that the file implies. */
		bool said = node != POLICY_NODE_ABSENT && place < nodes[node].end;
		size_t mark = path_add_entry(walk, key->below, entry);

		walk->group = walk->used;
		walk->in_path = key->below->kind != POLICY_KIND_IDENTIFIER;
		walk_map(walk, key->below, entry, said ? place : POLICY_NODE_ABSENT);
		path_cut(walk, mark);
		if (said)
			place = nodes[place].end;
	}
	walk->in_path = false;
	walk->group = 0;
}

/* The kinds that have keys, or entries with keys, below. */
static const KindWalker walkers[POLICY_KIND_COUNT] = {
	[POLICY_KIND_MAP] = walk_submap,	  [POLICY_KIND_NODE] = walk_submap,		[POLICY_KIND_POOLS] = walk_pools,
	[POLICY_KIND_ENTRIES] = walk_entries, [POLICY_KIND_ASSIGNS] = walk_entries,
};

static void
walk_map(Walk *walk, const PolicyKey *keys, const void *base, int node)
{
	for (const PolicyKey *key = keys; key->name != NULL && !walk->failed; key++)
	{
		int value = node == POLICY_NODE_ABSENT ? node : policy_reader_find(&walk->source, node, key->name);
		size_t mark = path_add(walk, "%s%s", walk->used == 0 ? "" : ".", key->name);

		if (keys == policy_keys)
			walk->section = (int) (key - policy_keys);
		if (policy_line_has_below(key))
			walkers[key->kind](walk, key, base, value);
		else if (!(walk->in_path && key_selects(key)) &&
				 (value != POLICY_NODE_ABSENT || policy_line_is_told(key, base)))
			setting_add(walk, key, base, value);
		path_cut(walk, mark);
	}
}

int
policy_settings_list(const Policy *policy, const char *text, size_t length, PolicySettings *settings,
					 PolicyError *error)
{
	Walk walk = {.source = {.error = error}, .policy = policy, .settings = settings};
	int result = policy_tree_read(&walk.source.tree, text, length, error);

	*settings = (PolicySettings){0};
	if (result == 0)
	{
		walk_map(&walk, policy_keys, policy, 0);
		if (walk.failed)
			result = policy_error_set(error, 0, 0, "out of memory");
	}
	policy_tree_free(&walk.source.tree);
	return result;
}

void
policy_settings_free(PolicySettings *settings)
{
	for (int i = 0; i < settings->count; i++)
	{
		free(settings->rows[i].path);
		free(settings->rows[i].value);
	}
	free(settings->rows);
	*settings = (PolicySettings){0};
}
