/* leaf.c - keys of leaves, and sorting them
 *
 * Sorting keeps eight bytes of each key beside its number, so that most comparisons touch no key: what all keys share is
 * skipped first, and keys that tie in those eight bytes are sorted by the next eight. */
#include "crdt/leaf.h"
#include "base/mem.h"

#include <stdlib.h>

void leaves_fini(struct crdt_leaves *l)
{
	mem_free(l->v);
	*l = (struct crdt_leaves){ 0 };
}

void leaves_grow(struct crdt_leaves *l)
{
	l->cap = l->cap ? l->cap + l->cap / 2 : 16;
	l->v = mem_resize(l->v, l->cap, sizeof(*l->v));
}

size_t leaves_half(const struct crdt_leaf *v, size_t n, char c)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (v[mid].key[0] <= c)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

size_t leaves_find(const struct crdt_leaves *l, size_t lo, const struct crdt_leaf *leaf)
{
	size_t hi = l->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (leaf_cmp(&l->v[mid], leaf) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* --- sorting ---------------------------------------------------------------------------------- */

struct cached {
	uint64_t bytes; /* of the key at the depth being sorted, big end first */
	size_t i;
};

static uint64_t bytes_at(const struct crdt_leaf *l, size_t depth)
{
	uint64_t v = 0;
	size_t left = l->key_n > depth ? l->key_n - depth : 0;

	if (left >= 8) {
		memcpy(&v, l->key + depth, 8);
		return __builtin_bswap64(v);
	}
	for (size_t i = 0; i < 8; i++)
		v = v << 8 | (i < left ? (unsigned char)l->key[depth + i] : 0);
	return v;
}

static void insertion(struct cached *c, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct cached x = c[i];
		size_t j = i;

		for (; j > 0 && c[j - 1].bytes > x.bytes; j--)
			c[j] = c[j - 1];
		c[j] = x;
	}
}

static void sift(struct cached *c, size_t at, size_t n)
{
	struct cached x = c[at];

	for (size_t child; (child = 2 * at + 1) < n; at = child) {
		if (child + 1 < n && c[child + 1].bytes > c[child].bytes)
			child++;
		if (c[child].bytes <= x.bytes)
			break;
		c[at] = c[child];
	}
	c[at] = x;
}

static void heap_sort(struct cached *c, size_t n)
{
	for (size_t i = n / 2; i-- > 0;)
		sift(c, i, n);
	while (n-- > 1) {
		struct cached x = c[0];

		c[0] = c[n];
		c[n] = x;
		sift(c, 0, n);
	}
}

/* Quicksort on the cached bytes; `patience` bounds what a hostile order can cost. */
static void sort_cached(struct cached *c, size_t n, unsigned patience)
{
	while (n > 24) {
		uint64_t a = c[0].bytes, b = c[n / 2].bytes, d = c[n - 1].bytes;
		uint64_t pivot = a < b ? (b < d ? b : a < d ? d : a) : (a < d ? a : b < d ? d : b);
		size_t i = 0, j = n - 1;

		if (patience-- == 0) {
			heap_sort(c, n);
			return;
		}
		for (;;) {
			while (c[i].bytes < pivot)
				i++;
			while (c[j].bytes > pivot)
				j--;
			if (i >= j)
				break;
			struct cached x = c[i];
			c[i++] = c[j];
			c[j--] = x;
		}
		i = j + 1;
		if (i < n - i) {
			sort_cached(c, i, patience);
			c += i;
			n -= i;
		} else {
			sort_cached(c + i, n - i, patience);
			n = i;
		}
	}
	insertion(c, n);
}

static size_t shared_prefix(const struct crdt_leaf *v, const struct cached *c, size_t n, size_t depth)
{
	const struct crdt_leaf *first = &v[c[0].i];
	size_t shared = first->key_n;

	for (size_t i = 1; i < n && shared > depth; i++) {
		const struct crdt_leaf *l = &v[c[i].i];
		size_t k = depth, max = l->key_n < shared ? l->key_n : shared;

		while (k < max && l->key[k] == first->key[k])
			k++;
		shared = k;
	}
	return shared;
}

static void sort_at(const struct crdt_leaf *v, struct cached *c, size_t n, size_t depth)
{
	for (;;) {
		size_t at = shared_prefix(v, c, n, depth), begin = 0;
		bool again = false;

		for (size_t i = 0; i < n; i++)
			c[i].bytes = bytes_at(&v[c[i].i], at);
		sort_cached(c, n, 64);
		depth = at + 8;
		for (size_t i = 1; i <= n; i++) {
			bool more = false;

			if (i < n && c[i].bytes == c[begin].bytes)
				continue;
			/* A key that ends within these bytes looks as if NULs followed it. */
			for (size_t k = begin; k < i && i - begin > 1 && !more; k++)
				more = v[c[k].i].key_n != v[c[begin].i].key_n || v[c[k].i].key_n > depth;
			if (more && i - begin == n) {
				again = true;
				break;
			}
			if (more)
				sort_at(v, c + begin, i - begin, depth - 8);
			begin = i;
		}
		if (!again)
			return;
		/* All tie: those that end here go first, shortest first; the others follow by their next bytes. */
		begin = 0;
		for (size_t len = at; len <= depth; len++) {
			for (size_t i = begin; i < n; i++) {
				if (v[c[i].i].key_n != len)
					continue;
				struct cached x = c[i];
				c[i] = c[begin];
				c[begin++] = x;
			}
		}
		c += begin;
		n -= begin;
		if (n < 2)
			return;
	}
}

/* A second list costs memory, but its reads do not wait for each other. */
static void permute_copy(struct crdt_leaves *l, const struct cached *c)
{
	struct crdt_leaf *v = mem_array(l->n, sizeof(*v));

	for (size_t i = 0; i < l->n; i++)
		v[i] = l->v[c[i].i];
	mem_free(l->v);
	l->v = v;
	l->cap = l->n;
}

/* Follows each cycle of the permutation; a place done points to itself. */
static void permute_in_place(struct crdt_leaves *l, struct cached *c)
{
	for (size_t i = 0; i < l->n; i++) {
		struct crdt_leaf first = l->v[i];
		size_t at = i;

		while (c[at].i != i) {
			size_t from = c[at].i;

			l->v[at] = l->v[from];
			c[at].i = at;
			at = from;
		}
		l->v[at] = first;
		c[at].i = at;
	}
}

void leaves_sort(struct crdt_leaves *l)
{
	struct cached *c;

	if (!l->unsorted)
		return;
	c = mem_array(l->n, sizeof(*c));
	for (size_t i = 0; i < l->n; i++)
		c[i].i = i;
	sort_at(l->v, c, l->n, 0);
	if (l->v[0].val_n == LEAF_COUNT) /* others come with long texts, where memory is what is short */
		permute_copy(l, c);
	else
		permute_in_place(l, c);
	mem_free(c);
	l->unsorted = false;
}

/* --- keys ------------------------------------------------------------------------------------- */

void key_add(struct buf *key, struct str s)
{
	const char *p = s.p, *nul;

	while (s.n > 0 && (nul = memchr(p, '\0', (size_t)(s.p + s.n - p)))) {
		buf_add(key, p, (size_t)(nul - p));
		buf_add(key, "\0\xff", 2);
		p = nul + 1;
	}
	if (s.n > 0)
		buf_add(key, p, (size_t)(s.p + s.n - p));
	buf_add(key, "\0\0", 2);
}

struct str key_head(struct str key)
{
	const char *p = key.p, *end = key.p + key.n;

	while ((p = memchr(p, '\0', (size_t)(end - p))) && p[1] != '\0')
		p += 2;
	return str_make(key.p, (size_t)(p + 2 - key.p));
}

void key_decode(struct buf *out, struct str component)
{
	for (size_t i = 0; i + 2 < component.n; i++) {
		buf_add_char(out, component.p[i]);
		if (component.p[i] == '\0')
			i++;
	}
}

void key_add_dot(struct buf *key, struct str node, uint64_t seq)
{
	uint64_t big = __builtin_bswap64(seq);
	uint32_t n = (uint32_t)node.n + 12;

	buf_add_str(key, node);
	buf_add(key, &big, 8);
	buf_add(key, &n, 4);
}

size_t key_dot(struct str key, struct crdt_dot *dot)
{
	uint64_t big;
	uint32_t n;

	memcpy(&n, key.p + key.n - 4, 4);
	memcpy(&big, key.p + key.n - 12, 8);
	dot->node = str_make(key.p + key.n - n, n - 12);
	dot->seq = __builtin_bswap64(big);
	return key.n - n;
}

int dot_cmp(struct crdt_dot a, struct crdt_dot b)
{
	size_t n = a.node.n < b.node.n ? a.node.n : b.node.n;
	int c = memcmp(a.node.p, b.node.p, n);

	if (c == 0 && a.node.n != b.node.n)
		c = a.node.n < b.node.n ? -1 : 1;
	return c ? c : (a.seq > b.seq) - (a.seq < b.seq);
}
