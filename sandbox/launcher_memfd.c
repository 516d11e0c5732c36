/* launcher_memfd.c - makes sealed anonymous files: a process that shrank one would kill whoever maps it. */
#include "sandbox/launcher_memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

int
launcher_memfd_make(const char *name, size_t size, const void *bytes, size_t length, int seals)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int error = 0;

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t) size) < 0)
		error = errno;
	else
	{
		ssize_t written = pwrite(fd, bytes, length, 0);

		if (written != (ssize_t) length)
			error = written < 0 ? errno : EIO;
		else if (fcntl(fd, F_ADD_SEALS, seals) < 0)
			error = errno;
	}
	if (error == 0)
		return fd;
	close(fd);
	return -error;
}
