/* poll.c - long polling, and history in one answer
 *
 * Stateless: the position is in the request (since) and in the answer (Rt-Next), so any instance of
 * a bus that replays can answer the next poll. A poll is a subscription that is drained into one
 * answer: at once if something is owed, else when something comes or the time is over. HEAD does not
 * wait: it is answered as a poll whose time is over. */
#include "base/clock.h"
#include "base/mem.h"
#include "net/http.h"

#define ANSWER_BYTES    (1u << 20)
#define PIPELINED_BYTES 16384u /* may wait behind a poll */

struct poll {
	struct buf body;
	uint64_t limit, n;    /* messages */
	int64_t until_ms;
	bool history;         /* answer what there is, even nothing */
	bool at_once;         /* nothing to wait for: since is the head */
};

/* What may be asked for next. False: not even the start is known, and the client
 * brought no position. */
static bool next_position(const struct feed *f, struct pos *next)
{
	const struct sub *s = list_entry(f->subs.next, struct sub, of_feed);

	*next = f->pos;
	if (f->started || f->pos.hi || f->pos.lo)
		return true;
	*next = s->since.pos;
	return f->n_subs && s->since.kind == SINCE_POS;
}

/* What was gathered, or 204. */
static void answer(struct conn *c)
{
	struct poll *poll = c->state;
	int status = poll->body.n || poll->history ? 200 : 204;
	struct pos next;
	struct buf headers = { 0 }, body = poll->body;

	if (!next_position(&c->sub->feed, &next)) {
		http_problem(c, 503, STR("the bus did not say in time where that is"));
		return;
	}
	poll->body = (struct buf){ 0 };
	buf_add_text(&headers, "Cache-Control: no-store\r\nRt-Conn: ");
	buf_add_conn_id(&headers, c);
	buf_add_text(&headers, "\r\n");
	http_add_position(&headers, "Rt-Next", next);
	http_add_position(&headers, "Rt-Head", c->net->table->head);
	if (!c->head_only)
		c->net->stats.frames_out += poll->n;
	http_reply(c, status, status == 204 ? NULL : "application/x-ndjson", buf_str(&headers),
		buf_str(&body));
	buf_fini(&headers);
	buf_fini(&body);
}

static bool is_full(const struct poll *poll)
{
	return poll->n >= poll->limit || poll->body.n >= ANSWER_BYTES;
}

/* Entries of a run, up to the limit. */
static uint64_t take_run(struct conn *c, const struct peek *p)
{
	struct poll *poll = c->state;
	uint64_t seq = p->from;

	for (; seq < p->to && !is_full(poll); seq++) {
		const struct entry *e = ring_at(p->ring, seq)->entry;
		if (!e || feed_skips(&c->sub->feed, e))
			continue;
		wire_entry(&poll->body, WIRE_NDJSON, p->room, e);
		poll->n++;
	}
	return seq;
}

/* Takes what the feed owes. Returns how it ended: EMPTY, WAIT, CLOSE, or RUN for a full answer. */
static enum peek_kind collect(struct conn *c)
{
	struct poll *poll = c->state;
	struct feed *f = &c->sub->feed;
	struct peek p;

	while (!is_full(poll)) {
		switch (feed_peek(f, &p)) {
		case PEEK_RUN:
			feed_advance(f, &p, take_run(c, &p));
			break;
		case PEEK_ENTRY:
			if (!feed_skips(f, p.entry)) {
				wire_entry(&poll->body, WIRE_NDJSON, p.room, p.entry);
				poll->n++;
			}
			feed_advance(f, &p, 0);
			break;
		case PEEK_GAP:
			if (!c->head_only)
				conn_gap(c, &p.gap);
			wire_gap_json(&poll->body, &p.gap);
			buf_add_char(&poll->body, '\n');
			feed_advance(f, &p, 0);
			break;
		case PEEK_START:
			feed_advance(f, &p, 0);
			break;
		case PEEK_EMPTY:
		case PEEK_WAIT:
		case PEEK_CLOSE:
			return p.kind;
		}
	}
	return PEEK_RUN;
}

static void drain(struct conn *c)
{
	struct poll *poll = c->state;
	enum peek_kind end = collect(c);

	if (end == PEEK_WAIT && (poll->history || !poll->body.n))
		return; /* of a history that the bus replays this was only a page */
	if (poll->body.n || (end == PEEK_EMPTY && (poll->history || poll->at_once)))
		answer(c);
	/* else it waits, parked in its rooms */
}

static void tick(struct conn *c)
{
	struct peek p;

	feed_peek(&c->sub->feed, &p);
	answer(c);
}

static size_t data(struct conn *c, char *p, size_t n)
{
	(void)c;
	(void)p;
	(void)n;
	return 0; /* a pipelined request waits */
}

static void bye(struct conn *c, unsigned code, struct str reason)
{
	(void)code;
	(void)reason;
	c->keep_alive = false;
	answer(c);
}

static void poll_free(struct conn *c)
{
	struct poll *poll = c->state;

	buf_fini(&poll->body);
	mem_free(poll);
}

const struct transport transport_poll = {
	.name = "poll",
	.holds = PIPELINED_BYTES,
	.data = data,
	.drain = drain,
	.tick = tick,
	.bye = bye,
	.free = poll_free,
};

/* A number within a query; `otherwise` when absent; negative for one that makes no sense. */
static int64_t query_number(
	const struct head *h, const char *name, uint64_t most, int64_t otherwise)
{
	struct buf v = { 0 };
	uint64_t n = 0;
	int found = http_query(h, name, &v);

	if (found)
		otherwise = found < 0 || str_u64(buf_str(&v), &n) != 0
		                    ? -1
		                    : (int64_t)(n < most ? n : most);
	buf_fini(&v);
	return otherwise;
}

static struct poll *open_poll(struct conn *c, const struct head *h)
{
	struct poll *poll = mem_new(struct poll);

	c->state = poll;
	c->transport = &transport_poll;
	c->busy = true;
	poll->limit = UINT64_MAX;
	conn_subscribe(c, WIRE_NDJSON, false, !http_query_flag(h, "echo", true));
	return poll;
}

void poll_open(struct conn *c, const struct head *h, struct str room)
{
	int64_t seconds = query_number(h, "timeout", 300, 25);
	struct poll *poll = open_poll(c, h);
	struct buf since = { 0 };

	if (seconds < 0) {
		http_refuse(c, 400, STR("timeout: a number of seconds, 0 to 300"));
		return;
	}
	if (http_query_flag(h, "presence", false)) {
		c->sub->counts = true;
		c->sub->leases = true;
		c->sub->lease_ms = seconds * 1000;
	}
	if (!http_subscribe(c, h, room, false))
		return;
	poll->at_once = h->method == HTTP_HEAD || http_query(h, "since", &since) == 0 ||
			str_eq(buf_str(&since), STR("latest"));
	buf_fini(&since);
	conn_deadline(c, c->net->now_ms + seconds * 1000);
}

void history_open(struct conn *c, const struct head *h, struct str room)
{
	int64_t limit = query_number(h, "limit", 10000, 1000);
	struct poll *poll = open_poll(c, h);
	struct since since = { .kind = SINCE_EARLIEST };
	struct buf text = { 0 };
	struct err e = { 0 };
	int rc = 0;

	poll->history = true;
	if (limit < 1)
		rc = err_set(&e, ERR_INVALID, "limit: a number of messages, 1 to 10000");
	else if (room.n == 0)
		rc = err_set(&e, ERR_INVALID, "no room: /history/ROOM");
	else if (http_query(h, "since", &text) > 0)
		rc = since_parse(&since, buf_str(&text), clock_wall_ms(), &e);
	if (rc == 0)
		rc = c->net->events->ready(c->net->arg, &e);
	if (rc == 0)
		rc = conn_open_sub(c, room, &since, 0, &e);
	buf_fini(&text);
	if (rc) {
		http_refuse(c, http_status(rc), str_of(e.text));
		return;
	}
	poll->limit = (uint64_t)limit;
	conn_deadline(c, c->net->now_ms + 30000);
}
