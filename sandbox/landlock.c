/*
 * landlock.c - one Landlock ruleset, of all that the running kernel can deny.
 *
 * DESIGN. What the newest version knows is asked for first, and less until the kernel takes it: a ruleset that was made
 * is the proof, a version number is none. Version 7 adds what is logged, nothing that is denied.
 *
 * Debian 12's headers stop at version 2; what is newer is spelled out here.
 */
#include "sandbox/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RIGHT_TRUNCATE (UINT64_C(1) << 14)
#define RIGHT_IOCTL_DEV (UINT64_C(1) << 15)
#define RIGHTS_NET (UINT64_C(3)) /* bind and connect TCP */
#define RIGHT_SIGNAL (UINT64_C(2))
#define RIGHTS_SCOPE (UINT64_C(1) | RIGHT_SIGNAL) /* abstract sockets and signals */
#define RIGHTS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define RIGHTS_WRITE (LANDLOCK_ACCESS_FS_WRITE_FILE | RIGHT_TRUNCATE)
#define RIGHTS_KEEP                                                                                                    \
	(LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_SYM |                         \
	 LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REFER)
/* What may be given on a plain file or device; the kernel refuses the others there. */
#define RIGHTS_OF_FILE (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | RIGHTS_WRITE | RIGHT_IOCTL_DEV)

typedef struct LandlockAttr
{
	uint64_t files, net, scopes;
} LandlockAttr;

/* What each version handles and how long its attribute is, the newest first. */
static const struct
{
	int version;
	LandlockAttr attr;
	size_t size;
} landlock_versions[] = {
	{6, {(UINT64_C(1) << 16) - 1, RIGHTS_NET, RIGHTS_SCOPE}, 24},
	{5, {(UINT64_C(1) << 16) - 1, RIGHTS_NET, 0}, 16},
	{4, {(UINT64_C(1) << 15) - 1, RIGHTS_NET, 0}, 16},
	{3, {(UINT64_C(1) << 15) - 1, 0, 0}, 8},
	{2, {(UINT64_C(1) << 14) - 1, 0, 0}, 8},
	{1, {(UINT64_C(1) << 13) - 1, 0, 0}, 8},
};

static const uint64_t landlock_rights[] = {
	[LANDLOCK_MAY_READ] = RIGHTS_READ,
	[LANDLOCK_MAY_EXECUTE] = RIGHTS_READ | LANDLOCK_ACCESS_FS_EXECUTE,
	[LANDLOCK_MAY_WRITE_DEVICE] = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE,
	[LANDLOCK_MAY_KEEP_FILES] = RIGHTS_READ | RIGHTS_WRITE | RIGHTS_KEEP,
	[LANDLOCK_MAY_MOVE_FILES] = LANDLOCK_ACCESS_FS_REFER,
};

static int
landlock_path_add(int ruleset, uint64_t handled, const LandlockPath *path)
{
	struct landlock_path_beneath_attr rule = {.allowed_access = landlock_rights[path->access] & handled};
	struct stat status;
	int result = 0;

	if (rule.allowed_access == 0)
		return 0;
	rule.parent_fd = open(path->path, O_PATH | O_CLOEXEC);
	if (rule.parent_fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	if (fstat(rule.parent_fd, &status) == 0 && !S_ISDIR(status.st_mode))
		rule.allowed_access &= RIGHTS_OF_FILE;
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
		result = -errno;
	close(rule.parent_fd);
	return result;
}

/* What each reach leaves of a version's rights. */
static LandlockAttr
landlock_attr_reach(LandlockAttr attr, LandlockReach reach)
{
	/* To be restricted in anything at all is what fences memory off; block devices are the least loss. */
	const LandlockAttr most[] = {
		[LANDLOCK_REACH_ALL] = {UINT64_MAX, UINT64_MAX, UINT64_MAX},
		[LANDLOCK_REACH_PROCESSES] = {LANDLOCK_ACCESS_FS_REFER | LANDLOCK_ACCESS_FS_MAKE_BLOCK, 0, RIGHT_SIGNAL},
	};

	return (LandlockAttr){attr.files & most[reach].files, attr.net & most[reach].net, attr.scopes & most[reach].scopes};
}

/* A kernel does not know of a longer attribute or of more bits: then E2BIG or EINVAL, and the next version is tried. */
static int
landlock_ruleset_make(LandlockReach reach, LandlockAttr *attr, int *version)
{
	for (size_t i = 0; i < sizeof(landlock_versions) / sizeof(landlock_versions[0]); i++)
	{
		int ruleset;

		*version = landlock_versions[i].version;
		*attr = landlock_attr_reach(landlock_versions[i].attr, reach);
		ruleset = (int) syscall(SYS_landlock_create_ruleset, attr, landlock_versions[i].size, 0);
		if (ruleset >= 0)
			return ruleset;
		if (errno != E2BIG && errno != EINVAL)
			break;
	}
	return -errno;
}

int
landlock_version(void)
{
	LandlockAttr attr;
	int version;
	int ruleset = landlock_ruleset_make(LANDLOCK_REACH_ALL, &attr, &version);

	if (ruleset < 0)
		return ruleset;
	close(ruleset);
	return version;
}

int
landlock_restrict(LandlockReach reach, const LandlockPath *paths, size_t count)
{
	LandlockAttr attr;
	int version, result = 0;
	int ruleset = landlock_ruleset_make(reach, &attr, &version);

	if (ruleset < 0)
		return ruleset;
	for (size_t i = 0; i < count && result == 0; i++)
		result = landlock_path_add(ruleset, attr.files, &paths[i]);
	if (result == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		result = -errno;
	close(ruleset);
	return result;
}
