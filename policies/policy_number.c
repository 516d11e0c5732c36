/*
 * policy_number.c - numbers with and without units. Independent of the locale, since the server sets one.
 */
#include "policies/policy_value.h"

#include <stdio.h>
#include <string.h>

typedef struct Unit
{
	const char *name; /* NULL ends a table */
	int64_t factor;
} Unit;

/* Largest first: a value is printed in the first that divides it. */
static const Unit integer_units[] = {{"", 1}, {NULL, 0}};
static const Unit size_units[] = {
	{"TB", INT64_C(1) << 40},
	{"GB", INT64_C(1) << 30},
	{"MB", INT64_C(1) << 20},
	{"kB", INT64_C(1) << 10},
	{"KB", INT64_C(1) << 10},
	{"B", 1},
	{NULL, 0},
};
static const Unit duration_units[] = {{"d", 86400000}, {"h", 3600000}, {"min", 60000},
									  {"s", 1000},	   {"ms", 1},	   {NULL, 0}};
static const Unit percent_units[] = {{"%", 1}, {NULL, 0}};

/* How a number lies in its field. */
typedef struct Field
{
	void (*store)(int64_t value, void *at);
	int64_t (*load)(const void *at);
} Field;

#define FIELD(name, type)                                                                                              \
	static void name##_store(int64_t value, void *at)                                                                  \
	{                                                                                                                  \
		type stored = (type) value;                                                                                    \
		memcpy(at, &stored, sizeof(stored));                                                                           \
	}                                                                                                                  \
	static int64_t name##_load(const void *at)                                                                         \
	{                                                                                                                  \
		type stored;                                                                                                   \
		memcpy(&stored, at, sizeof(stored));                                                                           \
		return (int64_t) stored;                                                                                       \
	}                                                                                                                  \
	static const Field field_##name = {name##_store, name##_load};

FIELD(narrow, int32_t)
FIELD(wide, int64_t)
FIELD(double, double)

static const struct
{
	const char *noun, *example;
	const Unit *units;
	const Field *field;
} numbers[] = {
	[POLICY_KIND_INTEGER] = {"a whole number", "", integer_units, &field_narrow},
	[POLICY_KIND_SIZE] = {"a size", " such as 512MB", size_units, &field_wide},
	[POLICY_KIND_DURATION] = {"a duration", " such as 30s", duration_units, &field_wide},
	[POLICY_KIND_PERCENT] = {"a percentage", " such as 200%", percent_units, &field_narrow},
	[POLICY_KIND_AMOUNT] = {"a whole number", "", integer_units, &field_wide},
	[POLICY_KIND_COST] = {"a whole number", "", integer_units, &field_double},
};

/* Reads digits without a leading zero; returns what follows them, or NULL. */
static const char *
digits_read(const char *text, int64_t *value)
{
	const char *next = text;

	*value = 0;
	for (; *next >= '0' && *next <= '9'; next++)
		if (__builtin_mul_overflow(*value, 10, value) || __builtin_add_overflow(*value, *next - '0', value))
			return NULL;
	if (next == text || (*text == '0' && next > text + 1))
		return NULL;
	return next;
}

static bool
number_read(const PolicyKey *key, const char *text, void *at)
{
	int64_t value;
	const char *name = digits_read(text, &value);

	if (name == NULL)
		return false;
	for (const Unit *unit = numbers[key->kind].units; unit->name != NULL; unit++)
	{
		bool bare_zero = value == 0 && *name == '\0';

		if (strcmp(unit->name, name) != 0 && !bare_zero)
			continue;
		if (__builtin_mul_overflow(value, unit->factor, &value) || value < key->min || value > key->max)
			return false;
		numbers[key->kind].field->store(value, at);
		return true;
	}
	return false;
}

static void
number_word(const PolicyKey *key, int64_t value, char *text, size_t size)
{
	const Unit *unit = numbers[key->kind].units;

	while (unit[1].name != NULL && value % unit->factor != 0)
		unit++;
	snprintf(text, size, "%lld%s", (long long) (value / unit->factor), value == 0 ? "" : unit->name);
}

static void
number_expect(const PolicyKey *key, char *text, size_t size)
{
	char least[32], most[32];

	number_word(key, key->min, least, sizeof(least));
	number_word(key, key->max, most, sizeof(most));
	snprintf(text, size, "%s from %s to %s%s", numbers[key->kind].noun, least, most, numbers[key->kind].example);
}

static void
number_print(const PolicyKey *key, const void *at, char *text, size_t size)
{
	number_word(key, numbers[key->kind].field->load(at), text, size);
}

static void
number_default(const PolicyKey *key, void *at)
{
	numbers[key->kind].field->store(key->fallback, at);
}

const PolicyFamily policy_number_family = {number_read, number_default, number_expect, number_print};
