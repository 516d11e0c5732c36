/*
 * policy_value.c - single values by their kind; the enums among them.
 */
#include "policies/policy_value.h"

#include <stdio.h>
#include <string.h>

_Static_assert(sizeof(PolicyArrays) == sizeof(int32_t) && sizeof(PolicyReach) == sizeof(int32_t) &&
				   sizeof(PolicyNull) == sizeof(int32_t) && sizeof(PolicyContention) == sizeof(int32_t) &&
				   sizeof(PolicyAction) == sizeof(int32_t) && sizeof(PolicyOverdraft) == sizeof(int32_t),
			   "words are int32_t");

static bool
word_read(const PolicyKey *key, const char *text, void *at)
{
	for (int32_t i = 0; key->words[i] != NULL; i++)
	{
		if (strcmp(key->words[i], text) != 0)
			continue;
		memcpy(at, &i, sizeof(i));
		return true;
	}
	return false;
}

static void
word_expect(const PolicyKey *key, char *text, size_t size)
{
	size_t used = 0;

	for (int i = 0; key->words[i] != NULL && used < size; i++)
		used += (size_t) snprintf(text + used, size - used, "%s%s", i == 0 ? "" : " or ", key->words[i]);
}

static void
word_default(const PolicyKey *key, void *at)
{
	int32_t value = (int32_t) key->fallback;

	memcpy(at, &value, sizeof(value));
}

static void
word_print(const PolicyKey *key, const void *at, char *text, size_t size)
{
	int32_t value;

	memcpy(&value, at, sizeof(value));
	snprintf(text, size, "%s", key->words[value]);
}

static const PolicyFamily word_family = {word_read, word_default, word_expect, word_print};

static bool
switch_read(const PolicyKey *key, const char *text, void *at)
{
	bool value = strcmp(text, "true") == 0;

	(void) key;
	if (!value && strcmp(text, "false") != 0)
		return false;
	memcpy(at, &value, sizeof(value));
	return true;
}

static void
switch_expect(const PolicyKey *key, char *text, size_t size)
{
	(void) key;
	snprintf(text, size, "true or false");
}

static void
switch_default(const PolicyKey *key, void *at)
{
	bool value = key->fallback != 0;

	memcpy(at, &value, sizeof(value));
}

static void
switch_print(const PolicyKey *key, const void *at, char *text, size_t size)
{
	bool value;

	(void) key;
	memcpy(&value, at, sizeof(value));
	snprintf(text, size, "%s", value ? "true" : "false");
}

static const PolicyFamily switch_family = {switch_read, switch_default, switch_expect, switch_print};

static const PolicyFamily *const families[POLICY_KIND_SCALARS] = {
	[POLICY_KIND_INTEGER] = &policy_number_family,	[POLICY_KIND_SIZE] = &policy_number_family,
	[POLICY_KIND_DURATION] = &policy_number_family, [POLICY_KIND_PERCENT] = &policy_number_family,
	[POLICY_KIND_AMOUNT] = &policy_number_family,	[POLICY_KIND_COST] = &policy_number_family,
	[POLICY_KIND_IDENTIFIER] = &policy_name_family, [POLICY_KIND_LABEL] = &policy_name_family,
	[POLICY_KIND_NAME] = &policy_name_family,		[POLICY_KIND_FUNCTION] = &policy_name_family,
	[POLICY_KIND_MODULE] = &policy_name_family,		[POLICY_KIND_PATH] = &policy_name_family,
	[POLICY_KIND_TEXT] = &policy_name_family,		[POLICY_KIND_WORD] = &word_family,
	[POLICY_KIND_SWITCH] = &switch_family,			[POLICY_KIND_HOURS] = &policy_hours_family,
};

bool
policy_value_read(const PolicyKey *key, const char *text, void *at)
{
	return families[key->kind]->read(key, text, at);
}

void
policy_value_default(const PolicyKey *key, void *at)
{
	families[key->kind]->fallback(key, at);
}

void
policy_value_expect(const PolicyKey *key, char *text, size_t size)
{
	families[key->kind]->expect(key, text, size);
}

void
policy_value_print(const PolicyKey *key, const void *at, char *text, size_t size)
{
	families[key->kind]->print(key, at, text, size);
}

void
policy_flags_print(const PolicyKey *key, uint32_t flags, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (int i = 0; key->words[i] != NULL && used < size; i++)
		if ((flags & UINT32_C(1) << i) != 0)
			used += (size_t) snprintf(text + used, size - used, "%s%s", used == 0 ? "" : ", ", key->words[i]);
}
