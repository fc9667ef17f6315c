/* fast.c - documents that are what this program writes, or nearly, without building a tree
 *
 * Strings are looked through eight bytes at a time; a slot costs no allocation and no copy. Used
 * for whole documents in memory here and for windows of a stream in stream.c. */
#include "crdt/fast.h"
#include "crdt/causal.h"
#include "crdt/lww.h"
#include "crdt/number.h"

#include <endian.h>

#define ONES       UINT64_C(0x0101010101010101)
#define HIGH       UINT64_C(0x8080808080808080)
#define DEPTH_MAX  5  /* of what is known here */
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
			hit = ((q - ONES) & ~q) | ((b - ONES) & ~b) | ((t - ONES * 0x20) & ~t) | t;
			hit &= HIGH;
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
	if (p == begin || p - begin > DIGITS_MAX + 1 || v > NUMBER_SAFE_MAX ||
		(*begin == '0' && p - begin > 1) || p >= end)
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
	if (p >= end || p - begin > DIGITS_MAX + 1 || p[-1] == '.' || p[-1] == '0' || *p == 'e' ||
		*p == 'E')
		return NULL;
	return p;
}

/* In line, a constant n makes the comparison one of words. */
static inline __attribute__((always_inline)) const char *literal(
	const char *p, const char *end, const char *text, size_t n)
{
	return (size_t)(end - p) > n && memcmp(p, text, n) == 0 ? p + n : NULL;
}

#define LITERAL(p, end, text) literal(p, end, text, sizeof(text) - 1)

/* The same with a space behind any colon or comma of the text. */
static const char *loose(const char *p, const char *end, const char *text)
{
	for (; *text; text++) {
		if (p >= end || *p++ != *text)
			return NULL;
		p += (*text == ':' || *text == ',') && p < end && *p == ' ';
	}
	return p < end ? p : NULL;
}

static const char *scalar(const char *p, const char *end)
{
	switch (*p) {
	case '"': p = string_end(p + 1, end); return p ? p + 1 : NULL;
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
	if (!p || !(p = string_end(p, end)) || p == begin || p - begin > NODE_MAX)
		return NULL;
	if (!(p = LITERAL(p, end, "\",\"timestamp\":")) || !(p = number(p, end)))
		return NULL;
	if (!deleted && (!(p = LITERAL(p, end, ",\"value\":")) || !(p = scalar(p, end))))
		return NULL;
	return p < end && *p == '}' ? p + 1 : NULL;
}

/* An entry as others write it: members in any order, spaces behind ':' and ','. */
static const char *foreign_entry(const char *p, const char *end, struct lww_entry *e)
{
	struct str deleted = { 0 };

	*e = (struct lww_entry){ 0 };
	if (p >= end || *p != '{')
		return NULL;
	do {
		const char *next;
		struct str *part;

		p += 1 + (end - p > 1 && p[1] == ' ');
		if ((next = loose(p, end, "\"node_id\":")))
			part = &e->node;
		else if ((next = loose(p, end, "\"timestamp\":")))
			part = &e->timestamp;
		else if ((next = loose(p, end, "\"value\":")))
			part = &e->value;
		else if ((next = loose(p, end, "\"deleted\":")))
			part = &deleted;
		if (!next || part->p || !(p = scalar(next, end)) || p >= end)
			return NULL;
		*part = str_make(next, (size_t)(p - next));
	} while (*p == ',');
	e->deleted = str_eq(deleted, STR("true"));
	if (*p != '}' || (deleted.p && !e->deleted) || e->deleted == (e->value.p != NULL))
		return NULL;
	if (e->node.n < 3 || *e->node.p != '"' || e->node.n > NODE_MAX + 2)
		return NULL;
	return e->timestamp.p && *e->timestamp.p >= '0' && *e->timestamp.p <= '9' ? p + 1 : NULL;
}

/* Writes an entry as we do. */
static void tidy_entry(struct crdt_reader *r, struct crdt_leaf *leaf)
{
	struct lww_entry e;
	struct str text;

	foreign_entry(leaf->val, leaf->val + leaf->val_n, &e);
	r->val.n = 0;
	lww_write(&r->val, &e);
	text = arena_copy(&r->state->arena, buf_str(&r->val));
	leaf->val = text.p;
	leaf->val_n = (uint32_t)text.n;
}

/* Behind the comma at p. */
static inline const char *comma(const char *p, const char *end, bool *untidy)
{
	if (p >= end || *p != ',')
		return NULL;
	p++;
	if (p < end && *p == ' ') {
		*untidy = true;
		p++;
	}
	return p;
}

const char *fast_dot(const char *p, const char *end, struct crdt_dot *dot, bool *untidy)
{
	bool space = end - p > 1 && p[1] == ' ';
	const char *node = LITERAL(p + 1 + space, end, "[\"");

	*untidy |= space;
	if (!node || !(p = string_end(node, end)) || p == node || p - node > NODE_MAX)
		return NULL;
	dot->node = str_make(node, (size_t)(p - node));
	if (!(p = comma(p + 1, end, untidy)) || !(p = digits(p, end, &dot->seq)) || dot->seq == 0 ||
		*p != ']')
		return NULL;
	return end - p > 1 && (p[1] == ',' || p[1] == ']') ? p + 1 : NULL;
}

/* ["x",[["a",1],["b",2]]] */
static const char *element(const char *p, const char *end, struct crdt_leaf *leaf, bool *untidy)
{
	struct crdt_dot dot;

	leaf->key = p + 1;
	if (end - p < 2 || *p != '[' || !(p = scalar(leaf->key, end)))
		return NULL;
	leaf->key_n = (uint32_t)(p - leaf->key);
	if (!(p = comma(p, end, untidy)) || p >= end || *p != '[')
		return NULL;
	leaf->val = p;
	do {
		p = fast_dot(p, end, &dot, untidy);
	} while (p && *p == ',');
	if (!p)
		return NULL;
	leaf->val_n = (uint32_t)(++p - leaf->val);
	return p < end && *p == ']' ? p + 1 : NULL;
}

/* "x":1 or "x":{...} */
static const char *slot(const char *p, const char *end, const struct crdt_type *type,
	struct crdt_leaf *leaf, bool *untidy)
{
	struct lww_entry e;

	leaf->key = p + 1;
	if (p >= end || *p != '"' || !(p = string_end(leaf->key, end)))
		return NULL;
	leaf->key_n = (uint32_t)(p - leaf->key);
	if (end - p < 3 || p[1] != ':')
		return NULL;
	p += 2;
	if (*p == ' ') {
		*untidy = true;
		p++;
	}
	if (type == &crdt_gcounter) {
		leaf->val_n = LEAF_COUNT;
		return leaf->key_n > 0 && leaf->key_n <= NODE_MAX ? digits(p, end, &leaf->num)
		                                                  : NULL;
	}
	leaf->val = p;
	p = entry(p, end);
	if (!p) {
		p = foreign_entry(leaf->val, end, &e);
		*untidy = true;
	}
	if (!p)
		return NULL;
	leaf->val_n = (uint32_t)(p - leaf->val);
	return p;
}

const char *fast_member(const char *p, const char *end, const struct crdt_type *type,
	struct crdt_leaf *leaf, bool *untidy)
{
	p = type->causal ? element(p, end, leaf, untidy) : slot(p, end, type, leaf, untidy);
	return p && p < end && (*p == ',' || *p == (type->causal ? ']' : '}')) ? p : NULL;
}

/* The context at p; its end. */
static const char *context(
	struct crdt_state *s, const char *p, const char *end, const struct crdt_options *o)
{
	struct crdt_report quiet = { 0 };
	struct crdt_reader r = { .options = o, .report = &quiet, .state = s };
	const struct json *v;
	bool good;

	r.json = (struct json_reader){ .arena = &r.tree,
		.report = &quiet,
		.max_depth = o->max_depth,
		.begin = p,
		.p = p,
		.end = end };
	v = json_read(&r.json);
	good = v && causal_context(&r, v) == 0 && quiet.errors + quiet.warnings == 0;
	crdt_reader_fini(&r);
	return good ? r.json.p : NULL;
}

static const char *envelope(
	struct crdt_state *s, const char *p, const char *end, const struct crdt_options *o)
{
	static const struct crdt_type *const known[] = { &crdt_gcounter, &crdt_lwwmap,
		&crdt_orset };
	const char *next = NULL;

	s->shape = SHAPE_V1;
	for (size_t i = 0; !next && i < sizeof(known) / sizeof(*known); i++) {
		s->type = known[i];
		next = literal(p, end, s->type->name, strlen(s->type->name));
	}
	if (!next || !(p = loose(next, end, "/1\",")))
		return NULL;
	if (s->type->causal && (!(p = loose(p, end, "\"ctx\":")) || !(p = context(s, p, end, o)) ||
				       !(p = loose(p, end, ","))))
		return NULL;
	next = loose(p, end, "\"delta\":true,");
	s->delta = next != NULL;
	p = next ? next : p;
	next = loose(p, end, "\"id\":\"");
	if (next) {
		s->has_id = true;
		if (!(p = string_end(next, end)))
			return NULL;
		s->id = str_make(next, (size_t)(p - next));
		p = loose(p, end, "\",");
	}
	p = p ? loose(p, end, "\"state\":") : NULL;
	return p && *p == (s->type->causal ? '[' : '{') ? p + 1 : NULL;
}

const char *fast_head(
	struct crdt_state *s, const char *p, const char *end, const struct crdt_options *o)
{
	const char *next;
	struct crdt_leaf leaf;
	bool untidy = false;

	if (o->at || o->replica || o->max_depth < DEPTH_MAX || p >= end || *p != '{')
		return NULL;
	next = loose(p, end, "{\"crdt\":\"");
	if (next) {
		p = envelope(s, next, end, o);
	} else {
		p++;
		s->shape = SHAPE_PLAIN;
		s->type = fast_member(p, end, &crdt_gcounter, &leaf, &untidy) ? &crdt_gcounter
		          : fast_member(p, end, &crdt_lwwmap, &leaf, &untidy) ? &crdt_lwwmap
		                                                              : NULL;
	}
	if (!p || !s->type || (o->type && o->type != s->type))
		return NULL;
	return s->type != &crdt_lwwmap || o->max_drift_us < 0 ? p : NULL;
}

/* A plain object with such a key may be a register. */
static bool may_be_register(const struct crdt_leaves *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (str_eq(leaf_key(&l->v[i]), STR("node_id")))
			return true;
	return false;
}

/* A leaf for each dot of an element. */
static void add_dots(struct crdt_reader *r, const struct crdt_leaf *member)
{
	const char *p = member->val, *end = p + member->val_n;
	bool untidy = false;
	size_t n;

	r->key.n = 0;
	buf_add_str(&r->key, leaf_key(member));
	buf_add_char(&r->key, '\0');
	n = r->key.n;
	do {
		struct crdt_dot dot;

		p = fast_dot(p, end, &dot, &untidy);
		r->val.n = 0;
		key_add(&r->val, dot.node);
		key_add_dot(&r->key, buf_str(&r->val), dot.seq);
		crdt_add_val(r, NULL);
		r->key.n = n;
	} while (*p == ',');
	r->key.n = 0;
}

bool fast_read(struct crdt_reader *r, struct crdt_state *out)
{
	const char *end = r->json.end, *p = fast_head(out, r->json.p, end, r->options);
	struct crdt_leaf leaf;
	struct str tail;
	bool untidy;

	if (!p)
		return false;
	tail = fast_tail(out);
	while (p < end && *p != tail.p[0]) {
		untidy = false;
		p = fast_member(p, end, out->type, &leaf, &untidy);
		if (!p)
			return false;
		if (untidy && out->type == &crdt_lwwmap)
			tidy_entry(r, &leaf);
		if (out->type->causal)
			add_dots(r, &leaf);
		else
			leaves_add(&out->leaves, leaf);
		if (*p == ',' && ((p = comma(p, end, &untidy)) >= end || *p == tail.p[0]))
			return false;
	}
	if (!str_starts(str_make(p, (size_t)(end - p)), tail))
		return false;
	p += tail.n;
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\r'))
		p++;
	if (p < end && *p != '\n')
		return false;
	if (out->shape != SHAPE_V1 && may_be_register(&out->leaves))
		return false;
	if (leaves_sort(&out->leaves))
		return false;
	r->json.p = p;
	r->whole = true;
	return true;
}
