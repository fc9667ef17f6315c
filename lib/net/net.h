/* net.h - the connections of one instance, and what they ask of the server
 *
 *   listen -> conn (socket, requests, deadlines) -> a transport: ws, sse, stream, poll, pub
 *
 * net owns connections; the server owns the rooms' table and the bus, and is told through
 * net_events. Bytes from clients are decoded here (hop 1) and entries become frame bytes here (hop
 * 6). Everything runs on one loop. */
#ifndef RT_NET_NET_H
#define RT_NET_NET_H

#include "codec/msg.h"
#include "net/addr.h"
#include "net/head.h"
#include "net/listen.h"
#include "net/sock.h"
#include "net/wire.h"
#include "room/sub.h"

struct conn;
struct transport;

struct net_conf {
	size_t max_message;
	uint64_t turn_bytes;
	unsigned max_connections, max_rooms, max_patterns; /* rooms (patterns among them) of one
	                                                    * connection */
	double publish_rate;                 /* messages a second of one connection; 0: any */
	unsigned address_connections;        /* of one peer's address, 0: any; and a second: */
	double address_request_rate, address_publish_rate;
	int64_t ping_ms, pong_ms;            /* WebSocket: ping that often, cut that long after */
	int64_t head_ms, body_ms, idle_ms;   /* a request's head, silence within its
	                                      * body, keep-alive */
	int64_t heartbeat_ms;                /* SSE and stream */
	const char *const *origins;          /* allowed besides the same host; "*": any */
	int n_origins;
};

/* One message a client asks to publish; all borrowed. Exactly one conn_published follows, never
 * before publish returns; outcomes of one connection come in the order of its publications. */
struct publication {
	struct conn *conn;
	const struct msg *msg; /* NULL: it was refused already, as `refused` says; its outcome
	                        * keeps its place in the order */
	const struct err *refused;
	struct str room;    /* of the path, or "" */
	bool room_first;    /* the path's room wins over `_room` */
	struct str dedup;   /* Idempotency-Key, or "" */
	struct str client;  /* the publisher's client id, or "" */
	struct str ref;     /* given back: raw text, at most PUB_REF_MAX bytes */
};
#define PUB_REF_MAX 40

enum pub_outcome {
	PUB_ACK,
	PUB_DUP,
	PUB_REFUSED,     /* permanently; code is below */
	PUB_UNKNOWN,
	PUB_UNAVAILABLE, /* certainly not published, and it may work later */
};

struct pub_result {
	enum pub_outcome outcome;
	struct pos pos;
	bool has_pos;         /* an ephemeral message has none */
	enum err_code code;   /* REFUSED: ERR_INVALID, ERR_DENIED, ERR_TOO_LARGE, ERR_UNSUPPORTED */
	struct str reason;
};

/* How clients and records are told why a publication was refused: "denied", "too_large", ... */
const char *pub_code(enum err_code code);
/* The same for one that was not acknowledged: "unknown", or why it was refused. */
const char *pub_result_code(const struct pub_result *r);

enum net_ask { ASK_SUBSCRIBE, ASK_PUBLISH, ASK_ADMIN };

struct net_events {
	/* Hop 2. */
	void (*publish)(void *arg, const struct publication *p);
	/* May this connection do that with this room or pattern? 0, or a code and a sentence. */
	int (*allow)(void *arg, struct conn *c, enum net_ask what, struct str room, struct err *e);
	/* A subscription began or ended. */
	void (*joined)(void *arg, struct conn *c, struct str room);
	void (*parted)(void *arg, struct conn *c, struct str room);
	/* {"_op":"presence"}: answer with conn_say; `ref`: given back, raw text, or "". */
	void (*presence)(void *arg, struct conn *c, struct str room, struct str ref);
	/* A client was told a gap. */
	void (*gap)(void *arg, struct conn *c, const struct gap *g);
	/* `n` connections or requests of an address were refused; `limit` is the option. */
	void (*limited)(void *arg, struct str address, const char *limit, uint64_t n);
	/* A subscriber's connection is over. */
	void (*closed)(void *arg, struct conn *c, unsigned code, struct str reason);
	/* A request that no transport serves; answer with http_reply. False: there is no such
	 * resource. `body` is the whole body. */
	bool (*request)(void *arg, struct conn *c, const struct head *h, struct str body);
	/* What may be asked of a resource that no transport serves: "GET, HEAD, OPTIONS"; NULL:
	 * there is none at that path. */
	const char *(*methods)(void *arg, const struct head *h);
	/* Is `request` to be called with the body, once that has come whole? Else it is called at
	 * once, and the connection ends with the answer. */
	bool (*takes_body)(void *arg, const struct head *h);
	/* Ends the turn early: input has come in faster than a turn should hold. */
	void (*turn)(void *arg);
	/* Does the server take subscribers and messages now? 0, or a code and a sentence (503). */
	int (*ready)(void *arg, struct err *e);
};

/* Limits of net_conf.turn_bytes, the bytes that one turn reads before it ends, whatever else waits.
 * So much at most is in memory unflushed; and no more than a room remembers may come between two
 * flushes, or the fastest subscriber would miss some of it. */
#define NET_TURN_BYTES_MIN (64u << 10)
#define NET_TURN_BYTES_MAX (4u << 20)
/* What a message or a subscription costs besides its bytes, however small. */
#define NET_MESSAGE_COST 128u
/* What the end of a connection costs, in the same coin. */
#define NET_CLOSE_COST 4096u
/* Metadata that a client carries along does not count against the limit of the message. */
#define NET_METADATA_MAX 4096u

/* Connections over a limit that are given an answer at a time, above max_connections; more are
 * given what one write can, and closed. */
#define NET_REFUSALS_MAX 32u

struct net_stats {
	uint64_t accepted, refused, requests, messages_in, frames_out, writes, bytes_out, bytes_in,
		gaps, slow_closed;
	uint64_t address_refused[ADDR_LIMITS];
	uint64_t throttled; /* times a connection was not read because of its rate */
	uint64_t dropped; /* entries that slow subscribers did not get */
};

struct net {
	uv_loop_t *loop;
	struct net_conf conf;
	const struct net_events *events;
	void *arg;
	struct table *table;
	struct sock_engine *engine;
	struct list conns;        /* struct conn.all */
	struct list dirty;        /* with something to write */
	struct list waiting;      /* whose lane waits for positions up to the head, which was
	                           * waiting_head when they were looked at last */
	struct pos waiting_head;
	struct list choked;       /* whose socket is full; when they were looked at last, and
	                           * the table's n_trimmed then */
	int64_t choked_ms;
	uint64_t choked_trimmed;
	struct list starved;      /* of dirty ones those that this turn did not read at all: they
	                           * come first in the next */
	struct list dead;         /* freed when the turn ends */
	unsigned n_conns, n_refusing; /* refusing: those among them that are over a limit */
	struct addrs addrs;
	struct wheel wheel;       /* struct conn.deadline */
	struct wheel throttled;   /* struct pace.resume */
	uv_timer_t timer;         /* of the three wheels, and of looking at `choked` */
	int64_t timer_ms;         /* when it fires; INT64_MAX: it does not */
	struct head head;         /* of the request being read: one at a time */
	struct buf scratch;       /* of the flush: what one connection is to be
	                           * written, where it is not */
	struct str run;           /* a batch as it is */
	struct buf lane;          /* empty, to be lent */
	struct batches batches;
	uint64_t next_id;
	bool draining, again;     /* again: the turn left work */
	bool due;                 /* the timer fired: net_expire has something to do */
	struct net_stats stats;
	int64_t now_ms;           /* of this turn */
	uint64_t turn_bytes;      /* read in it */
};

int net_open(struct net *n, uv_loop_t *loop, const struct net_conf *conf,
	const struct net_events *events, void *arg, struct table *table, struct err *e);
/* Closes all connections; run the loop until net_is_closed, then net_fini. */
void net_close(struct net *n);
bool net_is_closed(const struct net *n);
void net_fini(struct net *n);
/* A listen_fn: arg is the net. */
void net_accept(void *net, int fd, const struct listen_peer *peer);
/* The flush: writes what every dirty connection is owed, then frees the dead. */
void net_flush(struct net *n);
/* Ends deadlines. After the sockets were read, not before: whoever sent in time is not to suffer for
 * a turn that took long. */
void net_expire(struct net *n);
/* Ends the turn: the timer runs only while something is due, and not before it is. */
void net_set_timer(struct net *n);
/* ops->wake of the table. */
void net_wake(struct table *t, struct feed *f);
/* No new connections; every subscriber is told to come back at a random moment
 * (close 1012, retry:). */
void net_drain(struct net *n);

#endif
