/*
 * seccomp_test.c - the lists of system calls and the filter programs made of them.
 *
 * The programs are run on made-up calls by a small evaluator, as the kernel would: whole lists become visible without a
 * process that dies. What a kernel makes of them, t/041_sweep.pl tries.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>

#include "sandbox/lockdown.h"
#include "sandbox/seccomp.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define KILL SECCOMP_RET_KILL_PROCESS
#define ALLOW SECCOMP_RET_ALLOW
#define NO_PERM (SECCOMP_RET_ERRNO | EPERM)
#define NO_CALL (SECCOMP_RET_ERRNO | ENOSYS)
#define THREAD_FLAGS UINT64_C(0x3d0f00)
#define HIGH (UINT64_C(1) << 32)

static const SeccompSet *const sets[] = {&seccomp_zygote, &seccomp_trusted, &seccomp_untrusted};
static const unsigned option_sets[] = {SECCOMP_WHEN_NO_TMP,
									   SECCOMP_WHEN_NO_TMP | SECCOMP_WHEN_WRITING,
									   SECCOMP_WHEN_TMP | SECCOMP_WHEN_WRITING,
									   SECCOMP_WHEN_NO_TMP | SECCOMP_WHEN_NO_NET,
									   SECCOMP_WHEN_NO_TMP | SECCOMP_WHEN_WRITING | SECCOMP_WHEN_NO_NET,
									   SECCOMP_WHEN_TMP | SECCOMP_WHEN_WRITING | SECCOMP_WHEN_NO_NET};

static void
seccomp_rule_check(const SeccompRule *rule)
{
	assert_true(rule->reason[0] != '\0');
	assert_true(rule->line > 0);
	assert_true(rule->test_count <= SECCOMP_TESTS_MAX);
	for (unsigned i = 0; i < rule->test_count; i++)
	{
		assert_true(rule->tests[i].argument < 6);
		/* A bit outside the mask could never be equal; a test of nothing is none. */
		assert_int_equal(rule->tests[i].value & ~rule->tests[i].mask, 0);
		assert_int_not_equal(rule->tests[i].mask, 0);
		if (rule->tests[i].width == SECCOMP_INT)
			assert_int_equal(rule->tests[i].mask >> 32, 0);
	}
}

static void
seccomp_tables_are_well_formed(void **state)
{
	(void) state;
	for (size_t i = 0; i < seccomp_forbidden_count; i++)
	{
		seccomp_rule_check(&seccomp_forbidden[i]);
		assert_int_equal(seccomp_forbidden[i].test_count, 0);
	}
	for (size_t i = 0; i < COUNT(sets); i++)
		for (size_t row = 0; row < *sets[i]->count; row++)
		{
			const SeccompRule *rule = &sets[i]->rules[row];

			seccomp_rule_check(rule);
			for (size_t other = 0; other < row; other++)
			{
				const SeccompRule *before = &sets[i]->rules[other];

				/* Two rows of one call differ in what they test or in when they count. */
				if (before->call == rule->call && (before->test_count == 0 || rule->test_count == 0))
					assert_int_not_equal(rule->options | before->options, 0);
			}
			for (size_t other = 0; other < seccomp_forbidden_count; other++)
				assert_int_not_equal(seccomp_forbidden[other].call, rule->call);
		}
}

/* Runs a classic BPF program as far as libseccomp uses it. */
static uint32_t
filter_run(const struct sock_filter *program, int length, const struct seccomp_data *data)
{
	uint32_t a = 0;

	for (int at = 0; at < length; at++)
	{
		const struct sock_filter *op = &program[at];

		switch (op->code)
		{
			case BPF_LD | BPF_W | BPF_ABS:
				memcpy(&a, (const char *) data + op->k, sizeof(a));
				break;
			case BPF_ALU | BPF_AND | BPF_K:
				a &= op->k;
				break;
			case BPF_JMP | BPF_JA:
				at += (int) op->k;
				break;
			case BPF_JMP | BPF_JEQ | BPF_K:
				at += a == op->k ? op->jt : op->jf;
				break;
			case BPF_JMP | BPF_JGT | BPF_K:
				at += a > op->k ? op->jt : op->jf;
				break;
			case BPF_JMP | BPF_JGE | BPF_K:
				at += a >= op->k ? op->jt : op->jf;
				break;
			case BPF_RET | BPF_K:
				return op->k;
			default:
				fail_msg("instruction 0x%x is not known", op->code);
		}
	}
	fail_msg("the program has no end");
	return 0;
}

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#else
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#endif

static const struct
{
	const SeccompSet *set;
	unsigned options;
	int call;
	uint64_t arguments[6];
	uint32_t expected;
} seccomp_cases[] = {
	{&seccomp_trusted, 0, SYS_read, {0}, ALLOW},
	{&seccomp_trusted, 0, SYS_socket, {AF_UNIX}, NO_PERM},
	{&seccomp_trusted, 0, SYS_execve, {0}, NO_PERM},
	{&seccomp_trusted, 0, SYS_kill, {1, SIGKILL}, NO_PERM},
	{&seccomp_trusted, 0, SYS_ptrace, {0}, KILL},
	{&seccomp_trusted, SECCOMP_WHEN_TMP | SECCOMP_WHEN_WRITING, SYS_mount, {0}, KILL},
	{&seccomp_trusted, 0, SYS_io_uring_setup, {0}, KILL},
	{&seccomp_trusted, 0, SYS_clone3, {0}, NO_CALL},
	{&seccomp_trusted, 0, SYS_clone, {THREAD_FLAGS}, ALLOW},
	{&seccomp_trusted, 0, SYS_clone, {SIGCHLD}, NO_PERM},
	{&seccomp_trusted, 0, SYS_clone, {THREAD_FLAGS | CLONE_NEWUSER}, NO_PERM},
	{&seccomp_trusted, 0, SYS_tgkill, {SECCOMP_SELF, 2, SIGABRT}, ALLOW},
	{&seccomp_trusted, 0, SYS_tgkill, {1, 1, SIGKILL}, NO_PERM},
	{&seccomp_trusted, SECCOMP_WHEN_NO_TMP, SYS_openat, {0, 0, O_RDONLY | O_CLOEXEC}, ALLOW},
	{&seccomp_trusted, SECCOMP_WHEN_NO_TMP, SYS_openat, {0, 0, O_RDONLY | O_DIRECTORY}, ALLOW},
	{&seccomp_trusted, SECCOMP_WHEN_NO_TMP, SYS_openat, {0, 0, O_WRONLY}, NO_PERM},
	{&seccomp_trusted, SECCOMP_WHEN_NO_TMP, SYS_openat, {0, 0, O_RDWR}, NO_PERM},
	{&seccomp_trusted, SECCOMP_WHEN_NO_TMP, SYS_openat, {0, 0, O_RDONLY | O_CREAT}, NO_PERM},
	{&seccomp_trusted, SECCOMP_WHEN_NO_TMP, SYS_openat, {0, 0, O_RDONLY | O_TRUNC}, NO_PERM},
	{&seccomp_trusted, SECCOMP_WHEN_NO_TMP, SYS_openat, {0, 0, O_TMPFILE}, NO_PERM},
	{&seccomp_trusted, SECCOMP_WHEN_NO_TMP, SYS_openat, {0, 0, O_RDONLY | O_APPEND}, NO_PERM},
	{&seccomp_trusted, SECCOMP_WHEN_TMP | SECCOMP_WHEN_WRITING, SYS_openat, {0, 0, O_WRONLY | O_CREAT}, ALLOW},
	{&seccomp_trusted, SECCOMP_WHEN_NO_TMP, SYS_unlinkat, {0}, NO_PERM},
	{&seccomp_trusted, SECCOMP_WHEN_TMP | SECCOMP_WHEN_WRITING, SYS_unlinkat, {0}, ALLOW},
	{&seccomp_trusted, 0, SYS_sendto, {3, 0, 1, 0, 0, 0}, ALLOW},
	{&seccomp_trusted, 0, SYS_sendto, {3, 0, 1, 0, 4096, 16}, NO_PERM},
	{&seccomp_trusted, 0, SYS_sendto, {3, 0, 1, 0, UINT64_C(1) << 32, 16}, NO_PERM},
	{&seccomp_trusted, 0, SYS_prctl, {PR_SET_NAME}, ALLOW},
	{&seccomp_trusted, 0, SYS_prctl, {PR_SET_PDEATHSIG}, NO_PERM},
	{&seccomp_trusted, 0, SYS_prlimit64, {0, 0, 0, 1}, ALLOW},
	{&seccomp_trusted, 0, SYS_prlimit64, {0, 0, 1, 0}, NO_PERM},
	{&seccomp_trusted, 0, SYS_fcntl, {3, F_GETFL}, ALLOW},
	{&seccomp_trusted, 0, SYS_fcntl, {3, F_SETOWN, 1}, NO_PERM},
	{&seccomp_trusted, 0, 451, {0}, NO_CALL},
	{&seccomp_trusted, 0, 0x3fffffff, {0}, NO_CALL},
	{&seccomp_trusted, 0, 0x40000000, {0}, KILL},
	{&seccomp_trusted, SECCOMP_WHEN_NO_TMP, SYS_openat, {0, 0, O_PATH}, NO_PERM},
	{&seccomp_trusted, SECCOMP_WHEN_NO_TMP, SYS_openat, {0, 0, O_NOATIME}, NO_PERM},
	{&seccomp_trusted, SECCOMP_WHEN_NO_TMP, SYS_openat, {0, 0, O_RDONLY | O_ASYNC}, NO_PERM},
	/* The kernel takes an int: the high half changes nothing, either way. */
	{&seccomp_trusted, SECCOMP_WHEN_NO_TMP, SYS_openat, {0, 0, HIGH | O_RDONLY}, ALLOW},
	{&seccomp_trusted, SECCOMP_WHEN_NO_TMP, SYS_openat, {0, 0, HIGH | O_WRONLY}, NO_PERM},
	{&seccomp_trusted, SECCOMP_WHEN_WRITING, SYS_openat, {0, 0, O_WRONLY | O_CREAT | O_TRUNC}, ALLOW},
	{&seccomp_trusted, SECCOMP_WHEN_WRITING, SYS_openat, {0, 0, O_TMPFILE | O_RDWR}, NO_PERM},
	{&seccomp_trusted, SECCOMP_WHEN_WRITING, SYS_openat, {0, 0, O_PATH}, NO_PERM},
	{&seccomp_trusted, SECCOMP_WHEN_WRITING, SYS_unlink, {0}, NO_PERM},
	{&seccomp_trusted, SECCOMP_WHEN_TMP, SYS_openat, {0, 0, O_TMPFILE | O_RDWR}, ALLOW},
	{&seccomp_trusted, SECCOMP_WHEN_TMP, SYS_openat, {0, 0, O_PATH}, NO_PERM},
	{&seccomp_trusted, SECCOMP_WHEN_TMP, SYS_openat, {0, 0, O_RDWR | O_DIRECT}, NO_PERM},
	{&seccomp_trusted, 0, SYS_ioctl, {0, TIOCSTI}, NO_PERM},
	{&seccomp_trusted, 0, SYS_ioctl, {0, HIGH | TIOCSTI}, NO_PERM},
	{&seccomp_trusted, 0, SYS_tgkill, {HIGH | SECCOMP_SELF, 2, SIGABRT}, ALLOW},
	{&seccomp_trusted, 0, SYS_mmap, {0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS}, ALLOW},
	{&seccomp_trusted, 0, SYS_mmap, {0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, 5}, ALLOW},
	{&seccomp_trusted, 0, SYS_mmap, {0, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, 5}, NO_PERM},
	{&seccomp_trusted, 0, SYS_mmap, {0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS}, NO_PERM},
	{&seccomp_trusted, 0, SYS_mmap, {0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE, 5}, NO_PERM},
	{&seccomp_trusted, 0, SYS_mmap, {0, 4096, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS}, NO_PERM},
	{&seccomp_trusted, 0, SYS_mmap, {0, 4096, HIGH | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS}, NO_PERM},
	{&seccomp_trusted, 0, SYS_mmap, {0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB}, NO_PERM},
	{&seccomp_trusted, 0, SYS_mprotect, {0, 4096, PROT_READ | PROT_WRITE}, ALLOW},
	{&seccomp_trusted, 0, SYS_mprotect, {0, 4096, PROT_READ | PROT_EXEC}, NO_PERM},
	{&seccomp_trusted, 0, SYS_mprotect, {0, 4096, HIGH | PROT_EXEC}, NO_PERM},
	{&seccomp_trusted, 0, SYS_pkey_mprotect, {0, 4096, PROT_READ, 0}, NO_PERM},
	{&seccomp_trusted, 0, SYS_madvise, {0, 4096, MADV_DONTNEED}, ALLOW},
	{&seccomp_trusted, 0, SYS_madvise, {0, 4096, MADV_REMOVE}, NO_PERM},
	{&seccomp_trusted, 0, SYS_madvise, {0, 4096, HIGH | MADV_REMOVE}, NO_PERM},
	{&seccomp_trusted, 0, SYS_madvise, {0, 4096, MADV_MERGEABLE}, NO_PERM},
	{&seccomp_trusted, 0, SYS_futex, {0, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME}, ALLOW},
	{&seccomp_trusted, 0, SYS_futex, {0, FUTEX_WAKE_PRIVATE}, ALLOW},
	{&seccomp_trusted, 0, SYS_futex, {0, FUTEX_WAKE}, NO_PERM},
	{&seccomp_trusted, 0, SYS_futex, {0, FUTEX_CMP_REQUEUE_PI}, NO_PERM},
	{&seccomp_trusted, 0, SYS_futex, {0, HIGH | FUTEX_LOCK_PI}, NO_PERM},
	{&seccomp_trusted, 0, SYS_clone, {HIGH | THREAD_FLAGS}, NO_PERM},
	{&seccomp_trusted, 0, SYS_sendto, {3, 0, 1, MSG_NOSIGNAL | MSG_DONTWAIT, 0, 0}, ALLOW},
	{&seccomp_trusted, 0, SYS_sendto, {3, 0, 1, MSG_OOB, 0, 0}, NO_PERM},
	{&seccomp_trusted, 0, SYS_recvfrom, {3, 0, 1, MSG_PEEK, 0, 0}, NO_PERM},
	{&seccomp_trusted, 0, SYS_clock_gettime, {CLOCK_MONOTONIC}, ALLOW},
	{&seccomp_trusted, 0, SYS_clock_gettime, {(uint64_t) -6}, NO_PERM},
	{&seccomp_trusted, 0, SYS_prlimit64, {SECCOMP_SELF, 0, 0, 1}, ALLOW},
	{&seccomp_trusted, 0, SYS_prlimit64, {1, 0, 0, 1}, NO_PERM},
	{&seccomp_trusted, 0, SYS_prlimit64, {0, 0, HIGH, 0}, NO_PERM},
	{&seccomp_trusted, 0, SYS_preadv2, {0, 0, 0, 0, 0, 1}, NO_PERM},
	{&seccomp_zygote, SECCOMP_WHEN_NO_TMP, SYS_ioctl, {0, TIOCSTI}, NO_PERM},
	{&seccomp_zygote, SECCOMP_WHEN_NO_TMP, SYS_ioctl, {0, HIGH | TIOCSTI}, NO_PERM},
	{&seccomp_zygote, SECCOMP_WHEN_NO_TMP, SYS_socket, {HIGH | AF_ALG}, NO_PERM},
	{&seccomp_zygote, SECCOMP_WHEN_NO_TMP, SYS_socket, {AF_INET}, ALLOW},
	{&seccomp_zygote, SECCOMP_WHEN_NO_TMP, SYS_clone, {HIGH | CLONE_NEWUSER}, NO_PERM},
	{&seccomp_zygote, SECCOMP_WHEN_NO_TMP, SYS_mmap, {0, 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB}, NO_PERM},
	{&seccomp_zygote, SECCOMP_WHEN_NO_TMP, SYS_personality, {0xffffffff}, NO_PERM},
	{&seccomp_zygote, SECCOMP_WHEN_NO_TMP, SYS_execve, {0}, ALLOW},
	{&seccomp_zygote, SECCOMP_WHEN_NO_TMP, SYS_ptrace, {0}, NO_PERM},
	{&seccomp_zygote, SECCOMP_WHEN_NO_TMP, SYS_mount, {0}, NO_PERM},
	{&seccomp_zygote, SECCOMP_WHEN_TMP | SECCOMP_WHEN_WRITING, SYS_mount, {0}, ALLOW},
	{&seccomp_zygote, SECCOMP_WHEN_NO_TMP, SYS_unshare, {CLONE_NEWNS}, NO_PERM},
	{&seccomp_zygote, SECCOMP_WHEN_NO_TMP, SYS_unshare, {CLONE_THREAD}, ALLOW},
	{&seccomp_zygote, SECCOMP_WHEN_TMP | SECCOMP_WHEN_WRITING, SYS_unshare, {CLONE_NEWNS}, ALLOW},
	{&seccomp_zygote, SECCOMP_WHEN_TMP | SECCOMP_WHEN_WRITING, SYS_unshare, {CLONE_NEWNS | CLONE_NEWUSER}, NO_PERM},
	{&seccomp_zygote, SECCOMP_WHEN_NO_TMP, SYS_clone, {SIGCHLD}, ALLOW},
	{&seccomp_zygote, SECCOMP_WHEN_NO_TMP, SYS_clone, {SIGCHLD | CLONE_NEWUSER}, NO_PERM},
	{&seccomp_zygote, SECCOMP_WHEN_NO_TMP, SYS_socket, {0}, ALLOW},
	{&seccomp_zygote, SECCOMP_WHEN_NO_TMP | SECCOMP_WHEN_NO_NET, SYS_socket, {0}, NO_PERM},
	{&seccomp_zygote, SECCOMP_WHEN_NO_TMP, 451, {0}, NO_CALL},
	{&seccomp_untrusted, SECCOMP_WHEN_NO_TMP, SYS_execve, {0}, ALLOW},
	{&seccomp_untrusted, SECCOMP_WHEN_NO_TMP, SYS_socket, {0}, ALLOW},
	{&seccomp_untrusted, SECCOMP_WHEN_NO_TMP, SYS_unshare, {0}, NO_PERM},
	{&seccomp_untrusted, SECCOMP_WHEN_NO_TMP, SYS_mount, {0}, KILL},
	{&seccomp_untrusted, SECCOMP_WHEN_NO_TMP, SYS_bpf, {0}, KILL},
	{&seccomp_untrusted, SECCOMP_WHEN_NO_TMP, SYS_keyctl, {0}, KILL},
	{&seccomp_untrusted, SECCOMP_WHEN_NO_TMP, 460, {0}, NO_CALL},
};

static void
seccomp_programs_decide(void **state)
{
	static struct sock_filter program[LOCKDOWN_FILTER_MAX];

	(void) state;
	for (size_t i = 0; i < COUNT(seccomp_cases); i++)
	{
		struct seccomp_data data = {.nr = seccomp_cases[i].call, .arch = NATIVE_ARCH};
		int length = seccomp_compile(seccomp_cases[i].set, seccomp_cases[i].options, program, LOCKDOWN_FILTER_MAX);
		uint32_t action;

		assert_true(length > 0);
		memcpy(data.args, seccomp_cases[i].arguments, sizeof(data.args));
		action = filter_run(program, length, &data);
		if (action != seccomp_cases[i].expected)
			fail_msg("case %zu: %s, call %d: 0x%x instead of 0x%x", i, seccomp_cases[i].set->name,
					 seccomp_cases[i].call, action, seccomp_cases[i].expected);
		data.arch = AUDIT_ARCH_I386;
		assert_int_equal(filter_run(program, length, &data), KILL);
	}
}

/* --- every number with every argument that could make a difference: program and table agree --- */

static bool
rule_matches(const SeccompRule *rule, unsigned options, const struct seccomp_data *data)
{
	if (rule->call != data->nr || (rule->options & ~options) != 0)
		return false;
	for (unsigned i = 0; i < rule->test_count; i++)
		if ((data->args[rule->tests[i].argument] & rule->tests[i].mask) != rule->tests[i].value)
			return false;
	return true;
}

/* What the list says, read as a person reads it. */
static uint32_t
list_decide(const SeccompSet *set, unsigned options, const struct seccomp_data *data)
{
	static const uint32_t actions[] = {
		[SECCOMP_ALLOW] = ALLOW, [SECCOMP_EPERM] = NO_PERM, [SECCOMP_ENOSYS] = NO_CALL, [SECCOMP_KILL] = KILL};

	if (data->nr > 450)
		return NO_CALL;
	for (size_t i = 0; i < seccomp_forbidden_count; i++)
		if (seccomp_forbidden[i].call == data->nr)
			return actions[set->forbidden];
	for (size_t i = 0; i < *set->count; i++)
		if (set->rules[i].action != set->otherwise && rule_matches(&set->rules[i], options, data))
			return actions[set->rules[i].action];
	return actions[set->otherwise];
}

#define VALUES_MAX 400

typedef struct Values
{
	size_t count;
	uint64_t of[VALUES_MAX];
} Values;

static void
values_add(Values *values, uint64_t value)
{
	/* The high half is what a test of an int has to ignore, and one of a long must not. */
	static const uint64_t high[] = {0, UINT64_C(1) << 32, UINT64_C(1) << 63, UINT64_C(0xffffffff) << 32};

	for (size_t i = 0; i < COUNT(high); i++)
	{
		assert_true(values->count < VALUES_MAX);
		values->of[values->count++] = value ^ high[i];
	}
}

/* The edges of every test that the lists make of this argument of this call, whatever the options. */
static void
values_collect(const SeccompSet *set, int call, unsigned argument, Values *values)
{
	values->count = 0;
	values_add(values, 0);
	values_add(values, UINT32_MAX);
	for (size_t row = 0; row < *set->count; row++)
		for (unsigned i = 0; i < set->rules[row].test_count; i++)
		{
			const SeccompTest *test = &set->rules[row].tests[i];

			if (set->rules[row].call != call || test->argument != argument)
				continue;
			values_add(values, test->value);
			values_add(values, test->value | ~test->mask);
			values_add(values, test->value ^ (test->mask & -test->mask));
			values_add(values, test->value ^ (uint64_t) 1 << (63 - __builtin_clzll(test->mask)));
			values_add(values, test->value ^ 1);
		}
}

/* The two arguments that the rows of a call test, as far as there are such. */
static unsigned
tested_arguments(const SeccompSet *set, int call, unsigned arguments[6])
{
	bool tested[6] = {false};
	unsigned count = 0;

	for (size_t row = 0; row < *set->count; row++)
		for (unsigned i = 0; i < set->rules[row].test_count && set->rules[row].call == call; i++)
			tested[set->rules[row].tests[i].argument] = true;
	for (unsigned argument = 0; argument < 6; argument++)
		if (tested[argument])
			arguments[count++] = argument;
	return count;
}

static size_t
call_compare(const SeccompSet *set, unsigned options, const struct sock_filter *program, int length, int call)
{
	static Values first, second;
	unsigned arguments[6] = {0};
	unsigned tested = tested_arguments(set, call, arguments);
	struct seccomp_data data = {.nr = call, .arch = NATIVE_ARCH};

	assert_true(tested <= 2);
	values_collect(set, call, arguments[0], &first);
	values_collect(set, call, arguments[1], &second);
	if (tested < 2)
		second.count = 1;
	for (size_t i = 0; i < first.count; i++)
		for (size_t k = 0; k < second.count; k++)
		{
			for (unsigned argument = 0; argument < 6; argument++)
				data.args[argument] = first.of[i];
			if (tested == 2)
				data.args[arguments[1]] = second.of[k];
			if (filter_run(program, length, &data) != list_decide(set, options, &data))
				fail_msg("%s, options %u, call %d, arguments 0x%llx 0x%llx: the program does not do what the list says",
						 set->name, options, call, (unsigned long long) first.of[i], (unsigned long long) second.of[k]);
		}
	return first.count * second.count;
}

static void
seccomp_programs_do_what_lists_say(void **state)
{
	static struct sock_filter program[LOCKDOWN_FILTER_MAX];
	size_t compared = 0;

	(void) state;
	for (size_t set = 0; set < COUNT(sets); set++)
		for (size_t i = 0; i < COUNT(option_sets); i++)
		{
			int length = seccomp_compile(sets[set], option_sets[i], program, LOCKDOWN_FILTER_MAX);

			assert_true(length > 0);
			for (int call = 0; call < 1024; call++)
				compared += call_compare(sets[set], option_sets[i], program, length, call);
		}
	print_message("# %zu calls compared\n", compared);
}

/* No argument saves a call of another architecture or of x32. */
static void
seccomp_kills_foreign_calls(void **state)
{
	static const uint32_t archs[] = {AUDIT_ARCH_I386, AUDIT_ARCH_ARM, AUDIT_ARCH_PPC64LE, 0, UINT32_MAX};
	static struct sock_filter program[LOCKDOWN_FILTER_MAX];

	(void) state;
	for (size_t set = 0; set < COUNT(sets); set++)
		for (size_t i = 0; i < COUNT(option_sets); i++)
		{
			int length = seccomp_compile(sets[set], option_sets[i], program, LOCKDOWN_FILTER_MAX);

			for (int call = 0; call < 1024; call++)
			{
				struct seccomp_data data = {.nr = call | 0x40000000, .arch = NATIVE_ARCH};

				assert_int_equal(filter_run(program, length, &data), KILL);
				data.nr = call;
				for (size_t arch = 0; arch < COUNT(archs); arch++)
				{
					data.arch = archs[arch];
					assert_int_equal(filter_run(program, length, &data), KILL);
				}
			}
		}
}

static void
seccomp_forbids_in_every_program(void **state)
{
	static const uint32_t expected[] = {NO_PERM, KILL, KILL}; /* as in sets */
	static struct sock_filter program[LOCKDOWN_FILTER_MAX];

	(void) state;
	for (size_t set = 0; set < COUNT(sets); set++)
		for (size_t i = 0; i < COUNT(option_sets); i++)
		{
			int length = seccomp_compile(sets[set], option_sets[i], program, LOCKDOWN_FILTER_MAX);

			assert_true(length > 0);
			for (size_t row = 0; row < seccomp_forbidden_count; row++)
			{
				struct seccomp_data data = {.nr = seccomp_forbidden[row].call, .arch = NATIVE_ARCH};

				/* Negative: this machine has no such call. */
				if (seccomp_forbidden[row].call >= 0)
					assert_int_equal(filter_run(program, length, &data), expected[set]);
			}
		}
}

static void
seccomp_wants_room(void **state)
{
	static struct sock_filter program[LOCKDOWN_FILTER_MAX];

	(void) state;
	assert_int_equal(seccomp_compile(&seccomp_trusted, 0, program, 8), -E2BIG);
	assert_int_equal(seccomp_compile(&seccomp_trusted, 0, program, 64), -E2BIG);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seccomp_tables_are_well_formed),	  cmocka_unit_test(seccomp_programs_decide),
		cmocka_unit_test(seccomp_programs_do_what_lists_say), cmocka_unit_test(seccomp_kills_foreign_calls),
		cmocka_unit_test(seccomp_forbids_in_every_program),	  cmocka_unit_test(seccomp_wants_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
