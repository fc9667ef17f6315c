/* arena.h - memory that is given back all at once
 *
 * Blocks in a list; nothing is freed on its own. An arena may adopt blocks of malloc (a file's
 * text) and other arenas, so that what points into them lives as long as it. Zero-initialise, use,
 * arena_fini. */
#ifndef RT_CRDT_ARENA_H
#define RT_CRDT_ARENA_H

#include "base/str.h"

struct arena_block;

struct arena {
	struct arena_block *blocks;
	char *at, *end;  /* free room in the newest block made here */
	size_t bytes;    /* of all blocks, adopted ones too */
};

void arena_fini(struct arena *a); /* frees; usable again */
/* Forgets everything but keeps one block for the next use. */
void arena_reset(struct arena *a);
void *arena_slow(struct arena *a, size_t n);
struct str arena_copy(struct arena *a, struct str s);
/* Takes a block of malloc of n bytes. */
void arena_adopt(struct arena *a, char *block, size_t n);
/* Takes all of `from`, which is empty afterwards. */
void arena_steal(struct arena *a, struct arena *from);

/* Aligned to 8, not zeroed. */
static inline void *arena_alloc(struct arena *a, size_t n)
{
	char *p = a->at;

	n = (n + 7) & ~(size_t)7;
	if ((size_t)(a->end - p) < n || !p)
		return arena_slow(a, n);
	a->at += n;
	return p;
}

#endif
