/*
 * bare_jail.c - for `make bench ONLY=R3`: a launcher whose zygotes get neither filter nor Landlock. Linked with --wrap for
 * both, never installed.
 */
#include "sandbox/jail_step.h"

int __wrap_jail_seccomp_apply(const JailSpec *spec);
int __wrap_jail_landlock_apply(const JailSpec *spec);

int
__wrap_jail_seccomp_apply(const JailSpec *spec)
{
	(void) spec;
	return 0;
}

int
__wrap_jail_landlock_apply(const JailSpec *spec)
{
	(void) spec;
	return 0;
}
