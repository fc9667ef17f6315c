/* order.c - a queue of items with a flag, popped from the front while the flag is set */
#include "client/order.h"

#include "base/mem.h"

void order_init(struct order *o, bool grouped)
{
	*o = (struct order){ .grouped = grouped };
}

void order_fini(struct order *o)
{
	for (size_t i = o->first; i < o->n; i++)
		mem_free(o->items[i].text);
	mem_free(o->items);
	mem_free(o->taken);
	order_init(o, o->grouped);
}

static void make_room(struct order *o)
{
	if (o->n < o->cap)
		return;
	if (o->first > o->cap / 2) {
		memmove(o->items, o->items + o->first, (o->n - o->first) * sizeof(*o->items));
		o->n -= o->first;
		o->first = 0;
		return;
	}
	o->cap = o->cap ? 2 * o->cap : 64;
	o->items = mem_resize(o->items, o->cap, sizeof(*o->items));
}

void order_add(struct order *o, uint64_t number, struct str room, struct str id)
{
	struct order_item *it;

	make_room(o);
	it = &o->items[o->n++];
	*it = (struct order_item){ .number = number };
	it->room_n = (uint32_t)room.n;
	it->id_n = (uint32_t)id.n;
	it->text = mem_alloc(room.n + id.n + 1);
	if (room.n)
		memcpy(it->text, room.p, room.n);
	if (id.n)
		memcpy(it->text + room.n, id.p, id.n);
	o->quiet = false;
}

void order_done(struct order *o, uint64_t number)
{
	size_t low = o->first, high = o->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (o->items[mid].number < number)
			low = mid + 1;
		else
			high = mid;
	}
	if (low < o->n && o->items[low].number == number)
		o->items[low].done = true;
}

void order_quiet(struct order *o)
{
	o->quiet = true;
}

static bool same_source(const struct order_item *a, const struct order_item *b)
{
	return a->room_n == b->room_n && a->id_n == b->id_n && a->id_n > 0 &&
		memcmp(a->text, b->text, a->room_n + a->id_n) == 0;
}

bool order_take(struct order *o, struct str *room, struct str *id)
{
	while (o->first < o->n && o->items[o->first].done) {
		struct order_item *it = &o->items[o->first];
		bool last = o->first + 1 == o->n;

		if (o->grouped && last && !o->quiet)
			return false;
		o->first++;
		if (o->grouped && !last && same_source(it, it + 1)) {
			mem_free(it->text);
			continue;
		}
		mem_free(o->taken);
		o->taken = it->text;
		*room = str_make(it->text, it->room_n);
		*id = str_make(it->text + it->room_n, it->id_n);
		return true;
	}
	return false;
}
