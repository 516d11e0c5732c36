/*
 * seccomp_untrusted.c - what an untrusted interpreter may not do beyond its zygote's filter. A table only.
 */
#include "sandbox/seccomp.h"

#include <seccomp.h>

static const SeccompRule untrusted_rules[] = {
	{.call = SCMP_SYS(mount), .action = SECCOMP_KILL, .reason = "changes what is mounted"},
	{.call = SCMP_SYS(unshare), .action = SECCOMP_EPERM, .reason = "a new namespace; programs probe for it"},
};

static const size_t untrusted_count = sizeof(untrusted_rules) / sizeof(untrusted_rules[0]);

const SeccompSet seccomp_untrusted = {
	.name = "untrusted",
	.otherwise = SECCOMP_ALLOW,
	.forbidden = SECCOMP_KILL,
	.rules = untrusted_rules,
	.count = &untrusted_count,
};
