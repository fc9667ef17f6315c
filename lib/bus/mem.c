/* mem.c - the bus inside one process
 *
 * A queue that is delivered at the end of the loop turn. It stores nothing: what is remembered is
 * in the rooms' rings. It exists so that a single instance takes the same path as many: published
 * first, delivered second. */
#include "bus/bus.h"

#include "base/mem.h"

extern const struct bus_ops bus_mem;

/* One queued message; its strings follow each other in bus_mem_s.bytes, in the order
 * of these lengths. */
struct queued {
	uint32_t bytes_n, extra_n;
	uint16_t room_n, key_n;
	uint8_t client_n, dedup_n;
	bool live, no_echo;
	int64_t ts_ms;
	uint64_t tag;
};

struct bus_mem_s {
	struct bus bus;
	struct buf queue;   /* struct queued */
	struct buf bytes;
	struct buf delivering, delivering_bytes; /* the other pair: a delivery may publish */
	bool up;
};

static int mem_open(struct bus **out, const struct url *url, struct err *e)
{
	struct bus_mem_s *b;

	if (url->host[0] || (url->path[0] && strcmp(url->path, "/") != 0))
		return err_set(e, ERR_USAGE, "the memory bus takes no address: 'mem:'");
	b = mem_new(struct bus_mem_s);
	*out = &b->bus;
	return 0;
}

static void mem_close(struct bus *bus)
{
	struct bus_mem_s *b = (struct bus_mem_s *)bus;

	buf_fini(&b->queue);
	buf_fini(&b->bytes);
	buf_fini(&b->delivering);
	buf_fini(&b->delivering_bytes);
	mem_free(b);
}

static void mem_publish(
	struct bus *bus, struct str room, struct str bytes, const struct bus_meta *m, uint64_t tag)
{
	struct bus_mem_s *b = (struct bus_mem_s *)bus;
	struct queued q = {
		.bytes_n = (uint32_t)bytes.n,
		.extra_n = (uint32_t)m->extra.n,
		.room_n = (uint16_t)room.n,
		.key_n = (uint16_t)m->key.n,
		.client_n = (uint8_t)m->client.n,
		.dedup_n = (uint8_t)m->dedup.n,
		.live = m->live,
		.no_echo = m->no_echo,
		.ts_ms = m->ts_ms,
		.tag = tag,
	};

	buf_add(&b->queue, &q, sizeof q);
	buf_add_str(&b->bytes, bytes);
	buf_add_str(&b->bytes, m->extra);
	buf_add_str(&b->bytes, room);
	buf_add_str(&b->bytes, m->key);
	buf_add_str(&b->bytes, m->client);
	buf_add_str(&b->bytes, m->dedup);
}

static struct str take(const char **p, size_t n)
{
	struct str s = str_make(*p, n);
	*p += n;
	return s;
}

static void deliver_all(struct bus_mem_s *b)
{
	const char *p = b->delivering_bytes.p;

	for (size_t at = 0; at < b->delivering.n; at += sizeof(struct queued)) {
		struct queued q;
		struct bus_meta m = { 0 };
		struct str bytes, room;

		memcpy(&q, b->delivering.p + at, sizeof q);
		bytes = take(&p, q.bytes_n);
		m.extra = take(&p, q.extra_n);
		room = take(&p, q.room_n);
		m.key = take(&p, q.key_n);
		m.client = take(&p, q.client_n);
		m.dedup = take(&p, q.dedup_n);
		m.ts_ms = q.ts_ms;
		m.live = q.live;
		m.no_echo = q.no_echo;
		m.tag = q.tag;
		b->bus.events->deliver(b->bus.arg, room, (struct pos){ 0 }, bytes, &m);
	}
}

static void mem_turn(struct bus *bus)
{
	struct bus_mem_s *b = (struct bus_mem_s *)bus;

	if (!b->up) {
		b->up = true;
		b->bus.events->state(b->bus.arg, true, (struct pos){ 0 }, STR(""));
	}
	while (b->queue.n) {
		struct buf queue = b->queue, bytes = b->bytes;

		b->queue = b->delivering;
		b->bytes = b->delivering_bytes;
		b->delivering = queue;
		b->delivering_bytes = bytes;
		deliver_all(b);
		b->delivering.n = b->delivering_bytes.n = 0;
	}
	/* A burst does not hold its memory for ever. */
	buf_shrink(&b->bytes, 1 << 20);
	buf_shrink(&b->delivering_bytes, 1 << 20);
}

const struct bus_ops bus_mem = {
	.scheme = "mem",
	.what = "in this process; history is lost when it ends",
	.caps = BUS_LOCAL,
	.open = mem_open,
	.close = mem_close,
	.publish = mem_publish,
	.turn = mem_turn,
};
