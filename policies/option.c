/*
 * option.c - values of options; see option.h.
 */
#include "policies/option.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policies/policy_text.h"

typedef struct Unit
{
	const char *name; /* NULL ends a table */
	double factor;
} Unit;

static const Unit bare_units[] = {{"", 1}, {NULL, 0}};
static const Unit time_units[] = {{"us", 1},	 {"ms", 1e3},	 {"s", 1e6}, {"min", 60e6},
								  {"h", 3600e6}, {"d", 86400e6}, {NULL, 0}};
static const Unit size_units[] = {{"B", 1},			  {"kB", 1024},			 {"MB", 1048576},
								  {"GB", 1073741824}, {"TB", 1099511627776}, {NULL, 0}};

static const struct
{
	const char *noun, *example;
	const Unit *units;
} kinds[] = {
	[OPTION_INTEGER] = {"a whole number", "", bare_units},
	[OPTION_COUNT] = {"a whole number", "", bare_units},
	[OPTION_TIME] = {"a time", " such as 500us, 20ms or 3s", time_units},
	[OPTION_SIZE] = {"a size", " such as 512MB", size_units},
	[OPTION_REAL] = {"a number", "", bare_units},
	[OPTION_NAME] = {"a name", "", NULL},
};

const OptionRow *
option_find(const OptionRow *rows, int count, const char *name)
{
	for (int i = 0; i < count; i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

/* 0 needs no unit. */
static bool
number_read(const OptionRow *row, const char *text, double *value)
{
	char *end;

	if (text[0] == '\0' || strspn(text, "0123456789.") == 0)
		return false;
	*value = strtod(text, &end);
	if (text[strspn(text, "0123456789.e+-")] == 'x' || !isfinite(*value))
		return false;
	for (const Unit *unit = kinds[row->kind].units; unit->name != NULL; unit++)
	{
		if (strcmp(unit->name, end) != 0 && !(*value == 0 && *end == '\0'))
			continue;
		*value *= unit->factor;
		if (row->kind != OPTION_REAL && *value != floor(*value))
			return false;
		return *value >= row->least && *value <= row->most;
	}
	return false;
}

static int
value_fault(const OptionRow *row, const char *text, PolicyError *error)
{
	char quote[POLICY_QUOTE_SIZE];

	policy_text_quote(text, quote);
	if (row->kind == OPTION_NAME)
		return policy_error_set(error, 0, 0, "%s: expected a name of at most %.0f bytes, found %s", row->name,
								row->most, quote);
	if (row->kind == OPTION_TIME || row->kind == OPTION_SIZE)
		return policy_error_set(error, 0, 0, "%s: expected %s%s, found %s", row->name, kinds[row->kind].noun,
								kinds[row->kind].example, quote);
	return policy_error_set(error, 0, 0, "%s: expected %s from %g to %g, found %s", row->name, kinds[row->kind].noun,
							row->least, row->most, quote);
}

int
option_read(const OptionRow *row, const char *text, void *whole, PolicyError *error)
{
	char *at = (char *) whole + row->offset;
	double value;

	if (row->kind == OPTION_NAME)
	{
		if (strlen(text) > (size_t) row->most)
			return value_fault(row, text, error);
		strcpy(at, text);
		return 0;
	}
	if (!number_read(row, text, &value))
		return value_fault(row, text, error);
	if (row->kind == OPTION_REAL)
		*(double *) at = value;
	else if (row->kind == OPTION_COUNT)
		*(int32_t *) at = (int32_t) value;
	else
		*(int64_t *) at = (int64_t) value;
	return 0;
}
