#include "base/map.h"
#include "base/mem.h"
#include "model.h"
#include "tap.h"

#include <stdio.h>

enum { NAMES = 3000 };

struct thing {
	struct map_node node;
	char name[16];
	bool in, seen;
};

static struct thing things[NAMES];
static struct map map;
static size_t n_in;

static struct thing *thing_of(struct map_node *node)
{
	return node ? map_entry(node, struct thing, node) : NULL;
}

static void put(struct thing *t)
{
	map_add(&map, &t->node, str_of(t->name));
	t->in = true;
	n_in++;
}

static void drop(struct thing *t)
{
	map_del(&map, &t->node);
	t->in = false;
	n_in--;
}

static void visit(struct map_node *node, void *arg)
{
	struct thing *t = thing_of(node);
	uint64_t *seed = arg;

	if (t->seen || !t->in)
		n_in = SIZE_MAX; /* twice, or not at all: the walk is wrong */
	t->seen = true;
	if (draw_below(seed, 3) == 0)
		drop(t);
}

/* Did one walk see exactly what is in? `removed` nodes were seen and are gone. */
static bool saw_all(bool removed)
{
	bool good = true;

	for (int i = 0; i < NAMES; i++) {
		good &= removed ? !things[i].in || things[i].seen : things[i].in == things[i].seen;
		things[i].seen = false;
	}
	return good;
}

static bool sane(void)
{
	return map.n == n_in && (map.cap & (map.cap - 1)) == 0 && map.n <= map.cap &&
	       (map.cap <= 8 || map.n >= map.cap / 8) && map.walking == 0;
}

static bool step(uint64_t *seed, int phase)
{
	struct thing *t = &things[draw_below(seed, NAMES)];
	unsigned what = draw_below(seed, 1000);

	if (what == 0) {
		map_each(&map, visit, seed);
		return saw_all(true);
	}
	if (what == 1) {
		map_for_each(it, &map) {
			if (thing_of(it)->seen)
				return false;
			thing_of(it)->seen = true;
		}
		return saw_all(false);
	}
	if (thing_of(map_find(&map, str_of(t->name))) != (t->in ? t : NULL))
		return false;
	/* Phases of growth and of decline, so that the table resizes both ways. */
	if (!t->in && draw_below(seed, 4) < (phase ? 1u : 3u))
		put(t);
	else if (t->in && draw_below(seed, 4) < (phase ? 3u : 1u))
		drop(t);
	return true;
}

static void test_model(void)
{
	uint64_t seed = 99;
	int i;

	for (i = 0; i < NAMES; i++)
		snprintf(things[i].name, sizeof(things[i].name), "room.%d", i);
	for (i = 0; i < 120000; i++)
		if (!step(&seed, i / 10000 & 1) || !sane())
			break;
	is_int(i, 120000, "random operations agree with flags (seed 99)");
	for (int k = 0; k < NAMES; k++)
		if (things[k].in)
			drop(&things[k]);
	ok(map.n == 0 && map.cap == 8, "empty and small again");
	ok(map_next(&map, NULL) == NULL, "nothing to walk");
	map_fini(&map);
}

static void drop_all(struct map_node *node, void *arg)
{
	(void)arg;
	drop(thing_of(node));
}

int main(void)
{
	static struct thing odd[3];
	size_t cap;

	ok(map_find(&map, STR("a")) == NULL, "nothing in a zeroed map");
	ok(map_next(&map, NULL) == NULL, "nor to walk");
	map_each(&map, drop_all, NULL);
	map_fini(&map);
	map_add(&map, &odd[0].node, (struct str){ NULL, 0 });
	map_add(&map, &odd[1].node, str_make("\0", 1));
	map_add(&map, &odd[2].node, str_make("\0\0", 2));
	ok(map_find(&map, STR("")) == &odd[0].node, "the empty name");
	ok(map_find(&map, str_make("\0", 1)) == &odd[1].node, "a NUL");
	ok(map_find(&map, str_make("\0\0", 2)) == &odd[2].node, "two NULs");
	map_fini(&map);
	ok(map.n == 0 && map.slots == NULL, "fini leaves an empty map");
	test_model();
	for (int i = 0; i < NAMES; i++)
		put(&things[i]);
	cap = map.cap;
	ok(cap >= NAMES && cap < 2 * NAMES + 2, "load of at most 1");
	map_each(&map, drop_all, NULL);
	ok(map.n == 0 && map.cap == 8, "all removed in one walk, then shrunk");
	for (int i = 0; i < 3; i++)
		put(&things[i]);
	uint64_t before = mem_count();
	for (int i = 0; i < 100; i++) {
		drop(&things[0]);
		put(&things[0]);
	}
	is_int(mem_count() - before, 0, "a name that comes and goes allocates nothing");
	map_fini(&map);
	return tap_done();
}
