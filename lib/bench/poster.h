/* poster.h - one message, one request
 *
 * To a server of rt's protocol POST /pub/ROOM, to others what their profile says. Connections are
 * kept alive; a message is never sent twice. */
#ifndef RT_BENCH_POSTER_H
#define RT_BENCH_POSTER_H

#include "bench/profile.h"
#include "client/client.h"

struct poster;

enum poster_news {
	POSTER_READY,   /* it has connected */
	POSTER_DOWN,    /* it could not, and tries again */
	POSTER_FAILED,  /* ... and has given up */
	/* What became of a message: */
	POSTER_TAKEN,
	POSTER_REFUSED, /* by its status, or by what the answer says */
	POSTER_UNSENT,  /* could not connect: it was never on its way */
	POSTER_UNKNOWN, /* the connection broke, or 10 s passed, before there was an answer */
};

/* `why` is a clause, with POSTER_DOWN and POSTER_FAILED a sentence; it says nothing with
 * POSTER_READY and POSTER_TAKEN. */
typedef void poster_told(void *arg, enum poster_news what, const struct err *why);

/* `client` (whose url is the one to publish to) is copied, what it points to kept, and `profile`.
 * NULL and a sentence on a bad setting. */
struct poster *poster_new(uv_loop_t *loop, const struct client_conf *client,
	const struct profile *profile, poster_told *told, void *arg, struct err *e);
/* Makes a connection, and closes it, to see whether there is somebody: now, and whenever a message
 * could not be sent; with pauses that double from 100 ms to 1 s, and no longer than
 * retry_first_ms until the first is made. `n` posters share the loop: so many connections are
 * worth keeping. */
void poster_connect(struct poster *p, unsigned n);
/* One at a time: false while another is under way, or it is told that it is down. `told` is called
 * before the next. All is copied. */
bool poster_send(struct poster *p, const struct profile_fill *fill);
bool poster_is_busy(const struct poster *p);
/* Not from `told`. NULL is fine. */
void poster_free(struct poster *p);

#endif
