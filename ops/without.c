/*
 * without.c - runs a program as on a machine that lacks a layer of the sandbox, or whose kernel says that it has it and
 * does nothing: without LAYER[,LAYER...] PROGRAM [ARGUMENT...]. For tests and demonstrations.
 *
 * DESIGN. A seccomp filter lets the system calls behind the layer fail, for the program and all that it starts; the
 * sandbox's own filters come on top. What a filter cannot see are clone3's arguments: who trusts its own probes never
 * asks clone3 for what unshare has refused. no_new_privs is set in any case, since a filter takes it. cgroups are taken
 * away by the server's own settings.
 */
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define EXIT_USAGE 2
#define EXIT_NO_PROGRAM 127
#define LIES 0 /* the call returns 0 and has done nothing */

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
	{"no_new_privs_lies", SCMP_SYS(prctl), LIES, IS, 0, PR_SET_NO_NEW_PRIVS},
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

	return seccomp_rule_add_array(filter, SCMP_ACT_ERRNO((uint16_t) without_rules[rule].error),
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
	result = seccomp_load(filter);
	if (result < 0)
	{
		fprintf(stderr, "without: cannot load the filter: %s\n", strerror(-result));
		return EXIT_FAILURE;
	}
	execvp(arguments[2], &arguments[2]);
	fprintf(stderr, "without: %s: %s\n", arguments[2], strerror(errno));
	return EXIT_NO_PROGRAM;
}
