/* leaf.h - a state as a sorted list of leaves
 *
 * Every type is flattened into leaves, each with a key whose byte order is the order of the
 *canonical text, and a value: a count, a canonical text, or nothing. Two states are joined by
 *merging their lists.
 *
 *	gcounter   node                        count        gset    element
 *	pncounter  n|p node                    count        2pset   a|r element
 *	bcounter   r from. to | u node         count        orset   element 0 DOT
 *	max, min   (empty)                     number       rwset   element 0 a|r DOT
 *	lww        (empty)                     entry        flags   DOT
 *	lwwmap     key                         entry        mvreg, lwwr, ccounter   DOT    value
 *	ormap      name. type 0 and the child's key
 *
 * "x." is x with each NUL as 00 ff, then 00 00, which keeps the order. DOT is node. then seq (8
 *bytes, big end first) and the length of the DOT (4 bytes), so that it is found from the end. */
#ifndef RT_CRDT_LEAF_H
#define RT_CRDT_LEAF_H

#include "base/buf.h"

struct crdt_leaf {
	const char *key;
	union {
		const char *val; /* canonical text; NULL: none */
		uint64_t num;    /* a count; val_n is LEAF_COUNT */
	};
	uint32_t key_n, val_n;
};

#define LEAF_COUNT UINT32_MAX

struct crdt_leaves {
	struct crdt_leaf *v;
	size_t n, cap;
	bool unsorted; /* one was added out of order */
};

static inline struct str leaf_key(const struct crdt_leaf *l)
{
	return (struct str){ l->key, l->key_n };
}

static inline struct str leaf_val(const struct crdt_leaf *l)
{
	return (struct str){ l->val, l->val_n };
}

static inline int leaf_cmp(const struct crdt_leaf *a, const struct crdt_leaf *b)
{
	size_t n = a->key_n < b->key_n ? a->key_n : b->key_n;
	int c = memcmp(a->key, b->key, n);

	return c ? c : (a->key_n > b->key_n) - (a->key_n < b->key_n);
}

/* Of equal values? */
static inline bool leaf_same(const struct crdt_leaf *a, const struct crdt_leaf *b)
{
	return a->val_n == b->val_n &&
		(a->val_n == LEAF_COUNT ? a->num == b->num : str_eq(leaf_val(a), leaf_val(b)));
}

#define LEAVES_AHEAD 12

/* After sorting, keys and the values behind them lie all over the text: asks for those that are
 * needed soon. */
static inline void leaves_prefetch(const struct crdt_leaf *v, size_t n, size_t i)
{
	if (i + LEAVES_AHEAD < n) {
		__builtin_prefetch(v[i + LEAVES_AHEAD].key);
		__builtin_prefetch(v[i + LEAVES_AHEAD].key + 64);
	}
}

void leaves_fini(struct crdt_leaves *l);
void leaves_grow(struct crdt_leaves *l);
/* How many of a sorted list have keys that begin with c or less. */
size_t leaves_half(const struct crdt_leaf *v, size_t n, char c);
/* The first of a sorted list, from `lo` on, that is not before `leaf`; n when all are. */
size_t leaves_find(const struct crdt_leaves *l, size_t lo, const struct crdt_leaf *leaf);
/* In order of the keys; equal ones stand side by side. Returns whether there are any. */
bool leaves_sort(struct crdt_leaves *l);

static inline void leaves_add(struct crdt_leaves *l, struct crdt_leaf leaf)
{
	if (l->n == l->cap)
		leaves_grow(l);
	if (l->n > 0 && !l->unsorted && leaf_cmp(&l->v[l->n - 1], &leaf) >= 0)
		l->unsorted = true;
	l->v[l->n++] = leaf;
}

/* Appends "s." */
void key_add(struct buf *key, struct str s);
/* The component at the front of an encoded key, still encoded and with its end. */
struct str key_head(struct str key);
/* Appends what an encoded component stands for. */
void key_decode(struct buf *out, struct str component);
/* Appends a DOT; `node` is encoded. */
void key_add_dot(struct buf *key, struct str node, uint64_t seq);

struct crdt_dot {
	struct str node; /* encoded */
	uint64_t seq;
};

/* The DOT at the end of a key; returns the length of what stands before it. */
size_t key_dot(struct str key, struct crdt_dot *dot);
int dot_cmp(struct crdt_dot a, struct crdt_dot b);

#endif
