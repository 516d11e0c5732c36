/*
 * jail_root.c - a root file system of the interpreter's own files, all read-only.
 *
 * DESIGN. An empty tmpfs becomes the root by pivot_root, with the machine's root below it at JAIL_OLD while what is
 * needed is bound from there; then the old root is detached. Binds are recursive: in a user namespace the kernel does
 * not let one part a mount from those below it. mount_setattr only ever adds flags, so none that the machine has locked
 * is touched. Runs in the launcher's child, with a mount namespace of its own.
 */
#include "sandbox/jail_step.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define JAIL_OLD "/.old"
#define JAIL_PLACES_MAX 16 /* the program and its packages */

#if defined(__x86_64__)
#define JAIL_MULTIARCH "x86_64-linux-gnu"
#elif defined(__aarch64__)
#define JAIL_MULTIARCH "aarch64-linux-gnu"
#else
#error "the multiarch folder of this machine is not known"
#endif

const JailPath jail_paths[] = {
	{"/usr/lib/python3*", JAIL_PATH_LIBRARY},
	{"/usr/lib/" JAIL_MULTIARCH, JAIL_PATH_LIBRARY},
	{"/usr/lib64", JAIL_PATH_LIBRARY},
	{"/usr/local/lib/python3*/dist-packages", JAIL_PATH_LIBRARY},
	{"/lib", JAIL_PATH_LIBRARY},
	{"/lib64", JAIL_PATH_LIBRARY},
	{"/usr/share/zoneinfo", JAIL_PATH_LIBRARY},
	{"/etc/alternatives", JAIL_PATH_LIBRARY},
	{"/etc/ld.so.cache", JAIL_PATH_FILE},
	{"/etc/localtime", JAIL_PATH_FILE},
	{"/dev/null", JAIL_PATH_DEVICE},
	{"/dev/urandom", JAIL_PATH_DEVICE},
};

const size_t jail_path_count = sizeof(jail_paths) / sizeof(jail_paths[0]);

static const uint64_t jail_path_flags[] = {
	[JAIL_PATH_LIBRARY] = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
	[JAIL_PATH_FILE] = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
	[JAIL_PATH_DEVICE] = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC,
};

#define JAIL_FOLDER_FLAGS (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

int
jail_mount_restrict(const char *path, uint64_t flags)
{
	struct mount_attr attr = {.attr_set = flags};

	return mount_setattr(AT_FDCWD, path, AT_RECURSIVE, &attr, sizeof(attr)) < 0 ? -errno : 0;
}

/* Makes the folders above path, which has room for its own NUL only. */
static int
jail_parents_make(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/'))
	{
		int failed;

		*slash = '\0';
		failed = mkdir(path, 0755) < 0 && errno != EEXIST;
		*slash = '/';
		if (failed)
			return -errno;
	}
	return 0;
}

static int
jail_link_copy(const char *old, const char *path)
{
	char target[PATH_MAX];
	ssize_t length = readlink(old, target, sizeof(target) - 1);

	if (length < 0)
		return -errno;
	target[length] = '\0';
	return symlink(target, path) < 0 && errno != EEXIST ? -errno : 0;
}

static int
jail_target_make(const char *path, bool is_directory)
{
	int fd;

	if (is_directory)
		return mkdir(path, 0755) < 0 && errno != EEXIST ? -errno : 0;
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0444);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/* Shows one thing of the old root at its own path. */
static int
jail_path_show(const char *old, JailPathKind kind)
{
	char path[PATH_MAX];
	struct stat status;
	int result;

	if (snprintf(path, sizeof(path), "%s", old + strlen(JAIL_OLD)) >= (int) sizeof(path))
		return -ENAMETOOLONG;
	if (lstat(old, &status) < 0)
		return -errno;
	result = jail_parents_make(path);
	if (result == 0 && S_ISLNK(status.st_mode))
		return jail_link_copy(old, path);
	if (result == 0)
		result = jail_target_make(path, S_ISDIR(status.st_mode));
	if (result == 0 && mount(old, path, NULL, MS_BIND | MS_REC, NULL) < 0)
		result = -errno;
	return result == 0 ? jail_mount_restrict(path, jail_path_flags[kind]) : result;
}

/* What does not match anything is not on this machine and is not missed. */
static int
jail_pattern_show(const JailPath *path)
{
	char pattern[PATH_MAX];
	glob_t found;
	int result = 0;

	snprintf(pattern, sizeof(pattern), JAIL_OLD "%s", path->pattern);
	switch (glob(pattern, GLOB_NOSORT, NULL, &found))
	{
		case 0:
			break;
		case GLOB_NOMATCH:
			return 0;
		default:
			return -EIO;
	}
	for (size_t i = 0; i < found.gl_pathc && result == 0; i++)
		result = jail_path_show(found.gl_pathv[i], path->kind);
	globfree(&found);
	return result;
}

/* A path of the caller's is shown where it really is; links that led there lead there again. */
static int
jail_place_show(const char *path, const char *real)
{
	char old[PATH_MAX], link[PATH_MAX];
	int result;

	if (snprintf(old, sizeof(old), JAIL_OLD "%s", real) >= (int) sizeof(old) ||
		snprintf(link, sizeof(link), "%s", path) >= (int) sizeof(link))
		return -ENAMETOOLONG;
	result = jail_path_show(old, JAIL_PATH_LIBRARY);
	if (result < 0 || strcmp(path, real) == 0)
		return result;
	result = jail_parents_make(link);
	return result == 0 && symlink(real, link) < 0 && errno != EEXIST ? -errno : result;
}

/*
 * A folder of the caller's at its own place, to read. No link is followed, so that nobody who can put one there decides what
 * is shown; the copy of the mount is made from the descriptor, so that nobody can do so in between.
 */
static int
jail_folder_show(const char *path)
{
	struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS};
	char old[PATH_MAX], target[PATH_MAX];
	int folder, tree, result;

	if (snprintf(old, sizeof(old), JAIL_OLD "%s", path) >= (int) sizeof(old))
		return -ENAMETOOLONG;
	folder = (int) syscall(SYS_openat2, AT_FDCWD, old, &how, sizeof(how));
	tree = folder < 0 ? -1 : (int) syscall(SYS_open_tree, folder, "", OPEN_TREE_CLONE | AT_RECURSIVE | AT_EMPTY_PATH);
	if (tree < 0)
		return -errno;
	snprintf(target, sizeof(target), "%s", path);
	result = jail_parents_make(target);
	if (result == 0)
		result = jail_target_make(path, true);
	if (result == 0 && syscall(SYS_move_mount, tree, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		result = -errno;
	close(tree);
	close(folder);
	return result == 0 ? jail_mount_restrict(path, JAIL_FOLDER_FLAGS) : result;
}

static int
jail_system_show(void)
{
	int result = 0;

	for (size_t i = 0; i < jail_path_count && result == 0; i++)
		result = jail_pattern_show(&jail_paths[i]);
	return result;
}

/* The data directory serves as the place to stand on: it surely exists, and is hidden from then on. */
static int
jail_root_pivot(const JailSpec *spec)
{
	const char *base = spec->data_directory;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("pybox", base, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=1m") < 0 || chdir(base) < 0 ||
		mkdir(JAIL_OLD + 1, 0700) < 0 || syscall(SYS_pivot_root, ".", JAIL_OLD + 1) < 0 || chdir("/") < 0)
		return -errno;
	return 0;
}

/* Resolves the caller's paths while the machine's root is still there; the memory lives until execve. */
static int
jail_places_resolve(const JailSpec *spec, char *real[JAIL_PLACES_MAX])
{
	size_t count = 0;

	real[count++] = realpath(spec->program, NULL);
	for (const char *const *package = spec->packages; *package != NULL; package++)
	{
		if (count == JAIL_PLACES_MAX)
			return -E2BIG;
		real[count++] = realpath(*package, NULL);
	}
	for (size_t i = 0; i < count; i++)
		if (real[i] == NULL)
			return -ENOENT;
	return 0;
}

int
jail_root_enter(const JailSpec *spec)
{
	char *real[JAIL_PLACES_MAX];
	int result = jail_places_resolve(spec, real);

	if (result == 0)
		result = jail_root_pivot(spec);
	if (result == 0)
		result = jail_system_show();
	if (result == 0)
		result = jail_place_show(spec->program, real[0]);
	for (size_t i = 0; spec->packages[i] != NULL && result == 0; i++)
		result = jail_place_show(spec->packages[i], real[i + 1]);
	for (const char *const *folder = spec->folders; *folder != NULL && result == 0; folder++)
		result = jail_folder_show(*folder);
	if (result == 0 && spec->has_tmp && mkdir("/tmp", 0755) < 0 && errno != EEXIST)
		result = -errno;
	if (result == 0 && (umount2(JAIL_OLD, MNT_DETACH) < 0 || rmdir(JAIL_OLD) < 0))
		result = -errno;
	return result == 0 ? jail_mount_restrict("/", MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID) : result;
}
