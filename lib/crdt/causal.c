/* causal.c - types of dots under a context: orset, rwset, ewflag, dwflag, mvreg, ccounter, lwwr
 *
 * Every write has a dot, (node, seq), used once. The state holds the dots that still count, the
 * context those ever seen; a dot that one side has seen and no longer holds was removed there. That
 * is the whole join, and join.c does it for all of these types alike, leaf by leaf. Here is only
 * how each is spelled. */
#include "crdt/causal.h"
#include "crdt/lww.h"
#include "crdt/number.h"
#include "base/err.h"

/* --- dots ------------------------------------------------------------------------------------- */

int causal_dot_of(struct crdt_reader *r, const struct json *node, const struct json *seq,
	struct crdt_dot *dot)
{
	struct number n;
	struct buf key = { 0 };

	if (node->type != JSON_STRING)
		return json_find(&r->json, node, E_NODE, "the node of a dot is a string");
	if (crdt_node(r, node, node->text) != 0)
		return ERR_INVALID;
	if (seq->type != JSON_INT)
		return json_find(&r->json, seq, E_CTX, "the number of a dot is an integer");
	if (number_parse(&n, seq->text) != 0 || n.u > INT64_MAX)
		return json_find(&r->json, seq, E_RANGE, "the number of a dot is out of range");
	if (n.negative || n.u == 0)
		return json_find(&r->json, seq, E_CTX, "the number of a dot is at least 1");
	if (n.u > NUMBER_SAFE_MAX)
		json_find(&r->json, seq, W_UNSAFE_INT, "the integer is above 2^53-1");
	key_add(&key, node->text);
	*dot = (struct crdt_dot){ arena_copy(&r->state->arena, buf_str(&key)), n.u };
	buf_fini(&key);
	return 0;
}

int causal_dot(struct crdt_reader *r, const struct json *v, struct crdt_dot *dot)
{
	if (v->type != JSON_ARRAY || v->n != 2)
		return json_find(&r->json, v, E_CTX, 
			"a dot is [node, number], and several are [[node, number], ...]");
	return causal_dot_of(r, v->first, v->first->next, dot);
}

int causal_context(struct crdt_reader *r, const struct json *v)
{
	const struct json *vv, *cloud;
	struct crdt_ctx *ctx = &r->state->ctx;
	struct crdt_dot dot;
	struct buf node = { 0 };
	uint64_t count;

	if (crdt_want_object(r, v, "cloud vv") != 0)
		return ERR_INVALID;
	vv = json_get(v, "vv");
	cloud = json_get(v, "cloud");
	if ((vv && crdt_want_object(r, vv, NULL) != 0) || (cloud && crdt_want_array(r, cloud) != 0))
		return ERR_INVALID;
	for (const struct json *m = vv ? vv->first : NULL; m; m = m->next) {
		if (crdt_node(r, m, m->name) != 0 || crdt_count(r, m, &count) != 0)
			return ERR_INVALID;
		node.n = 0;
		key_add(&node, m->name);
		dot = (struct crdt_dot){ arena_copy(&r->state->arena, buf_str(&node)), count };
		buf_fini(&node);
		ctx_list_add(&ctx->vv, dot);
	}
	for (const struct json *d = cloud ? cloud->first : NULL; d; d = d->next) {
		if (causal_dot(r, d, &dot) != 0)
			return ERR_INVALID;
		ctx_list_add(&ctx->cloud, dot);
	}
	if (ctx_normalise(ctx, &dot))
		return json_find(&r->json, cloud, E_CTX,
			"the cloud holds the dot with number %llu twice",
			(unsigned long long)dot.seq);
	return 0;
}

static int add_dot(struct crdt_reader *r, struct crdt_dot dot, const struct str *val)
{
	size_t key_n = r->key.n;

	key_add_dot(&r->key, dot.node, dot.seq);
	crdt_add_val(r, val);
	r->key.n = key_n;
	return 0;
}

static int read_dots(struct crdt_reader *r, const struct json *v)
{
	struct crdt_dot dot;

	if (crdt_want_array(r, v) != 0)
		return ERR_INVALID;
	for (const struct json *d = v->first; d; d = d->next)
		if (causal_dot(r, d, &dot) != 0 || add_dot(r, dot, NULL) != 0)
			return ERR_INVALID;
	return 0;
}

void causal_emit_dot(struct buf *out, struct str key)
{
	struct crdt_dot dot;

	key_dot(key, &dot);
	canon_component(out, dot.node);
	buf_add_char(out, ',');
	buf_add_u64(out, dot.seq);
}

static void emit_dots(struct crdt_out *o, const struct crdt_leaf *v, size_t n, size_t skip)
{
	(void)skip;
	buf_add_char(o->b, '[');
	for (size_t i = 0; i < n; i++) {
		buf_add_text(o->b, i ? ",[" : "[");
		causal_emit_dot(o->b, leaf_key(&v[i]));
		buf_add_char(o->b, ']');
	}
	buf_add_char(o->b, ']');
}

/* --- orset, rwset ----------------------------------------------------------------------------- */

/* The text of the element at the front of a key. */
static struct str elem_of(const struct crdt_leaf *l, size_t skip)
{
	const char *p = l->key + skip;

	return str_make(p, (size_t)((const char *)memchr(p, '\0', l->key_n - skip) - p));
}

/* The end of the leaves from i that are of the same element. */
static size_t elem_end(const struct crdt_leaf *v, size_t n, size_t i, size_t skip)
{
	struct str elem = elem_of(&v[i], skip);
	size_t end = i + 1;

	while (end < n && str_eq(elem_of(&v[end], skip), elem))
		end++;
	return end;
}

static int read_elem(struct crdt_reader *r, const struct json *pair)
{
	if (pair->type != JSON_ARRAY || pair->n != 2)
		return json_find(&r->json, pair, E_KEY, 
			"an entry is [element, [[node, number], ...]]");
	if (canon_value(&r->json, &r->key, pair->first) != 0)
		return ERR_INVALID;
	buf_add_char(&r->key, '\0');
	return 0;
}

static int read_orset(struct crdt_reader *r, const struct json *v)
{
	size_t key_n = r->key.n;

	if (crdt_want_array(r, v) != 0)
		return ERR_INVALID;
	for (const struct json *e = v->first; e; e = e->next) {
		if (read_elem(r, e) != 0 || read_dots(r, e->first->next) != 0)
			return ERR_INVALID;
		r->key.n = key_n;
	}
	return 0;
}

static void emit_orset(struct crdt_out *o, const struct crdt_leaf *v, size_t n, size_t skip)
{
	buf_add_char(o->b, '[');
	for (size_t i = 0, end; i < n; i = end) {
		end = elem_end(v, n, i, skip);
		buf_add_text(o->b, i ? ",[" : "[");
		buf_add_str(o->b, elem_of(&v[i], skip));
		buf_add_char(o->b, ',');
		emit_dots(o, v + i, end - i, skip);
		buf_add_char(o->b, ']');
		crdt_out_turn(o);
	}
	buf_add_char(o->b, ']');
}

static void value_orset(struct buf *out, const struct crdt_leaf *v, size_t n, size_t skip)
{
	buf_add_char(out, '[');
	for (size_t i = 0, end; i < n; i = end) {
		end = elem_end(v, n, i, skip);
		if (i > 0)
			buf_add_char(out, ',');
		buf_add_str(out, elem_of(&v[i], skip));
	}
	buf_add_char(out, ']');
}

static void path_elem(struct buf *out, struct str key)
{
	buf_add(out, key.p, (size_t)((const char *)memchr(key.p, '\0', key.n) - key.p));
}

const struct crdt_type crdt_orset = {
	.name = "orset",
	.causal = true,
	.read = read_orset,
	.emit = emit_orset,
	.value = value_orset,
	.path = path_elem,
};

static int read_rwset(struct crdt_reader *r, const struct json *v)
{
	size_t key_n = r->key.n;

	if (crdt_want_array(r, v) != 0)
		return ERR_INVALID;
	for (const struct json *e = v->first; e; e = e->next) {
		if (read_elem(r, e) != 0 || crdt_want_object(r, e->first->next, "a r") != 0)
			return ERR_INVALID;
		for (const struct json *m = e->first->next->first; m; m = m->next) {
			buf_add_str(&r->key, m->name);
			if (read_dots(r, m) != 0)
				return ERR_INVALID;
			r->key.n--;
		}
		r->key.n = key_n;
	}
	return 0;
}

/* How many of the leaves of one element are additions: they come first. */
static size_t n_added(const struct crdt_leaf *v, size_t i, size_t end, size_t skip)
{
	size_t tag = skip + elem_of(&v[i], skip).n + 1, a = i;

	while (a < end && v[a].key[tag] == 'a')
		a++;
	return a - i;
}

static void emit_rwset(struct crdt_out *o, const struct crdt_leaf *v, size_t n, size_t skip)
{
	buf_add_char(o->b, '[');
	for (size_t i = 0, end; i < n; i = end) {
		size_t a;

		end = elem_end(v, n, i, skip);
		a = n_added(v, i, end, skip);
		buf_add_text(o->b, i ? ",[" : "[");
		buf_add_str(o->b, elem_of(&v[i], skip));
		buf_add_text(o->b, ",{");
		if (a > 0) {
			buf_add_text(o->b, "\"a\":");
			emit_dots(o, v + i, a, skip);
		}
		if (i + a < end) {
			buf_add_text(o->b, a > 0 ? ",\"r\":" : "\"r\":");
			emit_dots(o, v + i + a, end - i - a, skip);
		}
		buf_add_text(o->b, "}]");
		crdt_out_turn(o);
	}
	buf_add_char(o->b, ']');
}

static void value_rwset(struct buf *out, const struct crdt_leaf *v, size_t n, size_t skip)
{
	bool first = true;

	buf_add_char(out, '[');
	for (size_t i = 0, end; i < n; i = end) {
		end = elem_end(v, n, i, skip);
		if (n_added(v, i, end, skip) != end - i)
			continue;
		if (!first)
			buf_add_char(out, ',');
		first = false;
		buf_add_str(out, elem_of(&v[i], skip));
	}
	buf_add_char(out, ']');
}

const struct crdt_type crdt_rwset = {
	.name = "rwset",
	.causal = true,
	.read = read_rwset,
	.emit = emit_rwset,
	.value = value_rwset,
	.path = path_elem,
};

/* --- flags ------------------------------------------------------------------------------------ */

static void value_ewflag(struct buf *out, const struct crdt_leaf *v, size_t n, size_t skip)
{
	(void)v;
	(void)skip;
	buf_add_text(out, n > 0 ? "true" : "false");
}

const struct crdt_type crdt_ewflag = {
	.name = "ewflag",
	.causal = true,
	.read = read_dots,
	.emit = emit_dots,
	.value = value_ewflag,
	.path = crdt_path_none,
};

static void value_dwflag(struct buf *out, const struct crdt_leaf *v, size_t n, size_t skip)
{
	(void)v;
	(void)skip;
	buf_add_text(out, n > 0 ? "false" : "true");
}

const struct crdt_type crdt_dwflag = {
	.name = "dwflag",
	.causal = true,
	.read = read_dots,
	.emit = emit_dots,
	.value = value_dwflag,
	.path = crdt_path_none,
};

/* --- mvreg, lwwr, ccounter -------------------------------------------------------------------- */

/* [[node, seq, value]...]; `add` writes the canonical text of a value. */
static int read_fun(struct crdt_reader *r, const struct json *v,
	int (*add)(struct crdt_reader *r, const struct json *v))
{
	struct crdt_dot dot;
	struct str val;
	int rc;

	if (crdt_want_array(r, v) != 0)
		return ERR_INVALID;
	for (const struct json *e = v->first; e; e = e->next) {
		if (e->type != JSON_ARRAY || e->n != 3)
			return json_find(&r->json, e, E_KEY, "an entry is [node, number, value]");
		rc = causal_dot_of(r, e->first, e->first->next, &dot);
		r->val.n = 0;
		if (rc == 0)
			rc = add(r, e->first->next->next);
		if (rc != 0)
			return rc;
		val = buf_str(&r->val);
		add_dot(r, dot, &val);
	}
	return 0;
}

static void emit_fun(struct crdt_out *o, const struct crdt_leaf *v, size_t n, size_t skip)
{
	(void)skip;
	buf_add_char(o->b, '[');
	for (size_t i = 0; i < n; i++) {
		buf_add_text(o->b, i ? ",[" : "[");
		causal_emit_dot(o->b, leaf_key(&v[i]));
		buf_add_char(o->b, ',');
		buf_add_str(o->b, leaf_val(&v[i]));
		buf_add_char(o->b, ']');
		crdt_out_turn(o);
	}
	buf_add_char(o->b, ']');
}

/* One dot with two contents: the larger bytes, for everyone. */
static int join_values(struct crdt_leaf *a, const struct crdt_leaf *b, struct arena *arena)
{
	int c = canon_cmp(leaf_val(a), leaf_val(b));

	(void)arena;
	if (c == 0)
		return 0;
	if (c > 0)
		return JOIN_VALUES;
	*a = *b;
	return JOIN_VALUES | JOIN_RIGHT;
}

static int add_any(struct crdt_reader *r, const struct json *v)
{
	return canon_value(&r->json, &r->val, v);
}

static int read_mvreg(struct crdt_reader *r, const struct json *v)
{
	return read_fun(r, v, add_any);
}

static void value_mvreg(struct buf *out, const struct crdt_leaf *v, size_t n, size_t skip)
{
	(void)skip;
	buf_add_char(out, '[');
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_add_char(out, ',');
		buf_add_str(out, leaf_val(&v[i]));
	}
	buf_add_char(out, ']');
}

const struct crdt_type crdt_mvreg = {
	.name = "mvreg",
	.causal = true,
	.read = read_mvreg,
	.emit = emit_fun,
	.value = value_mvreg,
	.join = join_values,
	.path = crdt_path_none,
};

static int add_write(struct crdt_reader *r, const struct json *v)
{
	int rc = lww_read(r, v, &r->val, false);

	return rc == 1 ? json_find(&r->json, v, E_NODE, "node_id is empty") : rc;
}

static int read_lwwr(struct crdt_reader *r, const struct json *v)
{
	return read_fun(r, v, add_write);
}

/* All concurrent writes are kept, and the winner chosen when it is read: dropping the losers would
 * not be associative. */
static void value_lwwr(struct buf *out, const struct crdt_leaf *v, size_t n, size_t skip)
{
	const struct crdt_leaf *best = v;
	struct lww_entry e;

	(void)skip;
	for (size_t i = 1; i < n; i++)
		if (lww_cmp(leaf_val(best), leaf_val(&v[i]), NULL, NULL) < 0)
			best = &v[i];
	if (n > 0 && lww_split(leaf_val(best), &e))
		buf_add_str(out, e.value);
	else
		buf_add_text(out, "null");
}

const struct crdt_type crdt_lwwr = {
	.name = "lwwr",
	.causal = true,
	.read = read_lwwr,
	.emit = emit_fun,
	.value = value_lwwr,
	.join = join_values,
	.path = crdt_path_none,
};

/* [up, down] */
static int add_pair(struct crdt_reader *r, const struct json *v)
{
	uint64_t up, down;

	if (v->type != JSON_ARRAY || v->n != 2)
		return json_find(&r->json, v, E_KEY, "a count is [up, down]");
	if (crdt_count(r, v->first, &up) != 0 || crdt_count(r, v->first->next, &down) != 0)
		return ERR_INVALID;
	buf_addf(&r->val, "[%llu,%llu]", (unsigned long long)up, (unsigned long long)down);
	return 0;
}

static void split_pair(const struct crdt_leaf *l, uint64_t *up, uint64_t *down)
{
	struct str rest, first = str_cut(str_make(l->val + 1, l->val_n - 2), ',', &rest);

	*up = *down = 0;
	str_u64(first, up);
	str_u64(rest, down);
}

static int join_pair(struct crdt_leaf *a, const struct crdt_leaf *b, struct arena *arena)
{
	uint64_t up, down, up_b, down_b;
	struct buf text = { 0 };
	struct str val;

	if (str_eq(leaf_val(a), leaf_val(b)))
		return 0;
	split_pair(a, &up, &down);
	split_pair(b, &up_b, &down_b);
	if (up >= up_b && down >= down_b)
		return JOIN_VALUES;
	if (up <= up_b && down <= down_b) {
		*a = *b;
		return JOIN_VALUES | JOIN_RIGHT;
	}
	buf_addf(&text, "[%llu,%llu]", (unsigned long long)(up > up_b ? up : up_b),
		(unsigned long long)(down > down_b ? down : down_b));
	val = arena_copy(arena, buf_str(&text));
	buf_fini(&text);
	a->val = val.p;
	a->val_n = (uint32_t)val.n;
	return JOIN_VALUES | JOIN_RIGHT | JOIN_BOTH;
}

static int read_ccounter(struct crdt_reader *r, const struct json *v)
{
	return read_fun(r, v, add_pair);
}

static void value_ccounter(struct buf *out, const struct crdt_leaf *v, size_t n, size_t skip)
{
	__int128 total = 0;
	uint64_t up, down;

	(void)skip;
	for (size_t i = 0; i < n; i++) {
		split_pair(&v[i], &up, &down);
		total += (__int128)up - down;
	}
	number_add_i128(out, total);
}

const struct crdt_type crdt_ccounter = {
	.name = "ccounter",
	.causal = true,
	.read = read_ccounter,
	.emit = emit_fun,
	.value = value_ccounter,
	.join = join_pair,
	.path = crdt_path_none,
};
