/* bell.c - a timerfd on the loop */
#include "bench/bell.h"

#include "base/mem.h"
#include "bench/schedule.h"
#include "client/handle.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

struct bell {
	uv_poll_t *poll;
	int fd;
	void (*ring)(void *arg);
	void *arg;
};

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct bell *a = poll->data;
	uint64_t expired;

	(void)status;
	(void)events;
	if (read(a->fd, &expired, sizeof(expired)) > 0)
		a->ring(a->arg);
}

struct bell *bell_new(uv_loop_t *loop, void (*ring)(void *arg), void *arg, struct err *e)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	struct bell *a;

	if (fd < 0) {
		err_set(e, ERR_IO, "cannot make a timer: %s", strerror(errno));
		return NULL;
	}
	a = mem_new(struct bell);
	*a = (struct bell){ .poll = mem_new(uv_poll_t), .fd = fd, .ring = ring, .arg = arg };
	uv_poll_init(loop, a->poll, fd);
	a->poll->data = a;
	return a;
}

void bell_set(struct bell *a, uint64_t at_ns)
{
	struct itimerspec when = { .it_value = { .tv_sec = (time_t)(at_ns / 1000000000),
					   .tv_nsec = (long)(at_ns % 1000000000) } };

	if (at_ns == SCHEDULE_END)
		when.it_value = (struct timespec){ 0 };
	timerfd_settime(a->fd, TFD_TIMER_ABSTIME, &when, NULL);
	if (!uv_is_active((uv_handle_t *)a->poll))
		uv_poll_start(a->poll, UV_READABLE, on_readable);
}

void bell_stop(struct bell *a)
{
	uv_poll_stop(a->poll);
}

void bell_free(struct bell *a)
{
	if (!a)
		return;
	handle_free(a->poll);
	close(a->fd);
	mem_free(a);
}
