/*
 * without.c - runs a program as on a machine that lacks a layer of the sandbox, or whose kernel says that it has it and
 * does nothing: without LAYER[,LAYER...] PROGRAM [ARGUMENT...]. For tests and demonstrations.
 *
 * DESIGN. A seccomp filter lets the system calls behind the layer fail, for the program and all that it starts; the
 * sandbox's own filters come on top. What a filter cannot see are clone3's arguments: who trusts its own probes never
 * asks clone3 for what unshare has refused. no_new_privs is set in any case, since a filter takes it. cgroups are taken
 * away by the server's own settings. For older Landlocks the kernel asks a process of ours, which looks at what is asked
 * for and answers as that version would; it ends with the last process under the filter.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <poll.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_USAGE 2
#define EXIT_NO_PROGRAM 127
#define ASKS (-1) /* landlock_create_ruleset goes to landlock_serve(), value is the version */
#define LIES 0	  /* the call returns 0 and has done nothing */

typedef enum Argument
{
	ANY, /* whatever the arguments are */
	HAS, /* an argument has these bits */
	IS,
	IS_NOT,
} Argument;

static const struct
{
	const char *layer;
	int call, error;
	Argument argument;
	unsigned index;
	uint64_t value;
} without_rules[] = {
	{"user_namespace", SCMP_SYS(unshare), EPERM, HAS, 0, CLONE_NEWUSER},
	{"mount_namespace", SCMP_SYS(unshare), EPERM, HAS, 0, CLONE_NEWNS},
	{"pid_namespace", SCMP_SYS(unshare), EPERM, HAS, 0, CLONE_NEWPID},
	{"ipc_namespace", SCMP_SYS(unshare), EPERM, HAS, 0, CLONE_NEWIPC},
	{"uts_namespace", SCMP_SYS(unshare), EPERM, HAS, 0, CLONE_NEWUTS},
	{"net_namespace", SCMP_SYS(unshare), EPERM, HAS, 0, CLONE_NEWNET},
	{"cgroup_namespace", SCMP_SYS(unshare), EPERM, HAS, 0, CLONE_NEWCGROUP},
	{"root", SCMP_SYS(pivot_root), EPERM, ANY, 0, 0},
	{"capabilities", SCMP_SYS(capset), EPERM, ANY, 0, 0},
	{"no_new_privs", SCMP_SYS(prctl), EINVAL, IS, 0, PR_SET_NO_NEW_PRIVS},
	{"rlimits", SCMP_SYS(prlimit64), EPERM, IS_NOT, 2, 0},
	{"rlimits", SCMP_SYS(setrlimit), EPERM, ANY, 0, 0},
	{"landlock", SCMP_SYS(landlock_create_ruleset), ENOSYS, ANY, 0, 0},
	{"landlock", SCMP_SYS(landlock_restrict_self), ENOSYS, ANY, 0, 0},
	{"seccomp", SCMP_SYS(seccomp), EINVAL, ANY, 0, 0},
	{"seccomp", SCMP_SYS(prctl), EINVAL, IS, 0, PR_SET_SECCOMP},
	/* As a kernel of these days would. */
	{"landlock_1", SCMP_SYS(landlock_create_ruleset), ASKS, ANY, 0, 1},
	{"landlock_2", SCMP_SYS(landlock_create_ruleset), ASKS, ANY, 0, 2},
	{"landlock_3", SCMP_SYS(landlock_create_ruleset), ASKS, ANY, 0, 3},
	{"landlock_4", SCMP_SYS(landlock_create_ruleset), ASKS, ANY, 0, 4},
	{"landlock_5", SCMP_SYS(landlock_create_ruleset), ASKS, ANY, 0, 5},
	/* systemd's MemoryDenyWriteExecute=, or SELinux without execmem. */
	{"write_exec", SCMP_SYS(mmap), EPERM, HAS, 2, PROT_WRITE | PROT_EXEC},
	/* A container's own filter, which knows no namespaces and no mounts. */
	{"mounts", SCMP_SYS(mount), EPERM, ANY, 0, 0},
	/* Kernels that lie. */
	{"mount_namespace_lies", SCMP_SYS(mount), LIES, ANY, 0, 0},
	{"pid_namespace_lies", SCMP_SYS(unshare), LIES, HAS, 0, CLONE_NEWPID},
	{"ipc_namespace_lies", SCMP_SYS(unshare), LIES, HAS, 0, CLONE_NEWIPC},
	{"uts_namespace_lies", SCMP_SYS(sethostname), LIES, ANY, 0, 0},
	{"net_namespace_lies", SCMP_SYS(unshare), LIES, HAS, 0, CLONE_NEWNET},
	{"cgroup_namespace_lies", SCMP_SYS(unshare), LIES, HAS, 0, CLONE_NEWCGROUP},
	{"user_namespace_lies", SCMP_SYS(unshare), LIES, HAS, 0, CLONE_NEWUSER},
	{"root_lies", SCMP_SYS(pivot_root), LIES, ANY, 0, 0},
	{"root_lies", SCMP_SYS(umount2), LIES, ANY, 0, 0},
	{"read_only_lies", SCMP_SYS(mount_setattr), LIES, ANY, 0, 0},
	{"capabilities_lies", SCMP_SYS(capset), LIES, ANY, 0, 0},
	{"rlimits_lies", SCMP_SYS(prlimit64), LIES, IS_NOT, 2, 0},
	{"rlimits_lies", SCMP_SYS(setrlimit), LIES, ANY, 0, 0},
	{"landlock_lies", SCMP_SYS(landlock_restrict_self), LIES, ANY, 0, 0},
	{"seccomp_lies", SCMP_SYS(seccomp), LIES, ANY, 0, 0},
	{"close_range_lies", SCMP_SYS(close_range), LIES, ANY, 0, 0},
	{"dumpable_lies", SCMP_SYS(prctl), LIES, IS, 0, PR_SET_DUMPABLE},
};

#define RULES (sizeof(without_rules) / sizeof(without_rules[0]))

static int
without_usage(FILE *file, int status)
{
	fputs(
		"usage: without LAYER[,LAYER...] PROGRAM [ARGUMENT...]\n\nruns PROGRAM as on a machine without these layers:\n",
		file);
	for (size_t i = 0; i < RULES; i++)
		if (i == 0 || strcmp(without_rules[i].layer, without_rules[i - 1].layer) != 0)
			fprintf(file, "  %s\n", without_rules[i].layer);
	return status;
}

/* What each version of Landlock knows: bits of files, net and scope, and the bytes that hold them. */
typedef struct LandlockAsked
{
	uint64_t known[3];
	size_t size;
} LandlockAsked;

static const LandlockAsked landlock_versions[] = {
	[1] = {{(1 << 13) - 1, 0, 0}, 8},  [2] = {{(1 << 14) - 1, 0, 0}, 8},  [3] = {{(1 << 15) - 1, 0, 0}, 8},
	[4] = {{(1 << 15) - 1, 3, 0}, 16}, [5] = {{(1 << 16) - 1, 3, 0}, 16},
};

static uint64_t landlock_asked; /* the version to pretend, 0: none */

/* 0: let the kernel do it; else the error of a kernel that knows less. */
static int
landlock_judge(const struct seccomp_notif *call)
{
	const LandlockAsked *version = &landlock_versions[landlock_asked];
	uint64_t attr[3] = {0};
	struct iovec here = {attr, call->data.args[1] < sizeof(attr) ? call->data.args[1] : sizeof(attr)};
	struct iovec there = {(void *) (uintptr_t) call->data.args[0], here.iov_len};

	if (process_vm_readv((pid_t) call->pid, &here, 1, &there, 1, 0) != (ssize_t) here.iov_len)
		return -errno;
	for (size_t i = 0; i < 3; i++)
		if ((attr[i] & ~version->known[i]) != 0)
			return i * sizeof(attr[0]) < version->size ? -EINVAL : -E2BIG;
	return 0;
}

static void __attribute__((noreturn)) landlock_serve(int listener)
{
	struct seccomp_notif *call;
	struct seccomp_notif_resp *answer;
	struct pollfd users = {.fd = listener, .events = POLLIN};

	if (seccomp_notify_alloc(&call, &answer) < 0)
		_exit(EXIT_FAILURE);
	/* Hung up: nobody is left under the filter. Who asked may have died meanwhile. */
	while (poll(&users, 1, -1) >= 0 && (users.revents & POLLHUP) == 0)
	{
		memset(call, 0, sizeof(*call));
		if (seccomp_notify_receive(listener, call) < 0)
			continue;
		memset(answer, 0, sizeof(*answer));
		answer->id = call->id;
		if ((call->data.args[2] & LANDLOCK_CREATE_RULESET_VERSION) != 0)
			answer->val = (int64_t) landlock_asked;
		else
			answer->error = landlock_judge(call);
		if (answer->error == 0 && answer->val == 0)
			answer->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		(void) seccomp_notify_respond(listener, answer);
	}
	_exit(EXIT_SUCCESS);
}

/* The listener's number as a message; the descriptor itself goes along. */
static union
{
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int))];
} descriptor_room;

static struct msghdr
descriptor_message(void)
{
	static char byte;
	static struct iovec one = {&byte, 1};

	return (struct msghdr){.msg_iov = &one,
						   .msg_iovlen = 1,
						   .msg_control = descriptor_room.bytes,
						   .msg_controllen = sizeof(descriptor_room.bytes)};
}

static int
descriptor_send(int socket, int fd)
{
	struct msghdr message = descriptor_message();
	struct cmsghdr *part = CMSG_FIRSTHDR(&message);

	part->cmsg_level = SOL_SOCKET;
	part->cmsg_type = SCM_RIGHTS;
	part->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(part), &fd, sizeof(int));
	return sendmsg(socket, &message, 0) == 1 ? 0 : -errno;
}

static int
descriptor_receive(int socket)
{
	struct msghdr message = descriptor_message();
	int fd;

	if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != 1 || CMSG_FIRSTHDR(&message) == NULL)
		return -1;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));
	return fd;
}

/* A grandchild, so that the program does not meet a child it knows nothing of; it is not under the filter. */
static int
landlock_server_start(void)
{
	int sockets[2];
	pid_t child;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
		return -errno;
	child = fork();
	if (child == 0 && fork() == 0)
	{
		int null = open("/dev/null", O_RDWR), listener;

		for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
			dup2(null, fd);
		(void) setsid();
		close(sockets[0]);
		listener = descriptor_receive(sockets[1]);
		close(sockets[1]);
		if (listener >= 0)
			landlock_serve(listener);
		_exit(EXIT_FAILURE);
	}
	if (child == 0)
		_exit(EXIT_SUCCESS);
	close(sockets[1]);
	return child < 0 || waitpid(child, NULL, 0) != child ? -errno : sockets[0];
}

static int
without_rule_add(scmp_filter_ctx filter, size_t rule)
{
	const uint64_t value = without_rules[rule].value;
	const unsigned index = without_rules[rule].index;
	const struct scmp_arg_cmp compare[] = {
		[ANY] = {0},
		[HAS] = SCMP_CMP64(index, SCMP_CMP_MASKED_EQ, value, value),
		[IS] = SCMP_CMP64(index, SCMP_CMP_EQ, value),
		[IS_NOT] = SCMP_CMP64(index, SCMP_CMP_NE, value),
	};
	const Argument argument = without_rules[rule].argument;

	if (without_rules[rule].error == ASKS)
		landlock_asked = value;
	return seccomp_rule_add_array(
		filter,
		without_rules[rule].error == ASKS ? SCMP_ACT_NOTIFY : SCMP_ACT_ERRNO((uint16_t) without_rules[rule].error),
		without_rules[rule].call, argument == ANY ? 0 : 1, &compare[argument]);
}

static int
without_layer_add(scmp_filter_ctx filter, const char *layer)
{
	int result = -ENOENT;

	for (size_t i = 0; i < RULES; i++)
		if (strcmp(without_rules[i].layer, layer) == 0)
		{
			result = without_rule_add(filter, i);
			if (result < 0)
				break;
		}
	return result;
}

static int
without_layers_add(scmp_filter_ctx filter, char *layers)
{
	for (char *layer = strtok(layers, ","); layer != NULL; layer = strtok(NULL, ","))
	{
		int result = without_layer_add(filter, layer);

		if (result < 0)
		{
			fprintf(stderr, "without: layer \"%s\": %s\n", layer, strerror(-result));
			return result;
		}
	}
	return 0;
}

static int
without_load(scmp_filter_ctx filter)
{
	int server = landlock_asked == 0 ? 0 : landlock_server_start();
	int result = server < 0 ? server : seccomp_load(filter);

	if (landlock_asked == 0 || result < 0)
		return result;
	result = descriptor_send(server, seccomp_notify_fd(filter));
	close(server);
	close(seccomp_notify_fd(filter));
	return result;
}

int
main(int count, char **arguments)
{
	scmp_filter_ctx filter;
	int result;

	if (count == 2 && strcmp(arguments[1], "--help") == 0)
		return without_usage(stdout, EXIT_SUCCESS);
	if (count < 3)
		return without_usage(stderr, EXIT_USAGE);
	filter = seccomp_init(SCMP_ACT_ALLOW);
	if (filter == NULL)
		return EXIT_FAILURE;
	if (without_layers_add(filter, arguments[1]) < 0)
		return EXIT_USAGE;
	result = without_load(filter);
	if (result < 0)
	{
		fprintf(stderr, "without: cannot load the filter: %s\n", strerror(-result));
		return EXIT_FAILURE;
	}
	execvp(arguments[2], &arguments[2]);
	fprintf(stderr, "without: %s: %s\n", arguments[2], strerror(errno));
	return EXIT_NO_PROGRAM;
}
