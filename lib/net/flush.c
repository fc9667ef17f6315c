/* flush.c - hop 6: what a connection is owed, in one write
 *
 * The lane and the feed are collected in order and written when the turn ends, 64 KiB at a time; a
 * choked socket goes on when it is writable again. A batch that many subscribers share is written
 * as it is, unless something goes with it. */
#include "net/conn.h"

#define FLUSH_BATCHES 4 /* of one connection in one turn, above what the turn read:
                         * connections take turns */

static void write_out(struct conn *c, const char *p, size_t n)
{
	struct net *net = c->net;

	net->stats.writes++;
	net->stats.bytes_out += n;
	if (sock_write(&c->sock, p, n) == ERR_BUSY)
		list_add(&net->choked, &c->choked);
}

static bool can_write(const struct conn *c)
{
	return !c->closed && !c->sock.choked && !c->sock.closing && c->sock.wsi;
}

/* May the lane go out: is no position in it ahead of what the feed delivered? */
static bool lane_is_free(const struct conn *c)
{
	const struct subscriber *s = c->sub;

	/* None, or of an epoch that is over: nothing will be delivered up to it. */
	if (!s || c->closing || s->feed.n_subs == 0 ||
		c->lane_pos.epoch != c->net->table->head.epoch)
		return true;
	return c->lane_pos.epoch == s->feed.pos.epoch && pos_cmp(c->lane_pos, s->feed.pos) <= 0;
}

/* What is to be written now is either a batch that others share (net.run), as long as nothing goes
 * with it, or collected in net.scratch. Appending copies the batch: most subscribers are owed one
 * batch and nothing else, and copy nothing. */
static struct buf *scratch(struct net *n)
{
	if (n->run.n) {
		buf_add_str(&n->scratch, n->run);
		n->run = (struct str){ 0 };
	}
	return &n->scratch;
}

static size_t collected(const struct net *n)
{
	return n->run.n + n->scratch.n;
}

static void drop_collected(struct net *n)
{
	n->run = (struct str){ 0 };
	n->scratch.n = 0;
}

static void write_collected(struct conn *c)
{
	struct net *n = c->net;
	struct str bytes = n->run.n ? n->run : buf_str(&n->scratch);

	if (bytes.n && can_write(c))
		write_out(c, bytes.p, bytes.n);
	drop_collected(n);
}

/* An idle connection keeps no memory for its lane, and a busy one asks for none: the largest buffer
 * goes from one to the next. */
static void give_lane_back(struct conn *c)
{
	struct buf lane = c->lane;

	if (lane.cap > LANE_MAX || lane.cap <= c->net->lane.cap) {
		buf_fini(&c->lane);
		return;
	}
	c->lane = (struct buf){ 0 };
	buf_fini(&c->net->lane);
	c->net->lane = lane;
}

static void take_lane(struct conn *c)
{
	if (c->lane.n == 0)
		return;
	if (!lane_is_free(c)) {
		/* What it waits for may come in rooms that are not its own. */
		if (list_empty(&c->waiting))
			list_add(&c->net->waiting, &c->waiting);
		return;
	}
	buf_add_str(scratch(c->net), buf_str(&c->lane));
	c->lane.n = 0;
	c->lane_pos = (struct pos){ 0 };
	give_lane_back(c);
}

static void take_run(struct conn *c, const struct peek *p)
{
	struct net *n = c->net;
	struct subscriber *s = c->sub;
	uint64_t to = 0, entries = 0;
	struct str bytes;

	if (n->run.n)
		scratch(n); /* a batch lives until the next is asked for */
	bytes = batch_get(&n->batches, s->wire, s->chunked, &s->feed, p, &to, &entries);
	n->stats.frames_out += entries;
	s->sent += entries;
	feed_advance(&s->feed, p, to);
	conn_told(c, s->feed.pos);
	if (n->scratch.n)
		buf_add_str(&n->scratch, bytes);
	else
		n->run = bytes;
}

static void take_entry(struct conn *c, const struct peek *p)
{
	struct net *n = c->net;
	struct subscriber *s = c->sub;
	struct buf *out = scratch(n);
	size_t at = 0;

	if (s->chunked)
		wire_chunk_begin(out, &at);
	if (!feed_skips(&s->feed, p->entry)) {
		wire_entry(out, s->wire, p->room, p->entry);
		n->stats.frames_out++;
		s->sent++;
	}
	if (s->chunked)
		wire_chunk_end(out, at);
	feed_advance(&s->feed, p, 0);
	conn_told(c, s->feed.pos);
}

/* Collects one thing of the feed. False: nothing more now. */
static bool stream_step(struct conn *c)
{
	struct net *n = c->net;
	struct subscriber *s = c->sub;
	struct peek p;

	switch (feed_peek(&s->feed, &p)) {
	case PEEK_RUN:
		take_run(c, &p);
		return true;
	case PEEK_ENTRY:
		take_entry(c, &p);
		return true;
	case PEEK_GAP:
		conn_gap(c, &p.gap);
		c->transport->say_gap(c, &p.gap, scratch(n));
		feed_advance(&s->feed, &p, 0);
		if (p.gap.has_id)
			conn_told(c, p.gap.id);
		return true;
	case PEEK_START:
		c->transport->say_start(c, p.sub, scratch(n));
		feed_advance(&s->feed, &p, 0);
		return true;
	case PEEK_CLOSE:
		write_collected(c);
		conn_too_slow(c);
		return false;
	case PEEK_EMPTY:
		/* The end of its replay is told once, so that nobody has to poll for it. */
		if (!s->was_at_head && feed_at_head(&s->feed)) {
			s->was_at_head = true;
			if (pos_cmp(s->told, s->feed.pos) != 0 ||
				s->told.epoch != s->feed.pos.epoch)
				c->transport->say_position(c, scratch(n));
		}
		return false;
	case PEEK_WAIT:
		return false;
	}
	return false;
}

void conn_stream(struct conn *c)
{
	struct net *n = c->net;
	uint64_t batches = 0, most = FLUSH_BATCHES + n->conf.turn_bytes / SOCK_BATCH_MAX;

	drop_collected(n);
	while (can_write(c)) {
		take_lane(c);
		if (c->closing || !c->sub)
			break;
		if (!stream_step(c)) {
			if (!c->closing)
				take_lane(c);
			break;
		}
		if (collected(n) < SOCK_BATCH_MAX)
			continue;
		write_collected(c);
		if (++batches == most && can_write(c)) {
			feed_ready(&c->sub->feed);
			n->again = true;
			return;
		}
	}
	write_collected(c);
}

/* A connection that is to end: everything is written, so the peer is shown the end. */
static void end_if_written(struct conn *c)
{
	if (!c->closing || c->half_closed || c->sock.choked || c->lane.n)
		return;
	conn_end(c);
}

static void write_lane(struct conn *c)
{
	drop_collected(c->net);
	take_lane(c);
	write_collected(c);
}

void conn_flush(struct conn *c)
{
	if (c->closed)
		return;
	if (c->in.n && !c->busy && !c->closing)
		conn_read_on(c);
	if (can_write(c)) {
		if (c->closing || !c->sub)
			write_lane(c);
		else if (c->transport->drain)
			c->transport->drain(c);
		else
			conn_stream(c);
	}
	if (can_write(c) && c->lane.n &&
		(c->closing || (c->transport && c->transport->drain) || !c->sub))
		write_lane(c);
	end_if_written(c);
	if (c->stalled && c->in.n && c->lane.n <= LANE_MAX && !c->closing)
		conn_dirty(c);
	conn_check_pause(c);
}
