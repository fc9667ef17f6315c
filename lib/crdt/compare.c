/* compare.c - two states side by side: order, differences, least delta
 *
 * Order is defined by the join, so it is found by joining copies: nothing here knows a rule of its
 * own. */
#include "crdt/compare.h"
#include "crdt/causal.h"
#include "base/err.h"

#include "base/mem.h"

#include <stdlib.h>

#define DELTA_DOTS_MAX (1u << 24)

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

int crdt_delta(struct crdt_report *r, struct crdt_state *d, const struct crdt_state *a,
	const struct crdt_state *b)
{
	const struct crdt_type *t = b->type ? b->type : a->type;
	const struct crdt_leaf *x, *y;
	struct crdt_dot dot;
	size_t i = 0, j = 0;

	*d = (struct crdt_state){ .type = t,
		.shape = SHAPE_V1,
		.delta = true,
		.has_id = b->has_id,
		.id = b->id,
		.has_epoch = b->has_epoch,
		.epoch = b->epoch };
	if (!t)
		return 0;
	if (t->causal && ctx_minus(&d->ctx, &b->ctx, &a->ctx, DELTA_DOTS_MAX) != 0)
		return crdt_find(r, E_RANGE, b->line, "/ctx",
			"the delta would name more than %u dots", DELTA_DOTS_MAX);
	while ((i < a->leaves.n || j < b->leaves.n) &&
		next_pair(&a->leaves, &i, &b->leaves, &j, &x, &y)) {
		struct crdt_leaf joined;
		bool take;

		if (!y) {
			if (t->causal && covers(&b->ctx, x, &dot))
				ctx_list_add(&d->ctx.cloud, dot);
			continue;
		}
		if (x) {
			joined = *x;
			take = t->join && (t->join(&joined, y, &d->arena) & JOIN_RIGHT);
		} else {
			take = !t->causal || !covers(&a->ctx, y, &dot);
		}
		if (!take)
			continue;
		leaves_add(&d->leaves, *y);
		if (t->causal && x) {
			covers(&b->ctx, y, &dot);
			ctx_list_add(&d->ctx.cloud, dot);
		}
	}
	ctx_normalise(&d->ctx, NULL);
	return 0;
}

/* --- a delta for a context -------------------------------------------------------------------- */

/* A dot that b holds and the receiver has seen. It must not be in the context of a delta that does
 * not hold it: there it would mean "removed". */
struct shared {
	struct crdt_dot dot;
	size_t leaf;
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

/* One node, whose dots up to `top` b has seen without gap, s[0..n) of them shared. Either a shared
 * dot's leaf is repeated, or the dots above it are named one by one: the first `k` are repeated,
 * such that the least is written. */
static size_t choose_repeats(
	const struct crdt_state *b, struct crdt_dot top, const struct shared *s, size_t n)
{
	size_t best = n, dot_bytes = top.node.n + digits(top.seq) + 4;
	uint64_t repeated = 0, least = UINT64_MAX;

	for (size_t k = 0; k <= n; k++) {
		uint64_t named = k < n ? top.seq - s[k].dot.seq - (n - k - 1) : 0, cost;

		if (__builtin_mul_overflow(named, dot_bytes, &cost) ||
				__builtin_add_overflow(cost, repeated, &cost))
			cost = UINT64_MAX;
		if (cost < least) {
			least = cost;
			best = k;
		}
		if (k < n) {
			const struct crdt_leaf *l = &b->leaves.v[s[k].leaf];

			repeated += l->key_n + (l->val ? l->val_n : 0) + 8;
		}
	}
	return best;
}

/* The dots of one node; 0, or ERR_TOO_LARGE. */
static int cover_node(struct crdt_state *d, const struct crdt_state *b, struct crdt_dot top,
	const struct shared *s, size_t n)
{
	size_t k = choose_repeats(b, top, s, n);
	struct crdt_dot dot = top;

	for (size_t i = 0; i < k; i++)
		leaves_add(&d->leaves, b->leaves.v[s[i].leaf]);
	if (k < n)
		dot.seq = s[k].dot.seq - 1;
	ctx_list_add(&d->ctx.vv, dot);
	if (k == n)
		return 0;
	for (uint64_t seq = s[k].dot.seq + 1; seq <= top.seq; seq++) {
		while (k < n && s[k].dot.seq < seq)
			k++;
		dot.seq = seq;
		if (d->ctx.cloud.n >= DELTA_DOTS_MAX)
			return ERR_TOO_LARGE;
		if (k == n || s[k].dot.seq != seq)
			ctx_list_add(&d->ctx.cloud, dot);
	}
	return 0;
}

static bool is_shared(const struct shared *s, size_t n, struct crdt_dot dot)
{
	struct shared want = { .dot = dot };

	return n > 0 && bsearch(&want, s, n, sizeof(*s), by_dot);
}

int crdt_delta_since(struct crdt_report *r, struct crdt_state *d, const struct crdt_ctx *ctx,
	const struct crdt_state *b)
{
	struct shared *s = mem_array(b->leaves.n, sizeof(*s));
	size_t n = 0, at = 0;
	struct crdt_dot dot;
	int rc = 0;

	*d = (struct crdt_state){ .type = b->type,
		.shape = SHAPE_V1,
		.delta = true,
		.has_id = b->has_id,
		.id = b->id,
		.has_epoch = b->has_epoch,
		.epoch = b->epoch };
	if (b->type && !b->type->causal)
		rc = crdt_find(r, E_TYPE, b->line, "",
			"%s has no context: its delta is against a state", b->type->name);
	for (size_t i = 0; i < b->leaves.n && rc == 0; i++) {
		if (covers(ctx, &b->leaves.v[i], &dot))
			s[n++] = (struct shared){ dot, i };
		else
			leaves_add(&d->leaves, b->leaves.v[i]);
	}
	if (n > 0)
		qsort(s, n, sizeof(*s), by_dot);
	for (size_t i = 0; i < b->ctx.vv.n && rc == 0; i++) {
		struct crdt_dot top = b->ctx.vv.v[i];
		size_t begin, end;

		while (at < n && dot_cmp(s[at].dot, (struct crdt_dot){ top.node, 0 }) < 0)
			at++;
		begin = end = at;
		while (end < n && str_eq(s[end].dot.node, top.node) && s[end].dot.seq <= top.seq)
			end++;
		if (cover_node(d, b, top, s + begin, end - begin) != 0)
			rc = crdt_find(r, E_RANGE, b->line, "/ctx",
				"the delta would name more than %u dots", DELTA_DOTS_MAX);
	}
	for (size_t i = 0; i < b->ctx.cloud.n && rc == 0; i++)
		if (!is_shared(s, n, b->ctx.cloud.v[i]))
			ctx_list_add(&d->ctx.cloud, b->ctx.cloud.v[i]);
	ctx_normalise(&d->ctx, NULL);
	if (d->leaves.unsorted)
		leaves_sort(&d->leaves);
	mem_free(s);
	return rc;
}
