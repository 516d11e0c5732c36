/*
 * cli.c - pybox-policy: checks policy files and shows what they amount to. Only the files cli*.c of the room print.
 */
#include "policies/cli.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#define VERSION "1.2"

typedef struct CliCommand
{
	const char *name, *arguments, *summary, *help;
	int (*run)(int count, char **arguments);
} CliCommand;

static const CliCommand commands[] = {
	{"check", "FILE...", "say of each file that it is right, or where it is wrong",
	 "Prints for each file that it is right, its hash and what it holds, or file:line:column and what was "
	 "expected.\n"
	 "The hash is the first 12 digits of the SHA-256 sum of the file, as the view pybox.policy shows it.\n"
	 "Roles, databases and functions are not looked up: pybox.check_policy() in the server does that too.\n"
	 "\n"
	 "Exit status: 0 if all files are right, 1 if not.\n",
	 cli_check},
	{"show", "[FILE]", "print the policy with every default filled in; without FILE, the one that is built in",
	 "What it prints is a policy again, of the same meaning.\n", cli_show},
	{"diff", "OLD NEW", "print what a new policy would change, and what that does to the calls there are",
	 "A line for each setting that differs, for each pool and entry that is new (+) or gone (-), and below it what "
	 "the\n"
	 "change does. pybox.diff_policy() in the server does the same, counts the calls, and compares with what is in "
	 "force.\n"
	 "\n"
	 "Exit status: 0 if nothing differs, 3 if something does, 1 if a file is wrong.\n",
	 cli_diff},
	{"explain", "FILE [--role NAME] [--member-of NAME]... [--database NAME] [--function SCHEMA.NAME]",
	 "print which pool a call would get, why, and what else would hold for it",
	 "Prints the pool with the line that assigns it, then the caps, filters, rules and budgets that are about such a "
	 "call.\n"
	 "  --role NAME              who calls\n"
	 "  --member-of NAME         a role that the caller is a member of; may be given more than once\n"
	 "  --database NAME          where\n"
	 "  --function SCHEMA.NAME   what; without it a DO block\n",
	 cli_explain},
	{"schema", "", "print the JSON Schema of policies, for editors",
	 "For an editor with yaml-language-server: write it to a file and begin the policy with\n"
	 "  # yaml-language-server: $schema=FILE\n"
	 "It knows keys, words and ranges of whole numbers; pybox-policy check knows all.\n",
	 cli_schema},
	{"simulate", "[OPTION...] POLICY TRACE",
	 "run a trace of calls through the server's queue under a policy: waits, slowdowns, shares",
	 "TRACE is CSV as pybox.record_trace() and the command generate give it; see policies/simulate.md.\n\n"
	 "  --compare            beside it: first come, first served; ideal processor sharing; an oracle that knows sizes\n"
	 "  --format FORMAT      text (the default) or json\n"
	 "  --slots N            instead of node.slots; pools that may use all still may\n"
	 "  --quantum TIME       instead of node.quantum\n"
	 "  --speed FACTOR       calls come so many times as fast (0.01 to 100)\n"
	 "  --reload FILE        another policy with the same pools in force from --reload-at TIME on\n"
	 "  --pools WHICH        policy (the default): as the policy assigns; recorded: as in the trace, where there is "
	 "such a pool\n"
	 "  --prediction HOW     history (the default), none, or sizes: as if history told the size of each call\n"
	 "  --stop TIME          what a call runs on after it was asked for its slot (100us)\n"
	 "  --resume TIME        slot time that is lost when a paused call goes on (100us)\n",
	 cli_simulate},
	{"generate", "[OPTION...] [KIND...]", "print a random trace to begin with",
	 "A KIND of calls is entries with commas between, such as role=ana,function=app.f,share=3,low=1ms,high=10s:\n\n"
	 "  role, database, function    who calls what\n"
	 "  share                       of all calls, beside the other kinds' (1)\n"
	 "  alpha, low, high            bounded Pareto distribution of slot time (1.1, 1ms, 10s)\n"
	 "  functions, spread           so many functions differ like that, and the calls of one by this part of it (0, "
	 "0.25)\n"
	 "  sigma                       or: all calls as distributed, those of a function around its own time, "
	 "log-normally "
	 "by this\n"
	 "  sql, queries                time in SQL for each unit of slot time, in so many queries (0, 1)\n"
	 "  memory                      peak of each call (0: not known)\n\n"
	 "  --calls N --seed N          (10000, 1)\n"
	 "  --slots N --load PART       slot time asked for, of what so many slots have (1, 0.7)\n",
	 cli_generate},
	{"keys", "", "print every key with its meaning, values and default, as a table in Markdown", "", cli_keys},
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static void
usage_print(void)
{
	puts("pybox-policy checks the files that say who may use how much Python.\n\nUsage:");
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		printf("  " CLI_PROGRAM " %s%s%s\n        %s\n", commands[i].name, *commands[i].arguments != '\0' ? " " : "",
			   commands[i].arguments, commands[i].summary);
	puts("\nOptions:\n"
		 "  -h, --help       print this and exit; after a command: about that command\n"
		 "  -V, --version    print the version and exit\n"
		 "\n"
		 "FILE may be - for the standard input. A file must belong to root or to who runs this, and group and others\n"
		 "must not be able to write it, as the server demands.\n"
		 "\n"
		 "Exit status: 0, 1 if a policy is at fault, 2 for wrong usage, 3 if the policies of diff differ.");
}

static void
command_help_print(const CliCommand *command)
{
	printf("Usage: " CLI_PROGRAM " %s%s%s\n\nTo %s.\n%s", command->name, *command->arguments != '\0' ? " " : "",
		   command->arguments, command->summary, command->help);
}

int
cli_usage_fault(const char *problem, const char *detail)
{
	fprintf(stderr, CLI_PROGRAM ": %s%s\nTry \"" CLI_PROGRAM " --help\".\n", problem, detail);
	return CLI_USAGE;
}

char **
cli_files(int count, char **arguments, int least, int most)
{
	static const struct option none[] = {{NULL, 0, NULL, 0}};

	if (getopt_long(count, arguments, "", none, NULL) != -1)
		return NULL;
	if (count - optind >= least && count - optind <= most)
		return arguments + optind;
	cli_usage_fault("wrong number of files for ", arguments[0]);
	return NULL;
}

static int
command_run(int count, char **arguments)
{
	if (count == 0)
		return cli_usage_fault("a command is missing", "");
	for (size_t i = 0; i < COMMAND_COUNT; i++)
	{
		if (strcmp(commands[i].name, arguments[0]) != 0)
			continue;
		optind = 0; /* of the getopt() that this one begins anew */
		if (count == 1 || (strcmp(arguments[1], "--help") != 0 && strcmp(arguments[1], "-h") != 0))
			return commands[i].run(count, arguments);
		command_help_print(&commands[i]);
		return 0;
	}
	return cli_usage_fault("unknown command ", arguments[0]);
}

/* Output that could not be written, to a full disk for instance, is a fault. */
static int
output_finish(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	perror(CLI_PROGRAM);
	return CLI_FAULT;
}

int
main(int count, char **arguments)
{
	static const struct option options[] = {
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	int option = getopt_long(count, arguments, "+hV", options, NULL);

	if (option == 'h')
		usage_print();
	else if (option == 'V')
		puts(CLI_PROGRAM " (pybox) " VERSION);
	else if (option == -1)
		return output_finish(command_run(count - optind, arguments + optind));
	else
		return CLI_USAGE;
	return output_finish(0);
}
