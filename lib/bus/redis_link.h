/* redis_link.h - one connection of hiredis on the libuv loop
 *
 * hiredis's own adapter loses errors and asks the kernel once a command; this one writes once a
 * turn and tells every end. What hiredis must not be asked inside its callbacks waits for
 * redis_link_turn, which runs when a turn ends: it says when a connection is over. */
#ifndef RT_BUS_REDIS_LINK_H
#define RT_BUS_REDIS_LINK_H

#include "base/err.h"
#include "base/str.h"

#include <hiredis/async.h>
#include <uv.h>

struct redis_link;

/* Begins to connect: `host` a numeric address, or NULL with `path` of a unix socket. What is sent
 * before it is connected waits. NULL: see `e`. */
struct redis_link *redis_link_open(
	uv_loop_t *loop, const char *host, int port, const char *path, struct err *e);
/* The replies under way come as NULL, inside this call. Not from a callback of hiredis. NULL is
 * fine. */
void redis_link_close(struct redis_link *l);
/* Writes what was sent in this turn. Returns why the connection is over, or NULL: it is not. */
const char *redis_link_turn(struct redis_link *l);
/* Sends a command; `fn` gets its reply, NULL where the connection ends before, and `arg`. */
void redis_link_send(struct redis_link *l, redisCallbackFn *fn, void *arg, int argc,
	const struct str *argv);

#define REDIS_ARGS_MAX 600

#endif
