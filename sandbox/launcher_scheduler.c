/*
 * launcher_scheduler.c - what the scheduler tells the launcher, and what it is told. Runs in the launcher.
 *
 * The socket is the launcher's leash: when the other end closes it, whyever, the launcher clears up and ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sandbox/launcher.h"
#include "sandbox/launcher_cause.h"
#include "sandbox/launcher_interpreter.h"
#include "sandbox/launcher_layer.h"
#include "sandbox/launcher_slice.h"
#include "sandbox/launcher_weight.h"
#include "sandbox/launcher_zygote.h"

/* A scheduler that does not read misses a message; the next ones are as good. */
void
launcher_scheduler_send(Launcher *launcher, const ControlMessage *message)
{
	int result = control_send(launcher->scheduler.fd, message, NULL, 0);

	if (result == -EAGAIN && !launcher->scheduler_is_deaf)
		launcher_log("the scheduler does not read its messages");
	launcher->scheduler_is_deaf = result == -EAGAIN;
}

/* The four lines of CONTROL_CONFIG, in their order. */
static int
scheduler_config_split(Launcher *launcher, char *text, char cgroup[CGROUP_PATH_SIZE])
{
	const struct
	{
		char *value;
		size_t size;
	} lines[] = {
		{cgroup, CGROUP_PATH_SIZE},
		{launcher->socket_path, sizeof(launcher->socket_path)},
		{launcher->data_directory, sizeof(launcher->data_directory)},
		{launcher->interpreter_path, sizeof(launcher->interpreter_path)},
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
	{
		char *end = text == NULL ? NULL : strchr(text, '\n');

		if (text == NULL)
			return -EPROTO;
		if (end != NULL)
			*end++ = '\0';
		if (snprintf(lines[i].value, lines[i].size, "%s", text) >= (int) lines[i].size)
			return -ENAMETOOLONG;
		text = end;
	}
	return launcher->data_directory[0] == '/' && launcher->interpreter_path[0] == '/' ? 0 : -EPROTO;
}

static int
scheduler_policy_read(int fd, char *text, size_t *length)
{
	ssize_t got = fd < 0 ? -1 : pread(fd, text, POLICY_TEXT_MAX + 1, 0);

	if (got < 0)
		return fd < 0 ? -EBADF : -errno;
	if (got > POLICY_TEXT_MAX)
		return -E2BIG;
	*length = (size_t) got;
	return 0;
}

/* The whole policy or nothing of it. Static: it is large. */
static int
scheduler_policy_parse(Launcher *launcher, uint64_t generation, int fd)
{
	static char text[POLICY_TEXT_MAX + 1];
	static Policy policy;
	PolicyError error = {0};
	size_t length = 0;
	int result = scheduler_policy_read(fd, text, &length);

	launcher->policy_generation = generation;
	if (result < 0)
	{
		launcher_log("could not read the policy: %s", strerror(-result));
		return result;
	}
	memset(&policy, 0, sizeof(policy));
	if (policy_parse(text, length, &policy, &error) != 0)
	{
		launcher_log("policy is not used: %d:%d: %s", error.line, error.column, error.message);
		return -EINVAL;
	}
	launcher->policy = policy;
	return 0;
}

static void
scheduler_node_limit(const Launcher *launcher)
{
	const Cgroup *cgroup = &launcher->cgroup;
	const CgroupLimits limits = {.memory = launcher->policy.node_memory > 0 ? launcher->policy.node_memory : -1};
	int result = cgroup->backend->group_make(cgroup, CGROUP_TOP, &(CgroupLimits){0});

	if (result == 0 && (cgroup->layers & LAYER_BIT(LAYER_CGROUP_MEMORY)) != 0)
		result = cgroup->backend->group_limit(cgroup, CGROUP_TOP, &limits);
	if (result < 0)
		launcher_log("could not cap the memory of all interpreters together: %s", strerror(-result));
}

#define HINT_COMMAND_SIZE 240

/* Commands of several lines are the doctor's to print. */
static void
scheduler_hint(const Launcher *launcher, int layer, char *text, size_t size)
{
	const LauncherCause *cause = launcher_cause_find(launcher, layer, NULL);
	char mend[CONTROL_TEXT_SIZE];

	text[0] = '\0';
	if (cause->mend == NULL)
		return;
	launcher_cause_word(launcher, cause->mend, layer, NULL, mend, sizeof(mend));
	if (strlen(mend) < HINT_COMMAND_SIZE && strchr(mend, '\n') == NULL)
		snprintf(text, size, "As root: %.240s", mend);
	else
		snprintf(text, size, "As root, for the commands that mend it: pybox doctor%s%.180s",
				 launcher->cgroup.name[0] == '\0' ? "" : " --cgroup /", launcher->cgroup.name);
}

void
launcher_scheduler_report(Launcher *launcher)
{
	for (int layer = 0; layer < LAYER_COUNT; layer++)
	{
		ControlMessage message = {
			.kind = CONTROL_LAYER, .id = (uint64_t) layer, .status = launcher->layer_errors[layer]};
		char reason[LAUNCHER_REASON_SIZE], hint[LAUNCHER_REASON_SIZE];

		if (message.status == 0)
			launcher_layer_detail(launcher, layer, message.text, sizeof(message.text));
		else
		{
			launcher_layer_reason(launcher, layer, reason, sizeof(reason));
			scheduler_hint(launcher, layer, hint, sizeof(hint));
			snprintf(message.text, sizeof(message.text), "%s\n%s", reason, hint);
		}
		launcher_scheduler_send(launcher, &message);
	}
}

/* Not the cgroups, which are chosen at the start: a limit that is tried leaves a line in the kernel's log. */
void
launcher_scheduler_renew(Launcher *launcher)
{
	launcher_layer_probe(launcher, LAYER_ALL & ~(LAYER_BIT(LAYER_CGROUP_MEMORY) | LAYER_BIT(LAYER_CGROUP_PIDS) |
												 LAYER_BIT(LAYER_CGROUP_CPU)));
	launcher_scheduler_report(launcher);
}

void
launcher_scheduler_apply(Launcher *launcher)
{
	scheduler_node_limit(launcher);
	zygote_reconcile(launcher);
	weight_apply(launcher);
	slice_apply(launcher);
}

static void
scheduler_policy(Launcher *launcher, const ControlMessage *message, int fd)
{
	if (scheduler_policy_parse(launcher, message->generation, fd) < 0)
		return;
	launcher_scheduler_renew(launcher);
	launcher_scheduler_apply(launcher);
}

static void
scheduler_usage(Launcher *launcher, const ControlMessage *message, int fd)
{
	ControlMessage answer = *message;

	(void) fd;
	interpreter_usages_read(launcher, &answer);
	launcher_scheduler_send(launcher, &answer);
}

static const struct
{
	uint32_t kind;
	void (*handle)(Launcher *launcher, const ControlMessage *message, int fd);
} scheduler_messages[] = {
	{CONTROL_POLICY, scheduler_policy},
	{CONTROL_USAGE, scheduler_usage},
};

/* Returns as control_receive; at most one descriptor is left, the others are closed. */
static int
scheduler_receive(Launcher *launcher, ControlMessage *message, int *fd)
{
	int fds[CONTROL_FDS_MAX], count;
	int result = control_receive(launcher->scheduler.fd, message, fds, &count);

	for (int i = 1; i < count; i++)
		close(fds[i]);
	*fd = fds[0];
	return result;
}

void
launcher_scheduler_ready(void *owner)
{
	Launcher *launcher = owner;
	ControlMessage message;
	int fd;
	int result = scheduler_receive(launcher, &message, &fd);

	for (size_t i = 0; i < sizeof(scheduler_messages) / sizeof(scheduler_messages[0]) && result == 1; i++)
		if (scheduler_messages[i].kind == message.kind)
			scheduler_messages[i].handle(launcher, &message, fd);
	if (fd >= 0)
		close(fd);
	if (result != 1 && result != -EAGAIN)
		launcher->stopping = true;
}

int
launcher_scheduler_read_config(Launcher *launcher)
{
	char cgroup[CGROUP_PATH_SIZE];
	ControlMessage message;
	int fd;
	int result = scheduler_receive(launcher, &message, &fd);

	if (fd >= 0)
		close(fd);
	if (result != 1 || message.kind != CONTROL_CONFIG)
		return result < 0 ? result : -EPROTO;
	result = scheduler_config_split(launcher, message.text, cgroup);
	if (result < 0)
		return result;
	cgroup_open(&launcher->cgroup, cgroup);
	result = scheduler_receive(launcher, &message, &fd);
	if (result == 1 && message.kind == CONTROL_POLICY)
		(void) scheduler_policy_parse(launcher, message.generation, fd);
	if (fd >= 0)
		close(fd);
	return result == 1 && message.kind == CONTROL_POLICY ? 0 : result < 0 ? result : -EPROTO;
}
