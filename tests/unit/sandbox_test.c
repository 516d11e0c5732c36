/*
 * sandbox_test.c - what of the launcher's side needs no server: names, control packets, layer rules.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sandbox/cgroup_file.h"
#include "sandbox/control.h"
#include "sandbox/launcher_interpreter.h"
#include "sandbox/launcher_layer.h"
#include "sandbox/layer.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

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
		cmocka_unit_test(cgroup_paths_stay_below),
		cmocka_unit_test(cgroup_none_answers_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
