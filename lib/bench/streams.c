/* streams.c - a follow for each producer, found by its name */
#include "bench/streams.h"

#include "base/mem.h"

struct stream {
	struct map_node node;
	struct follow follow;
	char key[];
};

/* All before the first number is a hole that nobody has to fill. */
static struct stream *add(struct streams *s, struct str key, uint64_t number, struct verdict *v)
{
	struct stream *one = mem_zalloc(sizeof(*one) + key.n + 1);

	memcpy(one->key, key.p, key.n);
	follow_init(&one->follow, s->fixed ? s->from : 0);
	if (!s->fixed)
		follow_return(&one->follow, number, v);
	map_add(&s->map, &one->node, str_make(one->key, key.n));
	return one;
}

bool streams_see(struct streams *s, struct str key, uint64_t number, struct verdict *v,
	enum follow_result *what)
{
	struct map_node *node = map_find(&s->map, key);
	uint64_t away = v->away;

	if (!node && (key.n > STREAMS_KEY_MAX || s->map.n >= STREAMS_MAX))
		return false;
	*what = follow_see(node ? &map_entry(node, struct stream, node)->follow
				: &add(s, key, number, v)->follow,
		number, UINT64_MAX, v);
	v->away = away; /* it was before the beginning */
	return true;
}

void streams_tell_gap(struct streams *s)
{
	map_for_each(it, &s->map)
		follow_tell_gap(&map_entry(it, struct stream, node)->follow);
}

void streams_end(struct streams *s, struct verdict *v)
{
	uint64_t away = v->away;

	map_for_each(it, &s->map) {
		struct follow *f = &map_entry(it, struct stream, node)->follow;
		follow_end(f, f->next, v);
	}
	v->away = away;
}

static void free_one(struct map_node *node, void *arg)
{
	struct stream *one = map_entry(node, struct stream, node);

	map_del(arg, node);
	follow_fini(&one->follow);
	mem_free(one);
}

void streams_fini(struct streams *s)
{
	map_each(&s->map, free_one, &s->map);
	map_fini(&s->map);
}
