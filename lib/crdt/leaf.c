/* leaf.c - keys of leaves, and sorting them
 *
 * Sorting is by radix and in place. Four bytes beside each leaf, its digits, hold the next bits in
 * which the keys differ at all, so that a key is read once for about seven of its bytes, and not
 * when leaves are compared or moved. */
#include "crdt/leaf.h"
#include "base/mem.h"

#include <endian.h>

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

#define FEW        32 /* so many are sorted by insertion */
#define RADIX_BITS 8
#define RADIX      (1u << RADIX_BITS)
#define ON         8 /* the key goes on behind its seven bytes */

/* Seven bytes of a key, the first one highest, and below them how many there were, up to ON: a key
 * that ends stands before one that goes on with NULs. */
static inline uint64_t bytes_at(const struct crdt_leaf *l, size_t depth)
{
	size_t left = l->key_n > depth ? l->key_n - depth : 0;
	uint64_t v = 0;

	if (left >= 8) {
		memcpy(&v, l->key + depth, 8);
		return (be64toh(v) & ~UINT64_C(0xff)) | ON;
	}
	for (size_t i = 0; i < 7; i++)
		v = v << 8 | (i < left ? (unsigned char)l->key[depth + i] : 0);
	return v << 8 | left;
}

/* The bits in which keys differ, moved together, keep their order: as many as go into 32. */
struct squeeze {
	struct {
		unsigned shift, width;
	} runs[32];
	unsigned n, bits;
	bool all;
};

static struct squeeze squeeze_of(uint64_t differ)
{
	struct squeeze s = { 0 };

	while (differ && s.bits < 32) {
		unsigned high = 64 - (unsigned)__builtin_clzll(differ);
		uint64_t gaps = ~differ & (high < 64 ? (UINT64_C(1) << high) - 1 : UINT64_MAX);
		unsigned low = gaps ? 64 - (unsigned)__builtin_clzll(gaps) : 0;

		if (high - low > 32 - s.bits)
			low = high - (32 - s.bits);
		s.runs[s.n].shift = low;
		s.runs[s.n++].width = high - low;
		s.bits += high - low;
		differ &= low ? (UINT64_C(1) << low) - 1 : 0;
	}
	s.all = differ == 0;
	return s;
}

static inline uint32_t squeeze(const struct squeeze *s, uint64_t bytes)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < s->n; i++) {
		unsigned width = s->runs[i].width;

		v = v << width | (bytes >> s->runs[i].shift & ((UINT64_C(1) << width) - 1));
	}
	return (uint32_t)v;
}

/* Finds the digits by which to sort leaves that agree up to *depth, which moves to where those that
 * tie go on. Returns how many bits they have; 0: all keys are equal. */
static unsigned find_digits(const struct crdt_leaf *v, uint32_t *digits, size_t n, size_t *depth)
{
	struct squeeze s;
	uint64_t differ;

	for (;;) {
		uint64_t first = bytes_at(v, *depth);
		size_t skip, shortest = ON;

		differ = 0;
		for (size_t i = 0; i < n; i++) {
			uint64_t bytes = bytes_at(&v[i], *depth);

			leaves_prefetch(v, n, i);
			differ |= bytes ^ first;
			shortest = (bytes & 15) < shortest ? bytes & 15 : shortest;
		}
		if (!differ && shortest < ON)
			return 0;
		skip = differ ? (size_t)__builtin_clzll(differ) / 8 : 7;
		skip = skip < shortest ? skip : shortest;
		if (skip == 0)
			break;
		*depth += skip;
	}
	s = squeeze_of(differ);
	for (size_t i = 0; i < n; i++)
		digits[i] = squeeze(&s, bytes_at(&v[i], *depth));
	*depth += s.all ? 7 : 0;
	return s.bits;
}

/* Returns whether a key stands twice. */
static bool insertion(struct crdt_leaf *v, uint32_t *digits, size_t n)
{
	bool repeats = false;

	for (size_t i = 1; i < n; i++) {
		struct crdt_leaf x = v[i];
		uint32_t d = digits[i];
		size_t j = i;

		for (; j > 0 && digits[j - 1] >= d; j--) {
			int c = digits[j - 1] > d ? 1 : leaf_cmp(&v[j - 1], &x);

			repeats |= c == 0;
			if (c <= 0)
				break;
			v[j] = v[j - 1];
			digits[j] = digits[j - 1];
		}
		v[j] = x;
		digits[j] = d;
	}
	return repeats;
}

/* Sorts leaves whose keys agree up to `depth` but for their digits, of which the lowest `bits` are
 * still to be looked at. Returns whether a key stands twice. */
static bool sort_radix(struct crdt_leaf *v, uint32_t *digits, size_t n, unsigned bits, size_t depth)
{
	bool repeats = false;

	while (n > FEW) {
		size_t from[RADIX], end[RADIX] = { 0 }, large = 0, large_n = 0;
		unsigned shift;

		if (bits == 0 && (bits = find_digits(v, digits, n, &depth)) == 0)
			return true;
		shift = bits > RADIX_BITS ? bits - RADIX_BITS : 0;
		for (size_t i = 0; i < n; i++)
			end[digits[i] >> shift & (RADIX - 1)]++;
		for (size_t i = 0, sum = 0; i < RADIX; i++) {
			from[i] = sum;
			end[i] = sum += end[i];
		}
		for (size_t i = 0; i < RADIX; i++) {
			while (from[i] < end[i]) {
				struct crdt_leaf x = v[from[i]];
				uint32_t d = digits[from[i]];

				for (size_t to; (to = d >> shift & (RADIX - 1)) != i;) {
					size_t at = from[to]++;
					struct crdt_leaf y = v[at];
					uint32_t e = digits[at];

					v[at] = x;
					digits[at] = d;
					x = y;
					d = e;
				}
				v[from[i]] = x;
				digits[from[i]++] = d;
			}
		}
		/* Who holds more than half is done in the loop: little stack is enough for any
		 * keys. */
		for (size_t i = 0, begin = 0; i < RADIX; begin = end[i++]) {
			if (end[i] - begin > n / 2) {
				large = begin;
				large_n = end[i] - begin;
			} else if (end[i] - begin > 1) {
				repeats |= sort_radix(
					v + begin, digits + begin, end[i] - begin, shift, depth);
			}
		}
		v += large;
		digits += large;
		n = large_n;
		bits = shift;
	}
	return insertion(v, digits, n) || repeats;
}

bool leaves_sort(struct crdt_leaves *l)
{
	uint32_t *digits;
	bool repeats;

	if (!l->unsorted)
		return false;
	digits = mem_zalloc(l->n * sizeof(*digits));
	repeats = sort_radix(l->v, digits, l->n, 0, 0);
	mem_free(digits);
	l->unsorted = false;
	return repeats;
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
	uint64_t big = htobe64(seq);
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
	dot->seq = be64toh(big);
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
