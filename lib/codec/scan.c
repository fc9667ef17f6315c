/* scan.c - the pass that every message goes through once
 *
 * A validating scanner, not a parser: it builds no tree and converts no number. It walks the text
 * once, a token at a time, with the open arrays and objects on a small stack of its own, so that no
 * text can exhaust the C stack. Ordinary bytes of strings are skipped a block at a time, and that
 * block is also what a short name is hashed from.
 *
 * Two equal names in an object are found by three sieves, each rarer and dearer than the one before:
 *
 *   level.seen     512 bits for each open object, one set for each name: a bit that is already set is
 *                  the only thing that leads further
 *   parser.names   hash and offset of each name of the open objects, at most 32 for each: searched
 *   names_equal    the names themselves, unescaped as they are compared
 *
 * An object of more than 32 members moves to `wide`, a chained table, so no text costs more than
 * linear time. Hashes depend on random bits, so nobody can choose names that collide. */
#include "codec/scan.h"

#include "base/mem.h"

#if defined(__SSE2__) && !defined(SCAN_PORTABLE)
#include <emmintrin.h>
#endif

#define LIKELY(x)   __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

#define SMALL_MEMBERS 32 /* of an object that needs no table */
#define SEEN_WORDS    8
#define HASH_BLOCK    16
#define WIDE_FIRST    64        /* slots of the table when a text begins to use it */
#define WIDE_KEEP     (1u << 16) /* names whose memory is kept for the next text */

enum fail {
	FAIL_NONE, FAIL_BYTE, FAIL_END, FAIL_EMPTY, FAIL_BOM, FAIL_NUMBER, FAIL_CONTROL, FAIL_ESCAPE,
	FAIL_SURROGATE, FAIL_UTF8, FAIL_NUL, FAIL_DUPLICATE, FAIL_DEPTH, FAIL_MARKS,
};

struct level {
	uint64_t seen[SEEN_WORDS]; /* hashes of the names so far, a bit each */
	uint32_t first;            /* where this object's names begin in parser.names */
	uint32_t wide;             /* number of the object in the table, 0: not there */
	uint8_t close;                /* the bracket that ends it */
};

struct name {
	uint32_t hash, at; /* `at`: offset of the first byte after the quote */
};

struct wide_name {
	uint32_t hash, at;
	uint32_t next;   /* index + 1 of the next in the chain, 0: the last */
	uint32_t object; /* level.wide */
};

/* Chains of indices instead of pointers, and names in order of arrival: to grow, or to begin anew
 * with few slots, is to clear the slots and to walk the names. */
struct wide {
	uint32_t *slots;
	struct wide_name *names;
	uint32_t n, n_slots, cap; /* cap: of both arrays */
};

struct parser {
	const uint8_t *base, *end;
	uint64_t key[2];
	struct scan *s;
	struct scan_mark *open;      /* the reported member whose value is being read */
	struct scan_mark *want_comma; /* ... whose value has just ended */
	uint32_t comma;              /* the last one of the top-level object */
	uint32_t n_names, n_wide;
	bool newline;
	enum fail fail;
	const uint8_t *fail_at;
	struct level level[SCAN_DEPTH_MAX + 1];
	struct name names[SCAN_DEPTH_MAX * SMALL_MEMBERS];
};

/* Drawn once, and kept from text to text; of each thread, so that nobody needs a lock. */
static _Thread_local struct {
	uint64_t key[2];
	struct wide wide;
} scratch;

static __attribute__((cold, noinline)) const uint8_t *fail(struct parser *x, enum fail why,
							 const uint8_t *at)
{
	x->fail = why;
	x->fail_at = at;
	return NULL;
}

/* The byte at `p` is not what the grammar allows there. */
static __attribute__((cold, noinline)) const uint8_t *fail_byte(struct parser *x, const uint8_t *p)
{
	return fail(x, p == x->end ? FAIL_END : FAIL_BYTE, p);
}

/* --- blocks of bytes ------------------------------------------------------------------------- */

/* plain_run(p): how many of the BLOCK bytes at p come before the first that a string cannot simply
 * pass over: a quote, a backslash, a control character, or one of 0x80 and above.
 * digit_run(p): a bit for each of the 16 bytes at p that is a digit. */
#if defined(__SSE2__) && !defined(SCAN_PORTABLE)
#define BLOCK 16

static inline unsigned plain_run(const uint8_t *p)
{
	__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
	__m128i quote = _mm_cmpeq_epi8(v, _mm_set1_epi8('"'));
	__m128i slash = _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'));
	__m128i other = _mm_cmplt_epi8(v, _mm_set1_epi8(0x20)); /* signed: 0x80 and above too */
	__m128i stop = _mm_or_si128(_mm_or_si128(quote, slash), other);

	return (unsigned)__builtin_ctz((unsigned)_mm_movemask_epi8(stop) | 1u << BLOCK);
}

static inline unsigned digit_bits(const uint8_t *p)
{
	__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
	__m128i moved = _mm_add_epi8(v, _mm_set1_epi8((char)(0x80 - '0'))); /* '0' is the least */

	return (unsigned)_mm_movemask_epi8(_mm_cmplt_epi8(moved, _mm_set1_epi8(-128 + 10)));
}
#else
#define BLOCK 8

static inline unsigned plain_run(const uint8_t *p)
{
	const uint64_t ones = UINT64_MAX / 255, highs = ones << 7;
	uint64_t v, quote, slash, stop;

	memcpy(&v, p, sizeof(v));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	v = __builtin_bswap64(v);
#endif
	quote = v ^ ones * '"';
	slash = v ^ ones * '\\';
	/* Subtraction borrows into the bytes above only: the lowest bit found is always right. */
	stop = ((quote - ones) & ~quote) | ((slash - ones) & ~slash) | ((v - ones * 0x20) & ~v) | v;
	stop &= highs;
	return stop ? (unsigned)__builtin_ctzll(stop) / 8 : BLOCK;
}

static inline unsigned digit_bits(const uint8_t *p)
{
	unsigned bits = 0;

	for (int i = 0; i < 16; i++)
		bits |= ((unsigned)(p[i] - '0') < 10) << i;
	return bits;
}
#endif

/* As plain_run where fewer than BLOCK bytes are left: stops at the end at the latest. */
static __attribute__((noinline)) unsigned plain_run_tail(const uint8_t *p, const uint8_t *end)
{
	uint8_t block[BLOCK] = { 0 };

	memcpy(block, p, (size_t)(end - p));
	return plain_run(block);
}

/* --- strings --------------------------------------------------------------------------------- */

/* The sequence at p (a byte of 0x80 or above): its end, or NULL where it is not UTF-8. */
static inline const uint8_t *utf8_sequence(const uint8_t *p, const uint8_t *end)
{
	size_t left = (size_t)(end - p);
	uint8_t lead = p[0];
	uint8_t low = 0x80, high = 0xbf; /* what the second byte may be: RFC 3629, section 4 */

	if (lead < 0xe0)
		return lead >= 0xc2 && left >= 2 && (p[1] & 0xc0) == 0x80 ? p + 2 : NULL;
	if (lead < 0xf0) {
		if (lead == 0xe0)
			low = 0xa0;
		else if (lead == 0xed)
			high = 0x9f;
		return left >= 3 && p[1] >= low && p[1] <= high && (p[2] & 0xc0) == 0x80 ? p + 3 : NULL;
	}
	if (lead == 0xf0)
		low = 0x90;
	else if (lead == 0xf4)
		high = 0x8f;
	return lead < 0xf5 && left >= 4 && p[1] >= low && p[1] <= high && (p[2] & 0xc0) == 0x80 &&
		       (p[3] & 0xc0) == 0x80 ? p + 4 : NULL;
}

static inline int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four hex digits at p, or -1. */
static int hex4(const uint8_t *p, const uint8_t *end)
{
	int v = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int d = hex_digit(p[i]);
		if (d < 0)
			return -1;
		v = v << 4 | d;
	}
	return v;
}

static inline bool is_high_surrogate(int u)
{
	return (u & 0xfc00) == 0xd800;
}

static inline bool is_low_surrogate(int u)
{
	return (u & 0xfc00) == 0xdc00;
}

/* Past the escape at p (the backslash). */
static const uint8_t *escape(struct parser *x, const uint8_t *p)
{
	int u;

	if (x->end - p < 2)
		return fail(x, FAIL_END, x->end);
	switch (p[1]) {
	case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't':
		return p + 2;
	case 'u':
		break;
	default:
		return fail(x, FAIL_ESCAPE, p);
	}
	u = hex4(p + 2, x->end);
	if (u < 0)
		return fail(x, FAIL_ESCAPE, p);
	if (is_low_surrogate(u))
		return fail(x, FAIL_SURROGATE, p);
	if (!is_high_surrogate(u))
		return p + 6;
	if (x->end - p < 12 || p[6] != '\\' || p[7] != 'u' || !is_low_surrogate(hex4(p + 8, x->end)))
		return fail(x, FAIL_SURROGATE, p);
	return p + 12;
}

/* The closing quote of the string whose content goes on at p. */
static __attribute__((noinline)) const uint8_t *string_rest(struct parser *x, const uint8_t *p)
{
	const uint8_t *end = x->end;

	for (;;) {
		if (LIKELY(end - p >= BLOCK)) {
			unsigned n = plain_run(p);
			p += n;
			if (n == BLOCK)
				continue;
		} else {
			p += plain_run_tail(p, end);
			if (p == end)
				return fail(x, FAIL_END, p);
		}
		if (*p == '"')
			return p;
		if (*p == '\\') {
			p = escape(x, p);
			if (!p)
				return NULL;
			continue;
		}
		if (*p < 0x20)
			return fail(x, FAIL_CONTROL, p);
		do { /* where there is one there are many */
			const uint8_t *next = utf8_sequence(p, end);
			if (!next)
				return fail(x, FAIL_UTF8, p);
			p = next;
		} while (p < end && *p >= 0x80);
	}
}

/* Past the closing quote of the string whose content begins at p. */
static inline const uint8_t *string(struct parser *x, const uint8_t *p)
{
	if (LIKELY(x->end - p >= BLOCK)) {
		unsigned n = plain_run(p);
		p += n;
		if (n < BLOCK && *p == '"')
			return p + 1;
	}
	p = string_rest(x, p);
	return p ? p + 1 : NULL;
}

/* The character at *p of a proved string, unescaped into out; *p moves past it. Its bytes may come
 * one at a time: only escapes are taken whole. */
static unsigned unescape(const uint8_t **p, uint8_t out[4])
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
	const uint8_t *q = *p;
	const char *f;
	unsigned u;

	if (*q != '\\' || q[1] != 'u') {
		f = *q == '\\' ? memchr(from, q[1], sizeof(from) - 1) : NULL;
		out[0] = f ? (uint8_t)to[f - from] : *q == '\\' ? q[1] : *q;
		*p = q + (*q == '\\' ? 2 : 1);
		return 1;
	}
	u = (unsigned)hex4(q + 2, q + 6);
	q += 6;
	if (is_high_surrogate((int)u)) {
		u = 0x10000 + ((u & 0x3ff) << 10) + ((unsigned)hex4(q + 2, q + 6) & 0x3ff);
		q += 6;
	}
	*p = q;
	if (u < 0x80) {
		out[0] = (uint8_t)u;
		return 1;
	}
	if (u < 0x800) {
		out[0] = (uint8_t)(0xc0 | u >> 6);
		out[1] = (uint8_t)(0x80 | (u & 0x3f));
		return 2;
	}
	if (u < 0x10000) {
		out[0] = (uint8_t)(0xe0 | u >> 12);
		out[1] = (uint8_t)(0x80 | (u >> 6 & 0x3f));
		out[2] = (uint8_t)(0x80 | (u & 0x3f));
		return 3;
	}
	out[0] = (uint8_t)(0xf0 | u >> 18);
	out[1] = (uint8_t)(0x80 | (u >> 12 & 0x3f));
	out[2] = (uint8_t)(0x80 | (u >> 6 & 0x3f));
	out[3] = (uint8_t)(0x80 | (u & 0x3f));
	return 4;
}

/* --- names ----------------------------------------------------------------------------------- */

/* The product of two words folded to one: both halves depend on all bits. */
static inline uint64_t fold(uint64_t a, uint64_t b)
{
#ifdef __SIZEOF_INT128__
	unsigned __int128 r = (unsigned __int128)a * b;
	return (uint64_t)r ^ (uint64_t)(r >> 64);
#else
	uint64_t a0 = (uint32_t)a, a1 = a >> 32, b0 = (uint32_t)b, b1 = b >> 32;
	uint64_t mid = a1 * b0 + (a0 * b0 >> 32), mid2 = a0 * b1 + (uint32_t)mid;
	return (a * b) ^ (a1 * b1 + (mid >> 32) + (mid2 >> 32));
#endif
}

/* Adds n <= HASH_BLOCK bytes at p to the hash; all of HASH_BLOCK can be read. A name has no NUL, so
 * zeros in place of what lies behind it are no other name. */
static inline uint64_t hash_block(const uint64_t key[2], uint64_t h, const uint8_t *p, unsigned n)
{
	static const uint8_t keep[2 * HASH_BLOCK] = {
		255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
	};
	uint64_t v[2], mask[2];

	memcpy(v, p, sizeof(v));
	memcpy(mask, keep + HASH_BLOCK - n, sizeof(mask));
	return fold(h ^ key[0] ^ (v[0] & mask[0]), key[1] ^ (v[1] & mask[1]));
}

static uint64_t hash_plain(const struct parser *x, const uint8_t *p, size_t n)
{
	uint64_t h = 0;
	uint8_t tail[HASH_BLOCK] = { 0 };

	for (; n > HASH_BLOCK; n -= HASH_BLOCK, p += HASH_BLOCK)
		h = hash_block(x->key, h, p, HASH_BLOCK);
	memcpy(tail, p, n);
	return hash_block(x->key, h, tail, (unsigned)n);
}

/* The hash of what [p, end) spells; false where it holds a NUL. */
static bool hash_escaped(const struct parser *x, const uint8_t *p, const uint8_t *end, uint64_t *out)
{
	uint64_t h = 0;
	uint8_t block[HASH_BLOCK + 4] = { 0 };
	unsigned n = 0;

	while (p < end) {
		unsigned k = unescape(&p, block + n);
		if (k == 1 && block[n] == 0)
			return false;
		n += k;
		if (n > HASH_BLOCK) {
			h = hash_block(x->key, h, block, HASH_BLOCK);
			n -= HASH_BLOCK;
			memmove(block, block + HASH_BLOCK, n);
		}
	}
	*out = hash_block(x->key, h, block, n);
	return true;
}

/* Do two proved strings, whose contents begin at a and b, spell the same? */
static bool names_equal(const uint8_t *a, const uint8_t *b)
{
	uint8_t ua[4], ub[4];
	unsigned na = 0, nb = 0, ia = 0, ib = 0;

	for (;;) {
		bool end_a = ia == na && *a == '"', end_b = ib == nb && *b == '"';
		if (end_a || end_b)
			return end_a && end_b;
		if (ia == na) {
			na = unescape(&a, ua);
			ia = 0;
		}
		if (ib == nb) {
			nb = unescape(&b, ub);
			ib = 0;
		}
		if (ua[ia++] != ub[ib++])
			return false;
	}
}

static uint32_t *wide_slot(struct wide *w, uint32_t object, uint32_t hash)
{
	return &w->slots[(hash ^ object * 0x9e3779b1u) & (w->n_slots - 1)];
}

/* Makes the table one of n_slots slots, with the names that are in it. */
static void wide_resize(struct wide *w, uint32_t n_slots)
{
	if (n_slots > w->cap) {
		w->slots = mem_resize(w->slots, n_slots, sizeof(*w->slots));
		w->names = mem_resize(w->names, n_slots, sizeof(*w->names));
		w->cap = n_slots;
	}
	w->n_slots = n_slots;
	memset(w->slots, 0, n_slots * sizeof(*w->slots));
	for (uint32_t i = 0; i < w->n; i++) {
		struct wide_name *name = &w->names[i];
		uint32_t *slot = wide_slot(w, name->object, name->hash);
		name->next = *slot;
		*slot = i + 1;
	}
}

/* False where the object already has that name. */
static bool wide_add(struct parser *x, uint32_t object, uint32_t hash, uint32_t at)
{
	struct wide *w = &scratch.wide;
	uint32_t *slot = wide_slot(w, object, hash);

	for (uint32_t i = *slot; i; i = w->names[i - 1].next) {
		const struct wide_name *name = &w->names[i - 1];
		if (name->hash == hash && name->object == object &&
		    names_equal(x->base + name->at, x->base + at))
			return false;
	}
	if (w->n == w->n_slots) {
		wide_resize(w, w->n_slots * 2);
		slot = wide_slot(w, object, hash);
	}
	w->names[w->n] = (struct wide_name){ hash, at, *slot, object };
	*slot = ++w->n;
	return true;
}

/* Moves the names of an object that has become large to the table. */
static void wide_begin(struct parser *x, struct level *l)
{
	if (x->n_wide == 0) {
		scratch.wide.n = 0;
		wide_resize(&scratch.wide, WIDE_FIRST);
	}
	l->wide = ++x->n_wide;
	for (uint32_t i = l->first; i < x->n_names; i++)
		wide_add(x, l->wide, x->names[i].hash, x->names[i].at);
	x->n_names = l->first;
}

static void wide_end(struct wide *w)
{
	if (w->cap <= WIDE_KEEP)
		return;
	mem_free(w->slots);
	mem_free(w->names);
	*w = (struct wide){ 0 };
}

/* Adds a name that may be there already, or for which there is no room among the small ones. False
 * where it is there. */
static __attribute__((noinline)) bool name_add(struct parser *x, struct level *l, uint32_t hash,
					       uint32_t at)
{
	if (!l->wide && x->n_names - l->first == SMALL_MEMBERS)
		wide_begin(x, l);
	if (l->wide)
		return wide_add(x, l->wide, hash, at);
	for (uint32_t i = l->first; i < x->n_names; i++) {
		if (x->names[i].hash == hash && names_equal(x->base + x->names[i].at, x->base + at))
			return false;
	}
	x->names[x->n_names++] = (struct name){ hash, at };
	return true;
}

/* The closing quote and the hash of a name that is long, escaped, not ASCII, or broken. */
static __attribute__((noinline)) const uint8_t *name_rest(struct parser *x, const uint8_t *p, uint64_t *h)
{
	const uint8_t *end = string_rest(x, p);

	if (!end)
		return NULL;
	if (!memchr(p, '\\', (size_t)(end - p)))
		*h = hash_plain(x, p, (size_t)(end - p));
	else if (!hash_escaped(x, p, end, h))
		return fail(x, FAIL_NUL, p);
	return end;
}

/* The closing quote of the name whose content begins at p, which is new to the object l. */
static inline const uint8_t *name(struct parser *x, struct level *l, const uint8_t *p)
{
	const uint8_t *end;
	unsigned n = BLOCK;
	uint64_t h, bit, *seen;

	if (LIKELY(x->end - p >= HASH_BLOCK))
		n = plain_run(p);
	if (LIKELY(n < BLOCK && p[n] == '"')) {
		end = p + n;
		h = hash_block(x->key, 0, p, n);
	} else {
		end = name_rest(x, p, &h);
		if (!end)
			return NULL;
	}
	seen = &l->seen[h >> 61];
	bit = (uint64_t)1 << (h >> 55 & 63);
	if (LIKELY(!(*seen & bit) && !l->wide && x->n_names - l->first < SMALL_MEMBERS))
		x->names[x->n_names++] = (struct name){ (uint32_t)h, (uint32_t)(p - x->base) };
	else if (!name_add(x, l, (uint32_t)h, (uint32_t)(p - x->base)))
		return fail(x, FAIL_DUPLICATE, p);
	*seen |= bit;
	return end;
}

/* --- the members that are reported ----------------------------------------------------------- */

static bool is_reported(const uint8_t *p, size_t n)
{
	switch (n) {
	case 4:
		if (memcmp(p, "type", 4) == 0 || memcmp(p, "data", 4) == 0)
			return true;
		break;
	case 5:
		if (memcmp(p, "event", 5) == 0 || memcmp(p, "since", 5) == 0)
			return true;
		break;
	case 7:
		if (memcmp(p, "user_id", 7) == 0)
			return true;
		break;
	}
	return n >= 2 && p[0] == '_' && p[1] >= 'a' && p[1] <= 'z';
}

/* As above for a name with escapes: its first bytes decide. */
static bool is_reported_escaped(const uint8_t *p, const uint8_t *end)
{
	uint8_t spelt[12];
	unsigned n = 0;

	while (p < end && n < 8)
		n += unescape(&p, spelt + n);
	return is_reported(spelt, n);
}

/* A name of the top-level object; false when there are too many to report. */
static bool mark_name(struct parser *x, const uint8_t *p, const uint8_t *end)
{
	struct scan *s = x->s;
	size_t n = (size_t)(end - p);
	uint32_t index = s->n_members++;
	bool escaped;

	x->open = x->want_comma = NULL;
	if (n == 0 || !strchr("_tuesd\\", *p))
		return true;
	escaped = memchr(p, '\\', n);
	if (!(escaped ? is_reported_escaped(p, end) : is_reported(p, n)))
		return true;
	if (s->n_marks == SCAN_MARKS_MAX) {
		fail(x, FAIL_MARKS, p);
		return false;
	}
	x->open = &s->marks[s->n_marks++];
	*x->open = (struct scan_mark){
		.name = (uint32_t)(p - x->base), .name_n = (uint32_t)n, .name_escaped = escaped,
		.index = index, .comma_before = index ? x->comma : 0,
	};
	return true;
}

static enum scan_type type_at(uint8_t c)
{
	switch (c) {
	case '{': return SCAN_OBJECT;
	case '[': return SCAN_ARRAY;
	case '"': return SCAN_STRING;
	case 't': return SCAN_TRUE;
	case 'f': return SCAN_FALSE;
	case 'n': return SCAN_NULL;
	default: return SCAN_NUMBER;
	}
}

static void mark_value(struct parser *x, const uint8_t *p)
{
	x->open->value = (uint32_t)(p - x->base);
	x->open->type = (uint8_t)type_at(*p);
}

static void mark_value_end(struct parser *x, const uint8_t *p)
{
	x->open->value_n = (uint32_t)(p - x->base) - x->open->value;
	x->want_comma = x->open;
	x->open = NULL;
}

static void mark_comma(struct parser *x, const uint8_t *p)
{
	x->comma = (uint32_t)(p - x->base);
	if (x->want_comma)
		x->want_comma->comma_after = x->comma;
}

/* --- values ---------------------------------------------------------------------------------- */

/* Past the digits at p; NULL where there is none. */
static const uint8_t *digits(struct parser *x, const uint8_t *p)
{
	const uint8_t *begin = p;

	while (p < x->end && (unsigned)(*p - '0') < 10)
		p++;
	return p == begin ? fail(x, FAIL_NUMBER, p) : p;
}

/* Past the number at p, byte by byte. What may follow it is not decided here. */
static __attribute__((noinline)) const uint8_t *number_rest(struct parser *x, const uint8_t *p)
{
	const uint8_t *end = x->end;

	if (*p == '-')
		p++;
	if (p < end && *p == '0')
		p++;
	else if (!(p = digits(x, p)))
		return NULL;
	if (p < end && *p == '.' && !(p = digits(x, p + 1)))
		return NULL;
	if (p < end && (*p == 'e' || *p == 'E')) {
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		p = digits(x, p);
	}
	return p;
}

/* Past the number at p. One of up to 15 bytes without an exponent ends here, found from the places
 * of its digits; all others, and whatever is wrong with one, are left to number_rest. */
static inline const uint8_t *number(struct parser *x, const uint8_t *p)
{
	unsigned bits, i, n;

	if (x->end - p < 16)
		return number_rest(x, p);
	bits = ~digit_bits(p); /* ones from bit 16 on */
	i = *p == '-';
	n = (unsigned)__builtin_ctz(bits >> i);
	if (n == 0 || (p[i] == '0' && n > 1))
		return number_rest(x, p);
	i += n;
	if (i < 15 && p[i] == '.') {
		n = (unsigned)__builtin_ctz(bits >> (i + 1));
		if (n == 0)
			return number_rest(x, p);
		i += 1 + n;
	}
	if (i > 15 || (p[i] | 0x20) == 'e' || p[i] == '.')
		return number_rest(x, p);
	return p + i;
}

static inline const uint8_t *literal(struct parser *x, const uint8_t *p, const char *word, size_t n)
{
	if (LIKELY((size_t)(x->end - p) >= n && memcmp(p, word, n) == 0))
		return p + n;
	while (p < x->end && *p == (uint8_t)*word) {
		p++;
		word++;
	}
	return fail_byte(x, p);
}

/* The first byte at or after p that is no whitespace; the end where there is none. */
static __attribute__((noinline)) const uint8_t *skip_space(struct parser *x, const uint8_t *p)
{
	for (; p < x->end; p++) {
		if (*p == '\n' || *p == '\r')
			x->newline = true;
		else if (*p != ' ' && *p != '\t')
			break;
	}
	return p;
}

static inline const uint8_t *token(struct parser *x, const uint8_t *p)
{
	return LIKELY(p < x->end && *p > ' ') ? p : skip_space(x, p);
}

static inline void level_open(struct parser *x, struct level *l, uint8_t close)
{
	l->close = close;
	if (close != '}')
		return;
	memset(l->seen, 0, sizeof(l->seen));
	l->first = x->n_names;
	l->wide = 0;
}

static inline void level_close(struct parser *x, const struct level *l)
{
	if (l->close == '}')
		x->n_names = l->first;
}

/* Past the value at p, which is no whitespace. */
static const uint8_t *value(struct parser *x, const uint8_t *p, unsigned max_depth)
{
	const uint8_t *end = x->end;
	struct level *bottom = x->level, *top = bottom + max_depth, *l = bottom;

begin:
	if (UNLIKELY(p == end))
		return fail(x, FAIL_END, p);
	switch (*p) {
	case '"':
		p = string(x, p + 1);
		break;
	case '-': case '0': case '1': case '2': case '3': case '4':
	case '5': case '6': case '7': case '8': case '9':
		p = number(x, p);
		break;
	case 't':
		p = literal(x, p, "true", 4);
		break;
	case 'f':
		p = literal(x, p, "false", 5);
		break;
	case 'n':
		p = literal(x, p, "null", 4);
		break;
	case '{':
	case '[':
		if (l == top)
			return fail(x, FAIL_DEPTH, p);
		level_open(x, ++l, *p + 2); /* '}' and ']' come two after their openers */
		p = token(x, p + 1);
		if (p < end && *p == l->close)
			goto close;
		if (l->close == '}')
			goto member;
		goto begin;
	default:
		return fail(x, FAIL_BYTE, p);
	}
	if (UNLIKELY(!p))
		return NULL;
ended:
	if (l <= bottom + 1) {
		if (l == bottom)
			return p;
		if (x->open)
			mark_value_end(x, p);
	}
	p = token(x, p);
	if (UNLIKELY(p == end))
		return fail(x, FAIL_END, p);
	if (*p == ',') {
		if (l == bottom + 1)
			mark_comma(x, p);
		p = token(x, p + 1);
		if (l->close == '}')
			goto member;
		goto begin;
	}
	if (*p != l->close)
		return fail(x, FAIL_BYTE, p);
close:
	level_close(x, l--);
	p++;
	goto ended;
member:
	if (UNLIKELY(p == end || *p != '"'))
		return fail_byte(x, p);
	{
		const uint8_t *begin = p + 1;
		p = name(x, l, begin);
		if (UNLIKELY(!p))
			return NULL;
		if (l == bottom + 1 && !mark_name(x, begin, p))
			return NULL;
	}
	p = token(x, p + 1);
	if (UNLIKELY(p == end || *p != ':'))
		return fail_byte(x, p);
	p = token(x, p + 1);
	if (l == bottom + 1 && x->open && p < end)
		mark_value(x, p);
	goto begin;
}

/* --- the whole text -------------------------------------------------------------------------- */

/* The name at p of a proved or unfinished string, cut to what a sentence can hold. */
static struct str excerpt(const struct parser *x, const uint8_t *p)
{
	const uint8_t *end = p;

	while (end < x->end && *end != '"' && end - p < 64)
		end += *end == '\\' && x->end - end >= 2 ? 2 : 1;
	while (end > p && end < x->end && (*end & 0xc0) == 0x80)
		end--;
	return str_make((const char *)p, (size_t)(end - p));
}

static int fail_unexpected(const struct parser *x, struct err *e, uint32_t at)
{
	uint8_t c = *x->fail_at;

	if (c > ' ' && c < 0x7f)
		return err_set(e, ERR_INVALID, "not JSON: unexpected '%c' at byte %u", c, at);
	return err_set(e, ERR_INVALID, "not JSON: unexpected byte 0x%02x at byte %u", c, at);
}

static __attribute__((cold)) int explain(const struct parser *x, unsigned max_depth, struct err *e)
{
	uint32_t at = x->s->error_at = (uint32_t)(x->fail_at - x->base);

	switch (x->fail) {
	case FAIL_BYTE:
		return fail_unexpected(x, e, at);
	case FAIL_EMPTY:
		return err_set(e, ERR_INVALID, "not JSON: empty");
	case FAIL_BOM:
		return err_set(e, ERR_INVALID, "not JSON: begins with a byte order mark");
	case FAIL_NUMBER:
		return err_set(e, ERR_INVALID, "not JSON: a digit is missing at byte %u", at);
	case FAIL_CONTROL:
		return err_set(e, ERR_INVALID,
			       "not JSON: control character 0x%02x in a string at byte %u",
			       *x->fail_at, at);
	case FAIL_ESCAPE:
		return err_set(e, ERR_INVALID, "not JSON: no such escape at byte %u", at);
	case FAIL_SURROGATE:
		return err_set(e, ERR_INVALID, "not JSON: lone surrogate at byte %u", at);
	case FAIL_UTF8:
		return err_set(e, ERR_INVALID, "invalid UTF-8 at byte %u", at);
	case FAIL_NUL:
		return err_set(e, ERR_INVALID, "NUL in the name at byte %u", at);
	case FAIL_DUPLICATE:
		return err_set(e, ERR_INVALID, "duplicate name '" STR_FMT "' at byte %u",
			       STR_ARG(excerpt(x, x->fail_at)), at);
	case FAIL_DEPTH:
		return err_set(e, ERR_TOO_LARGE, "nested deeper than %u levels at byte %u", max_depth,
			       at);
	case FAIL_MARKS:
		return err_set(e, ERR_INVALID, "more than %d reserved members", SCAN_MARKS_MAX);
	case FAIL_NONE:
	case FAIL_END:
		break;
	}
	return err_set(e, ERR_INVALID, "not JSON: ends too early, at byte %u", at);
}

/* Fills x->s; false on failure. */
static bool scan_text(struct parser *x, unsigned max_depth)
{
	const uint8_t *p = skip_space(x, x->base);

	x->newline = false;
	if (p == x->end)
		return fail(x, FAIL_EMPTY, p);
	if (x->end - p >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
		return fail(x, FAIL_BOM, p);
	x->s->begin = (uint32_t)(p - x->base);
	x->s->type = (uint8_t)type_at(*p);
	x->s->first_after = x->s->begin + 1;
	p = value(x, p, max_depth);
	if (!p)
		return false;
	x->s->end = (uint32_t)(p - x->base);
	x->s->has_newline = x->newline;
	p = skip_space(x, p);
	return p == x->end || fail(x, FAIL_BYTE, p);
}

int scan_json(struct scan *s, struct str text, unsigned max_depth, struct err *e)
{
	struct parser x; /* not cleared: level and names are written before they are read */
	bool proved;

	s->n_members = 0;
	s->n_marks = 0;
	s->error_at = 0;
	if (text.n > SCAN_BYTES_MAX)
		return err_set(e, ERR_TOO_LARGE, "a text of %zu bytes is too large", text.n);
	if (UNLIKELY(!scratch.key[1])) {
		rand_bytes(scratch.key, sizeof(scratch.key));
		scratch.key[1] |= 1;
	}
	if (max_depth > SCAN_DEPTH_MAX)
		max_depth = SCAN_DEPTH_MAX;
	x.base = (const uint8_t *)(text.n ? text.p : "");
	x.end = x.base + text.n;
	x.key[0] = scratch.key[0];
	x.key[1] = scratch.key[1];
	x.s = s;
	x.open = x.want_comma = NULL;
	x.comma = 0;
	x.n_names = x.n_wide = 0;
	x.newline = false;
	x.fail = FAIL_NONE;
	proved = scan_text(&x, max_depth);
	if (x.n_wide)
		wide_end(&scratch.wide);
	return proved ? 0 : explain(&x, max_depth, e);
}

bool scan_name_is(struct str raw, struct str name)
{
	const uint8_t *p = (const uint8_t *)raw.p, *end = p + raw.n;
	uint8_t spelt[4];
	size_t at = 0;

	while (p < end) {
		unsigned n = unescape(&p, spelt);
		if (name.n - at < n || memcmp(name.p + at, spelt, n) != 0)
			return false;
		at += n;
	}
	return at == name.n;
}

void scan_unescape(struct buf *out, struct str raw)
{
	const uint8_t *p = (const uint8_t *)raw.p, *end = p + raw.n;
	uint8_t spelt[4];

	while (p < end) {
		const uint8_t *slash = memchr(p, '\\', (size_t)(end - p));
		buf_add(out, p, (size_t)((slash ? slash : end) - p));
		p = slash ? slash : end;
		if (slash)
			buf_add(out, spelt, unescape(&p, spelt));
	}
}
