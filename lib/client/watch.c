/* watch.c - an epoll instance inside the epoll instance of the loop */
#include "client/watch.h"

#include "base/mem.h"

#include <sys/epoll.h>
#include <unistd.h>

struct watch {
	uv_poll_t poll; /* of `epoll` */
	int epoll, fd;
	unsigned events;
	void (*ready)(void *arg, unsigned events);
	void *arg;
};

static void on_ready(uv_poll_t *handle, int status, int events)
{
	struct watch *w = handle->data;
	struct epoll_event ev;
	unsigned got = 0;

	(void)status;
	(void)events;
	if (epoll_wait(w->epoll, &ev, 1, 0) != 1)
		return;
	if (ev.events & EPOLLIN)
		got |= WATCH_READ;
	if (ev.events & EPOLLOUT)
		got |= WATCH_WRITE;
	if (ev.events & (EPOLLERR | EPOLLHUP))
		got |= WATCH_ERROR;
	w->ready(w->arg, got);
}

struct watch *watch_new(
	uv_loop_t *loop, int fd, void (*ready)(void *arg, unsigned events), void *arg)
{
	struct epoll_event none = { .events = 0 };
	struct watch *w = NULL;
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	/* The kernel refuses what has no readiness; that is the question asked here. */
	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &none) != 0)
		goto out;
	epoll_ctl(epoll, EPOLL_CTL_DEL, fd, &none);
	w = mem_new(struct watch);
	w->epoll = epoll;
	w->fd = fd;
	w->ready = ready;
	w->arg = arg;
	if (uv_poll_init(loop, &w->poll, epoll) != 0) {
		mem_free(w);
		w = NULL;
		goto out;
	}
	w->poll.data = w;
	epoll = -1;
out:
	if (epoll >= 0)
		close(epoll);
	return w;
}

void watch_want(struct watch *w, unsigned events)
{
	struct epoll_event ev = { .events = 0 };

	if (events == w->events)
		return;
	if (events & WATCH_READ)
		ev.events |= EPOLLIN;
	if (events & WATCH_WRITE)
		ev.events |= EPOLLOUT;
	/* A hang-up cannot be masked, only taken out: else the loop would spin on it. */
	epoll_ctl(w->epoll, events == 0 ? EPOLL_CTL_DEL : w->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD,
		w->fd, &ev);
	w->events = events;
	if (events)
		uv_poll_start(&w->poll, UV_READABLE, on_ready);
	else
		uv_poll_stop(&w->poll);
}

static void on_closed(uv_handle_t *handle)
{
	struct watch *w = handle->data;

	close(w->epoll);
	mem_free(w);
}

void watch_free(struct watch *w)
{
	if (!w)
		return;
	uv_poll_stop(&w->poll);
	uv_close((uv_handle_t *)&w->poll, on_closed);
}
