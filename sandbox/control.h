/*
 * control.h - the messages between scheduler, launcher, backends, zygotes and new interpreters.
 *
 * All on SOCK_SEQPACKET sockets, one fixed-size ControlMessage a packet, descriptors in ancillary data. Off the per-call
 * path. "kind: from → to, fields used, descriptors".
 */
#ifndef PYBOX_CONTROL_H
#define PYBOX_CONTROL_H

#include <stdint.h>

#define CONTROL_FDS_MAX 5
#define CONTROL_TEXT_SIZE 512
#define CONTROL_USAGES_MAX 16
#define CONTROL_LISTED_MAX 8

typedef enum ControlKind
{
	CONTROL_CONFIG = 1, /* scheduler → launcher, once: text "cgroup\nsocket\ndatadir\ninterpreter", a line each */
	CONTROL_POLICY,		/* scheduler → launcher: generation; fd: memfd with the YAML text */
	CONTROL_READY, /* launcher → scheduler: socket listens, probes done, zygotes of pools with spares are starting */
	CONTROL_LAYER, /* launcher → scheduler: id = LayerId, status = 0 or errno, text = how it works, or "why not\nhint" */
	CONTROL_ZYGOTE, /* launcher → scheduler: pool, trusted, status (ControlZygote), layers in force, pid, text, generation, memory_peak: need, 0: not known */
	CONTROL_LEASE,	/* backend → launcher: pool, trusted, role, id = generation of the policy it goes by */
	CONTROL_LEASED, /* launcher → backend: id, pid, layers, status: 1 when none was ready; fds: wire memfd, child's socket, pidfd, watch memfd */
	CONTROL_REFUSED,  /* launcher → backend: status (ControlRefusal), layers missing, text */
	CONTROL_WITHDRAW, /* backend → launcher: generation of its CONTROL_LEASE that nobody waits for any more */
	CONTROL_RELEASE,  /* backend → launcher: id; the launcher kills the interpreter and all below it */
	CONTROL_DIED, /* launcher → backend: id, cause (ControlCause), status (wait status), memory_limit, memory_peak, pid */
	/* backend or scheduler → launcher: count, usages[].id; status 1: as of a moment ago will do, without temp; and back: memory, memory_peak, cpu_ns, temp of each */
	CONTROL_USAGE,
	CONTROL_FREEZE, /* backend → launcher: id of a lease of its own; all processes of its group stand still */
	CONTROL_THAW,	/* backend → launcher: id; they go on */
	CONTROL_WEIGH, /* backend → launcher: id, status (1..10000, 100 is usual): share of the CPU beside its pool's others */
	CONTROL_LIST, /* backend → launcher: id; and back: count, listed[] of those with the next greater ids, status 1: there are more */
	CONTROL_FORK,	   /* launcher → zygote: id; fds: wire memfd, child's socket */
	CONTROL_ZYGOTE_UP, /* zygote → launcher: layers in force; preload done */
	CONTROL_FORKED,	   /* zygote → launcher: id; fd: pidfd */
	CONTROL_EXITED,	   /* zygote → launcher: id, status (wait status) */
	CONTROL_GO,		   /* launcher → child on its socket: cgroup is set, or fds to enter it by; then lock down */
	CONTROL_TMP,	/* child → launcher on its socket, once, before it is armed: fd of its private /tmp, to measure */
	CONTROL_ARMED,	/* child → launcher on its socket: layers in force; waiting for WIRE_HELLO */
	CONTROL_FAILED, /* zygote or child → launcher: status (errno), text "stage: reason" */
	CONTROL_KIND_COUNT
} ControlKind;

typedef enum ControlRefusal
{
	CONTROL_REFUSED_LAYER, /* a required layer is missing: 55000 */
	CONTROL_REFUSED_POOL,  /* no such pool in the launcher's policy: 58000 */
	CONTROL_REFUSED_START, /* the zygote or child could not start: 58000, text says why */
	CONTROL_REFUSED_LIMIT, /* too many interpreters: 53000 */
	CONTROL_REFUSED_EARLY, /* the launcher has yet to hear of that policy: ask again */
} ControlRefusal;

typedef enum ControlCause
{
	CONTROL_CAUSE_EXIT,		 /* exited or killed by a signal: see status */
	CONTROL_CAUSE_MEMORY,	 /* the cgroup's OOM killer ended it */
	CONTROL_CAUSE_FORBIDDEN, /* SIGSYS: a system call that is never innocent */
	CONTROL_CAUSE_IDLE,		 /* reclaimed after idle_timeout */
	CONTROL_CAUSE_POLICY,	 /* its pool is gone or changed, and it was idle */
	CONTROL_CAUSE_ZYGOTE,	 /* its zygote died and took it along */
	CONTROL_CAUSE_WALL,		 /* its call was past its wall limit, and its backend did not see to it */
	CONTROL_CAUSE_COUNT
} ControlCause;

typedef enum ControlZygote
{
	CONTROL_ZYGOTE_STARTING,
	CONTROL_ZYGOTE_RUNNING,
	CONTROL_ZYGOTE_BROKEN,
	CONTROL_ZYGOTE_GONE
} ControlZygote;

typedef struct ControlUsage
{
	uint64_t id, memory, memory_peak, cpu_ns;
	uint64_t temp; /* bytes in its private /tmp */
} ControlUsage;

typedef enum ControlListedState
{
	CONTROL_LISTED_SPARE,
	CONTROL_LISTED_IDLE, /* leased, without a call that is to run */
	CONTROL_LISTED_RUNNING,
	CONTROL_LISTED_STOPPED, /* because something in it ran on without a call */
	CONTROL_LISTED_STATE_COUNT
} ControlListedState;

typedef struct ControlListed
{
	uint64_t id, memory, memory_peak, cpu_ns, calls;
	int64_t age_ms, idle_ms;	   /* idle_ms: -1 while it runs */
	int32_t pid, backend_pid;	   /* backend_pid: 0: a spare */
	uint32_t role, trusted, state; /* role: 0: of a spare; state: ControlListedState */
	char pool[64];
} ControlListed;

typedef struct ControlMessage
{
	uint32_t kind;
	int32_t status;
	uint64_t id;					   /* of an interpreter; unique while the server lives */
	uint64_t generation;			   /* of a policy; from backends a sequence number, which the answer repeats */
	int64_t memory_limit, memory_peak; /* bytes */
	int32_t pid;					   /* as the server sees it */
	uint32_t layers;				   /* LAYER_BITs */
	uint32_t role;
	uint32_t trusted;
	uint32_t cause;
	uint32_t count;
	char pool[64];
	char text[CONTROL_TEXT_SIZE]; /* NUL-terminated */
	union
	{
		ControlUsage usages[CONTROL_USAGES_MAX];
		ControlListed listed[CONTROL_LISTED_MAX];
	};
} ControlMessage;

/* Returns 0 or -errno; never blocks longer than the socket does. fd_count may be 0. */
int control_send(int socket, const ControlMessage *message, const int *fds, int fd_count);
/*
 * Receives one packet. Returns 1, 0 at the end of the stream, or -errno (-EAGAIN, -EPROTO for a malformed packet, -EMFILE
 * for one whose descriptors did not fit into this process: what came of them is closed, the message is as it was sent). fds get O_CLOEXEC; *fd_count says how many came, the rest of fds is -1. Text is terminated.
 */
int control_receive(int socket, ControlMessage *message, int fds[CONTROL_FDS_MAX], int *fd_count);

#endif
