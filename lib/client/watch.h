/* watch.h - waits for a descriptor that belongs to others too
 *
 * stdin and stdout are shared with the shell and with other programs of the pipe; uv_poll would
 * make them non-blocking for all of these. A watch asks the kernel through an epoll instance of its
 * own, and leaves the descriptor as it is. */
#ifndef RT_CLIENT_WATCH_H
#define RT_CLIENT_WATCH_H

#include <uv.h>

enum watch_event {
	WATCH_READ = 1,
	WATCH_WRITE = 2,
	WATCH_ERROR = 4, /* hang-up or error: the other end is gone */
};

struct watch;

/* NULL when the descriptor is always ready (a file, /dev/null). Watches for nothing yet. */
struct watch *watch_new(
	uv_loop_t *loop, int fd, void (*ready)(void *arg, unsigned events), void *arg);
/* What to wait for from now on; WATCH_ERROR is reported whenever anything is. 0: for nothing, and
 * the loop may end. */
void watch_want(struct watch *w, unsigned events);
/* The descriptor stays open. May be called from `ready`. */
void watch_free(struct watch *w);

#endif
