/*
 * control.c - sends and receives control messages with their descriptors.
 *
 * Linked into the server, the launcher and the interpreters: no allocation, no output. What comes in is checked for its
 * form only; what a kind means and who may send it is the receiver's table to say.
 */
#include "sandbox/control.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define CONTROL_FDS_BYTES (CONTROL_FDS_MAX * sizeof(int))

typedef union ControlAncillary
{
	struct cmsghdr align;
	char bytes[CMSG_SPACE(CONTROL_FDS_BYTES)];
} ControlAncillary;

static void
control_fds_put(struct msghdr *header, ControlAncillary *ancillary, const int *fds, int fd_count)
{
	struct cmsghdr *part;

	memset(ancillary, 0, sizeof(*ancillary));
	header->msg_control = ancillary->bytes;
	header->msg_controllen = CMSG_SPACE((size_t) fd_count * sizeof(int));
	part = CMSG_FIRSTHDR(header);
	part->cmsg_level = SOL_SOCKET;
	part->cmsg_type = SCM_RIGHTS;
	part->cmsg_len = CMSG_LEN((size_t) fd_count * sizeof(int));
	memcpy(CMSG_DATA(part), fds, (size_t) fd_count * sizeof(int));
}

int
control_send(int socket, const ControlMessage *message, const int *fds, int fd_count)
{
	struct iovec packet = {(void *) message, sizeof(*message)};
	struct msghdr header = {.msg_iov = &packet, .msg_iovlen = 1};
	ControlAncillary ancillary;
	ssize_t sent;

	if (fd_count < 0 || fd_count > CONTROL_FDS_MAX)
		return -EINVAL;
	if (fd_count > 0)
		control_fds_put(&header, &ancillary, fds, fd_count);
	/* A confined interpreter has send, but not sendmsg, which could pass descriptors. */
	do
		sent = fd_count > 0 ? sendmsg(socket, &header, MSG_NOSIGNAL)
							: send(socket, message, sizeof(*message), MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

/* Takes the descriptors of every part; those that do not fit are closed and make the result -EPROTO. */
static int
control_fds_take(struct msghdr *header, int fds[CONTROL_FDS_MAX], int *fd_count)
{
	int result = 0;

	for (struct cmsghdr *part = CMSG_FIRSTHDR(header); part != NULL; part = CMSG_NXTHDR(header, part))
	{
		size_t count = part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_RIGHTS
						   ? (part->cmsg_len - CMSG_LEN(0)) / sizeof(int)
						   : 0;

		for (size_t i = 0; i < count; i++)
		{
			int fd;

			memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
			if (*fd_count < CONTROL_FDS_MAX)
				fds[(*fd_count)++] = fd;
			else
			{
				close(fd);
				result = -EPROTO;
			}
		}
	}
	return result;
}

static int
control_message_check(ControlMessage *message, size_t size, int flags)
{
	if ((flags & MSG_CTRUNC) != 0)
		return -EMFILE;
	if (size != sizeof(*message) || (flags & MSG_TRUNC) != 0)
		return -EPROTO;
	if (message->kind == 0 || message->kind >= CONTROL_KIND_COUNT || message->count > CONTROL_USAGES_MAX)
		return -EPROTO;
	message->pool[sizeof(message->pool) - 1] = '\0';
	message->text[sizeof(message->text) - 1] = '\0';
	return 0;
}

int
control_receive(int socket, ControlMessage *message, int fds[CONTROL_FDS_MAX], int *fd_count)
{
	struct iovec packet = {message, sizeof(*message)};
	ControlAncillary ancillary;
	struct msghdr header = {
		.msg_iov = &packet, .msg_iovlen = 1, .msg_control = ancillary.bytes, .msg_controllen = sizeof(ancillary.bytes)};
	ssize_t received;
	int result;

	*fd_count = 0;
	for (int i = 0; i < CONTROL_FDS_MAX; i++)
		fds[i] = -1;
	do
		received = recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
	while (received < 0 && errno == EINTR);
	if (received < 0)
		return errno == EAGAIN ? -EAGAIN : -errno;
	result = control_fds_take(&header, fds, fd_count);
	if (received == 0 && *fd_count == 0)
		return 0;
	if (result == 0)
		result = control_message_check(message, (size_t) received, header.msg_flags);
	if (result == 0)
		return 1;
	for (int i = 0; i < *fd_count; i++)
	{
		close(fds[i]);
		fds[i] = -1;
	}
	*fd_count = 0;
	return result;
}
