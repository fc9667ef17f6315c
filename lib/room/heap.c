/* heap.c - a binary heap of cursors in an array; each knows its place, so that any can leave */
#include "room/heap.h"

#include "base/mem.h"

static void heap_put(struct feed *f, uint32_t i, struct source s)
{
	f->heap[i] = s;
	s.cursor->heap_i = i + 1;
}

static void heap_up(struct feed *f, uint32_t i)
{
	struct source s = f->heap[i];

	while (i > 0 && pos_cmp(f->heap[(i - 1) / 2].key, s.key) > 0) {
		heap_put(f, i, f->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	heap_put(f, i, s);
}

void heap_down(struct feed *f, uint32_t i)
{
	struct source s = f->heap[i];

	for (;;) {
		uint32_t kid = 2 * i + 1;
		if (kid >= f->n_heap)
			break;
		if (kid + 1 < f->n_heap && pos_cmp(f->heap[kid + 1].key, f->heap[kid].key) < 0)
			kid++;
		if (pos_cmp(f->heap[kid].key, s.key) >= 0)
			break;
		heap_put(f, i, f->heap[kid]);
		i = kid;
	}
	heap_put(f, i, s);
}

void heap_add(struct feed *f, struct cursor *c, struct pos key)
{
	if (f->n_heap == f->cap_heap) {
		struct source *heap = f->heap == &f->one ? NULL : f->heap;
		f->cap_heap *= 2;
		f->heap = mem_resize(heap, f->cap_heap, sizeof *f->heap);
		if (!heap)
			f->heap[0] = f->one;
	}
	f->heap[f->n_heap++] = (struct source){ key, c };
	heap_up(f, f->n_heap - 1);
}

void heap_del(struct feed *f, struct cursor *c)
{
	uint32_t i = c->heap_i - 1;
	struct source last = f->heap[--f->n_heap];

	c->heap_i = 0;
	if (i == f->n_heap)
		return;
	f->heap[i] = last;
	heap_up(f, i);
	heap_down(f, last.cursor->heap_i - 1);
}

bool heap_second(const struct feed *f, struct pos *key)
{
	bool any = false;

	for (uint32_t i = 1; i < 3 && i < f->n_heap; i++)
		if (!any || pos_cmp(f->heap[i].key, *key) < 0) {
			*key = f->heap[i].key;
			any = true;
		}
	return any;
}
