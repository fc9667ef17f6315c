/* stream.c - joining sorted documents of any size in little memory
 *
 * Strict order in each input is proved while it is read, which proves too that no key comes twice.
 * At the first thing that is not as this program would have written it, it gives up: the general
 * way reports faults, this one only has to be right. */
#include "crdt/stream.h"
#include "crdt/dots.h"
#include "crdt/fast.h"
#include "crdt/lww.h"
#include "base/err.h"
#include "base/mem.h"

#include <stdlib.h>

#define WINDOW_BYTES (256u << 10)

/* One input. The member at hand is [member, p); everything before it may be overwritten. */
struct feed {
	const struct crdt_source *source;
	char *window;
	size_t n;
	bool eof, failed, done;
	const char *member, *p;
	struct crdt_leaf leaf;
	struct crdt_state head; /* without leaves */
};

/* More bytes behind what is kept; false when there are none or no room. Pointers into the window
 * move. */
static bool refill(struct feed *f)
{
	const char *keep = f->member ? f->member : f->p;
	size_t gone = (size_t)(keep - f->window);
	long got = 0;

	memmove(f->window, keep, f->n - gone);
	f->n -= gone;
	f->p -= gone;
	if (f->member) {
		f->member -= gone;
		f->leaf.key -= gone;
		if (f->leaf.val_n != LEAF_COUNT)
			f->leaf.val -= gone;
	}
	while (f->n < WINDOW_BYTES && !f->eof) {
		long more = f->source->read(f->source->arg, f->window + f->n, WINDOW_BYTES - f->n);

		f->failed |= more < 0;
		f->eof = more <= 0;
		f->n += more > 0 ? (size_t)more : 0;
		got += more > 0 ? more : 0;
	}
	return got > 0;
}

/* Nothing but whitespace up to the end? */
static bool ends(struct feed *f)
{
	f->member = NULL;
	for (;;) {
		for (; f->p < f->window + f->n; f->p++)
			if (*f->p != ' ' && *f->p != '\n' && *f->p != '\r' && *f->p != '\t')
				return false;
		if (!refill(f))
			return !f->failed;
	}
}

/* Steps to the next member; false: give up. At the end of the object f->done. */
static bool step(struct feed *f)
{
	struct str tail = fast_tail(&f->head);

	do {
		const char *p = f->p, *end = f->window + f->n, *after;
		bool more = f->member && *p == ',', untidy = false;
		struct crdt_leaf next;

		p += more;
		if (!more && p < end && *p == tail.p[0]) {
			if (!str_starts(str_make(p, (size_t)(end - p)), tail))
				continue;
			f->p += tail.n;
			f->done = true;
			return ends(f);
		}
		after = fast_member(p, end, f->head.type, &next, &untidy);
		if (!after)
			continue;
		if (untidy || (f->member && leaf_cmp(&f->leaf, &next) >= 0))
			return false;
		if (f->head.shape != SHAPE_V1 && str_eq(leaf_key(&next), STR("node_id")))
			return false;
		f->member = p;
		f->leaf = next;
		f->p = after;
		return true;
	} while (refill(f));
	return false;
}

static bool start(struct feed *f, const struct crdt_options *o)
{
	f->window = mem_alloc(WINDOW_BYTES);
	f->p = f->window;
	refill(f);
	f->p = fast_head(&f->head, f->window, f->window + f->n, o);
	if (!f->p)
		return false;
	crdt_compact(&f->head); /* the window moves */
	return step(f);
}

static bool alike(const struct crdt_state *a, const struct crdt_state *b)
{
	return a->type == b->type && a->has_id == b->has_id && str_eq(a->id, b->id);
}

/* Which of two members of one key wins; false: something is to be reported. */
static bool wins(const struct feed *a, const struct feed *b, bool *b_wins)
{
	int flags = 0;

	if (a->head.type == &crdt_gcounter) {
		*b_wins = b->leaf.num > a->leaf.num;
		return true;
	}
	*b_wins = !str_eq(leaf_val(&a->leaf), leaf_val(&b->leaf)) &&
	          lww_cmp(leaf_val(&a->leaf), leaf_val(&b->leaf), NULL, &flags) < 0;
	return flags == 0;
}

/* Writes what stands before the first member of the result, and returns what will stand behind the
 * last; empty: its shape cannot say it. */
static struct str write_head(struct crdt_out *out, const struct feed *feeds, size_t n, int shape)
{
	struct crdt_report quiet = { 0 };
	struct crdt_state all, head;
	struct str tail = { 0 };

	crdt_clone(&all, &feeds[0].head);
	for (size_t i = 1; i < n; i++) {
		crdt_clone(&head, &feeds[i].head);
		crdt_join(&quiet, &all, &head, NULL);
		crdt_state_fini(&head);
	}
	if (shape >= 0)
		all.shape = (enum crdt_shape)shape;
	if (crdt_emit(out, &all, all.shape) == 0)
		tail = fast_tail(&all);
	out->b->n -= tail.n;
	crdt_state_fini(&all);
	return tail;
}

/* --- elements --------------------------------------------------------------------------------- */

/* A dot of the element at hand, and the feeds that hold it there. */
struct held {
	struct crdt_dot dot; /* its node is not encoded */
	uint32_t feeds;
};

/* What merging keeps between elements. Dots come grouped by node, so what the contexts say of the
 * last one is kept. */
struct elements {
	struct held *v;
	size_t n, cap;
	struct crdt_dots *dots;
	struct buf node;                             /* encoded */
	uint64_t hash[2], counts[STREAM_INPUTS_MAX]; /* of it: all dots up to there were seen */
	uint32_t number;                             /* of the element */
};

static void hold(struct elements *e, struct crdt_dot dot, uint32_t feed)
{
	if (e->n == e->cap) {
		e->cap = e->cap ? 2 * e->cap : 16;
		e->v = mem_resize(e->v, e->cap, sizeof(*e->v));
	}
	e->v[e->n++] = (struct held){ dot, feed };
}

static int by_dot(const void *a, const void *b)
{
	return dot_cmp(((const struct held *)a)->dot, ((const struct held *)b)->dot);
}

/* Each dot once, in order. */
static void gather(struct elements *e)
{
	size_t n = 0;

	for (size_t i = 1; i < e->n; i++) {
		if (by_dot(&e->v[i - 1], &e->v[i]) > 0) {
			qsort(e->v, e->n, sizeof(*e->v), by_dot);
			break;
		}
	}
	for (size_t i = 1; i < e->n; i++) {
		if (by_dot(&e->v[n], &e->v[i]) == 0)
			e->v[n].feeds |= e->v[i].feeds;
		else
			e->v[++n] = e->v[i];
	}
	e->n = n + 1;
}

/* Which feeds have seen a dot. */
static uint32_t seen_by(struct elements *e, const struct feed *feeds, size_t n, struct crdt_dot dot)
{
	struct str known = str_make(e->node.p, e->node.n ? e->node.n - 2 : 0);
	uint32_t seen = 0;

	if (!str_eq(known, dot.node)) {
		e->node.n = 0;
		key_add(&e->node, dot.node);
		dots_hash(e->dots, buf_str(&e->node), e->hash);
		for (size_t i = 0; i < n; i++)
			e->counts[i] = ctx_count(&feeds[i].head.ctx, buf_str(&e->node));
	}
	dot.node = buf_str(&e->node);
	for (size_t i = 0; i < n; i++)
		if (dot.seq <= e->counts[i] ||
			(feeds[i].head.ctx.cloud.n > 0 && ctx_covers(&feeds[i].head.ctx, dot)))
			seen |= 1u << i;
	return seen;
}

/* Joins an element that the feeds in `equal` hold: a dot stays if every feed that has seen it holds
 * it. Leaves only those dots, and *like is a feed that holds just them, if there is one. false:
 * something is to be reported. */
static bool join_element(
	struct elements *e, const struct feed *feeds, size_t n, uint32_t equal, size_t *like)
{
	size_t kept = 0;
	uint32_t all = equal;

	e->n = 0;
	e->number++;
	for (uint32_t left = equal; left; left &= left - 1) {
		const struct crdt_leaf *l = &feeds[__builtin_ctz(left)].leaf;
		const char *p = l->val, *end = p + l->val_n;
		struct crdt_dot dot, last = { 0 };
		bool untidy = false;

		do {
			p = fast_dot(p, end, &dot, &untidy);
			if (last.seq > 0 && dot_cmp(last, dot) >= 0)
				return false;
			last = dot;
			hold(e, dot, left & -left);
		} while (*p == ',');
	}
	gather(e);
	for (size_t i = 0; i < e->n; i++) {
		struct held h = e->v[i];
		uint32_t seen = seen_by(e, feeds, n, h.dot);

		if ((h.feeds & ~seen) || dots_note(e->dots, e->hash, h.dot.seq, e->number, 1) != 0)
			return false;
		all &= seen == h.feeds ? h.feeds : ~h.feeds;
		if (seen == h.feeds)
			e->v[kept++] = h;
	}
	e->n = kept;
	*like = all ? (size_t)__builtin_ctz(all) : n;
	return true;
}

static void write_element(struct buf *out, const struct elements *e, struct str elem)
{
	buf_add_char(out, '[');
	buf_add_str(out, elem);
	for (size_t i = 0; i < e->n; i++) {
		buf_add_text(out, i ? ",[" : ",[[");
		canon_string(out, e->v[i].dot.node);
		buf_add_char(out, ',');
		buf_add_u64(out, e->v[i].dot.seq);
		buf_add_char(out, ']');
	}
	buf_add_text(out, "]]");
}

/* --- all inputs in step ----------------------------------------------------------------------- */

/* false: give up. */
static bool merge(struct feed *feeds, size_t n, struct elements *e, struct crdt_out *out)
{
	bool first = true, causal = feeds[0].head.type->causal;

	for (;;) {
		uint32_t equal = 0;
		size_t best = n, winner = n;

		for (size_t i = 0; i < n; i++) {
			int c;
			bool other = false;

			if (feeds[i].done)
				continue;
			c = best == n ? -1 : leaf_cmp(&feeds[i].leaf, &feeds[best].leaf);
			if (c < 0) {
				best = winner = i;
				equal = 1u << i;
			} else if (c == 0) {
				if (!causal && !wins(&feeds[winner], &feeds[i], &other))
					return false;
				winner = other ? i : winner;
				equal |= 1u << i;
			}
		}
		if (best == n)
			return true;
		if (causal && !join_element(e, feeds, n, equal, &winner))
			return false;
		if (!causal || e->n > 0) {
			if (!first)
				buf_add_char(out->b, ',');
			first = false;
			if (winner < n)
				buf_add(out->b, feeds[winner].member,
					(size_t)(feeds[winner].p - feeds[winner].member));
			else
				write_element(out->b, e, leaf_key(&feeds[best].leaf));
			crdt_out_turn(out);
		}
		for (; equal; equal &= equal - 1)
			if (!step(&feeds[__builtin_ctz(equal)]))
				return false;
	}
}

int crdt_stream(const struct crdt_source *sources, size_t n, const struct crdt_options *o,
	int shape, bool all, struct crdt_out *out)
{
	struct feed *feeds = mem_zalloc(n * sizeof(*feeds));
	bool good = n > 0 && n <= STREAM_INPUTS_MAX, failed = false;
	struct elements e = { .dots = dots_new() };
	struct str tail;

	for (size_t i = 0; i < n && good; i++) {
		feeds[i].source = &sources[i];
		good = start(&feeds[i], o) && alike(&feeds[i].head, &feeds[0].head) &&
			(all || !feeds[i].head.type->causal);
	}
	if (good) {
		tail = write_head(out, feeds, n, shape);
		good = tail.n > 0 && merge(feeds, n, &e, out);
		buf_add_str(out->b, tail);
		buf_add_char(out->b, '\n');
	}
	for (size_t i = 0; i < n; i++) {
		failed |= feeds[i].failed;
		mem_free(feeds[i].window);
		crdt_state_fini(&feeds[i].head);
	}
	mem_free(feeds);
	mem_free(e.v);
	buf_fini(&e.node);
	dots_free(e.dots);
	return failed ? ERR_IO : good;
}
