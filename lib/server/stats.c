/* stats.c - what an operator asks: HTTP resources, records of `_log`, counters
 *
 * Nothing here is on the path of a message. Reports are built as text, since every value is a
 * number or goes through buf_add_json. */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "codec/name.h"
#include "net/conn.h"
#include "net/http.h"
#include "server/worker.h"

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#define JSON         "application/json"
#define COUNTERS_MAX 40

static void add_u64(struct buf *b, const char *name, uint64_t v)
{
	buf_addf(b, ",\"%s\":%llu", name, (unsigned long long)v);
}

/* --- records ---------------------------------------------------------------------------------- */

void worker_log(struct worker *w, int level, struct str json)
{
	log_record((enum log_level)level, json);
	worker_say(w, STR("_log"), json, false, STR(""));
}

static void add_rooms(struct buf *b, const struct feed *f)
{
	buf_add_char(b, '[');
	list_for_each(it, &f->subs) {
		if (it != f->subs.next)
			buf_add_char(b, ',');
		buf_add_json(b, str_of(list_entry(it, struct sub, of_feed)->name));
	}
	buf_add_char(b, ']');
}

static void add_conn(struct buf *b, const struct conn *c)
{
	buf_add_text(b, "\"conn\":\"");
	buf_add_conn_id(b, c);
	buf_add_text(b, "\",\"user_id\":");
	if (c->user)
		buf_add_json(b, str_of(c->user));
	else
		buf_add_text(b, "null");
	buf_add_text(b, ",\"remote\":");
	buf_add_json(b, str_of(c->peer));
	buf_addf(b, ",\"transport\":\"%s\"", c->transport ? c->transport->name : "http");
}

void stats_closed(void *worker, struct conn *c, unsigned code, struct str reason)
{
	struct worker *w = worker;
	struct lag lag = feed_lag(&c->sub->feed, w->net.now_ms);
	struct buf b = { 0 };

	if (code == 0)
		return; /* a poll that was answered, or a subscription that was
		         * refused, is no event */
	buf_add_text(&b, "{\"event\":\"close\",");
	add_conn(&b, c);
	buf_add_text(&b, ",\"rooms\":");
	add_rooms(&b, &c->sub->feed);
	buf_addf(&b, ",\"code\":%u,\"reason\":", code);
	buf_add_json(&b, reason);
	add_u64(&b, "lag", lag.entries);
	add_u64(&b, "lag_bytes", lag.bytes);
	buf_addf(&b, ",\"lag_s\":%.3f", (double)lag.age_ms / 1000);
	add_u64(&b, "sent", c->sub->sent);
	add_u64(&b, "dropped", c->sub->dropped);
	buf_addf(&b, ",\"duration_s\":%.3f}", (double)(w->net.now_ms - c->opened_ms) / 1000);
	worker_log(w, LOG_LEVEL_INFO, buf_str(&b));
	buf_fini(&b);
}

void stats_gap(void *worker, struct conn *c, const struct gap *g)
{
	struct worker *w = worker;
	struct buf b = { 0 };

	if (room_name_internal(g->room))
		return; /* a gap of the log is not news for the log */
	buf_add_text(&b, "{\"event\":\"gap\",");
	add_conn(&b, c);
	buf_add_text(&b, ",\"room\":");
	buf_add_json(&b, g->room);
	buf_addf(&b, ",\"reason\":\"%s\",\"after\":\"", gap_reason_name(g->reason));
	buf_add_pos(&b, g->after);
	buf_add_text(&b, "\",\"at\":\"");
	buf_add_pos(&b, g->at);
	buf_add_text(&b, "\"}");
	worker_log(w, LOG_LEVEL_INFO, buf_str(&b));
	buf_fini(&b);
}

/* Who sends rubbish all the time fills neither disk nor room: the rest of a second is counted in
 * the next record. */
#define RECORDS_A_SECOND 20

static bool may_say(const struct worker *w, struct say_budget *b)
{
	if (w->net.now_ms - b->since_ms >= 1000) {
		b->since_ms = w->net.now_ms;
		b->n = 0;
	}
	if (b->n == RECORDS_A_SECOND) {
		b->unsaid++;
		return false;
	}
	b->n++;
	return true;
}

static void add_unsaid(struct buf *out, struct say_budget *b)
{
	if (b->unsaid)
		add_u64(out, "unsaid", b->unsaid);
	b->unsaid = 0;
}

void stats_refused(
	struct worker *w, const struct conn *c, struct str room, int code, struct str reason)
{
	struct buf b = { 0 };

	w->stats.refused++;
	if (!may_say(w, &w->refusals))
		return;
	buf_add_text(&b, "{\"event\":\"refused\",");
	if (c) {
		add_conn(&b, c);
		buf_add_char(&b, ',');
	}
	buf_add_text(&b, "\"room\":");
	buf_add_json(&b, room);
	buf_addf(&b, ",\"code\":\"%s\",\"reason\":", pub_code((enum err_code)code));
	buf_add_json(&b, reason);
	add_unsaid(&b, &w->refusals);
	buf_add_char(&b, '}');
	worker_log(w, LOG_LEVEL_INFO, buf_str(&b));
	buf_fini(&b);
}

void stats_limited(void *worker, struct str address, const char *limit, uint64_t n)
{
	struct worker *w = worker;
	struct buf b = { 0 };

	if (!may_say(w, &w->limits))
		return;
	buf_addf(&b, "{\"event\":\"limited\",\"address\":\"" STR_FMT "\",\"limit\":\"%s\"",
		STR_ARG(address), limit);
	add_u64(&b, "count", n);
	add_unsaid(&b, &w->limits);
	buf_add_char(&b, '}');
	worker_log(w, LOG_LEVEL_INFO, buf_str(&b));
	buf_fini(&b);
}

/* --- counters --------------------------------------------------------------------------------- */

/* Every counter once: its name, what it says, and where it is. */
struct counter {
	const char *name, *help;
	bool gauge;
	uint64_t value;
};

static uint64_t cpu_ms(void)
{
	struct rusage ru;

	getrusage(RUSAGE_SELF, &ru);
	return (uint64_t)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * 1000 +
		(uint64_t)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1000;
}

static uint64_t rss_bytes(void)
{
	unsigned long size = 0, resident = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f) {
		if (fscanf(f, "%lu %lu", &size, &resident) != 2)
			resident = 0;
		fclose(f);
	}
	return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static size_t counters(const struct worker *w, struct counter out[COUNTERS_MAX])
{
	const struct net_stats *n = &w->net.stats;
	const struct counter list[] = {
		{ "uptime_ms", "milliseconds since the start", true,
			(uint64_t)(clock_ms() - w->started_ms) },
		{ "connections", "open connections", true, w->net.n_conns },
		{ "subscriptions", "rooms and patterns subscribed to", true, w->table.n_subs },
		{ "rooms", "rooms in memory", true, w->table.rooms.n },
		{ "room_bytes", "bytes of all rooms", true, w->table.bytes },
		{ "rss_bytes", "resident memory", true, rss_bytes() },
		{ "cpu_ms", "processor time used, milliseconds", false, cpu_ms() },
		{ "bus_up", "1 while the bus is connected", true, w->bus_up },
		{ "accepted", "connections accepted", false, n->accepted },
		{ "connections_refused", "connections over the limit", false, n->refused },
		{ "addresses", "peer addresses remembered", true, w->net.addrs.map.n },
		{ "address_connections_refused", "connections over the limit of their address",
			false, n->address_refused[ADDR_CONNECTIONS] },
		{ "address_requests_refused", "requests over the rate of their address", false,
			n->address_refused[ADDR_REQUESTS] },
		{ "requests", "HTTP requests", false, n->requests },
		{ "published", "messages handed to the bus", false, w->stats.published },
		{ "publish_throttled", "times a connection was not read because of its rate", false,
			n->throttled },
		{ "publish_refused", "messages refused", false, w->stats.refused },
		{ "publish_unknown", "messages with an unknown outcome", false, w->stats.unknown },
		{ "delivered", "messages received from the bus", false, w->stats.delivered },
		{ "duplicates", "messages dropped as duplicates", false, w->stats.duplicates },
		{ "skipped", "messages of the bus that made no sense", false, w->stats.skipped },
		{ "sent", "messages written to subscribers", false, n->frames_out },
		{ "gaps", "gaps told", false, n->gaps },
		{ "dropped", "messages that slow subscribers did not get", false, n->dropped },
		{ "slow_closed", "connections closed as too slow", false, n->slow_closed },
		{ "writes", "writes to sockets", false, n->writes },
		{ "bytes_out", "bytes written", false, n->bytes_out },
		{ "bytes_in", "bytes read", false, n->bytes_in },
		{ "rooms_evicted", "rooms removed from memory", false, w->table.n_evicted },
		{ "trimmed", "messages dropped from history", false, w->table.n_trimmed },
	};
	size_t n_list = sizeof list / sizeof *list;

	_Static_assert(sizeof list <= COUNTERS_MAX * sizeof *list, "counters");
	memcpy(out, list, sizeof list);
	return n_list;
}

void stats_counters(struct worker *w, struct buf *out)
{
	struct counter list[COUNTERS_MAX];
	size_t n = counters(w, list);

	buf_add_text(out, "{\"event\":\"stats\"");
	for (size_t i = 0; i < n; i++)
		add_u64(out, list[i].name, list[i].value);
	buf_add_char(out, '}');
}

static void get_metrics(struct worker *w, struct conn *c, const struct head *h)
{
	struct counter list[COUNTERS_MAX];
	size_t n = counters(w, list);
	struct buf b = { 0 };

	(void)h;
	for (size_t i = 0; i < n; i++) {
		const char *suffix = list[i].gauge ? "" : "_total";
		buf_addf(&b, "# HELP rt_%s%s %s\n# TYPE rt_%s%s %s\nrt_%s%s %llu\n", list[i].name,
			suffix, list[i].help, list[i].name, suffix,
			list[i].gauge ? "gauge" : "counter", list[i].name, suffix,
			(unsigned long long)list[i].value);
	}
	http_reply(c, 200, "text/plain; version=0.0.4; charset=utf-8", STR(""), buf_str(&b));
	buf_fini(&b);
}

/* --- rooms and connections -------------------------------------------------------------------- */

#define ROOM_LOOK_COST 64 /* in bytes read: what is left out of a list costs time, too */

static void get_rooms(struct worker *w, struct conn *c, const struct head *h)
{
	struct buf b = { 0 }, match = { 0 };
	struct err e = { 0 };
	int filter = http_query(h, "match", &match);
	bool first = true;

	if (filter < 0 || (filter && pattern_check(buf_str(&match), &e) != 0)) {
		http_problem(
			c, 400, e.code ? str_of(e.text) : STR("match: broken percent-encoding"));
		goto out;
	}
	buf_add_char(&b, '[');
	w->net.turn_bytes += w->table.rooms.n * ROOM_LOOK_COST;
	map_for_each(node, &w->table.rooms) {
		const struct room *r = map_entry(node, struct room, node);

		if (room_name_internal(node->key) ||
			(filter && !pattern_match(buf_str(&match), node->key)))
			continue;
		if (!first)
			buf_add_char(&b, ',');
		first = false;
		buf_addf(&b, "{\"room\":\"" STR_FMT "\"", STR_ARG(node->key));
		add_u64(&b, "subscribers", r->n_cursors);
		add_u64(&b, "kept", r->ring.n_kept);
		add_u64(&b, "kept_bytes", r->ring.bytes);
		add_u64(&b, "published", r->published);
		buf_add_char(&b, '}');
	}
	buf_add_text(&b, "]\n");
	http_reply(c, 200, JSON, STR("Cache-Control: no-store\r\n"), buf_str(&b));
out:
	buf_fini(&b);
	buf_fini(&match);
}

static bool admin_allowed(struct worker *w, struct conn *c)
{
	struct err e = { 0 };

	if (w->net.events->allow(w, c, ASK_ADMIN, STR(""), &e) == 0)
		return true;
	http_problem(c, 403, str_of(e.text));
	return false;
}

static void get_connections(struct worker *w, struct conn *c, const struct head *h)
{
	struct buf b = { 0 }, user = { 0 };
	bool filter = http_query(h, "user_id", &user) > 0, first = true;

	if (!admin_allowed(w, c))
		goto out;
	buf_add_char(&b, '[');
	list_for_each(it, &w->net.conns) {
		const struct conn *o = list_entry(it, struct conn, all);
		struct lag lag;

		if (!o->sub || !o->transport || o->closing ||
			(filter && !str_eq(conn_user(o), buf_str(&user))))
			continue;
		lag = feed_lag(&o->sub->feed, w->net.now_ms);
		buf_add_text(&b, first ? "{" : ",{");
		first = false;
		add_conn(&b, o);
		buf_add_text(&b, ",\"rooms\":");
		add_rooms(&b, &o->sub->feed);
		add_u64(&b, "sent", o->sub->sent);
		add_u64(&b, "dropped", o->sub->dropped + lag.lost);
		add_u64(&b, "lag", lag.entries);
		add_u64(&b, "lag_bytes", lag.bytes);
		buf_addf(&b, ",\"lag_s\":%.3f,\"since_s\":%.3f}", (double)lag.age_ms / 1000,
			(double)(w->net.now_ms - o->opened_ms) / 1000);
	}
	buf_add_text(&b, "]\n");
	http_reply(c, 200, JSON, STR("Cache-Control: no-store\r\n"), buf_str(&b));
out:
	buf_fini(&b);
	buf_fini(&user);
}

/* --- the rest --------------------------------------------------------------------------------- */

static void get_health(struct worker *w, struct conn *c, const struct head *h)
{
	(void)w;
	(void)h;
	http_reply(c, 200, JSON, STR(""), STR("{\"ok\":true}\n"));
}

static void get_ready(struct worker *w, struct conn *c, const struct head *h)
{
	(void)h;
	if (w->draining)
		http_problem(c, 503, STR("the server is going down"));
	else if (!w->bus_up)
		http_problem(c, 503,
			w->down_why ? str_of(w->down_why) : STR("the bus is not connected"));
	else
		http_reply(c, 200, JSON, STR(""), STR("{\"ready\":true}\n"));
}

static void get_root(struct worker *w, struct conn *c, const struct head *h)
{
	(void)w;
	(void)h;
	http_reply(c, 200, "text/plain; charset=utf-8", STR(""),
		STR("rt-serve\n\n"
		    "subscribe  curl -N  /stream/ROOM    (NDJSON)     /events/ROOM (SSE)   "
		    "/ws/ROOM (WebSocket)   /poll/ROOM?since=ID\n"
		    "publish    curl -d '{\"text\":\"hi\"}'  /pub/ROOM\n"
		    "look       /history/ROOM  /presence/ROOM  /rooms  /connections  /metrics  "
		    "/healthz  /readyz\n"));
}

static const struct resource {
	struct str path;
	void (*get)(struct worker *w, struct conn *c, const struct head *h);
} resources[] = {
	{ STR("/"), get_root },
	{ STR("/healthz"), get_health },
	{ STR("/readyz"), get_ready },
	{ STR("/metrics"), get_metrics },
	{ STR("/rooms"), get_rooms },
	{ STR("/connections"), get_connections },
};

#define RESOURCE_METHODS "GET, HEAD, OPTIONS"
#define PRESENCE_METHODS "GET, HEAD, POST, OPTIONS"

static void presence_request(
	struct worker *w, struct conn *c, const struct head *h, struct str room, struct str body)
{
	struct err e = { 0 };

	if (room_name_check(room, &e) != 0)
		http_problem(c, 400, str_of(e.text));
	else if (h->method == HTTP_GET || h->method == HTTP_HEAD)
		members_get(w, c, room);
	else if (h->method == HTTP_POST)
		members_post(w, c, h, room, body);
	else
		http_not_allowed(c, PRESENCE_METHODS, STR(""));
}

static const struct resource *find_resource(struct str path)
{
	for (size_t i = 0; i < sizeof resources / sizeof *resources; i++)
		if (str_eq(path, resources[i].path))
			return &resources[i];
	return NULL;
}

const char *stats_methods(void *worker, const struct head *h)
{
	struct str path = str_make(h->path, h->path_n);

	(void)worker;
	if (str_starts(path, STR("/presence/")))
		return PRESENCE_METHODS;
	return find_resource(path) ? RESOURCE_METHODS : NULL;
}

bool stats_takes_body(void *worker, const struct head *h)
{
	(void)worker;
	return h->method == HTTP_POST &&
	       str_starts(str_make(h->path, h->path_n), STR("/presence/"));
}

bool stats_request(void *worker, struct conn *c, const struct head *h, struct str body)
{
	struct worker *w = worker;
	struct str path = str_make(h->path, h->path_n);
	const struct resource *r = find_resource(path);

	if (str_starts(path, STR("/presence/"))) {
		presence_request(w, c, h, str_skip(path, STR("/presence/").n), body);
		return true;
	}
	if (!r)
		return false;
	if (h->method == HTTP_GET || h->method == HTTP_HEAD)
		r->get(w, c, h);
	else
		http_not_allowed(c, RESOURCE_METHODS, STR("to publish, POST to /pub/ROOM"));
	return true;
}
