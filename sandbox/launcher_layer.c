/*
 * launcher_layer.c - the table of layers as the launcher sees them: how each is tried, and what is told of it.
 *
 * DESIGN. A layer works when doing it works: each is tried in a forked child that is thrown away, so that a sysctl, a
 * security module or a container that stands in the way shows, whatever its name. Runs in the launcher at its start, and
 * in `pybox doctor`.
 */
#include "sandbox/launcher_layer.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/landlock.h"
#include "sandbox/launcher_cause.h"
#include "sandbox/launcher_probe.h"
#include "sandbox/lockdown.h"
#include "sandbox/seccomp.h"

#define PROBE_SECONDS 10

static void
detail_landlock(const Launcher *launcher, char *text, size_t size)
{
	(void) launcher;
	snprintf(text, size, "rights of version %d", landlock_version());
}

static void
detail_seccomp(const Launcher *launcher, char *text, size_t size)
{
	static struct sock_filter filter[LOCKDOWN_FILTER_MAX];

	(void) launcher;
	snprintf(text, size, "%d instructions for pybox, %d for pyboxu",
			 seccomp_compile(&seccomp_trusted, SECCOMP_WHEN_NO_NET, filter, LOCKDOWN_FILTER_MAX),
			 seccomp_compile(&seccomp_untrusted, SECCOMP_WHEN_NO_NET, filter, LOCKDOWN_FILTER_MAX));
}

static void
detail_cgroup(const Launcher *launcher, char *text, size_t size)
{
	snprintf(text, size, "%s, /%.200s", launcher->cgroup.backend->name, launcher->cgroup.name);
}

static const struct
{
	int (*probe)(const Launcher *launcher);							   /* in a child: 0 or -errno */
	void (*detail)(const Launcher *launcher, char *text, size_t size); /* NULL: there is nothing to add */
} launcher_layers[LAYER_COUNT] = {
	[LAYER_USER_NAMESPACE] = {probe_user_namespace, NULL},
	[LAYER_MOUNT_NAMESPACE] = {probe_mount_namespace, NULL},
	[LAYER_PID_NAMESPACE] = {probe_pid_namespace, NULL},
	[LAYER_IPC_NAMESPACE] = {probe_ipc_namespace, NULL},
	[LAYER_UTS_NAMESPACE] = {probe_uts_namespace, NULL},
	[LAYER_NET_NAMESPACE] = {probe_net_namespace, NULL},
	[LAYER_CGROUP_NAMESPACE] = {probe_cgroup_namespace, NULL},
	[LAYER_ROOT] = {probe_root, NULL},
	[LAYER_CAPABILITIES] = {probe_capabilities, NULL},
	[LAYER_NO_NEW_PRIVS] = {probe_no_new_privs, NULL},
	[LAYER_RLIMITS] = {probe_rlimits, NULL},
	[LAYER_LANDLOCK] = {probe_landlock, detail_landlock},
	[LAYER_SECCOMP] = {probe_seccomp, detail_seccomp},
	[LAYER_CGROUP_MEMORY] = {probe_cgroup_memory, detail_cgroup},
	[LAYER_CGROUP_PIDS] = {probe_cgroup_pids, detail_cgroup},
	[LAYER_CGROUP_CPU] = {probe_cgroup_cpu, detail_cgroup},
};

static int
launcher_layer_try(const Launcher *launcher, int layer)
{
	int status;
	pid_t child = fork();

	if (child < 0)
		return errno;
	if (child == 0)
	{
		/* It holds the launcher's claim of its cgroup too, and would keep it from the next one. */
		(void) prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		alarm(PROBE_SECONDS);
		_exit(-launcher_layers[layer].probe(launcher));
	}
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : ETIMEDOUT;
}

/* Of the moment, not of the machine: what worked before is taken to work still. */
static bool
launcher_layer_is_passing(int error)
{
	static const int passing[] = {EAGAIN, ENOMEM, EMFILE, ENFILE, ETIMEDOUT};

	for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++)
		if (error == passing[i])
			return true;
	return false;
}

void
launcher_layer_probe(Launcher *launcher, uint32_t mask)
{
	for (int layer = 0; layer < LAYER_COUNT; layer++)
	{
		bool worked = (launcher->layers & LAYER_BIT(layer)) != 0;
		int error =
			(mask & LAYER_BIT(layer)) == 0 ? launcher->layer_errors[layer] : launcher_layer_try(launcher, layer);

		launcher->layer_errors[layer] = worked && launcher_layer_is_passing(error) ? 0 : error;
		launcher->layers &= ~LAYER_BIT(layer);
		if (launcher->layer_errors[layer] == 0)
			launcher->layers |= LAYER_BIT(layer);
	}
}

bool
launcher_layer_is_blamed(const char *reason)
{
	if (strstr(reason, "clone3: ") != NULL)
		return true;
	for (int layer = 0; layer < LAYER_COUNT; layer++)
	{
		char stage[64];

		snprintf(stage, sizeof(stage), "%s: ", layer_name(layer));
		if (strstr(reason, stage) != NULL)
			return true;
	}
	return false;
}

void
launcher_layer_detail(const Launcher *launcher, int layer, char *text, size_t size)
{
	text[0] = '\0';
	if (launcher_layers[layer].detail != NULL)
		launcher_layers[layer].detail(launcher, text, size);
}

void
launcher_layer_reason(const Launcher *launcher, int layer, char *text, size_t size)
{
	launcher_cause_word(launcher, launcher_cause_find(launcher, layer, NULL)->why, layer, NULL, text, size);
}

void
launcher_layer_describe(const Launcher *launcher, uint32_t missing, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (int layer = 0; layer < LAYER_COUNT && used < size; layer++)
	{
		char reason[LAUNCHER_REASON_SIZE] = "not in force in the interpreter";

		if ((missing & LAYER_BIT(layer)) == 0)
			continue;
		if (launcher->layer_errors[layer] != 0)
			launcher_layer_reason(launcher, layer, reason, sizeof(reason));
		used +=
			(size_t) snprintf(text + used, size - used, "%s%s: %s", used > 0 ? "; " : "", layer_name(layer), reason);
	}
}
