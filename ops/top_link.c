/*
 * top_link.c - see top_link.h. The one file of pybox-top that knows libpq.
 */
#include "ops/top_link.h"
#include "ops/top_memory.h"

#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define SERVER_LEAST 140000
#define SILENCE_MS 15000 /* a server that says nothing for so long is gone: each statement ends after a third of it */
#define RETRY_MS 1000
#define PASSWORD_SIZE 1024
#define BATCH_MAX (SOURCE_COUNT + 1)

static const char prepare_sql[] =
	"SELECT pg_catalog.set_config(s.name, s.setting, false) FROM (VALUES ('search_path', ''), ('statement_timeout', "
	"'5s'),"
	" ('lock_timeout', '2s'), ('jit', 'off'), ('max_parallel_workers_per_gather', '0')) s(name, setting)";
static const char version_sql[] =
	"SELECT (SELECT extversion FROM pg_catalog.pg_extension WHERE extname = 'pybox'),"
	" (SELECT pg_catalog.string_to_array(extversion, '.')::integer[] >= '{1,2}' FROM pg_catalog.pg_extension"
	"  WHERE extname = 'pybox'), pg_catalog.current_database()";

typedef enum LinkState
{
	STATE_LOST,
	STATE_CONNECTING,
	STATE_PREPARING,
	STATE_IDLE,
	STATE_ASKING,
	STATE_ACTING,
	STATE_COUNT
} LinkState;

struct TopLink
{
	const char *keywords[10], *values[10]; /* of libpq */
	char password[PASSWORD_SIZE];
	PGconn *connection;
	LinkState state;
	PostgresPollingStatusType polling; /* while it connects */
	int64_t since;					   /* when the server was heard last, or the connection was lost */
	int sent, taken;				   /* statements of the pipeline */
	PGresult *results[BATCH_MAX];
	TopSource sources[BATCH_MAX];
	TopSnapshot snapshot;
	char notice[MODEL_WORDS_SIZE], words[MODEL_WORDS_SIZE];
};

/* --- words --- */

/* What to do about an error, where the server gives no hint. */
static const struct
{
	const char *sqlstate, *advice;
} advices[] = {
	{"42501", "Connect as a member of pg_monitor to see, of pg_signal_backend to act; or as the call's own role."},
	{"42883", "Update it: ALTER EXTENSION pybox UPDATE;"},
	{"42P01", "Update it: ALTER EXTENSION pybox UPDATE;"},
	{"42703", "Update it: ALTER EXTENSION pybox UPDATE;"},
	{"57014", "The server took too long to answer; it may be busy."},
	{"58P01", "Install pybox's library on the server, and put pybox into shared_preload_libraries."},
};

/* One line, without a newline at its end. */
static void
words_set(char *words, const char *text)
{
	snprintf(words, MODEL_WORDS_SIZE, "%s", text);
	for (char *at = words; *at != '\0'; at++)
		if (*at == '\n' || *at == '\t')
			*at = ' ';
	for (size_t length = strlen(words); length > 0 && words[length - 1] == ' '; length--)
		words[length - 1] = '\0';
}

static void
words_of_result(char *words, const PGresult *result)
{
	const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *hint = PQresultErrorField(result, PG_DIAG_MESSAGE_HINT);
	char text[MODEL_WORDS_SIZE];

	for (size_t i = 0; hint == NULL && sqlstate != NULL && i < sizeof(advices) / sizeof(advices[0]); i++)
		if (strcmp(advices[i].sqlstate, sqlstate) == 0)
			hint = advices[i].advice;
	snprintf(text, sizeof(text), "%s%s%s", primary != NULL ? primary : PQresultErrorMessage(result),
			 hint != NULL ? ". " : "", hint != NULL ? hint : "");
	words_set(words, text);
}

static void
notice_take(void *argument, const PGresult *result)
{
	TopLink *link = argument;

	words_of_result(link->notice, result);
}

/* --- statements --- */

static void
batch_clear(TopLink *link)
{
	for (int i = 0; i < BATCH_MAX; i++)
		PQclear(link->results[i]);
	memset(link->results, 0, sizeof(link->results));
	link->sent = link->taken = 0;
}

static LinkNews
link_lose(TopLink *link, const char *why, int64_t now)
{
	words_set(link->words, why);
	batch_clear(link);
	PQfinish(link->connection);
	link->connection = NULL;
	link->state = STATE_LOST;
	link->since = now;
	return LINK_IS_LOST;
}

/* What cannot be sent shows when the answer is read. */
static void
batch_add(TopLink *link, const char *sql, int count, const char *const *values)
{
	PQsendQueryParams(link->connection, sql, count, NULL, values, NULL, NULL, 0);
	PQpipelineSync(link->connection);
	link->sent++;
}

/* Takes what has come. True when every statement has its answer. */
static bool
batch_take(TopLink *link)
{
	while (link->taken < link->sent && !PQisBusy(link->connection))
	{
		PGresult *result = PQgetResult(link->connection);

		if (result == NULL)
			continue;
		if (PQresultStatus(result) == PGRES_PIPELINE_SYNC)
		{
			PQclear(result);
			link->taken++;
			continue;
		}
		PQclear(link->results[link->taken]);
		link->results[link->taken] = result;
	}
	return link->taken == link->sent;
}

bool
link_is_idle(const TopLink *link)
{
	return link->state == STATE_IDLE;
}

void
link_ask(TopLink *link, const char *call, int64_t now)
{
	for (TopSource source = 0; source < SOURCE_COUNT; source++)
	{
		if (top_statements[source].is_of_call && strcmp(call, "0") == 0)
			continue;
		link->sources[link->sent] = source;
		batch_add(link, top_statements[source].sql, top_statements[source].takes_call ? 1 : 0, &call);
	}
	link->state = STATE_ASKING;
	link->since = now;
}

void
link_act(TopLink *link, const TopDialog *request, int64_t now)
{
	const char *values[] = {request->name, request->typed};

	link->notice[0] = '\0';
	batch_add(link, request->action->sql, request->action->question != NULL ? 2 : 1, values);
	link->state = STATE_ACTING;
	link->since = now;
}

/* --- answers --- */

static void
set_fill(TopSet *set, const PGresult *result)
{
	const TopColumn *columns = set->columns;
	int column_count = set->column_count;
	char words[MODEL_WORDS_SIZE] = "The server's answer is not what was asked for.";
	bool is_right = PQresultStatus(result) == PGRES_TUPLES_OK && PQnfields(result) == column_count;

	if (!is_right)
	{
		if (PQresultStatus(result) != PGRES_TUPLES_OK)
			words_of_result(words, result);
		set->fault = memory_copy(words);
		return;
	}
	set_close(set);
	set_open(set, columns, column_count, PQntuples(result));
	for (int row = 0; row < set->row_count; row++)
		for (int column = 0; column < column_count; column++)
			if (!PQgetisnull(result, row, column))
				set_put(set, row, column, PQgetvalue(result, row, column));
}

static LinkNews
asking_finish(TopLink *link, int64_t now)
{
	(void) now;
	snapshot_close(&link->snapshot);
	snapshot_open(&link->snapshot);
	for (int i = 0; i < link->sent; i++)
		set_fill(&link->snapshot.sets[link->sources[i]], link->results[i]);
	batch_clear(link);
	link->state = STATE_IDLE;
	return LINK_SNAPSHOT;
}

static LinkNews
acting_finish(TopLink *link, int64_t now)
{
	const PGresult *result = link->results[0];
	bool is_answered = PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1;
	bool is_done = is_answered && strcmp(PQgetvalue(result, 0, 0), "t") == 0;

	(void) now;
	if (!is_answered)
		words_of_result(link->words, result);
	else
		words_set(link->words, link->notice);
	batch_clear(link);
	link->state = STATE_IDLE;
	return is_done ? LINK_DONE : LINK_NOT_DONE;
}

/* NULL: pybox-top can work with this server; else why it cannot, and what to do. */
static const char *
server_fault(const TopLink *link, char *words)
{
	const PGresult *prepared = link->results[0], *version = link->results[1];

	if (PQserverVersion(link->connection) < SERVER_LEAST)
		return "The server is older than PostgreSQL 14, which pybox needs.";
	if (PQresultStatus(prepared) != PGRES_TUPLES_OK || PQresultStatus(version) != PGRES_TUPLES_OK)
	{
		words_of_result(words, PQresultStatus(prepared) != PGRES_TUPLES_OK ? prepared : version);
		return words;
	}
	if (PQgetisnull(version, 0, 0))
		snprintf(words, MODEL_WORDS_SIZE,
				 "Database \"%s\" has no extension pybox. Name one that has it with -d, or run CREATE EXTENSION pybox "
				 "there.",
				 PQgetvalue(version, 0, 2));
	else if (strcmp(PQgetvalue(version, 0, 1), "t") != 0)
		snprintf(
			words, MODEL_WORDS_SIZE,
			"Database \"%s\" has extension pybox %s, and pybox-top needs 1.2. Run ALTER EXTENSION pybox UPDATE there.",
			PQgetvalue(version, 0, 2), PQgetvalue(version, 0, 0));
	else
		return NULL;
	return words;
}

static LinkNews
preparing_finish(TopLink *link, int64_t now)
{
	char words[MODEL_WORDS_SIZE];
	const char *fault = server_fault(link, words);

	if (fault != NULL)
		return link_lose(link, fault, now);
	batch_clear(link);
	link->state = STATE_IDLE;
	return LINK_NO_NEWS;
}

/* --- what each state does --- */

static LinkNews
lost_step(TopLink *link, bool is_ready, int64_t now)
{
	(void) is_ready;
	if (now - link->since < RETRY_MS)
		return LINK_NO_NEWS;
	link->connection = PQconnectStartParams(link->keywords, link->values, 1);
	if (PQstatus(link->connection) == CONNECTION_BAD)
		return link_lose(link, PQerrorMessage(link->connection), now);
	link->state = STATE_CONNECTING;
	link->polling = PGRES_POLLING_WRITING;
	link->since = now;
	return LINK_NO_NEWS;
}

static void
link_prepare(TopLink *link)
{
	PQsetNoticeReceiver(link->connection, notice_take, link);
	PQsetnonblocking(link->connection, 1);
	PQenterPipelineMode(link->connection);
	batch_add(link, prepare_sql, 0, NULL);
	batch_add(link, version_sql, 0, NULL);
	link->state = STATE_PREPARING;
}

static LinkNews
connecting_step(TopLink *link, bool is_ready, int64_t now)
{
	if (is_ready)
		link->polling = PQconnectPoll(link->connection);
	if (link->polling == PGRES_POLLING_FAILED)
		return link_lose(link, PQerrorMessage(link->connection), now);
	if (link->polling == PGRES_POLLING_OK)
		link_prepare(link);
	return LINK_NO_NEWS;
}

static LinkNews
idle_step(TopLink *link, bool is_ready, int64_t now)
{
	if (is_ready && (!PQconsumeInput(link->connection) || PQstatus(link->connection) == CONNECTION_BAD))
		return link_lose(link, PQerrorMessage(link->connection), now);
	return LINK_NO_NEWS;
}

static LinkNews
batch_step(TopLink *link, bool is_ready, int64_t now)
{
	static LinkNews (*const finish[STATE_COUNT])(TopLink *, int64_t) = {
		[STATE_PREPARING] = preparing_finish,
		[STATE_ASKING] = asking_finish,
		[STATE_ACTING] = acting_finish,
	};
	bool is_whole = PQflush(link->connection) >= 0 && (!is_ready || PQconsumeInput(link->connection));

	if (is_ready)
		link->since = now;
	if (is_whole && batch_take(link))
		return finish[link->state](link, now);
	if (!is_whole || PQstatus(link->connection) == CONNECTION_BAD)
		return link_lose(link, PQerrorMessage(link->connection), now);
	return LINK_NO_NEWS;
}

static LinkNews (*const steps[STATE_COUNT])(TopLink *, bool, int64_t) = {
	[STATE_LOST] = lost_step, [STATE_CONNECTING] = connecting_step, [STATE_PREPARING] = batch_step,
	[STATE_IDLE] = idle_step, [STATE_ASKING] = batch_step,			[STATE_ACTING] = batch_step,
};

LinkNews
link_go_on(TopLink *link, bool is_ready, int64_t now)
{
	if (link->state != STATE_LOST && link->state != STATE_IDLE && now - link->since > SILENCE_MS)
		return link_lose(link, "the server does not answer", now);
	return steps[link->state](link, is_ready, now);
}

int64_t
link_due(const TopLink *link, int64_t now)
{
	int64_t at = link->since + (link->state == STATE_LOST ? RETRY_MS : SILENCE_MS + 1);

	if (link->state == STATE_IDLE)
		return -1;
	return at > now ? at - now : 0;
}

int
link_descriptor(const TopLink *link, short *events)
{
	*events = POLLIN;
	if (link->connection == NULL)
		return -1;
	if (link->state == STATE_CONNECTING)
		*events = link->polling == PGRES_POLLING_READING ? POLLIN : POLLOUT;
	else if (link->state != STATE_IDLE && PQflush(link->connection) == 1)
		*events = POLLIN | POLLOUT;
	return PQsocket(link->connection);
}

TopSnapshot *
link_snapshot(TopLink *link)
{
	return &link->snapshot;
}

const char *
link_words(const TopLink *link)
{
	return link->words;
}

/* --- the first connection --- */

static void
link_set_options(TopLink *link, const TopOptions *options)
{
	const struct
	{
		const char *keyword, *value;
	} parts[] = {
		{"host", options->host},
		{"port", options->port},
		{"user", options->user},
		{"password", link->password[0] != '\0' ? link->password : NULL},
		{"dbname", options->database},
		{"client_encoding", "UTF8"},
		{"fallback_application_name", "pybox-top"},
		{NULL, NULL},
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
	{
		link->keywords[i] = parts[i].keyword;
		link->values[i] = parts[i].value;
	}
}

/* From the terminal, without showing it; false when there is none. */
static bool
password_read(char *password)
{
	FILE *terminal = fopen("/dev/tty", "r+");
	struct termios before, silent;
	bool is_read;

	if (terminal == NULL)
		return false;
	tcgetattr(fileno(terminal), &before);
	silent = before;
	silent.c_lflag &= ~(tcflag_t) ECHO;
	fputs("Password: ", terminal);
	fflush(terminal);
	tcsetattr(fileno(terminal), TCSAFLUSH, &silent);
	is_read = fgets(password, PASSWORD_SIZE, terminal) != NULL;
	tcsetattr(fileno(terminal), TCSAFLUSH, &before);
	fputs("\n", terminal);
	fclose(terminal);
	password[strcspn(password, "\n")] = '\0';
	return is_read;
}

static void
link_connect(TopLink *link, const TopOptions *options)
{
	link_set_options(link, options);
	link->connection = PQconnectdbParams(link->keywords, link->values, 1);
	if (PQstatus(link->connection) == CONNECTION_OK || !PQconnectionNeedsPassword(link->connection))
		return;
	if (options->prompt == PROMPT_NEVER || link->password[0] != '\0' || !password_read(link->password))
		return;
	PQfinish(link->connection);
	link_set_options(link, options);
	link->connection = PQconnectdbParams(link->keywords, link->values, 1);
}

/* Until the server is known to be fit; false: it is not, see link_words(). */
static bool
link_finish_preparing(TopLink *link)
{
	while (link->state == STATE_PREPARING)
	{
		struct pollfd wait;

		wait.fd = link_descriptor(link, &wait.events);
		if (poll(&wait, 1, SILENCE_MS) == 0)
			words_set(link->words, "the server does not answer");
		else if (link_go_on(link, true, 0) != LINK_IS_LOST)
			continue;
		return false;
	}
	return true;
}

TopLink *
link_open(const TopOptions *options)
{
	TopLink *link = memory_take(1, sizeof(TopLink));

	if (options->prompt == PROMPT_ALWAYS)
		password_read(link->password);
	link_connect(link, options);
	if (PQstatus(link->connection) != CONNECTION_OK)
		words_set(link->words, PQerrorMessage(link->connection));
	else
	{
		link_prepare(link);
		if (link_finish_preparing(link))
			return link;
	}
	fprintf(stderr, "pybox-top: %s\n", link->words);
	link_close(link);
	return NULL;
}

void
link_close(TopLink *link)
{
	batch_clear(link);
	snapshot_close(&link->snapshot);
	PQfinish(link->connection);
	explicit_bzero(link->password, sizeof(link->password));
	free(link);
}

void
link_target(const TopLink *link, char *out, size_t size)
{
	const char *host = PQhost(link->connection);

	snprintf(out, size, "%s:%s/%s as %s", host[0] == '/' || host[0] == '\0' ? "local" : host, PQport(link->connection),
			 PQdb(link->connection), PQuser(link->connection));
}
