/* net.c - all connections together: accepting, deadlines, the flush at the end of a turn, the
 * end */
#include "net/net.h"

#include "base/clock.h"
#include "net/conn.h"
#include "net/http.h"

#include <sys/socket.h>
#include <unistd.h>

/* More than can be waited for: what one write can give, which a client that is still sending may
 * lose. */
static void refuse_at_once(int fd, enum conn_over over)
{
	struct buf answer = { 0 };
	ssize_t sent;

	http_add_over_limit(&answer, over);
	sent = send(fd, answer.p, answer.n, MSG_NOSIGNAL);
	(void)sent;
	shutdown(fd, SHUT_WR);
	close(fd);
	buf_fini(&answer);
}

static enum conn_over admit(struct net *n, struct addr *a)
{
	unsigned most = n->conf.address_connections;

	if (n->n_conns - n->n_refusing >= n->conf.max_connections) {
		n->stats.refused++;
		return OVER_CONNECTIONS;
	}
	if (a && most && a->n_conns >= most) {
		n->stats.address_refused[ADDR_CONNECTIONS]++;
		addr_refused(&n->addrs, a, ADDR_CONNECTIONS, n->now_ms);
		return OVER_ADDRESS;
	}
	return OVER_NOTHING;
}

void net_accept(void *arg, int fd, const struct listen_peer *peer)
{
	struct net *n = arg;
	struct addr *a = peer->address.n ? addr_get(&n->addrs, peer->address) : NULL;
	struct conn *c = NULL;
	enum conn_over over;

	n->now_ms = clock_ms();
	over = admit(n, a);
	if (over && n->n_refusing >= NET_REFUSALS_MAX)
		refuse_at_once(fd, over);
	else
		c = conn_open(n, fd, peer, over);
	if (c && !over) {
		n->stats.accepted++;
		c->addr = a;
		if (a)
			addr_join(&n->addrs, a);
	} else if (a) {
		addr_settle(&n->addrs, a, n->now_ms);
	}
}

static void on_limited(void *arg, const struct addr *a, enum addr_limit limit, uint64_t count)
{
	static const char *const names[] = {
		[ADDR_CONNECTIONS] = "address-connections",
		[ADDR_REQUESTS] = "address-request-rate",
	};
	struct net *n = arg;
	struct buf b = { 0 };

	buf_add_addr(&b, a);
	n->events->limited(n->arg, buf_str(&b), names[limit], count);
	buf_fini(&b);
}

/* A socket that is full asks for nothing, so nothing would tell that its rooms have left it behind.
 * It is looked at now and then, if something was dropped since: appending need not do it. */
static int64_t cut_slow_next_ms(const struct net *n)
{
	bool none = list_empty(&n->choked) || n->choked_trimmed == n->table->n_trimmed;

	return none ? INT64_MAX : n->choked_ms + WHEEL_TICK_MS;
}

static void cut_slow(struct net *n)
{
	if (n->now_ms < cut_slow_next_ms(n))
		return;
	n->choked_ms = n->now_ms;
	n->choked_trimmed = n->table->n_trimmed;
	list_for_each_safe(it, &n->choked) {
		struct conn *c = list_entry(it, struct conn, choked);

		if (c->sub && !c->closing && feed_is_too_slow(&c->sub->feed))
			conn_too_slow(c);
	}
}

/* What is due waits for net_expire. */
static void on_timer(uv_timer_t *timer)
{
	struct net *n = timer->data;

	n->timer_ms = INT64_MAX;
	n->due = true;
}

void net_expire(struct net *n)
{
	if (!n->due)
		return;
	n->due = false;
	n->now_ms = clock_ms();
	cut_slow(n);
	wheel_run(&n->wheel, n->now_ms, conn_on_deadline, n);
	wheel_run(&n->throttled, n->now_ms, conn_on_resume, n);
	addrs_run(&n->addrs, n->now_ms);
}

void net_set_timer(struct net *n)
{
	const struct wheel *const wheels[] = { &n->wheel, &n->throttled, &n->addrs.wheel };
	int64_t at = cut_slow_next_ms(n), wait;

	if (n->due)
		n->again = true;
	if (n->due || uv_is_closing((uv_handle_t *)&n->timer))
		return;
	for (size_t i = 0; i < sizeof wheels / sizeof *wheels; i++) {
		int64_t next = wheel_next_ms(wheels[i]);
		if (next < at)
			at = next;
	}
	if (at == n->timer_ms && at > n->now_ms)
		return; /* it is set; and what is due is due, whatever the timer thinks */
	n->timer_ms = at;
	wait = at - (int64_t)uv_now(n->loop);
	if (at == INT64_MAX)
		uv_timer_stop(&n->timer);
	else
		uv_timer_start(&n->timer, on_timer,
			at > n->now_ms && wait > 0 ? (uint64_t)wait : 0, 0);
}

const char *pub_code(enum err_code code)
{
	switch (code) {
	case ERR_DENIED: return "denied";
	case ERR_TOO_LARGE: return "too_large";
	case ERR_UNSUPPORTED: return "unsupported";
	case ERR_INVALID: return "invalid";
	default: return "refused";
	}
}

const char *pub_result_code(const struct pub_result *r)
{
	return r->outcome == PUB_REFUSED ? pub_code(r->code) : "unknown";
}

int net_open(struct net *n, uv_loop_t *loop, const struct net_conf *conf,
	const struct net_events *events, void *arg, struct table *table, struct err *e)
{
	*n = (struct net){
		.loop = loop,
		.conf = *conf,
		.events = events,
		.arg = arg,
		.table = table,
		.now_ms = clock_ms(),
		.timer_ms = INT64_MAX,
	};
	list_init(&n->conns);
	list_init(&n->dirty);
	list_init(&n->waiting);
	list_init(&n->choked);
	list_init(&n->starved);
	list_init(&n->dead);
	wheel_init(&n->wheel, n->now_ms);
	wheel_init(&n->throttled, n->now_ms);
	addrs_init(&n->addrs, on_limited, n, n->now_ms);
	n->engine = sock_engine_open(loop, e);
	if (!n->engine)
		return ERR_IO;
	uv_timer_init(loop, &n->timer);
	n->timer.data = n;
	return 0;
}

void net_wake(struct table *t, struct feed *f)
{
	(void)t;
	conn_flush(f->owner);
}

static void reap(struct net *n)
{
	list_for_each_safe(it, &n->dead) {
		struct conn *c = list_entry(it, struct conn, dirty);
		if (c->pending == 0)
			conn_free(c);
	}
}

void net_flush(struct net *n)
{
	struct list dirty = LIST_INIT(dirty), *it;

	if (!pos_eq(n->waiting_head, n->table->head)) {
		n->waiting_head = n->table->head;
		while ((it = list_pop(&n->waiting)))
			conn_dirty(list_entry(it, struct conn, waiting));
	}
	list_splice(&dirty, &n->starved);
	list_splice(&dirty, &n->dirty);
	while ((it = list_pop(&dirty)))
		conn_flush(list_entry(it, struct conn, dirty));
	if (!list_empty(&n->dirty) || !list_empty(&n->starved))
		n->again = true;
	reap(n);
	batches_next_turn(&n->batches);
	if (n->scratch.cap > 4 * SOCK_BATCH_MAX)
		buf_fini(&n->scratch);
	buf_fini(&n->lane);
}

void net_drain(struct net *n)
{
	n->draining = true;
	list_for_each_safe(it, &n->conns) {
		struct conn *c = list_entry(it, struct conn, all);

		if (c->sub || c->transport == &transport_ws)
			conn_wind_up(c, 1012, STR("the server restarts"));
		else if (!c->transport && !c->reading_head)
			conn_finish(c, 1000, STR(""));
	}
}

void net_close(struct net *n)
{
	n->draining = true;
	uv_close((uv_handle_t *)&n->timer, NULL);
	list_for_each_safe(it, &n->conns) {
		struct conn *c = list_entry(it, struct conn, all);
		c->pending = 0; /* the bus is closed: no outcome will come */
		conn_abort(c, 1001, STR("the server ends"));
	}
}

bool net_is_closed(const struct net *n)
{
	return list_empty(&n->conns);
}

void net_fini(struct net *n)
{
	sock_engine_close(n->engine);
	addrs_fini(&n->addrs);
	batches_fini(&n->batches);
	buf_fini(&n->scratch);
}
