/*
 * control_fuzz.c - the launcher's messages from hostile ends: a zygote that packages have taken over, a child before it is
 * confined, a backend, and packets of any form with descriptors.
 *
 * The launcher is real but for its processes: the zygote here is a socket whose other end is the input. Nothing may be
 * leaked, whatever is said. This file includes the file under test for the
 * zygote's static entry point.
 */
#include "tests/fuzz/fuzz.h"

#include "sandbox/launcher_zygote_process.c"

#include <fcntl.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "sandbox/launcher_backend.h"
#include "sandbox/launcher_lease.h"

#define PACKETS_MAX 24
#define SPARES 2

/* In the place of launcher_log.c: what it would write to the server's log is only put together. */
void
launcher_log(const char *format, ...)
{
	static char line[4096];
	va_list arguments;

	va_start(arguments, format);
	FUZZ_CHECK(vsnprintf(line, sizeof(line), format, arguments) >= 0);
	va_end(arguments);
}

static Launcher launcher;
static int own_pidfd = -1; /* a process that is not the zygote's child */

static void
launcher_make(void)
{
	const char *policy = "version: 1\nnode: {slots: 4}\npools: {a: {spares: 2}, b: {spares: 0}}\nassign: [{pool: a}]\n";
	PolicyError error;

	memset(&launcher, 0, sizeof(launcher));
	launcher.scheduler.fd = launcher.listener.fd = launcher.signals.fd = -1;
	launcher.directory_fd = -1;
	launcher.interpreter_max = 8;
	launcher.next_id = 1;
	cgroup_open(&launcher.cgroup, "");
	FUZZ_CHECK(launcher_loop_open(&launcher) == 0);
	FUZZ_CHECK(policy_parse(policy, strlen(policy), &launcher.policy, &error) == 0);
	launcher.policy.require = 0;
}

/* One that is up, and whose spares are being forked; its end of the socket is returned. */
static int
zygote_make(Zygote *zygote)
{
	int sockets[2];

	memset(zygote, 0, sizeof(*zygote));
	zygote->launcher = &launcher;
	zygote->pool = launcher.policy.pools[0];
	zygote->pool.spares = SPARES;
	zygote->trusted = zygote->keeps_spares = true;
	zygote->report_fd = zygote->control.fd = zygote->exit.fd = -1;
	zygote->leases_end = &zygote->leases;
	zygote->state = ZYGOTE_RUNNING;
	zygote->next = launcher.zygotes;
	launcher.zygotes = zygote;
	FUZZ_CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sockets) == 0);
	FUZZ_CHECK(launcher_source_open(&launcher, &zygote->control, sockets[0], zygote_control_ready, zygote) == 0);
	zygote_advance(zygote);
	return sockets[1];
}

static int
backend_make(Backend *backend)
{
	int sockets[2];

	memset(backend, 0, sizeof(*backend));
	backend->launcher = &launcher;
	FUZZ_CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sockets) == 0);
	backend->socket.fd = sockets[0];
	return sockets[1];
}

/* Every field that somebody reads is the input's; now and then the packet has another size. */
static size_t
packet_take(FuzzInput *input, ControlMessage *message)
{
	uint8_t shape = (uint8_t) fuzz_take(input, 1);

	memset(message, 0, sizeof(*message));
	message->kind = (uint32_t) fuzz_take(input, 1) % (CONTROL_KIND_COUNT + 2);
	message->status = (int32_t) fuzz_take(input, 2) << (shape & 8);
	message->id = fuzz_take(input, 1) % 16;
	message->generation = fuzz_take(input, 1);
	message->layers = shape & 1 ? LAYER_ALL : (uint32_t) fuzz_take(input, 4);
	message->trusted = shape & 2;
	message->count = (uint32_t) fuzz_take(input, 1) % (CONTROL_USAGES_MAX + 2);
	memset(message->text, shape, sizeof(message->text));
	memset(message->pool, shape & 4 ? 'x' : '\0', sizeof(message->pool));
	if (shape & 16)
		message->pool[0] = 'c';
	for (int i = 0; i < CONTROL_USAGES_MAX; i++)
		message->usages[i].id = (uint64_t) i;
	return shape < 0xf0 ? sizeof(*message) : (size_t) fuzz_take(input, 2) % (2 * sizeof(*message));
}

static void
packet_send(int socket, const void *bytes, size_t size, unsigned fd_count)
{
	union
	{
		struct cmsghdr align;
		char bytes[CMSG_SPACE(8 * sizeof(int))];
	} ancillary = {0};
	struct iovec packet = {(void *) bytes, size};
	struct msghdr header = {.msg_iov = &packet, .msg_iovlen = 1};
	struct cmsghdr *part;

	if (fd_count > 0)
	{
		header.msg_control = ancillary.bytes;
		header.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
		part = CMSG_FIRSTHDR(&header);
		part->cmsg_level = SOL_SOCKET;
		part->cmsg_type = SCM_RIGHTS;
		part->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
		for (unsigned i = 0; i < fd_count; i++)
			memcpy(CMSG_DATA(part) + i * sizeof(int), &own_pidfd, sizeof(int));
	}
	(void) sendmsg(socket, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void
socket_empty(int socket)
{
	ControlMessage message;
	int fds[CONTROL_FDS_MAX], count;

	while (control_receive(socket, &message, fds, &count) == 1)
		for (int i = 0; i < count; i++)
			close(fds[i]);
}

static void
zygote_hears(Zygote *zygote)
{
	if (zygote->control.fd >= 0 && zygote->state != ZYGOTE_DOWN)
		zygote->control.ready(zygote);
}

/* A child on its way says something on its own socket: the newest one that still has it. */
static void
child_hears(const void *bytes, size_t size, unsigned fd_count)
{
	for (Interpreter *interpreter = launcher.interpreters; interpreter != NULL; interpreter = interpreter->next)
	{
		static union
		{
			ControlMessage message;
			uint8_t bytes[2 * sizeof(ControlMessage)];
		} copy;
		int sockets[2];

		if (interpreter->socket.fd < 0)
			continue;
		/* Its real other end is on the way to the zygote: the input's takes its place. */
		FUZZ_CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sockets) == 0);
		FUZZ_CHECK(dup3(sockets[0], interpreter->socket.fd, O_CLOEXEC) >= 0);
		close(sockets[0]);
		memcpy(copy.bytes, bytes, size < sizeof(copy) ? size : sizeof(copy));
		packet_send(sockets[1], copy.bytes, size, fd_count);
		interpreter->socket.ready(interpreter);
		close(sockets[1]);
		return;
	}
}

static void
backend_hears(Backend *backend)
{
	ControlMessage message;
	int fds[CONTROL_FDS_MAX], count;
	int result = control_receive(backend->socket.fd, &message, fds, &count);

	FUZZ_CHECK(count >= 0 && count <= CONTROL_FDS_MAX && (result == 1 || count == 0));
	for (int i = 0; i < count; i++)
		close(fds[i]);
	if (result != 1)
		return;
	FUZZ_CHECK(memchr(message.text, '\0', sizeof(message.text)) != NULL);
	FUZZ_CHECK(memchr(message.pool, '\0', sizeof(message.pool)) != NULL);
	FUZZ_CHECK(message.count <= CONTROL_USAGES_MAX);
	if (message.kind == CONTROL_LEASE && policy_pool_find(&launcher.policy, message.pool) < 0)
		lease_request(backend, &message);
}

static void
conversation(FuzzInput *input, Zygote *zygote, int zygote_end, Backend *backend, int backend_end)
{
	static uint8_t bytes[2 * sizeof(ControlMessage)];

	for (int i = 0; i < PACKETS_MAX && fuzz_left(input) > 0; i++)
	{
		uint8_t who = (uint8_t) fuzz_take(input, 1);
		ControlMessage message;
		size_t size = packet_take(input, &message);
		unsigned fd_count = who >> 5;

		memcpy(bytes, &message, sizeof(message));
		if (who % 3 == 0)
		{
			packet_send(zygote_end, bytes, size, fd_count);
			zygote_hears(zygote);
		}
		else if (who % 3 == 1)
			child_hears(bytes, size, fd_count);
		else
		{
			packet_send(backend_end, bytes, size, fd_count);
			backend_hears(backend);
		}
		interpreter_expire(&launcher, launcher_now_ms());
		socket_empty(zygote_end);
		socket_empty(backend_end);
	}
}

static int
lowest_free(void)
{
	int fd = fcntl(STDERR_FILENO, F_DUPFD, 0);

	close(fd);
	return fd;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FuzzInput input = {data, data + size};
	static Zygote zygote;
	Backend backend;
	int lowest, zygote_end, backend_end;

	if (own_pidfd < 0)
		own_pidfd = (int) syscall(SYS_pidfd_open, getpid(), 0);
	FUZZ_CHECK(own_pidfd >= 0);
	lowest = lowest_free();
	launcher_make();
	zygote_end = zygote_make(&zygote);
	backend_end = backend_make(&backend);
	conversation(&input, &zygote, zygote_end, &backend, backend_end);
	zygote.retired = false;
	zygote.state = ZYGOTE_ENDING;
	interpreter_orphan_all(&zygote);
	FUZZ_CHECK(launcher.interpreters == NULL && launcher.interpreter_count == 0);
	zygote_process_close(&zygote);
	close(zygote_end);
	close(backend_end);
	close(backend.socket.fd);
	close(launcher.epoll);
	FUZZ_CHECK(lowest_free() == lowest);
	return 0;
}

const char *
fuzz_word(unsigned number)
{
	(void) number;
	return NULL;
}

/* Each kind from each end, after a message that is in its place. */
size_t
fuzz_seed(unsigned number, uint8_t *data, size_t capacity)
{
	uint8_t packets[] = {
		/* who, shape, kind, status, id, generation, count */
		0x20, 1, CONTROL_FORKED, 0, 0, 1, 0, 0, (uint8_t) (number % 3), 1, (uint8_t) (number / 3), 1, 0, 2, 0, 1,
	};

	if (number >= 3 * (CONTROL_KIND_COUNT + 2) || capacity < sizeof(packets))
		return 0;
	memcpy(data, packets, sizeof(packets));
	return sizeof(packets);
}
