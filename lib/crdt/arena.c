/* arena.c - memory that is given back all at once
 *
 * Blocks grow from 4 KiB to 1 MiB, so that a small document costs little, a large one few calls. */
#include "crdt/arena.h"
#include "base/mem.h"

#define BLOCK_MIN 4096
#define BLOCK_MAX (1u << 20)

struct arena_block {
	struct arena_block *next;
	size_t n;
	char *adopted; /* instead of room behind this head */
};

static struct arena_block *add_block(struct arena *a, size_t room)
{
	struct arena_block *b = mem_alloc(sizeof(*b) + room);

	*b = (struct arena_block){ .next = a->blocks, .n = room };
	a->blocks = b;
	a->bytes += room;
	return b;
}

void arena_fini(struct arena *a)
{
	for (struct arena_block *b = a->blocks, *next; b; b = next) {
		next = b->next;
		mem_free(b->adopted);
		mem_free(b);
	}
	*a = (struct arena){ 0 };
}

void arena_reset(struct arena *a)
{
	struct arena_block *keep = a->blocks;

	if (!keep)
		return;
	if (keep->adopted || keep->n > BLOCK_MAX) {
		arena_fini(a);
		return;
	}
	a->blocks = keep->next;
	arena_fini(a);
	keep->next = NULL;
	a->blocks = keep;
	a->bytes = keep->n;
	a->at = (char *)(keep + 1);
	a->end = a->at + keep->n;
}

void *arena_slow(struct arena *a, size_t n)
{
	size_t room = a->bytes < BLOCK_MAX ? a->bytes : BLOCK_MAX;
	struct arena_block *b;

	room = room > BLOCK_MIN ? room : BLOCK_MIN;
	if (n > room / 4) { /* a block of its own; the newest one keeps its room */
		b = add_block(a, n);
		return b + 1;
	}
	b = add_block(a, room);
	a->at = (char *)(b + 1) + n;
	a->end = (char *)(b + 1) + room;
	return b + 1;
}

struct str arena_copy(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.n);

	if (s.n > 0)
		memcpy(p, s.p, s.n);
	return str_make(p, s.n);
}

void arena_adopt(struct arena *a, char *block, size_t n)
{
	struct arena_block *b = add_block(a, 0);

	b->adopted = block;
	b->n = n;
	a->bytes += n;
}

void arena_steal(struct arena *a, struct arena *from)
{
	struct arena_block **last = &from->blocks;

	while (*last)
		last = &(*last)->next;
	*last = a->blocks;
	a->blocks = from->blocks;
	a->bytes += from->bytes;
	*from = (struct arena){ 0 };
}
