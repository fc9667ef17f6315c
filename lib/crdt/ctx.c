/* ctx.c - a causal context: the set of dots a state has seen
 *
 * Both lists are arrays: contexts are short, and a normal form is found by sorting and one pass. */
#include "crdt/ctx.h"
#include "crdt/canon.h"
#include "base/mem.h"

#include <stdlib.h>

void ctx_fini(struct crdt_ctx *c)
{
	mem_free(c->vv.v);
	mem_free(c->cloud.v);
	*c = (struct crdt_ctx){ 0 };
}

void ctx_list_add(struct ctx_list *l, struct crdt_dot d)
{
	if (l->n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 8;
		l->v = mem_resize(l->v, l->cap, sizeof(*l->v));
	}
	l->v[l->n++] = d;
}

static int by_dot(const void *a, const void *b)
{
	return dot_cmp(*(const struct crdt_dot *)a, *(const struct crdt_dot *)b);
}

static void sort(struct ctx_list *l)
{
	for (size_t i = 1; i < l->n; i++) {
		if (dot_cmp(l->v[i - 1], l->v[i]) > 0) {
			qsort(l->v, l->n, sizeof(*l->v), by_dot);
			return;
		}
	}
}

/* The first entry of a node in a sorted list, or where it would be. */
static size_t lower(const struct ctx_list *l, struct crdt_dot d)
{
	size_t lo = 0, hi = l->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (dot_cmp(l->v[mid], d) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

bool ctx_normalise(struct crdt_ctx *c, struct crdt_dot *twice)
{
	size_t n = 0, kept = 0, at = 0, old;
	bool again = false;
	struct ctx_list fresh = { 0 };

	/* The highest count of a node is the last of its entries. */
	sort(&c->vv);
	for (size_t i = 0; i < c->vv.n; i++) {
		if (c->vv.v[i].seq == 0)
			continue;
		if (n > 0 && str_eq(c->vv.v[n - 1].node, c->vv.v[i].node))
			n--;
		c->vv.v[n++] = c->vv.v[i];
	}
	old = c->vv.n = n;
	sort(&c->cloud);
	for (size_t i = 0; i < c->cloud.n; i++) {
		struct crdt_dot d = c->cloud.v[i];
		struct crdt_dot *top = NULL;

		if (i > 0 && dot_cmp(c->cloud.v[i - 1], d) == 0) {
			again = true;
			if (twice)
				*twice = d;
			continue;
		}
		while (at < old && dot_cmp(c->vv.v[at], (struct crdt_dot){ d.node, 0 }) < 0)
			at++;
		if (at < old && str_eq(c->vv.v[at].node, d.node))
			top = &c->vv.v[at];
		else if (fresh.n > 0 && str_eq(fresh.v[fresh.n - 1].node, d.node))
			top = &fresh.v[fresh.n - 1];
		if (top && d.seq <= top->seq)
			continue;
		if (d.seq == 1 && !top)
			ctx_list_add(&fresh, d);
		else if (top && d.seq == top->seq + 1)
			top->seq = d.seq;
		else
			c->cloud.v[kept++] = d; /* kept <= i, and v[i - 1] is compared above */
	}
	c->cloud.n = kept;
	for (size_t i = 0; i < fresh.n; i++)
		ctx_list_add(&c->vv, fresh.v[i]);
	if (fresh.n > 0)
		sort(&c->vv);
	mem_free(fresh.v);
	return again;
}

uint64_t ctx_count(const struct crdt_ctx *c, struct str node)
{
	size_t i = lower(&c->vv, (struct crdt_dot){ node, 0 });

	return i < c->vv.n && str_eq(c->vv.v[i].node, node) ? c->vv.v[i].seq : 0;
}

bool ctx_covers(const struct crdt_ctx *c, struct crdt_dot d)
{
	size_t i;

	if (d.seq <= ctx_count(c, d.node))
		return true;
	i = lower(&c->cloud, d);
	return i < c->cloud.n && dot_cmp(c->cloud.v[i], d) == 0;
}

void ctx_join(struct crdt_ctx *a, const struct crdt_ctx *b)
{
	bool changed = false;

	for (size_t i = 0, n = a->vv.n; i < b->vv.n; i++) {
		struct crdt_dot d = b->vv.v[i];
		struct ctx_list old = { a->vv.v, n, n };
		size_t at = lower(&old, (struct crdt_dot){ d.node, 0 });

		if (at < n && str_eq(a->vv.v[at].node, d.node)) {
			changed |= d.seq > a->vv.v[at].seq;
			if (d.seq > a->vv.v[at].seq)
				a->vv.v[at].seq = d.seq;
		} else {
			ctx_list_add(&a->vv, d);
			changed = true;
		}
	}
	for (size_t i = 0; i < b->cloud.n; i++)
		ctx_list_add(&a->cloud, b->cloud.v[i]);
	if (changed || b->cloud.n > 0)
		ctx_normalise(a, NULL);
}

bool ctx_is_empty(const struct crdt_ctx *c)
{
	return c->vv.n == 0 && c->cloud.n == 0;
}

void ctx_emit(struct buf *out, const struct crdt_ctx *c)
{
	buf_add_char(out, '{');
	if (c->cloud.n > 0) {
		buf_add_text(out, "\"cloud\":[");
		for (size_t i = 0; i < c->cloud.n; i++) {
			buf_add_text(out, i ? ",[" : "[");
			canon_component(out, c->cloud.v[i].node);
			buf_add_char(out, ',');
			buf_add_u64(out, c->cloud.v[i].seq);
			buf_add_char(out, ']');
		}
		buf_add_text(out, "],");
	}
	buf_add_text(out, "\"vv\":{");
	for (size_t i = 0; i < c->vv.n; i++) {
		if (i > 0)
			buf_add_char(out, ',');
		canon_component(out, c->vv.v[i].node);
		buf_add_char(out, ':');
		buf_add_u64(out, c->vv.v[i].seq);
	}
	buf_add_text(out, "}}");
}
