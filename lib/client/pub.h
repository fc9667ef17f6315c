/* pub.h - a whole run of rt-pub: input, client and acknowledgements until the end of it
 *
 * Sentences about lines, outages and the sum at the end go to the log. */
#ifndef RT_CLIENT_PUB_H
#define RT_CLIENT_PUB_H

#include "client/client.h"
#include "client/compose.h"
#include "client/feed.h"

struct pub;

struct pub_conf {
	struct client_conf client;
	struct compose_conf compose;
	struct feed_conf feed; /* client and compose are filled in */
	bool acks;             /* acknowledgements on stdout, a JSON line each */
	int64_t timeout_ms;    /* for `feed.count`, else for the first connection; -1: none */
	int64_t for_ms;        /* stops after that time; -1: none */
};

/* `ended` is called once, from the loop: `code` is 0 or what ended it (ERR_CLOSED: the reader of stdout is gone), said in the log
 * already; `partial` when not every line was published. Then pub_free. `conf` is kept. NULL and a sentence on a bad setting: ERR_USAGE,
 * ERR_UNSUPPORTED, or ERR_INVALID, ERR_IO for the cursor file. */
struct pub *pub_new(uv_loop_t *loop, struct pub_conf *conf, void (*ended)(void *arg, int code, bool partial),
	void *arg, struct err *e);
void pub_start(struct pub *p);
/* Reads no further, waits 2 s for acknowledgements, ends. */
void pub_stop(struct pub *p);
/* Not from a callback. Writes the cursor file: 0 or ERR_IO. NULL is fine. */
int pub_free(struct pub *p, struct err *e);

#endif
