/* sock.h - one accepted socket: bytes in, bytes out
 *
 * libwebsockets carries it in the raw-skt role: it polls and reads. It parses nothing: its HTTP
 * role loops for ever on two pipelined requests with bodies, and hides the raw URI. Everything that
 * knows of lws on the server's side is in sock.c. */
#ifndef RT_NET_SOCK_H
#define RT_NET_SOCK_H

#include "base/err.h"
#include "base/str.h"

#include <uv.h>

struct sock;

struct sock_ops {
	/* Bytes arrived; they may be changed in place and are gone when the call returns. */
	void (*data)(struct sock *s, char *p, size_t n);
	/* A choked socket takes bytes again. */
	void (*writable)(struct sock *s);
	/* The peer sent its last byte, or the connection broke, or sock_close took effect. The sock
	 * is gone when this returns. */
	void (*closed)(struct sock *s);
};

struct sock {
	struct lws *wsi; /* NULL once closed */
	const struct sock_ops *ops;
	int fd;
	bool choked;            /* the kernel's buffer was full: wait for writable */
	bool paused, closing;
	struct sock_rest *rest; /* what the kernel has yet to take; NULL unless choked */
	uint64_t written;       /* bytes the kernel took */
};

/* How far the peer has come with what it was sent. */
struct sock_view {
	uint64_t written;
	int64_t taken;    /* bytes it has taken: written less what the kernel still keeps for it */
	bool choked;
	bool waits;       /* bytes wait here because its own buffers are full */
};

struct sock_engine; /* one per process: the lws context */

#define SOCK_BATCH_MAX 65536 /* bytes a caller writes at once, at most */

struct sock_engine *sock_engine_open(uv_loop_t *loop, struct err *e);
void sock_engine_close(struct sock_engine *en); /* closes every socket: closed() is called */

/* Takes an accepted, non-blocking fd (closed on failure). */
int sock_adopt(struct sock_engine *en, struct sock *s, const struct sock_ops *ops, int fd);
/* Takes all n bytes. 0; or ERR_BUSY: taken, but the socket is choked now and the rest is kept for
 * it: write no more before writable(); or ERR_CLOSED: closed() follows. Never call it while
 * choked. */
int sock_write(struct sock *s, const char *p, size_t n);
struct sock_view sock_look(const struct sock *s);
/* Between two looks: has a peer with full buffers made room? Then it reads, however slowly. Not so
 * where nothing waited for it: that its kernel takes a few bytes says nothing of the program. */
bool sock_moved(const struct sock_view *was, const struct sock_view *is);
/* Stops and resumes reading. */
void sock_pause(struct sock *s, bool paused);
/* No more bytes will be written: the peer sees the end of what was sent. */
void sock_shutdown(struct sock *s);
/* Closes soon; closed() follows from the loop. */
void sock_close(struct sock *s);
int sock_fd(const struct sock *s);

#endif
