/*
 * launcher_death.c - how an interpreter ends, and what its owner is told. Runs in the launcher.
 */
#include "sandbox/launcher_death.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/fault.h"
#include "sandbox/launcher_backend.h"
#include "sandbox/launcher_grave.h"
#include "sandbox/launcher_watch.h"
#include "sandbox/launcher_zygote.h"

/* While the pidfd takes signals the number is still the process's own, and that of the group it leads. */
void
death_kill(const Interpreter *interpreter)
{
	const Cgroup *cgroup = &interpreter->launcher->cgroup;

	(void) FAULT_POINT("launcher.kill");
	if (interpreter->life.fd >= 0 && interpreter->pid > 0 &&
		syscall(SYS_pidfd_send_signal, interpreter->life.fd, SIGKILL, NULL, 0) == 0)
		(void) kill(-interpreter->pid, SIGKILL);
	if (interpreter->group[0] != '\0')
		(void) cgroup->backend->group_kill(cgroup, interpreter->group);
}

static bool
cause_is_memory(int status, const CgroupUsage *usage)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && usage->oom_kills > 0;
}

static bool
cause_is_forbidden(int status, const CgroupUsage *usage)
{
	(void) usage;
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

/* The first that holds. */
static const struct
{
	bool (*holds)(int status, const CgroupUsage *usage);
	ControlCause cause;
} death_causes[] = {
	{cause_is_memory, CONTROL_CAUSE_MEMORY},
	{cause_is_forbidden, CONTROL_CAUSE_FORBIDDEN},
};

static ControlCause
death_cause(const Interpreter *interpreter, int status, const CgroupUsage *usage)
{
	if (interpreter->is_doomed)
		return interpreter->verdict;
	for (size_t i = 0; i < sizeof(death_causes) / sizeof(death_causes[0]); i++)
		if (death_causes[i].holds(status, usage))
			return death_causes[i].cause;
	return CONTROL_CAUSE_EXIT;
}

static void
death_notify(Interpreter *interpreter, int status)
{
	CgroupUsage usage;
	ControlMessage message = {
		.kind = CONTROL_DIED,
		.id = interpreter->id,
		.status = status,
		.pid = interpreter->pid,
		.memory_limit = interpreter->zygote->pool.limits.memory,
	};

	interpreter_usage_read(interpreter, &usage);
	/* Those that it has outlived were of what it had started; the last look may have met it between its kill and its end. */
	usage.oom_kills -= interpreter->look.oom_kills[0];
	message.cause = death_cause(interpreter, status, &usage);
	message.memory_peak = (int64_t) usage.memory_peak;
	backend_send(interpreter->owner, &message, NULL, 0);
}

void
death_forget(Interpreter *interpreter)
{
	Launcher *launcher = interpreter->launcher;
	Interpreter **link = &launcher->interpreters;

	while (*link != interpreter)
		link = &(*link)->next;
	*link = interpreter->next;
	launcher->interpreter_count--;
	interpreter->zygote->counts[interpreter->state]--;
	launcher_source_close(launcher, &interpreter->socket);
	launcher_source_close(launcher, &interpreter->life);
	if (interpreter->wire_fd >= 0)
		close(interpreter->wire_fd);
	if (interpreter->tmp_fd >= 0)
		close(interpreter->tmp_fd);
	if (interpreter->shared != NULL)
		munmap(interpreter->shared, WIRE_HEADER_SIZE);
	watch_forget(interpreter);
	free(interpreter);
}

void
death_conclude(Interpreter *interpreter, int status)
{
	Zygote *zygote = interpreter->zygote;

	if (interpreter->owner != NULL)
		death_notify(interpreter, status);
	if (interpreter->group[0] != '\0')
		grave_add(interpreter->launcher, interpreter->group);
	death_forget(interpreter);
	zygote_advance(zygote);
}
