/* conn.c - the life of a connection: reading heads, flushing, lingering, closing
 *
 * Nothing is freed inside a callback: a connection whose socket is gone is put on net.dead and
 * freed when the turn ends, and not before the last of its publications has its outcome. */
#include "net/conn.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "codec/frame.h"
#include "codec/name.h"
#include "net/http.h"

#include <stdio.h>

#define LINGER_MS      2000
#define LINGER_BYTES   (8u << 20)
#define REFUSAL_MS     2000  /* for the head of a request that is refused anyway */
#define END_MS         10000 /* for the peer to take what is left for it; then it lingers */
#define PENDING_MAX    65536 /* publications without an outcome */

static void on_data(struct sock *s, char *p, size_t n);
static void on_writable(struct sock *s);
static void on_closed(struct sock *s);

static const struct sock_ops sock_ops = { on_data, on_writable, on_closed };

/* --- small things ----------------------------------------------------------------------------- */

void buf_add_conn_id(struct buf *b, const struct conn *c)
{
	buf_addf(b, "c%llx", (unsigned long long)c->id);
}

struct str conn_client(const struct conn *c)
{
	return str_make(c->client, c->client_n);
}

struct str conn_user(const struct conn *c)
{
	return str_of(c->user);
}

void conn_dirty(struct conn *c)
{
	if (!c->closed && list_empty(&c->dirty))
		list_add(&c->net->dirty, &c->dirty);
}

struct buf *conn_lane(struct conn *c)
{
	conn_dirty(c);
	if (!c->lane.p) {
		c->lane = c->net->lane;
		c->net->lane = (struct buf){ 0 };
	}
	return &c->lane;
}

void conn_lane_position(struct conn *c, struct pos pos)
{
	c->lane_pos = c->lane_pos.epoch == pos.epoch ? pos_max(c->lane_pos, pos) : pos;
}

void conn_deadline(struct conn *c, int64_t at_ms)
{
	wheel_set(&c->net->wheel, &c->deadline, at_ms);
}

void conn_no_deadline(struct conn *c)
{
	wheel_del(&c->net->wheel, &c->deadline);
}

void conn_told(struct conn *c, struct pos pos)
{
	c->sub->told = pos;
}

/* --- opening and closing ---------------------------------------------------------------------- */

static int64_t head_ms(const struct conn *c)
{
	int64_t ms = c->net->conf.head_ms;

	return c->over && ms > REFUSAL_MS ? REFUSAL_MS : ms;
}

struct conn *conn_open(
	struct net *n, int fd, const struct listen_peer *peer, enum conn_over over)
{
	struct conn *c = mem_zalloc(sizeof *c + peer->text.n + 1);

	c->net = n;
	list_init(&c->dirty);
	list_init(&c->waiting);
	list_init(&c->choked);
	list_init(&c->all);
	deadline_init(&c->deadline);
	if (sock_adopt(n->engine, &c->sock, &sock_ops, fd) != 0) {
		mem_free(c);
		return NULL;
	}
	c->id = ++n->next_id;
	memcpy(c->peer, peer->text.p, peer->text.n);
	c->loopback = peer->loopback;
	c->opened_ms = n->now_ms;
	c->over = over & 3;
	list_add(&n->conns, &c->all);
	n->n_conns++;
	n->n_refusing += over != OVER_NOTHING;
	conn_deadline(c, c->opened_ms + head_ms(c));
	return c;
}

static void note_close(struct conn *c, unsigned code, struct str reason)
{
	if (c->close_code)
		return;
	c->close_code = (uint16_t)code;
	reason = str_head(reason, 63);
	c->close_reason = mem_strndup(reason.p, reason.n);
}

static void count_dropped(struct conn *c, uint64_t n)
{
	c->sub->dropped += n;
	c->net->stats.dropped += n;
}

/* Rooms are left and the record is written as soon as the connection is decided to end. */
static void unsubscribe_all(struct conn *c)
{
	struct net *n = c->net;

	if (!c->sub || c->closed_told)
		return;
	c->closed_told = true;
	list_for_each(it, &c->sub->feed.subs) {
		struct sub *s = list_entry(it, struct sub, of_feed);
		n->events->parted(n->arg, c, str_of(s->name));
	}
	count_dropped(c, feed_lag(&c->sub->feed, n->now_ms).lost);
	n->events->closed(n->arg, c, c->close_code, str_of(c->close_reason));
	feed_fini(&c->sub->feed);
}

static void on_closed(struct sock *s)
{
	struct conn *c = list_entry(s, struct conn, sock);
	struct net *n = c->net;

	note_close(c, 1006, STR("the client went away"));
	c->closed = true;
	unsubscribe_all(c);
	conn_no_deadline(c);
	if (c->pace)
		wheel_del(&n->throttled, &c->pace->resume);
	list_del(&c->dirty);
	list_del(&c->waiting);
	list_del(&c->choked);
	list_add(&n->dead, &c->dirty);
	/* When thousands leave at once, the others are not to wait for the last of them. */
	n->turn_bytes += NET_CLOSE_COST;
	if (n->turn_bytes >= n->conf.turn_bytes && !n->draining)
		n->events->turn(n->arg);
}

void conn_free(struct conn *c)
{
	struct net *n = c->net;

	if (c->transport && c->transport->free)
		c->transport->free(c);
	if (c->sub)
		feed_fini(&c->sub->feed);
	mem_free(c->sub);
	mem_free(c->pace);
	buf_fini(&c->in);
	buf_fini(&c->lane);
	mem_free(c->cors);
	mem_free(c->user);
	mem_free(c->close_reason);
	list_del(&c->all);
	list_del(&c->dirty);
	list_del(&c->waiting);
	list_del(&c->choked);
	n->n_conns--;
	n->n_refusing -= c->over != OVER_NOTHING;
	if (c->addr)
		addr_leave(&n->addrs, c->addr, n->now_ms);
	mem_free(c);
}

void conn_abort(struct conn *c, unsigned code, struct str reason)
{
	note_close(c, code, reason);
	unsubscribe_all(c);
	c->closing = true;
	sock_close(&c->sock);
}

void conn_finish(struct conn *c, unsigned code, struct str reason)
{
	if (c->closing || c->closed) /* one that waits to be freed gets no deadline any more */
		return;
	note_close(c, code, reason);
	unsubscribe_all(c);
	c->closing = true;
	c->discarded = 0;
	c->busy = false;
	sock_pause(&c->sock, false);
	c->in.n = 0;
	conn_deadline(c, c->net->now_ms + END_MS);
	conn_dirty(c);
}

void conn_end(struct conn *c)
{
	c->half_closed = true;
	sock_shutdown(&c->sock);
	conn_deadline(c, c->net->now_ms + LINGER_MS);
}

void conn_bye(struct conn *c, unsigned code, struct str reason)
{
	if (c->closing || c->closed)
		return;
	if (c->transport && c->transport->bye)
		c->transport->bye(c, code, reason);
	conn_finish(c, code, reason);
}

static void say_bye_if_wound_up(struct conn *c)
{
	if (c->winding_up && c->pending == 0)
		conn_bye(c, c->close_code, str_of(c->close_reason));
}

void conn_wind_up(struct conn *c, unsigned code, struct str reason)
{
	if (c->winding_up || c->closing || c->closed)
		return;
	c->winding_up = true;
	note_close(c, code, reason);
	conn_check_pause(c);
	say_bye_if_wound_up(c);
}

/* --- subscribing ------------------------------------------------------------------------------ */

struct subscriber *conn_subscribe(struct conn *c, enum wire wire, bool chunked, bool no_echo)
{
	if (!c->sub) {
		c->sub = mem_new(struct subscriber);
		feed_init(&c->sub->feed, c->net->table, c, conn_client(c), no_echo);
	}
	c->sub->wire = (uint8_t)wire;
	c->sub->chunked = chunked;
	return c->sub;
}

/* A pattern costs a cursor in every room that it matches. */
static int check_limits(const struct conn *c, struct str room, struct err *e)
{
	const struct net *n = c->net;
	const struct feed *f = &c->sub->feed;

	if (f->n_subs >= n->conf.max_rooms)
		return err_set(e, ERR_TOO_LARGE, "over the limit of %u rooms on one connection",
			n->conf.max_rooms);
	if (pattern_is(room) && feed_patterns(f) >= n->conf.max_patterns)
		return err_set(e, ERR_TOO_LARGE, "over the limit of %u patterns on one connection",
			n->conf.max_patterns);
	if (!table_takes_subs(n->table))
		return err_set(e, ERR_BUSY,
			"the server has no memory for more subscriptions (rt-serve --memory)");
	return 0;
}

int conn_open_sub(
	struct conn *c, struct str room, const struct since *since, uint32_t tag, struct err *e)
{
	struct net *n = c->net;
	int rc = pattern_check(room, e);

	if (rc == 0)
		rc = n->events->allow(n->arg, c, ASK_SUBSCRIBE, room, e);
	if (rc == 0)
		rc = check_limits(c, room, e);
	if (rc)
		return rc;
	if (!sub_open(&c->sub->feed, room, since, tag, n->now_ms))
		return err_set(
			e, ERR_INVALID, "already subscribed to '" STR_FMT "'", STR_ARG(room));
	c->sub->was_at_head = false;
	n->turn_bytes +=
		pattern_is(room) ? n->table->rooms.n * sizeof(struct cursor) : NET_MESSAGE_COST;
	n->events->joined(n->arg, c, room);
	return 0;
}

void conn_gap(struct conn *c, const struct gap *g)
{
	struct net *n = c->net;

	n->stats.gaps++;
	count_dropped(c, g->reason == GAP_SLOW ? g->lost : 0);
	n->events->gap(n->arg, c, g);
}

void conn_too_slow(struct conn *c)
{
	c->net->stats.slow_closed++;
	conn_bye(c, 4008, STR("too slow: messages were dropped before they could be written"));
}

void conn_close_sub(struct conn *c, struct sub *s)
{
	c->net->events->parted(c->net->arg, c, str_of(s->name));
	sub_close(s);
}

/* --- reading ---------------------------------------------------------------------------------- */

static void on_writable(struct sock *s)
{
	struct conn *c = list_entry(s, struct conn, sock);

	list_del(&c->choked);
	conn_dirty(c);
}

static void linger(struct conn *c, size_t n)
{
	c->discarded += n;
	if (c->discarded > LINGER_BYTES)
		sock_close(&c->sock);
}

/* Reads one head from the front; returns bytes used, 0: not complete. */
static size_t read_head(struct conn *c, char *p, size_t n)
{
	struct net *net = c->net;
	struct err e = { 0 };
	long used = head_read(&net->head, p, n, &c->scanned, &e);

	if (used == 0)
		return 0;
	c->scanned = 0;
	if (used < 0) {
		http_refuse(c, (int)-used, str_of(e.text));
		return n;
	}
	net->stats.requests++;
	c->reading_head = false;
	c->keep_alive = net->head.keep_alive;
	http_request(c, &net->head);
	return (size_t)used;
}

bool conn_may_read(struct conn *c)
{
	if (conn_is_throttled(c) || c->winding_up)
		return false; /* the wheel wakes it; or nothing does */
	if (c->lane.n <= LANE_MAX && c->net->turn_bytes < c->net->conf.turn_bytes)
		return true;
	c->stalled = true;
	if (c->lane.n <= LANE_MAX) /* else it is written first, and then looked at */
		conn_dirty(c);
	return false;
}

/* The turn holds enough already: this one is first in the next. Else whoever comes before it takes
 * all of every turn. */
static bool waits_for_turn(struct conn *c)
{
	struct net *n = c->net;

	if (c->busy || n->turn_bytes < n->conf.turn_bytes || conn_is_throttled(c) ||
		c->winding_up || c->lane.n > LANE_MAX)
		return false;
	c->stalled = true;
	list_del(&c->dirty);
	list_add(&n->starved, &c->dirty);
	return true;
}

/* Gives bytes to whoever reads now, until none are left or nobody takes them. Returns how
 * many were taken. */
static size_t consume(struct conn *c, char *p, size_t n)
{
	size_t done = 0;

	c->stalled = false;
	if (n > 0 && !c->closing && !c->closed && waits_for_turn(c))
		return 0;
	while (done < n && !c->busy && !c->closing && !c->closed && conn_may_read(c)) {
		size_t used = c->transport ? c->transport->data(c, p + done, n - done)
		                           : read_head(c, p + done, n - done);

		done += used;
		if (used == 0)
			break;
	}
	return done;
}

/* While it can take no more, the peer waits. */
void conn_check_pause(struct conn *c)
{
	bool full = c->stalled ? c->in.n > 0
		: c->busy      ? c->in.n > (c->transport ? c->transport->holds : 0)
			       : c->lane.n > LANE_MAX || c->pending > PENDING_MAX;

	if (!c->closing)
		sock_pause(&c->sock, full || conn_is_throttled(c) || c->winding_up);
}

void conn_read_on(struct conn *c)
{
	struct buf in = c->in;
	size_t used;

	/* Moved out of the way: consumers see stable bytes while c->in may be added to. */
	c->in = (struct buf){ 0 };
	used = consume(c, in.p, in.n);
	if (used < in.n && !c->closing) {
		buf_drop(&in, used);
		buf_fini(&c->in);
		c->in = in;
	} else {
		buf_fini(&in);
	}
	conn_check_pause(c);
}

static void on_data(struct sock *s, char *p, size_t n)
{
	struct conn *c = list_entry(s, struct conn, sock);
	struct net *net = c->net;
	size_t used;

	net->now_ms = clock_ms();
	net->stats.bytes_in += n;
	net->turn_bytes += n;
	if (c->closing) {
		linger(c, n);
		return;
	}
	if (!c->transport && !c->reading_head && !c->busy) {
		c->reading_head = true;
		conn_deadline(c, net->now_ms + head_ms(c));
	}
	if (c->in.n) {
		buf_add(&c->in, p, n);
		conn_read_on(c);
	} else {
		used = consume(c, p, n);
		if (used < n && !c->closing && !c->closed)
			buf_add(&c->in, p + used, n - used);
		conn_check_pause(c);
	}
	if (net->turn_bytes >= net->conf.turn_bytes)
		net->events->turn(net->arg);
}

size_t conn_ignore(struct conn *c, char *p, size_t n)
{
	(void)c;
	(void)p;
	return n;
}

void conn_heartbeat(struct conn *c, struct str idle)
{
	struct subscriber *s = c->sub;
	struct buf *out;
	struct peek p;
	size_t at;

	conn_deadline(c, c->net->now_ms + c->net->conf.heartbeat_ms);
	if (!s->begun)
		return;
	out = conn_lane(c);
	feed_peek(&s->feed, &p); /* the position moves with the head, too */
	if (!pos_eq(s->told, s->feed.pos)) {
		c->transport->say_position(c, out);
		return;
	}
	wire_chunk_begin(out, &at);
	buf_add_str(out, idle);
	wire_chunk_end(out, at);
}

void conn_next_request(struct conn *c)
{
	if (c->sub) { /* a poll: its subscription was the request's */
		unsubscribe_all(c);
		mem_free(c->sub);
		c->sub = NULL;
		c->closed_told = false;
	}
	if (c->transport && c->transport->free)
		c->transport->free(c);
	c->transport = NULL;
	c->state = NULL;
	c->busy = c->head_only = false;
	c->client_n = 0;
	mem_free(c->user);
	c->user = NULL;
	if (!c->keep_alive || c->net->draining) {
		conn_finish(c, 1000, STR(""));
		return;
	}
	conn_deadline(c, c->net->now_ms + c->net->conf.idle_ms);
	conn_dirty(c); /* also reads on: what was pipelined waits in c->in */
}

void conn_on_deadline(struct deadline *d, void *arg)
{
	struct conn *c = list_entry(d, struct conn, deadline);

	(void)arg;
	if (c->closed)
		return;
	if (c->closing) {
		sock_close(&c->sock);
	} else if (c->transport) {
		if (c->transport->tick)
			c->transport->tick(c);
	} else if (c->over) {
		http_over_limit(c);
	} else if (c->reading_head) {
		http_refuse(c, 408, STR("the request head did not arrive in time"));
	} else {
		conn_finish(c, 1000, STR("idle"));
	}
}

/* --- publications ----------------------------------------------------------------------------- */

void conn_publish(struct conn *c, const struct publication *p)
{
	c->pending++;
	c->net->turn_bytes += NET_MESSAGE_COST;
	c->net->stats.messages_in++;
	conn_pay(c);
	c->net->events->publish(c->net->arg, p);
}

void conn_published(struct conn *c, struct str ref, const struct pub_result *r)
{
	c->pending--;
	if (!c->closed && !c->closing && c->transport && c->transport->published)
		c->transport->published(c, ref, r);
	say_bye_if_wound_up(c);
}

void conn_say(struct conn *c, struct str json)
{
	if (!c->closed && !c->closing && c->transport == &transport_ws)
		frame_add(conn_lane(c), FRAME_TEXT, json);
}
