/* compare.c - two states side by side: order, differences, least delta
 *
 * Order is defined by the join, so it is found by joining copies: nothing here knows a rule of its own. */
#include "crdt/compare.h"
#include "base/err.h"

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
	return is_a && is_b ? ORDER_EQUAL : is_b ? ORDER_BEFORE : is_a ? ORDER_AFTER : ORDER_CONCURRENT;
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

static void add_dot(struct buf *out, struct str key)
{
	struct crdt_dot dot;
	struct buf node = { 0 };

	key_dot(key, &dot);
	key_decode(&node, dot.node);
	buf_add_char(out, '[');
	canon_string(out, buf_str(&node));
	buf_addf(out, ",%llu]", (unsigned long long)dot.seq);
	buf_fini(&node);
}

static void diff_line(struct buf *out, const struct crdt_type *t, const struct crdt_leaf *x, const struct crdt_leaf *y)
{
	struct str key = leaf_key(x ? x : y);

	buf_add_text(out, "{\"a\":");
	add_side(out, x);
	buf_add_text(out, ",\"b\":");
	add_side(out, y);
	if (t->causal) {
		buf_add_text(out, ",\"dot\":");
		add_dot(out, key);
	}
	buf_add_text(out, ",\"path\":");
	crdt_path(out, t, key);
	buf_add_text(out, "}\n");
}

static bool same_value(const struct crdt_leaf *x, const struct crdt_leaf *y)
{
	return x->val_n == y->val_n && (x->val_n == LEAF_COUNT ? x->num == y->num : str_eq(leaf_val(x), leaf_val(y)));
}

/* Steps through two lists by key: which of the next two leaves are of the smaller key. */
static bool next_pair(const struct crdt_leaves *a, size_t *i, const struct crdt_leaves *b, size_t *j,
	const struct crdt_leaf **x, const struct crdt_leaf **y)
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

	while ((i < a->leaves.n || j < b->leaves.n) && next_pair(&a->leaves, &i, &b->leaves, &j, &x, &y))
		if (!x || !y || !same_value(x, y))
			diff_line(out, a->type ? a->type : b->type, x, y);
}

static bool covers(const struct crdt_ctx *c, const struct crdt_leaf *l, struct crdt_dot *dot)
{
	key_dot(leaf_key(l), dot);
	return ctx_covers(c, *dot);
}

int crdt_delta(struct crdt_report *r, struct crdt_state *d, const struct crdt_state *a, const struct crdt_state *b)
{
	const struct crdt_type *t = b->type ? b->type : a->type;
	const struct crdt_leaf *x, *y;
	struct crdt_dot dot;
	size_t i = 0, j = 0;

	*d = (struct crdt_state){ .type = t, .shape = SHAPE_V1, .delta = true, .has_id = b->has_id, .id = b->id,
		.has_epoch = b->has_epoch, .epoch = b->epoch };
	if (!t)
		return 0;
	if (t->causal && ctx_minus(&d->ctx, &b->ctx, &a->ctx, DELTA_DOTS_MAX) != 0)
		return crdt_find(r, E_RANGE, b->line, "/ctx", "the delta would name more than %u dots", DELTA_DOTS_MAX);
	while ((i < a->leaves.n || j < b->leaves.n) && next_pair(&a->leaves, &i, &b->leaves, &j, &x, &y)) {
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
