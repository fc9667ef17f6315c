/* slots.c - types that are a maximum per slot: gcounter, pncounter, bcounter, max, min
 *
 * A slot is written by one replica only (or, for max and min, by all), and only ever grows: the
 * join takes the larger one of each. Zero slots are kept: they tell that a replica exists. */
#include "crdt/crdt.h"
#include "crdt/number.h"
#include "base/err.h"
#include "base/mem.h"

#include <stdlib.h>

static int read_slots(struct crdt_reader *r, const struct json *v, bool pairs)
{
	size_t key_n = r->key.n;
	uint64_t count;

	if (crdt_want_object(r, v, NULL) != 0)
		return ERR_INVALID;
	for (const struct json *m = v->first; m; m = m->next) {
		if (crdt_node(r, m, m->name) != 0 || crdt_count(r, m, &count) != 0)
			return ERR_INVALID;
		if (pairs)
			key_add(&r->key, m->name);
		else
			buf_add_str(&r->key, m->name);
		crdt_add_count(r, count);
		r->key.n = key_n;
	}
	return 0;
}

static int join_count(struct crdt_leaf *a, const struct crdt_leaf *b, struct arena *arena)
{
	(void)arena;
	if (b->num <= a->num)
		return 0;
	a->num = b->num;
	return JOIN_RIGHT;
}

static void emit_slots(struct crdt_out *o, const struct crdt_leaf *v, size_t n, size_t skip)
{
	buf_add_char(o->b, '{');
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_add_char(o->b, ',');
		leaves_prefetch(v, n, i);
		canon_string(o->b, str_skip(leaf_key(&v[i]), skip));
		buf_add_char(o->b, ':');
		buf_add_u64(o->b, v[i].num);
		crdt_out_turn(o);
	}
	buf_add_char(o->b, '}');
}

static __int128 sum(const struct crdt_leaf *v, size_t n)
{
	__int128 total = 0;

	for (size_t i = 0; i < n; i++)
		total += v[i].num;
	return total;
}

static void path_slot(struct buf *out, struct str key)
{
	canon_string(out, key);
}

/* --- gcounter --------------------------------------------------------------------------------- */

static int read_gcounter(struct crdt_reader *r, const struct json *v)
{
	return read_slots(r, v, false);
}

static void value_gcounter(struct buf *out, const struct crdt_leaf *v, size_t n, size_t skip)
{
	(void)skip;
	number_add_i128(out, sum(v, n));
}

const struct crdt_type crdt_gcounter = {
	.name = "gcounter",
	.read = read_gcounter,
	.emit = emit_slots,
	.value = value_gcounter,
	.join = join_count,
	.path = path_slot,
};

/* --- pncounter -------------------------------------------------------------------------------- */

static int read_half(struct crdt_reader *r, const struct json *v, const char *name)
{
	const struct json *m = json_get(v, name);
	int rc = 0;

	if (!m && !r->state->delta)
		return json_find(&r->json, v, E_KEY, "the member '%s' is missing", name);
	buf_add_text(&r->key, name);
	if (m)
		rc = read_slots(r, m, false);
	r->key.n = 0;
	return rc;
}

static int read_pncounter(struct crdt_reader *r, const struct json *v)
{
	if (crdt_want_object(r, v, "n p") != 0)
		return ERR_INVALID;
	return read_half(r, v, "n") || read_half(r, v, "p") ? ERR_INVALID : 0;
}

static void emit_pncounter(struct crdt_out *o, const struct crdt_leaf *v, size_t n, size_t skip)
{
	size_t minus = leaves_half(v, n, 'n');

	buf_add_text(o->b, "{\"n\":");
	emit_slots(o, v, minus, skip + 1);
	buf_add_text(o->b, ",\"p\":");
	emit_slots(o, v + minus, n - minus, skip + 1);
	buf_add_char(o->b, '}');
}

static void value_pncounter(struct buf *out, const struct crdt_leaf *v, size_t n, size_t skip)
{
	size_t minus = leaves_half(v, n, 'n');

	(void)skip;
	number_add_i128(out, sum(v + minus, n - minus) - sum(v, minus));
}

static void path_pncounter(struct buf *out, struct str key)
{
	canon_string(out, str_make(key.p, 1));
	buf_add_char(out, ',');
	canon_string(out, str_skip(key, 1));
}

const struct crdt_type crdt_pncounter = {
	.name = "pncounter",
	.read = read_pncounter,
	.emit = emit_pncounter,
	.value = value_pncounter,
	.join = join_count,
	.path = path_pncounter,
};

/* --- bcounter --------------------------------------------------------------------------------- */

static int read_bcounter(struct crdt_reader *r, const struct json *v)
{
	const struct json *rights, *used;

	if (crdt_want_object(r, v, "r u") != 0)
		return ERR_INVALID;
	rights = json_get(v, "r");
	used = json_get(v, "u");
	if ((!rights || !used) && !r->state->delta)
		return json_find(
			&r->json, v, E_KEY, "the member '%s' is missing", rights ? "u" : "r");
	if (rights && crdt_want_object(r, rights, NULL) != 0)
		return ERR_INVALID;
	for (const struct json *m = rights ? rights->first : NULL; m; m = m->next) {
		int rc = crdt_node(r, m, m->name);

		buf_add_char(&r->key, 'r');
		key_add(&r->key, m->name);
		if (rc == 0)
			rc = read_slots(r, m, false);
		r->key.n = 0;
		if (rc != 0)
			return rc;
	}
	return used ? read_half(r, v, "u") : 0;
}

static void emit_bcounter(struct crdt_out *o, const struct crdt_leaf *v, size_t n, size_t skip)
{
	size_t rights = leaves_half(v, n, 'r');

	buf_add_text(o->b, "{\"r\":{");
	for (size_t i = 0, end; i < rights; i = end) {
		struct str head = key_head(str_skip(leaf_key(&v[i]), skip + 1));

		for (end = i + 1; end < rights; end++)
			if (!str_starts(str_skip(leaf_key(&v[end]), skip + 1), head))
				break;
		if (i > 0)
			buf_add_char(o->b, ',');
		canon_component(o->b, head);
		buf_add_char(o->b, ':');
		emit_slots(o, v + i, end - i, skip + 1 + head.n);
	}
	buf_add_text(o->b, "},\"u\":");
	emit_slots(o, v + rights, n - rights, skip + 1);
	buf_add_char(o->b, '}');
}

static bool is_minted(const struct crdt_leaf *l)
{
	struct str head = key_head(str_make(l->key + 1, l->key_n - 1));
	struct buf from = { 0 };
	bool same;

	key_decode(&from, head);
	same = str_eq(buf_str(&from), str_make(l->key + 1 + head.n, l->key_n - 1 - head.n));
	buf_fini(&from);
	return same;
}

static void value_bcounter(struct buf *out, const struct crdt_leaf *v, size_t n, size_t skip)
{
	size_t rights = leaves_half(v, n, 'r');
	__int128 total = 0;

	(void)skip;
	for (size_t i = 0; i < rights; i++)
		if (is_minted(&v[i]))
			total += v[i].num;
	number_add_i128(out, total - sum(v + rights, n - rights));
}

static void path_bcounter(struct buf *out, struct str key)
{
	struct str head, rest = str_skip(key, 1);

	canon_string(out, str_make(key.p, 1));
	buf_add_char(out, ',');
	if (key.p[0] == 'r') {
		head = key_head(rest);
		canon_component(out, head);
		buf_add_char(out, ',');
		rest = str_skip(rest, head.n);
	}
	canon_string(out, rest);
}

/* What one cell gives to a node, or takes from it. */
struct right {
	struct str node;
	__int128 n;
	const struct crdt_leaf *leaf;
};

static int by_node(const void *a, const void *b)
{
	return canon_cmp(((const struct right *)a)->node, ((const struct right *)b)->node);
}

/* What a replica minted and was given, without what it gave away and used, is never below 0. */
static int check_bcounter(struct crdt_report *r, const struct crdt_state *s)
{
	struct right *rights = mem_array(2 * s->leaves.n, sizeof(*rights));
	struct arena names = { 0 };
	struct buf name = { 0 }, path = { 0 };
	char brief[STR_BRIEF];
	size_t n = 0;
	int rc = 0;

	for (size_t i = 0; i < s->leaves.n; i++) {
		const struct crdt_leaf *l = &s->leaves.v[i];
		struct str key = str_skip(leaf_key(l), 1), head;

		if (l->key[0] == 'u') {
			rights[n++] = (struct right){ key, -(__int128)l->num, l };
			continue;
		}
		head = key_head(key);
		key = str_skip(key, head.n);
		name.n = 0;
		key_decode(&name, head);
		rights[n++] = (struct right){ key, l->num, l };
		if (!str_eq(buf_str(&name), key))
			rights[n++] = (struct right){ arena_copy(&names, buf_str(&name)),
				-(__int128)l->num, l };
	}
	if (n > 0)
		qsort(rights, n, sizeof(*rights), by_node);
	for (size_t i = 0, end; i < n && rc == 0; i = end) {
		__int128 left = 0;

		for (end = i; end < n && str_eq(rights[end].node, rights[i].node); end++)
			left += rights[end].n;
		if (left >= 0)
			continue;
		crdt_path(&path, s->type, leaf_key(rights[i].leaf));
		rc = crdt_find(r, E_RIGHTS, s->line, buf_cstr(&path),
			"'%s' has spent more rights than it held",
			str_brief(rights[i].node, brief, sizeof(brief)));
	}
	arena_fini(&names);
	buf_fini(&name);
	buf_fini(&path);
	mem_free(rights);
	return rc;
}

const struct crdt_type crdt_bcounter = {
	.name = "bcounter",
	.read = read_bcounter,
	.emit = emit_bcounter,
	.value = value_bcounter,
	.join = join_count,
	.path = path_bcounter,
	.check = check_bcounter,
};

/* --- max, min --------------------------------------------------------------------------------- */

static int read_extreme(struct crdt_reader *r, const struct json *v)
{
	struct number n;
	struct buf text = { 0 };
	struct str val;

	if (v->type == JSON_NULL)
		return 0; /* nothing yet */
	if (v->type != JSON_INT && v->type != JSON_REAL)
		return json_find(&r->json, v, E_KEY, "a number was expected");
	if (number_parse(&n, v->text) != 0 || (!n.real && n.u > (uint64_t)INT64_MAX + n.negative))
		return json_find(&r->json, v, E_RANGE, "the number is out of range");
	canon_value(&r->json, &text, v);
	val = buf_str(&text);
	crdt_add_val(r, &val);
	buf_fini(&text);
	return 0;
}

/* 1 and 1.0 are equal as numbers; their bytes decide then. */
static int cmp_extreme(const struct crdt_leaf *a, const struct crdt_leaf *b)
{
	struct number x, y;
	int c;

	number_parse(&x, leaf_val(a));
	number_parse(&y, leaf_val(b));
	c = number_cmp(x, y);
	return c ? c : canon_cmp(leaf_val(a), leaf_val(b));
}

static int join_max(struct crdt_leaf *a, const struct crdt_leaf *b, struct arena *arena)
{
	(void)arena;
	if (cmp_extreme(a, b) >= 0)
		return 0;
	*a = *b;
	return JOIN_RIGHT;
}

static int join_min(struct crdt_leaf *a, const struct crdt_leaf *b, struct arena *arena)
{
	(void)arena;
	if (cmp_extreme(a, b) <= 0)
		return 0;
	*a = *b;
	return JOIN_RIGHT;
}

static void value_extreme(struct buf *out, const struct crdt_leaf *v, size_t n, size_t skip)
{
	(void)skip;
	if (n > 0)
		buf_add_str(out, leaf_val(v));
	else
		buf_add_text(out, "null");
}

static void emit_extreme(struct crdt_out *o, const struct crdt_leaf *v, size_t n, size_t skip)
{
	value_extreme(o->b, v, n, skip);
}

const struct crdt_type crdt_max = {
	.name = "max",
	.read = read_extreme,
	.emit = emit_extreme,
	.value = value_extreme,
	.join = join_max,
	.path = crdt_path_none,
};

const struct crdt_type crdt_min = {
	.name = "min",
	.read = read_extreme,
	.emit = emit_extreme,
	.value = value_extreme,
	.join = join_min,
	.path = crdt_path_none,
};
