/*
 * policy_text.h - what bytes a policy may hold, and how messages quote them.
 */
#ifndef PYBOX_POLICY_TEXT_H
#define PYBOX_POLICY_TEXT_H

#include "policies/policy.h"

#define POLICY_QUOTE_SIZE 48

/*
 * Checks that the text is UTF-8 that YAML allows, without NUL and not too long. Returns 0, or -1 with *error filled in.
 */
int policy_text_check(const char *text, size_t length, PolicyError *error);
/* Says whether valid UTF-8 holds no control characters and no Unicode line breaks. */
bool policy_text_is_printable(const char *text);
/* Says whether a plain scalar means YAML's null. */
bool policy_text_is_null(const char *text);
/* Puts text into quotes for a message: printable ASCII only, shortened. Returns quote. */
const char *policy_text_quote(const char *text, char quote[POLICY_QUOTE_SIZE]);
/* Fills in *error and returns -1. */
int policy_error_set(PolicyError *error, int line, int column, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

#endif
