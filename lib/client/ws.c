/* ws.c - a client over one WebSocket
 *
 *      link up -> upgrade asked -> 101 -> frames both ways -> close frame, or the link goes down
 *
 * Bytes are carried by link.c, the handshake is upgrade.c's, the framing codec/frame's; what is
 * here is what they mean to the client. Frames are gathered in the hub's span of up to 64 KiB: one
 * system call for hundreds of messages. A connection that is in the middle of nothing keeps
 * no buffer. */
#include "base/mem.h"
#include "client/carrier.h"
#include "client/link.h"
#include "client/upgrade.h"
#include "codec/frame.h"

#define TARGET_MAX    7168 /* of a request line; servers take 8 KiB */
#define SPAN_BYTES    65536
#define TURN_BYTES    1048576 /* of sending before others get their turn */
#define META_BYTES    4096    /* what metadata adds to a message at most */
#define CONTROL_BYTES 16384   /* of pongs that the server does not read: no more of them */

struct asking {
	struct upgrade upgrade;
	struct upgrade_answer answer; /* status 0: its head is not there yet */
	struct buf head;              /* of a refusal */
};

struct ws {
	struct client *client;
	struct link link;
	struct asking *asking;       /* from the link's up to the answer */
	struct frame_reader *reader; /* of what is half read; NULL: nothing is */
	struct buf control;          /* frames that go before messages */
	bool open;                   /* frames may be exchanged */
	bool finishing;              /* our close frame is on its way */
};

static const struct link_events link_events;

/* --- opening and ending ----------------------------------------------------------------------- */

static struct carrier *ws_open(struct client *c, struct err *e)
{
	struct ws *w = mem_new(struct ws);

	(void)e;
	w->client = c;
	link_init(&w->link, c, &link_events);
	return (struct carrier *)w;
}

static void ws_stop(struct carrier *k)
{
	struct ws *w = (struct ws *)k;

	link_close(&w->link);
	if (w->reader)
		frame_reader_fini(w->reader);
	mem_free(w->reader);
	if (w->asking)
		buf_fini(&w->asking->head);
	mem_free(w->asking);
	buf_fini(&w->control);
	w->reader = NULL;
	w->asking = NULL;
	w->open = w->finishing = false;
}

static void ws_free(struct carrier *k)
{
	mem_free(k);
}

static void ws_start(struct carrier *k)
{
	link_open(&((struct ws *)k)->link);
}

/* --- asking for the upgrade ------------------------------------------------------------------- */

static void make_target(struct client *c, struct buf *target)
{
	struct rooms *r = &c->rooms;
	bool is_unix = strcmp(c->url.scheme, "unix") == 0;

	if (c->conf.raw) {
		buf_add_text(target, *c->url.path && !is_unix ? c->url.path : "/");
		if (c->url.query)
			buf_addf(target, "?%s", c->url.query);
		return;
	}
	client_target(c, "/ws", target);
	client_add_query(target, "meta", STR("1"));
	client_add_query(target, "client", str_of(c->client_id));
	if (c->conf.user)
		client_add_query(target, "user_id", str_of(c->conf.user));
	if (c->conf.no_echo)
		client_add_query(target, "echo", STR("0"));
	if (r->n)
		client_add_query(target, "since", buf_str(&r->lanes[0].since));
	for (size_t i = 0; i < r->n; i++) {
		size_t before = target->n;
		if (r->v[i].leads)
			client_add_query(target, "room", str_of(r->v[i].name));
		if (target->n > TARGET_MAX) { /* the others by control messages */
			target->n = before;
			r->v[i].leads = false;
		}
	}
}

static void make_host(const struct url *u, struct buf *host)
{
	int usual = url_is_tls(u) ? 443 : 80;

	if (strcmp(u->scheme, "unix") == 0)
		buf_add_text(host, "localhost");
	else
		buf_addf(host, strchr(u->host, ':') ? "[%s]" : "%s", u->host);
	if (u->port && u->port != usual)
		buf_addf(host, ":%d", u->port);
}

static void on_link_up(struct link *l)
{
	struct ws *w = list_entry(l, struct ws, link);
	struct client *c = w->client;
	struct buf target = { 0 }, host = { 0 }, auth = { 0 }, *out = &c->hub->span;

	w->asking = mem_new(struct asking);
	w->asking->upgrade.headers = c->conf.headers;
	w->asking->upgrade.n_headers = c->conf.n_headers;
	make_target(c, &target);
	make_host(&c->url, &host);
	client_authorization(c, &auth);
	out->n = 0;
	upgrade_ask(&w->asking->upgrade, buf_str(&target), buf_str(&host), buf_str(&auth), out);
	link_send(l, out->p, out->n);
	buf_fini(&target);
	buf_fini(&host);
	buf_fini(&auth);
}

/* --- sending ---------------------------------------------------------------------------------- */

static void add_frame(struct ws *w, struct buf *out, enum frame_op op, struct str text)
{
	frame_add_masked(out, op, text, hub_mask(w->client->hub));
}

static void add_close(struct ws *w, struct buf *out, unsigned code)
{
	char payload[FRAME_CONTROL_MAX];

	add_frame(w, out, FRAME_CLOSE, str_make(payload, frame_close(payload, code, STR(""))));
}

/* Refs [*from, *to) are in the span, as far as they are open. */
static void fill_span(struct ws *w, struct buf *span, uint64_t *from, uint64_t *to)
{
	struct client *c = w->client;
	struct str text;
	uint64_t ref;

	span->n = 0;
	*from = *to = 0;
	buf_add_str(span, buf_str(&w->control));
	buf_fini(&w->control);
	while (!w->finishing && span->n < SPAN_BYTES && client_next(c, &ref, &text)) {
		bool binary = c->conf.raw && !str_utf8(text);

		add_frame(w, span, binary ? FRAME_BINARY : FRAME_TEXT, text);
		if (!*to)
			*from = ref;
		*to = ref + 1;
	}
}

/* To others than rt, what is written is published. */
static void acknowledge(struct client *c, uint64_t from, uint64_t to)
{
	for (uint64_t ref = from; c->conf.raw && ref < to; ref++)
		client_on_outcome(c, ref, CLIENT_ACKED, STR(""), STR(""));
}

/* Writes what waits while the socket takes it. */
static void flush(struct ws *w)
{
	struct buf *span = &w->client->hub->span;
	uint64_t from, to;
	size_t sent = 0;

	while (w->open && link_is_clear(&w->link)) {
		if (sent >= TURN_BYTES) {
			link_want_room(&w->link);
			break;
		}
		fill_span(w, span, &from, &to);
		if (!span->n)
			break;
		sent += span->n;
		link_send(&w->link, span->p, span->n);
		acknowledge(w->client, from, to); /* this may call for another span */
	}
	span->n = 0;
	buf_shrink(span, 2 * SPAN_BYTES);
}

static void ws_send(struct carrier *k)
{
	flush((struct ws *)k);
}

/* A close frame after all that waits; what still comes in, acks among it, is read up to the
 * server's. */
static bool ws_finish(struct carrier *k)
{
	struct ws *w = (struct ws *)k;

	flush(w);
	if (!w->open)
		return false;
	w->finishing = true;
	add_close(w, &w->control, 1000);
	flush(w);
	return true;
}

static void ws_ping(struct carrier *k)
{
	struct ws *w = (struct ws *)k;

	add_frame(w, &w->control, FRAME_TEXT, STR("{\"_op\":\"ping\"}"));
	flush(w);
}

static void ws_pause(struct carrier *k, bool paused)
{
	link_pause(&((struct ws *)k)->link, paused);
}

static void on_link_room(struct link *l)
{
	flush(list_entry(l, struct ws, link));
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
		add_frame(w, &w->control, FRAME_TEXT, buf_str(&text));
	}
	buf_fini(&text);
}

/* --- the end of a connection ------------------------------------------------------------------ */

static int code_of_close(unsigned code)
{
	switch (code) {
	case 1002:
	case 1003:
	case 1010: return ERR_INVALID;
	case 1008:
	case 4001: return ERR_DENIED;
	default: return ERR_CLOSED;
	}
}

static const char *close_word(unsigned code)
{
	static const struct {
		unsigned code;
		const char *word;
	} words[] = {
		{ 1001, "going away" },
		{ 1002, "protocol error" },
		{ 1003, "not the kind of data it takes" },
		{ 1007, "invalid UTF-8" },
		{ 1008, "against its policy" },
		{ 1009, "message too large" },
		{ 1010, "an extension is missing" },
		{ 1011, "internal error" },
		{ 1012, "restarting" },
		{ 1013, "try again later" },
		{ 4001, "token expired" },
		{ 4008, "too slow" },
		{ 4029, "over a limit" },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (words[i].code == code)
			return words[i].word;
	}
	return NULL;
}

/* The server's close frame, with its reason if it gave one. */
static void on_close(struct ws *w, unsigned code, struct str reason)
{
	const char *word = close_word(code);
	struct buf why = { 0 };

	buf_add_text(&why, "the server closed the connection");
	if (reason.n)
		buf_add_text(&why, ": ");
	for (size_t i = 0; i < reason.n; i++)
		buf_add_char(&why, (unsigned char)reason.p[i] < ' ' || reason.p[i] == 0x7f
					   ? '?'
					   : reason.p[i]);
	if (!reason.n && word)
		buf_addf(&why, ": %s (%u)", word, code);
	else if (!reason.n && code != FRAME_NO_CODE && code != 1000)
		buf_addf(&why, " with code %u", code);
	if (!w->finishing) {
		add_close(w, &w->control, code);
		w->finishing = true; /* no message after it */
		flush(w);
	}
	ws_stop((struct carrier *)w);
	client_on_down(
		w->client, code_of_close(code), code == 1007 || code == 1009, "%s", buf_cstr(&why));
	buf_fini(&why);
}

/* What the server sent cannot be read, or not be taken. */
static void on_frame_error(struct ws *w, unsigned code)
{
	struct client *c = w->client;

	if (!w->finishing) {
		add_close(w, &w->control, code);
		w->finishing = true;
		flush(w);
	}
	ws_stop((struct carrier *)w);
	if (code == 1009)
		client_on_down(c, ERR_INVALID, false, "a message over %zu bytes (--max-message)",
			c->conf.max_message);
	else if (code == 1007)
		client_on_down(c, ERR_INVALID, false, "the server sent text that is not UTF-8");
	else
		client_on_down(c, ERR_INVALID, false, "the server broke the WebSocket protocol");
}

/* --- receiving -------------------------------------------------------------------------------- */

static void on_message(struct client *c, struct str text)
{
	if (c->conf.raw)
		client_on_raw(c, text);
	else if (text.n)
		client_on_text(c, 0, text);
}

/* Returns how many bytes are left, because the client is paused or the connection over. */
static size_t read_frames(struct ws *w, struct frame_reader *r, char *p, size_t n)
{
	struct client *c = w->client;
	struct str payload;
	enum frame_op op;
	unsigned code;

	while (w->open && !c->paused) {
		switch (frame_read(r, &p, &n, &payload, &op, &code)) {
		case FRAME_NONE: return 0;
		case FRAME_MESSAGE: on_message(c, payload); break;
		case FRAME_PING_GOT:
			if (w->control.n < CONTROL_BYTES && !w->finishing)
				add_frame(w, &w->control, FRAME_PONG, payload);
			break;
		case FRAME_PONG_GOT: break;
		case FRAME_CLOSE_GOT: on_close(w, code, payload); break;
		case FRAME_ERROR: on_frame_error(w, code); break;
		}
	}
	return n;
}

static size_t take_frames(struct ws *w, char *p, size_t n)
{
	struct frame_reader r;
	size_t left;

	if (w->reader) {
		r = *w->reader;
		mem_free(w->reader);
		w->reader = NULL;
	} else {
		frame_reader_init(&r, FRAME_CLIENT,
			w->client->conf.max_message + (w->client->conf.raw ? 0 : META_BYTES));
	}
	left = read_frames(w, &r, p, n);
	if (w->open && !frame_reader_idle(&r)) {
		w->reader = mem_new(struct frame_reader);
		*w->reader = r;
	} else {
		frame_reader_fini(&r);
	}
	if (w->control.n)
		flush(w);
	return n - left;
}

/* --- the answer ------------------------------------------------------------------------------- */

static void refused(struct ws *w, struct str body)
{
	struct answer a = { .status = w->asking->answer.status, .body = body };

	upgrade_refusal(buf_str(&w->asking->head), &a);
	client_on_turned_away(w->client, &a);
}

static void broken(struct ws *w, const struct err *e)
{
	struct buf why = { 0 };

	if (e->code != ERR_UNSUPPORTED)
		buf_add_text(&why, "the server's WebSocket handshake is broken: ");
	buf_add_text(&why, e->text);
	if (e->code == ERR_UNSUPPORTED) /* no HTTP */
		answer_add_doubt(w->client, &why);
	ws_stop((struct carrier *)w);
	client_on_down(w->client, ERR_INVALID, false, "%s", buf_cstr(&why));
	buf_fini(&why);
}

static void on_open(struct ws *w)
{
	mem_free(w->asking);
	w->asking = NULL;
	w->open = true;
	subscribe_others(w);
	client_on_up(w->client);
	if (w->open)
		flush(w);
}

/* Returns how many bytes the answer takes. */
static size_t take_answer(struct ws *w, struct str bytes)
{
	struct asking *a = w->asking;
	struct err e = { 0 };
	size_t taken = 0;

	while (!a->answer.status) {
		struct upgrade_answer answer;
		long n = taken == bytes.n
		                 ? 0
		                 : upgrade_read(&a->upgrade, str_skip(bytes, taken), &answer, &e);

		if (n < 0)
			broken(w, &e);
		if (n <= 0)
			return taken;
		if (answer.status >= 200)
			buf_add(&a->head, bytes.p + taken, (size_t)n);
		taken += (size_t)n;
		a->upgrade.scanned = 0;
		if (answer.status == 101 || answer.status >= 200) /* else another follows */
			a->answer = answer;
	}
	if (a->answer.status == 101)
		on_open(w);
	else if (bytes.n - taken >= a->answer.detail_n)
		refused(w, str_make(bytes.p + taken, a->answer.detail_n));
	return taken;
}

/* --- what the link tells ---------------------------------------------------------------------- */

static size_t on_link_data(struct link *l, char *p, size_t n)
{
	struct ws *w = list_entry(l, struct ws, link);
	size_t taken = 0;

	client_on_heard(w->client);
	if (w->asking)
		taken = take_answer(w, str_make(p, n));
	if (w->open)
		taken += take_frames(w, p + taken, n - taken);
	return taken;
}

static void on_link_down(struct link *l, int code, const char *why)
{
	struct ws *w = list_entry(l, struct ws, link);
	bool asking = w->asking != NULL;

	if (asking && w->asking->answer.status) { /* its body never came */
		refused(w, STR(""));
		return;
	}
	ws_stop((struct carrier *)w);
	client_on_down(w->client, code, false, "%s%s", why,
		asking && w->client->ever_heard ? " during the handshake" : "");
}

static const struct link_events link_events = {
	.up = on_link_up,
	.data = on_link_data,
	.room = on_link_room,
	.down = on_link_down,
};

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
