/* http.c - routes, Origin and CORS, and how an answer looks
 *
 * Methods and paths are matched exactly; what is not a transport is offered to the server
 * (net_events.request). A request with an Origin passes the origin check before anything else. */
#include "net/http.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/url.h"
#include "codec/name.h"
#include "net/origin.h"

#include <stdio.h>

#define PROBLEM "application/problem+json"
#define RETRY_S 2 /* Retry-After, where nothing better is known */

const char *http_reason(int status)
{
	switch (status) {
	case 101: return "Switching Protocols";
	case 200: return "OK";
	case 204: return "No Content";
	case 400: return "Bad Request";
	case 401: return "Unauthorized";
	case 403: return "Forbidden";
	case 404: return "Not Found";
	case 405: return "Method Not Allowed";
	case 408: return "Request Timeout";
	case 411: return "Length Required";
	case 413: return "Content Too Large";
	case 414: return "URI Too Long";
	case 417: return "Expectation Failed";
	case 426: return "Upgrade Required";
	case 429: return "Too Many Requests";
	case 431: return "Request Header Fields Too Large";
	case 500: return "Internal Server Error";
	case 501: return "Not Implemented";
	case 503: return "Service Unavailable";
	case 505: return "HTTP Version Not Supported";
	default: return "Status";
	}
}

int http_status(int code)
{
	switch (code) {
	case ERR_DENIED: return 403;
	case ERR_NOTFOUND: return 404;
	case ERR_TOO_LARGE: return 413;
	case ERR_UNSUPPORTED: return 501;
	case ERR_BUSY:
	case ERR_UNKNOWN:
	case ERR_CLOSED:
	case ERR_TIMEOUT: return 503;
	default: return 400;
	}
}

/* --- answers ---------------------------------------------------------------------------------- */

/* The lines that every answer has. */
static void common_headers(struct conn *c, struct buf *out)
{
	if (c->cors)
		buf_addf(out,
			"Access-Control-Allow-Origin: %s\r\nVary: Origin\r\n"
			"Access-Control-Expose-Headers: Rt-Next, Rt-Head, Rt-Conn\r\n",
			c->cors);
	mem_free(c->cors);
	c->cors = NULL;
}

static void begin_line(
	struct conn *c, struct buf *out, int status, const char *type, struct str headers)
{
	buf_addf(out, "HTTP/1.1 %d %s\r\n", status, http_reason(status));
	if (type)
		buf_addf(out, "Content-Type: %s\r\n", type);
	buf_add_str(out, headers);
	common_headers(c, out);
	/* Upgrade is named there where it is a header (RFC 9110 7.8). */
	if (!c->keep_alive)
		buf_addf(out, "Connection: close%s\r\n", status == 426 ? ", Upgrade" : "");
}

void http_begin(struct conn *c, struct buf *out, int status, const char *type, struct str headers)
{
	begin_line(c, out, status, type, headers);
	buf_add_text(out, "Transfer-Encoding: chunked\r\n\r\n");
}

void http_add_position(struct buf *headers, const char *name, struct pos pos)
{
	buf_addf(headers, "%s: ", name);
	buf_add_pos(headers, pos);
	buf_add_text(headers, "\r\n");
}

/* A long answer is work of this turn like what was read: the next one waits. */
void http_reply(struct conn *c, int status, const char *type, struct str headers, struct str body)
{
	struct buf *out = conn_lane(c);

	c->net->turn_bytes += body.n;
	begin_line(c, out, status, type, headers);
	if (status != 204 && status != 304)
		buf_addf(out, "Content-Length: %zu\r\n", body.n);
	buf_add_text(out, "\r\n");
	if (!c->head_only)
		buf_add_str(out, body);
	conn_next_request(c);
}

static void problem_body(struct buf *b, int status, struct str detail)
{
	buf_addf(b, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d", http_reason(status),
		status);
	if (detail.n) {
		buf_add_text(b, ",\"detail\":");
		buf_add_json(b, detail);
	}
	buf_add_text(b, "}\n");
}

static void problem_headers(struct buf *b, int status, int64_t retry_s)
{
	if (status == 426)
		buf_add_text(b, "Sec-WebSocket-Version: 13\r\nUpgrade: websocket\r\n");
	if (status == 429 || status == 503)
		buf_addf(b, "Retry-After: %lld\r\n", (long long)retry_s);
}

/* `allow`: for a 405; NULL: none. */
static void reply_problem(
	struct conn *c, int status, struct str detail, int64_t retry_s, const char *allow)
{
	struct buf body = { 0 }, headers = { 0 };

	problem_body(&body, status, detail);
	problem_headers(&headers, status, retry_s);
	if (allow)
		buf_addf(&headers, "Allow: %s\r\n", allow);
	http_reply(c, status, PROBLEM, buf_str(&headers), buf_str(&body));
	buf_fini(&headers);
	buf_fini(&body);
}

void http_problem(struct conn *c, int status, struct str detail)
{
	reply_problem(c, status, detail, RETRY_S, NULL);
}

void http_refuse(struct conn *c, int status, struct str detail)
{
	c->keep_alive = false;
	http_problem(c, status, detail);
}

static const struct {
	int status;
	struct str detail;
} over_limit[] = {
	[OVER_CONNECTIONS] = { 503, STR("the server has as many connections as it takes") },
	[OVER_ADDRESS] = { 429, STR("too many connections from your address") },
};

void http_over_limit(struct conn *c)
{
	http_refuse(c, over_limit[c->over].status, over_limit[c->over].detail);
}

void http_add_over_limit(struct buf *out, enum conn_over over)
{
	int status = over_limit[over].status;
	struct buf body = { 0 };

	problem_body(&body, status, over_limit[over].detail);
	buf_addf(out, "HTTP/1.1 %d %s\r\nContent-Type: " PROBLEM "\r\n", status,
		http_reason(status));
	problem_headers(out, status, RETRY_S);
	buf_addf(out, "Connection: close\r\nContent-Length: %zu\r\n\r\n", body.n);
	buf_add_str(out, buf_str(&body));
	buf_fini(&body);
}

void http_not_allowed(struct conn *c, const char *allow, struct str detail)
{
	c->keep_alive = false;
	reply_problem(c, 405, detail, RETRY_S, allow);
}

/* --- the query -------------------------------------------------------------------------------- */

int http_query(const struct head *h, const char *name, struct buf *out)
{
	return h->query.p ? query_get(h->query, str_of(name), 0, out) : 0;
}

bool http_query_flag(const struct head *h, const char *name, bool otherwise)
{
	struct buf v = { 0 };
	bool flag = otherwise;

	if (http_query(h, name, &v) > 0)
		flag = !(str_eq(buf_str(&v), STR("0")) || str_eq(buf_str(&v), STR("false")));
	buf_fini(&v);
	return flag;
}

/* Tokens are not there yet, and never ignored: whoever sends one means it to be checked. */
static bool has_token(const struct head *h)
{
	struct buf v = { 0 };
	bool found = http_query(h, "token", &v) != 0;

	buf_fini(&v);
	return found || head_get(h, STR("authorization")).p;
}

/* user_id, client: who this is. */
static int take_identity(struct conn *c, const struct head *h, struct err *e)
{
	struct buf v = { 0 };
	int rc = 0, found = http_query(h, "user_id", &v);

	if (found < 0)
		rc = err_set(e, ERR_INVALID, "user_id: broken percent-encoding");
	else if (found)
		rc = user_check(buf_str(&v), e);
	if (rc)
		goto out;
	if (found)
		c->user = mem_strndup(v.p, v.n);
	v.n = 0;
	found = http_query(h, "client", &v);
	if (!found && head_get(h, STR("rt-client")).p) {
		buf_add_str(&v, head_get(h, STR("rt-client")));
		found = 1;
	}
	if (found < 0)
		rc = err_set(e, ERR_INVALID, "client: broken percent-encoding");
	else if (found)
		rc = client_check(buf_str(&v), e);
	if (rc)
		goto out;
	if (!found) { /* random, so that what must not be echoed is not */
		uint64_t r = rand_below(UINT64_MAX);
		buf_addf(&v, "%016llx", (unsigned long long)r);
	}
	c->client_n = (uint8_t)v.n;
	memcpy(c->client, v.p, v.n);
out:
	buf_fini(&v);
	return rc;
}

static int open_one(struct conn *c, struct str room, const struct since *since, struct err *e)
{
	if (sub_find(&c->sub->feed, room))
		return 0; /* named twice */
	return conn_open_sub(c, room, since, 0, e);
}

/* The position asked for, from the header or the query. Returns 1 found, 2 found in the
 * header, 0, or negative. */
static int find_since(const struct head *h, bool event_source, struct buf *out)
{
	static const char *const names[] = { "since", "last_event_id", "lastEventId" };
	struct str header = head_get(h, STR("last-event-id"));

	if (event_source && header.n) {
		buf_add_str(out, header);
		return 2;
	}
	for (size_t i = 0; i < (event_source ? 3 : 1); i++) {
		int found = http_query(h, names[i], out);
		if (found)
			return found;
	}
	return 0;
}

static int take_since(
	struct conn *c, const struct head *h, bool event_source, struct since *since, struct err *e)
{
	struct buf text = { 0 };
	int found = find_since(h, event_source, &text), rc = 0;

	if (found < 0) {
		rc = err_set(e, ERR_INVALID, "since: broken percent-encoding");
	} else if (found && since_parse(since, buf_str(&text), clock_wall_ms(), e) != 0) {
		/* EventSource gives up for good on a 400: an id that is none of ours
		 * is told as a gap. */
		if (found == 2)
			*since = (struct since){
				.kind = SINCE_POS,
				.pos = { .epoch = ~c->net->table->head.epoch },
			};
		else
			rc = ERR_INVALID;
	}
	buf_fini(&text);
	return rc;
}

int http_open_subs(struct conn *c, const struct head *h, struct str path_room, bool event_source,
	struct err *e)
{
	struct since since = { .kind = SINCE_LATEST };
	struct buf room = { 0 };
	struct str query = h->query;
	int rc = take_since(c, h, event_source, &since, e), found;

	if (rc == 0)
		rc = c->net->events->ready(c->net->arg, e);
	if (rc == 0 && path_room.n)
		rc = open_one(c, path_room, &since, e);
	while (rc == 0) {
		room.n = 0;
		found = query_take(&query, STR("room"), &room);
		if (found == 0)
			break;
		rc = found < 0 ? err_set(e, ERR_INVALID, "room: broken percent-encoding")
			       : open_one(c, buf_str(&room), &since, e);
	}
	buf_fini(&room);
	return rc;
}

bool http_subscribe(struct conn *c, const struct head *h, struct str path_room, bool event_source)
{
	struct err e = { 0 };
	int rc = http_open_subs(c, h, path_room, event_source, &e);

	if (rc == 0 && c->sub->feed.n_subs == 0)
		rc = err_set(&e, ERR_INVALID,
			"no room: name one in the path, or several as ?room=a&room=b");
	if (rc)
		http_refuse(c, http_status(rc), str_of(e.text));
	return rc == 0;
}

/* --- Origin (RFC 6454; Fetch) ----------------------------------------------------------------- */

/* False: the request was answered. */
static bool check_origin(struct conn *c, const struct head *h)
{
	const struct net_conf *conf = &c->net->conf;
	struct str origin = head_get(h, STR("origin"));

	if (!origin.p)
		return true;
	if (origin.n > 512 ||
		!origin_is_allowed(origin, h->host, conf->origins, conf->n_origins)) {
		http_refuse(c, 403, STR("this origin is not allowed (rt-serve --origin)"));
		return false;
	}
	mem_free(c->cors);
	c->cors = mem_strndup(origin.p, origin.n);
	return true;
}

/* --- routes ----------------------------------------------------------------------------------- */

enum { GETS = 1, POSTS = 2 };

struct route {
	const char *path;  /* the first segment */
	bool room;         /* a second one may name a room */
	unsigned methods;
	void (*open)(struct conn *c, const struct head *h, struct str room);
};

static const struct route routes[] = {
	{ "ws", true, GETS, ws_open },
	{ "events", true, GETS, sse_open },
	{ "stream", true, GETS, stream_open },
	{ "poll", true, GETS, poll_open },
	{ "history", true, GETS, history_open },
	{ "pub", true, POSTS, pub_open },
	{ NULL, false, 0, NULL },
};

static const struct route *find_route(const struct head *h, struct str *room)
{
	struct str rest, first = str_cut(str_make(h->path + 1, h->path_n - 1), '/', &rest);

	for (const struct route *r = routes; r->path; r++)
		if (str_eq(first, str_of(r->path))) {
			*room = rest.p ? rest : STR("");
			return r;
		}
	return NULL;
}

static const char *route_methods(const struct route *r)
{
	return r->methods & GETS ? "GET, HEAD, OPTIONS" : "POST, PUT, OPTIONS";
}

static void answer_options(struct conn *c, const struct head *h)
{
	struct buf headers = { 0 };
	struct str wanted = head_get(h, STR("access-control-request-headers")), room;
	const struct route *r = find_route(h, &room);
	const char *allow = r ? route_methods(r) : c->net->events->methods(c->net->arg, h);

	if (!allow) /* of `*`, or of nothing */
		allow = "GET, HEAD, POST, PUT, OPTIONS";
	buf_addf(&headers, "Allow: %s\r\n", allow);
	if (head_get(h, STR("access-control-request-method")).p)
		buf_addf(&headers,
			"Access-Control-Allow-Methods: %s\r\nAccess-Control-Max-Age: 600\r\n",
			allow);
	if (wanted.p && wanted.n < 512)
		buf_addf(
			&headers, "Access-Control-Allow-Headers: " STR_FMT "\r\n", STR_ARG(wanted));
	http_reply(c, 204, NULL, buf_str(&headers), STR(""));
	buf_fini(&headers);
}

static unsigned method_bit(enum head_method m)
{
	return m == HTTP_GET || m == HTTP_HEAD ? GETS : m == HTTP_POST || m == HTTP_PUT ? POSTS : 0;
}

/* A body for the server; `client` and Rt-Client say whose it is, as in a publication. */
static void open_body(struct conn *c, const struct head *h)
{
	struct err e = { 0 };
	int rc = take_identity(c, h, &e);

	if (rc)
		http_refuse(c, http_status(rc), str_of(e.text));
	else
		body_open(c, h);
}

static void open_route(struct conn *c, const struct head *h, const struct route *r, struct str room)
{
	struct err e = { 0 };
	int rc;

	rc = take_identity(c, h, &e);
	if (rc == 0 && room.n)
		rc = pattern_check(room, &e);
	if (rc)
		http_refuse(c, http_status(rc), str_of(e.text));
	else
		r->open(c, h, room);
}

/* The rate of requests of an address; whoever is refused has taken nothing. False: answered. */
static bool check_rate(struct conn *c)
{
	struct net *n = c->net;
	double rate = n->conf.address_request_rate;
	int64_t wait_ms;

	if (!c->addr || rate <= 0)
		return true;
	wait_ms = rate_wait(&c->addr->requests, rate, n->now_ms);
	if (wait_ms == 0) {
		rate_take(&c->addr->requests, rate, n->now_ms);
		return true;
	}
	n->stats.address_refused[ADDR_REQUESTS]++;
	addr_refused(&n->addrs, c->addr, ADDR_REQUESTS, n->now_ms);
	c->keep_alive = false;
	reply_problem(
		c, 429, STR("too many requests from your address"), (wait_ms + 999) / 1000,
		NULL);
	return false;
}

/* --- who asks for something else than he means ------------------------------------------------ */

/* What a room's name is in a path that is shown: itself, or the word for one. */
static struct str shown(struct str room)
{
	return room.n ? room : STR("ROOM");
}

static void add_ways_out(struct buf *b, struct str room)
{
	room = shown(room);
	buf_addf(b, "GET /events/" STR_FMT " (EventSource) or /stream/" STR_FMT " (curl -N)",
		STR_ARG(room), STR_ARG(room));
}

void http_needs_upgrade(struct conn *c, struct str room)
{
	struct buf b = { 0 };

	buf_addf(&b, "this path is for WebSocket clients: connect with one to ws://.../ws/" STR_FMT
		", or listen with ", STR_ARG(shown(room)));
	add_ways_out(&b, room);
	buf_addf(&b, " and POST to /pub/" STR_FMT, STR_ARG(shown(room)));
	http_refuse(c, 426, buf_str(&b));
	buf_fini(&b);
}

void http_not_found(struct conn *c, const struct head *h)
{
	struct str room = str_make(h->path + 1, h->path_n - 1);
	struct buf b = { 0 };

	if (room_name_check(room, NULL) != 0) {
		http_problem(c, 404, STR("no such resource; GET / says what there is"));
		return;
	}
	buf_addf(&b, "no such resource; if '" STR_FMT "' is a room: WebSocket at /ws/" STR_FMT ", ",
		STR_ARG(room), STR_ARG(room));
	add_ways_out(&b, room);
	buf_addf(&b, ", POST /pub/" STR_FMT, STR_ARG(room));
	http_problem(c, 404, buf_str(&b));
	buf_fini(&b);
}

static void wrong_method(struct conn *c, const struct route *r, struct str room)
{
	struct buf b = { 0 };
	struct err e = { 0 };

	if (room.n && pattern_check(room, &e) != 0)
		room = STR("");
	if (r->methods & GETS) {
		buf_addf(&b, "to publish, POST to /pub/" STR_FMT, STR_ARG(shown(room)));
		http_not_allowed(c, route_methods(r), buf_str(&b));
	} else {
		buf_add_text(&b, "this path is for publishing; to listen, ");
		add_ways_out(&b, room);
		http_not_allowed(c, route_methods(r), buf_str(&b));
	}
	buf_fini(&b);
}

/* A body that nobody wants is not waited for: it may have no end. */
static void ask_server(struct conn *c, const struct head *h)
{
	if (h->body == BODY_CHUNKED || h->length)
		c->keep_alive = false;
	if (!c->net->events->request(c->net->arg, c, h, STR("")))
		http_not_found(c, h);
}

void http_request(struct conn *c, const struct head *h)
{
	struct str room = { 0 };
	const struct route *r;

	c->head_only = h->method == HTTP_HEAD;
	if (!check_origin(c, h))
		return;
	if (c->over) {
		http_over_limit(c);
		return;
	}
	if (!check_rate(c))
		return;
	if (h->method == HTTP_OPTIONS && h->body == BODY_NONE) {
		answer_options(c, h);
		return;
	}
	if (has_token(h)) {
		http_refuse(c, 501, STR("tokens are not supported by this server"));
		return;
	}
	r = find_route(h, &room);
	if (r && !(method_bit(h->method) & r->methods))
		wrong_method(c, r, room);
	else if (method_bit(h->method) != POSTS && (h->body == BODY_CHUNKED || h->length))
		http_refuse(c, 400, STR("a body is for POST and PUT only"));
	else if (r)
		open_route(c, h, r, room);
	else if (h->upgrade_websocket)
		http_refuse(c, 404, STR("WebSockets are at /ws/ROOM"));
	else if (c->net->events->takes_body(c->net->arg, h))
		open_body(c, h);
	else
		ask_server(c, h);
}
