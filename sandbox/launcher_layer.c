/*
 * launcher_layer.c - the table of layers as the launcher sees them: how each is tried, who gets it, who must have it.
 *
 * DESIGN. A layer works when doing it works: each is tried in a forked child that is thrown away, so that a sysctl, a
 * security module or a container that stands in the way shows, whatever its name. Runs in the launcher at its start.
 */
#include "sandbox/launcher_layer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/launcher_probe.h"

#define PROBE_SECONDS 10

/* Whether an untrusted pool gets a layer; a trusted one gets all. */
typedef enum LayerForUntrusted
{
	LAYER_ALWAYS,
	LAYER_OWED,		   /* always, and refused without, required by the policy or not */
	LAYER_WITHOUT_NET, /* owed by `net: none`; with `net: host` there is none */
	LAYER_WITHOUT_FS,  /* owed by `fs: none`; with `fs: host` there is none */
} LayerForUntrusted;

static const struct
{
	LayerForUntrusted untrusted;
	int (*probe)(const Launcher *launcher); /* in a child: 0 or -errno */
	const char *hint;						/* what may stand in the way; NULL: the error says it */
} launcher_layers[LAYER_COUNT] = {
	[LAYER_USER_NAMESPACE] = {LAYER_ALWAYS, probe_user_namespace,
							  "see sysctl kernel.unprivileged_userns_clone, user.max_user_namespaces and AppArmor"},
	/* Without one, `fs: host` could not hide the data directory. */
	[LAYER_MOUNT_NAMESPACE] = {LAYER_OWED, probe_mount_namespace, NULL},
	[LAYER_PID_NAMESPACE] = {LAYER_ALWAYS, probe_pid_namespace, NULL},
	[LAYER_IPC_NAMESPACE] = {LAYER_ALWAYS, probe_ipc_namespace, NULL},
	[LAYER_UTS_NAMESPACE] = {LAYER_ALWAYS, probe_uts_namespace, NULL},
	[LAYER_NET_NAMESPACE] = {LAYER_WITHOUT_NET, probe_net_namespace, NULL},
	[LAYER_CGROUP_NAMESPACE] = {LAYER_ALWAYS, probe_cgroup_namespace, NULL},
	[LAYER_ROOT] = {LAYER_WITHOUT_FS, probe_root, NULL},
	[LAYER_CAPABILITIES] = {LAYER_ALWAYS, probe_capabilities, NULL},
	[LAYER_NO_NEW_PRIVS] = {LAYER_ALWAYS, probe_no_new_privs, NULL},
	[LAYER_RLIMITS] = {LAYER_ALWAYS, probe_rlimits, NULL},
	[LAYER_LANDLOCK] = {LAYER_ALWAYS, probe_landlock, "the kernel needs Landlock among its security modules (lsm=)"},
	[LAYER_SECCOMP] = {LAYER_ALWAYS, probe_seccomp, NULL},
	[LAYER_CGROUP_MEMORY] = {LAYER_ALWAYS, probe_cgroup_memory, NULL},
	[LAYER_CGROUP_PIDS] = {LAYER_ALWAYS, probe_cgroup_pids, NULL},
	[LAYER_CGROUP_CPU] = {LAYER_ALWAYS, probe_cgroup_cpu, NULL},
};

#define LAYERS_OF_CGROUP (LAYER_BIT(LAYER_CGROUP_MEMORY) | LAYER_BIT(LAYER_CGROUP_PIDS) | LAYER_BIT(LAYER_CGROUP_CPU))

static int
launcher_layer_try(const Launcher *launcher, int layer)
{
	int status;
	pid_t child = fork();

	if (child < 0)
		return errno;
	if (child == 0)
	{
		alarm(PROBE_SECONDS);
		_exit(-launcher_layers[layer].probe(launcher));
	}
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : ETIMEDOUT;
}

static void
launcher_layer_reason(const Launcher *launcher, int layer, char *text, size_t size)
{
	const char *hint = launcher_layers[layer].hint, *error = strerror(launcher->layer_errors[layer]);

	if ((LAYERS_OF_CGROUP & LAYER_BIT(layer)) != 0 && launcher->cgroup.why[0] != '\0')
		snprintf(text, size, "%s", launcher->cgroup.why);
	else
		snprintf(text, size, hint == NULL ? "%s" : "%s (%s)", error, hint);
}

void
launcher_layer_probe(Launcher *launcher)
{
	launcher->layers = 0;
	for (int layer = 0; layer < LAYER_COUNT; layer++)
	{
		ControlMessage message = {.kind = CONTROL_LAYER, .id = (uint64_t) layer};

		launcher->layer_errors[layer] = launcher_layer_try(launcher, layer);
		if (launcher->layer_errors[layer] == 0)
			launcher->layers |= LAYER_BIT(layer);
		else
			launcher_layer_reason(launcher, layer, message.text, sizeof(message.text));
		message.status = launcher->layer_errors[layer];
		launcher_scheduler_send(launcher, &message);
	}
}

static bool
launcher_layer_given(LayerForUntrusted rule, const PolicyPool *pool)
{
	const bool given[] = {
		[LAYER_ALWAYS] = true,
		[LAYER_OWED] = true,
		[LAYER_WITHOUT_NET] = pool->net == POLICY_REACH_NONE,
		[LAYER_WITHOUT_FS] = pool->fs == POLICY_REACH_NONE,
	};

	return given[rule];
}

static bool
launcher_layer_owed(LayerForUntrusted rule)
{
	return rule == LAYER_OWED || rule == LAYER_WITHOUT_NET || rule == LAYER_WITHOUT_FS;
}

uint32_t
launcher_layer_wanted(const PolicyPool *pool, bool trusted)
{
	uint32_t wanted = 0;

	for (int layer = 0; layer < LAYER_COUNT; layer++)
		if (trusted || launcher_layer_given(launcher_layers[layer].untrusted, pool))
			wanted |= LAYER_BIT(layer);
	return wanted;
}

uint32_t
launcher_layer_needed(const Launcher *launcher, const PolicyPool *pool, bool trusted)
{
	uint32_t needed = launcher->policy.require;

	for (int layer = 0; layer < LAYER_COUNT && !trusted; layer++)
		if (launcher_layer_owed(launcher_layers[layer].untrusted))
			needed |= LAYER_BIT(layer);
	return needed & launcher_layer_wanted(pool, trusted);
}

void
launcher_layer_describe(const Launcher *launcher, uint32_t missing, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (int layer = 0; layer < LAYER_COUNT && used < size; layer++)
	{
		char reason[384] = "not in force in the interpreter";

		if ((missing & LAYER_BIT(layer)) == 0)
			continue;
		if (launcher->layer_errors[layer] != 0)
			launcher_layer_reason(launcher, layer, reason, sizeof(reason));
		used +=
			(size_t) snprintf(text + used, size - used, "%s%s: %s", used > 0 ? "; " : "", layer_name(layer), reason);
	}
}
