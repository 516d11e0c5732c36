/*
 * launcher.h - what the launcher's files share: the launcher itself, its event sources and its clock.
 *
 * One process, one thread, one Launcher. Objects (zygotes, interpreters, backends) lie in lists of the Launcher and are
 * freed by their own files only.
 */
#ifndef PYBOX_LAUNCHER_H
#define PYBOX_LAUNCHER_H

#include <stdbool.h>
#include <stdint.h>

#include "policies/policy.h"
#include "sandbox/cgroup.h"
#include "sandbox/control.h"
#include "sandbox/layer.h"

#define LAUNCHER_CONTROL_FD 3
#define LAUNCHER_PATH_SIZE 256
#define LAUNCHER_DESCRIPTORS_KEPT 64 /* for interpreters and zygotes, whoever else wants some; a quarter of few */
#define LAUNCHER_NEVER INT64_MAX	 /* a deadline that does not come */

typedef struct Zygote Zygote;
typedef struct Interpreter Interpreter;
typedef struct Backend Backend;
typedef struct Grave Grave;
typedef struct Launcher Launcher;

/* A descriptor in the event loop. ready may close any source and free any object, its own too. */
typedef struct LauncherSource
{
	int fd; /* -1: none */
	void (*ready)(void *owner);
	void *owner;
} LauncherSource;

struct Launcher
{
	LauncherSource scheduler, listener, signals;
	int epoll;
	bool stopping, scheduler_is_deaf;
	char socket_path[LAUNCHER_PATH_SIZE]; /* relative to the data directory, where we stay */
	char data_directory[LAUNCHER_PATH_SIZE];
	char interpreter_path[LAUNCHER_PATH_SIZE];
	int directory_fd; /* holds the lock that keeps two launchers of one server apart */
	Cgroup cgroup;
	uint32_t layers;			   /* LAYER_BITs that the probes found to work */
	int layer_errors[LAYER_COUNT]; /* why the others do not */
	Policy policy;
	uint64_t policy_generation; /* the last one heard of */
	uint64_t next_id;
	int interpreter_count, interpreter_max;
	int accept_failures; /* in a row */
	int64_t accept_ms;	 /* when to listen again; LAUNCHER_NEVER: it does */
	Zygote *zygotes;
	Interpreter *interpreters;
	Backend *backends;
	Grave *graves;
};

/* launcher_loop.c */
int launcher_loop_open(Launcher *launcher);
void launcher_loop_run(Launcher *launcher); /* until stopping */
/* Takes the ownership of fd, makes it non-blocking. Returns 0, or -errno with fd closed. */
int launcher_source_open(Launcher *launcher, LauncherSource *source, int fd, void (*ready)(void *owner), void *owner);
void launcher_source_close(Launcher *launcher, LauncherSource *source); /* nothing when closed already */
/* Waits no more, or again, for the source. */
void launcher_source_mute(Launcher *launcher, LauncherSource *source);
void launcher_source_unmute(Launcher *launcher, LauncherSource *source);
int64_t launcher_now_ms(void); /* CLOCK_MONOTONIC */

/* launcher_log.c: one line to the server's log. */
void launcher_log(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* launcher_scheduler.c */
int launcher_scheduler_read_config(Launcher *launcher); /* blocks for CONTROL_CONFIG and the first CONTROL_POLICY */
void launcher_scheduler_ready(void *launcher);
void launcher_scheduler_report(Launcher *launcher); /* what the probes found */
void launcher_scheduler_renew(
	Launcher *launcher); /* probes again what settings of the machine may have changed, and reports */
void launcher_scheduler_apply(Launcher *launcher); /* puts the policy into force */
void launcher_scheduler_send(Launcher *launcher, const ControlMessage *message);

#endif
