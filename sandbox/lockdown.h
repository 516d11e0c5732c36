/*
 * lockdown.h - the last layers, which a new interpreter puts on itself before it sees any source.
 *
 * The launcher writes a LockdownPlan into a sealed memfd; the zygote reads it once and its children inherit it. Runs in
 * zygote and interpreter; the structure is the launcher's too.
 */
#ifndef PYBOX_LOCKDOWN_H
#define PYBOX_LOCKDOWN_H

#include <linux/filter.h>
#include <stdint.h>

#include "sandbox/layer.h"

#define LOCKDOWN_MAGIC UINT32_C(0x70796c64)
#define LOCKDOWN_RLIMITS_MAX 16
#define LOCKDOWN_PATHS_MAX 40
#define LOCKDOWN_PATH_SIZE 256
#define LOCKDOWN_FILTER_MAX 2048
#define LOCKDOWN_SOCKET 3 /* the new interpreter's, to the launcher */

typedef struct LockdownRlimit
{
	int32_t resource; /* RLIMIT_ */
	uint32_t reserved;
	uint64_t limit; /* soft and hard */
} LockdownRlimit;

typedef struct LockdownPlan
{
	uint32_t magic;
	uint32_t trusted;
	uint32_t layers; /* LAYER_BITs that the jail has put in force around the zygote, to be told in CONTROL_ZYGOTE_UP */
	uint32_t wanted; /* LAYER_BITs that lockdown_apply has to add; one that fails ends the child */
	int64_t tmp;	 /* bytes of the private /tmp, 0: none */
	int64_t memory;	 /* bytes that Python may hold beyond its zygote's before it is refused more */
	uint32_t rlimit_count;
	uint32_t path_count;
	uint32_t filter_length; /* instructions */
	uint32_t fences_files;	/* 1: Landlock leaves paths, tmp and null only; 0: all files, but no other process */
	uint32_t has_null;		/* 1: /dev/null can be opened to read and to write */
	uint32_t reserved;
	LockdownRlimit rlimits[LOCKDOWN_RLIMITS_MAX];
	char paths[LOCKDOWN_PATHS_MAX][LOCKDOWN_PATH_SIZE]; /* folders for Landlock to leave readable */
	struct sock_filter filter[LOCKDOWN_FILTER_MAX];
} LockdownPlan;

/* Copies the plan. Returns 0, or -errno when it is not one. The copy lives as long as the process; fd may be closed. */
int lockdown_read(int fd, LockdownPlan **plan);
/*
 * Confines the calling process, which has one thread and has just been forked, for good. Returns 0 with the layers that
 * are in force, cgroups apart, or -errno with the stage that failed: then the process must _exit.
 */
int lockdown_apply(const LockdownPlan *plan, uint32_t *layers, const char **stage);

#endif
