/* stream.c - an endless answer of NDJSON, for `curl -N | jq`
 *
 * Messages with metadata, control messages, an empty line (or the position, where it
 * moved) as heartbeat. */
#include "net/glance.h"
#include "net/http.h"

/* Rt-Next is a position to keep: with a gap yet to come, that is the one the client came with. */
static void write_head(struct conn *c, struct buf *out, struct pos next)
{
	struct buf headers = { 0 };

	buf_add_text(&headers, "Cache-Control: no-store\r\nX-Accel-Buffering: no\r\nRt-Conn: ");
	buf_add_conn_id(&headers, c);
	buf_add_text(&headers, "\r\n");
	http_add_position(&headers, "Rt-Next", next);
	http_add_position(&headers, "Rt-Head", c->net->table->head);
	http_begin(c, out, 200, "application/x-ndjson", buf_str(&headers));
	buf_fini(&headers);
}

static void begin(struct conn *c, struct buf *out, struct pos next)
{
	if (c->sub->begun)
		return;
	c->sub->begun = true;
	write_head(c, out, next);
}

static void say_start(struct conn *c, const struct sub *s, struct buf *out)
{
	(void)s;
	if (!c->sub->begun)
		conn_told(c, c->sub->feed.pos);
	begin(c, out, c->sub->feed.pos);
}

static void say_gap(struct conn *c, const struct gap *g, struct buf *out)
{
	size_t at;

	begin(c, out, g->after);
	wire_chunk_begin(out, &at);
	wire_gap_json(out, g);
	buf_add_char(out, '\n');
	wire_chunk_end(out, at);
}

static void say_position(struct conn *c, struct buf *out)
{
	size_t at;

	wire_chunk_begin(out, &at);
	buf_add_text(out, "{\"_op\":\"heartbeat\",\"_id\":\"");
	buf_add_pos(out, c->sub->feed.pos);
	buf_add_text(out, "\"}\n");
	wire_chunk_end(out, at);
	conn_told(c, c->sub->feed.pos);
}

static void tick(struct conn *c)
{
	conn_heartbeat(c, STR("\n"));
}

static void bye(struct conn *c, unsigned code, struct str reason)
{
	(void)code;
	(void)reason;
	if (c->sub->begun)
		buf_add_text(conn_lane(c), "0\r\n\r\n");
}

const struct transport transport_stream = {
	.name = "stream",
	.data = conn_ignore,
	.tick = tick,
	.say_start = say_start,
	.say_gap = say_gap,
	.say_position = say_position,
	.bye = bye,
};

void stream_open(struct conn *c, const struct head *h, struct str room)
{
	struct subscriber *s;

	if (h->method == HTTP_HEAD)
		glance_open(c, write_head);
	else
		c->transport = &transport_stream;
	s = conn_subscribe(c, WIRE_NDJSON, true, !http_query_flag(h, "echo", true));
	s->counts = http_query_flag(h, "presence", false);
	if (http_subscribe(c, h, room, false) && h->method != HTTP_HEAD)
		conn_deadline(c, c->net->now_ms + c->net->conf.heartbeat_ms);
}
