/* join.c - the join of two states, the same for all types
 *
 * Both lists are merged by key. A leaf on one side only stays, unless the type is causal and the
 * other side has seen its dot: then it was removed there. A leaf on both sides is joined by its
 * type. In place where nothing comes or goes. */
#include "crdt/crdt.h"
#include "base/err.h"
#include "base/mem.h"

void crdt_path(struct buf *out, const struct crdt_type *t, struct str key)
{
	buf_add_char(out, '[');
	t->path(out, key);
	buf_add_char(out, ']');
}

void crdt_path_none(struct buf *out, struct str key)
{
	(void)out;
	(void)key;
}

static void tell(struct crdt_report *r, const struct crdt_state *a, const struct crdt_state *b,
	const struct crdt_leaf *l, int flags)
{
	static const struct {
		int flag;
		enum crdt_code code;
		const char *text;
	} rows[] = {
		{ JOIN_TIE, W_LWW_TIE,
			"two values with the same timestamp and node_id; the larger bytes win" },
		{ JOIN_UNITS, W_TS_UNIT,
			"two timestamps a power of 1000 apart: seconds, ms, us and ns mixed?" },
		{ JOIN_VALUES, W_DOT_VALUE, "one dot with two contents; the larger wins" },
		{ JOIN_MIXED, E_TS_MIXED, "a number and an HLC string as timestamps of one slot" },
	};
	struct buf path = { 0 };

	crdt_path(&path, a->type, leaf_key(l));
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (flags & rows[i].flag)
			crdt_find(r, rows[i].code, b->line, buf_cstr(&path), "%s", rows[i].text);
	buf_fini(&path);
}

static bool removed(const struct crdt_leaf *l, const struct crdt_ctx *other)
{
	struct crdt_dot dot;

	key_dot(leaf_key(l), &dot);
	return ctx_covers(other, dot);
}

/* What a join of lists found. */
struct outcome {
	size_t added;   /* leaves only in b that stay, moved to the front of b's list */
	size_t dropped; /* leaves only in a that go: their key is NULL now */
	bool changed;
	bool failed;
};

static void join_equal(struct crdt_report *r, struct crdt_state *a, const struct crdt_state *b,
	struct crdt_leaf *x, const struct crdt_leaf *y, struct outcome *o)
{
	int flags = a->type->join ? a->type->join(x, y, &a->arena) : 0;

	if (flags == 0)
		return;
	o->changed |= (flags & JOIN_RIGHT) != 0;
	o->failed |= (flags & JOIN_MIXED) != 0;
	if (flags & ~(JOIN_RIGHT | JOIN_BOTH))
		tell(r, a, b, x, flags);
}

/* Few leaves into many: each is looked for. */
static void find_each(
	struct crdt_report *r, struct crdt_state *a, struct crdt_state *b, struct outcome *o)
{
	struct crdt_leaf *x = a->leaves.v, *y = b->leaves.v;

	for (size_t j = 0, lo = 0; j < b->leaves.n; j++) {
		lo = leaves_find(&a->leaves, lo, &y[j]);
		if (lo < a->leaves.n && leaf_cmp(&x[lo], &y[j]) == 0)
			join_equal(r, a, b, &x[lo], &y[j], o);
		else
			y[o->added++] = y[j];
	}
}

static void walk_both(
	struct crdt_report *r, struct crdt_state *a, struct crdt_state *b, struct outcome *o)
{
	struct crdt_leaf *x = a->leaves.v, *y = b->leaves.v;
	size_t i = 0, j = 0, nx = a->leaves.n, ny = b->leaves.n;
	bool causal = a->type->causal;

	while (i < nx || j < ny) {
		int c = i == nx ? 1 : j == ny ? -1 : leaf_cmp(&x[i], &y[j]);

		leaves_prefetch(x, nx, i);
		leaves_prefetch(y, ny, j);
		if (c == 0) {
			join_equal(r, a, b, &x[i++], &y[j++], o);
		} else if (c < 0) {
			if (causal && removed(&x[i], &b->ctx)) {
				x[i].key = NULL;
				o->dropped++;
			}
			i++;
		} else {
			if (!causal || !removed(&y[j], &a->ctx))
				y[o->added++] = y[j];
			j++;
		}
	}
}

static void drop(struct crdt_leaves *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].key)
			l->v[n++] = l->v[i];
	l->n = n;
}

/* Merges the first n leaves of b into a, from the end, so that a's own need no second place. */
static void merge(struct crdt_leaves *a, const struct crdt_leaf *b, size_t n)
{
	size_t i = a->n, to = a->n + n;

	if (to > a->cap) {
		a->cap = n < a->n / 2 ? to + to / 4 : to;
		a->v = mem_resize(a->v, a->cap, sizeof(*a->v));
	}
	a->n = to;
	while (n > 0) {
		if (i > 0 && leaf_cmp(&a->v[i - 1], &b[n - 1]) > 0)
			a->v[--to] = a->v[--i];
		else
			a->v[--to] = b[--n];
	}
}

static bool ctx_has_all(const struct crdt_ctx *a, const struct crdt_ctx *b)
{
	for (size_t i = 0; i < b->vv.n; i++)
		if (ctx_count(a, b->vv.v[i].node) < b->vv.v[i].seq)
			return false;
	for (size_t i = 0; i < b->cloud.n; i++)
		if (!ctx_covers(a, b->cloud.v[i]))
			return false;
	return true;
}

/* a is bottom: it becomes b. */
static void take(struct crdt_state *a, struct crdt_state *b)
{
	struct crdt_state old = *a;

	*a = *b;
	*b = old;
	arena_steal(&a->arena, &b->arena);
	if (old.has_id) {
		a->has_id = true;
		a->id = old.id;
	}
}

static int check_alike(
	struct crdt_report *r, const struct crdt_state *a, const struct crdt_state *b)
{
	if (a->type != b->type)
		return crdt_find(r, E_TYPE, b->line, "", "a %s cannot be merged with a %s",
			b->type->name, a->type->name);
	if (a->has_epoch != b->has_epoch || a->epoch != b->epoch)
		return crdt_find(r, E_EPOCH, b->line, "/epoch",
			"epoch %llu cannot be merged with epoch %llu",
			(unsigned long long)b->epoch, (unsigned long long)a->epoch);
	return 0;
}

int crdt_can_join(struct crdt_report *r, const struct crdt_state *a, const struct crdt_state *b)
{
	struct arena scratch = { 0 };
	int rc = 0;

	if (!a->type || !b->type)
		return 0;
	if (check_alike(r, a, b) != 0)
		return ERR_INVALID;
	for (size_t j = 0; j < b->leaves.n && a->type->join && rc == 0; j++) {
		const struct crdt_leaf *y = &b->leaves.v[j];
		size_t at = leaves_find(&a->leaves, 0, y);
		struct crdt_leaf x;

		if (at == a->leaves.n || leaf_cmp(&a->leaves.v[at], y) != 0)
			continue;
		x = a->leaves.v[at];
		if (a->type->join(&x, y, &scratch) & JOIN_MIXED) {
			tell(r, a, b, y, JOIN_MIXED);
			rc = ERR_INVALID;
		}
	}
	arena_fini(&scratch);
	return rc;
}

int crdt_join(struct crdt_report *r, struct crdt_state *a, struct crdt_state *b, bool *changed)
{
	struct outcome o = { 0 };

	if (changed)
		*changed = false;
	if (!b->type)
		return 0;
	if (!a->type) {
		take(a, b);
		if (changed)
			*changed = a->leaves.n > 0 || !ctx_is_empty(&a->ctx);
		return 0;
	}
	if (check_alike(r, a, b) != 0)
		return ERR_INVALID;
	if (!a->type->causal && b->leaves.n < a->leaves.n / 32)
		find_each(r, a, b, &o);
	else
		walk_both(r, a, b, &o);
	if (o.dropped > 0)
		drop(&a->leaves);
	if (o.added > 0)
		merge(&a->leaves, b->leaves.v, o.added);
	o.changed |= o.dropped > 0 || o.added > 0;
	if (a->type->causal && !ctx_has_all(&a->ctx, &b->ctx)) {
		ctx_join(&a->ctx, &b->ctx);
		o.changed = true;
	}
	a->shape = a->shape > b->shape ? a->shape : b->shape;
	a->delta = a->delta && b->delta;
	arena_steal(&a->arena, &b->arena);
	b->leaves.n = 0;
	if (changed)
		*changed = o.changed;
	return o.failed ? ERR_INVALID : 0;
}

void crdt_clone(struct crdt_state *to, const struct crdt_state *from)
{
	*to = *from;
	to->arena = (struct arena){ 0 };
	to->leaves.v = mem_array(from->leaves.n, sizeof(*to->leaves.v));
	to->leaves.cap = from->leaves.n;
	if (from->leaves.n > 0)
		memcpy(to->leaves.v, from->leaves.v, from->leaves.n * sizeof(*to->leaves.v));
	to->ctx = (struct crdt_ctx){ 0 };
	for (size_t i = 0; i < from->ctx.vv.n; i++)
		ctx_list_add(&to->ctx.vv, from->ctx.vv.v[i]);
	for (size_t i = 0; i < from->ctx.cloud.n; i++)
		ctx_list_add(&to->ctx.cloud, from->ctx.cloud.v[i]);
	crdt_compact(to);
}

void crdt_compact(struct crdt_state *a)
{
	struct arena fresh = { 0 };

	for (size_t i = 0; i < a->leaves.n; i++) {
		struct crdt_leaf *l = &a->leaves.v[i];

		l->key = arena_copy(&fresh, leaf_key(l)).p;
		if (l->val_n != LEAF_COUNT && l->val)
			l->val = arena_copy(&fresh, leaf_val(l)).p;
	}
	for (size_t i = 0; i < a->ctx.vv.n; i++)
		a->ctx.vv.v[i].node = arena_copy(&fresh, a->ctx.vv.v[i].node);
	for (size_t i = 0; i < a->ctx.cloud.n; i++)
		a->ctx.cloud.v[i].node = arena_copy(&fresh, a->ctx.cloud.v[i].node);
	if (a->has_id)
		a->id = arena_copy(&fresh, a->id);
	arena_fini(&a->arena);
	a->arena = fresh;
}

int crdt_check(struct crdt_report *r, const struct crdt_state *s)
{
	return s->type && s->type->check && !s->delta ? s->type->check(r, s) : 0;
}

static bool same_dots(const struct ctx_list *a, const struct ctx_list *b)
{
	for (size_t i = 0; i < a->n && a->n == b->n; i++)
		if (dot_cmp(a->v[i], b->v[i]) != 0)
			return false;
	return a->n == b->n;
}

bool crdt_equal(const struct crdt_state *a, const struct crdt_state *b)
{
	bool untyped = (!a->type && a->leaves.n == 0) || (!b->type && b->leaves.n == 0);

	if ((a->type != b->type && !untyped) || a->leaves.n != b->leaves.n)
		return false;
	for (size_t i = 0; i < a->leaves.n; i++) {
		const struct crdt_leaf *x = &a->leaves.v[i], *y = &b->leaves.v[i];

		if (leaf_cmp(x, y) != 0 || !leaf_same(x, y))
			return false;
	}
	return same_dots(&a->ctx.vv, &b->ctx.vv) && same_dots(&a->ctx.cloud, &b->ctx.cloud);
}
