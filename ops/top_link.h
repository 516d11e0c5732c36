/*
 * top_link.h - the connection to the server: asks for all sets at once, has actions done, and connects again when it is lost.
 *
 * DESIGN. Nothing waits here but link_open(). All statements of a refresh go out in one pipeline, each with a sync of its own:
 * one round trip, no transaction around them, and one that fails leaves the others alone. They run with an empty search
 * path, so that nobody's objects stand in for the server's, and with a timeout. Values go as parameters.
 */
#ifndef PYBOX_TOP_LINK_H
#define PYBOX_TOP_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "ops/top_model.h"
#include "ops/top_options.h"

typedef struct TopLink TopLink;

typedef enum LinkNews
{
	LINK_NO_NEWS,
	LINK_SNAPSHOT, /* link_snapshot() has it */
	LINK_DONE,	   /* an action was done, */
	LINK_NOT_DONE, /* or was not: link_words() says why */
	LINK_IS_LOST   /* link_words() says why; it will be tried again */
} LinkNews;

/* Connects, and looks at whether the server is fit for it. Asks for a password if need be. NULL: all is said on stderr. */
TopLink *link_open(const TopOptions *options);
void link_close(TopLink *link);
/* host:port/database as role */
void link_target(const TopLink *link, char *out, size_t size);

bool link_is_idle(const TopLink *link);
/* now, here and below: milliseconds of any steady clock. */
void link_ask(TopLink *link, const char *call, int64_t now);
void link_act(TopLink *link, const TopDialog *request, int64_t now);

/* What to poll for; -1: nothing. */
int link_descriptor(const TopLink *link, short *events);
/* Milliseconds until link_go_on() has something to do whatever the server says; -1: never. */
int64_t link_due(const TopLink *link, int64_t now);
/* is_ready: the descriptor was polled to be so. */
LinkNews link_go_on(TopLink *link, bool is_ready, int64_t now);

TopSnapshot *link_snapshot(TopLink *link); /* for model_take() */
const char *link_words(const TopLink *link);

#endif
