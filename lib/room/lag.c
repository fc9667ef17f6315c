/* lag.c - how far a subscriber is behind, and what it has lost already
 *
 * Looked at when somebody asks, not when entries come and go: a few subtractions for each cursor
 * with something to read. What is told to the subscriber itself is feed.c's. */
#include "room/sub.h"

/* A ring that was compacted counts its slots anew, and fewer of them: then it is more than that. */
uint64_t cursor_lost(const struct cursor *c, bool latest)
{
	const struct ring *r = &c->room->ring;
	uint64_t to = latest ? r->next : r->first;

	return c->seq < to ? to - c->seq : 0;
}

bool cursor_falls_back(const struct cursor *c)
{
	return c->room->table->conf.replay && (c->fresh || c->room->slow == SLOW_SKIP);
}

/* It was overrun because it is slow, and nothing brings back what it missed. */
static bool is_slow(const struct cursor *c)
{
	return cursor_is_overrun(c) && !c->fresh && !cursor_falls_back(c);
}

bool feed_is_too_slow(const struct feed *f)
{
	for (uint32_t i = 0; i < f->n_heap; i++) {
		const struct cursor *c = f->heap[i].cursor;

		if (c->room->slow == SLOW_CLOSE && is_slow(c))
			return true;
	}
	return false;
}

static void add_cursor(struct lag *lag, const struct cursor *c, int64_t now_ms)
{
	const struct ring *r = &c->room->ring;
	uint64_t seq = c->generation == r->generation ? c->seq : ring_seek(r, c->pos);

	if (is_slow(c))
		lag->lost += cursor_lost(c, false);
	if (seq < r->first)
		seq = r->first;
	lag->entries += r->next - seq;
	while (seq < r->next && !ring_at(r, seq)->entry)
		seq++;
	if (seq < r->next) {
		const struct entry *e = ring_at(r, seq)->entry;

		lag->bytes += r->total_bytes - e->total_bytes + entry_bytes(e);
		if (now_ms - e->arrived_ms > lag->age_ms)
			lag->age_ms = now_ms - e->arrived_ms;
	}
}

struct lag feed_lag(const struct feed *f, int64_t now_ms)
{
	struct lag lag = { 0 };

	for (uint32_t i = 0; i < f->n_heap; i++)
		add_cursor(&lag, f->heap[i].cursor, now_ms);
	return lag;
}
