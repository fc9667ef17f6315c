/* wire.c - entries as bytes, gathered once for all who are owed the same */
#include "net/wire.h"

#include "codec/frame.h"
#include "codec/msg.h"
#include "codec/name.h"

#include <stdio.h>

/* `"_id":"...","_room":"...","_ts":1,"_key":"k",...` */
static void members_all(struct buf *out, struct str room, const struct entry *e)
{
	if (e->kind != ENTRY_EPHEMERAL) {
		buf_add(out, "\"_id\":\"", 7);
		buf_add_pos(out, e->pos);
		buf_add(out, "\",", 2);
	}
	buf_add(out, "\"_room\":\"", 9);
	buf_add_str(out, room); /* a room name needs no escapes */
	buf_add(out, "\",\"_ts\":", 8);
	buf_add_u64(out, e->ts_ms > 0 ? (uint64_t)e->ts_ms : 0);
	if (e->key_n) {
		buf_add(out, ",\"_key\":", 8);
		buf_add_json(out, entry_key(e));
	}
	if (e->extra_n) {
		buf_add_char(out, ',');
		buf_add_str(out, entry_extra(e));
	}
}

/* The payload with its metadata in front; on the stack, but for long keys. */
static void splice_members(struct buf *out, struct str room, const struct entry *e)
{
	char space[1024];
	struct buf small = { .p = space, .cap = sizeof space };
	struct buf big = { 0 };
	/* 64 bytes are at most 6 times as many when escaped; the rest is below 400. */
	struct buf *m = e->key_n + e->extra_n <= 64 ? &small : &big;

	members_all(m, room, e);
	msg_splice(out, entry_payload(e), buf_str(m));
	buf_fini(&big);
}

/* A text frame; its header is put in front when the length is known. */
static void ws_entry(struct buf *out, struct str room, const struct entry *e)
{
	unsigned char head[FRAME_HEAD_MAX];
	size_t at = out->n, guess, n, head_n;

	/* Of the three lengths a header has, nearly always the one this bound gives. */
	n = e->payload_n + room.n + 96 + e->key_n + e->extra_n;
	guess = n < 126 ? 2 : n < 65536 ? 4 : 10;
	buf_reserve(out, guess);
	out->n += guess;
	splice_members(out, room, e);
	n = out->n - at - guess;
	head_n = frame_head(head, FRAME_TEXT, n);
	if (head_n != guess) {
		buf_reserve(out, head_n);
		memmove(out->p + at + head_n, out->p + at + guess, n);
		out->n = at + head_n + n;
	}
	memcpy(out->p + at, head, head_n);
}

static void ndjson_entry(struct buf *out, struct str room, const struct entry *e)
{
	splice_members(out, room, e);
	buf_add_char(out, '\n');
}

/* --- SSE (WHATWG HTML, 9.2) ------------------------------------------------------------------- */

static struct str line_of(struct str s)
{
	size_t n = 0;
	while (n < s.n && s.p[n] != '\n' && s.p[n] != '\r')
		n++;
	return str_make(s.p, n);
}

static struct str after_line(struct str s)
{
	size_t n = line_of(s).n;
	if (n + 1 < s.n && s.p[n] == '\r' && s.p[n + 1] == '\n')
		n++;
	return str_skip(s, n + 1);
}

static struct str room_member(bool wanted, struct str room, char out[NAME_MAX_BYTES + 16])
{
	int n = wanted ? snprintf(out, NAME_MAX_BYTES + 16, "\"_room\":\"" STR_FMT "\"",
				 STR_ARG(room))
	               : 0;
	return str_make(out, (size_t)n);
}

/* A field whose value is split on CR, LF and CRLF, so that a payload can never write a field.
 * `member` is spliced in front. */
static void sse_data(struct buf *out, struct str member, struct str s)
{
	if (member.n) {
		/* The payload begins with '{': what follows goes through the split below. */
		buf_add(out, "data: ", 6);
		msg_splice(out, line_of(s), member);
		buf_add_char(out, '\n');
		s = after_line(s);
	}
	while (s.n) {
		buf_add(out, "data: ", 6);
		buf_add_str(out, line_of(s));
		buf_add_char(out, '\n');
		s = after_line(s);
	}
}

/* `event:` from a payload: one line, and never a name of ours. */
static void sse_event_name(struct buf *out, struct str name)
{
	static const char *const ours[] = { "open", "error", "gap", "heartbeat", NULL };

	if (name.n == 0 || name.n > 256 || memchr(name.p, '\n', name.n) ||
		memchr(name.p, '\r', name.n) || memchr(name.p, '\0', name.n))
		return;
	for (int i = 0; ours[i]; i++)
		if (str_eq(name, str_of(ours[i])))
			return;
	buf_add(out, "event: ", 7);
	buf_add_str(out, name);
	buf_add_char(out, '\n');
}

/* Might the payload be {"event":...,"data":...}? Cheap: its first name decides. */
static bool maybe_event(struct str payload)
{
	const char *quote = memchr(payload.p, '"', payload.n);
	struct str rest;

	if (!quote)
		return false;
	rest = str_skip(payload, (size_t)(quote - payload.p) + 1);
	return str_starts(rest, STR("event\"")) || str_starts(rest, STR("data\""));
}

static void sse_entry(
	struct buf *out, struct str room, const struct entry *e, bool with_room, bool named)
{
	struct str payload = entry_payload(e);
	struct buf name = { 0 };
	char member[NAME_MAX_BYTES + 16];
	struct msg m;

	if (e->kind != ENTRY_EPHEMERAL) {
		buf_add(out, "id: ", 4);
		buf_add_pos(out, e->pos);
		buf_add_char(out, '\n');
	}
	if (maybe_event(payload) && msg_parse(&m, payload, MSG_FROM_BUS, NULL) == 0 &&
		msg_is_event(&m)) {
		msg_string(&m, MSG_EVENT, &name);
		payload = msg_raw(&m, MSG_EVENT_DATA);
		with_room = with_room && payload.p[0] == '{';
	} else if (named && msg_parse(&m, payload, MSG_FROM_BUS, NULL) == 0) {
		msg_string(&m, MSG_TYPE, &name);
	}
	sse_event_name(out, buf_str(&name));
	sse_data(out, room_member(with_room, room, member), payload);
	buf_add_char(out, '\n');
	buf_fini(&name);
}

void wire_entry(struct buf *out, enum wire w, struct str room, const struct entry *e)
{
	switch (w) {
	case WIRE_WS: ws_entry(out, room, e); break;
	case WIRE_WS_BARE: frame_add(out, FRAME_TEXT, entry_payload(e)); break;
	case WIRE_SSE: sse_entry(out, room, e, false, false); break;
	case WIRE_SSE_ROOM: sse_entry(out, room, e, true, false); break;
	case WIRE_SSE_NAMED: sse_entry(out, room, e, false, true); break;
	case WIRE_SSE_ROOM_NAMED: sse_entry(out, room, e, true, true); break;
	case WIRE_NDJSON: ndjson_entry(out, room, e); break;
	case WIRES: break;
	}
}

void wire_gap_json(struct buf *out, const struct gap *g)
{
	buf_addf(out, "{\"_op\":\"gap\",\"_room\":\"" STR_FMT "\",\"after\":\"", STR_ARG(g->room));
	buf_add_pos(out, g->after);
	buf_add_text(out, "\",\"at\":\"");
	buf_add_pos(out, g->at);
	if (g->has_next) {
		buf_add_text(out, "\",\"next\":\"");
		buf_add_pos(out, g->next);
	}
	buf_addf(out, "\",\"reason\":\"%s\"}", gap_reason_name(g->reason));
}

/* --- chunks (RFC 9112, 7.1) ------------------------------------------------------------------- */

void wire_chunk_begin(struct buf *out, size_t *at)
{
	*at = out->n;
	buf_reserve(out, CHUNK_HEAD_MAX);
	out->n += CHUNK_HEAD_MAX;
}

/* The size is written with leading zeros, which the grammar allows, so that nothing has to move. */
void wire_chunk_end(struct buf *out, size_t at)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = out->n - at - CHUNK_HEAD_MAX;

	if (n == 0) { /* an empty chunk would end the body */
		out->n = at;
		return;
	}
	for (int i = 7; i >= 0; i--, n >>= 4)
		out->p[at + (size_t)i] = hex[n & 15];
	memcpy(out->p + at + 8, "\r\n", 2);
	buf_add(out, "\r\n", 2);
}

/* --- batches ---------------------------------------------------------------------------------- */

static void gather(struct batch *b, const struct peek *p, const struct feed *skip_for)
{
	size_t at = 0;
	uint64_t seq;

	b->bytes.n = 0;
	b->clients = b->no_echo = b->entries = 0;
	if (b->chunked)
		wire_chunk_begin(&b->bytes, &at);
	for (seq = p->from; seq < p->to && b->bytes.n < BATCH_BYTES_MAX; seq++) {
		const struct entry *e = ring_at(p->ring, seq)->entry;
		if (!e || (skip_for && feed_skips(skip_for, e)))
			continue;
		b->clients |= e->client_bit;
		b->no_echo |= e->no_echo ? e->client_bit : 0;
		b->entries++;
		wire_entry(&b->bytes, b->wire, p->room, e);
	}
	b->to = seq;
	if (b->chunked)
		wire_chunk_end(&b->bytes, at);
}

static struct batch *slot_of(struct batches *b, const struct ring *ring, enum wire w, uint64_t from)
{
	uint64_t h = (uint64_t)(uintptr_t)ring / 64 * 31 + from * 7 + w;
	return &b->slot[h % BATCH_SLOTS];
}

/* A room's batches come to lie in every slot in turn: memory is not the slots' own,
 * or all would grow. */
static void slot_begin(struct batches *b, struct batch *s)
{
	s->turn = b->turn + 1;
	b->used[b->n_used++] = (uint8_t)(s - b->slot);
	if (b->n_spare) {
		s->bytes = b->spare[--b->n_spare];
		b->spare_bytes -= s->bytes.cap;
	}
}

struct str batch_get(struct batches *b, enum wire w, bool chunked, const struct feed *f,
	const struct peek *p, uint64_t *to, uint64_t *n_entries)
{
	struct batch *s = slot_of(b, p->ring, w, p->from);

	if (s->turn != b->turn + 1 || s->ring != p->ring || s->from != p->from || s->wire != w ||
		s->chunked != chunked || s->to > p->to) {
		if (s->turn != b->turn + 1)
			slot_begin(b, s);
		s->ring = p->ring;
		s->from = p->from;
		s->wire = w;
		s->chunked = chunked;
		gather(s, p, NULL);
	}
	*to = s->to;
	*n_entries = s->entries;
	if (f->client_bit & (f->no_echo ? s->clients : s->no_echo)) {
		struct batch own = { .wire = w, .chunked = chunked, .bytes = b->own };
		struct peek q = *p;
		q.to = s->to;
		gather(&own, &q, f);
		b->own = own.bytes;
		*to = own.to;
		*n_entries = own.entries;
		return buf_str(&b->own);
	}
	return buf_str(&s->bytes);
}

void batches_next_turn(struct batches *b)
{
	b->turn++;
	while (b->n_used) {
		struct buf *bytes = &b->slot[b->used[--b->n_used]].bytes;

		if (b->spare_bytes + bytes->cap > BATCH_SPARE_MAX) {
			buf_fini(bytes);
			continue;
		}
		b->spare_bytes += bytes->cap;
		b->spare[b->n_spare++] = *bytes;
		*bytes = (struct buf){ 0 };
	}
	if (b->own.cap > BATCH_SPARE_MAX)
		buf_fini(&b->own);
}

void batches_fini(struct batches *b)
{
	batches_next_turn(b);
	while (b->n_spare)
		buf_fini(&b->spare[--b->n_spare]);
	b->spare_bytes = 0;
	buf_fini(&b->own);
}
