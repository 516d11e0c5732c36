/*
 * seccomp.h - the system call lists as tables, and their compilation to a filter program.
 *
 * Runs in the launcher only: interpreters get the finished program. May be read by tests; knows no process.
 */
#ifndef PYBOX_SECCOMP_H
#define PYBOX_SECCOMP_H

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Stands for "the process that loads the filter" in a test of an argument; lockdown puts the pid there. No pid is as
 * high, so that a program nobody finished allows nothing.
 */
#define SECCOMP_SELF UINT32_C(0x7fe1f001)

typedef enum SeccompAction
{
	SECCOMP_ALLOW,
	SECCOMP_EPERM,
	SECCOMP_ENOSYS, /* makes the caller fall back to an older call */
	SECCOMP_KILL,	/* the process dies of SIGSYS */
	SECCOMP_ACTION_COUNT
} SeccompAction;

/* A row counts only if all its options are given to seccomp_compile. */
#define SECCOMP_WITH_TMP 1u
#define SECCOMP_WITHOUT_TMP 2u
#define SECCOMP_WITHOUT_NET 4u

typedef enum SeccompTest
{
	SECCOMP_ANY,   /* the arguments do not matter */
	SECCOMP_EQUAL, /* (argument & mask) == value; mask 0: the whole argument */
} SeccompTest;

typedef struct SeccompRule
{
	int call; /* a libseccomp number: negative where this machine has no such call */
	SeccompAction action;
	const char *reason;
	SeccompTest test;
	unsigned argument;
	uint64_t mask, value;
	unsigned options;
} SeccompRule;

typedef struct SeccompSet
{
	const char *name;
	SeccompAction otherwise; /* calls in no row */
	SeccompAction forbidden; /* what becomes of seccomp_forbidden */
	const SeccompRule *rules;
	const size_t *count;
} SeccompSet;

/* Never innocent: calls that no Python library makes for its own good. */
extern const SeccompRule seccomp_forbidden[];
extern const size_t seccomp_forbidden_count;
extern const SeccompSet seccomp_zygote;	   /* from before execve; the children's come on top */
extern const SeccompSet seccomp_trusted;   /* allow-list of an interpreter */
extern const SeccompSet seccomp_untrusted; /* deny-list of an interpreter */

/* Fills at most room instructions; returns their number or -errno. */
int seccomp_compile(const SeccompSet *set, unsigned options, struct sock_filter *program, size_t room);

#endif
