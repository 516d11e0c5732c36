/*
 * launcher_interpreter.h - one confined process that serves, or will serve, one lease. Runs in the launcher.
 */
#ifndef PYBOX_LAUNCHER_INTERPRETER_H
#define PYBOX_LAUNCHER_INTERPRETER_H

#include "sandbox/launcher.h"
#include "sandbox/wire.h"

typedef enum InterpreterState
{
	INTERPRETER_FORKING, /* its zygote has been asked */
	INTERPRETER_ARMING,	 /* in its cgroup, locks itself down */
	INTERPRETER_SPARE,
	INTERPRETER_LEASED,
	INTERPRETER_DYING, /* killed or dead; its zygote has yet to tell how it ended */
	INTERPRETER_STATE_COUNT
} InterpreterState;

typedef enum InterpreterEvent
{
	INTERPRETER_FORKED,	  /* zygote: here is its pidfd */
	INTERPRETER_ARMED,	  /* itself: confined */
	INTERPRETER_FAILED,	  /* itself or its zygote: cannot */
	INTERPRETER_HANDED,	  /* to a backend */
	INTERPRETER_RELEASED, /* nobody wants it any more */
	INTERPRETER_ENDED,	  /* its pidfd says that it is dead */
	INTERPRETER_EXITED,	  /* zygote: and that is how */
	INTERPRETER_ORPHANED, /* its zygote is dead, and so is it */
	INTERPRETER_EXPIRED,  /* its deadline has come */
	INTERPRETER_EVENT_COUNT
} InterpreterEvent;

/* What was seen when it was looked at last, see launcher_watch.c. */
typedef struct InterpreterLook
{
	int64_t at_ms, pause_ms, due_ms;
	uint32_t turn, state;
	uint64_t cpu_ns;
	uint64_t oom_kills[2]; /* of its group, at the look before and at this one */
	bool is_stray;		   /* has been stopped between calls */
} InterpreterLook;

struct Interpreter
{
	Interpreter *next;
	Launcher *launcher;
	Zygote *zygote;
	Backend *owner; /* of the lease; NULL: none, or it does not care any more */
	uint64_t id;
	InterpreterState state;
	pid_t pid;
	LauncherSource socket;	 /* until it is leased */
	LauncherSource life;	 /* its pidfd */
	int wire_fd;			 /* until it is leased */
	WireShared *shared;		 /* of a lease with an idle timeout; NULL: none. The child writes there too */
	int watch_fd;			 /* until it is leased */
	int tmp_fd;				 /* its private /tmp, by O_PATH; -1: it has none */
	struct WatchPage *watch; /* shared with the lease's backend */
	InterpreterLook look;
	CgroupUsage usage; /* as views were told last ... */
	int64_t usage_ms;  /* ... and when that was; 0: never */
	int64_t born_ms, leased_ms;
	int32_t weight;				 /* of the CPU, beside its pool's others */
	uint32_t layers;			 /* in force */
	uint32_t role;				 /* for whom */
	uint64_t request;			 /* generation of the owner's CONTROL_LEASE */
	bool was_leased, was_killed; /* killed: by us */
	bool is_doomed;				 /* verdict says why */
	ControlCause verdict;
	int64_t deadline_ms;
	char group[CGROUP_GROUP_SIZE]; /* empty: none yet */
};

/* Changes the state; for the files of its birth and death. */
void interpreter_enter(Interpreter *interpreter, InterpreterState state);
Interpreter *interpreter_find(const Launcher *launcher, uint64_t id);
Interpreter *interpreter_spare(const Zygote *zygote); /* NULL: none */
/* launcher_birth.c: asks the zygote for one more. Returns 0, or -errno when it cannot be asked now. */
int interpreter_fork(Zygote *zygote);
/* Sends it to the backend, which owns the lease from then on. request is its CONTROL_LEASE. */
void interpreter_hand_over(Interpreter *interpreter, Backend *backend, const ControlMessage *request);
/* Feeds an event; message and fds belong to it and may be NULL. The interpreter may be freed. */
void interpreter_event(Interpreter *interpreter, InterpreterEvent event, const ControlMessage *message, int *fds);
/* Whether every state answers every event. For tests. */
bool interpreter_table_is_full(void);
/* Ends a leased one; its owner is told the cause. */
void interpreter_doom(Interpreter *interpreter, ControlCause cause);
/* The backend is gone: all its leases end. */
void interpreter_release_all(Launcher *launcher, const Backend *backend);
/* The spares of a zygote end. */
void interpreter_release_spares(Zygote *zygote);
/* The zygote is dead. */
void interpreter_orphan_all(Zygote *zygote);
void interpreter_usage_read(const Interpreter *interpreter, CgroupUsage *usage);
/* As of a moment ago: so that many who look cost no more than one. */
const CgroupUsage *interpreter_usage_recent(Interpreter *interpreter, int64_t now_ms);
/* Answers a CONTROL_USAGE in place: any interpreter may be asked after; unknown ones stay 0. */
void interpreter_usages_read(const Launcher *launcher, ControlMessage *message);
int64_t interpreter_deadline(const Launcher *launcher);
void interpreter_expire(Launcher *launcher, int64_t now_ms); /* one at most */

#endif
