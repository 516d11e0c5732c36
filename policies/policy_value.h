/*
 * policy_value.h - the scalar kinds of policy_key.h: read, worded for messages, printed.
 */
#ifndef PYBOX_POLICY_VALUE_H
#define PYBOX_POLICY_VALUE_H

#include "policies/policy_key.h"

#define POLICY_VALUE_SIZE (2 * POLICY_PATH_SIZE + 3) /* every byte doubled, quotes, NUL */

/* Reads one scalar into the field `at`; false, and nothing stored, when the text is not a value of this key. */
bool policy_value_read(const PolicyKey *key, const char *text, void *at);
void policy_value_default(const PolicyKey *key, void *at);
/* Words what the key takes, such as "a size from 32MB to 1TB such as 512MB". */
void policy_value_expect(const PolicyKey *key, char *text, size_t size);
/* Prints the field as YAML that policy_value_read takes; size >= POLICY_VALUE_SIZE. */
void policy_value_print(const PolicyKey *key, const void *at, char *text, size_t size);

/* Prints the words of a key of kind FLAGS whose bits are set, such as "sun, mon". */
void policy_flags_print(const PolicyKey *key, uint32_t flags, char *text, size_t size);

/* How kinds that are alike do the above. */
typedef struct PolicyFamily
{
	bool (*read)(const PolicyKey *key, const char *text, void *at);
	void (*fallback)(const PolicyKey *key, void *at);
	void (*expect)(const PolicyKey *key, char *text, size_t size);
	void (*print)(const PolicyKey *key, const void *at, char *text, size_t size);
} PolicyFamily;

extern const PolicyFamily policy_number_family, policy_name_family, policy_hours_family;

#endif
