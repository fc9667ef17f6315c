/* worker.c - the path of a message through one instance
 *
 *      ws / http client                                ws / sse / stream / poll clients
 *        |  bytes                                                ^  frame bytes
 *      1 net/ws.c, net/pub.c    decode, hand over                |
 *        v                                       6 net/flush.c   conn_flush(): what is owed, one
 *      2 on_publish()    authorise, limit, stamp                 ^  write at the end of the turn
 *        v                                                       |
 *      3 bus/bus.c bus_publish() -> mem | ...    5 room/room.c   room_append(): wake subscribers
 *        |                                                       ^
 *        +--> every worker of every instance --> 4 on_deliver()  deduplicate, give it its position
 *
 * Bus first, room second, for everybody, the local publisher included: so all subscribers see one
 * order, there is one path to test, and no echo filter. What a client may say beside its message is
 * in stamp.c; what is not on the path (HTTP resources, records, counters) is in stats.c. */
#include "server/worker.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "codec/name.h"
#include "net/conn.h"
#include "net/http.h"
#include "server/stamp.h"

#define DEEP_SEGMENTS 5
#define DEEP_WARNINGS 20   /* as many rooms are warned of */

static void refuse(struct worker *w, const struct conn *c, struct str room, uint64_t tag,
	enum err_code code, struct str reason)
{
	stats_refused(w, c, room, code, reason);
	outcome_refused(&w->outcomes, tag, code, reason);
}

/* --- hop 2: from a client to the bus ---------------------------------------------------------- */

/* May this connection do that with this room? (Tokens will be asked here.) */
static int allow(void *arg, struct conn *c, enum net_ask what, struct str room, struct err *e)
{
	(void)arg;
	if (what == ASK_ADMIN && !c->loopback)
		return err_set(e, ERR_DENIED, "for loopback connections only");
	if (room.n == 0 || !room_name_internal(room))
		return 0;
	if (what == ASK_PUBLISH)
		return err_set(
			e, ERR_DENIED, "room '" STR_FMT "' is the server's own", STR_ARG(room));
	if (!c->loopback)
		return err_set(e, ERR_DENIED, "room '" STR_FMT "' is for loopback connections only",
			STR_ARG(room));
	return 0;
}

static void on_publish(void *arg, const struct publication *p)
{
	struct worker *w = arg;
	uint64_t tag = outcome_new(&w->outcomes, p->conn, p->ref);
	struct bus_meta meta = { 0 };
	struct str room;
	struct err e = { 0 };
	int rc;

	if (w->flushing)
		w->net.again = true;
	if (!p->msg) {
		refuse(w, p->conn, p->room, tag, (enum err_code)p->refused->code,
			str_of(p->refused->text));
		return;
	}
	rc = stamp_room(w, p, &room, &e);
	if (rc == 0)
		rc = allow(w, p->conn, ASK_PUBLISH, room, &e);
	if (rc == 0)
		rc = stamp_message(w, p, &meta, &e);
	if (rc) {
		refuse(w, p->conn, p->room, tag, (enum err_code)rc, str_of(e.text));
		return;
	}
	if (!w->bus_up) {
		outcome_lost(&w->outcomes, tag, PUB_UNAVAILABLE, STR("the bus is not available"));
		return;
	}
	w->stats.published++;
	bus_publish(w->bus, room, buf_str(&w->payload), &meta, tag);
}

/* --- hop 4: from the bus to a room ------------------------------------------------------------ */

static bool is_ordered(const struct worker *w)
{
	return w->bus->ops->caps & BUS_ORDERED;
}

/* Is the id ours to look after? No id of ours is longer than DEDUP_MAX_BYTES, whatever others
 * send. */
static bool remembers(const struct worker *w, const struct bus_meta *m)
{
	return m->dedup.n && m->dedup.n <= DEDUP_MAX_BYTES && !m->live &&
	       !(w->bus->ops->caps & BUS_DEDUP);
}

/* A duplicate is acknowledged with the first one's position, and goes no further. */
static bool is_duplicate(
	struct worker *w, struct str room, const struct bus_meta *m, int64_t now_ms)
{
	const struct pos *first;

	if (!remembers(w, m))
		return false;
	first = dedup_find(&w->dedup, room, m->dedup, now_ms);
	if (!first)
		return false;
	w->stats.duplicates++;
	if (m->tag)
		outcome_acked(&w->outcomes, m->tag, first, true);
	return true;
}

/* What other programs put on the bus may have names that no room of ours has, or any size. */
static bool is_unfit(
	struct worker *w, struct str room, struct str bytes, const struct bus_meta *m)
{
	struct err e = { 0 };

	if (m->tag || (room_name_check(room, &e) == 0 && bytes.n <= w->conf->max_message))
		return false;
	if (e.code == 0)
		err_set(&e, ERR_TOO_LARGE, "%zu bytes, over the limit of %llu", bytes.n,
			(unsigned long long)w->conf->max_message);
	if (w->stats.skipped++ == 0)
		log_warn("a message of the bus is skipped: %s (said once; /metrics counts)",
			e.text);
	return true;
}

static void on_deliver(
	void *arg, struct str room, struct pos pos, struct str bytes, const struct bus_meta *m)
{
	struct worker *w = arg;
	int64_t now_ms = w->net.now_ms;
	struct entry_meta em = entry_meta_of(m);

	if (is_unfit(w, room, bytes, m)) {
		if (is_ordered(w) && !m->live)
			table_head(&w->table, pos);
		return;
	}
	if (is_duplicate(w, room, m, now_ms))
		return;
	if (!is_ordered(w)) {
		if (!m->live)
			w->head.lo++;
		pos = w->head;
	}
	if (remembers(w, m))
		dedup_add(&w->dedup, room, m->dedup, pos, now_ms);
	w->stats.delivered++;
	room_append(&w->table, room_get(&w->table, room, now_ms),
		entry_new(m->live ? ENTRY_EPHEMERAL : ENTRY_MESSAGE, pos, now_ms, bytes, &em),
		now_ms);
	if (m->live)
		members_typing(w, room, bytes);
	if (m->tag && !is_ordered(w))
		outcome_acked(&w->outcomes, m->tag, m->live ? NULL : &pos, false);
}

static void on_published(
	void *arg, uint64_t tag, enum bus_outcome what, struct pos pos, struct str reason)
{
	struct worker *w = arg;
	bool stored = pos.hi || pos.lo;

	switch (what) {
	case BUS_OK: outcome_acked(&w->outcomes, tag, stored ? &pos : NULL, false); break;
	case BUS_DUP: outcome_acked(&w->outcomes, tag, &pos, true); break;
	case BUS_REFUSED: refuse(w, NULL, STR(""), tag, ERR_BUSY, reason); break;
	case BUS_UNAVAILABLE: outcome_lost(&w->outcomes, tag, PUB_UNAVAILABLE, reason); break;
	case BUS_UNKNOWN:
		w->stats.unknown++;
		outcome_lost(&w->outcomes, tag, PUB_UNKNOWN, reason);
		break;
	}
}

static void on_hole(void *arg, struct pos at)
{
	struct worker *w = arg;

	if (!is_ordered(w)) {
		w->head.lo++;
		at = w->head;
	}
	table_hole(&w->table, at, w->net.now_ms);
}

static void on_head(void *arg, struct pos head)
{
	table_head(&((struct worker *)arg)->table, head);
}

static void log_bus(struct worker *w, bool up, struct str why)
{
	struct buf b = { 0 };

	buf_addf(&b, "{\"event\":\"bus\",\"state\":\"%s\"", up ? "up" : "down");
	if (why.n) {
		buf_add_text(&b, ",\"reason\":");
		buf_add_json(&b, why);
	}
	buf_add_char(&b, '}');
	worker_log(w, up ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING, buf_str(&b));
	buf_fini(&b);
}

static void on_state(void *arg, bool up, struct pos start, struct str why)
{
	struct worker *w = arg;

	if (up && !is_ordered(w) && !w->bus_was_up)
		start = w->head;
	else if (up && !is_ordered(w))
		start = w->table.head;
	if (up && !w->bus_was_up) {
		/* The head at which listening began is the floor under everything older. */
		w->table.head = w->table.evicted_floor = start;
	} else if (up && start.epoch != w->table.head.epoch) {
		dedup_clear(&w->dedup);
		table_reset(&w->table, start, w->net.now_ms);
	}
	w->bus_up = up;
	w->bus_was_up |= up;
	mem_free(w->down_why);
	w->down_why = up ? NULL : mem_strndup(why.p, why.n);
	if (w->listeners && !(up && w->bus->ops->caps & BUS_LOCAL))
		log_bus(w, up, why);
}

/* --- the tables of hops 3 to 6 ---------------------------------------------------------------- */

/* Other buses have advice about depth, which is not a limit. */
static void on_created(struct table *t, struct str room)
{
	struct worker *w = t->arg;
	int n = name_segments(room);

	if (n > DEEP_SEGMENTS && w->n_deep++ < DEEP_WARNINGS)
		log_warn("room '" STR_FMT "' has %d segments: NATS advises %d at most",
			STR_ARG(room), n, DEEP_SEGMENTS);
}

static const struct table_ops table_ops = {
	.created = on_created,
	.locate = ask_locate,
	.replay = ask_replay,
	.forget = ask_forget,
	.wake = net_wake,
};

static const struct bus_events bus_events = {
	.deliver = on_deliver,
	.published = on_published,
	.replayed = ask_replayed,
	.located = ask_located,
	.state = on_state,
	.hole = on_hole,
	.head = on_head,
};

/* --- messages of the server's own ------------------------------------------------------------- */

void worker_say(struct worker *w, struct str room, struct str payload, bool live, struct str client)
{
	struct bus_meta meta = {
		.client = client,
		.ts_ms = clock_wall_ms(),
		/* What is this instance's own news has no place in the log of a bus
		 * that others share. */
		.live = live || (is_ordered(w) && room_name_internal(room)),
		.no_echo = live,
	};

	if (w->flushing)
		w->net.again = true;
	if (w->bus_up)
		bus_publish(w->bus, room, payload, &meta, 0);
}

/* --- the turn --------------------------------------------------------------------------------- */

static void go_on(uv_idle_t *idle)
{
	(void)idle; /* its being active keeps the loop from waiting */
}

static void on_presence_timer(uv_timer_t *timer)
{
	struct worker *w = timer->data;

	w->presence_ms = INT64_MAX;
	w->presence->ops->sweep(w->presence, clock_ms());
}

#define PRESENCE_EVERY_MS 100 /* a sweep looks at all who wait: no oftener */

static void set_presence_timer(struct worker *w)
{
	int64_t at = w->presence->next_ms, wait = at - (int64_t)uv_now(w->loop);

	if (at == w->presence_ms || uv_is_closing((uv_handle_t *)&w->presence_timer))
		return;
	w->presence_ms = at;
	if (at == INT64_MAX)
		uv_timer_stop(&w->presence_timer);
	else
		uv_timer_start(&w->presence_timer, on_presence_timer,
			(uint64_t)(wait > PRESENCE_EVERY_MS ? wait : PRESENCE_EVERY_MS), 0);
}

/* Runs after input and after timers: deliver, tell outcomes, wake, flush, forget. */
static void end_turn(struct worker *w)
{
	w->net.now_ms = clock_ms();
	w->net.turn_bytes = 0;
	w->net.again = false;
	bus_turn(w->bus);
	outcomes_tell(&w->outcomes);
	w->flushing = true;
	table_wake(&w->table);
	net_flush(&w->net);
	w->flushing = false;
	table_trim(&w->table, w->net.now_ms);
	net_set_timer(&w->net);
	set_presence_timer(w);
	if (w->net.again || !list_empty(&w->table.starting))
		uv_idle_start(&w->go_on, go_on);
	else
		uv_idle_stop(&w->go_on);
}

static void turn_now(void *arg)
{
	struct worker *w = arg;

	if (!w->flushing)
		end_turn(w);
}

static void before_poll(uv_prepare_t *handle)
{
	end_turn(handle->data);
}

static void after_poll(uv_check_t *handle)
{
	struct worker *w = handle->data;

	net_expire(&w->net);
	end_turn(w);
}

static void on_sweep(uv_timer_t *timer)
{
	struct worker *w = timer->data;

	table_sweep(&w->table, clock_ms());
}

static void on_stats_timer(uv_timer_t *timer)
{
	struct worker *w = timer->data;
	struct buf b = { 0 };

	stats_counters(w, &b);
	worker_say(w, STR("_stats"), buf_str(&b), false, STR(""));
	buf_fini(&b);
}

/* --- opening and closing ---------------------------------------------------------------------- */

static int ready(void *arg, struct err *e)
{
	const struct worker *w = arg;

	if (w->draining)
		return err_set(e, ERR_BUSY, "the server is going down");
	if (!w->bus_was_up)
		return err_set(e, ERR_BUSY, "the bus is not available%s%s", w->down_why ? ": " : "",
			w->down_why ? w->down_why : "");
	return 0;
}

static const struct net_events net_events = {
	.publish = on_publish,
	.allow = allow,
	.joined = members_joined,
	.parted = members_parted,
	.presence = members_say,
	.gap = stats_gap,
	.limited = stats_limited,
	.closed = stats_closed,
	.request = stats_request,
	.methods = stats_methods,
	.takes_body = stats_takes_body,
	.turn = turn_now,
	.ready = ready,
};

static uint64_t turn_bytes(const struct conf *c)
{
	uint64_t n = c->history_bytes / 2;

	return n < NET_TURN_BYTES_MIN   ? NET_TURN_BYTES_MIN
	       : n > NET_TURN_BYTES_MAX ? NET_TURN_BYTES_MAX
	                                : n;
}

static struct net_conf net_conf(const struct conf *c)
{
	return (struct net_conf){
		.turn_bytes = turn_bytes(c),
		.max_message = c->max_message,
		.max_connections = (unsigned)c->max_connections,
		.max_rooms = (unsigned)c->max_rooms,
		.max_patterns = (unsigned)c->max_patterns,
		.publish_rate = c->publish_rate,
		.address_connections = (unsigned)c->address_connections,
		.address_request_rate = c->address_request_rate,
		.address_publish_rate = c->address_publish_rate,
		.ping_ms = c->ping_ms,
		.pong_ms = c->pong_ms,
		.head_ms = c->timeout_ms ? c->timeout_ms : 10000,
		.body_ms = c->timeout_ms ? c->timeout_ms : 30000,
		.idle_ms = c->idle_ms,
		.heartbeat_ms = c->heartbeat_ms,
		.origins = c->origins.v,
		.n_origins = c->origins.n,
	};
}

static int open_listeners(struct worker *w, struct err *e)
{
	static const char *const by_default[] = { "127.0.0.1:8080" };
	const struct conf *c = w->conf;
	const char *const *specs = c->listen.n ? c->listen.v : by_default;
	int n = c->listen.n ? c->listen.n : 1;

	w->listeners = mem_array((size_t)n + (size_t)c->n_inherited, sizeof *w->listeners);
	for (int i = 0; i < c->n_inherited; i++) {
		struct listener *l = listen_adopt(w->loop, 3 + i, net_accept, &w->net, e);
		if (!l)
			return ERR_IO;
		w->listeners[w->n_listeners++] = l;
	}
	if (c->n_inherited && c->listen.n == 0)
		n = 0;
	for (int i = 0; i < n; i++) {
		struct listener *l = listen_open(w->loop, str_of(specs[i]), net_accept, &w->net, e);
		if (!l)
			return e->code ? e->code : ERR_IO;
		w->listeners[w->n_listeners++] = l;
	}
	for (int i = 0; i < w->n_listeners; i++)
		listen_start(w->listeners[i]);
	return 0;
}

static void start_sweep(struct worker *w)
{
	uint64_t every = (uint64_t)table_sweep_every(&w->table);

	uv_timer_start(&w->sweep_timer, on_sweep, every, every);
}

static void start_handles(struct worker *w)
{
	uv_timer_t *const timers[] = { &w->sweep_timer, &w->presence_timer, &w->stats_timer };

	uv_prepare_init(w->loop, &w->before_poll);
	uv_check_init(w->loop, &w->after_poll);
	uv_idle_init(w->loop, &w->go_on);
	w->before_poll.data = w->after_poll.data = w->go_on.data = w;
	for (size_t i = 0; i < sizeof timers / sizeof *timers; i++) {
		uv_timer_init(w->loop, timers[i]);
		timers[i]->data = w;
	}
	uv_prepare_start(&w->before_poll, before_poll);
	uv_check_start(&w->after_poll, after_poll);
	start_sweep(w);
	uv_timer_start(&w->stats_timer, on_stats_timer, 10000, 10000);
}

int worker_open(struct worker *w, uv_loop_t *loop, const struct conf *conf, struct err *e)
{
	struct table_conf table;
	struct net_conf net = net_conf(conf);
	int rc;

	*w = (struct worker){
		.loop = loop,
		.conf = conf,
		.started_ms = clock_ms(),
		.presence_ms = INT64_MAX,
	};
	outcomes_init(&w->outcomes);
	asks_init(&w->asks);
	rand_bytes(&w->head.epoch, sizeof w->head.epoch);
	rc = bus_open(&w->bus, str_of(conf->bus), loop, &bus_events, w, e);
	if (rc)
		return rc;
	w->bus->limits = conf_bus(conf);
	table = conf_table(conf, w->bus->ops->caps);
	table_init(&w->table, &table, &table_ops, w, w->head);
	dedup_init(&w->dedup, (size_t)conf->dedup_max, conf->dedup_ms);
	w->presence = presence_mem_open(&members_events, w, conf->presence_ttl_ms);
	w->presence->grace_ms = conf->presence_grace_ms;
	rc = net_open(&w->net, loop, &net, &net_events, w, &w->table, e);
	if (rc)
		return rc;
	start_handles(w);
	bus_turn(w->bus); /* the memory bus is up at once */
	return open_listeners(w, e);
}

void worker_reload(struct worker *w, const struct conf *conf)
{
	struct table_conf table = conf_table(conf, w->bus->ops->caps);

	w->conf = conf;
	w->bus->limits = conf_bus(conf);
	w->net.conf = net_conf(conf);
	w->dedup.max = (size_t)conf->dedup_max;
	w->dedup.window_ms = conf->dedup_ms;
	w->presence->grace_ms = conf->presence_grace_ms;
	w->presence->ttl_ms = conf->presence_ttl_ms;
	table_configure(&w->table, &table);
	start_sweep(w);
}

void worker_drain(struct worker *w)
{
	w->draining = true;
	for (int i = 0; i < w->n_listeners; i++)
		listen_stop(w->listeners[i]);
	net_drain(&w->net);
}

bool worker_is_drained(const struct worker *w)
{
	return w->net.n_conns == 0;
}

static void free_all(struct worker *w)
{
	outcomes_fini(&w->outcomes);
	bus_close(w->bus);
	if (w->presence)
		w->presence->ops->close(w->presence);
	table_fini(&w->table);
	dedup_fini(&w->dedup);
	asks_fini(&w->asks);
	mem_free(w->listeners);
	mem_free(w->down_why);
	buf_fini(&w->payload);
	buf_fini(&w->text);
	buf_fini(&w->extra);
	buf_fini(&w->key);
	buf_fini(&w->dedup_id);
	buf_fini(&w->room);
}

void worker_close(struct worker *w)
{
	uv_handle_t *const handles[] = {
		(uv_handle_t *)&w->go_on,
		(uv_handle_t *)&w->sweep_timer,
		(uv_handle_t *)&w->presence_timer,
		(uv_handle_t *)&w->stats_timer,
		(uv_handle_t *)&w->before_poll,
		(uv_handle_t *)&w->after_poll,
	};

	for (int i = 0; i < w->n_listeners; i++)
		listen_close(w->listeners[i]);
	for (size_t i = 0; i < sizeof handles / sizeof *handles; i++)
		uv_close(handles[i], NULL);
	net_close(&w->net);
	while (net_flush(&w->net), !net_is_closed(&w->net))
		uv_run(w->loop, UV_RUN_ONCE);
	net_fini(&w->net);
	free_all(w);
	uv_run(w->loop, UV_RUN_DEFAULT); /* what was closed goes */
}
