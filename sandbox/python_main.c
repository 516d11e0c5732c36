/*
 * python_main.c - pybox-interpreter: a zygote, started by the launcher inside its jail.
 *
 *   pybox-interpreter --pool NAME --trusted|--untrusted [--package FOLDER]... [--preload MODULE]...
 *
 * Descriptor 3 is the control socket, 4 the plan of the last layers (lockdown.h).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sandbox/control.h"
#include "sandbox/fault.h"
#include "sandbox/python_zygote.h"

/* Each takes its argument, NULL for a flag, and returns 0, or -1 when there are too many. */
static int
option_pool(StartOptions *options, const char *argument)
{
	options->pool = argument;
	return 0;
}

static int
option_trusted(StartOptions *options, const char *argument)
{
	(void) argument;
	options->trusted = true;
	return 0;
}

static int
option_untrusted(StartOptions *options, const char *argument)
{
	(void) argument;
	options->trusted = false;
	return 0;
}

static int
option_list_add(StartList *list, const char *argument)
{
	if (list->count == START_LIST_MAX)
		return -1;
	list->of[list->count++] = argument;
	return 0;
}

static int
option_package(StartOptions *options, const char *argument)
{
	return option_list_add(&options->packages, argument);
}

static int
option_preload(StartOptions *options, const char *argument)
{
	return option_list_add(&options->preloads, argument);
}

static const struct
{
	const char *name;
	bool takes_argument;
	int (*take)(StartOptions *options, const char *argument);
} options_known[] = {
	{"--pool", true, option_pool},		 {"--trusted", false, option_trusted}, {"--untrusted", false, option_untrusted},
	{"--package", true, option_package}, {"--preload", true, option_preload},
};

/* How many words the option at words[0] takes, or 0 when it is wrong. */
static int
option_take(StartOptions *options, char *const *words)
{
	for (size_t i = 0; i < sizeof(options_known) / sizeof(options_known[0]); i++)
	{
		bool more = options_known[i].takes_argument;

		if (strcmp(words[0], options_known[i].name) != 0)
			continue;
		if ((more && words[1] == NULL) || options_known[i].take(options, more ? words[1] : NULL) != 0)
			return 0;
		return more ? 2 : 1;
	}
	return 0;
}

int
main(int argc, char **argv)
{
	StartOptions options = {.trusted = true};
	LockdownPlan *plan;
	int result;

	FAULT_INHERIT();
	for (int i = 1, taken; i < argc; i += taken)
	{
		taken = option_take(&options, argv + i);
		if (taken == 0)
		{
			fprintf(stderr, "pybox-interpreter: wrong option: %s\n", argv[i]);
			return 2;
		}
	}
	if (options.pool == NULL)
	{
		fprintf(stderr, "pybox-interpreter is started by pybox-launcher only\n");
		return 2;
	}
	result = lockdown_read(ZYGOTE_PLAN, &plan);
	if (result < 0)
	{
		fprintf(stderr, "pybox-interpreter: no plan on descriptor %d: %s\n", ZYGOTE_PLAN, strerror(-result));
		return 2;
	}
	close(ZYGOTE_PLAN);
	zygote_run(&options, plan);
	return 1;
}
