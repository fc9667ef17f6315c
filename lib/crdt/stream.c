/* stream.c - joining sorted documents of any size in little memory
 *
 * Strict order in each input is proved while it is read, which proves too that no key comes twice. At the first thing that
 * is not as this program would have written it, it gives up: the general way reports faults, this one only has to be right. */
#include "crdt/stream.h"
#include "crdt/fast.h"
#include "crdt/lww.h"
#include "base/err.h"
#include "base/mem.h"

#define WINDOW_BYTES (256u << 10)

/* One input. The member at hand is [member, p); everything before it may be overwritten. */
struct feed {
	const struct crdt_source *source;
	char *window, *id;
	size_t n;
	bool eof, failed, done;
	const char *member, *p;
	struct crdt_leaf leaf;
	struct fast_head head;
};

/* More bytes behind what is kept; false when there are none or no room. Pointers into the window move. */
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
	struct crdt_leaf next;
	const char *end;
	size_t braces = f->head.v1 ? 2 : 1;

	for (;;) {
		const char *p = f->p;

		end = f->window + f->n;
		if (p < end && *p == ',' && f->member)
			p++;
		else if (p < end && f->member && *p != '}')
			return false;
		if (p < end && p == f->p && *p == '}' && (size_t)(end - p) >= braces) {
			if (braces == 2 && p[1] != '}')
				return false;
			f->p += braces;
			f->done = true;
			return ends(f);
		}
		const char *after = p < end && *p == '"' ? fast_member(p, end, f->head.kind, &next) : NULL;
		if (after) {
			if (f->member && leaf_cmp(&f->leaf, &next) >= 0)
				return false;
			if (next.key[next.key_n + 2] == ' ')
				return false;
			if (!f->head.v1 && str_eq(leaf_key(&next), STR("node_id")))
				return false;
			f->member = p;
			f->leaf = next;
			f->p = after;
			return true;
		}
		if (!refill(f))
			return false;
	}
}

static bool start(struct feed *f, const struct crdt_options *o)
{
	f->window = mem_alloc(WINDOW_BYTES);
	f->p = f->window;
	refill(f);
	if (!fast_head(&f->head, f->window, f->window + f->n, o))
		return false;
	if (f->head.has_id) {
		f->id = mem_strndup(f->head.id.p, f->head.id.n);
		f->head.id.p = f->id;
	}
	f->p = f->head.body;
	return step(f);
}

static bool alike(const struct fast_head *a, const struct fast_head *b)
{
	return a->kind == b->kind && a->has_id == b->has_id && str_eq(a->id, b->id);
}

/* Which of two members of one key wins; false: something is to be reported. */
static bool wins(const struct feed *a, const struct feed *b, bool *b_wins)
{
	int flags = 0;

	if (a->head.kind == FAST_COUNTS) {
		*b_wins = b->leaf.num > a->leaf.num;
		return true;
	}
	*b_wins = !str_eq(leaf_val(&a->leaf), leaf_val(&b->leaf)) && lww_cmp(leaf_val(&a->leaf), leaf_val(&b->leaf), NULL, &flags) < 0;
	return flags == 0;
}

static void write_head(struct buf *out, const struct fast_head *h, bool v1, bool delta)
{
	if (!v1) {
		buf_add_char(out, '{');
		return;
	}
	buf_addf(out, "{\"crdt\":\"%s/1\"", h->kind == FAST_COUNTS ? "gcounter" : "lwwmap");
	if (delta)
		buf_add_text(out, ",\"delta\":true");
	if (h->has_id) {
		buf_add_text(out, ",\"id\":");
		canon_string(out, h->id);
	}
	buf_add_text(out, ",\"state\":{");
}

/* All inputs in step; false: give up. */
static bool merge(struct feed *feeds, size_t n, struct crdt_out *out)
{
	bool first = true;

	for (;;) {
		uint32_t equal = 0;
		size_t best = n, winner = n;

		for (size_t i = 0; i < n; i++) {
			int c;
			bool other;

			if (feeds[i].done)
				continue;
			c = best == n ? -1 : leaf_cmp(&feeds[i].leaf, &feeds[best].leaf);
			if (c < 0) {
				best = winner = i;
				equal = 1u << i;
			} else if (c == 0) {
				if (!wins(&feeds[winner], &feeds[i], &other))
					return false;
				winner = other ? i : winner;
				equal |= 1u << i;
			}
		}
		if (best == n)
			return true;
		if (!first)
			buf_add_char(out->b, ',');
		first = false;
		buf_add(out->b, feeds[winner].member, (size_t)(feeds[winner].p - feeds[winner].member));
		crdt_out_turn(out);
		for (; equal; equal &= equal - 1)
			if (!step(&feeds[__builtin_ctz(equal)]))
				return false;
	}
}

int crdt_stream(const struct crdt_source *sources, size_t n, const struct crdt_options *o, int shape, struct crdt_out *out)
{
	struct feed *feeds = mem_zalloc(n * sizeof(*feeds));
	bool good = n > 0 && n <= STREAM_INPUTS_MAX, failed = false, v1 = shape == SHAPE_V1, delta = true;
	int rc;

	for (size_t i = 0; i < n && good; i++) {
		feeds[i].source = &sources[i];
		good = start(&feeds[i], o) && alike(&feeds[i].head, &feeds[0].head);
		v1 |= shape < 0 && feeds[i].head.v1;
		delta &= feeds[i].head.delta;
	}
	if (good && !v1 && (delta || feeds[0].head.has_id))
		good = false; /* a plain shape could not say it */
	if (good) {
		write_head(out->b, &feeds[0].head, v1, delta);
		good = merge(feeds, n, out);
		buf_add_text(out->b, v1 ? "}}\n" : "}\n");
	}
	for (size_t i = 0; i < n; i++) {
		failed |= feeds[i].failed;
		mem_free(feeds[i].window);
		mem_free(feeds[i].id);
	}
	mem_free(feeds);
	rc = failed ? ERR_IO : good;
	return rc;
}
