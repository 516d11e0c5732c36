/*
 * top_options.c - see top_options.h.
 */
#include "ops/top_model.h"
#include "ops/top_options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#define PROGRAM "pybox-top"
#define VERSION "1.2"
#define EXIT_USAGE 2

static const char usage[] =
	"pybox-top shows what runs and waits in pybox, and lets who may do so act on it.\n"
	"\n"
	"Usage:\n"
	"  pybox-top [OPTION]... [DBNAME [USERNAME]]\n"
	"\n"
	"Options:\n"
	"  -i, --interval=SECONDS   time between refreshes, 0.2 to 3600 (default 2)\n"
	"      --once               print everything once, as plain text, and exit\n"
	"      --json               the same as one JSON object\n"
	"      --no-color           without colours; so does the variable NO_COLOR\n"
	"  -V, --version            print the version and exit\n"
	"  -?, --help               print this and exit\n"
	"\n"
	"Connection options, as psql has them:\n"
	"  -d, --dbname=DBNAME      a database that has the extension, or a connection string\n"
	"  -h, --host=HOSTNAME      the server's host, or the folder of its socket\n"
	"  -p, --port=PORT          its port\n"
	"  -U, --username=USERNAME  the role: pg_monitor sees all calls, others their own\n"
	"  -w, --no-password        never ask for a password\n"
	"  -W, --password           ask for a password at once\n"
	"\n"
	"PGHOST, PGPORT, PGUSER, PGDATABASE, PGSERVICE and ~/.pgpass count, as for psql.\n"
	"On the screen, ? lists the keys.\n"
	"\n"
	"Exit status: 0; 1 if the server or some of what it shows could not be read; 2 for wrong usage.\n";

static int
usage_fault(const char *problem, const char *detail)
{
	fprintf(stderr, PROGRAM ": %s%s\nTry \"" PROGRAM " --help\".\n", problem, detail);
	return EXIT_USAGE;
}

static int
interval_parse(const char *text, double *interval)
{
	char *end;

	*interval = strtod(text, &end);
	if (*text != '\0' && *end == '\0' && *interval >= INTERVAL_LEAST && *interval <= INTERVAL_MOST)
		return -1;
	return usage_fault("an interval is 0.2 to 3600 seconds, not ", text);
}

enum
{
	OPTION_ONCE = 256,
	OPTION_JSON,
	OPTION_PLAIN,
	OPTION_HELP
};

/* One option; -1: go on. */
static int
option_take(int option, TopOptions *options)
{
	const struct
	{
		int option;
		const char **text;
	} texts[] = {{'d', &options->database}, {'h', &options->host}, {'p', &options->port}, {'U', &options->user}};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i].option == option)
			*texts[i].text = optarg;
	if (option == 'i')
		return interval_parse(optarg, &options->interval);
	if (option == 'w' || option == 'W')
		options->prompt = option == 'w' ? PROMPT_NEVER : PROMPT_ALWAYS;
	if (option == OPTION_ONCE && options->output == OUTPUT_SCREEN)
		options->output = OUTPUT_TEXT;
	if (option == OPTION_JSON)
		options->output = OUTPUT_JSON;
	if (option == OPTION_PLAIN)
		options->is_plain = true;
	if (option == OPTION_HELP)
		return fputs(usage, stdout), 0;
	if (option == 'V')
		return puts(PROGRAM " " VERSION), 0;
	return -1;
}

static int
arguments_take(int count, char **arguments, TopOptions *options)
{
	const char **const names[] = {&options->database, &options->user};

	for (int i = 0; i < count; i++)
	{
		if (i >= 2 || *names[i] != NULL)
			return usage_fault("one argument too many: ", arguments[i]);
		*names[i] = arguments[i];
	}
	return -1;
}

int
options_parse(int count, char **arguments, TopOptions *options)
{
	static const struct option list[] = {
		{"dbname", required_argument, NULL, 'd'},
		{"host", required_argument, NULL, 'h'},
		{"port", required_argument, NULL, 'p'},
		{"username", required_argument, NULL, 'U'},
		{"no-password", no_argument, NULL, 'w'},
		{"password", no_argument, NULL, 'W'},
		{"interval", required_argument, NULL, 'i'},
		{"once", no_argument, NULL, OPTION_ONCE},
		{"json", no_argument, NULL, OPTION_JSON},
		{"no-color", no_argument, NULL, OPTION_PLAIN},
		{"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, OPTION_HELP},
		{NULL, 0, NULL, 0},
	};
	const char *no_color = getenv("NO_COLOR");
	int option, status = -1;

	*options = (TopOptions){.interval = 2, .is_plain = no_color != NULL && no_color[0] != '\0'};
	opterr = 0;
	while (status < 0 && (option = getopt_long(count, arguments, "d:h:p:U:wWi:V", list, NULL)) != -1)
	{
		if (option == '?' && optopt != '?') /* what getopt says of a fault, and of -? */
			return usage_fault("unknown option, or one without its value: ", arguments[optind - 1]);
		option = option == '?' ? OPTION_HELP : option;
		status = option_take(option, options);
	}
	return status >= 0 ? status : arguments_take(count - optind, arguments + optind, options);
}
