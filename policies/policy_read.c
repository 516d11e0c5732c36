/*
 * policy_read.c - a policy file's bytes, if nobody but root or the server can have written them.
 *
 * DESIGN: symbolic links are followed, because configuration often is one; what counts is checked on the descriptor of
 * the file that was opened, so that nothing can be swapped in between. Whoever may change the link or a directory on
 * the way may choose among the files that pass. O_NONBLOCK: a FIFO must not hang the server.
 */
#define _GNU_SOURCE 1
#include "policies/policy_read.h"
#include "policies/policy_text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define COMMAND_PATH_MAX 120 /* a longer path would be cut off in the message, and the command with it */

static const struct
{
	mode_t type;
	const char *words;
} file_types[] = {
	{S_IFDIR, "a directory"}, {S_IFIFO, "a FIFO"},		   {S_IFSOCK, "a socket"},
	{S_IFCHR, "a device"},	  {S_IFBLK, "a block device"}, {0, "something else"},
};

static const char *
file_type(mode_t mode)
{
	size_t i = 0;

	while (file_types[i].type != 0 && file_types[i].type != (mode & S_IFMT))
		i++;
	return file_types[i].words;
}

/*
 * The path as the messages' commands may hold it: whole, ASCII, nothing that a shell or chmod would take for something
 * else.
 */
static const char *
command_path(const char *path)
{
	size_t plain = strspn(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+-");

	return *path != '-' && path[plain] == '\0' && plain <= COMMAND_PATH_MAX ? path : "FILE";
}

int
policy_read_check(const struct stat *status, uid_t self, const char *path, PolicyError *error)
{
	const unsigned foreign = S_IWGRP | S_IWOTH;

	if (!S_ISREG(status->st_mode))
		return policy_error_set(error, 0, 0, "expected a regular file, found %s", file_type(status->st_mode));
	/* The server never runs as root: root is an administrator who checks a file for it. */
	if (status->st_uid != 0 && status->st_uid != self && self != 0)
		return policy_error_set(error, 0, 0,
								"the file belongs to user %u, expected root or user %u; run: chown root %s",
								(unsigned) status->st_uid, (unsigned) self, command_path(path));
	if ((status->st_mode & foreign) != 0)
		return policy_error_set(error, 0, 0,
								"the file has mode %04o, expected no write permission for group and others; "
								"run: chmod go-w %s",
								(unsigned) status->st_mode & 07777, command_path(path));
	if (status->st_size > POLICY_TEXT_MAX)
		return policy_error_set(error, 0, 0, "the file is %lld bytes long, expected at most %d",
								(long long) status->st_size, POLICY_TEXT_MAX);
	return 0;
}

static int
errno_set(PolicyError *error, const char *verb)
{
	const char *reason = strerrordesc_np(errno); /* never translated: no encoding to get wrong */

	return policy_error_set(error, 0, 0, "cannot %s the file: %s", verb, reason != NULL ? reason : "unknown error");
}

/* Up to capacity bytes; *length becomes capacity if there may be more. */
static int
bytes_read(int file, char *bytes, size_t capacity, size_t *length, PolicyError *error)
{
	*length = 0;
	while (*length < capacity)
	{
		ssize_t got = read(file, bytes + *length, capacity - *length);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno_set(error, "read");
		if (got == 0)
			return 0;
		*length += (size_t) got;
	}
	return 0;
}

static int
file_read(int file, const char *path, char *text, size_t *length, PolicyError *error)
{
	struct stat status;
	size_t got, more = 0;
	char beyond;

	if (fstat(file, &status) < 0)
		return errno_set(error, "examine");
	if (policy_read_check(&status, geteuid(), path, error) < 0)
		return -1;
	if (bytes_read(file, text, POLICY_TEXT_MAX, &got, error) < 0)
		return -1;
	if (got == POLICY_TEXT_MAX && bytes_read(file, &beyond, 1, &more, error) < 0)
		return -1;
	if (more > 0) /* it grew since it was examined */
		return policy_error_set(error, 0, 0, "the file is longer than %d bytes", POLICY_TEXT_MAX);
	*length = got;
	return 0;
}

int
policy_read(const char *path, char *text, size_t *length, PolicyError *error)
{
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int result;

	if (file < 0)
		return errno_set(error, "open");
	result = file_read(file, path, text, length, error);
	close(file);
	return result;
}
