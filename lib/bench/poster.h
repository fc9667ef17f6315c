/* poster.h - one message, one request
 *
 * To a server of rt's protocol POST /pub/ROOM, to others what their profile says. */
#ifndef RT_BENCH_POSTER_H
#define RT_BENCH_POSTER_H

#include "bench/profile.h"
#include "client/client.h"

struct poster;

/* `status` 0: there was no answer, and `why` is a clause; else `why` is the body's first bytes. */
typedef void poster_done(void *arg, unsigned status, struct str why);

/* `client` (whose url is the one to publish to) is copied, what it points to kept, and `profile`.
 * NULL and a sentence on a bad setting. */
struct poster *poster_new(uv_loop_t *loop, const struct client_conf *client,
	const struct profile *profile, const char *room, poster_done *done, void *arg, struct err *e);
/* One at a time: `done` is called before the next. `text` is copied. */
void poster_send(struct poster *p, const struct profile_fill *fill);
bool poster_is_busy(const struct poster *p);
/* Not from `done`. NULL is fine. */
void poster_free(struct poster *p);

#endif
