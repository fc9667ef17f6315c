/* http.c - a client over HTTP: GET /stream, /events or /poll for each lane, and POST /pub
 *
 *      lane 0 -- get --+
 *      lane 1 -- get --+-- http, one of three carriers: they differ in path
 *      outbox -- post -+         and in how a body is read
 *
 * The connection, as the client sees it, is all of these together: the first that fails brings the
 * others down. It is up when the first has an answer (a POST is answered from its beginning).
 * libcurl does the work (multi.c); what is received is read by receive.c. */
#include "base/line.h"
#include "base/mem.h"
#include "base/pos.h"
#include "client/answer.h"
#include "client/carrier.h"
#include "client/handle.h"
#include "client/poll_pace.h"
#include "client/post.h"
#include "client/sse.h"

#define META_BYTES   4096 /* what metadata adds to a message at most */
#define POLL_S       25
#define DETAIL_BYTES 4096
#define TARGET_MAX   8192 /* of a request, as rt-wire(7) has it */

enum kind { STREAM, SSE, POLL };

struct get {
	struct http *http;
	size_t lane;
	struct transfer *transfer;
	struct buf next, head; /* of the answer: Rt-Next, Rt-Head */
	struct buf since;      /* poll: what the next asks for */
	struct poll_pace pace;      /* poll */
	uv_timer_t *timer;     /* poll: when the next may begin; NULL until one has to wait */
	unsigned n_lines;      /* of this answer */
	struct buf body;       /* of an answer that is an error */
	struct line line;
	struct sse sse;
	const char *broken; /* a header of the answer with a position that is none; NULL: none */
	bool has_answer, started;
	long status;
};

struct http {
	struct client *client;
	enum kind kind;
	struct multi *multi;
	struct get *gets;
	size_t n_gets;
	bool up;
	struct post post;
};

static void start_get(struct get *g);

/* --- ends ------------------------------------------------------------------------------------- */

static void stop_gets(struct http *h)
{
	for (size_t i = 0; i < h->n_gets; i++) {
		struct get *g = &h->gets[i];
		struct transfer *t = g->transfer;

		if (g->timer)
			uv_timer_stop(g->timer);
		g->transfer = NULL;
		transfer_drop(t);
	}
}

static void http_stop(struct carrier *k)
{
	struct http *h = (struct http *)k;

	h->up = false;
	post_stop(&h->post);
	stop_gets(h);
}

static void down(struct http *h, int code, const char *why)
{
	http_stop((struct carrier *)h);
	client_on_down(h->client, code, false, "%s", why);
}

static void up(struct http *h)
{
	if (h->up)
		return;
	h->up = true;
	client_on_up(h->client);
}

static void gets_fini(struct http *h)
{
	for (size_t i = 0; i < h->n_gets; i++) {
		struct get *g = &h->gets[i];
		if (g->timer)
			handle_free(g->timer);
		buf_fini(&g->next);
		buf_fini(&g->head);
		buf_fini(&g->since);
		buf_fini(&g->body);
		line_fini(&g->line);
		sse_fini(&g->sse);
	}
	mem_free(h->gets);
	h->gets = NULL;
	h->n_gets = 0;
}

/* --- what is received ---------------------------------------------------------------------------
 */

/* A payload that other programs publish as {"event":"x","data":...} comes as an event of its own
 * with only the data. */
static int on_named(struct get *g, const struct sse_event *ev)
{
	struct buf payload = { 0 };
	int r;

	buf_add_text(&payload, "{\"event\":");
	buf_add_json(&payload, ev->event);
	buf_add_text(&payload, ",\"data\":");
	buf_add_str(&payload, ev->data);
	buf_add_char(&payload, '}');
	r = client_on_payload(g->http->client, g->lane, ev->id, buf_str(&payload));
	buf_fini(&payload);
	return r;
}

static void sse_start(struct get *g, struct str id)
{
	g->started = true;
	client_on_start(g->http->client, g->lane, STR(""), id, buf_str(&g->head));
}

static int on_event(void *arg, const struct sse_event *ev)
{
	struct get *g = arg;
	struct client *c = g->http->client;
	struct transfer *t = g->transfer;
	int r = 0;

	if (c->conf.raw) {
		if (ev->has_data)
			client_on_raw(c, ev->data);
	} else if (ev->has_id && !rooms_id_ok(ev->id)) {
		client_on_nonsense(c, "an event with a broken 'id'");
	} else if (!ev->has_data && !g->started) {
		sse_start(g, ev->id);
	} else if (!ev->has_data) {
		client_on_position(c, g->lane, ev->id, true);
	} else if (str_eq(ev->event, STR("gap"))) {
		r = client_on_text(c, g->lane, ev->data);
		if (r == 0 && g->transfer == t && !g->started) /* it stands for the bare id */
			sse_start(g, ev->id);
	} else if (str_eq(ev->event, STR("open")) || str_eq(ev->event, STR("heartbeat")) ||
		   str_eq(ev->event, STR("error"))) {
		if (ev->has_id)
			client_on_position(c, g->lane, ev->id, true);
	} else if (ev->event.n && !str_eq(ev->event, STR("message"))) {
		r = on_named(g, ev);
	} else {
		r = client_on_payload(c, g->lane, ev->id, ev->data);
	}
	return r < 0 || g->transfer != t ? -1 : 0;
}

static bool take_lines(struct get *g, struct transfer *t, bool eof)
{
	enum line_result r;
	struct str line;

	while (g->transfer == t && (r = line_next(&g->line, eof, &line)) != LINE_NONE) {
		if (r == LINE_TOO_LONG) {
			down(g->http, ERR_INVALID, "a message over the limit (--max-message)");
			return false;
		}
		g->n_lines++;
		if (g->http->client->conf.raw)
			client_on_raw(g->http->client, line);
		else if (client_on_text(g->http->client, g->lane, line) < 0)
			return false;
	}
	return g->transfer == t;
}

static bool take_body(struct get *g, struct transfer *t, const char *bytes, size_t n)
{
	size_t room;
	int r;

	if (g->http->kind == SSE) {
		r = sse_feed(&g->sse, str_make(bytes, n), on_event, g);
		if (r == ERR_TOO_LARGE && g->transfer == t)
			down(g->http, ERR_INVALID, "a message over the limit (--max-message)");
		return r == 0 && g->transfer == t;
	}
	memcpy(line_space(&g->line, n, &room), bytes, n);
	line_filled(&g->line, n);
	return take_lines(g, t, false);
}

static size_t on_write(char *bytes, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	struct get *g = t->owner;

	n *= size;
	if (!g)
		return CURL_WRITEFUNC_ERROR;
	client_on_heard(g->http->client);
	if (g->status == 200)
		return take_body(g, t, bytes, n) ? n : CURL_WRITEFUNC_ERROR;
	if (g->body.n + n <= DETAIL_BYTES)
		buf_add(&g->body, bytes, n);
	return n;
}

/* --- the head of an answer ----------------------------------------------------------------------
 */

static bool is_stream_type(struct get *g, struct transfer *t)
{
	char *type = NULL;

	curl_easy_getinfo(t->easy, CURLINFO_CONTENT_TYPE, &type);
	return g->http->kind != SSE || (type && strncasecmp(type, "text/event-stream", 17) == 0);
}

/* A poll's Rt-Next is the position after the messages of its body: the start is what it asked for,
 * where that is a position. */
static struct str start_of(const struct get *g)
{
	struct pos pos;

	if (g->http->kind == STREAM || g->status == 204)
		return buf_str(&g->next);
	return pos_parse(buf_str(&g->since), &pos) == 0 ? buf_str(&g->since) : STR("");
}

static void on_answer(struct get *g, struct transfer *t)
{
	struct client *c = g->http->client;

	if (g->status != 200 && g->status != 204)
		return; /* its body says why */
	if (g->broken && !c->conf.raw) {
		client_on_nonsense(c, "a broken '%s'", g->broken);
		return;
	}
	if (!is_stream_type(g, t)) {
		down(g->http, ERR_INVALID, "the answer is no text/event-stream");
		return;
	}
	g->has_answer = true;
	up(g->http);
	if (g->transfer != t || g->started || c->conf.raw || g->http->kind == SSE)
		return;
	g->started = true;
	client_on_start(c, g->lane, STR(""), start_of(g), buf_str(&g->head));
}

static void keep(struct get *g, struct buf *b, const char *name, struct str value)
{
	b->n = 0;
	if (rooms_id_ok(value))
		buf_add_str(b, value);
	else
		g->broken = name;
}

static size_t on_header(char *bytes, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	struct get *g = t->owner;
	struct str value, name;

	n *= size;
	if (!g)
		return 0;
	client_on_heard(g->http->client);
	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &g->status);
	if (n <= 2 && g->status >= 200) { /* the empty line */
		on_answer(g, t);
		return t->owner ? n : 0;
	}
	name = str_cut(str_make(bytes, n), ':', &value);
	if (!value.p)
		return n;
	while (value.n && (value.p[value.n - 1] == '\r' || value.p[value.n - 1] == '\n'))
		value.n--;
	value = str_trim(value);
	if (str_case_eq(name, STR("Rt-Next")))
		keep(g, &g->next, "Rt-Next", value);
	else if (str_case_eq(name, STR("Rt-Head")))
		keep(g, &g->head, "Rt-Head", value);
	return n;
}

/* --- the end of an answer -----------------------------------------------------------------------
 */

static void turned_away(struct get *g, struct transfer *t)
{
	struct answer a = { .body = buf_str(&g->body) };

	answer_of(&a, t->easy);
	client_on_turned_away(g->http->client, &a);
}

static void on_pace(uv_timer_t *timer)
{
	struct get *g = timer->data;

	if (!g->http->client->paused) /* else at its end */
		start_get(g);
}

static bool is_pacing(const struct get *g)
{
	return g->timer && uv_is_active((uv_handle_t *)g->timer);
}

static void poll_again(struct get *g)
{
	int64_t wait = poll_pace_wait(&g->pace, g->n_lines > 0);

	if (wait && !g->timer) {
		g->timer = mem_new(uv_timer_t);
		uv_timer_init(g->http->client->loop, g->timer);
		g->timer->data = g;
	}
	if (wait)
		uv_timer_start(g->timer, on_pace, (uint64_t)wait, 0);
	else if (!g->http->client->paused)
		start_get(g);
}

static void next_poll(struct get *g, struct transfer *t)
{
	struct client *c = g->http->client;
	bool empty = g->status == 204;

	if (!take_lines(g, t, true))
		return;
	if (!g->next.n) {
		down(g->http, ERR_INVALID, "an answer to a poll without Rt-Next");
		return;
	}
	buf_fini(&g->since);
	buf_add_str(&g->since, buf_str(&g->next));
	client_on_position(c, g->lane, buf_str(&g->next), empty);
	if (g->transfer != t)
		return;
	g->transfer = NULL;
	transfer_drop(t);
	poll_again(g);
}

static void on_done(struct transfer *t, CURLcode code)
{
	struct get *g = t->owner;
	struct buf why = { 0 };
	int r;

	if (g->status && g->status != 200 && g->status != 204) {
		turned_away(g, t);
	} else if (code == CURLE_OK && g->http->kind == POLL && g->has_answer) {
		next_poll(g, t);
	} else {
		r = transfer_why(t, g->http->client, code, &why);
		down(g->http, r, buf_cstr(&why));
	}
	buf_fini(&why);
}

/* --- asking -------------------------------------------------------------------------------------
 */

static void rooms_target(struct http *h, size_t lane, struct str since, struct buf *target)
{
	static const char *const paths[] = {
		[STREAM] = "/stream", [SSE] = "/events", [POLL] = "/poll"
	};

	client_rooms_target(h->client, paths[h->kind], lane, since, target);
	if (h->kind == POLL)
		buf_addf(target, "&timeout=%d", POLL_S);
}

/* Lanes that begin apart are one once they stand at the same position, which may be a long one. */
static int http_fits(struct carrier *k, struct err *e)
{
	struct http *h = (struct http *)k;
	char longest[POS_TEXT_MAX];
	struct buf target = { 0 };
	int r = 0;

	memset(longest, '0', sizeof(longest));
	rooms_target(h, CLIENT_ALL_LANES, str_make(longest, sizeof(longest)), &target);
	if (target.n > TARGET_MAX && !h->client->conf.raw)
		r = err_set(e, ERR_USAGE,
			"too many rooms for one http request (over %d bytes): use %s://",
			TARGET_MAX, url_is_tls(&h->client->url) ? "wss" : "ws");
	buf_fini(&target);
	return r;
}

static void get_target(struct get *g, struct buf *target)
{
	struct http *h = g->http;
	struct client *c = h->client;

	if (!c->conf.raw) {
		rooms_target(h, g->lane, buf_str(&g->since), target);
		return;
	}
	buf_add_text(target, *c->url.path ? c->url.path : "/");
	if (c->url.query)
		buf_addf(target, "?%s", c->url.query);
}

static void start_get(struct get *g)
{
	struct http *h = g->http;
	struct buf target = { 0 };
	struct transfer *t;

	get_target(g, &target);
	g->transfer = t = transfer_new(h->multi, h->client, buf_cstr(&target), g);
	g->status = 0;
	g->n_lines = 0;
	poll_pace_asked(&g->pace);
	g->has_answer = false;
	g->next.n = 0;
	g->broken = NULL;
	t->done = on_done;
	if (h->kind == SSE)
		transfer_header(t, "Accept: text/event-stream");
	curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_write);
	curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(t->easy, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(t->easy, CURLOPT_BUFFERSIZE, 65536L);
	transfer_start(t);
	buf_fini(&target);
}

static void http_start(struct carrier *k)
{
	struct http *h = (struct http *)k;
	struct client *c = h->client;

	gets_fini(h);
	h->n_gets = c->conf.raw ? 1 : c->rooms.n_lanes;
	h->gets = mem_array(h->n_gets + 1, sizeof(*h->gets));
	for (size_t i = 0; i < h->n_gets; i++) {
		struct get *g = &h->gets[i];
		*g = (struct get){ .http = h, .lane = i };
		line_init(&g->line, c->conf.max_message + META_BYTES);
		sse_init(&g->sse, c->conf.max_message + META_BYTES);
		if (!c->conf.raw)
			buf_add_str(&g->since, buf_str(&c->rooms.lanes[i].since));
		start_get(g);
	}
	if (!h->n_gets)
		post_open(&h->post, h->multi);
}

/* --- the other operations -----------------------------------------------------------------------
 */

static void post_connected(struct post *p)
{
	struct http *h = list_entry(p, struct http, post);

	if (!h->n_gets)
		up(h);
}

static void post_failed(struct post *p, int code, const char *why)
{
	down(list_entry(p, struct http, post), code, why);
}

static void post_ended(struct post *p)
{
	client_on_closed(p->client);
}

static void http_send(struct carrier *k)
{
	struct http *h = (struct http *)k;

	if (h->up || !h->n_gets)
		post_send(&h->post, h->multi);
}

static void http_pause(struct carrier *k, bool paused)
{
	struct http *h = (struct http *)k;

	for (size_t i = 0; i < h->n_gets; i++) {
		struct get *g = &h->gets[i];
		if (g->transfer)
			transfer_pause(g->transfer, paused ? CURLPAUSE_RECV : CURLPAUSE_CONT);
		else if (!paused && h->kind == POLL && !is_pacing(g))
			start_get(g);
	}
}

static bool http_finish(struct carrier *k)
{
	struct http *h = (struct http *)k;

	stop_gets(h);
	return post_finish(&h->post);
}

static void http_free(struct carrier *k)
{
	struct http *h = (struct http *)k;

	gets_fini(h);
	post_fini(&h->post);
	multi_unref(h->multi);
	mem_free(h);
}

static struct carrier *http_open(struct client *c, enum kind kind)
{
	struct http *h = mem_new(struct http);

	h->client = c;
	h->kind = kind;
	h->multi = multi_ref(c->loop);
	post_init(&h->post, c);
	h->post.connected = post_connected;
	h->post.failed = post_failed;
	h->post.ended = post_ended;
	return (struct carrier *)h;
}

static struct carrier *stream_open(struct client *c, struct err *e)
{
	(void)e;
	return http_open(c, STREAM);
}

static struct carrier *sse_open(struct client *c, struct err *e)
{
	(void)e;
	return http_open(c, SSE);
}

static struct carrier *poll_open(struct client *c, struct err *e)
{
	if (c->conf.raw) {
		err_set(e, ERR_UNSUPPORTED, "--profile raw works with ws, http and sse+http URLs");
		return NULL;
	}
	return http_open(c, POLL);
}

#define HTTP_OPS                                                                      \
	.fits = http_fits, .start = http_start, .send = http_send, .pause = http_pause, \
	.finish = http_finish, .stop = http_stop, .free = http_free

const struct carrier_ops carrier_stream = {
	.schemes = "http https", .open = stream_open, HTTP_OPS
};
const struct carrier_ops carrier_sse = {
	.schemes = "sse+http sse+https", .open = sse_open, HTTP_OPS
};
const struct carrier_ops carrier_poll = {
	.schemes = "poll+http poll+https", .open = poll_open, HTTP_OPS
};
