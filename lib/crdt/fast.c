/* fast.c - documents that are what this program writes, without building a tree
 *
 * Strings are looked through eight bytes at a time; a slot costs no allocation and no copy. Used for whole documents in
 * memory here and for windows of a stream in stream.c. */
#include "crdt/fast.h"
#include "crdt/number.h"

#include <endian.h>

#define ONES UINT64_C(0x0101010101010101)
#define HIGH UINT64_C(0x8080808080808080)
#define DIGITS_MAX 15 /* so many of a real survive a double; an integer may have one more */

/* The quote that ends the string whose content begins at p, or NULL. */
static inline const char *string_end(const char *p, const char *end)
{
	const char *begin = p;
	bool high = false;

	for (;;) {
		while (end - p >= 8) {
			uint64_t t, q, b, hit;

			memcpy(&t, p, 8);
			t = le64toh(t); /* the lowest hit is the first */
			q = t ^ ONES * '"';
			b = t ^ ONES * '\\';
			hit = (((q - ONES) & ~q) | ((b - ONES) & ~b) | ((t - ONES * 0x20) & ~t) | t) & HIGH;
			if (hit) {
				p += __builtin_ctzll(hit) >> 3;
				break;
			}
			p += 8;
		}
		if (p >= end)
			return NULL;
		if (*p == '"')
			return !high || str_utf8(str_make(begin, (size_t)(p - begin))) ? p : NULL;
		if (*p == '\\' || (unsigned char)*p < 0x20)
			return NULL;
		high |= (unsigned char)*p >= 0x80;
		p++;
	}
}

/* Digits without a leading zero, at most DIGITS_MAX; NULL else. */
static inline const char *digits(const char *p, const char *end, uint64_t *out)
{
	const char *begin = p;
	uint64_t v = 0;

	for (; p < end && (unsigned char)(*p - '0') < 10; p++)
		v = v * 10 + (unsigned)(*p - '0');
	if (p == begin || p - begin > DIGITS_MAX + 1 || v > NUMBER_SAFE_MAX || (*begin == '0' && p - begin > 1) || p >= end)
		return NULL;
	*out = v;
	return p;
}

/* "12", "12.5": canonical as it stands, and no real that is an integer. */
static const char *number(const char *p, const char *end)
{
	const char *begin = p;
	uint64_t v;

	p = digits(p, end, &v);
	if (!p || *p == 'e' || *p == 'E')
		return NULL;
	if (*p != '.')
		return p;
	if (v == 0 && p + 1 < end && p[1] == '0')
		return NULL; /* 0.00001 is written otherwise */
	for (p++; p < end && (unsigned char)(*p - '0') < 10;)
		p++;
	if (p >= end || p - begin > DIGITS_MAX + 1 || p[-1] == '.' || p[-1] == '0' || *p == 'e' || *p == 'E')
		return NULL;
	return p;
}

static const char *literal(const char *p, const char *end, const char *text, size_t n)
{
	return (size_t)(end - p) > n && memcmp(p, text, n) == 0 ? p + n : NULL;
}

#define LITERAL(p, end, text) literal(p, end, text, sizeof(text) - 1)

static const char *scalar(const char *p, const char *end)
{
	switch (*p) {
	case '"':
		p = string_end(p + 1, end);
		return p ? p + 1 : NULL;
	case 't': return LITERAL(p, end, "true");
	case 'f': return LITERAL(p, end, "false");
	case 'n': return LITERAL(p, end, "null");
	case '-': return p + 1 < end && p[1] != '0' ? number(p + 1, end) : NULL;
	default: return number(p, end);
	}
}

static const char *entry(const char *p, const char *end)
{
	const char *next = LITERAL(p, end, "{\"node_id\":\""), *begin;
	bool deleted = !next;

	p = next ? next : LITERAL(p, end, "{\"deleted\":true,\"node_id\":\"");
	begin = p;
	if (!p || !(p = string_end(p, end)) || p == begin || p - begin > 1024)
		return NULL;
	if (!(p = LITERAL(p, end, "\",\"timestamp\":")) || !(p = number(p, end)))
		return NULL;
	if (!deleted && (!(p = LITERAL(p, end, ",\"value\":")) || !(p = scalar(p, end))))
		return NULL;
	return p < end && *p == '}' ? p + 1 : NULL;
}

const char *fast_member(const char *p, const char *end, enum fast_kind kind, struct crdt_leaf *leaf)
{
	const char *key = p + 1, *value;

	if (p >= end || *p != '"' || !(p = string_end(key, end)))
		return NULL;
	leaf->key = key;
	leaf->key_n = (uint32_t)(p - key);
	if (end - p < 3 || p[1] != ':')
		return NULL;
	value = p + 2 + (p[2] == ' ');
	if (kind == FAST_COUNTS) {
		leaf->val_n = LEAF_COUNT;
		p = leaf->key_n > 0 && leaf->key_n <= 1024 ? digits(value, end, &leaf->num) : NULL;
		return p && (*p == ',' || *p == '}') ? p : NULL;
	}
	p = entry(value, end);
	if (!p || p >= end || (*p != ',' && *p != '}'))
		return NULL;
	leaf->val = value;
	leaf->val_n = (uint32_t)(p - value);
	return p;
}

bool fast_head(struct fast_head *h, const char *p, const char *end, const struct crdt_options *o)
{
	const char *next;
	struct crdt_leaf leaf;

	*h = (struct fast_head){ 0 };
	if (o->at)
		return false;
	next = LITERAL(p, end, "{\"crdt\":\"");
	if (!next) {
		if (p >= end || *p != '{')
			return false;
		h->body = p + 1;
		h->kind = FAST_COUNTS;
		if (!fast_member(h->body, end, FAST_COUNTS, &leaf)) {
			h->kind = FAST_ENTRIES;
			if (!fast_member(h->body, end, FAST_ENTRIES, &leaf))
				return false;
		}
	} else {
		h->v1 = true;
		h->kind = FAST_COUNTS;
		p = LITERAL(next, end, "gcounter/1\",");
		if (!p) {
			h->kind = FAST_ENTRIES;
			p = LITERAL(next, end, "lwwmap/1\",");
		}
		if (!p)
			return false;
		next = LITERAL(p, end, "\"delta\":true,");
		h->delta = next != NULL;
		p = next ? next : p;
		next = LITERAL(p, end, "\"id\":\"");
		if (next) {
			h->has_id = true;
			p = string_end(next, end);
			if (!p)
				return false;
			h->id = str_make(next, (size_t)(p - next));
			p = LITERAL(p, end, "\",");
		}
		h->body = p ? LITERAL(p, end, "\"state\":{") : NULL;
		if (!h->body)
			return false;
	}
	if (o->type && o->type != (h->kind == FAST_COUNTS ? &crdt_gcounter : &crdt_lwwmap))
		return false;
	return h->kind == FAST_COUNTS || o->max_drift_us < 0;
}

/* A plain object with such a key may be a register. */
static bool may_be_register(const struct crdt_leaves *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (str_eq(leaf_key(&l->v[i]), STR("node_id")))
			return true;
	return false;
}

const char *fast_read(struct crdt_reader *r, struct str text, struct crdt_state *out)
{
	const char *p = text.p, *end = text.p + text.n;
	struct fast_head h;
	struct crdt_leaf leaf;

	if (!fast_head(&h, p, end, r->options))
		return NULL;
	p = h.body;
	while (p < end && *p == '"') {
		p = fast_member(p, end, h.kind, &leaf);
		if (!p)
			return NULL;
		leaves_add(&out->leaves, leaf);
		if (*p == ',') {
			p++;
			p += p < end && *p == ' ';
			if (p >= end || *p != '"')
				return NULL;
		}
	}
	if (end - p < (h.v1 ? 2 : 1) || *p != '}' || (h.v1 && p[1] != '}'))
		return NULL;
	p += h.v1 ? 2 : 1;
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\r'))
		p++;
	if (p < end && *p != '\n')
		return NULL;
	if (!h.v1 && may_be_register(&out->leaves))
		return NULL;
	if (leaves_sort(&out->leaves))
		return NULL;
	out->type = h.kind == FAST_COUNTS ? &crdt_gcounter : &crdt_lwwmap;
	out->shape = h.v1 ? SHAPE_V1 : SHAPE_PLAIN;
	out->delta = h.delta;
	out->has_id = h.has_id;
	out->id = h.id;
	return p;
}
