/*
 * jail.h - a clean, confined process around a program: what the launcher makes zygotes with.
 *
 * Everything in JailSpec is the caller's and is only read. Runs in the launcher and, up to execve, in its child.
 */
#ifndef PYBOX_JAIL_H
#define PYBOX_JAIL_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define JAIL_CONTROL_FD 3
#define JAIL_PLAN_FD 4
#define JAIL_REASON_SIZE 256

typedef struct JailSpec
{
	const char *program; /* absolute */
	char *const *arguments;
	char *const *environment;
	const char *data_directory;	 /* absolute; no jail ever shows it */
	const char *const *packages; /* further folders to show at their own place; NULL ends the list */
	const char *const
		*folders; /* the same, but for data: nothing in them can be run. No link on their way is followed */
	const struct sock_fprog *filter;
	int control_fd, plan_fd; /* become JAIL_CONTROL_FD and JAIL_PLAN_FD */
	uint32_t layers;		 /* LAYER_BITs to put in force; one that fails ends the child */
	bool has_tmp;			 /* the program's children mount a /tmp of their own: keeps what that takes */
	bool fences_files;		 /* Landlock leaves the program reading and executing only */
} JailSpec;

typedef struct JailProcess
{
	pid_t pid;
	int pidfd;
	int report_fd; /* end of file: execve worked; else see jail_report_read */
} JailProcess;

/* Returns 0 and a process that its caller has to kill, wait for and close, or -errno. Returns before execve. */
int jail_start(const JailSpec *spec, JailProcess *process);
/* Words why the process never came to execve; false when it did or has not got there yet. Never blocks. */
bool jail_report_read(int report_fd, char reason[JAIL_REASON_SIZE]);

#endif
