/* ws.c - WebSocket (RFC 6455): events out, messages and control messages in
 *
 * A plain client that sends objects and receives events needs nothing else. Whoever means to resume
 * says since= or meta=1 and is handed his start; control messages carry `_op`. Framing is in
 * frame.c, positions and gaps in room/. */
#include "base/clock.h"
#include "base/mem.h"
#include "codec/frame.h"
#include "codec/name.h"
#include "net/http.h"

#include <stdio.h>

/* What a subscribe gave to be given back, until its answer. */
struct ws_ref {
	struct ws_ref *next;
	uint32_t tag; /* of the sub */
	char text[PUB_REF_MAX + 1];
};

struct ws {
	struct frame_reader *reader; /* of what is half read; NULL: nothing is */
	int64_t beat_at_ms, ping_at_ms;
	int64_t pong_by_ms;     /* it must have shown a sign of life by then; 0: it has */
	struct sock_view seen;  /* when it was looked at last */
	struct ws_ref *refs;    /* few: the latest first */
	uint32_t last_tag;
	int32_t heartbeat_ms;   /* asked for; 0: none */
	bool announce;          /* subscribed is sent for the rooms of the URL */
	char room[];            /* of the path: where messages go that name none; "": nowhere */
};

static void add_text_frame(struct buf *out, struct str json)
{
	frame_add(out, FRAME_TEXT, json);
}

/* --- references ------------------------------------------------------------------------------- */

/* Subs that a control message opened have a tag of their own and are always announced; those of the
 * URL have 0. */
static uint32_t keep_ref(struct ws *ws, struct str ref)
{
	struct ws_ref *r;

	ws->last_tag++;
	if (ref.n) {
		r = mem_new(struct ws_ref);
		r->tag = ws->last_tag;
		memcpy(r->text, ref.p, ref.n);
		r->next = ws->refs;
		ws->refs = r;
	}
	return ws->last_tag;
}

static void drop_ref(struct ws *ws, uint32_t tag)
{
	for (struct ws_ref **at = &ws->refs, *r; (r = *at); at = &r->next)
		if (r->tag == tag) {
			*at = r->next;
			mem_free(r);
			return;
		}
}

static struct str find_ref(const struct ws *ws, uint32_t tag)
{
	for (const struct ws_ref *r = ws->refs; r; r = r->next)
		if (r->tag == tag)
			return str_of(r->text);
	return STR("");
}

/* {"_op":op,"_ref":ref */
static void begin_answer(struct buf *b, const char *op, struct str ref)
{
	buf_addf(b, "{\"_op\":\"%s\"", op);
	if (ref.n)
		buf_addf(b, ",\"_ref\":" STR_FMT, STR_ARG(ref));
}

/* --- what it tells ---------------------------------------------------------------------------- */

static void say_start(struct conn *c, const struct sub *s, struct buf *out)
{
	struct ws *ws = c->state;
	struct buf b = { 0 };

	if (!ws->announce && s->tag == 0)
		return;
	begin_answer(&b, "subscribed", find_ref(ws, s->tag));
	drop_ref(ws, s->tag);
	buf_addf(&b, ",\"_room\":\"%s\",\"_id\":\"", s->name);
	buf_add_pos(&b, s->start);
	buf_add_text(&b, "\",\"head\":\"");
	buf_add_pos(&b, c->net->table->head);
	buf_add_text(&b, "\",\"conn\":\"");
	buf_add_conn_id(&b, c);
	buf_add_text(&b, "\"}");
	add_text_frame(out, buf_str(&b));
	buf_fini(&b);
	conn_told(c, s->start); /* so no heartbeat says it once more */
}

static void say_gap(struct conn *c, const struct gap *g, struct buf *out)
{
	struct buf b = { 0 };

	(void)c;
	wire_gap_json(&b, g);
	add_text_frame(out, buf_str(&b));
	buf_fini(&b);
}

/* {"_op":op,"_id":...}: the position that may be handed out now. */
static void add_position(struct conn *c, const char *op, struct str ref, struct buf *out)
{
	struct buf b = { 0 };

	begin_answer(&b, op, ref);
	if (c->sub->feed.started) {
		buf_add_text(&b, ",\"_id\":\"");
		buf_add_pos(&b, c->sub->feed.pos);
		buf_add_char(&b, '"');
		conn_told(c, c->sub->feed.pos);
	}
	buf_add_char(&b, '}');
	add_text_frame(out, buf_str(&b));
	buf_fini(&b);
}

static void say_position(struct conn *c, struct buf *out)
{
	const struct ws *ws = c->state;

	if (ws->announce)
		add_position(c, "heartbeat", STR(""), out);
}

/* A position must not be ahead of what was written, and the lane goes first: look at
 * the feed before. */
static void say_position_now(struct conn *c, const char *op, struct str ref)
{
	struct peek p;

	if (c->sub->feed.started)
		feed_peek(&c->sub->feed, &p);
	add_position(c, op, ref, conn_lane(c));
}

static void say_error(struct conn *c, struct str ref, const char *code, struct str reason)
{
	struct buf b = { 0 };

	begin_answer(&b, "error", ref);
	buf_addf(&b, ",\"code\":\"%s\",\"reason\":", code);
	buf_add_json(&b, reason);
	buf_add_char(&b, '}');
	add_text_frame(conn_lane(c), buf_str(&b));
	buf_fini(&b);
}

static void say_ack(struct conn *c, struct str ref, const struct pub_result *r)
{
	char space[160];
	struct buf b = { .p = space, .cap = sizeof space }; /* PUB_REF_MAX +
	                                                     * POS_TEXT_MAX + 50 fit */

	buf_add_text(&b, "{\"_op\":\"ack\",\"_ref\":");
	buf_add_str(&b, ref);
	if (r->has_pos) {
		buf_add_text(&b, ",\"_id\":\"");
		buf_add_pos(&b, r->pos);
		buf_add_char(&b, '"');
		conn_lane_position(c, r->pos);
	}
	if (r->outcome == PUB_DUP)
		buf_add_text(&b, ",\"dup\":true");
	buf_add_char(&b, '}');
	add_text_frame(conn_lane(c), buf_str(&b));
}

static void published(struct conn *c, struct str ref, const struct pub_result *r)
{
	switch (r->outcome) {
	case PUB_ACK:
	case PUB_DUP:
		if (ref.n)
			say_ack(c, ref, r);
		break;
	case PUB_REFUSED:
	case PUB_UNKNOWN:
	case PUB_UNAVAILABLE:
		say_error(c, ref, pub_result_code(r), r->reason);
		break;
	}
}

static void bye(struct conn *c, unsigned code, struct str reason)
{
	frame_add_close(conn_lane(c), code, reason);
}

/* --- what it is told -------------------------------------------------------------------------- */

static void op_subscribe(struct conn *c, const struct msg *m, struct str ref, struct str room)
{
	struct ws *ws = c->state;
	struct since since = { .kind = SINCE_LATEST };
	struct buf text = { 0 };
	struct err e = { 0 };
	uint32_t tag = keep_ref(ws, ref);
	int rc = 0;

	if (msg_string(m, MSG_SINCE, &text))
		rc = since_parse(&since, buf_str(&text), clock_wall_ms(), &e);
	else if (msg_has(m, MSG_SINCE))
		rc = err_set(&e, ERR_INVALID, "'since' must be a string");
	if (rc == 0)
		rc = conn_open_sub(c, room, &since, tag, &e);
	if (rc == 0) {
		ws->announce = true; /* who asks keeps positions */
	} else {
		drop_ref(ws, tag);
		say_error(c, ref, pub_code(rc), str_of(e.text));
	}
	buf_fini(&text);
}

static void op_unsubscribe(struct conn *c, const struct msg *m, struct str ref, struct str room)
{
	struct sub *s = sub_find(&c->sub->feed, room);
	struct buf b = { 0 };

	(void)m;
	if (!s) {
		say_error(c, ref, "invalid", STR("not subscribed to that room"));
		return;
	}
	drop_ref(c->state, s->tag); /* it may not have begun */
	conn_close_sub(c, s);
	begin_answer(&b, "unsubscribed", ref);
	buf_addf(&b, ",\"_room\":\"" STR_FMT "\"}", STR_ARG(room));
	add_text_frame(conn_lane(c), buf_str(&b));
	buf_fini(&b);
}

/* The members now; the changes are the user_joined and user_left of the room, for its
 * subscribers. */
static void op_presence(struct conn *c, const struct msg *m, struct str ref, struct str room)
{
	struct net *n = c->net;
	struct err e = { 0 };
	int rc = room_name_check(room, &e);

	(void)m;
	if (rc == 0)
		rc = n->events->allow(n->arg, c, ASK_SUBSCRIBE, room, &e);
	if (rc)
		say_error(c, ref, pub_code(rc), str_of(e.text));
	else
		n->events->presence(n->arg, c, room, ref);
}

typedef void op_fn(struct conn *c, const struct msg *m, struct str ref, struct str room);

static op_fn *find_op(const struct msg *m)
{
	return msg_is(m, MSG_OP, STR("subscribe"))   ? op_subscribe
	     : msg_is(m, MSG_OP, STR("unsubscribe")) ? op_unsubscribe
	     : msg_is(m, MSG_OP, STR("presence"))    ? op_presence
						     : NULL;
}

static void op_unknown(struct conn *c, const struct msg *m, struct str ref)
{
	struct buf op = { 0 };
	struct err e = { 0 };
	char brief[STR_BRIEF];

	msg_string(m, MSG_OP, &op);
	err_set(&e, ERR_INVALID,
		"unknown '_op' '%s': there are subscribe, unsubscribe, presence, ping; what is "
		"to be published goes without '_op'",
		str_brief(buf_str(&op), brief, sizeof brief));
	say_error(c, ref, "invalid", str_of(e.text));
	buf_fini(&op);
}

static void on_control(struct conn *c, const struct msg *m)
{
	op_fn *op = find_op(m);
	struct buf room = { 0 };
	struct str ref = msg_raw(m, MSG_REF);
	struct err e = { 0 };

	if (ref.n > PUB_REF_MAX) {
		say_error(c, STR(""), "invalid", STR("'_ref' is too long (40 bytes at most)"));
		return;
	}
	if (msg_is(m, MSG_OP, STR("ping"))) {
		say_position_now(c, "pong", ref);
		return;
	}
	if (!op)
		op_unknown(c, m, ref);
	else if (!msg_string(m, MSG_ROOM, &room))
		say_error(c, ref, "invalid",
			STR("subscribe, unsubscribe and presence need '_room'"));
	else if (pattern_check(buf_str(&room), &e) != 0)
		say_error(c, ref, "invalid", str_of(e.text));
	else
		op(c, m, ref, buf_str(&room));
	buf_fini(&room);
}

/* The reference of a message that was refused for its reserved members; "" where it has none that
 * can be given back. */
static struct str ref_of_refused(struct str text)
{
	struct str ref = { 0 };
	struct msg m;

	if (msg_parse(&m, text, MSG_FROM_BUS, NULL) == 0)
		ref = msg_raw(&m, MSG_REF);
	if (ref.n && ref.n <= PUB_REF_MAX &&
		(ref.p[0] == '"' || ref.p[0] == '-' || (ref.p[0] >= '0' && ref.p[0] <= '9')))
		return ref;
	return STR("");
}

static void on_message(struct conn *c, struct str text)
{
	const struct ws *ws = c->state;
	struct err e = { 0 };
	struct msg m;
	struct publication p = {
		.conn = c,
		.room = str_of(ws->room),
		.client = conn_client(c),
	};

	if (msg_parse(&m, text, MSG_FROM_CLIENT, &e) != 0) {
		p.refused = &e;
		p.ref = ref_of_refused(text);
	} else if (msg_has(&m, MSG_OP)) {
		on_control(c, &m);
		return;
	} else {
		p.msg = &m;
		p.ref = msg_raw(&m, MSG_REF);
		if (p.ref.n > PUB_REF_MAX) {
			err_set(&e, ERR_INVALID, "'_ref' is too long (%d bytes at most)",
				PUB_REF_MAX);
			p.msg = NULL;
			p.ref = STR("");
			p.refused = &e;
		}
	}
	conn_publish(c, &p);
}

static void on_frame_error(struct conn *c, unsigned code)
{
	conn_bye(c, code, code == 1009 ? STR("message over the limit")
			: code == 1007     ? STR("invalid UTF-8")
					   : STR("protocol error"));
}

/* Returns how many bytes are left because the connection is closing, or must be answered first. */
static size_t read_frames(struct conn *c, struct frame_reader *r, char *p, size_t n)
{
	while (!c->closing && !c->closed && conn_may_read(c)) {
		struct str payload = { 0 };
		enum frame_op op = FRAME_TEXT;
		unsigned code = 0;

		switch (frame_read(r, &p, &n, &payload, &op, &code)) {
		case FRAME_NONE:
			return 0;
		case FRAME_MESSAGE:
			if (op == FRAME_BINARY)
				conn_bye(c, 1003, STR("text frames with JSON only"));
			else
				on_message(c, payload);
			break;
		case FRAME_PING_GOT:
			frame_add(conn_lane(c), FRAME_PONG, payload);
			break;
		case FRAME_PONG_GOT:
			break;
		case FRAME_CLOSE_GOT:
			frame_add_close(conn_lane(c), code, STR(""));
			conn_finish(c, code == FRAME_NO_CODE ? 1000 : code, payload);
			break;
		case FRAME_ERROR:
			on_frame_error(c, code);
			break;
		}
	}
	return n;
}

/* Most connections most of the time are in the middle of nothing and keep no reader. */
static size_t data(struct conn *c, char *p, size_t n)
{
	struct ws *ws = c->state;
	struct frame_reader r;
	size_t left;

	ws->pong_by_ms = 0; /* anything at all shows that the peer lives */
	if (ws->reader)
		r = *ws->reader;
	else
		frame_reader_init(&r, FRAME_SERVER, c->net->conf.max_message + NET_METADATA_MAX);
	left = read_frames(c, &r, p, n);
	if (frame_reader_idle(&r)) {
		frame_reader_fini(&r);
		mem_free(ws->reader);
		ws->reader = NULL;
	} else {
		frame_reader_shrink(&r);
		if (!ws->reader)
			ws->reader = mem_new(struct frame_reader);
		*ws->reader = r;
	}
	return n - left;
}

/* --- deadlines -------------------------------------------------------------------------------- */

static void arm(struct conn *c)
{
	const struct ws *ws = c->state;
	int64_t at = ws->ping_at_ms;

	if (ws->pong_by_ms && ws->pong_by_ms < at)
		at = ws->pong_by_ms;
	if (ws->heartbeat_ms && ws->beat_at_ms < at)
		at = ws->beat_at_ms;
	conn_deadline(c, at);
}

/* A peer whose buffers are full comes to a ping only behind what it has not read yet: that it takes
 * something is its sign of life until then. And it is no sign of death that nothing comes while we
 * do not read, or hold back the lane with the ping in it. */
static bool lives(struct conn *c)
{
	struct ws *ws = c->state;
	struct sock_view was = ws->seen;

	ws->seen = sock_look(&c->sock);
	return sock_moved(&was, &ws->seen) || (!c->sock.choked && (c->sock.paused || c->lane.n));
}

static void tick(struct conn *c)
{
	struct ws *ws = c->state;
	int64_t now = c->net->now_ms;

	if (lives(c))
		ws->pong_by_ms = 0;
	if (ws->pong_by_ms && now >= ws->pong_by_ms) {
		conn_abort(c, 1006, STR("no answer to a ping"));
		return;
	}
	if (ws->heartbeat_ms && now >= ws->beat_at_ms) {
		say_position_now(c, "heartbeat", STR(""));
		ws->beat_at_ms = now + ws->heartbeat_ms;
	}
	if (now >= ws->ping_at_ms) {
		if (!c->sock.choked) /* else it would only wait behind the others */
			frame_add(conn_lane(c), FRAME_PING, STR(""));
		ws->ping_at_ms = now + c->net->conf.ping_ms;
		if (!ws->pong_by_ms)
			ws->pong_by_ms = now + c->net->conf.pong_ms;
	}
	arm(c);
}

/* --- opening ---------------------------------------------------------------------------------- */

static void ws_free(struct conn *c)
{
	struct ws *ws = c->state;

	if (ws->reader)
		frame_reader_fini(ws->reader);
	mem_free(ws->reader);
	while (ws->refs)
		drop_ref(ws, ws->refs->tag);
	mem_free(ws);
}

const struct transport transport_ws = {
	.name = "ws",
	.data = data,
	.tick = tick,
	.say_start = say_start,
	.say_gap = say_gap,
	.say_position = say_position,
	.published = published,
	.bye = bye,
	.free = ws_free,
};

/* RFC 6455 4.2.1. False: answered. */
static bool check_handshake(
	struct conn *c, const struct head *h, struct str room, char accept[29])
{
	if (!h->upgrade_websocket || h->method != HTTP_GET) {
		http_needs_upgrade(c, room);
		return false;
	}
	if (head_count(h, STR("sec-websocket-version")) != 1 ||
		!str_eq(head_get(h, STR("sec-websocket-version")), STR("13"))) {
		http_refuse(c, 426, STR("Sec-WebSocket-Version must be 13"));
		return false;
	}
	if (head_count(h, STR("sec-websocket-key")) != 1 ||
		!frame_accept_key(head_get(h, STR("sec-websocket-key")), accept)) {
		http_refuse(c, 400, STR("Sec-WebSocket-Key must be 16 bytes in base64"));
		return false;
	}
	return true;
}

static int take_heartbeat(struct ws *ws, const struct head *h, int64_t now, struct err *e)
{
	struct buf v = { 0 };
	uint64_t seconds = 0;
	int found = http_query(h, "heartbeat", &v), rc = 0;

	if (found < 0 ||
		(found && (str_u64(buf_str(&v), &seconds) != 0 || seconds == 0 || seconds > 86400)))
		rc = err_set(e, ERR_INVALID, "heartbeat: a number of seconds, 1 to 86400");
	ws->heartbeat_ms = (int32_t)(seconds * 1000);
	ws->beat_at_ms = now + ws->heartbeat_ms;
	buf_fini(&v);
	return rc;
}

static void switch_protocols(struct conn *c, const struct head *h, const char *accept)
{
	struct buf *out = conn_lane(c);

	buf_addf(out,
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Accept: %s\r\nRt-Conn: ",
		accept);
	buf_add_conn_id(out, c);
	if (head_has_token(h, STR("sec-websocket-protocol"), STR("rt.json")))
		buf_add_text(out, "\r\nSec-WebSocket-Protocol: rt.json");
	buf_add_text(out, "\r\n\r\n");
	mem_free(c->cors);
	c->cors = NULL;
}

void ws_open(struct conn *c, const struct head *h, struct str room)
{
	struct buf meta = { 0 };
	struct err e = { 0 };
	char accept[29];
	struct ws *ws;
	bool bare;
	int rc;

	if (!check_handshake(c, h, room, accept))
		return;
	ws = mem_zalloc(sizeof *ws + room.n + 1);
	c->state = ws;
	c->transport = &transport_ws;
	rc = take_heartbeat(ws, h, c->net->now_ms, &e);
	bare = !http_query_flag(h, "meta", true);
	ws->announce =
		http_query(h, "since", &meta) > 0 || (http_query(h, "meta", &meta) > 0 && !bare);
	ws->ping_at_ms = c->net->now_ms + c->net->conf.ping_ms;
	conn_subscribe(c, bare ? WIRE_WS_BARE : WIRE_WS, false, !http_query_flag(h, "echo", true))
		->counts = true;
	if (rc == 0 && room.n && !pattern_is(room))
		memcpy(ws->room, room.p, room.n);
	if (rc == 0)
		rc = http_open_subs(c, h, room, false, &e);
	if (rc) {
		http_refuse(c, http_status(rc), str_of(e.text));
	} else {
		switch_protocols(c, h, accept);
		arm(c);
	}
	buf_fini(&meta);
}
