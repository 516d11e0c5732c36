/*
 * sentinel_compile.c - the launcher's filter programs for t/041_sweep.pl: as they are, but for the error of a refused call,
 * which becomes one that no kernel gives. So a call that the filter refused can be told from one that the kernel refused.
 *
 * Linked with --wrap=seccomp_compile into a launcher that is never installed. A zygote's ENOSYS stays: by that one the
 * launcher and the C library go, and of what gets it the kernel has all.
 */
#include <errno.h>

#include <linux/seccomp.h>

#include "sandbox/seccomp.h"

#define SENTINEL 4000

int __real_seccomp_compile(const SeccompSet *set, unsigned options, struct sock_filter *program, size_t room);
int __wrap_seccomp_compile(const SeccompSet *set, unsigned options, struct sock_filter *program, size_t room);

int
__wrap_seccomp_compile(const SeccompSet *set, unsigned options, struct sock_filter *program, size_t room)
{
	int length = __real_seccomp_compile(set, options, program, room);

	for (int i = 0; i < length; i++)
	{
		struct sock_filter *op = &program[i];

		if (op->code != (BPF_RET | BPF_K))
			continue;
		if (op->k == (SECCOMP_RET_ERRNO | EPERM) || (op->k == (SECCOMP_RET_ERRNO | ENOSYS) && set != &seccomp_zygote))
			op->k = SECCOMP_RET_ERRNO | SENTINEL;
	}
	return length;
}
