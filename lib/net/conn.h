/* conn.h - one connection: requests one after the other, and at most one transport that
 * has taken it over
 *
 *   bytes -> (reading a head) -> http.c picks who answers -> back to reading,
 *                                                         or a transport takes what follows
 *
 * What is to be written waits in two places: the *lane* (answers, acks, errors, pongs; bounded) and
 * the *feed* (what a subscriber is owed; not copied until it is written). conn_flush writes both,
 * once a turn, the lane first, at entry boundaries. A lane that holds positions is held back until
 * the feed has delivered up to them: nobody is told a position ahead of what he was given. */
#ifndef RT_NET_CONN_H
#define RT_NET_CONN_H

#include "net/body.h"
#include "net/net.h"

#define LANE_MAX (256u * 1024) /* above it the connection is not read */

/* Why a connection is answered its first request with an error, whatever it is. */
enum conn_over { OVER_NOTHING, OVER_CONNECTIONS, OVER_ADDRESS };

struct transport {
	const char *name; /* "ws", "sse", ... as GET /connections shows it */
	/* Bytes that may wait in conn.in while it is busy; with more the peer waits, and that he
	 * left is not seen. */
	size_t holds;
	/* Bytes from the peer, may be changed in place. Returns how many were taken; fewer only
	 * when the connection is closing or busy. */
	size_t (*data)(struct conn *c, char *p, size_t n);
	/* The feed has something; NULL: conn_stream. */
	void (*drain)(struct conn *c);
	/* The deadline set with conn_deadline. */
	void (*tick)(struct conn *c);
	/* How it tells a subscriber: appended to `out` in its framing. */
	void (*say_start)(struct conn *c, const struct sub *s, struct buf *out);
	void (*say_gap)(struct conn *c, const struct gap *g, struct buf *out);
	void (*say_position)(struct conn *c, struct buf *out); /* feed.pos moved
	                                                        * without a message */
	/* The outcome of a publication of this connection. */
	void (*published)(struct conn *c, struct str ref, const struct pub_result *r);
	/* Ends it politely: a close frame, a last event. The caller closes. */
	void (*bye)(struct conn *c, unsigned code, struct str reason);
	void (*free)(struct conn *c); /* c->state */
};

/* What makes a connection a subscriber. */
struct subscriber {
	struct feed feed;
	uint8_t wire;         /* enum wire */
	bool chunked;
	bool begun;           /* the head of its answer was written (SSE and stream) */
	bool counts;          /* shown as present */
	bool leases;          /* present for lease_ms and the ttl, not while the connection
	                       * lasts (a poller) */
	bool was_at_head;     /* the end of its replay was told */
	int64_t lease_ms;
	struct pos told;      /* the position handed out last */
	uint64_t sent, dropped;
};

/* What a connection that is limited in what it publishes did, and until when it is not read. */
struct pace {
	struct conn *conn;
	struct deadline resume;
	struct rate published;
};

/* What every flush looks at comes first, in two lines of the cache. */
struct conn {
	struct sock sock;
	struct net *net;
	const struct transport *transport; /* NULL: reading heads */
	struct subscriber *sub;
	struct buf lane;      /* its memory is lent for a turn: see conn_lane */
	struct buf in;        /* what could not be used yet */
	struct pace *pace;    /* NULL: it has no limit, or published nothing yet */
	uint32_t pending;     /* publications without an outcome: the struct waits for them */
	bool closed : 1, busy : 1, closing : 1, half_closed : 1;
	bool winding_up : 1;  /* nothing of it is read any more: see conn_wind_up */
	bool stalled : 1;     /* input waits in `in` for room in the lane, or for the next turn */
	bool loopback : 1, keep_alive : 1, reading_head : 1, closed_told : 1, head_only : 1;
	uint8_t over : 2;     /* enum conn_over */
	uint16_t close_code;  /* for the record */
	struct list all;      /* net.conns */
	struct list dirty;    /* net.dirty, or net.dead */
	struct list waiting;  /* net.waiting */
	struct list choked;   /* net.choked */
	struct deadline deadline;
	struct addr *addr;    /* whose limits count; NULL: of a unix socket, or over a limit */
	void *state;          /* of the transport */
	char *cors;           /* the request's origin, until its answer begins; NULL: none */
	struct pos lane_pos;  /* the highest position in it; hi == lo == 0: none */
	char *user;           /* NULL: none */
	char *close_reason;   /* NULL until it is known */
	uint64_t id;
	int64_t opened_ms;
	union {
		size_t scanned;     /* of the head in `in` */
		uint64_t discarded; /* while lingering */
	};
	uint8_t client_n;
	char client[32];      /* of the request, for echo */
	char peer[];
};

/* For net.c. NULL: the socket could not be adopted, and is closed. */
struct conn *conn_open(
	struct net *n, int fd, const struct listen_peer *peer, enum conn_over over);
void conn_free(struct conn *c);
void conn_on_deadline(struct deadline *d, void *net);
void conn_on_resume(struct deadline *d, void *net);
/* For flush.c: reads on in what waits in c->in; stops or resumes the peer. */
void conn_read_on(struct conn *c);
/* May another request or message be taken now? A few bytes can ask for a megabyte: who asks faster
 * than he is written to, or for more than a turn should hold, waits. */
bool conn_may_read(struct conn *c);
void conn_check_pause(struct conn *c);

/* Appends to the lane and sees that it is written at the end of the turn. */
struct buf *conn_lane(struct conn *c);
/* The lane now holds this position. */
void conn_lane_position(struct conn *c, struct pos pos);
void conn_dirty(struct conn *c);
/* Fires transport->tick (or the connection's own) at that time; moves an earlier one. */
void conn_deadline(struct conn *c, int64_t at_ms);
void conn_no_deadline(struct conn *c);

/* Makes it a subscriber; sub_open on c->sub->feed follows. */
struct subscriber *conn_subscribe(struct conn *c, enum wire wire, bool chunked, bool no_echo);
/* Subscribes it to the rooms asked for; tells the server. 0, or a code and a sentence. */
int conn_open_sub(
	struct conn *c, struct str room, const struct since *since, uint32_t tag, struct err *e);
void conn_close_sub(struct conn *c, struct sub *s);

/* The tick of what streams in chunks: writes the position where it moved, else `idle`, and sets
 * the next deadline. */
void conn_heartbeat(struct conn *c, struct str idle);
/* Its input: not ours to read. */
size_t conn_ignore(struct conn *c, char *p, size_t n);
/* transport->drain for everything that streams: ws, sse, stream. */
void conn_stream(struct conn *c);
/* Writes lane and feed as far as the socket takes them. */
void conn_flush(struct conn *c);

/* The answer was given: read the next request (or close, if this was the last). */
void conn_next_request(struct conn *c);
/* Writes what is in the lane, for 10 s at most; then shuts down and discards input for up to 2 s or
 * 8 MiB, so that no reset eats the answer. `code` and `reason` are for the record. */
void conn_finish(struct conn *c, unsigned code, struct str reason);
/* For flush.c: all of it is written. */
void conn_end(struct conn *c);
/* Closes at once. */
void conn_abort(struct conn *c, unsigned code, struct str reason);
/* transport->bye, then conn_finish. */
void conn_bye(struct conn *c, unsigned code, struct str reason);
/* conn_bye once the last of its publications has its outcome; until then it is written to as
 * before, and nothing of it is read. A second one changes nothing. */
void conn_wind_up(struct conn *c, unsigned code, struct str reason);

/* For the server: the outcome of a publication. */
void conn_published(struct conn *c, struct str ref, const struct pub_result *r);
/* For the server: a control message to a WebSocket. */
void conn_say(struct conn *c, struct str json);
/* It published more than its rate allows: nothing of it is read for now, nor to be taken
 * from what was read. */
bool conn_is_throttled(const struct conn *c);
/* It publishes a message: throttles it where that is more than its rates allow. */
void conn_pay(struct conn *c);
/* Throttles it where its address has published more than its rate allows. */
void conn_check_address(struct conn *c);
/* Hands a publication to the server; conn_published will follow. */
void conn_publish(struct conn *c, const struct publication *p);

/* "c7f3" */
void buf_add_conn_id(struct buf *b, const struct conn *c);
struct str conn_client(const struct conn *c);
struct str conn_user(const struct conn *c);
/* The subscriber is told this gap: counts it and what was dropped, and reports it to the server. */
void conn_gap(struct conn *c, const struct gap *g);
/* Closes a subscriber that was overrun in a room that wants slow ones cut. */
void conn_too_slow(struct conn *c);
/* Position handed out now: note it. */
void conn_told(struct conn *c, struct pos pos);

extern const struct transport transport_ws, transport_sse, transport_stream, transport_poll,
	transport_pub, transport_body;

#endif
