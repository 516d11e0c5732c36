/*
 * launcher_zygote_process.c - starts a zygote in its jail, takes its messages by a table, and learns why it ended.
 *
 * Runs in the launcher. What a zygote says is checked: it may speak of its own interpreters only.
 */
#include "sandbox/launcher_zygote_process.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/fault.h"
#include "sandbox/jail.h"
#include "sandbox/launcher_grant.h"
#include "sandbox/launcher_grave.h"
#include "sandbox/launcher_layer.h"
#include "sandbox/launcher_proc.h"
#include "sandbox/launcher_weight.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

#define ZYGOTE_START_LIMIT_MS 120000 /* the slowest preload list from a cold disk */
#define ZYGOTE_WAIT_MS 1000
#define ZYGOTE_MEMORY_MORE (INT64_C(1) << 30) /* than an interpreter, or a quarter of node.memory */
#define ZYGOTE_MEMORY_WORK (INT64_C(8) << 20) /* what an interpreter needs beside what its zygote has */
#define MEGABYTES(bytes) ((long long) (((bytes) + (1 << 20) - 1) >> 20))
#define ZYGOTE_PIDS 512 /* itself and children on their way to their own groups */
#define ZYGOTE_ARGUMENTS_MAX (8 + 2 * POLICY_PACKAGES_MAX + 2 * POLICY_PRELOADS_MAX)

/* Nothing of the server's. OpenMP and BLAS threads wait without spinning: the cores are shared. */
static char *const zygote_environment[] = {"LANG=C.UTF-8", "PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/",
										   "OMP_WAIT_POLICY=passive", NULL};

static void
zygote_arguments_fill(const Zygote *zygote, char *arguments[ZYGOTE_ARGUMENTS_MAX])
{
	const PolicyPool *pool = &zygote->pool;
	int count = 0;

	arguments[count++] = "pybox-interpreter";
	arguments[count++] = "--pool";
	arguments[count++] = (char *) pool->name;
	arguments[count++] = zygote->trusted ? "--trusted" : "--untrusted";
	for (int i = 0; i < pool->package_count; i++)
	{
		arguments[count++] = "--package";
		arguments[count++] = (char *) pool->packages[i];
	}
	for (int i = 0; i < pool->preload_count; i++)
	{
		arguments[count++] = "--preload";
		arguments[count++] = (char *) pool->preload[i];
	}
	arguments[count] = NULL;
}

static int
zygote_jail_start(Zygote *zygote, int control_fd, JailProcess *process)
{
	const Launcher *launcher = zygote->launcher;
	char *arguments[ZYGOTE_ARGUMENTS_MAX];
	const char *packages[POLICY_PACKAGES_MAX + 1] = {NULL}, *folders[POLICY_READS_MAX + 1] = {NULL};
	const JailSpec spec = {
		.program = launcher->interpreter_path,
		.arguments = arguments,
		.environment = zygote_environment,
		.data_directory = launcher->data_directory,
		.packages = packages,
		.folders = folders,
		.filter = &zygote->plan->program,
		.control_fd = control_fd,
		.plan_fd = zygote->plan->lockdown_fd,
		.layers = zygote->plan->layers,
		.has_tmp = zygote->plan->has_tmp,
		.fences_files = zygote->plan->fences_files,
	};

	zygote_arguments_fill(zygote, arguments);
	for (int i = 0; i < zygote->pool.package_count; i++)
		packages[i] = zygote->pool.packages[i];
	for (int i = 0; i < zygote->pool.read_count; i++)
		folders[i] = zygote->pool.read[i];
	return jail_start(&spec, process);
}

/* It may have more memory than its interpreters, so that its need can be told, but not all that they share with others. */
static int64_t
zygote_memory(const Zygote *zygote)
{
	int64_t node = zygote->launcher->policy.node_memory;
	int64_t more = node > 0 && node / 4 < ZYGOTE_MEMORY_MORE ? node / 4 : ZYGOTE_MEMORY_MORE;

	return zygote->pool.limits.memory + more;
}

/* Its own group beside those of its interpreters. */
static int
zygote_group_make(Zygote *zygote)
{
	const Cgroup *cgroup = &zygote->launcher->cgroup;
	const CgroupLimits weight = {.cpu_weight = weight_of_pool(zygote->launcher, zygote->pool.name)};
	const CgroupLimits limits = {.memory = zygote_memory(zygote), .pids = ZYGOTE_PIDS};
	char pool[CGROUP_GROUP_SIZE];
	int result;

	snprintf(pool, sizeof(pool), CGROUP_TOP "/%s", zygote->pool.name);
	snprintf(zygote->group, sizeof(zygote->group), "%.*s/zygote-%" PRIu64, (int) sizeof(zygote->group) - 32, pool,
			 zygote->launcher->next_id++);
	result = cgroup->backend->group_make(cgroup, pool, &weight);
	return result == 0 ? cgroup->backend->group_make(cgroup, zygote->group, &limits) : result;
}

static int
zygote_fail(Zygote *zygote, const char *stage, int error)
{
	snprintf(zygote->reason, sizeof(zygote->reason), "%s: %s", stage, strerror(-error));
	return -1;
}

/* Its interpreters share what it has, but any page of it may become their own. */
static bool
zygote_fits(Zygote *zygote)
{
	zygote->need = launcher_proc_anonymous(zygote->pid) + ZYGOTE_MEMORY_WORK;
	if (zygote->need <= zygote->pool.limits.memory)
		return true;
	snprintf(zygote->reason, sizeof(zygote->reason), "its preload list needs %lld MB, limits.memory is %lld MB",
			 MEGABYTES(zygote->need), MEGABYTES(zygote->pool.limits.memory));
	return false;
}

/*
 * What a fork shares with its zygote it shares with every other role's interpreter. Where the server may not make memory
 * writable and executable at once (MemoryDenyWriteExecute= of systemd, SELinux), libffi keeps its code in such memory.
 */
static bool
zygote_shares_nothing(Zygote *zygote)
{
	char name[128] = "";
	int result = launcher_proc_shared_find(zygote->pid, name, sizeof(name));

	if (result == 0)
		return true;
	if (result > 0)
		snprintf(zygote->reason, sizeof(zygote->reason),
				 "its preload list makes memory that its interpreters would share: %s", name);
	else
		zygote_fail(zygote, "smaps", result);
	return false;
}

static void
zygote_up(Zygote *zygote, const ControlMessage *message, int *fds)
{
	(void) message, (void) fds;
	if (zygote->state != ZYGOTE_STARTING)
	{
		zygote_kill(zygote, "it broke the protocol");
		return;
	}
	if (!zygote_fits(zygote) || !zygote_shares_nothing(zygote))
	{
		zygote_kill(zygote, "");
		return;
	}
	zygote->state = ZYGOTE_RUNNING;
	zygote->was_up = true;
	zygote_status_send(zygote, CONTROL_ZYGOTE_RUNNING);
	zygote_advance(zygote);
}

static void
zygote_interpreter_event(Zygote *zygote, InterpreterEvent event, const ControlMessage *message, int *fds)
{
	Interpreter *interpreter = interpreter_find(zygote->launcher, message->id);

	if (interpreter == NULL || interpreter->zygote != zygote)
		zygote_kill(zygote, "it broke the protocol");
	else
		interpreter_event(interpreter, event, message, fds);
}

/* id 0: the zygote itself cannot go on, and will end. */
static void
zygote_failed(Zygote *zygote, const ControlMessage *message, int *fds)
{
	if (message->id != 0)
		zygote_interpreter_event(zygote, INTERPRETER_FAILED, message, fds);
	else
		snprintf(zygote->reason, sizeof(zygote->reason), "%s", message->text);
}

static void
zygote_forked(Zygote *zygote, const ControlMessage *message, int *fds)
{
	zygote_interpreter_event(zygote, INTERPRETER_FORKED, message, fds);
}

static void
zygote_exited(Zygote *zygote, const ControlMessage *message, int *fds)
{
	zygote_interpreter_event(zygote, INTERPRETER_EXITED, message, fds);
}

static const struct
{
	uint32_t kind;
	void (*handle)(Zygote *zygote, const ControlMessage *message, int *fds); /* sets to -1 the fds it keeps */
} zygote_messages[] = {
	{CONTROL_ZYGOTE_UP, zygote_up},
	{CONTROL_FAILED, zygote_failed},
	{CONTROL_FORKED, zygote_forked},
	{CONTROL_EXITED, zygote_exited},
};

static void
zygote_message_handle(Zygote *zygote, const ControlMessage *message, int *fds)
{
	for (size_t i = 0; i < sizeof(zygote_messages) / sizeof(zygote_messages[0]); i++)
		if (zygote_messages[i].kind == message->kind)
		{
			zygote_messages[i].handle(zygote, message, fds);
			return;
		}
	zygote_kill(zygote, "it broke the protocol");
}

/* Takes one message; returns whether there may be more. */
static bool
zygote_control_read(Zygote *zygote)
{
	ControlMessage message;
	int fds[CONTROL_FDS_MAX], count;
	int result = control_receive(zygote->control.fd, &message, fds, &count);

	if (result == 1)
	{
		zygote_message_handle(zygote, &message, fds);
		for (int i = 0; i < CONTROL_FDS_MAX; i++)
			if (fds[i] >= 0)
				close(fds[i]);
		return true;
	}
	if (result == -EAGAIN)
		return false;
	launcher_source_close(zygote->launcher, &zygote->control);
	zygote_kill(zygote, result == -EPROTO ? "it broke the protocol" : result == -EMFILE ? strerror(EMFILE) : "");
	return false;
}

static void
zygote_control_ready(void *owner)
{
	(void) zygote_control_read(owner);
}

static void
zygote_end_describe(Zygote *zygote, const siginfo_t *end)
{
	if (end->si_code == CLD_EXITED)
		snprintf(zygote->reason, sizeof(zygote->reason), "its zygote ended with exit status %d", end->si_status);
	else
		snprintf(zygote->reason, sizeof(zygote->reason), "its zygote was killed by signal %d (%s)", end->si_status,
				 strsignal(end->si_status));
}

/* The first that knows: the kernel's memory killer, the jail, the zygote itself or who killed it, the wait status. */
static void
zygote_end_explain(Zygote *zygote, const siginfo_t *end)
{
	const Cgroup *cgroup = &zygote->launcher->cgroup;
	CgroupUsage usage = {0};
	char reason[JAIL_REASON_SIZE];

	if (cgroup->backend->group_usage(cgroup, zygote->group, &usage) == 0 && usage.oom_kills > 0)
	{
		zygote->end_cause = CONTROL_CAUSE_MEMORY;
		snprintf(zygote->reason, sizeof(zygote->reason),
				 "its preload list needs more than %lld MB, limits.memory is %lld MB", MEGABYTES(zygote_memory(zygote)),
				 MEGABYTES(zygote->pool.limits.memory));
	}
	else if (jail_report_read(zygote->report_fd, reason))
		snprintf(zygote->reason, sizeof(zygote->reason), "jail: %s", reason);
	else if (zygote->reason[0] == '\0')
		zygote_end_describe(zygote, end);
}

static void
zygote_process_close(Zygote *zygote)
{
	launcher_source_close(zygote->launcher, &zygote->control);
	launcher_source_close(zygote->launcher, &zygote->exit);
	if (zygote->report_fd >= 0)
		close(zygote->report_fd);
	zygote->report_fd = -1;
	if (zygote->group[0] != '\0')
		grave_add(zygote->launcher, zygote->group);
	zygote->group[0] = '\0';
}

static void
zygote_exit_ready(void *owner)
{
	Zygote *zygote = owner;
	siginfo_t end = {0};

	/* What it still said comes first: it explains the end of its interpreters, and its own. */
	while (zygote->control.fd >= 0 && zygote_control_read(zygote))
		;
	if (waitid(P_PIDFD, (id_t) zygote->exit.fd, &end, WEXITED | WNOHANG) < 0 || end.si_pid == 0)
		return;
	zygote->state = ZYGOTE_ENDING;
	zygote_end_explain(zygote, &end);
	interpreter_orphan_all(zygote);
	zygote_process_close(zygote);
	zygote_fall(zygote);
}

static int
zygote_process_open(Zygote *zygote, int control_fd, const JailProcess *process)
{
	Launcher *launcher = zygote->launcher;
	int result;

	zygote->pid = process->pid;
	zygote->report_fd = process->report_fd;
	result = launcher_source_open(launcher, &zygote->exit, process->pidfd, zygote_exit_ready, zygote);
	if (result < 0)
	{
		close(control_fd);
		return zygote_fail(zygote, "pidfd", result);
	}
	zygote->state = ZYGOTE_STARTING;
	zygote->limit_ms = launcher_now_ms() + ZYGOTE_START_LIMIT_MS;
	result = launcher_source_open(launcher, &zygote->control, control_fd, zygote_control_ready, zygote);
	if (result == 0)
		result = launcher->cgroup.backend->group_attach(&launcher->cgroup, zygote->group, zygote->pid);
	/* It has a process now: its end is how it fails. */
	if (result < 0)
	{
		zygote_fail(zygote, "cgroup", result);
		zygote_kill(zygote, "");
	}
	return 0;
}

int
zygote_process_start(Zygote *zygote)
{
	JailProcess process;
	int sockets[2];
	int result = FAULT_POINT("launcher.zygote_start");

	if (result == 0 &&
		launcher_grant_check(zygote->launcher, &zygote->pool, zygote->reason, sizeof(zygote->reason)) < 0)
		return -1;
	if (result == 0)
		result = zygote_group_make(zygote);
	if (result < 0)
		return zygote_fail(zygote, "cgroup", result);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return zygote_fail(zygote, "socketpair", -errno);
	result = zygote_jail_start(zygote, sockets[1], &process);
	close(sockets[1]);
	if (result == 0)
		return zygote_process_open(zygote, sockets[0], &process);
	close(sockets[0]);
	return zygote_fail(zygote, "clone3", result);
}

void
zygote_process_wait(Zygote *zygote)
{
	struct pollfd exit = {.fd = zygote->exit.fd, .events = POLLIN};
	siginfo_t end;

	if (zygote->exit.fd >= 0 && poll(&exit, 1, ZYGOTE_WAIT_MS) > 0)
		(void) waitid(P_PIDFD, (id_t) zygote->exit.fd, &end, WEXITED);
}
