/* pub.c - publishing by POST: one object with one answer, or a stream of them with a line each
 *
 *   FIRST --value--> ALONE --another value--> STREAM        application/x-ndjson begins in STREAM
 *     |                |
 *     +-- bad: its status, and close
 *                      +-- the body ends: the single answer
 *
 * In STREAM the answer is 200 at once and a line for every message, in order, and at last
 * {"accepted":n,"refused":m}. Bodies may be sized or chunked; nothing is kept of them but an
 * incomplete value. */
#include "base/line.h"
#include "base/mem.h"
#include "codec/name.h"
#include "codec/split.h"
#include "net/http.h"

enum pub_state { PUB_FIRST, PUB_ALONE, PUB_STREAM };

struct pub {
	struct body body;
	enum pub_state state;
	bool ndjson;            /* values are lines; else run together */
	bool ended;             /* the body */
	bool answered;          /* ALONE: the outcome is here, in `first` */
	bool broken;            /* FIRST: refused; the rest of the body is not read */
	char *room, *dedup;
	struct line line;       /* ndjson */
	struct split split;     /* else: finds the ends of values in `value` */
	struct buf value;
	struct buf first;       /* the answer to the first value */
	int first_status;
	uint64_t line_n;        /* of values published */
	uint64_t done_n;        /* that have their outcome */
	uint64_t accepted, refused;
};

/* --- answers ---------------------------------------------------------------------------------- */

static void add_result(struct buf *b, const struct pub_result *r)
{
	if (!r->has_pos) {
		buf_add_text(b, "{}");
		return;
	}
	buf_add_text(b, "{\"_id\":\"");
	buf_add_pos(b, r->pos);
	buf_add_text(b, r->outcome == PUB_DUP ? "\",\"dup\":true}" : "\"}");
}

static void begin_stream(struct conn *c)
{
	http_begin(
		c, conn_lane(c), 200, "application/x-ndjson", STR("Cache-Control: no-store\r\n"));
}

static void say_line(struct conn *c, struct str text)
{
	struct buf *out = conn_lane(c);
	size_t at;

	wire_chunk_begin(out, &at);
	buf_add_str(out, text);
	buf_add_char(out, '\n');
	wire_chunk_end(out, at);
}

static void add_error_line(struct buf *b, const struct pub_result *r, uint64_t line)
{
	buf_add_text(b, "{\"error\":");
	buf_add_json(b, r->reason);
	buf_addf(b, ",\"code\":\"%s\",\"line\":%llu}", pub_result_code(r),
		(unsigned long long)line);
}

/* Everything has its outcome and the body is over: the answer ends. */
static void finish_if_done(struct conn *c)
{
	struct pub *pub = c->state;
	struct buf b = { 0 };

	if (!pub->ended || pub->done_n < pub->line_n)
		return;
	if (pub->state == PUB_STREAM) {
		buf_addf(&b, "{\"accepted\":%llu,\"refused\":%llu}",
			(unsigned long long)pub->accepted, (unsigned long long)pub->refused);
		say_line(c, buf_str(&b));
		buf_add_text(conn_lane(c), "0\r\n\r\n");
		conn_next_request(c);
	} else if (pub->line_n == 0) {
		http_refuse(c, 400, STR("an empty body: send a JSON object"));
	} else {
		b = pub->first;
		pub->first = (struct buf){ 0 };
		if (pub->first_status == 200) {
			buf_add_char(&b, '\n');
			http_reply(c, 200, "application/json", STR("Cache-Control: no-store\r\n"),
				buf_str(&b));
		} else {
			http_problem(c, pub->first_status, buf_str(&b));
		}
	}
	buf_fini(&b);
}

static int status_of(const struct pub_result *r)
{
	switch (r->outcome) {
	case PUB_ACK:
	case PUB_DUP: return 200;
	case PUB_REFUSED: return http_status(r->code);
	case PUB_UNKNOWN:
	case PUB_UNAVAILABLE: return 503;
	}
	return 500;
}

static void published(struct conn *c, struct str ref, const struct pub_result *r)
{
	struct pub *pub = c->state;
	struct buf b = { 0 };
	int status = status_of(r);

	(void)ref;
	pub->done_n++;
	if (status == 200)
		pub->accepted++;
	else
		pub->refused++;
	if (c->winding_up) { /* the rest of the body is not read; what was taken has its line */
		pub->ended = true;
		c->keep_alive = false;
		c->busy = true;
		conn_no_deadline(c);
	}
	if (pub->state == PUB_STREAM) {
		if (status == 200)
			add_result(&b, r);
		else
			add_error_line(&b, r, pub->done_n);
		say_line(c, buf_str(&b));
	} else {
		pub->answered = true;
		pub->first_status = status;
		if (status == 200)
			add_result(&pub->first, r);
		else
			buf_add_str(&pub->first, r->reason);
		if (status != 200) { /* its status, and close: the rest is not looked at */
			pub->ended = true;
			c->keep_alive = c->keep_alive && pub->body.done;
		}
	}
	buf_fini(&b);
	finish_if_done(c);
}

/* --- values ----------------------------------------------------------------------------------- */

/* `bad`: why the text is none; NULL: look. */
static void publish(struct conn *c, struct str text, const struct err *bad)
{
	struct pub *pub = c->state;
	struct err e = { 0 };
	struct msg m;
	struct publication p = {
		.conn = c,
		.room = str_of(pub->room),
		.room_first = true,
		.client = conn_client(c),
	};

	if (pub->state == PUB_FIRST)
		p.dedup = str_of(pub->dedup);
	if (!bad && msg_parse(&m, text, MSG_FROM_CLIENT, &e) == 0 && msg_has(&m, MSG_OP))
		err_set(&e, ERR_INVALID, "a control message ('_op') cannot be published");
	if (!bad && e.code)
		bad = &e;
	p.msg = bad ? NULL : &m;
	p.refused = bad;
	pub->broken = bad && pub->state == PUB_FIRST;
	pub->line_n++;
	conn_publish(c, &p);
}

static void to_stream(struct conn *c)
{
	struct pub *pub = c->state;

	pub->state = PUB_STREAM;
	conn_no_deadline(c);
	begin_stream(c);
	if (pub->answered) {
		say_line(c, buf_str(&pub->first));
		buf_fini(&pub->first);
	}
}

static void take_value(struct conn *c, struct str text, const struct err *bad)
{
	struct pub *pub = c->state;

	if (pub->state == PUB_ALONE)
		to_stream(c);
	publish(c, text, bad);
	if (pub->state == PUB_FIRST)
		pub->state = PUB_ALONE;
	if (pub->broken) /* whatever follows in the same segment */
		pub->ended = true;
}

/* The rest of the body is not read. What was published keeps its outcome: an answer of 400 would
 * say that it was not. */
static void refuse_rest(struct conn *c, int status, const struct err *e)
{
	struct pub *pub = c->state;

	if (pub->line_n == 0 && pub->state != PUB_STREAM) {
		http_refuse(c, status, str_of(e->text));
		return;
	}
	c->keep_alive = false;
	take_value(c, STR(""), e);
	pub->ended = true;
	c->busy = true;
	conn_no_deadline(c);
	finish_if_done(c);
}

static bool done_reading(const struct conn *c, const struct pub *pub)
{
	return c->closing || c->transport != &transport_pub || c->state != pub || pub->ended;
}

static void too_large(const struct conn *c, struct err *e)
{
	err_set(e, ERR_TOO_LARGE, "message over the limit of %zu bytes", c->net->conf.max_message);
}

static void take_lines(struct conn *c, struct str s, bool eof)
{
	struct pub *pub = c->state;
	struct str text;
	struct err e = { 0 };

	while (s.n || eof) {
		size_t room = 0;
		if (s.n) {
			char *p = line_space(&pub->line, 1, &room);
			if (room > s.n)
				room = s.n;
			memcpy(p, s.p, room);
			line_filled(&pub->line, room);
			s = str_skip(s, room);
		}
		for (;;) {
			enum line_result got = line_next(&pub->line, eof && s.n == 0, &text);
			if (got == LINE_NONE)
				break;
			if (got == LINE_TOO_LONG)
				too_large(c, &e);
			take_value(c, text, got == LINE_TOO_LONG ? &e : NULL);
			if (done_reading(c, pub))
				return;
		}
		if (s.n == 0)
			return;
	}
}

static void take_values(struct conn *c, struct str s, bool eof)
{
	struct pub *pub = c->state;
	struct err e = { 0 };

	while (s.n) {
		long n = split_feed(&pub->split, s);
		struct str piece = n < 0 ? s : str_make(s.p, (size_t)n);

		buf_add_str(&pub->value, piece);
		s = str_skip(s, piece.n);
		if (split_idle(&pub->split) && n < 0)
			pub->value.n = 0; /* whitespace may go on for ever */
		if (pub->value.n > c->net->conf.max_message + NET_METADATA_MAX) {
			too_large(c, &e);
			refuse_rest(c, 413, &e);
			return;
		}
		if (n < 0)
			break;
		take_value(c, buf_str(&pub->value), NULL);
		if (done_reading(c, pub))
			return;
		pub->value.n = 0;
	}
	if (!eof)
		return;
	if (!split_idle(&pub->split)) /* cut off, or a bare scalar: the scanner
	                               * says what is wrong */
		take_value(c, buf_str(&pub->value), NULL);
}

/* --- the body --------------------------------------------------------------------------------- */

static void take(struct conn *c, struct str s, bool eof)
{
	struct pub *pub = c->state;

	if (pub->ndjson)
		take_lines(c, s, eof);
	else
		take_values(c, s, eof);
}

static size_t data(struct conn *c, char *p, size_t n)
{
	struct pub *pub = c->state;
	struct str in = str_make(p, n), content;
	struct err e = { 0 };
	int rc = 0;

	if (pub->ended)
		return 0; /* a pipelined request waits for the answer */
	if (pub->state != PUB_STREAM)
		conn_deadline(c, c->net->now_ms + c->net->conf.body_ms);
	while (in.n && rc == 0) {
		rc = body_next(&pub->body, &in, &content, &e);
		if (rc < 0) {
			e.code = ERR_INVALID;
			refuse_rest(c, 400, &e);
			return n;
		}
		take(c, content, rc == 1);
		if (c->closing || c->transport != &transport_pub || c->state != pub ||
			(rc == 0 && pub->ended))
			return n - in.n;
	}
	if (rc == 1 && !pub->ended) {
		pub->ended = true;
		c->busy = true;
		conn_no_deadline(c);
		finish_if_done(c);
	}
	return n - in.n;
}

static void tick(struct conn *c)
{
	struct err e = { 0 };

	if (conn_is_throttled(c)) { /* it is we who do not read */
		conn_deadline(c, c->net->now_ms + c->net->conf.body_ms);
		return;
	}
	err_set(&e, ERR_TIMEOUT, "the body did not arrive in time");
	refuse_rest(c, 408, &e);
}

static void bye(struct conn *c, unsigned code, struct str reason)
{
	(void)c;
	(void)code;
	(void)reason;
}

static void pub_free(struct conn *c)
{
	struct pub *pub = c->state;

	line_fini(&pub->line);
	buf_fini(&pub->value);
	buf_fini(&pub->first);
	mem_free(pub->room);
	mem_free(pub->dedup);
	mem_free(pub);
}

const struct transport transport_pub = {
	.name = "pub",
	.data = data,
	.tick = tick,
	.published = published,
	.bye = bye,
	.free = pub_free,
};

static bool is_ndjson(const struct head *h)
{
	struct str type = str_cut(head_get(h, STR("content-type")), ';', NULL);

	return str_case_eq(str_trim(type), STR("application/x-ndjson"));
}

void pub_open(struct conn *c, const struct head *h, struct str room)
{
	struct str dedup = head_get(h, STR("idempotency-key"));
	struct pub *pub = mem_new(struct pub);
	struct err e = { 0 };
	int rc;

	c->state = pub;
	c->transport = &transport_pub;
	body_init(&pub->body, h);
	line_init(&pub->line, c->net->conf.max_message + NET_METADATA_MAX);
	pub->ndjson = is_ndjson(h);
	if (room.n)
		pub->room = mem_strndup(room.p, room.n);
	rc = room.n ? room_name_check(room, &e) : 0;
	if (rc == 0 && dedup.n)
		rc = dedup_check(dedup, &e);
	if (rc == 0)
		rc = c->net->events->ready(c->net->arg, &e);
	if (rc) {
		http_refuse(c, http_status(rc), str_of(e.text));
		return;
	}
	if (dedup.n)
		pub->dedup = mem_strndup(dedup.p, dedup.n);
	if (h->expect_continue)
		buf_add_text(conn_lane(c), "HTTP/1.1 100 Continue\r\n\r\n");
	if (pub->ndjson) {
		pub->state = PUB_STREAM;
		begin_stream(c);
		conn_no_deadline(c);
	} else {
		conn_deadline(c, c->net->now_ms + c->net->conf.body_ms);
	}
	conn_check_address(c);
	if (h->body == BODY_SIZED && h->length == 0) {
		pub->ended = true;
		pub->body.done = true;
		finish_if_done(c);
	}
}

/* --- other bodies: small, whole, for the server ----------------------------------------------- */

#define SMALL_BODY_MAX 65536

struct small {
	struct body body;
	struct head head;  /* method, path and query; its fields are gone */
	char *query;
	struct buf bytes;
};

static void small_free(struct conn *c)
{
	struct small *small = c->state;

	buf_fini(&small->bytes);
	mem_free(small->query);
	mem_free(small);
}

static void small_done(struct conn *c)
{
	struct small *small = c->state;

	if (!c->net->events->request(c->net->arg, c, &small->head, buf_str(&small->bytes)))
		http_not_found(c, &small->head);
}

static size_t small_data(struct conn *c, char *p, size_t n)
{
	struct small *small = c->state;
	struct str in = str_make(p, n), content;
	struct err e = { 0 };
	int rc = 0;

	while (in.n && rc == 0) {
		rc = body_next(&small->body, &in, &content, &e);
		if (rc < 0) {
			http_refuse(c, 400, str_of(e.text));
			return n;
		}
		buf_add_str(&small->bytes, content);
		if (small->bytes.n > SMALL_BODY_MAX) {
			http_refuse(c, 413, STR("a body of at most 64 KiB"));
			return n;
		}
	}
	if (rc == 1)
		small_done(c);
	return n - in.n;
}

static void small_tick(struct conn *c)
{
	http_refuse(c, 408, STR("the body did not arrive in time"));
}

const struct transport transport_body = {
	.name = "http",
	.data = small_data,
	.tick = small_tick,
	.bye = bye,
	.free = small_free,
};

void body_open(struct conn *c, const struct head *h)
{
	struct small *small = mem_new(struct small);

	c->state = small;
	c->transport = &transport_body;
	body_init(&small->body, h);
	small->head = *h;
	small->head.n_fields = 0;
	small->head.host = small->head.target = STR("");
	if (h->query.p) {
		small->query = mem_strndup(h->query.p, h->query.n);
		small->head.query.p = small->query;
	}
	if (h->expect_continue)
		buf_add_text(conn_lane(c), "HTTP/1.1 100 Continue\r\n\r\n");
	conn_deadline(c, c->net->now_ms + c->net->conf.body_ms);
	if (h->body == BODY_NONE || (h->body == BODY_SIZED && h->length == 0))
		small_done(c);
}
