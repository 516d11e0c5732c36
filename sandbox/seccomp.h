/*
 * seccomp.h - the system call lists as tables (made of seccomp_*.list), and their compilation to a filter program.
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

/* A row counts only if all its options are given to seccomp_compile. In the lists: "when no-tmp" and so on. */
#define SECCOMP_WHEN_TMP 1u		/* a private /tmp */
#define SECCOMP_WHEN_NO_TMP 2u	/* none */
#define SECCOMP_WHEN_NO_NET 4u	/* no network of the machine's */
#define SECCOMP_WHEN_WRITING 8u /* a private /tmp, or /dev/null to write to */

/* How wide the kernel takes an argument: of an int it ignores the high half, and so does a test. */
typedef enum SeccompWidth
{
	SECCOMP_INT,
	SECCOMP_LONG,
} SeccompWidth;

typedef struct SeccompTest
{
	unsigned argument; /* 0..5 */
	SeccompWidth width;
	uint64_t mask, value; /* (argument & mask) == value; for an int both without a high half */
} SeccompTest;

#define SECCOMP_TESTS_MAX 2

typedef struct SeccompRule
{
	int call; /* a libseccomp number: negative where this machine has no such call */
	SeccompAction action;
	const char *reason;
	int line; /* of its list */
	unsigned options;
	unsigned test_count; /* all of them have to hold */
	SeccompTest tests[SECCOMP_TESTS_MAX];
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
