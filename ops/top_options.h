/*
 * top_options.h - the command line of pybox-top: connection options as psql has them, and its own.
 */
#ifndef PYBOX_TOP_OPTIONS_H
#define PYBOX_TOP_OPTIONS_H

#include <stdbool.h>

typedef enum TopPrompt
{
	PROMPT_IF_NEEDED,
	PROMPT_NEVER,
	PROMPT_ALWAYS
} TopPrompt;

typedef enum TopOutput
{
	OUTPUT_SCREEN,
	OUTPUT_TEXT,
	OUTPUT_JSON
} TopOutput;

/* NULL: as libpq finds it, by PGHOST and its like, a service file, or its defaults. */
typedef struct TopOptions
{
	const char *host, *port, *user;
	const char *database; /* or a connection string */
	TopPrompt prompt;
	TopOutput output;
	double interval; /* seconds */
	bool is_plain;	 /* no colours */
} TopOptions;

/* -1: go on; else the exit status, with everything said. */
int options_parse(int count, char **arguments, TopOptions *options);

#endif
