/*
 * seccomp_compile.c - turns a table of system calls into a filter program with libseccomp.
 *
 * DESIGN. libseccomp knows call numbers only up to its own release, so a few instructions stand before its program:
 * they kill for a foreign architecture and for x32, and give ENOSYS for every number that is newer than the tables.
 */
#include "sandbox/seccomp.h"

#include <errno.h>
#include <seccomp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/seccomp.h>

#define SECCOMP_NUMBER_LAST 450 /* the newest call that libseccomp 2.5.4 can name */
#define SECCOMP_X32_BIT UINT32_C(0x40000000)

static const uint32_t seccomp_actions[SECCOMP_ACTION_COUNT] = {
	[SECCOMP_ALLOW] = SCMP_ACT_ALLOW,
	[SECCOMP_EPERM] = SCMP_ACT_ERRNO(EPERM),
	[SECCOMP_ENOSYS] = SCMP_ACT_ERRNO(ENOSYS),
	[SECCOMP_KILL] = SCMP_ACT_KILL_PROCESS,
};

static int
seccomp_rule_put(scmp_filter_ctx filter, const SeccompRule *rule, SeccompAction action)
{
	struct scmp_arg_cmp tests[SECCOMP_TESTS_MAX];

	for (unsigned i = 0; i < rule->test_count; i++)
		tests[i] = (struct scmp_arg_cmp){.arg = rule->tests[i].argument,
										 .op = SCMP_CMP_MASKED_EQ,
										 .datum_a = rule->tests[i].mask,
										 .datum_b = rule->tests[i].value};
	return seccomp_rule_add_array(filter, seccomp_actions[action], rule->call, rule->test_count, tests);
}

/* A row that says what happens anyway is there for its reason; libseccomp would refuse it. */
static int
seccomp_rules_put(scmp_filter_ctx filter, const SeccompSet *set, unsigned options)
{
	int result = 0;

	for (size_t i = 0; i < *set->count && result == 0; i++)
		if (set->rules[i].action != set->otherwise && (set->rules[i].options & ~options) == 0)
			result = seccomp_rule_put(filter, &set->rules[i], set->rules[i].action);
	for (size_t i = 0; i < seccomp_forbidden_count && result == 0; i++)
		if (set->forbidden != set->otherwise && (seccomp_forbidden[i].options & ~options) == 0)
			result = seccomp_rule_put(filter, &seccomp_forbidden[i], set->forbidden);
	return result;
}

static int
seccomp_prologue(struct sock_filter *program)
{
	const struct sock_filter prologue[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, seccomp_arch_native(), 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, SECCOMP_X32_BIT, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, SECCOMP_NUMBER_LAST, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
	};

	memcpy(program, prologue, sizeof(prologue));
	return (int) (sizeof(prologue) / sizeof(prologue[0]));
}

/* libseccomp 2.5 writes a finished program to a descriptor only. */
static int
seccomp_export(scmp_filter_ctx filter, struct sock_filter *program, size_t room)
{
	int memory = memfd_create("pybox-seccomp", MFD_CLOEXEC);
	int result = memory < 0 ? -errno : seccomp_export_bpf(filter, memory);
	off_t size = result == 0 ? lseek(memory, 0, SEEK_END) : 0;

	if (result == 0 && (size < 0 || (size_t) size > room * sizeof(*program)))
		result = -E2BIG;
	if (result == 0 && pread(memory, program, (size_t) size, 0) != size)
		result = -EIO;
	if (memory >= 0)
		close(memory);
	return result < 0 ? result : (int) ((size_t) size / sizeof(*program));
}

int
seccomp_compile(const SeccompSet *set, unsigned options, struct sock_filter *program, size_t room)
{
	scmp_filter_ctx filter = seccomp_init(seccomp_actions[set->otherwise]);
	int before, result;

	if (filter == NULL)
		return -ENOMEM;
	if (room < 16)
	{
		seccomp_release(filter);
		return -E2BIG;
	}
	result = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (result == 0)
		result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (result == 0)
		result = seccomp_rules_put(filter, set, options);
	before = seccomp_prologue(program);
	if (result == 0)
		result = seccomp_export(filter, program + before, room - (size_t) before);
	seccomp_release(filter);
	return result < 0 ? result : before + result;
}
