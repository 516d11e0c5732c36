/*
 * sandbox_test.c - what of the launcher's side needs no server: names, control packets, filter programs, layer rules.
 *
 * The filter programs are run on made-up calls by a small evaluator, as the kernel would: whole tables become visible
 * without a process that dies.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/cgroup_file.h"
#include "sandbox/control.h"
#include "sandbox/launcher_interpreter.h"
#include "sandbox/launcher_layer.h"
#include "sandbox/layer.h"
#include "sandbox/lockdown.h"
#include "sandbox/seccomp.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define KILL SECCOMP_RET_KILL_PROCESS
#define ALLOW SECCOMP_RET_ALLOW
#define NO_PERM (SECCOMP_RET_ERRNO | EPERM)
#define NO_CALL (SECCOMP_RET_ERRNO | ENOSYS)
#define THREAD_FLAGS UINT64_C(0x3d0f00)

/* --- layers --- */

static void
layer_names_go_both_ways(void **state)
{
	(void) state;
	for (int layer = 0; layer < LAYER_COUNT; layer++)
		assert_int_equal(layer_find(layer_name(layer)), layer);
	assert_null(layer_name(-1));
	assert_null(layer_name(LAYER_COUNT));
	assert_int_equal(layer_find("all"), -1);
	assert_int_equal(layer_find(""), -1);
}

static void
layers_follow_reach(void **state)
{
	static const struct
	{
		bool trusted;
		PolicyReach fs, net;
		uint32_t not_wanted, needed; /* needed when the policy requires nothing */
	} cases[] = {
		{true, POLICY_REACH_HOST, POLICY_REACH_HOST, 0, 0},
		{true, POLICY_REACH_NONE, POLICY_REACH_NONE, 0, 0},
		{false, POLICY_REACH_HOST, POLICY_REACH_HOST, LAYER_BIT(LAYER_ROOT) | LAYER_BIT(LAYER_NET_NAMESPACE),
		 LAYER_BIT(LAYER_MOUNT_NAMESPACE)},
		{false, POLICY_REACH_NONE, POLICY_REACH_HOST, LAYER_BIT(LAYER_NET_NAMESPACE),
		 LAYER_BIT(LAYER_MOUNT_NAMESPACE) | LAYER_BIT(LAYER_ROOT)},
		{false, POLICY_REACH_HOST, POLICY_REACH_NONE, LAYER_BIT(LAYER_ROOT),
		 LAYER_BIT(LAYER_MOUNT_NAMESPACE) | LAYER_BIT(LAYER_NET_NAMESPACE)},
	};
	static Policy policy;

	(void) state;
	for (size_t i = 0; i < COUNT(cases); i++)
	{
		const PolicyPool pool = {.fs = cases[i].fs, .net = cases[i].net};

		assert_int_equal(policy_layers_wanted(&pool, cases[i].trusted), LAYER_ALL & ~cases[i].not_wanted);
		policy.require = 0;
		assert_int_equal(policy_layers_needed(&policy, &pool, cases[i].trusted), cases[i].needed);
		policy.require = LAYER_ALL;
		assert_int_equal(policy_layers_needed(&policy, &pool, cases[i].trusted), LAYER_ALL & ~cases[i].not_wanted);
	}
}

static void
trusted_files_need_a_fence(void **state)
{
	static const Policy policy;
	const PolicyPool pool = {.fs = POLICY_REACH_HOST};
	const uint32_t root = LAYER_BIT(LAYER_ROOT), landlock = LAYER_BIT(LAYER_LANDLOCK);

	(void) state;
	assert_int_equal(policy_layers_missing(&policy, &pool, true, root), 0);
	assert_int_equal(policy_layers_missing(&policy, &pool, true, landlock), 0);
	assert_int_equal(policy_layers_missing(&policy, &pool, true, LAYER_ALL & ~(root | landlock)), root | landlock);
	assert_int_equal(policy_layers_missing(&policy, &pool, false, LAYER_ALL & ~(root | landlock)), 0);
	assert_int_equal(policy_layers_missing(&policy, &pool, false, 0), LAYER_BIT(LAYER_MOUNT_NAMESPACE));
}

static void
missing_layers_are_described(void **state)
{
	static Launcher launcher;
	char text[CONTROL_TEXT_SIZE];

	(void) state;
	launcher.layer_errors[LAYER_SECCOMP] = EPERM;
	launcher.layer_errors[LAYER_CGROUP_MEMORY] = ENOENT;
	snprintf(launcher.cgroup.why, sizeof(launcher.cgroup.why), "pybox.cgroup is not set");
	launcher_layer_describe(&launcher, LAYER_BIT(LAYER_SECCOMP) | LAYER_BIT(LAYER_CGROUP_MEMORY), text, sizeof(text));
	assert_string_equal(text, "seccomp: Operation not permitted; cgroup_memory: pybox.cgroup is not set");
	launcher_layer_describe(&launcher, LAYER_BIT(LAYER_ROOT), text, sizeof(text));
	assert_string_equal(text, "root: not in force in the interpreter");
	/* More than fits is cut, not overrun. */
	launcher_layer_describe(&launcher, LAYER_ALL, text, 20);
	assert_int_equal(strlen(text), 19);
}

/* --- interpreters --- */

static void
interpreter_states_answer_all_events(void **state)
{
	(void) state;
	assert_true(interpreter_table_is_full());
}

/* --- control messages --- */

static int sockets[2];

static int
sockets_open(void **state)
{
	(void) state;
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sockets);
}

static int
sockets_close(void **state)
{
	(void) state;
	close(sockets[0]);
	close(sockets[1]);
	return 0;
}

static int
descriptor_count(void)
{
	int count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void
control_carries_all(void **state)
{
	ControlMessage sent = {.kind = CONTROL_LEASED, .id = 7, .count = CONTROL_USAGES_MAX}, got;
	int fds[CONTROL_FDS_MAX], count, before = descriptor_count();

	(void) state;
	snprintf(sent.text, sizeof(sent.text), "text");
	sent.usages[CONTROL_USAGES_MAX - 1].cpu_ns = 9;
	assert_int_equal(control_receive(sockets[1], &got, fds, &count), -EAGAIN);
	assert_int_equal(control_send(sockets[0], &sent, sockets, 2), 0);
	assert_int_equal(control_receive(sockets[1], &got, fds, &count), 1);
	assert_memory_equal(&sent, &got, sizeof(sent));
	assert_int_equal(count, 2);
	assert_int_equal(fds[2], -1);
	assert_true(fcntl(fds[0], F_GETFD) & FD_CLOEXEC);
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(descriptor_count(), before);
	assert_int_equal(control_send(sockets[0], &sent, sockets, CONTROL_FDS_MAX + 1), -EINVAL);
	shutdown(sockets[0], SHUT_WR);
	assert_int_equal(control_receive(sockets[1], &got, fds, &count), 0);
	assert_int_equal(control_send(sockets[0], &sent, NULL, 0), -EPIPE);
}

/* A packet of any size with any number of descriptors, as only somebody who means ill would send. */
static void
packet_send(const void *bytes, size_t size, int fd_count)
{
	char ancillary[CMSG_SPACE(8 * sizeof(int))] = {0};
	struct iovec packet = {(void *) bytes, size};
	struct msghdr header = {.msg_iov = &packet, .msg_iovlen = 1};
	struct cmsghdr *part;

	if (fd_count > 0)
	{
		header.msg_control = ancillary;
		header.msg_controllen = CMSG_SPACE((size_t) fd_count * sizeof(int));
		part = CMSG_FIRSTHDR(&header);
		part->cmsg_level = SOL_SOCKET;
		part->cmsg_type = SCM_RIGHTS;
		part->cmsg_len = CMSG_LEN((size_t) fd_count * sizeof(int));
		for (int i = 0; i < fd_count; i++)
			memcpy(CMSG_DATA(part) + (size_t) i * sizeof(int), &sockets[0], sizeof(int));
	}
	assert_int_equal(sendmsg(sockets[0], &header, 0), size);
}

static void
control_refuses_malformed_packets(void **state)
{
	static const struct
	{
		uint32_t kind, count;
		size_t size;
		int fd_count;
	} cases[] = {
		{0, 0, sizeof(ControlMessage), 0},
		{CONTROL_KIND_COUNT, 0, sizeof(ControlMessage), 1},
		{UINT32_MAX, 0, sizeof(ControlMessage), 0},
		{CONTROL_USAGE, CONTROL_USAGES_MAX + 1, sizeof(ControlMessage), 0},
		{CONTROL_USAGE, UINT32_MAX, sizeof(ControlMessage), 2},
		{CONTROL_LEASE, 0, sizeof(ControlMessage) - 1, 3},
		{CONTROL_LEASE, 0, sizeof(ControlMessage) + 1, 3},
		{CONTROL_LEASE, 0, 1, 1},
		{CONTROL_LEASE, 0, sizeof(ControlMessage), CONTROL_FDS_MAX + 1},
		{CONTROL_LEASE, 0, sizeof(ControlMessage), 8},
	};
	union
	{
		ControlMessage message;
		char bytes[sizeof(ControlMessage) + 8];
	} packet;
	int before = descriptor_count();

	(void) state;
	for (size_t i = 0; i < COUNT(cases); i++)
	{
		int fds[CONTROL_FDS_MAX], count;
		ControlMessage got;

		memset(&packet, 0, sizeof(packet));
		packet.message.kind = cases[i].kind;
		packet.message.count = cases[i].count;
		packet_send(&packet, cases[i].size, cases[i].fd_count);
		assert_int_equal(control_receive(sockets[1], &got, fds, &count), -EPROTO);
		assert_int_equal(count, 0);
		assert_int_equal(fds[0], -1);
		assert_int_equal(descriptor_count(), before);
	}
}

static void
control_terminates_text(void **state)
{
	ControlMessage sent = {.kind = CONTROL_FAILED}, got;
	int fds[CONTROL_FDS_MAX], count;

	(void) state;
	memset(sent.text, 'x', sizeof(sent.text));
	memset(sent.pool, 'y', sizeof(sent.pool));
	assert_int_equal(control_send(sockets[0], &sent, NULL, 0), 0);
	assert_int_equal(control_receive(sockets[1], &got, fds, &count), 1);
	assert_int_equal(strlen(got.text), sizeof(got.text) - 1);
	assert_int_equal(strlen(got.pool), sizeof(got.pool) - 1);
}

/* --- system call lists --- */

static const SeccompSet *const sets[] = {&seccomp_zygote, &seccomp_trusted, &seccomp_untrusted};
static const unsigned option_sets[] = {SECCOMP_WITHOUT_TMP, SECCOMP_WITH_TMP, SECCOMP_WITHOUT_TMP | SECCOMP_WITHOUT_NET,
									   SECCOMP_WITH_TMP | SECCOMP_WITHOUT_NET};

static void
seccomp_tables_are_well_formed(void **state)
{
	(void) state;
	for (size_t i = 0; i < COUNT(sets); i++)
		for (size_t row = 0; row < *sets[i]->count; row++)
		{
			const SeccompRule *rule = &sets[i]->rules[row];

			assert_non_null(rule->reason);
			assert_true(rule->reason[0] != '\0');
			assert_true(rule->argument < 6);
			for (size_t other = 0; other < row; other++)
			{
				const SeccompRule *before = &sets[i]->rules[other];

				/* Two rows of one call differ in what they test or in when they count. */
				if (before->call == rule->call && before->test == SECCOMP_ANY)
					assert_true(before->options != 0);
				if (before->call == rule->call && rule->test == SECCOMP_ANY)
					assert_true(rule->options != 0);
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
	{&seccomp_trusted, 0, SYS_mount, {0}, KILL},
	{&seccomp_trusted, SECCOMP_WITH_TMP, SYS_mount, {0}, KILL},
	{&seccomp_trusted, 0, SYS_io_uring_setup, {0}, KILL},
	{&seccomp_trusted, 0, SYS_clone3, {0}, NO_CALL},
	{&seccomp_trusted, 0, SYS_clone, {THREAD_FLAGS}, ALLOW},
	{&seccomp_trusted, 0, SYS_clone, {SIGCHLD}, NO_PERM},
	{&seccomp_trusted, 0, SYS_clone, {THREAD_FLAGS | CLONE_NEWUSER}, NO_PERM},
	{&seccomp_trusted, 0, SYS_tgkill, {SECCOMP_SELF, 2, SIGABRT}, ALLOW},
	{&seccomp_trusted, 0, SYS_tgkill, {1, 1, SIGKILL}, NO_PERM},
	{&seccomp_trusted, SECCOMP_WITHOUT_TMP, SYS_openat, {0, 0, O_RDONLY | O_CLOEXEC}, ALLOW},
	{&seccomp_trusted, SECCOMP_WITHOUT_TMP, SYS_openat, {0, 0, O_RDONLY | O_DIRECTORY}, ALLOW},
	{&seccomp_trusted, SECCOMP_WITHOUT_TMP, SYS_openat, {0, 0, O_WRONLY}, NO_PERM},
	{&seccomp_trusted, SECCOMP_WITHOUT_TMP, SYS_openat, {0, 0, O_RDWR}, NO_PERM},
	{&seccomp_trusted, SECCOMP_WITHOUT_TMP, SYS_openat, {0, 0, O_RDONLY | O_CREAT}, NO_PERM},
	{&seccomp_trusted, SECCOMP_WITHOUT_TMP, SYS_openat, {0, 0, O_RDONLY | O_TRUNC}, NO_PERM},
	{&seccomp_trusted, SECCOMP_WITHOUT_TMP, SYS_openat, {0, 0, O_TMPFILE}, NO_PERM},
	{&seccomp_trusted, SECCOMP_WITHOUT_TMP, SYS_openat, {0, 0, O_RDONLY | O_APPEND}, NO_PERM},
	{&seccomp_trusted, SECCOMP_WITH_TMP, SYS_openat, {0, 0, O_WRONLY | O_CREAT}, ALLOW},
	{&seccomp_trusted, SECCOMP_WITHOUT_TMP, SYS_unlinkat, {0}, NO_PERM},
	{&seccomp_trusted, SECCOMP_WITH_TMP, SYS_unlinkat, {0}, ALLOW},
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
	{&seccomp_zygote, SECCOMP_WITHOUT_TMP, SYS_execve, {0}, ALLOW},
	{&seccomp_zygote, SECCOMP_WITHOUT_TMP, SYS_ptrace, {0}, NO_PERM},
	{&seccomp_zygote, SECCOMP_WITHOUT_TMP, SYS_mount, {0}, NO_PERM},
	{&seccomp_zygote, SECCOMP_WITH_TMP, SYS_mount, {0}, ALLOW},
	{&seccomp_zygote, SECCOMP_WITHOUT_TMP, SYS_unshare, {CLONE_NEWNS}, NO_PERM},
	{&seccomp_zygote, SECCOMP_WITHOUT_TMP, SYS_unshare, {CLONE_THREAD}, ALLOW},
	{&seccomp_zygote, SECCOMP_WITH_TMP, SYS_unshare, {CLONE_NEWNS}, ALLOW},
	{&seccomp_zygote, SECCOMP_WITH_TMP, SYS_unshare, {CLONE_NEWNS | CLONE_NEWUSER}, NO_PERM},
	{&seccomp_zygote, SECCOMP_WITHOUT_TMP, SYS_clone, {SIGCHLD}, ALLOW},
	{&seccomp_zygote, SECCOMP_WITHOUT_TMP, SYS_clone, {SIGCHLD | CLONE_NEWUSER}, NO_PERM},
	{&seccomp_zygote, SECCOMP_WITHOUT_TMP, SYS_socket, {0}, ALLOW},
	{&seccomp_zygote, SECCOMP_WITHOUT_TMP | SECCOMP_WITHOUT_NET, SYS_socket, {0}, NO_PERM},
	{&seccomp_zygote, SECCOMP_WITHOUT_TMP, 451, {0}, NO_CALL},
	{&seccomp_untrusted, SECCOMP_WITHOUT_TMP, SYS_execve, {0}, ALLOW},
	{&seccomp_untrusted, SECCOMP_WITHOUT_TMP, SYS_socket, {0}, ALLOW},
	{&seccomp_untrusted, SECCOMP_WITHOUT_TMP, SYS_unshare, {0}, NO_PERM},
	{&seccomp_untrusted, SECCOMP_WITHOUT_TMP, SYS_mount, {0}, KILL},
	{&seccomp_untrusted, SECCOMP_WITHOUT_TMP, SYS_bpf, {0}, KILL},
	{&seccomp_untrusted, SECCOMP_WITHOUT_TMP, SYS_keyctl, {0}, KILL},
	{&seccomp_untrusted, SECCOMP_WITHOUT_TMP, 460, {0}, NO_CALL},
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

/* --- cgroup files --- */

static void
cgroup_paths_stay_below(void **state)
{
	static char long_name[2 * CGROUP_PATH_SIZE];
	char path[CGROUP_PATH_SIZE];

	(void) state;
	memset(long_name, 'x', sizeof(long_name) - 1);
	assert_int_equal(cgroup_file_path(path, "/root", "pools/etl/42", "pids.max"), 0);
	assert_string_equal(path, "/root/pools/etl/42/pids.max");
	assert_int_equal(cgroup_file_path(path, "/root", "", "pids.max"), 0);
	assert_string_equal(path, "/root/pids.max");
	assert_int_equal(cgroup_file_path(path, "/root", "pools", ""), 0);
	assert_string_equal(path, "/root/pools");
	assert_int_equal(cgroup_file_path(path, "/root", "pools/../x", ""), -EINVAL);
	assert_int_equal(cgroup_file_path(path, "/root", long_name, ""), -ENAMETOOLONG);
}

static void
cgroup_none_answers_everything(void **state)
{
	Cgroup cgroup;
	CgroupUsage usage;
	const CgroupLimits limits = {.memory = 1};

	(void) state;
	cgroup_open(&cgroup, "");
	assert_ptr_equal(cgroup.backend, &cgroup_none);
	assert_int_equal(cgroup.layers, 0);
	assert_string_equal(cgroup.why, "pybox.cgroup is not set");
	assert_int_equal(cgroup.backend->group_make(&cgroup, "pools/a/1", &limits), 0);
	assert_int_equal(cgroup.backend->group_limit(&cgroup, "pools/a/1", &limits), 0);
	assert_int_equal(cgroup.backend->group_attach(&cgroup, "pools/a/1", getpid()), 0);
	assert_int_equal(cgroup.backend->group_usage(&cgroup, "pools/a/1", &usage), -ENOSYS);
	assert_int_equal(cgroup.backend->group_kill(&cgroup, "pools/a/1"), 0);
	assert_int_equal(cgroup.backend->group_remove(&cgroup, "pools/a/1"), 0);
	assert_int_equal(cgroup_sweep(&cgroup), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(layer_names_go_both_ways),
		cmocka_unit_test(layers_follow_reach),
		cmocka_unit_test(trusted_files_need_a_fence),
		cmocka_unit_test(missing_layers_are_described),
		cmocka_unit_test(interpreter_states_answer_all_events),
		cmocka_unit_test_setup_teardown(control_carries_all, sockets_open, sockets_close),
		cmocka_unit_test_setup_teardown(control_refuses_malformed_packets, sockets_open, sockets_close),
		cmocka_unit_test_setup_teardown(control_terminates_text, sockets_open, sockets_close),
		cmocka_unit_test(seccomp_tables_are_well_formed),
		cmocka_unit_test(seccomp_programs_decide),
		cmocka_unit_test(seccomp_forbids_in_every_program),
		cmocka_unit_test(seccomp_wants_room),
		cmocka_unit_test(cgroup_paths_stay_below),
		cmocka_unit_test(cgroup_none_answers_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
