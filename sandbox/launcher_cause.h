/*
 * launcher_cause.h - why a layer does not work on this machine, and the commands that mend it. Runs in the launcher and in
 * `pybox doctor`; only reads.
 */
#ifndef PYBOX_LAUNCHER_CAUSE_H
#define PYBOX_LAUNCHER_CAUSE_H

#include "sandbox/launcher.h"

/* What commands need to know that a launcher does not; NULL for all of it: the user is then a number. */
typedef struct LauncherCauseFor
{
	const char *user; /* the server's */
	const char *unit; /* systemd's name for the server, without .service; NULL: none is known */
} LauncherCauseFor;

typedef struct LauncherCause
{
	const char *name;
	uint32_t layers; /* LAYER_BITs that it may take away */
	int error;		 /* what the probe has to have said; 0: anything */
	bool (*applies)(const Launcher *launcher, int layer, const LauncherCauseFor *what);
	const char *why;  /* for launcher_cause_word, as is mend */
	const char *mend; /* commands for root's shell; NULL: see the layer or machine that is named */
} LauncherCause;

/* The cause of layer_errors[layer], which is not 0. Never NULL. */
const LauncherCause *launcher_cause_find(const Launcher *launcher, int layer, const LauncherCauseFor *what);
/* Fills text with words, in which @USER@ and the like are replaced. */
void launcher_cause_word(const Launcher *launcher, const char *words, int layer, const LauncherCauseFor *what,
						 char *text, size_t size);

#endif
