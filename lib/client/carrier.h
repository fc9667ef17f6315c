/* carrier.h - between the client's state machine and the transports
 *
 *      client.c    rooms, positions, window, retries, outcomes      knows no transport
 *         |  carrier_ops: start, send, pause, finish, stop, free
 *         v  ^  client_on_*: up, down, start, text, ack ...
 *      ws.c        one WebSocket, over a link (link.c)
 *      http.c      one GET for each lane and one POST, by libcurl (multi.c)
 *
 * A carrier makes one attempt, reports its end once (client_on_down) and is ready to be started
 * again. client_on_* may call the user, who may call anything but client_free; so a carrier must
 * expect its ops (stop included) to be called from inside any client_on_*, and looks at its own
 * state afterwards. */
#ifndef RT_CLIENT_CARRIER_H
#define RT_CLIENT_CARRIER_H

#include "base/list.h"
#include "base/url.h"
#include "client/client.h"
#include "client/hub.h"
#include "client/outbox.h"
#include "client/retry.h"
#include "client/rooms.h"

struct answer;
struct carrier; /* each transport's own struct begins with `struct client *client` */

struct carrier_ops {
	const char *schemes; /* words, a space between them */
	bool one_lane;       /* all rooms in one request */
	bool refs;           /* acks are matched by `_ref`, else they come in order */
	struct carrier *(*open)(struct client *c, struct err *e);
	/* Has a request room for what was subscribed? ERR_USAGE with a sentence; NULL: yes. */
	int (*fits)(struct carrier *k, struct err *e);
	void (*start)(struct carrier *k); /* one attempt; what comes of it comes from the loop */
	/* Messages wait in the outbox, or the last of them was sent (client->complete): take what
	 * the connection accepts. Also while there is none yet. */
	void (*send)(struct carrier *k);
	void (*ping)(
		struct carrier *k); /* asks for a sign of life; NULL: signs come by themselves */
	void (*pause)(struct carrier *k, bool paused);
	bool (*finish)(struct carrier *k); /* a polite end: true, then client_on_closed; false:
	                                      nothing to wait for */
	void (*stop)(struct carrier *k);   /* an end at once; nothing follows. Idempotent */
	void (*free)(struct carrier *k);
};

extern const struct carrier_ops carrier_ws, carrier_stream, carrier_sse, carrier_poll;

enum client_state {
	CLIENT_NEW,
	CLIENT_CONNECTING,
	CLIENT_UP,
	CLIENT_WAITING,
	CLIENT_CLOSING,
	CLIENT_DONE,
};

struct client {
	uv_loop_t *loop;
	struct hub *hub;
	struct client_conf conf;
	const struct client_events *events;
	void *arg;
	struct url url;
	struct buf url_safe; /* for people: no secrets */
	char client_id[33];
	const struct carrier_ops *ops;
	struct carrier *carrier;
	enum client_state state;
	struct rooms rooms;
	struct outbox out;
	struct list gets; /* client_get under way */

	struct alarm alarm; /* of the attempt, the retry, the silence or the close */
	struct task turn;   /* when there is something to do */
	bool ever_heard, paused, blocked, at_end, settled;
	bool restart;      /* an outcome was unknown: send nothing more, hear the others, connect
	                      again and resend */
	bool dropped;      /* by client_drop: connect again */
	bool complete;     /* by client_flush: nothing more comes for now */
	struct err *err;   /* the last failure; NULL: none yet */
	struct retry retry;
	int64_t up_at, heard_at;
	int64_t sent_at; /* when the first of the messages in flight was */
	uint64_t careful; /* below this ref messages are sent one at a time: one of them broke a
	                     connection */
	void (*closed)(void *arg);
	struct buf payload, type, front, line; /* scratch of the message being delivered */
};

/* --- what a carrier tells ----------------------------------------------------------------------
 */

void client_on_up(struct client *c);
/* The attempt or connection is over and the carrier has let go of it. `code` is ERR_CLOSED where
 * retrying may help, else final. `culprit`: something that we sent was to blame (too large, not
 * text): a message in flight, which is found and refused, or else what any attempt sends, which is
 * final. The text is a clause: "connection refused", "the server answered 403 (forbidden)". */
void client_on_down(struct client *c, int code, bool culprit, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* The same, by an HTTP answer that is not the one hoped for. Stops the carrier. */
void client_on_turned_away(struct client *c, const struct answer *a);
void client_on_closed(struct client *c); /* after finish */
/* A sign of life. */
void client_on_heard(struct client *c);
/* Rooms of a lane have their start; `name` "": all of the lane. See rooms_start. */
void client_on_start(
	struct client *c, size_t lane, struct str name, struct str start, struct str head);
/* One JSON text of a lane: a message with its metadata, or a control message. 0, or negative when
 * it is neither (then the carrier was stopped and the client has failed). */
int client_on_text(struct client *c, size_t lane, struct str text);
/* The lane's position without a message. */
void client_on_position(struct client *c, size_t lane, struct str id, bool heartbeat);
/* The same, and all that there is up to `id` was written, in rooms that began behind it as well. */
void client_on_quiet(struct client *c, size_t lane, struct str id);
/* What the server said makes no sense, which is final: "the server does not speak rt's protocol: "
 * and this clause, which names the member. Stops the carrier. Returns ERR_INVALID. */
int client_on_nonsense(struct client *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* A message of a lane whose metadata came beside it (SSE): `payload` may still have _room in front.
 */
int client_on_payload(struct client *c, size_t lane, struct str id, struct str payload);
/* raw: bytes as they came. */
void client_on_raw(struct client *c, struct str bytes);
/* The outcome of a sent message. */
void client_on_outcome(
	struct client *c, uint64_t ref, enum client_outcome what, struct str id, struct str reason);
/* The answer to the next sent message in a POST: {"_id":...} or {"error":...}; `*ref` is moved
 * behind it. False when it is the summary at the end. */
bool client_on_answer(struct client *c, uint64_t *ref, struct str text);
/* Whether a message was stored is not known: it will be sent again on a new connection, with
 * whatever else has no outcome when this one ends. Until then nothing is sent; outcomes of what was
 * sent before still come. The server ends it; one that does not is left. */
void client_on_unknown(struct client *c);

/* Messages in flight have waited so long for the first outcome of a connection. */
void client_on_stalled(struct client *c, int64_t waited_ms);

/* --- what a carrier asks -------------------------------------------------------------------------
 */

/* Is anything sent without an outcome? */
bool client_in_flight(const struct client *c);
/* The next message to send, and its ref; false when there is none now. */
bool client_next(struct client *c, uint64_t *ref, struct str *text);
/* The connection is of use: an outage after it is another. */
void client_settle(struct client *c);
/* Something waits: ops->send will be called before the loop sleeps. */
void client_wake(struct client *c);

/* "/base" of the URL + `path` + "?" + query of the URL; more can be added after a '?' or '&' by
 * client_add_query. */
void client_target(const struct client *c, const char *path, struct buf *out);
void client_add_query(struct buf *target, const char *name, struct str value);
/* The same of a subscription to the rooms of a lane, or to all. */
void client_rooms_target(
	const struct client *c, const char *path, size_t lane, struct str since, struct buf *out);
#define CLIENT_ALL_LANES SIZE_MAX
/* Appends "Basic ..." of user and password in the URL, or "Bearer ..." of the token; nothing when
 * there is neither. */
void client_authorization(const struct client *c, struct buf *out);

/* get.c */
void client_gets_stop(struct client *c);

#endif
