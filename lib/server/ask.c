/* ask.c - a short list (at most one question of a subscription is open), and the way to
 * the bus and back */
#include "server/ask.h"

#include "base/mem.h"
#include "server/worker.h"

struct ask {
	struct list link;
	struct sub *sub;
	uint64_t tag;
};

void asks_init(struct asks *a)
{
	a->last = 0;
	list_init(&a->list);
}

static void ask_free(struct ask *one)
{
	list_del(&one->link);
	mem_free(one);
}

void asks_fini(struct asks *a)
{
	list_for_each_safe(it, &a->list)
		ask_free(list_entry(it, struct ask, link));
}

static uint64_t ask_new(struct asks *a, struct sub *s)
{
	struct ask *one = mem_new(struct ask);

	one->sub = s;
	one->tag = ++a->last;
	list_init(&one->link);
	list_add(&a->list, &one->link);
	return one->tag;
}

static struct sub *take(struct asks *a, uint64_t tag)
{
	list_for_each(it, &a->list) {
		struct ask *one = list_entry(it, struct ask, link);
		struct sub *s = one->sub;
		if (one->tag == tag) {
			ask_free(one);
			return s;
		}
	}
	return NULL;
}

void ask_forget(struct table *t, struct sub *s)
{
	list_for_each_safe(it, &((struct worker *)t->arg)->asks.list)
		if (list_entry(it, struct ask, link)->sub == s)
			ask_free(list_entry(it, struct ask, link));
}

void ask_locate(struct table *t, struct sub *s, enum locate_kind kind, uint64_t arg)
{
	static const enum bus_locate kinds[] = { BUS_EARLIEST, BUS_HEAD, BUS_LAST, BUS_TIME };
	struct worker *w = t->arg;
	struct str room = str_of(s->name);

	w->bus->ops->locate(w->bus, &room, 1, kinds[kind], arg, ask_new(&w->asks, s));
}

void ask_replay(struct table *t, struct sub *s, struct pos after, struct pos upto)
{
	struct worker *w = t->arg;
	struct str room = str_of(s->name);
	unsigned max = 256 / s->feed->n_subs; /* of all rooms of a connection together */

	w->bus->ops->replay(
		w->bus, &room, 1, after, upto, max < 16 ? 16 : max, ask_new(&w->asks, s));
}

void ask_located(void *arg, uint64_t tag, struct pos pos, struct pos head)
{
	struct sub *s = take(&((struct worker *)arg)->asks, tag);

	if (s)
		sub_located(s, pos, head);
}

void ask_replayed(void *arg, uint64_t tag, const struct bus_entry *entries, size_t n,
	enum bus_page end, struct pos oldest)
{
	static const enum page_end ends[] = { PAGE_MORE, PAGE_END, PAGE_TRIMMED, PAGE_FAILED };
	struct worker *w = arg;
	struct sub *s = take(&w->asks, tag);
	struct page_entry *page;

	if (!s)
		return;
	page = mem_array(n ? n : 1, sizeof *page);
	for (size_t i = 0; i < n; i++) {
		struct entry_meta em = entry_meta_of(&entries[i].meta);

		page[i].room = entries[i].room;
		page[i].entry = entry_new(
			ENTRY_MESSAGE, entries[i].pos, w->net.now_ms, entries[i].bytes, &em);
	}
	sub_page(s, page, n, ends[end], oldest);
	mem_free(page);
}
