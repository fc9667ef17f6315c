/* members.c - presence as the gateway sees it: who joins and leaves by connecting,
 * who asks, who types
 *
 * Who is present is kept in presence/; here connections become joins and leaves, transitions become
 * user_joined and user_left. */
#include "base/clock.h"
#include "base/mem.h"
#include "codec/name.h"
#include "net/conn.h"
#include "net/http.h"
#include "server/worker.h"

static void say_presence(
	struct worker *w, const char *type, struct str room, struct str user, struct str client)
{
	struct buf b = { 0 };

	buf_addf(&b, "{\"type\":\"%s\",\"user_id\":", type);
	buf_add_json(&b, user);
	buf_add_char(&b, '}');
	worker_say(w, room, buf_str(&b), true, client);
	buf_fini(&b);
}

static void on_joined(void *arg, struct str room, struct str user, struct str client)
{
	say_presence(arg, "user_joined", room, user, client);
}

static void on_left(void *arg, struct str room, struct str user)
{
	say_presence(arg, "user_left", room, user, STR(""));
}

const struct presence_events members_events = { on_joined, on_left };

/* Is who subscribes so a member? HEAD only looks. */
static bool counts(const struct conn *c, struct str room)
{
	return c->user && !c->head_only && c->sub->counts && !pattern_is(room) && !room_name_internal(room);
}

void members_joined(void *arg, struct conn *c, struct str room)
{
	struct worker *w = arg;
	int64_t now_ms = w->net.now_ms;

	if (!counts(c, room))
		return;
	if (c->sub->leases)
		w->presence->ops->beat(w->presence, room, conn_user(c), conn_client(c),
			c->sub->lease_ms + w->presence->ttl_ms, now_ms);
	else
		w->presence->ops->join(w->presence, room, conn_user(c), conn_client(c), now_ms);
}

void members_parted(void *arg, struct conn *c, struct str room)
{
	struct worker *w = arg;

	if (counts(c, room) && !c->sub->leases)
		w->presence->ops->leave(w->presence, room, conn_user(c), w->net.now_ms);
}

void members_typing(struct worker *w, struct str room, struct str bytes)
{
	struct msg msg;

	if (msg_parse(&msg, bytes, MSG_FROM_BUS, NULL) != 0 ||
		!msg_is(&msg, MSG_TYPE, STR("typing")))
		return;
	w->text.n = 0;
	if (msg_string(&msg, MSG_USER_ID, &w->text))
		w->presence->ops->typing(w->presence, room, buf_str(&w->text), w->net.now_ms);
}

struct member_list {
	struct buf *b;
	int n;
};

static void add_member(void *arg, const struct presence_member *m)
{
	struct member_list *l = arg;

	buf_add_text(l->b, l->n++ ? ",{\"user_id\":" : "{\"user_id\":");
	buf_add_json(l->b, m->user);
	buf_addf(l->b, ",\"last_seen\":%.3f,\"typing\":%s}", (double)m->last_seen_ms / 1000,
		m->typing ? "true" : "false");
}

/* "members":[...],"count":n,"scope":"instance" */
static void add_members(struct worker *w, struct buf *b, struct str room)
{
	struct member_list l = { b, 0 };

	buf_add_text(b, "\"members\":[");
	w->presence->ops->members(w->presence, room, clock_ms(), add_member, &l);
	buf_addf(b, "],\"count\":%d,\"scope\":\"%s\"", l.n, w->presence->ops->scope);
}

void members_say(void *worker, struct conn *c, struct str room, struct str ref)
{
	struct buf b = { 0 };

	buf_add_text(&b, "{\"_op\":\"presence\"");
	if (ref.n)
		buf_addf(&b, ",\"_ref\":" STR_FMT, STR_ARG(ref));
	buf_addf(&b, ",\"_room\":\"" STR_FMT "\",", STR_ARG(room));
	add_members(worker, &b, room);
	buf_add_char(&b, '}');
	conn_say(c, buf_str(&b));
	buf_fini(&b);
}

void members_get(struct worker *w, struct conn *c, struct str room)
{
	struct buf b = { 0 };
	struct err e = { 0 };
	int rc = w->net.events->allow(w, c, ASK_SUBSCRIBE, room, &e);

	if (rc) {
		http_problem(c, http_status(rc), str_of(e.text));
		return;
	}
	buf_addf(&b, "{\"room\":\"" STR_FMT "\",", STR_ARG(room));
	add_members(w, &b, room);
	buf_add_text(&b, "}\n");
	http_reply(c, 200, "application/json", STR("Cache-Control: no-store\r\n"), buf_str(&b));
	buf_fini(&b);
}

void members_post(struct worker *w, struct conn *c, const struct head *h, struct str room,
	struct str body)
{
	struct buf user = { 0 };
	struct err e = { 0 };
	struct msg m;
	int rc = w->net.events->allow(w, c, ASK_PUBLISH, room, &e);

	if (rc == 0 && body.n)
		rc = msg_parse(&m, body, MSG_FROM_CLIENT, &e);
	if (rc == 0 && http_query(h, "user_id", &user) <= 0 &&
		(!body.n || !msg_string(&m, MSG_USER_ID, &user)))
		rc = err_set(&e, ERR_INVALID, "no user_id, in the body or the query");
	if (rc == 0)
		rc = user_check(buf_str(&user), &e);
	if (rc) {
		http_problem(c, http_status(rc), str_of(e.text));
		goto out;
	}
	w->presence->ops->beat(
		w->presence, room, buf_str(&user), conn_client(c), w->presence->ttl_ms, clock_ms());
	if (body.n && msg_is(&m, MSG_TYPE, STR("typing"))) {
		struct buf b = { 0 };
		buf_add_text(&b, "{\"type\":\"typing\",\"user_id\":");
		buf_add_json(&b, buf_str(&user));
		buf_add_char(&b, '}');
		worker_say(w, room, buf_str(&b), true, conn_client(c));
		buf_fini(&b);
	}
	http_reply(c, 200, "application/json", STR(""), STR("{}\n"));
out:
	buf_fini(&user);
}
