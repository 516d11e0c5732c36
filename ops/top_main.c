/*
 * top_main.c - pybox-top: the loop over keys, the server's answers and the clock; and --once.
 */
#include "ops/top_draw.h"
#include "ops/top_json.h"
#include "ops/top_keys.h"
#include "ops/top_link.h"
#include "ops/top_screen.h"

#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define EXIT_FAULT 1
#define TEXT_COLUMNS 132 /* of --once into a file or pipe, unless COLUMNS says otherwise */

static volatile sig_atomic_t is_stopped;

static void
stop(int signal)
{
	is_stopped = signal;
}

static int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- once --- */

static int
text_columns(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return columns != NULL && atoi(columns) > 0 && atoi(columns) < 10000 ? atoi(columns) : TEXT_COLUMNS;
}

static LinkNews
link_wait(TopLink *link)
{
	LinkNews news = LINK_NO_NEWS;
	struct pollfd wait;

	for (bool is_ready = false; news == LINK_NO_NEWS && !is_stopped; is_ready = poll(&wait, 1, 1000) > 0)
	{
		news = link_go_on(link, is_ready, now_ms());
		wait.fd = link_descriptor(link, &wait.events);
	}
	return news;
}

static void
text_print(TopModel *model)
{
	TopCanvas canvas;

	canvas_open(&canvas, text_columns(), screen_charset());
	draw_all(&canvas, model);
	canvas_print(&canvas, stdout);
	canvas_close(&canvas);
}

/* What could not be read is told on stderr as well: who reads numbers may not look at words. */
static int
faults_report(const TopSnapshot *snapshot)
{
	int status = 0;

	for (int i = 0; i < SOURCE_COUNT; i++)
	{
		if (snapshot->sets[i].fault == NULL)
			continue;
		fprintf(stderr, "pybox-top: %s: %s\n", top_statements[i].name, snapshot->sets[i].fault);
		status = EXIT_FAULT;
	}
	return status;
}

static int
run_once(TopLink *link, TopModel *model, TopOutput output)
{
	link_ask(link, "0", now_ms());
	if (link_wait(link) != LINK_SNAPSHOT)
	{
		fprintf(stderr, "pybox-top: %s\n", link_words(link));
		return EXIT_FAULT;
	}
	model_take(model, link_snapshot(link));
	if (output == OUTPUT_JSON)
		json_snapshot(stdout, &model->now);
	else
		text_print(model);
	if (fflush(stdout) != 0 || ferror(stdout))
	{
		perror("pybox-top");
		return EXIT_FAULT;
	}
	return faults_report(&model->now);
}

/* --- the screen --- */

static void
news_take(TopModel *model, TopLink *link, LinkNews news)
{
	const char *words = link_words(link);

	if (news == LINK_SNAPSHOT)
	{
		model_take(model, link_snapshot(link));
		model->lost[0] = '\0';
	}
	if (news == LINK_DONE)
		model_message(model, STYLE_GOOD, "Done%s%s", words[0] != '\0' ? ": " : ".", words);
	if (news == LINK_NOT_DONE)
		model_message(model, STYLE_BAD, "Not done: %s", words[0] != '\0' ? words : "it was so already, or is over");
	if (news == LINK_IS_LOST)
		snprintf(model->lost, sizeof(model->lost), "No connection, trying again: %.400s", words);
	model->wants_refresh |= news == LINK_DONE || news == LINK_NOT_DONE;
}

/* Starts what there is to be done, if the server has answered what was asked before. */
static void
link_start(TopModel *model, TopLink *link, int64_t *refresh_at, int64_t now)
{
	if (!link_is_idle(link))
		return;
	if (model->request.state != DIALOG_NONE)
	{
		link_act(link, &model->request, now);
		memset(&model->request, 0, sizeof(model->request));
		return;
	}
	if (!model->wants_refresh && now < *refresh_at)
		return;
	link_ask(link, model_call(model), now);
	model->wants_refresh = false;
	*refresh_at = now + (int64_t) (model->interval * 1000);
}

static void
screen_draw(TopModel *model)
{
	TopCanvas canvas;
	int rows, columns;

	screen_size(&rows, &columns);
	canvas_open(&canvas, columns, screen_charset());
	draw_screen(&canvas, model, rows);
	screen_show(&canvas);
	canvas_close(&canvas);
}

static void
keys_take(TopModel *model)
{
	for (int32_t key = screen_key(); key != SCREEN_NO_KEY; key = screen_key())
		if (key != SCREEN_RESIZED)
			key_press(model, key);
}

/* Waits for a key, the server, the clock or a signal. Returns whether the server's descriptor is ready. */
static bool
wait_for_news(TopModel *model, TopLink *link, int64_t refresh_at, const sigset_t *mask)
{
	struct pollfd waits[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = -1}};
	int64_t now = now_ms(), due = link_due(link, now);
	struct timespec limit;

	waits[1].fd = link_descriptor(link, &waits[1].events);
	if (link_is_idle(link))
		due = model->wants_refresh || refresh_at < now ? 0 : refresh_at - now;
	limit = (struct timespec){due / 1000, due % 1000 * 1000000};
	if (ppoll(waits, 2, due < 0 ? NULL : &limit, mask) < 0)
		return false;
	if ((waits[0].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0)
		model->wants_end = true;
	return waits[1].revents != 0;
}

static int
run_screen(TopLink *link, TopModel *model, const sigset_t *mask)
{
	int64_t refresh_at = 0;
	bool is_ready = false;

	while (!is_stopped && !model->wants_end)
	{
		keys_take(model);
		news_take(model, link, link_go_on(link, is_ready, now_ms()));
		link_start(model, link, &refresh_at, now_ms());
		screen_draw(model);
		is_ready = wait_for_news(model, link, refresh_at, mask);
	}
	screen_close();
	return 0;
}

/* They stop the loop; while it does not wait they are held back, so that none comes too early to wake it. */
static void
signals_take(sigset_t *before)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction action = {.sa_handler = stop};
	sigset_t held;

	sigemptyset(&held);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
	{
		sigaction(signals[i], &action, NULL);
		sigaddset(&held, signals[i]);
	}
	signal(SIGPIPE, SIG_IGN);
	sigprocmask(SIG_BLOCK, &held, before);
}

int
main(int count, char **arguments)
{
	TopOptions options;
	TopModel model;
	TopLink *link;
	sigset_t mask;
	int status;

	setlocale(LC_CTYPE, "");
	status = options_parse(count, arguments, &options);
	if (status >= 0)
		return status;
	link = link_open(&options);
	if (link == NULL)
		return EXIT_FAULT;
	model_open(&model, options.interval);
	link_target(link, model.target, sizeof(model.target));
	if (options.output != OUTPUT_SCREEN)
		status = run_once(link, &model, options.output);
	else if (!screen_open(options.is_plain))
		status = EXIT_FAULT;
	else
	{
		signals_take(&mask);
		status = run_screen(link, &model, &mask);
	}
	model_close(&model);
	link_close(link);
	return status;
}
