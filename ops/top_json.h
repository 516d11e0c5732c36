/*
 * top_json.h - what is known, as one JSON object: for --once --json.
 */
#ifndef PYBOX_TOP_JSON_H
#define PYBOX_TOP_JSON_H

#include <stdio.h>

#include "ops/top_source.h"

/* In quotes; each byte that belongs to no character becomes U+FFFD. NULL: null. */
void json_string(FILE *out, const char *text);
void json_snapshot(FILE *out, const TopSnapshot *snapshot);

#endif
