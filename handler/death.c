/*
 * death.c - words the error for an interpreter that died in mid-call. Runs in backends.
 */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "postgres.h"

#include "handler/launcher.h"
#include "handler/lease.h"
#include "scheduler/stat.h"

typedef struct Death
{
	const Lease *lease;
	const PolicyPool *pool;
	uint64 call_id;
} Death;

#define MEGABYTE (INT64CONST(1024) * 1024)

static void
died_of_exit(const Death *death)
{
	int status = death->lease->death.status;
	long long call = (long long) death->call_id;

	if (WIFSIGNALED(status))
		ereport(ERROR,
				(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
				 errmsg("Python interpreter was terminated by signal %d: %s", WTERMSIG(status),
						strsignal(WTERMSIG(status))),
				 errdetail("Pool \"%s\", call %lld, interpreter pid %d.", death->pool->name, call, death->lease->pid),
				 errhint("The session goes on with a new interpreter; SD and GD start empty.")));
	ereport(ERROR,
			(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
			 errmsg("Python interpreter exited with code %d", WEXITSTATUS(status)),
			 errdetail("Pool \"%s\", call %lld, interpreter pid %d.", death->pool->name, call, death->lease->pid),
			 errhint("The session goes on with a new interpreter; SD and GD start empty.")));
}

static void
died_of_memory(const Death *death)
{
	ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY),
					errmsg("Python function exceeded the memory limit of pool \"%s\"", death->pool->name),
					errdetail("Call %lld used %lld MB, the limit is %lld MB (limits.memory).",
							  (long long) death->call_id, (long long) (death->lease->death.memory_peak / MEGABYTE),
							  (long long) (death->lease->death.memory_limit / MEGABYTE)),
					errhint("Work on less data at a time, or ask for a pool with a higher limit.")));
}

static void
died_of_forbidden(const Death *death)
{
	ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("Python function made a forbidden system call"),
					errdetail("Pool \"%s\", call %lld; the interpreter was ended by the kernel's filter.",
							  death->pool->name, (long long) death->call_id),
					errhint("No Python function may trace processes, mount, load modules or set the clock.")));
}

static void
died_idle(const Death *death)
{
	ereport(ERROR, (errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION), errmsg("Python interpreter was reclaimed"),
					errdetail("Pool \"%s\", call %lld, interpreter pid %d.", death->pool->name,
							  (long long) death->call_id, death->lease->pid),
					errhint("Call again; SD and GD start empty.")));
}

static void
died_with_zygote(const Death *death)
{
	ereport(ERROR, (errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION), errmsg("Python interpreter was lost with its zygote"),
					errdetail("Pool \"%s\", call %lld, interpreter pid %d.", death->pool->name,
							  (long long) death->call_id, death->lease->pid),
					errhint("The zygote starts again by itself: call again. SD and GD start empty.")));
}

/* The launcher's, which steps in when this process was stopped or stuck. */
static void
died_of_wall(const Death *death)
{
	stat_cause_note(STAT_WALL);
	ereport(ERROR, (errcode(ERRCODE_QUERY_CANCELED), errmsg("canceling Python call due to its pool's wall limit"),
					errdetail("Pool \"%s\", call %lld, interpreter pid %d was ended; limits.wall is %lld ms.",
							  death->pool->name, (long long) death->call_id, death->lease->pid,
							  (long long) death->pool->limits.wall_ms),
					errhint("Ask for a pool with a higher limits.wall, or do less in one call.")));
}

static void (*const reports[CONTROL_CAUSE_COUNT])(const Death *death) = {
	[CONTROL_CAUSE_EXIT] = died_of_exit,
	[CONTROL_CAUSE_MEMORY] = died_of_memory,
	[CONTROL_CAUSE_FORBIDDEN] = died_of_forbidden,
	[CONTROL_CAUSE_IDLE] = died_idle,
	[CONTROL_CAUSE_POLICY] = died_idle,
	[CONTROL_CAUSE_ZYGOTE] = died_with_zygote,
	[CONTROL_CAUSE_WALL] = died_of_wall,
};

void
lease_death_report(Lease *lease, uint64 call_id, const PolicyPool *pool)
{
	Death death = {.lease = lease, .pool = pool, .call_id = call_id};

	lease->channel.dead = true;
	if (lease->killed) /* by this backend: no notice comes */
		ereport(ERROR,
				(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION), errmsg("Python interpreter was ended"),
				 errdetail("Pool \"%s\", call %lld, interpreter pid %d; something it dropped did not let go in time.",
						   pool->name, (long long) call_id, lease->pid),
				 errhint("Call again; SD and GD start empty.")));
	lease_end_threads(lease);
	if (launcher_death_await(lease->generation, &lease->is_told))
		reports[lease->death.cause](&death);
	ereport(ERROR,
			(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION), errmsg("Python interpreter was lost with the pybox launcher"),
			 errdetail("Pool \"%s\", call %lld, interpreter pid %d.", pool->name, (long long) call_id, lease->pid),
			 errhint("The launcher starts again by itself: call again. SD and GD start empty.")));
	pg_unreachable();
}
