/* redis_heard.c - what is heard of streams, delivered in the order of ids
 *
 *      heard "epoch p id {...}":   p <= cur of the stream   deliver
 *                                  p >  cur                 others added something: everything that
 *                                                           is heard waits while (cur, p] is read
 *
 * After an outage everything behind `head` is read first. What waits is bounded: where it is too
 * much it is thrown away and read again. */
#include "bus/redis_stream.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdio.h>

#define HELD_BYTES (16u << 20)
#define CATCH_UP   1000 /* entries of a page */

/* Heard, and held back: this, then the name of the stream and what was heard. */
struct held {
	uint32_t name_n, bytes_n;
};

/* --- delivering ---------------------------------------------------------------------------------- */

void redis_heard_deliver(
	struct bus_stream *b, struct stream *s, struct pos pos, bool ours, struct str json)
{
	struct envelope *v = &b->envelope;
	int64_t ms = pos.hi <= INT64_MAX ? (int64_t)pos.hi : INT64_MAX;

	if (pos_cmp(pos, s->cur) <= 0)
		return;
	s->cur = pos;
	envelope_read(v, json, ms);
	v->meta.ts_ms = ms; /* the bus's time */
	v->meta.live = v->meta.no_echo = false; /* it is in the log */
	b->newest = pos_max(b->newest, pos);
	if (ours) {
		b->ours = pos_max(b->ours, pos);
		b->head = pos_max(b->head, pos);
	}
	b->bus.events->deliver(b->bus.arg, str_of(s->name), pos, v->payload, &v->meta);
}

static void deliver_live(struct bus_stream *b, struct str room, struct str json)
{
	struct envelope *v = &b->envelope;

	envelope_read(v, json, clock_wall_ms());
	v->meta.live = v->meta.no_echo = true;
	b->bus.events->deliver(b->bus.arg, room, (struct pos){ 0 }, v->payload, &v->meta);
}

static void hole(struct bus_stream *b, struct pos at)
{
	b->head = pos_max(b->head, at);
	b->newest = pos_max(b->newest, at);
	b->bus.events->hole(b->bus.arg, b->newest);
}

static void process(struct bus_stream *b, struct str name, struct str bytes);

/* What was heard meanwhile, as far as nothing is to be read first. */
static void release(struct bus_stream *b)
{
	struct buf held = b->held;
	size_t at = 0;

	b->held = (struct buf){ 0 };
	b->holding = false;
	while (at < held.n && !b->holding) {
		struct held h;
		const char *p = held.p + at;

		memcpy(&h, p, sizeof h);
		process(b, str_make(p + sizeof h, h.name_n),
			str_make(p + sizeof h + h.name_n, h.bytes_n));
		at += sizeof h + h.name_n + h.bytes_n;
	}
	if (at < held.n) { /* the rest waits behind what made it wait */
		struct buf rest = { 0 };

		buf_add(&rest, b->held.p, b->held.n);
		buf_add(&rest, held.p + at, held.n - at);
		buf_fini(&b->held);
		b->held = rest;
	}
	buf_fini(&held);
}

static void hold(struct bus_stream *b, struct str name, struct str bytes)
{
	struct held h = { (uint32_t)name.n, (uint32_t)bytes.n };

	if (b->spilled)
		return;
	if (b->held.n + bytes.n > HELD_BYTES) {
		b->spilled = true;
		buf_fini(&b->held);
		return;
	}
	buf_add(&b->held, &h, sizeof h);
	buf_add_str(&b->held, name);
	buf_add_str(&b->held, bytes);
}

/* --- reading what is missing --------------------------------------------------------------------- */

static void read_one(struct bus_stream *b, struct stream *s, struct pos upto);

/* Of one stream, up to what was heard; true: there is more to read. */
static bool one_goes_on(struct bus_stream *b, struct redis_read *r)
{
	struct stream *s = redis_stream_get(b, redis_stream_room(b, str_of(r->names.p)));

	/* What is trimmed by now, or deleted, will not come. */
	if (r->end == BUS_PAGE_TRIMMED)
		s->cur = pos_max(s->cur, pos_cmp(r->oldest, r->upto) < 0 ? r->oldest : r->upto);
	if (r->end == BUS_PAGE_END)
		s->cur = pos_max(s->cur, r->upto);
	if (pos_cmp(s->cur, r->upto) >= 0)
		return false;
	read_one(b, s, r->upto);
	return true;
}

static void on_missing(void *arg, struct redis_read *r)
{
	struct bus_stream *b = arg;
	bool all = r->tag;

	if (!b->up)
		return;
	if (r->epoch != b->epoch) {
		redis_stream_other_data(b);
		return;
	}
	if (r->end == BUS_PAGE_TRIMMED)
		hole(b, r->oldest);
	for (size_t i = 0; i < redis_read_n(r); i++) {
		const struct read_entry *e = redis_read_entry(r, i);

		redis_heard_deliver(b, redis_stream_get(b, redis_stream_room(b, e->key)), e->pos, e->ours,
			str_make(r->text.p + e->at, e->n));
	}
	if (!all && one_goes_on(b, r))
		return;
	if (all && r->end != BUS_PAGE_END) {
		if (r->end == BUS_PAGE_MORE)
			b->head = pos_max(b->head, r->horizon);
		redis_heard_catch_up(b);
	} else if (b->spilled) {
		b->spilled = false;
		redis_heard_catch_up(b);
	} else {
		release(b);
	}
}

/* Everything of all streams behind head. */
void redis_heard_catch_up(struct bus_stream *b)
{
	struct redis_read *r = redis_read_new(READ_PAGE, on_missing, b, 1);

	b->holding = true;
	map_for_each(node, &b->streams)
		redis_read_key(r, redis_stream_prefix(b), node->key);
	r->after = b->head;
	r->max = CATCH_UP;
	redis_read_start(&b->reads, r);
}

/* What others added to one stream up to `upto`. */
static void read_one(struct bus_stream *b, struct stream *s, struct pos upto)
{
	struct redis_read *r = redis_read_new(READ_PAGE, on_missing, b, 0);

	b->holding = true;
	redis_read_key(r, redis_stream_prefix(b), s->node.key);
	r->after = s->cur;
	r->upto = upto;
	r->max = CATCH_UP;
	redis_read_start(&b->reads, r);
}

/* --- hearing ------------------------------------------------------------------------------------- */

/* "epoch p id {...}", or "- - - {...}" of what is not kept. */
static void process(struct bus_stream *b, struct str name, struct str bytes)
{
	struct str rest, json, epoch, p, id;
	struct pos previous, pos;
	struct stream *s;
	char text[17];

	epoch = str_cut(bytes, ' ', &rest);
	p = str_cut(rest, ' ', &rest);
	id = str_cut(rest, ' ', &json);
	if (str_eq(epoch, STR("-")) && json.p) {
		deliver_live(b, name, json);
		return;
	}
	snprintf(text, sizeof text, "%016llx", (unsigned long long)b->epoch);
	if (!json.p || redis_id_parse(p, &previous) != 0 || redis_id_parse(id, &pos) != 0)
		return; /* of somebody who is not rt: a channel is not the log */
	if (!str_eq(epoch, str_of(text))) {
		redis_stream_other_data(b);
		return;
	}
	previous.epoch = pos.epoch = b->epoch;
	s = redis_stream_get(b, name);
	if (pos_cmp(previous, s->cur) <= 0) {
		redis_heard_deliver(b, s, pos, true, json);
		return;
	}
	read_one(b, s, previous);
	hold(b, name, bytes);
}

void redis_heard(void *bus, struct str channel, struct str bytes)
{
	struct bus_stream *b = bus;
	struct str name = redis_stream_room(b, channel);

	if (str_starts(channel, STR(REDIS_TOKENS)) || b->conn.broken[0])
		return;
	if (b->holding)
		hold(b, name, bytes);
	else if (b->up)
		process(b, name, bytes);
}
