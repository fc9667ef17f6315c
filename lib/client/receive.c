/* receive.c - what a server says, told to the user
 *
 * Messages and acks, which come by the hundred thousand, are read from the marks that the scanner
 * leaves; the rare control messages by control.c. Nothing received is trusted: texts are proved
 * before they are used, room names checked (users make file names of them), positions bounded, and
 * what makes no sense ends the connection for good. */
#include "client/carrier.h"

#include "client/control.h"
#include "codec/msg.h"
#include "codec/name.h"

#include <stdarg.h>
#include <stdio.h>

int client_on_nonsense(struct client *c, const char *fmt, ...)
{
	char what[120];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	c->ops->stop(c->carrier);
	client_on_down(c, ERR_INVALID, false, "the server does not speak rt's protocol: %s", what);
	return ERR_INVALID;
}

/* The content of a string member that needs no unescaping; p == NULL when there is none such. */
static struct str simple(const struct msg *m, enum msg_member k)
{
	struct str raw = msg_raw(m, k);

	if (raw.n < 2 || raw.p[0] != '"' || memchr(raw.p, '\\', raw.n))
		return str_make(NULL, 0);
	return str_make(raw.p + 1, raw.n - 2);
}

/* --- messages -------------------------------------------------------------------------------- */

static bool is_server_event(struct str type)
{
	return str_eq(type, STR("user_joined")) || str_eq(type, STR("user_left")) ||
	       str_eq(type, STR("typing"));
}

static int64_t timestamp(const struct msg *m)
{
	uint64_t ms;

	return str_u64(msg_raw(m, MSG_TS), &ms) == 0 && ms <= INT64_MAX ? (int64_t)ms : 0;
}

static void deliver(struct client *c, size_t lane, const struct msg *m, struct str room,
	struct str id, struct str text)
{
	struct client_msg out = { .room = room, .id = id, .ts_ms = timestamp(m), .text = text };

	c->payload.n = c->type.n = 0;
	msg_payload(m, STR(""), &c->payload);
	msg_string(m, MSG_TYPE, &c->type);
	out.payload = buf_str(&c->payload);
	out.type = buf_str(&c->type);
	out.server_event = is_server_event(out.type);
	if (id.n)
		rooms_move(&c->rooms, lane, room, id);
	if (c->events->message)
		c->events->message(c->arg, &out);
	if (id.n && !c->at_end)
		client_on_position(c, lane, id, false); /* only to see whether this was the end */
}

static int room_of(struct client *c, size_t lane, const struct msg *m, struct str *room)
{
	if (!msg_has(m, MSG_ROOM)) {
		*room = rooms_only(&c->rooms, lane);
		return 0;
	}
	*room = simple(m, MSG_ROOM);
	return room->p && room_name_check(*room, NULL) == 0
	               ? 0
	               : client_on_nonsense(c, "a message with a broken room name");
}

static int control(struct client *c, size_t lane, const struct msg *m);

int client_on_text(struct client *c, size_t lane, struct str text)
{
	struct str room, id = STR("");
	struct msg m;
	struct err e = { 0 };

	if (msg_parse(&m, text, MSG_FROM_BUS, &e) < 0)
		return client_on_nonsense(c, "%s", e.text);
	if (msg_has(&m, MSG_OP))
		return control(c, lane, &m);
	if (!c->rooms.n)
		return 0; /* who only publishes asked for no messages */
	if (room_of(c, lane, &m, &room) < 0)
		return ERR_INVALID;
	if (msg_has(&m, MSG_ID)) {
		id = simple(&m, MSG_ID);
		if (!id.p || !rooms_id_ok(id))
			return client_on_nonsense(c, "a message with a broken '_id'");
	}
	deliver(c, lane, &m, room, id, m.text);
	return 0;
}

int client_on_payload(struct client *c, size_t lane, struct str id, struct str payload)
{
	struct buf *front = &c->front;
	struct str room;
	struct msg m;
	struct err e = { 0 };

	if (!rooms_id_ok(id))
		return client_on_nonsense(c, "a message with a broken id");
	if (msg_parse(&m, payload, MSG_FROM_BUS, &e) < 0)
		return client_on_nonsense(c, "%s", e.text);
	if (room_of(c, lane, &m, &room) < 0)
		return ERR_INVALID;
	front->n = 0;
	if (id.n) {
		buf_add_text(front, "\"_id\":");
		buf_add_json(front, id);
	}
	if (room.n && !msg_has(&m, MSG_ROOM)) {
		buf_addf(front, "%s\"_room\":", id.n ? "," : "");
		buf_add_json(front, room);
	}
	c->line.n = 0;
	msg_splice(&c->line, m.text, buf_str(front));
	deliver(c, lane, &m, room, id, buf_str(&c->line));
	return 0;
}

void client_on_raw(struct client *c, struct str bytes)
{
	/* Member by member: clearing the whole, or copying `bytes` as one, would be the larger part
	 * of what a message costs here. */
	struct client_msg out;

	out.room.p = out.id.p = out.type.p = "";
	out.room.n = out.id.n = out.type.n = 0;
	out.text.p = out.payload.p = bytes.p;
	out.text.n = out.payload.n = bytes.n;
	out.ts_ms = 0;
	out.server_event = false;
	if (c->events->message)
		c->events->message(c->arg, &out);
}

/* --- control messages ------------------------------------------------------------------------ */

static bool has_broken_id(const struct msg *m, struct str id)
{
	return msg_has(m, MSG_ID) && (!id.p || !rooms_id_ok(id));
}

static int on_ack(struct client *c, const struct msg *m)
{
	struct str id = simple(m, MSG_ID);
	bool dup = str_find(m->text, STR("\"dup\":true")) >= 0;
	uint64_t ref;

	if (!msg_has(m, MSG_REF))
		return 0; /* not one of ours */
	if (str_u64(msg_raw(m, MSG_REF), &ref) < 0)
		return client_on_nonsense(c, "'ack' with a broken '_ref'");
	if (has_broken_id(m, id))
		return client_on_nonsense(c, "'ack' with a broken '_id'");
	client_on_outcome(
		c, ref, dup ? CLIENT_DUPLICATE : CLIENT_ACKED, id.p ? id : STR(""), STR(""));
	return 0;
}

/* Members of a wrong type, or positions that are none. */
static int check_control(struct client *c, const char *op, const struct control *k)
{
	const char *broken = k->wrong;

	if (!broken && !rooms_id_ok(k->id))
		broken = "_id";
	if (!broken && !rooms_id_ok(k->head))
		broken = "head";
	if (!broken && !rooms_id_ok(k->at))
		broken = "at";
	return broken ? client_on_nonsense(c, "'%s' with a broken '%s'", op, broken) : 0;
}

static int on_subscribed(struct client *c, size_t lane, const struct control *k)
{
	if (check_control(c, "subscribed", k) < 0)
		return ERR_INVALID;
	if (!k->room.n)
		return client_on_nonsense(c, "'subscribed' with a broken '_room'");
	client_on_start(c, lane, k->room, k->id, k->head);
	return 0;
}

static int on_gap(struct client *c, size_t lane, const struct control *k, struct str text)
{
	struct client_gap g = {
		.room = k->room,
		.after = k->after,
		.at = k->at,
		.next = k->next,
		.reason = k->reason,
		.text = text,
	};

	if (check_control(c, "gap", k) < 0)
		return ERR_INVALID;
	if (room_name_check(g.room, NULL) < 0 && pattern_check(g.room, NULL) < 0)
		g.room = rooms_only(&c->rooms, lane);
	if (g.at.n)
		rooms_move(&c->rooms, lane, g.room, g.at);
	if (c->events->gap)
		c->events->gap(c->arg, &g);
	if (g.at.n && !c->at_end)
		client_on_position(c, lane, g.at, false);
	return 0;
}

static int on_error(struct client *c, const struct msg *m, const struct control *k)
{
	struct str reason = k->reason.n ? k->reason
	                    : k->code.n ? k->code
	                                : STR("no reason was given");
	uint64_t ref;

	if (str_u64(msg_raw(m, MSG_REF), &ref) == 0) {
		if (str_eq(k->code, STR("unknown")))
			client_on_unknown(c);
		else
			client_on_outcome(c, ref, CLIENT_REFUSED, STR(""), reason);
		return 0;
	}
	/* Without a ref it can only be about a subscription, while one is under way. */
	if (rooms_started(&c->rooms) || !c->rooms.n || str_eq(k->code, STR("unknown")))
		return 0;
	c->ops->stop(c->carrier);
	client_on_down(c, str_eq(k->code, STR("denied")) ? ERR_DENIED : ERR_USAGE, false,
		"the server refused the subscription: " STR_FMT, STR_ARG(reason));
	return ERR_DENIED;
}

static int rare_control(struct client *c, size_t lane, const struct msg *m)
{
	struct control k;
	int r = 0;

	if (control_read(&k, m->text) < 0)
		r = client_on_nonsense(c, "a broken control message");
	else if (msg_is(m, MSG_OP, STR("error")))
		r = check_control(c, "error", &k) < 0 ? ERR_INVALID : on_error(c, m, &k);
	else if (!c->rooms.n)
		; /* about subscriptions, and there are none */
	else if (msg_is(m, MSG_OP, STR("subscribed")))
		r = on_subscribed(c, lane, &k);
	else if (msg_is(m, MSG_OP, STR("gap")))
		r = on_gap(c, lane, &k, m->text);
	control_fini(&k); /* others, of a newer server: nothing to do */
	return r;
}

static int control(struct client *c, size_t lane, const struct msg *m)
{
	if (msg_is(m, MSG_OP, STR("ack")))
		return on_ack(c, m);
	if (msg_is(m, MSG_OP, STR("heartbeat")) || msg_is(m, MSG_OP, STR("pong"))) {
		struct str id = simple(m, MSG_ID);
		bool beat = msg_is(m, MSG_OP, STR("heartbeat"));

		if (has_broken_id(m, id))
			return client_on_nonsense(
				c, "'%s' with a broken '_id'", beat ? "heartbeat" : "pong");
		/* A heartbeat that nobody asked for ends a replay; a pong comes at any time. */
		if (id.p && c->rooms.n && beat)
			client_on_quiet(c, lane, id);
		else if (id.p && c->rooms.n)
			client_on_position(c, lane, id, true);
		return 0;
	}
	return rare_control(c, lane, m);
}

/* --- answers of a POST ----------------------------------------------------------------------- */

bool client_on_answer(struct client *c, uint64_t *ref, struct str text)
{
	struct control k;
	bool answer = false;

	if (control_read(&k, text) < 0) {
		client_on_nonsense(c, "an answer that is no JSON object");
	} else if (k.wrong || !rooms_id_ok(k.id)) {
		client_on_nonsense(c, "an answer with a broken '%s'", k.wrong ? k.wrong : "_id");
	} else if (!k.summary) {
		uint64_t this = outbox_open(&c->out, *ref);

		answer = true;
		*ref = this + 1;
		if (str_eq(k.code, STR("unknown")))
			client_on_unknown(c);
		else if (k.error.n)
			client_on_outcome(c, this, CLIENT_REFUSED, STR(""), k.error);
		else
			client_on_outcome(
				c, this, k.dup ? CLIENT_DUPLICATE : CLIENT_ACKED, k.id, STR(""));
	}
	control_fini(&k);
	return answer;
}
