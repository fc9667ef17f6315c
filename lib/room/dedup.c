/* dedup.c - deduplication ids: a map for finding, a queue for forgetting */
#include "room/dedup.h"

#include "base/mem.h"
#include "codec/name.h"

struct seen {
	struct map_node node;
	struct list order;
	struct pos pos;
	int64_t at_ms;
	char key[]; /* room NUL id: a room name holds no NUL */
};

#define KEY_MAX (NAME_MAX_BYTES + 1 + DEDUP_MAX_BYTES)

void dedup_init(struct dedup *d, size_t max, int64_t window_ms)
{
	*d = (struct dedup){ .max = max, .window_ms = window_ms };
	list_init(&d->order);
}

static void forget_oldest(struct dedup *d)
{
	struct seen *s = list_entry(list_pop(&d->order), struct seen, order);

	map_del(&d->map, &s->node);
	mem_free(s);
	d->n--;
}

void dedup_clear(struct dedup *d)
{
	while (d->n)
		forget_oldest(d);
}

void dedup_fini(struct dedup *d)
{
	dedup_clear(d);
	map_fini(&d->map);
}

static struct str key_of(char out[KEY_MAX], struct str room, struct str id)
{
	memcpy(out, room.p, room.n);
	out[room.n] = '\0';
	memcpy(out + room.n + 1, id.p, id.n);
	return str_make(out, room.n + 1 + id.n);
}

const struct pos *dedup_find(struct dedup *d, struct str room, struct str id, int64_t now_ms)
{
	char key[KEY_MAX];
	struct map_node *node;

	while (d->n &&
		now_ms - list_entry(d->order.next, struct seen, order)->at_ms >= d->window_ms)
		forget_oldest(d);
	node = map_find(&d->map, key_of(key, room, id));
	return node ? &map_entry(node, struct seen, node)->pos : NULL;
}

void dedup_add(struct dedup *d, struct str room, struct str id, struct pos pos, int64_t now_ms)
{
	char buf[KEY_MAX];
	struct str key = key_of(buf, room, id);
	struct seen *s;

	if (d->max == 0)
		return;
	while (d->n >= d->max)
		forget_oldest(d);
	s = mem_alloc(sizeof *s + key.n);
	memcpy(s->key, key.p, key.n);
	s->pos = pos;
	s->at_ms = now_ms;
	list_init(&s->order);
	list_add(&d->order, &s->order);
	map_add(&d->map, &s->node, str_make(s->key, key.n));
	d->n++;
}
