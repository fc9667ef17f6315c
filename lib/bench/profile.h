/* profile.h - how to subscribe and publish on a server, as data
 *
 * A JSON object (rt-bench(1) describes it) of templates. In them {room}, {seq} (number of the
 * message in its stream), {stamp} (its mark: bench/mark.h) and {message} (a JSON object with the
 * mark, of the size asked for) are replaced; other braces stand for themselves. Shipped: rt,
 * centrifugo, nchan, mercure, raw. */
#ifndef RT_BENCH_PROFILE_H
#define RT_BENCH_PROFILE_H

#include "base/buf.h"
#include "base/err.h"

enum transport { TRANSPORT_WS, TRANSPORT_SSE, TRANSPORT_STREAM, TRANSPORT_POLL, TRANSPORTS };

extern const char *const transport_names[TRANSPORTS];

/* How one transport subscribes; path NULL: it does not. */
struct profile_way {
	const char *path;        /* and query; "": that of the URL */
	const char *const *open; /* messages sent once the connection is up; NULL-terminated */
	const char *ready; /* what a message has in it that says: subscribed. NULL: up is enough */
};

enum profile_publish {
	PUBLISH_NONE,
	PUBLISH_RT, /* rt's own protocol, over the transport's connection or POST */
	PUBLISH_WS, /* messages on a WebSocket */
	PUBLISH_POST, /* one request a message */
};

struct profile {
	const char *name, *about;
	struct profile_way ways[TRANSPORTS];
	enum profile_publish publish;
	struct profile_way publish_way; /* PUBLISH_WS, PUBLISH_POST */
	const char *message;            /* of PUBLISH_WS: the frame; of PUBLISH_POST: the body */
	const char *const *headers;     /* of PUBLISH_POST; NULL-terminated */
	/* PUBLISH_WS: what an ack has in it; NULL: none is sent. PUBLISH_POST: what an answer has in
	 * it when the message was taken; NULL: a status of 2xx is enough. */
	const char *ack;
	const char *const *gaps;    /* what a message has in it that declares missing ones */
	const char *const *ignored; /* ... that is neither a message nor garbage */
	const char *const *answers; /* pairs: a message that is exactly this is answered with that */
};

/* A shipped one by name, or a file. NULL and a sentence: ERR_NOTFOUND, ERR_IO, ERR_INVALID. */
struct profile *profile_load(const char *name_or_file, struct err *e);
void profile_free(struct profile *p);
/* Names of the shipped ones, separated by commas. */
const char *profile_names(void);

struct profile_fill {
	struct str room, stamp, message;
	uint64_t seq;
};

/* Appends `template` with its placeholders filled in. */
void profile_fill(struct buf *out, const char *template, const struct profile_fill *f);
/* What a message that is exactly `text` is answered with; NULL: with nothing. */
const char *profile_answer(const struct profile *p, struct str text);
/* Is any of the NULL-terminated words in the text? `words` may be NULL. */
bool profile_has(const char *const *words, struct str text);

#endif
