/*
 * limit.c - the limits that a backend keeps or words itself: CPU time, messages, and those that Python met as exceptions.
 * Runs in backends.
 *
 * DESIGN. CPU time is read from the interpreter's own clock, and as rarely as is right: a call that has run for a moment is
 * looked at for the first time, so that what it uses can be counted, and where there is a limit, whenever it could have used
 * up the rest on all cores. A short call is never looked
 * at; the steps of a set that are too short count by the time they took. What an untrusted function started is counted by
 * the launcher, which publishes it now and then (sandbox/watch.h).
 */
#include "handler/limit.h"

#include <time.h>
#include <unistd.h>

#include "lib/stringinfo.h"

#include "scheduler/clock.h"

#define MEGABYTE (INT64CONST(1024) * 1024)
#define CPU_LOOK_US 10000 /* between two looks at least */
#define TIMESTAMP_NEVER PG_INT64_MAX
#define LOG_MESSAGE_EXTRA 128 /* what the server's log adds to each message, about */

typedef struct Refusal
{
	const char *name; /* in WIRE_FIELD_LIMIT */
	int code;
	const char *message; /* with the pool's name */
	const char *hint;
	int64 (*limit)(const PolicyLimits *limits); /* 0: the pool has none */
	void (*detail)(StringInfo text, int64 limit, int64 value);
} Refusal;

static int64
memory_limit(const PolicyLimits *limits)
{
	return limits->memory;
}

static void
memory_detail(StringInfo text, int64 limit, int64 value)
{
	if (value > 0)
		appendStringInfo(text, "Python asked for %lld MB in all",
						 (long long) (value / MEGABYTE + (value % MEGABYTE > 0)));
	else
		appendStringInfoString(text, "Python could get no more memory");
	appendStringInfo(text, ", the limit is %lld MB with a reserve (limits.memory).", (long long) (limit / MEGABYTE));
}

static int64
pids_limit(const PolicyLimits *limits)
{
	return limits->pids;
}

static void
pids_detail(StringInfo text, int64 limit, int64 value)
{
	appendStringInfo(text, "Python could start no more, the limit is %lld (limits.pids).", (long long) limit);
}

static int64
tmp_limit(const PolicyLimits *limits)
{
	return limits->tmp;
}

static void
tmp_detail(StringInfo text, int64 limit, int64 value)
{
	appendStringInfo(text, "The limit is %lld kB (limits.tmp).", (long long) (limit / 1024));
}

static const Refusal refusals[] = {
	{"memory", ERRCODE_OUT_OF_MEMORY, "Python function exceeded the memory limit of pool \"%s\"",
	 "Work on less data at a time, or ask for a pool with a higher limit.", memory_limit, memory_detail},
	{"pids", ERRCODE_INSUFFICIENT_RESOURCES,
	 "Python function exceeded the limit of threads and processes of pool \"%s\"",
	 "Use fewer threads, or ask for a pool with a higher limit.", pids_limit, pids_detail},
	{"tmp", ERRCODE_DISK_FULL, "Python function filled the private /tmp of pool \"%s\"",
	 "Remove files that are not needed, or ask for a pool with a higher limit.", tmp_limit, tmp_detail},
};

static const Refusal *
refusal_find(const char *name, size_t length)
{
	for (int i = 0; i < (int) lengthof(refusals); i++)
		if (strlen(refusals[i].name) == length && strncmp(refusals[i].name, name, length) == 0)
			return &refusals[i];
	return NULL;
}

static void
refusal_raise(const Refusal *refusal, const Call *call, int64 value, const ErrorFields *fields)
{
	const char *traceback = fields->text[WIRE_FIELD_CONTEXT], *exception = fields->text[WIRE_FIELD_MESSAGE];
	int length = exception == NULL ? 0 : strlen(exception);
	StringInfoData detail;

	while (length > 0 && strchr(": ", exception[length - 1]) != NULL) /* an exception without words */
		length--;

	initStringInfo(&detail);
	refusal->detail(&detail, refusal->limit(&call->pool->limits), value);
	ereport(ERROR,
			(errcode(refusal->code), errmsg_internal(refusal->message, call->pool->name),
			 errdetail("Call %lld: %s %.*s", (long long) call->id, detail.data, length, exception ? exception : ""),
			 errhint("%s", refusal->hint),
			 traceback != NULL && traceback[0] != '\0' ? errcontext("%s", traceback) : 0));
}

void
limit_report(const ErrorFields *fields)
{
	const char *text = fields->text[WIRE_FIELD_LIMIT];
	size_t length = strcspn(text, " ");
	const Refusal *refusal = refusal_find(text, length);
	int64 value = text[length] == ' ' ? strtoll(text + length, NULL, 10) : 0;

	if (refusal == NULL || current_call == NULL || refusal->limit(&current_call->pool->limits) <= 0)
		return;
	refusal_raise(refusal, current_call, value, fields);
}

void
limit_log(Call *call, size_t bytes)
{
	call->logged += bytes + LOG_MESSAGE_EXTRA;
	call->messages++;
	if (likely(call->logged <= (uint64) call->pool->limits.log))
		return;
	ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					errmsg("Python function exceeded the log limit of pool \"%s\"", call->pool->name),
					errdetail("Call %lld sent %llu messages of %llu bytes, the limit is %lld (limits.log).",
							  (long long) call->id, (unsigned long long) call->messages,
							  (unsigned long long) call->logged, (long long) call->pool->limits.log),
					errhint("Say less, or ask for a pool with a higher limit.")));
}

/* CPU time of the process, in us; -1 when it is gone. */
static int64
cpu_read(pid_t pid)
{
	struct timespec used;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0)
		return -1;
	return used.tv_sec * INT64CONST(1000000) + used.tv_nsec / 1000;
}

int64
limit_cpu_clock(const Lease *lease)
{
	int64 own = cpu_read(lease->pid);

	return own < 0 ? own : Max(own, lease_cpu_us(lease));
}

static int64
cpu_now(const Call *call)
{
	return Max(limit_cpu_clock(call->lease), lease_cpu_us(call->lease));
}

static int64
cpu_cores(void)
{
	static int64 cores = 0;

	if (cores == 0)
		cores = Max(1, sysconf(_SC_NPROCESSORS_ONLN));
	return cores;
}

static void
cpu_raise(const Call *call, int64 used_us)
{
	int64 ms = used_us / 1000;

	stat_cause_note(STAT_CPU);
	ereport(ERROR, (errcode(ERRCODE_QUERY_CANCELED), errmsg("canceling Python call due to its pool's CPU limit"),
					errdetail("Pool \"%s\", call %lld, used %lld.%03d s of CPU time; limits.cpu_time is %lld ms.",
							  call->pool->name, (long long) call->id, (long long) ms / 1000, (int) (ms % 1000),
							  (long long) call->pool->limits.cpu_ms),
					errhint("Ask for a pool with a higher limits.cpu_time, or do less in one call.")));
}

void
limit_cpu_begin(Call *call, TimestampTz now)
{
	if (call->cpu_look_at != 0) /* a set's first step asks twice */
		return;
	call->cpu_base_us = -1;
	call->cpu_look_at = now + CPU_LOOK_US;
	if (unlikely(call->pool->limits.cpu_ms > 0 && call->cpu_us > call->pool->limits.cpu_ms * 1000))
		cpu_raise(call, call->cpu_us);
}

/* Before the first look: a look that was late had to wait for SQL. */
static int64
cpu_unseen(const Call *call)
{
	return Min(measure_run_us(call) - call->measure.step_run_us, CPU_LOOK_US);
}

int64
limit_cpu_used(const Call *call)
{
	if (call->cpu_look_at == 0)
		return 0;
	if (call->cpu_base_us < 0)
		return call->cpu_us + cpu_unseen(call);
	return call->cpu_us + Max(0, cpu_now(call) - call->cpu_base_us);
}

/* The first look finds out where to count from. */
void
limit_cpu(Call *call)
{
	int64 limit_us = call->pool->limits.cpu_ms * 1000, used;

	if (call->cpu_base_us < 0)
	{
		call->cpu_us += cpu_unseen(call);
		call->cpu_base_us = Max(0, cpu_now(call));
		measure_cpu_begin(call);
	}
	used = limit_cpu_used(call);
	if (limit_us > 0 && used > limit_us)
		cpu_raise(call, used);
	call->cpu_look_at =
		limit_us > 0 ? clock_now() + Max((limit_us - used) / cpu_cores(), CPU_LOOK_US) : TIMESTAMP_NEVER;
}
