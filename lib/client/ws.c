/* ws.c - a client over one WebSocket, carried by libwebsockets' client role
 *
 *      dial (ws_dial.c): an address -> lws connects, does TLS and the upgrade -> frames both ways
 *
 * What is specific to libwebsockets 4.1.6 is here, in ws_dial.c and in ws_engine.c. Frames are made
 * here, masked, and written in spans of up to 64 KiB with LWS_WRITE_HTTP, which sends bytes as they
 * are: one system call for hundreds of messages. That is legal because no extension is offered (a
 * hostile server could overflow lws's list of them). lws shows us the server's close codes 1012 and
 * 1013 as 1002; so 1002 is treated as they are. */
#include "base/mem.h"
#include "client/carrier.h"
#include "client/ws_dial.h"
#include "client/ws_engine.h"

#include <stdio.h>

#define TARGET_MAX 1900 /* lws writes the request line into 2048 bytes */
#define SPAN_BYTES 65536
#define TURN_BYTES 1048576 /* of sending before others get their turn */
#define META_BYTES 4096    /* what metadata adds to a message at most */
#define MASKS      64

/* One attempt, as lws sees it. It outlives the carrier's interest in it: then ws is NULL. */
struct conn {
	struct list node; /* first: see ws_engine.c */
	struct ws *ws;
	struct lws *wsi;
	bool asked, established, finishing; /* asked: the upgrade was sent */
	int close_code;                     /* as the server said; 0: it did not */
	char close_reason[124];
};

struct ws {
	struct client *client;
	struct ws_engine *engine;
	struct lws_vhost *vhost;
	bool tls;
	struct dial dial;
	struct conn *conn;
	bool connecting; /* inside lws_client_connect_via_info, which returns the failure */
	struct buf target, host, rx, span, control;
	struct buf written;            /* raw: refs in the span; written out is their outcome */
	uint32_t masks[MASKS];
	unsigned n_masks;
};

static int ws_callback(
	struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t n);
static void connect_to(struct dial *d, const char *address);

/* --- opening and freeing ---------------------------------------------------------------------- */

static struct carrier *ws_open(struct client *c, struct err *e)
{
	struct ws *w = mem_new(struct ws);

	w->client = c;
	w->tls = strcmp(c->url.scheme, "wss") == 0;
	dial_init(&w->dial, c, c->url.port ? c->url.port : w->tls ? 443 : 80, connect_to);
	w->engine = ws_engine_ref(c->loop, ws_callback, e);
	w->vhost = w->engine ? ws_engine_vhost(w->engine, &c->conf, w->tls, e) : NULL;
	if (!w->vhost) {
		carrier_ws.free((struct carrier *)w);
		return NULL;
	}
	return (struct carrier *)w;
}

static void ws_free(struct carrier *k)
{
	struct ws *w = (struct ws *)k;

	dial_fini(&w->dial);
	ws_engine_unref(w->engine);
	buf_fini(&w->target);
	buf_fini(&w->host);
	buf_fini(&w->rx);
	buf_fini(&w->span);
	buf_fini(&w->written);
	buf_fini(&w->control);
	mem_free(w);
}

/* --- ending ----------------------------------------------------------------------------------- */

static void detach(struct ws *w)
{
	if (w->conn)
		w->conn->ws = NULL;
	w->conn = NULL;
	w->rx.n = w->control.n = 0;
}

static void ws_stop(struct carrier *k)
{
	struct ws *w = (struct ws *)k;
	struct conn *conn = w->conn;

	dial_stop(&w->dial);
	detach(w);
	if (conn && conn->wsi) /* maybe from inside one of its callbacks: not now */
		lws_set_timeout(conn->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
}

/* --- connecting ------------------------------------------------------------------------------- */

static void make_target(struct ws *w)
{
	struct client *c = w->client;
	struct rooms *r = &c->rooms;

	w->target.n = 0;
	if (c->conf.raw) {
		buf_add_text(&w->target, *c->url.path && !w->dial.is_unix ? c->url.path : "/");
		if (c->url.query)
			buf_addf(&w->target, "?%s", c->url.query);
		return;
	}
	client_target(c, "/ws", &w->target);
	client_add_query(&w->target, "meta", STR("1"));
	client_add_query(&w->target, "client", str_of(c->client_id));
	if (c->conf.user)
		client_add_query(&w->target, "user_id", str_of(c->conf.user));
	if (c->conf.no_echo)
		client_add_query(&w->target, "echo", STR("0"));
	if (r->n)
		client_add_query(&w->target, "since", buf_str(&r->lanes[0].since));
	for (size_t i = 0; i < r->n; i++) {
		size_t before = w->target.n;
		if (r->v[i].leads)
			client_add_query(&w->target, "room", str_of(r->v[i].name));
		if (w->target.n > TARGET_MAX) { /* the others by control messages */
			w->target.n = before;
			r->v[i].leads = false;
		}
	}
}

static void make_host(struct ws *w)
{
	const struct url *u = &w->client->url;

	w->host.n = 0;
	if (w->dial.is_unix)
		buf_add_text(&w->host, "localhost");
	else
		buf_addf(&w->host, strchr(u->host, ':') ? "[%s]" : "%s", u->host);
	if (u->port && u->port != (w->tls ? 443 : 80))
		buf_addf(&w->host, ":%d", u->port);
}

static void connect_to(struct dial *d, const char *address)
{
	struct ws *w = list_entry(d, struct ws, dial);
	struct conn *conn = w->conn = mem_new(struct conn);
	struct lws *wsi;
	struct lws_client_connect_info info = {
		.context = ws_engine_context(w->engine),
		.vhost = w->vhost,
		.address = address,
		.port = d->port,
		.path = buf_cstr(&w->target),
		.host = buf_cstr(&w->host),
		.local_protocol_name = "rt",
		.opaque_user_data = conn,
		.pwsi = &conn->wsi,
		.alpn = "http/1.1",
		.ssl_connection = LCCSCF_HTTP_NO_FOLLOW_REDIRECT,
	};

	if (w->tls)
		info.ssl_connection |= LCCSCF_USE_SSL;
	if (w->tls && w->client->conf.insecure)
		info.ssl_connection |= LCCSCF_ALLOW_SELFSIGNED |
		                       LCCSCF_SKIP_SERVER_CERT_HOSTNAME_CHECK |
		                       LCCSCF_ALLOW_EXPIRED | LCCSCF_ALLOW_INSECURE;
	conn->ws = w;
	list_add(ws_engine_conns(w->engine), &conn->node);
	w->connecting = true;
	wsi = lws_client_connect_via_info(&info);
	w->connecting = false;
	if (wsi)
		return;
	w->conn = NULL; /* freed by its last callback, or with the context when there was none */
	dial_failed(d);
}

static void ws_start(struct carrier *k)
{
	struct ws *w = (struct ws *)k;

	make_target(w);
	make_host(w);
	dial_start(&w->dial);
}

/* --- the end of a connection, as lws tells it ---------------------------------------------------
 */

static void broken_off(struct client *c)
{
	struct buf why = { 0 };

	client_add_closed(c, &why);
	client_on_down(c, ERR_CLOSED, false, "%s", buf_cstr(&why));
	buf_fini(&why);
}

/* What lws says about a handshake that failed, in words fit for people. */
static void refused(struct conn *conn, struct str why)
{
	struct ws *w = conn->ws;
	struct client *c = w->client;
	unsigned status = lws_http_client_http_response(conn->wsi);
	struct buf text = { 0 };

	detach(w);
	if (!conn->asked) {
		dial_failed(&w->dial);
		return;
	}
	dial_stop(&w->dial);
	if (str_starts(why, STR("HS: ")))
		why = str_skip(why, 4);
	if (status && status != 101) {
		client_status_text(c, status, STR(""), &text);
		client_on_down(c, client_status_code(status), false, "%s", buf_cstr(&text));
	} else if (status == 101) {
		client_on_down(c, ERR_INVALID, false,
			"the server's WebSocket handshake is broken: " STR_FMT, STR_ARG(why));
	} else if (str_eq(why, STR("Peer hung up")) || str_eq(why, STR("read failed")) || !why.n ||
		   str_find(why, STR("closed before")) >= 0) {
		broken_off(c);
	} else {
		client_on_down(c, ERR_CLOSED, false, STR_FMT, STR_ARG(why));
	}
	buf_fini(&text);
}

static int code_of_close(int code)
{
	switch (code) {
	case 1003: return ERR_INVALID;
	case 1008:
	case 4001: return ERR_DENIED;
	default: return ERR_CLOSED;
	}
}

static void closed(struct conn *conn)
{
	struct ws *w = conn->ws;
	int code = conn->close_code;

	detach(w);
	dial_stop(&w->dial);
	if (conn->close_reason[0])
		client_on_down(w->client, code_of_close(code), code == 1007 || code == 1009,
			"the server closed the connection: %s", conn->close_reason);
	else if (code && code != 1002)
		client_on_down(w->client, code_of_close(code), code == 1007 || code == 1009,
			"the server closed the connection with code %d", code);
	else
		broken_off(w->client);
}

static void note_close(struct conn *conn, const unsigned char *p, size_t n)
{
	size_t k = 0;

	if (n < 2)
		return;
	conn->close_code = p[0] << 8 | p[1];
	for (size_t i = 2; i < n && k < sizeof(conn->close_reason) - 1; i++)
		conn->close_reason[k++] = p[i] < ' ' || p[i] == 0x7f ? '?' : (char)p[i];
}

/* --- sending -----------------------------------------------------------------------------------
 */

static uint32_t next_mask(struct ws *w)
{
	if (!w->n_masks) {
		rand_bytes(w->masks, sizeof(w->masks));
		w->n_masks = MASKS;
	}
	return w->masks[--w->n_masks];
}

static void add_frame(struct ws *w, struct buf *out, unsigned char op, struct str text)
{
	unsigned char head[14] = { 0x80 | op };
	uint32_t mask = next_mask(w);
	uint64_t mask8 = (uint64_t)mask << 32 | mask, word;
	size_t n = 2, at;
	char *p;

	if (text.n < 126) {
		head[1] = (unsigned char)text.n;
	} else if (text.n < 65536) {
		head[1] = 126;
		head[n++] = (unsigned char)(text.n >> 8);
		head[n++] = (unsigned char)text.n;
	} else {
		head[1] = 127;
		for (int shift = 56; shift >= 0; shift -= 8)
			head[n++] = (unsigned char)((uint64_t)text.n >> shift);
	}
	head[1] |= 0x80;
	memcpy(head + n, &mask, 4);
	p = buf_reserve(out, n + 4 + text.n);
	memcpy(p, head, n + 4);
	p += n + 4;
	for (at = 0; at + 8 <= text.n; at += 8) {
		memcpy(&word, text.p + at, 8);
		word ^= mask8;
		memcpy(p + at, &word, 8);
	}
	for (; at < text.n; at++)
		p[at] = text.p[at] ^ head[n + (at & 3)];
	out->n += n + 4 + text.n;
}

static bool fill_span(struct ws *w)
{
	struct str text;
	uint64_t ref;

	w->span.n = w->written.n = 0;
	buf_reserve(&w->span, LWS_PRE);
	w->span.n = LWS_PRE;
	buf_add_str(&w->span, buf_str(&w->control));
	w->control.n = 0;
	while (!w->conn->finishing && w->span.n < LWS_PRE + SPAN_BYTES &&
		client_next(w->client, &ref, &text)) {
		bool binary = w->client->conf.raw && !str_utf8(text);
		add_frame(w, &w->span, binary ? 2 : 1, text);
		if (w->client->conf.raw)
			buf_add(&w->written, &ref, sizeof(ref));
	}
	return w->span.n > LWS_PRE;
}

/* Only now: a callback may close the connection, which writes a span of its own. */
static void acknowledge_written(struct ws *w)
{
	struct buf refs = w->written;
	uint64_t ref;

	w->written = (struct buf){ 0 };
	for (size_t i = 0; i < refs.n; i += sizeof(ref)) {
		memcpy(&ref, refs.p + i, sizeof(ref));
		client_on_outcome(w->client, ref, CLIENT_ACKED, STR(""), STR(""));
	}
	buf_fini(&refs);
}

/* Writes what waits while the socket takes it. 0, or -1 when the connection is broken. */
static int flush(struct conn *conn)
{
	struct ws *w = conn->ws;
	size_t sent = 0;

	while (conn->ws && conn->established) {
		if (sent >= TURN_BYTES || lws_send_pipe_choked(conn->wsi)) {
			lws_callback_on_writable(conn->wsi);
			break;
		}
		if (!fill_span(w))
			break;
		sent += w->span.n - LWS_PRE;
		if (lws_write(conn->wsi, (unsigned char *)w->span.p + LWS_PRE, w->span.n - LWS_PRE,
			    LWS_WRITE_HTTP) < 0)
			return -1;
		acknowledge_written(w);
	}
	return 0;
}

static void ws_send(struct carrier *k)
{
	struct conn *conn = ((struct ws *)k)->conn;

	if (conn && conn->established && flush(conn) < 0 &&
		conn->ws) /* its CLOSED callback tells */
		lws_set_timeout(conn->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
}

/* A close frame of our own after all that waits: lws would drop what still comes in, acks among it.
 */
static bool ws_finish(struct carrier *k)
{
	struct ws *w = (struct ws *)k;

	if (!w->conn || !w->conn->established)
		return false;
	ws_send(k);
	if (!w->conn)
		return false;
	w->conn->finishing = true;
	add_frame(w, &w->control, 8, STR("\x03\xe8")); /* 1000 */
	lws_callback_on_writable(w->conn->wsi);
	return true;
}

static void ws_ping(struct carrier *k)
{
	struct ws *w = (struct ws *)k;

	add_frame(w, &w->control, 1, STR("{\"_op\":\"ping\"}"));
	ws_send(k);
}

static void ws_pause(struct carrier *k, bool paused)
{
	struct conn *conn = ((struct ws *)k)->conn;

	if (conn && conn->established)
		lws_rx_flow_control(conn->wsi, !paused);
}

/* Rooms that the URL had no place for, or that begin elsewhere. */
static void subscribe_others(struct ws *w)
{
	struct rooms *r = &w->client->rooms;
	struct buf text = { 0 };

	for (size_t i = 0; i < r->n && !w->client->conf.raw; i++) {
		if (r->v[i].leads)
			continue;
		text.n = 0;
		buf_add_text(&text, "{\"_op\":\"subscribe\",\"_room\":");
		buf_add_json(&text, str_of(r->v[i].name));
		buf_add_text(&text, ",\"since\":");
		buf_add_json(&text, buf_str(&r->v[i].since));
		buf_add_char(&text, '}');
		add_frame(w, &w->control, 1, buf_str(&text));
	}
	buf_fini(&text);
}

/* --- receiving ---------------------------------------------------------------------------------
 */

static void take(struct conn *conn, struct str text)
{
	struct client *c = conn->ws->client;

	if (c->conf.raw)
		client_on_raw(c, text);
	else if (text.n)
		client_on_text(c, 0, text);
}

static int on_receive(struct conn *conn, const char *in, size_t n)
{
	struct ws *w = conn->ws;
	bool whole = lws_is_final_fragment(conn->wsi) && !lws_remaining_packet_payload(conn->wsi);

	client_on_heard(w->client);
	if (w->rx.n + n > w->client->conf.max_message + META_BYTES) {
		ws_stop((struct carrier *)w);
		client_on_down(w->client, ERR_INVALID, false,
			"a message over %zu bytes (--max-message)", w->client->conf.max_message);
		return -1;
	}
	if (whole && !w->rx.n) {
		take(conn, str_make(in, n));
	} else {
		buf_add(&w->rx, in, n);
		if (whole) {
			take(conn, buf_str(&w->rx));
			w->rx.n = 0;
			buf_shrink(&w->rx, WS_READ_BYTES);
		}
	}
	return conn->ws ? 0 : -1;
}

static void on_established(struct conn *conn)
{
	struct ws *w = conn->ws;

	conn->established = true;
	dial_stop(&w->dial);
	client_on_heard(w->client);
	subscribe_others(w);
	lws_callback_on_writable(conn->wsi);
	client_on_up(w->client);
}

static int add_header(
	struct lws *wsi, struct str name, struct str value, unsigned char **p, unsigned char *end)
{
	char with_colon[128];

	snprintf(with_colon, sizeof(with_colon), STR_FMT ":", STR_ARG(name));
	return lws_add_http_header_by_name(wsi, (unsigned char *)with_colon,
		(const unsigned char *)value.p, (int)value.n, p, end);
}

static int add_headers(struct conn *conn, unsigned char **p, size_t room)
{
	struct client *c = conn->ws->client;
	unsigned char *end = *p + room;
	struct buf auth = { 0 };
	int r = 0;

	client_authorization(c, &auth);
	if (auth.n)
		r = add_header(conn->wsi, STR("Authorization"), buf_str(&auth), p, end);
	for (int i = 0; i < c->conf.n_headers && r == 0; i++) {
		struct str value, name = str_cut(str_of(c->conf.headers[i]), ':', &value);
		r = add_header(conn->wsi, name, str_trim(value), p, end);
	}
	buf_fini(&auth);
	return r;
}

static int ws_callback(
	struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t n)
{
	struct conn *conn = wsi ? lws_get_opaque_user_data(wsi) : NULL;

	(void)user;
	if (!conn)
		return 0;
	if (reason == LWS_CALLBACK_WSI_DESTROY) {
		if (conn->ws && !conn->ws->connecting)
			closed(conn);
		list_del(&conn->node);
		mem_free(conn);
		return 0;
	}
	conn->wsi = wsi;
	if (!conn->ws)
		return reason == LWS_CALLBACK_CLIENT_RECEIVE ||
		                       reason == LWS_CALLBACK_CLIENT_WRITEABLE ||
		                       reason == LWS_CALLBACK_CLIENT_ESTABLISHED
		               ? -1
		               : 0;
	switch (reason) {
	case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
		conn->asked = true;
		return add_headers(conn, in, n);
	case LWS_CALLBACK_CLIENT_CONNECTION_ERROR: refused(conn, str_make(in, in ? n : 0)); break;
	case LWS_CALLBACK_CLIENT_ESTABLISHED: on_established(conn); return conn->ws ? 0 : -1;
	case LWS_CALLBACK_CLIENT_RECEIVE: return on_receive(conn, in, n);
	case LWS_CALLBACK_CLIENT_RECEIVE_PONG: client_on_heard(conn->ws->client); break;
	case LWS_CALLBACK_CLIENT_WRITEABLE: return flush(conn);
	case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
		note_close(conn, in, n);
		return conn->finishing ? -1 : 0; /* it is the answer to ours */
	case LWS_CALLBACK_CLIENT_CLOSED: closed(conn); break;
	default: break;
	}
	return 0;
}

const struct carrier_ops carrier_ws = {
	.schemes = "ws wss unix",
	.one_lane = true,
	.refs = true,
	.open = ws_open,
	.start = ws_start,
	.send = ws_send,
	.ping = ws_ping,
	.pause = ws_pause,
	.finish = ws_finish,
	.stop = ws_stop,
	.free = ws_free,
};
