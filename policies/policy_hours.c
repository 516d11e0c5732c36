/*
 * policy_hours.c - a stretch of the day, such as 22:00-06:00: two int32_t, minutes since midnight. Both 0: not said.
 */
#include "policies/policy_value.h"

#include <stdio.h>
#include <string.h>

#define DAY_MINUTES (24 * 60)

typedef struct Hours
{
	int32_t from, until;
} Hours;

_Static_assert(offsetof(PolicyFilter, until_min) == offsetof(PolicyFilter, from_min) + offsetof(Hours, until),
			   "a filter's two fields are one Hours");

/* Reads hh:mm, up to 24:00; returns what follows it, or NULL. */
static const char *
minutes_read(const char *text, int32_t *minutes)
{
	for (int i = 0; i < 5; i++)
		if (i == 2 ? text[i] != ':' : text[i] < '0' || text[i] > '9')
			return NULL;
	if (text[3] > '5')
		return NULL;
	*minutes = ((text[0] - '0') * 10 + text[1] - '0') * 60 + (text[3] - '0') * 10 + text[4] - '0';
	return *minutes <= DAY_MINUTES ? text + 5 : NULL;
}

/* Nothing and everything cannot be said in this way: which of the two would 08:00-08:00 be? */
static bool
hours_read(const PolicyKey *key, const char *text, void *at)
{
	Hours hours;
	const char *next = minutes_read(text, &hours.from);

	(void) key;
	if (next == NULL || *next != '-')
		return false;
	next = minutes_read(next + 1, &hours.until);
	if (next == NULL || *next != '\0' || hours.from == DAY_MINUTES || hours.from == hours.until)
		return false;
	memcpy(at, &hours, sizeof(hours));
	return true;
}

static void
hours_default(const PolicyKey *key, void *at)
{
	(void) key;
	memset(at, 0, sizeof(Hours));
}

static void
hours_expect(const PolicyKey *key, char *text, size_t size)
{
	(void) key;
	snprintf(text, size, "a stretch of the day such as 22:00-06:00");
}

static void
hours_print(const PolicyKey *key, const void *at, char *text, size_t size)
{
	Hours hours;

	(void) key;
	memcpy(&hours, at, sizeof(hours));
	snprintf(text, size, "%02d:%02d-%02d:%02d", (int) hours.from / 60, (int) hours.from % 60, (int) hours.until / 60,
			 (int) hours.until % 60);
}

const PolicyFamily policy_hours_family = {hours_read, hours_default, hours_expect, hours_print};
