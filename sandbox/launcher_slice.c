/*
 * launcher_slice.c - for how long the kernel lets an interpreter compute before it looks at others. Runs in the launcher.
 *
 * DESIGN. Whoever pauses a call, or takes its slot, has to wake on a core that such a call computes on. Linux from 6.12 on lets
 * a thread that wakes go before one whose slice is longer than its own, and else lets the other finish its slice, of which it finds the
 * end with the next tick: some milliseconds for each of the wake-ups that a better call is made of. So interpreters of pools that
 * others go before have the longest slice there is (sched_setattr(2): 100 ms); it takes nothing from their share of the CPU,
 * and spares them switches. Those of the greatest priority keep the kernel's own, as does the server. Older kernels ignore it.
 */
#include "sandbox/launcher_slice.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/launcher_zygote.h"

#define SLICE_LONGEST_NS UINT64_C(100000000)

/* The kernel's struct sched_attr as it was first: its header and <sched.h> cannot be had together. */
typedef struct SliceAttributes
{
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period; /* ns; runtime is the slice, of an ordinary thread */
} SliceAttributes;

uint64_t
slice_of_pool(const Policy *policy, const char *pool)
{
	int number = policy_pool_find(policy, pool);

	for (int i = 0; number >= 0 && i < policy->pool_count; i++)
		if (policy->pools[i].priority > policy->pools[number].priority)
			return SLICE_LONGEST_NS;
	return 0;
}

int
slice_set(pid_t pid, uint64_t slice_ns)
{
	SliceAttributes attributes = {.size = sizeof(attributes), .policy = SCHED_OTHER, .runtime = slice_ns};

	errno = 0;
	attributes.nice = getpriority(PRIO_PROCESS, (id_t) pid);
	if (errno != 0)
		return -errno;
	return syscall(SYS_sched_setattr, pid, &attributes, 0) < 0 ? -errno : 0;
}

void
slice_apply(const Launcher *launcher)
{
	for (const Interpreter *interpreter = launcher->interpreters; interpreter != NULL; interpreter = interpreter->next)
		if (interpreter->pid > 0)
			(void) slice_set(interpreter->pid, slice_of_pool(&launcher->policy, interpreter->zygote->pool.name));
}
