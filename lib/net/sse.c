/* sse.c - Server-Sent Events (WHATWG HTML 9.2), for EventSource
 *
 * `id:` is the position, so that the browser's own Last-Event-ID resumes. A bare `id:` block sets
 * it without an event: the start, and heartbeats where the position moved. The answer begins when
 * the start is known. */
#include "base/clock.h"
#include "net/glance.h"
#include "net/http.h"

static void add_id(struct buf *out, struct pos pos)
{
	buf_add_text(out, "id: ");
	buf_add_pos(out, pos);
	buf_add_char(out, '\n');
}

/* Everybody comes back after a restart: at a random moment each. */
static void add_retry(struct buf *out)
{
	buf_addf(out, "retry: %u\n", 500 + (unsigned)rand_below(4500));
}

static void write_head(struct conn *c, struct buf *out, struct pos next)
{
	struct buf headers = { 0 };

	(void)next; /* in the first `id:` */
	buf_add_text(&headers,
		"Cache-Control: private, no-cache, no-store, must-revalidate, max-age=0\r\n"
		"X-Accel-Buffering: no\r\nRt-Conn: ");
	buf_add_conn_id(&headers, c);
	buf_add_text(&headers, "\r\n");
	http_add_position(&headers, "Rt-Head", c->net->table->head);
	http_begin(c, out, 200, "text/event-stream; charset=utf-8", buf_str(&headers));
	buf_fini(&headers);
}

static void begin(struct conn *c, struct buf *out)
{
	size_t at;

	if (c->sub->begun)
		return;
	c->sub->begun = true;
	write_head(c, out, c->sub->feed.pos);
	wire_chunk_begin(out, &at);
	buf_add_text(out, ":\n");
	add_retry(out);
	buf_add_char(out, '\n');
	wire_chunk_end(out, at);
}

static void add_bare_id(struct conn *c, struct buf *out)
{
	size_t at;

	wire_chunk_begin(out, &at);
	add_id(out, c->sub->feed.pos);
	buf_add_char(out, '\n');
	wire_chunk_end(out, at);
	conn_told(c, c->sub->feed.pos);
}

static bool was_told(const struct conn *c)
{
	return pos_eq(c->sub->told, c->sub->feed.pos);
}

static void say_start(struct conn *c, const struct sub *s, struct buf *out)
{
	(void)s;
	begin(c, out);
	/* One position for all rooms; after a gap it was told already. */
	if (c->sub->feed.n_unannounced == 1 && !was_told(c))
		add_bare_id(c, out);
}

static void say_gap(struct conn *c, const struct gap *g, struct buf *out)
{
	size_t at;

	begin(c, out);
	wire_chunk_begin(out, &at);
	buf_add_text(out, "event: gap\n");
	if (g->has_id)
		add_id(out, g->id);
	buf_add_text(out, "data: ");
	wire_gap_json(out, g);
	buf_add_text(out, "\n\n");
	wire_chunk_end(out, at);
}

static void tick(struct conn *c)
{
	conn_heartbeat(c, STR(":\n\n"));
}

static void bye(struct conn *c, unsigned code, struct str reason)
{
	struct buf *out = conn_lane(c);
	size_t at;

	(void)code;
	(void)reason;
	if (!c->sub->begun)
		return;
	wire_chunk_begin(out, &at);
	add_retry(out);
	buf_add_char(out, '\n');
	wire_chunk_end(out, at);
	buf_add_text(out, "0\r\n\r\n");
}

const struct transport transport_sse = {
	.name = "sse",
	.data = conn_ignore,
	.tick = tick,
	.say_start = say_start,
	.say_gap = say_gap,
	.say_position = add_bare_id,
	.bye = bye,
};

static bool several(const struct feed *f)
{
	return f->n_subs > 1 || list_entry(f->subs.next, struct sub, of_feed)->pattern;
}

void sse_open(struct conn *c, const struct head *h, struct str room)
{
	bool named = http_query_flag(h, "named", false);
	struct subscriber *s;

	if (h->method == HTTP_HEAD)
		glance_open(c, write_head);
	else
		c->transport = &transport_sse;
	s = conn_subscribe(c, WIRE_SSE, true, !http_query_flag(h, "echo", true));
	s->counts = http_query_flag(h, "presence", false);
	if (!http_subscribe(c, h, room, true) || h->method == HTTP_HEAD)
		return;
	if (several(&s->feed))
		s->wire = named ? WIRE_SSE_ROOM_NAMED : WIRE_SSE_ROOM;
	else
		s->wire = named ? WIRE_SSE_NAMED : WIRE_SSE;
	conn_deadline(c, c->net->now_ms + c->net->conf.heartbeat_ms);
}
