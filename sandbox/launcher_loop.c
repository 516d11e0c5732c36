/*
 * launcher_loop.c - waits for descriptors and deadlines, and calls who owns them.
 *
 * DESIGN. One event a turn, so that a handler may free what another event of the same moment would have named; the
 * kernel keeps the order fair. Deadlines are asked for anew each turn: there are few objects and few turns, as no call
 * of a function passes here. With nothing to do the launcher sleeps.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "sandbox/launcher.h"
#include "sandbox/launcher_backend.h"
#include "sandbox/launcher_grave.h"
#include "sandbox/launcher_interpreter.h"
#include "sandbox/launcher_zygote.h"

int64_t
launcher_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int
launcher_loop_open(Launcher *launcher)
{
	launcher->epoll = epoll_create1(EPOLL_CLOEXEC);
	return launcher->epoll < 0 ? -errno : 0;
}

int
launcher_source_open(Launcher *launcher, LauncherSource *source, int fd, void (*ready)(void *owner), void *owner)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = source};
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
		epoll_ctl(launcher->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
	{
		int error = errno;

		close(fd);
		return -error;
	}
	source->fd = fd;
	source->ready = ready;
	source->owner = owner;
	return 0;
}

/* Others may still hold the same open file, which would keep it in the epoll set: take it out by name. */
void
launcher_source_close(Launcher *launcher, LauncherSource *source)
{
	if (source->fd < 0)
		return;
	epoll_ctl(launcher->epoll, EPOLL_CTL_DEL, source->fd, NULL);
	close(source->fd);
	source->fd = -1;
}

void
launcher_source_mute(Launcher *launcher, LauncherSource *source)
{
	struct epoll_event event = {.data.ptr = source};

	(void) epoll_ctl(launcher->epoll, EPOLL_CTL_MOD, source->fd, &event);
}

void
launcher_source_unmute(Launcher *launcher, LauncherSource *source)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = source};

	(void) epoll_ctl(launcher->epoll, EPOLL_CTL_MOD, source->fd, &event);
}

static int64_t
launcher_loop_deadline(const Launcher *launcher)
{
	const int64_t deadlines[] = {zygote_deadline(launcher), interpreter_deadline(launcher), grave_deadline(launcher),
								 backend_deadline(launcher)};
	int64_t first = LAUNCHER_NEVER;

	for (size_t i = 0; i < sizeof(deadlines) / sizeof(deadlines[0]); i++)
		if (deadlines[i] < first)
			first = deadlines[i];
	return first;
}

/* In ms for epoll_wait: -1 for never. */
static int
launcher_loop_timeout(const Launcher *launcher)
{
	int64_t deadline = launcher_loop_deadline(launcher);
	int64_t left;

	if (deadline == LAUNCHER_NEVER)
		return -1;
	left = deadline - launcher_now_ms();
	return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int) left;
}

void
launcher_loop_run(Launcher *launcher)
{
	while (!launcher->stopping)
	{
		struct epoll_event event;
		int count = epoll_wait(launcher->epoll, &event, 1, launcher_loop_timeout(launcher));

		if (count > 0)
		{
			LauncherSource *source = event.data.ptr;

			source->ready(source->owner);
		}
		else if (count < 0 && errno != EINTR)
		{
			launcher_log("cannot wait for events: errno %d", errno);
			return;
		}
		interpreter_expire(launcher, launcher_now_ms());
		zygote_expire(launcher, launcher_now_ms());
		grave_expire(launcher, launcher_now_ms());
		backend_expire(launcher, launcher_now_ms());
	}
}
