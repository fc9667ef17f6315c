/* compare.c - two states side by side: order, differences, least delta
 *
 * Order is defined by the join, so it is found by joining copies: nothing here knows a rule of its
 * own. */
#include "crdt/compare.h"
#include "crdt/causal.h"
#include "base/err.h"
#include "base/mem.h"

#include <stdlib.h>

const char *const crdt_order_names[] = { "equal", "before", "after", "concurrent" };

int crdt_order(struct crdt_report *r, const struct crdt_state *a, const struct crdt_state *b)
{
	struct crdt_state both, other;
	bool is_a, is_b;
	int rc;

	crdt_clone(&both, a);
	crdt_clone(&other, b);
	rc = crdt_join(r, &both, &other, NULL);
	is_a = crdt_equal(&both, a);
	is_b = crdt_equal(&both, b);
	crdt_state_fini(&both);
	crdt_state_fini(&other);
	if (rc != 0)
		return rc;
	if (is_a)
		return is_b ? ORDER_EQUAL : ORDER_AFTER;
	return is_b ? ORDER_BEFORE : ORDER_CONCURRENT;
}

static void add_side(struct buf *out, const struct crdt_leaf *l)
{
	if (!l)
		buf_add_text(out, "null");
	else if (l->val_n == LEAF_COUNT)
		buf_add_u64(out, l->num);
	else if (l->val)
		buf_add_str(out, leaf_val(l));
	else
		buf_add_text(out, "true"); /* an element or a dot: it is there */
}

static void diff_line(struct buf *out, const struct crdt_type *t, const struct crdt_leaf *x,
	const struct crdt_leaf *y)
{
	struct str key = leaf_key(x ? x : y);

	buf_add_text(out, "{\"a\":");
	add_side(out, x);
	buf_add_text(out, ",\"b\":");
	add_side(out, y);
	if (t->causal) {
		buf_add_text(out, ",\"dot\":[");
		causal_emit_dot(out, key);
		buf_add_char(out, ']');
	}
	buf_add_text(out, ",\"path\":");
	crdt_path(out, t, key);
	buf_add_text(out, "}\n");
}

/* Steps through two lists by key: which of the next two leaves are of the smaller key. */
static bool next_pair(const struct crdt_leaves *a, size_t *i, const struct crdt_leaves *b,
	size_t *j, const struct crdt_leaf **x, const struct crdt_leaf **y)
{
	int c;

	*x = *i < a->n ? &a->v[*i] : NULL;
	*y = *j < b->n ? &b->v[*j] : NULL;
	c = !*x ? 1 : !*y ? -1 : leaf_cmp(*x, *y);
	if (c > 0)
		*x = NULL;
	else
		++*i;
	if (c < 0)
		*y = NULL;
	else
		++*j;
	return *x || *y;
}

void crdt_diff(struct buf *out, const struct crdt_state *a, const struct crdt_state *b)
{
	const struct crdt_leaf *x, *y;
	size_t i = 0, j = 0;

	while ((i < a->leaves.n || j < b->leaves.n) &&
		next_pair(&a->leaves, &i, &b->leaves, &j, &x, &y))
		if (!x || !y || !leaf_same(x, y))
			diff_line(out, a->type ? a->type : b->type, x, y);
}

static bool covers(const struct crdt_ctx *c, const struct crdt_leaf *l, struct crdt_dot *dot)
{
	key_dot(leaf_key(l), dot);
	return ctx_covers(c, *dot);
}

/* --- deltas ----------------------------------------------------------------------------------- */

/* A dot of b that the receiver may hold as well. It must not be in the context of a delta that does
 * not hold it: there it would mean "removed". */
struct shared {
	struct crdt_dot dot;
	size_t leaf; /* of b */
};

static int by_dot(const void *a, const void *b)
{
	return dot_cmp(((const struct shared *)a)->dot, ((const struct shared *)b)->dot);
}

static size_t digits(uint64_t n)
{
	size_t d = 1;

	while (n >= 10) {
		n /= 10;
		d++;
	}
	return d;
}

/* What it takes to write so many dots of a node, one by one. */
static uint64_t cost_of_naming(struct crdt_dot top, uint64_t n)
{
	uint64_t cost;

	if (__builtin_mul_overflow(n, top.node.n + digits(top.seq) + 4, &cost))
		return UINT64_MAX;
	return cost;
}

/* One node, whose dots up to `top` b has seen without gap, s[0..n) of them shared. Either a shared
 * dot's leaf is repeated, or the dots above it are named one by one: the first *k are repeated,
 * such that the least is written. Returns how much, which is at most what all these leaves take. */
static uint64_t choose_repeats(const struct crdt_state *b, struct crdt_dot top,
	const struct shared *s, size_t n, size_t *k)
{
	uint64_t repeated = 0, least = UINT64_MAX;

	*k = n;
	for (size_t i = 0; i <= n; i++) {
		uint64_t cost =
			cost_of_naming(top, i < n ? top.seq - s[i].dot.seq - (n - i - 1) : 0);

		if (!__builtin_add_overflow(cost, repeated, &cost) && cost < least) {
			least = cost;
			*k = i;
		}
		if (i < n) {
			const struct crdt_leaf *l = &b->leaves.v[s[i].leaf];

			repeated += l->key_n + (l->val ? l->val_n : 0) + 8;
		}
	}
	return least;
}

/* Names the dots of a node from `from` to `top`, without those that are shared or were `seen`
 * (NULL: none). */
static void name_dots(struct crdt_state *d, const struct crdt_ctx *seen, uint64_t from,
	struct crdt_dot top, const struct shared *s, size_t n)
{
	struct crdt_dot dot = top;
	size_t i = 0;

	for (dot.seq = from; dot.seq <= top.seq; dot.seq++) {
		while (i < n && s[i].dot.seq < dot.seq)
			i++;
		if ((i == n || s[i].dot.seq != dot.seq) && !(seen && ctx_covers(seen, dot)))
			ctx_list_add(&d->ctx.cloud, dot);
	}
}

/* All dots of a node. */
static void cover_node(struct crdt_state *d, const struct crdt_state *b, struct crdt_dot top,
	const struct shared *s, size_t n, size_t k)
{
	struct crdt_dot dot = top;

	for (size_t i = 0; i < k; i++)
		leaves_add(&d->leaves, b->leaves.v[s[i].leaf]);
	if (k < n)
		dot.seq = s[k].dot.seq - 1;
	ctx_list_add(&d->ctx.vv, dot);
	if (k < n)
		name_dots(d, NULL, s[k].dot.seq + 1, top, s + k, n - k);
}

static bool is_shared(const struct shared *s, size_t n, struct crdt_dot dot)
{
	struct shared want = { .dot = dot };

	return n > 0 && bsearch(&want, s, n, sizeof(*s), by_dot);
}

/* Gives d the context for what b has seen and `seen` has not (NULL: everything). Node by node what
 * is new is named, or all is covered and what is shared of it repeated, whichever is shorter. */
static void cover(struct crdt_state *d, const struct crdt_ctx *seen, const struct crdt_state *b,
	struct shared *s, size_t n)
{
	size_t at = 0;

	if (n > 0)
		qsort(s, n, sizeof(*s), by_dot);
	for (size_t i = 0; i < b->ctx.vv.n; i++) {
		struct crdt_dot top = b->ctx.vv.v[i];
		uint64_t known = seen ? ctx_count(seen, top.node) : 0, cost;
		size_t begin, end, k;

		if (known >= top.seq)
			continue;
		while (at < n && dot_cmp(s[at].dot, (struct crdt_dot){ top.node, 0 }) < 0)
			at++;
		begin = end = at;
		while (end < n && str_eq(s[end].dot.node, top.node) && s[end].dot.seq <= top.seq)
			end++;
		cost = choose_repeats(b, top, s + begin, end - begin, &k);
		if (known > 0 && cost_of_naming(top, top.seq - known) <= cost + top.node.n)
			name_dots(d, seen, known + 1, top, s + begin, end - begin);
		else
			cover_node(d, b, top, s + begin, end - begin, k);
	}
	for (size_t i = 0; i < b->ctx.cloud.n; i++)
		if (!is_shared(s, n, b->ctx.cloud.v[i]) &&
			!(seen && ctx_covers(seen, b->ctx.cloud.v[i])))
			ctx_list_add(&d->ctx.cloud, b->ctx.cloud.v[i]);
	ctx_normalise(&d->ctx, NULL);
	if (d->leaves.unsorted)
		leaves_sort(&d->leaves);
}

static void begin_delta(
	struct crdt_state *d, const struct crdt_type *t, const struct crdt_state *b)
{
	*d = (struct crdt_state){ .type = t, .shape = SHAPE_V1, .delta = true, .has_id = b->has_id,
		.id = b->id, .has_epoch = b->has_epoch, .epoch = b->epoch };
}

void crdt_delta(struct crdt_state *d, const struct crdt_state *a, const struct crdt_state *b)
{
	const struct crdt_type *t = b->type ? b->type : a->type;
	struct shared *s = mem_array(b->leaves.n, sizeof(*s));
	const struct crdt_leaf *x, *y;
	struct crdt_dot dot;
	size_t i = 0, j = 0, n = 0;

	begin_delta(d, t, b);
	while (t && (i < a->leaves.n || j < b->leaves.n) &&
		next_pair(&a->leaves, &i, &b->leaves, &j, &x, &y)) {
		struct crdt_leaf joined;

		if (!y) {
			if (t->causal && covers(&b->ctx, x, &dot))
				ctx_list_add(&d->ctx.cloud, dot); /* removed in b */
			continue;
		}
		if (!x && t->causal && covers(&a->ctx, y, &dot))
			continue; /* removed in a */
		if (x) {
			joined = *x;
			if (!t->join || !(t->join(&joined, y, &d->arena) & JOIN_RIGHT)) {
				if (t->causal) {
					key_dot(leaf_key(y), &dot);
					s[n++] = (struct shared){ dot, j - 1 };
				}
				continue;
			}
		}
		leaves_add(&d->leaves, *y);
		if (t->causal && x) {
			key_dot(leaf_key(y), &dot);
			ctx_list_add(&d->ctx.cloud, dot);
		}
	}
	if (t && t->causal)
		cover(d, &a->ctx, b, s, n);
	mem_free(s);
}

int crdt_delta_since(struct crdt_report *r, struct crdt_state *d, const struct crdt_ctx *ctx,
	const struct crdt_state *b)
{
	struct shared *s;
	struct crdt_dot dot;
	size_t n = 0;

	begin_delta(d, b->type, b);
	if (b->type && !b->type->causal)
		return crdt_find(r, E_TYPE, b->line, "",
			"%s has no context: its delta is against a state", b->type->name);
	s = mem_array(b->leaves.n, sizeof(*s));
	for (size_t i = 0; i < b->leaves.n; i++) {
		if (covers(ctx, &b->leaves.v[i], &dot))
			s[n++] = (struct shared){ dot, i };
		else
			leaves_add(&d->leaves, b->leaves.v[i]);
	}
	cover(d, NULL, b, s, n);
	mem_free(s);
	return 0;
}
