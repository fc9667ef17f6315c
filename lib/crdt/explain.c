/* explain.c - who won, by which rule
 *
 * Goes through all lists at once, key by key, and speaks where inputs do not agree. A second look
 * at the joined state tells what stands side by side there (concurrent values, additions beside
 * removals). */
#include "crdt/causal.h"
#include "crdt/compare.h"
#include "crdt/causal.h"
#include "crdt/lww.h"
#include "base/mem.h"

struct walk {
	struct buf *out;
	const struct crdt_state *s;
	size_t n;
	const struct crdt_type *type;
	size_t *at;                    /* of each list */
	const struct crdt_leaf **have; /* of each list for the key at hand, or NULL */
	struct crdt_state all;         /* of causal types: the result */
};

static void add_src(struct buf *out, const struct crdt_state *s)
{
	struct buf src = { 0 };

	buf_addf(&src, "%s:%llu", s->file ? s->file : "-", (unsigned long long)s->line);
	canon_string(out, buf_str(&src));
	buf_fini(&src);
}

static void add_path(struct walk *w, struct str key)
{
	buf_add_text(w->out, "\"path\":");
	crdt_path(w->out, w->type, key);
}

static void add_number(struct buf *out, const struct crdt_leaf *l)
{
	if (l->val_n == LEAF_COUNT)
		buf_add_u64(out, l->num);
	else
		buf_add_str(out, leaf_val(l));
}

/* {"path":...,"rule":"max","values":{"a.json:1":3,...}} */
static void explain_slot(struct walk *w, struct str key)
{
	const char *separator = "";

	buf_add_char(w->out, '{');
	add_path(w, key);
	buf_addf(w->out, ",\"rule\":\"%s\",\"values\":{", w->type == &crdt_min ? "min" : "max");
	for (size_t i = 0; i < w->n; i++) {
		if (!w->have[i])
			continue;
		buf_add_text(w->out, separator);
		separator = ",";
		add_src(w->out, &w->s[i]);
		buf_add_char(w->out, ':');
		add_number(w->out, w->have[i]);
	}
	buf_add_text(w->out, "}}\n");
}

/* An entry with its source: {...,"src":"a.json:1",...} */
static void add_entry(struct walk *w, size_t i)
{
	struct lww_entry e;

	if (!lww_split(leaf_val(w->have[i]), &e))
		return;
	buf_add_text(w->out, e.deleted ? "{\"deleted\":true,\"node_id\":" : "{\"node_id\":");
	buf_add_str(w->out, e.node);
	buf_add_text(w->out, ",\"src\":");
	add_src(w->out, &w->s[i]);
	buf_add_text(w->out, ",\"timestamp\":");
	buf_add_str(w->out, e.timestamp);
	if (e.value.p) {
		buf_add_text(w->out, ",\"value\":");
		buf_add_str(w->out, e.value);
	}
	buf_add_char(w->out, '}');
}

static void explain_entry(struct walk *w, struct str key)
{
	const char *rule;
	size_t best = w->n;

	for (size_t i = 0; i < w->n; i++)
		if (w->have[i] && (best == w->n || lww_cmp(leaf_val(w->have[best]),
							   leaf_val(w->have[i]), NULL, NULL) < 0))
			best = i;
	for (size_t i = 0; i < w->n; i++) {
		if (!w->have[i] || leaf_same(w->have[i], w->have[best]))
			continue;
		lww_cmp(leaf_val(w->have[i]), leaf_val(w->have[best]), &rule, NULL);
		buf_add_text(w->out, "{\"loser\":");
		add_entry(w, i);
		buf_add_char(w->out, ',');
		add_path(w, key);
		buf_addf(w->out, ",\"rule\":\"%s\",\"winner\":", rule);
		add_entry(w, best);
		buf_add_text(w->out, "}\n");
	}
}

/* The dots of a state at one place: what stands before them in the key. */
static size_t dots_at(const struct crdt_state *s, struct str place, size_t *first)
{
	struct crdt_leaf least = { .key = place.p, .key_n = (uint32_t)place.n };
	struct crdt_dot dot;
	size_t n = 0;

	*first = leaves_find(&s->leaves, 0, &least);
	for (; *first + n < s->leaves.n; n++) {
		struct str key = leaf_key(&s->leaves.v[*first + n]);

		if (!str_starts(key, place) || key_dot(key, &dot) != place.n)
			break;
	}
	return n;
}

static void add_dots(struct walk *w, size_t first, size_t n)
{
	buf_add_char(w->out, '[');
	for (size_t i = first; i < first + n; i++) {
		buf_add_text(w->out, i > first ? ",[" : "[");
		causal_emit_dot(w->out, leaf_key(&w->all.leaves.v[i]));
		buf_add_char(w->out, ']');
	}
	buf_add_char(w->out, ']');
}

/* Who has seen this dot and no longer holds it? What stands at its place all the same, in the
 * result or for him, is told too: an element that was removed here may have been added there. */
static void explain_dot(struct walk *w, struct str key)
{
	struct crdt_dot dot;
	struct str place = str_make(key.p, key_dot(key, &dot));
	size_t first, n;

	for (size_t i = 0; i < w->n; i++) {
		if (w->have[i] || !ctx_covers(&w->s[i].ctx, dot))
			continue;
		buf_add_text(w->out, "{\"dots\":[[");
		causal_emit_dot(w->out, key);
		buf_add_text(w->out, "]],");
		add_path(w, key);
		buf_addf(w->out, ",\"reason\":\"%s\",\"removed_by\":",
			dots_at(&w->s[i], place, &first) > 0 ? "replaced" : "removed");
		add_src(w->out, &w->s[i]);
		buf_add_text(w->out, ",\"rule\":\"dot-covered\"");
		n = dots_at(&w->all, place, &first);
		if (n > 0) {
			buf_add_text(w->out, ",\"stays\":");
			add_dots(w, first, n);
		}
		buf_add_text(w->out, "}\n");
		return;
	}
}

static void explain_key(struct walk *w, struct str key)
{
	const struct crdt_leaf *first = NULL;
	bool differ = false;

	for (size_t i = 0; i < w->n; i++) {
		if (w->have[i] && !first)
			first = w->have[i];
		differ |= w->have[i] && !leaf_same(first, w->have[i]);
	}
	if (w->type->causal)
		explain_dot(w, key);
	else if (differ && (w->type == &crdt_lww || w->type == &crdt_lwwmap))
		explain_entry(w, key);
	else if (differ)
		explain_slot(w, key);
}

/* What stands side by side in the result: "concurrent-kept", "add-wins", "remove-wins". */
static void explain_result(struct walk *w)
{
	const struct crdt_leaf *v = w->all.leaves.v;
	struct buf path = { 0 }, next = { 0 };

	for (size_t i = 0, end; i < w->all.leaves.n; i = end) {
		bool a = false, r = false;

		path.n = 0;
		crdt_path(&path, w->type, leaf_key(&v[i]));
		for (end = i; end < w->all.leaves.n; end++) {
			struct crdt_dot dot;
			size_t n = key_dot(leaf_key(&v[end]), &dot);

			next.n = 0;
			crdt_path(&next, w->type, leaf_key(&v[end]));
			if (!str_eq(buf_str(&path), buf_str(&next)))
				break;
			a |= w->type == &crdt_rwset && v[end].key[n - 1] == 'a';
			r |= w->type == &crdt_rwset && v[end].key[n - 1] == 'r';
		}
		if ((a && r) || (w->type != &crdt_rwset && v[i].val && end - i > 1)) {
			buf_add_text(w->out, "{\"dots\":");
			add_dots(w, i, end - i);
			buf_add_text(w->out, ",\"path\":");
			buf_add_str(w->out, buf_str(&path));
			buf_addf(w->out, ",\"rule\":\"%s\"}\n",
				a && r ? "remove-wins" : "concurrent-kept");
		}
	}
	buf_fini(&path);
	buf_fini(&next);
}

static void join_all(struct walk *w)
{
	struct crdt_report quiet = { 0 };
	struct crdt_state copy;

	for (size_t i = 0; i < w->n; i++) {
		crdt_clone(&copy, &w->s[i]);
		crdt_join(&quiet, &w->all, &copy, NULL);
		crdt_state_fini(&copy);
	}
}

void crdt_explain(struct buf *out, const struct crdt_state *s, size_t n)
{
	struct walk w = { .out = out, .s = s, .n = n, .at = mem_zalloc((n + 1) * sizeof(*w.at)),
		.have = mem_zalloc((n + 1) * sizeof(*w.have)) };

	for (size_t i = 0; i < n && !w.type; i++)
		w.type = s[i].type;
	if (w.type && w.type->causal)
		join_all(&w);
	while (w.type) {
		const struct crdt_leaf *least = NULL;

		for (size_t i = 0; i < n; i++) {
			const struct crdt_leaf *l =
				w.at[i] < s[i].leaves.n ? &s[i].leaves.v[w.at[i]] : NULL;

			if (l && (!least || leaf_cmp(l, least) < 0))
				least = l;
		}
		if (!least)
			break;
		for (size_t i = 0; i < n; i++) {
			const struct crdt_leaf *l =
				w.at[i] < s[i].leaves.n ? &s[i].leaves.v[w.at[i]] : NULL;

			w.have[i] = l && leaf_cmp(l, least) == 0 ? l : NULL;
			w.at[i] += w.have[i] != NULL;
		}
		explain_key(&w, leaf_key(least));
	}
	if (w.type && w.type->causal)
		explain_result(&w);
	crdt_state_fini(&w.all);
	mem_free(w.at);
	mem_free(w.have);
}
