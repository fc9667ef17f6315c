/* redis_history.c - pages of the past and places in it, for the worker */
#include "bus/redis_stream.h"

#include "base/mem.h"
#include "codec/name.h"

/* Is what was read of the log that we deliver? If not, that comes to light now. */
static bool is_of_epoch(struct bus_stream *b, const struct redis_read *r)
{
	if (r->epoch == b->epoch)
		return true;
	if (b->up)
		redis_stream_other_data(b);
	return false;
}

static void on_replayed(void *arg, struct redis_read *r)
{
	struct bus_stream *b = arg;
	size_t n = redis_read_n(r);
	struct bus_entry *page;
	struct envelope *texts;

	if (!is_of_epoch(b, r) || r->after.epoch != b->epoch) {
		b->bus.events->replayed(
			b->bus.arg, r->tag, NULL, 0, BUS_PAGE_FAILED, (struct pos){ 0 });
		return;
	}
	page = mem_array(n + 1, sizeof *page);
	texts = mem_array(n + 1, sizeof *texts);
	for (size_t i = 0; i < n; i++) {
		const struct read_entry *e = redis_read_entry(r, i);
		struct envelope *v = &texts[i];

		*v = (struct envelope){ 0 };
		envelope_read(v, str_make(r->text.p + e->at, e->n), (int64_t)e->pos.hi);
		v->meta.ts_ms = (int64_t)e->pos.hi;
		v->meta.live = v->meta.no_echo = false;
		page[i] = (struct bus_entry){ redis_stream_room(b, e->key), e->pos, v->payload, v->meta };
	}
	b->bus.events->replayed(b->bus.arg, r->tag, page, n, (enum bus_page)r->end, r->oldest);
	for (size_t i = 0; i < n; i++)
		envelope_fini(&texts[i]);
	mem_free(texts);
	mem_free(page);
}

static void on_located(void *arg, struct redis_read *r)
{
	struct bus_stream *b = arg;

	is_of_epoch(b, r);
	b->bus.events->located(b->bus.arg, r->tag, r->pos, r->head);
}

static void add_rooms(struct bus_stream *b, struct redis_read *r, struct str room)
{
	if (!pattern_is(room)) {
		redis_read_key(r, redis_stream_prefix(b), room);
		return;
	}
	map_for_each(node, &b->streams)
		if (pattern_match(room, node->key))
			redis_read_key(r, redis_stream_prefix(b), node->key);
}

void redis_history_replay(struct bus *bus, const struct str *rooms, size_t n, struct pos after,
	struct pos upto, unsigned max, uint64_t tag)
{
	struct bus_stream *b = (struct bus_stream *)bus;
	struct redis_read *r = redis_read_new(READ_PAGE, on_replayed, b, tag);

	for (size_t i = 0; i < n; i++)
		add_rooms(b, r, rooms[i]);
	r->after = after;
	r->upto = upto;
	r->max = max;
	redis_read_start(&b->reads, r);
}

void redis_history_locate(struct bus *bus, const struct str *rooms, size_t n, enum bus_locate kind,
	uint64_t arg, uint64_t tag)
{
	struct bus_stream *b = (struct bus_stream *)bus;
	struct redis_read *r = redis_read_new(READ_LOCATE, on_located, b, tag);

	for (size_t i = 0; i < n; i++)
		add_rooms(b, r, rooms[i]);
	r->where = kind;
	r->count = arg;
	redis_read_start(&b->reads, r);
}
