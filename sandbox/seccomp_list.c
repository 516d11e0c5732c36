/*
 * seccomp_list.c - the lists of system calls, compiled in. What they say is in seccomp_*.list; ops/gen-seccomp makes rows
 * of it, and here are the headers that their constants come from.
 *
 * Runs in the launcher, which hands out finished programs. Nothing is read when it runs.
 */
#include "sandbox/seccomp.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/socket.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const SeccompRule seccomp_forbidden[] = {
#include "seccomp_forbidden.inc"
};

const size_t seccomp_forbidden_count = COUNT(seccomp_forbidden);

static const SeccompRule zygote_rules[] = {
#include "seccomp_zygote.inc"
};

static const size_t zygote_count = COUNT(zygote_rules);

const SeccompSet seccomp_zygote = {
	.name = "zygote",
	.otherwise = LIST_OTHERWISE,
	.forbidden = LIST_FORBIDDEN,
	.rules = zygote_rules,
	.count = &zygote_count,
};

#undef LIST_OTHERWISE
#undef LIST_FORBIDDEN

static const SeccompRule trusted_rules[] = {
#include "seccomp_trusted.inc"
};

static const size_t trusted_count = COUNT(trusted_rules);

const SeccompSet seccomp_trusted = {
	.name = "trusted",
	.otherwise = LIST_OTHERWISE,
	.forbidden = LIST_FORBIDDEN,
	.rules = trusted_rules,
	.count = &trusted_count,
};

#undef LIST_OTHERWISE
#undef LIST_FORBIDDEN

static const SeccompRule untrusted_rules[] = {
#include "seccomp_untrusted.inc"
};

static const size_t untrusted_count = COUNT(untrusted_rules);

const SeccompSet seccomp_untrusted = {
	.name = "untrusted",
	.otherwise = LIST_OTHERWISE,
	.forbidden = LIST_FORBIDDEN,
	.rules = untrusted_rules,
	.count = &untrusted_count,
};
