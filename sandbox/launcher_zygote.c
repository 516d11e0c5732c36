/*
 * launcher_zygote.c - a zygote's life: made for a pool, started, restarted with back-off, retired when its pool changes.
 *
 * DESIGN. zygote_advance does whatever is due in the state a zygote is in and may be called at any time. A zygote ends by
 * its pidfd only; zygote_kill merely makes that happen. Runs in the launcher.
 */
#include "sandbox/launcher_zygote.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/launcher_layer.h"
#include "sandbox/launcher_lease.h"
#include "sandbox/launcher_zygote_process.h"

#define ZYGOTE_BACKOFF_FIRST_MS 100
#define ZYGOTE_BACKOFF_LAST_MS 30000
#define ZYGOTE_BUSY_MS 20  /* until it may have read what it was sent */
#define ZYGOTE_FORKS_MAX 8 /* under way at once */
#define ZYGOTE_FAILURES_WAITED 2
#define ZYGOTE_TABLESPACES "pg_tblspc" /* in the data directory, where we stand */

static void zygote_retire(Zygote *zygote);

static void
zygote_back_off(Zygote *zygote)
{
	int64_t pause = ZYGOTE_BACKOFF_FIRST_MS;

	for (int i = 0; i < zygote->failures && pause < ZYGOTE_BACKOFF_LAST_MS; i++)
		pause *= 2;
	zygote->failures++;
	zygote->retry_ms = launcher_now_ms() + (pause < ZYGOTE_BACKOFF_LAST_MS ? pause : ZYGOTE_BACKOFF_LAST_MS);
}

void
zygote_status_send(const Zygote *zygote, ControlZygote status)
{
	ControlMessage message = {
		.kind = CONTROL_ZYGOTE,
		.status = (int32_t) status,
		.trusted = zygote->trusted,
		.layers = zygote->layers,
		.pid = zygote->pid,
		.memory_peak = zygote->need,
		.generation = zygote->launcher->policy_generation,
	};

	/* Of two of one pool the retired is nobody's business any more. */
	if (zygote->retired)
		return;
	snprintf(message.pool, sizeof(message.pool), "%s", zygote->pool.name);
	snprintf(message.text, sizeof(message.text), "%s", zygote->reason);
	launcher_scheduler_send(zygote->launcher, &message);
}

static Zygote *
zygote_find(const Launcher *launcher, const char *pool, bool trusted)
{
	Zygote *zygote = launcher->zygotes;

	while (zygote != NULL && (zygote->retired || zygote->trusted != trusted || strcmp(zygote->pool.name, pool) != 0))
		zygote = zygote->next;
	return zygote;
}

static Zygote *
zygote_make(Launcher *launcher, const PolicyPool *pool, bool trusted)
{
	Zygote *zygote = calloc(1, sizeof(*zygote));

	if (zygote == NULL)
		return NULL;
	zygote->launcher = launcher;
	zygote->pool = *pool;
	zygote->trusted = trusted;
	zygote->keeps_spares = trusted;
	zygote->leases_end = &zygote->leases;
	zygote->control.fd = zygote->exit.fd = zygote->report_fd = -1;
	if (launcher_plan_make(launcher, pool, trusted, &zygote->plan) < 0)
	{
		free(zygote);
		return NULL;
	}
	zygote->layers = launcher->layers & policy_layers_wanted(pool, trusted);
	zygote->next = launcher->zygotes;
	launcher->zygotes = zygote;
	return zygote;
}

/* Its plan is of the layers that the machine had when it was made. */
static bool
zygote_has_other_layers(const Zygote *zygote)
{
	return zygote->layers != (zygote->launcher->layers & policy_layers_wanted(&zygote->pool, zygote->trusted));
}

static void
zygote_tablespaces_read(struct timespec *changed)
{
	struct stat status;

	*changed = stat(ZYGOTE_TABLESPACES, &status) < 0 ? (struct timespec){0} : status.st_mtim;
}

/* A tablespace made after its start is not among those that its jail hides. */
static bool
zygote_is_outdated(const Zygote *zygote)
{
	struct timespec changed;

	if (zygote->trusted || zygote->pool.fs != POLICY_REACH_HOST ||
		(zygote->state != ZYGOTE_STARTING && zygote->state != ZYGOTE_RUNNING))
		return false;
	zygote_tablespaces_read(&changed);
	return changed.tv_sec != zygote->tablespaces.tv_sec || changed.tv_nsec != zygote->tablespaces.tv_nsec;
}

Zygote *
zygote_obtain(Launcher *launcher, const PolicyPool *pool, bool trusted)
{
	Zygote *zygote = zygote_find(launcher, pool->name, trusted);

	if (zygote != NULL && (zygote_has_other_layers(zygote) || zygote_is_outdated(zygote)))
	{
		zygote_retire(zygote);
		zygote = zygote_find(launcher, pool->name, trusted); /* who waited has moved there */
	}
	return zygote != NULL ? zygote : zygote_make(launcher, pool, trusted);
}

/* Its pool's group goes too, unless another zygote is in there. */
static void
zygote_free(Zygote *zygote)
{
	const Cgroup *cgroup = &zygote->launcher->cgroup;
	Zygote **link = &zygote->launcher->zygotes;
	char pool[CGROUP_GROUP_SIZE];

	snprintf(pool, sizeof(pool), CGROUP_TOP "/%s", zygote->pool.name);
	(void) cgroup->backend->group_remove(cgroup, pool);

	while (*link != zygote)
		link = &(*link)->next;
	*link = zygote->next;
	launcher_plan_free(zygote->plan);
	free(zygote);
}

static bool
zygote_is_wanted(const Zygote *zygote)
{
	const Launcher *launcher = zygote->launcher;

	if (zygote->retired ||
		policy_layers_missing(&launcher->policy, &zygote->pool, zygote->trusted, launcher->layers) != 0)
		return false;
	return zygote->leases != NULL || (zygote->keeps_spares && zygote->pool.spares > 0);
}

static bool
zygote_wants_fork(const Zygote *zygote)
{
	int under_way = zygote->counts[INTERPRETER_FORKING] + zygote->counts[INTERPRETER_ARMING];
	int spares = zygote->keeps_spares ? zygote->pool.spares : 0;

	return !zygote->retired && zygote->state == ZYGOTE_RUNNING && under_way < ZYGOTE_FORKS_MAX &&
		   under_way + zygote->counts[INTERPRETER_SPARE] < spares + lease_count(zygote) &&
		   zygote->launcher->interpreter_count < zygote->launcher->interpreter_max;
}

static bool
zygote_has_interpreters(const Zygote *zygote)
{
	for (int state = 0; state < INTERPRETER_STATE_COUNT; state++)
		if (zygote->counts[state] > 0)
			return true;
	return false;
}

static void
zygote_start(Zygote *zygote)
{
	zygote->reason[0] = '\0';
	zygote->end_cause = CONTROL_CAUSE_ZYGOTE;
	zygote->was_up = false;
	zygote_tablespaces_read(&zygote->tablespaces);
	if (zygote_process_start(zygote) == 0)
		zygote_status_send(zygote, CONTROL_ZYGOTE_STARTING);
	else
		zygote_fall(zygote);
}

/* Who waited may have gone before the interpreter was ready: one more than the pool keeps ends. */
static void
zygote_trim(Zygote *zygote)
{
	int kept = zygote->keeps_spares ? zygote->pool.spares : 0;

	while (zygote->counts[INTERPRETER_SPARE] > kept)
		interpreter_event(interpreter_spare(zygote), INTERPRETER_RELEASED, NULL, NULL);
}

/*
 * A zygote that is behind with its messages is asked again soon, and the end of one that is gone is about to be told; what
 * else is wrong is the launcher's own lack of something.
 */
static void
zygote_fork(Zygote *zygote)
{
	char reason[CONTROL_TEXT_SIZE];
	int result = interpreter_fork(zygote);

	if (result == -EAGAIN || result == -EPIPE || result == -ECONNRESET)
		zygote->retry_ms = launcher_now_ms() + ZYGOTE_BUSY_MS;
	else if (result < 0)
	{
		snprintf(reason, sizeof(reason), "the launcher cannot ask for one: %s", strerror(-result));
		zygote_child_failed(zygote, reason);
	}
}

static void
zygote_run(Zygote *zygote)
{
	lease_serve(zygote);
	zygote_trim(zygote);
	while (zygote_wants_fork(zygote) && launcher_now_ms() >= zygote->retry_ms)
		zygote_fork(zygote);
	if (zygote->retired && !zygote_has_interpreters(zygote))
		zygote_kill(zygote, "");
}

void
zygote_advance(Zygote *zygote)
{
	if (zygote->state == ZYGOTE_RUNNING)
		zygote_run(zygote);
	else if (zygote->state == ZYGOTE_DOWN && zygote_is_wanted(zygote) && launcher_now_ms() >= zygote->retry_ms)
		zygote_start(zygote);
}

/* A layer that the machine had at the start may be gone since, by a sysctl for one: then that is the reason. */
static void
zygote_refuse_all(Zygote *zygote)
{
	Launcher *launcher = zygote->launcher;
	char text[CONTROL_TEXT_SIZE];
	uint32_t missing;

	if (launcher_layer_is_blamed(zygote->reason))
		launcher_scheduler_renew(launcher);
	missing = policy_layers_missing(&launcher->policy, &zygote->pool, zygote->trusted, launcher->layers);
	launcher_layer_describe(launcher, missing, text, sizeof(text));
	lease_refuse_all(zygote, missing != 0 ? CONTROL_REFUSED_LAYER : CONTROL_REFUSED_START, missing,
					 missing != 0 ? text : zygote->reason);
}

void
zygote_child_failed(Zygote *zygote, const char *reason)
{
	snprintf(zygote->reason, sizeof(zygote->reason), "%s", reason);
	launcher_log("pool \"%s\": an interpreter could not be made ready: %s", zygote->pool.name, reason);
	zygote_back_off(zygote);
	zygote_refuse_all(zygote);
}

void
zygote_kill(Zygote *zygote, const char *reason)
{
	if (zygote->reason[0] == '\0')
		snprintf(zygote->reason, sizeof(zygote->reason), "%s", reason);
	if (zygote->exit.fd >= 0)
		(void) syscall(SYS_pidfd_send_signal, zygote->exit.fd, SIGKILL, NULL, 0);
	zygote->state = ZYGOTE_ENDING;
}

/*
 * Its process is gone, or never was. Who waits for a first start is refused; who waits for a restart goes on waiting, as
 * long as there is hope.
 */
void
zygote_fall(Zygote *zygote)
{
	zygote->state = ZYGOTE_DOWN;
	if (zygote->retired)
	{
		zygote_free(zygote);
		return;
	}
	zygote_back_off(zygote);
	zygote_status_send(zygote, CONTROL_ZYGOTE_BROKEN);
	zygote->pid = 0;
	if (!zygote->was_up || zygote->failures > ZYGOTE_FAILURES_WAITED)
		zygote_refuse_all(zygote);
}

/* In all that its interpreters are made by; what the queue goes by may change under them. */
static bool
zygote_pool_is_same(const Zygote *zygote, const PolicyPool *pool)
{
	size_t start = offsetof(PolicyPool, idle_timeout_ms);

	return zygote->pool.spares == pool->spares &&
		   memcmp((const char *) &zygote->pool + start, (const char *) pool + start, sizeof(PolicyPool) - start) == 0;
}

static void
zygote_retire(Zygote *zygote)
{
	zygote->reason[0] = '\0';
	zygote_status_send(zygote, CONTROL_ZYGOTE_GONE);
	zygote->retired = true;
	lease_move_all(zygote);
	interpreter_release_spares(zygote);
	if (zygote->state == ZYGOTE_DOWN)
		zygote_free(zygote);
	else if (zygote->state == ZYGOTE_STARTING)
		zygote_kill(zygote, "");
	else
		zygote_advance(zygote);
}

/* A new policy forgot what was said of the zygotes of the old one. */
static void
zygote_announce(const Zygote *zygote)
{
	static const ControlZygote told[ZYGOTE_STATE_COUNT] = {
		[ZYGOTE_DOWN] = CONTROL_ZYGOTE_BROKEN,
		[ZYGOTE_STARTING] = CONTROL_ZYGOTE_STARTING,
		[ZYGOTE_RUNNING] = CONTROL_ZYGOTE_RUNNING,
		[ZYGOTE_ENDING] = CONTROL_ZYGOTE_BROKEN,
	};

	zygote_status_send(zygote, told[zygote->state]);
}

void
zygote_reconcile(Launcher *launcher)
{
	const Policy *policy = &launcher->policy;
	Zygote *next;

	for (Zygote *zygote = launcher->zygotes; zygote != NULL; zygote = next)
	{
		int number = policy_pool_find(policy, zygote->pool.name);

		next = zygote->next;
		if (!zygote->retired &&
			(number < 0 || !zygote_pool_is_same(zygote, &policy->pools[number]) || zygote_has_other_layers(zygote)))
			zygote_retire(zygote);
		else
		{
			if (!zygote->retired)
				zygote->pool = policy->pools[number];
			/* Whoever loads a policy may have mended what kept it down. */
			zygote->failures = 0;
			zygote->retry_ms = 0;
			zygote_announce(zygote);
		}
	}
	for (int i = 0; i < policy->pool_count; i++)
	{
		Zygote *zygote = policy->pools[i].spares > 0 ? zygote_obtain(launcher, &policy->pools[i], true) : NULL;

		if (zygote != NULL)
			zygote_advance(zygote);
	}
}

void
zygote_stop(Launcher *launcher)
{
	for (Zygote *zygote = launcher->zygotes; zygote != NULL; zygote = zygote->next)
		zygote_kill(zygote, "");
	/* A frozen process would keep its namespace, and with it its zygote, from ending. */
	(void) launcher->cgroup.backend->group_kill(&launcher->cgroup, CGROUP_TOP);
	for (Zygote *zygote = launcher->zygotes; zygote != NULL; zygote = zygote->next)
		zygote_process_wait(zygote);
	if (cgroup_sweep(&launcher->cgroup) < 0)
		launcher_log("could not remove all cgroups below \"%s\"", launcher->cgroup.name);
}

static int64_t
zygote_due_ms(const Zygote *zygote)
{
	if (zygote->state == ZYGOTE_STARTING)
		return zygote->limit_ms;
	if (zygote->state == ZYGOTE_DOWN ? zygote_is_wanted(zygote) : zygote_wants_fork(zygote))
		return zygote->retry_ms;
	return LAUNCHER_NEVER;
}

int64_t
zygote_deadline(const Launcher *launcher)
{
	int64_t deadline = LAUNCHER_NEVER;

	for (const Zygote *zygote = launcher->zygotes; zygote != NULL; zygote = zygote->next)
		if (zygote_due_ms(zygote) < deadline)
			deadline = zygote_due_ms(zygote);
	return deadline;
}

void
zygote_expire(Launcher *launcher, int64_t now_ms)
{
	for (Zygote *zygote = launcher->zygotes; zygote != NULL; zygote = zygote->next)
	{
		if (zygote_due_ms(zygote) > now_ms)
			continue;
		if (zygote->state == ZYGOTE_STARTING)
			zygote_kill(zygote, "it did not come up in time");
		else
			zygote_advance(zygote);
		return;
	}
}
