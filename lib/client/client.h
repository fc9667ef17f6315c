/* client.h - one client under rt-pub, rt-sub, rt-presence and rt-bench
 *
 * Connects to an rt-serve (or, with `raw`, to any WebSocket or SSE server), subscribes from a
 * position, publishes with a window of unacknowledged messages, and survives outages: it reconnects
 * by the one rule of rt-wire(7) (first after a random 0-5 s, then full jitter over a doubling
 * window, at most 30 s; before the first connection ever made: at once, then every 100 ms doubling
 * to 1 s), resumes every subscription from the last position held, and resends what was not
 * acknowledged, in order, with the same deduplication ids.
 *
 * client_new ignores SIGPIPE for the process (TLS libraries write without asking).
 *
 * Everything runs on one uv loop; callbacks run from the loop, never inside a call of this
 * interface, and may call any function but client_free. Which transport carries it is decided by
 * the scheme of the URL: ws wss unix (client/ws.c), http https sse+http(s) poll+http(s)
 * (client/http.c); others: ERR_UNSUPPORTED with a sentence that says what is built in. */
#ifndef RT_CLIENT_CLIENT_H
#define RT_CLIENT_CLIENT_H

#include "base/buf.h"
#include "base/err.h"
#include "base/pos.h"

#include <uv.h>

struct client;

#define CLIENT_DEFAULT_URL "ws://127.0.0.1:8080"

struct client_conf {
	const char *url;            /* as given by -u; NULL: CLIENT_DEFAULT_URL */
	const char *token;          /* sent as Authorization: Bearer; NULL: none */
	const char *const *headers; /* "Name: value", n_headers of them */
	int n_headers;
	const char *ca_file, *cert_file, *key_file;
	bool insecure;         /* -k */
	const char *source;    /* local address that connections come from, numeric; NULL: any */
	const char *user;      /* user_id of the connection; NULL: none */
	const char *client_id; /* 1-32 characters, stable over reconnects; NULL: random */
	bool raw; /* --profile raw: no protocol of ours, frames are messages, no positions, no acks
	           */
	int64_t retry_first_ms; /* how long the first connection may take; INT64_MAX for ever */
	int64_t retry_ms;       /* how long a later outage may last; INT64_MAX for ever */
	int64_t retry_window_ms; /* the first retry after an outage comes within so long, at random;
				  * 0: 5 s, as the rule says */
	unsigned window;        /* unacknowledged messages at most (publishing) */
	size_t max_message;     /* of an incoming message, bytes */
	bool no_echo;           /* echo=0 */
};

/* One received message. Everything is borrowed until the callback returns. */
struct client_msg {
	struct str room;
	struct str id;      /* text of the position, "" when it has none (ephemeral, raw) */
	int64_t ts_ms;      /* 0: unknown (SSE carries none) */
	struct str text;    /* the line with metadata in front, as rt-sub -m prints it */
	struct str payload; /* as published */
	bool server_event;  /* type is user_joined, user_left or typing */
	struct str type;    /* unescaped value of "type", "" when absent */
};

/* A gap: some messages of `room` after `after` up to `at` are gone or unknown. `text` is the
 * control line as rt-sub -m prints it. */
struct client_gap {
	struct str room, after, at, next, reason, text;
};

enum client_outcome {
	CLIENT_ACKED,     /* stored; id is its position ("" for ephemeral messages and raw servers:
	                     written out) */
	CLIENT_DUPLICATE, /* had been stored before; id is the first one's */
	CLIENT_REFUSED,   /* permanently refused: reason; not retried */
};

/* Any may be NULL. */
struct client_events {
	void (*up)(void *arg, struct str url_safe); /* connected; also after each outage */
	void (*down)(void *arg, struct str why, int64_t retry_in_ms);
	/* Every room has its start: positions from here on are safe to keep. On every connection.
	 * `start` covers all rooms, or is "" where they began at different positions: then
	 * room_position follows for each. */
	void (*subscribed)(void *arg, struct str start, struct str head);
	void (*message)(void *arg, const struct client_msg *m);
	void (*gap)(void *arg, const struct client_gap *g);
	/* The position of the whole subscription moved without a message (heartbeat, start, end of
	 * replay). */
	void (*position)(void *arg, struct str id);
	/* Where rooms began at different positions no single one covers them all: then each room's
	 * own moved, instead. */
	void (*room_position)(void *arg, struct str room, struct str id);
	/* Everything up to the head seen at the first subscription was delivered. Once. */
	void (*at_end)(void *arg);
	void (*outcome)(void *arg, uint64_t tag, enum client_outcome what, struct str id,
		struct str reason);
	void (*window_open)(void *arg); /* client_publish will take a message again */
	/* Messages wait for so long, and none of this connection ever had an outcome. What can be
	 * done without a person is done; this is for the person. */
	void (*stalled)(void *arg, struct str url_safe, int64_t waited_ms);
	/* The end: ERR_DENIED, ERR_TIMEOUT (retries used up), ERR_INVALID (peer speaks something
	 * else), ERR_USAGE (bad room ...). No callback follows. */
	void (*failed)(void *arg, const struct err *e);
};

/* NULL and a sentence on a bad URL or setting. `conf` and its strings, `events`, `arg` are kept
 * until client_free (takes them). Does not connect yet. */
struct client *client_new(uv_loop_t *loop, const struct client_conf *conf,
	const struct client_events *events, void *arg, struct err *e);
/* Rooms or patterns, each with its own `since` text (see codec/since.h; may be an _id). Before
 * client_start. */
int client_subscribe(struct client *c, struct str room, struct str since, struct err *e);
void client_start(struct client *c);
/* Publishes `text` (a JSON object with or without reserved members; raw: any bytes) to `room` (""
 * only for raw). `dedup` ("" = none) makes a resend safe. 0, ERR_BUSY when the window is full
 * (window_open follows), ERR_INVALID when `text` is no JSON object, ERR_TOO_LARGE, or ERR_CLOSED
 * after client_close or failed: no outcome then. Exactly one outcome per tag, unless `failed` comes
 * first. The bytes are copied. */
int client_publish(
	struct client *c, struct str room, struct str text, struct str dedup, uint64_t tag);
/* Nothing more comes for now: a request that carries the messages ends after the last of them, so
 * that a proxy which gathers requests hands it on. Publishing may go on, in another. */
void client_flush(struct client *c);
/* Breaks the connection, as an outage would; `down` follows, and what that brings with it. */
void client_drop(struct client *c);
/* Stops reading from the server while `paused` (a slow stdout); the server's slow policy then
 * applies. */
void client_pause(struct client *c, bool paused);
/* Closes the connection politely (WebSocket close 1000) and calls `done` once it is closed or after
 * 500 ms. */
void client_close(struct client *c, void (*done)(void *arg));
/* Not from a callback. NULL is fine; in any state. Handles close on the loop: uv_run it (it returns
 * 0) before uv_loop_close. */
void client_free(struct client *c);

/* GET of a path of the same server ("/rooms?match=...", "/presence/x"), for listings: `done` gets 0
 * and the body, or a negative enum err and a sentence, once the retries of a first connection are
 * used up. */
void client_get(struct client *c, const char *path,
	void (*done)(void *arg, int code, struct str body), void *arg);

/* "http, https, poll+http, sse+http, unix, ws" ... for -V and error sentences. */
const char *client_schemes(void);

#endif
