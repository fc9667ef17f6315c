/* listen.h - listening sockets, and the rate and number of what they accept
 *
 * Own sockets (lws listens on nothing): a busy address is an error at start, sockets may be
 * inherited (LISTEN_FDS), and at the limit of connections or files the socket is not polled
 * rather than spun on. */
#ifndef RT_NET_LISTEN_H
#define RT_NET_LISTEN_H

#include "base/buf.h"
#include "base/err.h"

#include <uv.h>

struct listener;

struct listen_peer {
	struct str text;    /* "192.0.2.1:4711", "[2001:db8::1]:4711", "unix" */
	struct str address; /* whom limits mean: 4 bytes of IPv4 (also where it came mapped into
	                     * IPv6), the first 8 of IPv6, none of a unix socket */
	bool loopback;
};

/* Called for each accepted socket: non-blocking, close-on-exec, TCP_NODELAY. The callee owns fd. */
typedef void listen_fn(void *arg, int fd, const struct listen_peer *peer);

/* "9000" "127.0.0.1:8080" (loopback only without a host) ":9000" (all addresses) "[::1]:9000"
 * "host:9000" "unix:PATH". Binds and listens; accepts after listen_start. ERR_IO when the address
 * is in use, with another port to try. */
struct listener *listen_open(
	uv_loop_t *loop, struct str spec, listen_fn *fn, void *arg, struct err *e);
/* 0, or ERR_USAGE: could it be an address at all? */
int listen_check(struct str spec, struct err *e);
/* An inherited listening socket. */
struct listener *listen_adopt(uv_loop_t *loop, int fd, listen_fn *fn, void *arg, struct err *e);
void listen_start(struct listener *l);
/* Stops accepting; connections wait in the kernel's queue until listen_start. */
void listen_stop(struct listener *l);
void listen_close(struct listener *l); /* frees later, from the loop; NULL is fine; removes a
                                        * unix socket's file */
/* "127.0.0.1:8080", as bound; lives as long as the listener. */
const char *listen_address(const struct listener *l);
bool listen_is_loopback(const struct listener *l);

#endif
