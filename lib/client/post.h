/* post.h - publishing over HTTP: one long POST /pub whose answer lines are the acks, in order
 *
 * Opened when there is something to send and nothing open; a server may end it whenever it likes,
 * then the next one sends what has no outcome again.
 *
 * Its body ends with the input, since a proxy may gather a request and hand on only a whole one. An
 * input that goes on cannot be waited for either: where nothing is answered for some seconds the
 * body ends too, and from then on each ends with what there is to send: the way is through such a
 * proxy, by batches. Only http.c includes this. */
#ifndef RT_CLIENT_POST_H
#define RT_CLIENT_POST_H

#include "base/line.h"
#include "client/carrier.h"
#include "client/multi.h"

struct post {
	struct client *client;
	struct transfer *transfer; /* NULL: none is open */
	struct buf out;            /* what libcurl has not taken yet, from `taken` on */
	size_t taken;
	uint64_t answered; /* the ref that the next answer is about */
	uint64_t first;    /* what it was at the beginning */
	struct line in;
	struct alarm patience; /* with an answer */
	bool batches;  /* something on the way hands on only whole requests */
	bool asked;    /* libcurl has sent the head of the request */
	bool hurried;  /* the body ends though there is nothing in it: for the sake of an answer */
	bool body_ended;
	bool paused, finishing;
	/* The server takes the request: its answer has begun. The POST failed or the server ended
	 * it badly: whoever is called drops everything. */
	void (*connected)(struct post *p);
	void (*failed)(struct post *p, int code, const char *why);
	void (*ended)(struct post *p); /* after post_finish */
};

void post_init(struct post *p, struct client *c);
void post_fini(struct post *p);
/* Opens a POST, where none is open. */
void post_open(struct post *p, struct multi *m);
/* Goes on with the open one, or opens one for what waits. */
void post_send(struct post *p, struct multi *m);
/* Ends the body; `ended` follows. False when nothing is open. */
bool post_finish(struct post *p);
void post_stop(struct post *p);

#endif
