/*
 * unfiltered_compile.c - stands for sandbox/seccomp_compile.c in the launcher that the hostile suite runs without a filter.
 *
 * Everything is allowed but clone3, by which the launcher sees that a filter is in force. Never installed.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>

#include <linux/seccomp.h>

#include "sandbox/seccomp.h"

int
seccomp_compile(const SeccompSet *set, unsigned options, struct sock_filter *program, size_t room)
{
	static const struct sock_filter open_door[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	(void) set;
	(void) options;
	if (room < sizeof(open_door) / sizeof(open_door[0]))
		return -E2BIG;
	memcpy(program, open_door, sizeof(open_door));
	return (int) (sizeof(open_door) / sizeof(open_door[0]));
}
