/* crdt_verbs.c - merge, value, fmt, check, diff, delta, explain, laws
 *
 * Each verb reads, asks lib/crdt, writes. With an error found nothing is written. */
#include "crdt_merge.h"

#include "base/log.h"
#include "base/mem.h"
#include "crdt/audit.h"
#include "crdt/compare.h"

#include <unistd.h>

static int finish(struct merge *m, struct merge_out *o, int status)
{
	if (status == EXIT_DONE && merge_clean(m))
		status = merge_out_commit(o);
	else
		merge_out_abandon(o);
	return merge_status(m, status);
}

static int write_docs(struct merge *m)
{
	struct merge_out o;
	struct crdt_out to = { .flush = merge_out_flush, .arg = &o };
	int rc;

	if (!merge_clean(m))
		return merge_status(m, EXIT_DONE);
	rc = merge_out_open(m, &o, m->output, m->shape == MERGE_PLAIN);
	to.b = &o.buf;
	for (size_t i = 0; i < m->docs.n && rc == 0; i++)
		rc = merge_write(m, &to, &m->docs.v[i]);
	return finish(m, &o, rc);
}

int verb_merge(struct merge *m)
{
	int rc = merge_stream(m);

	if (rc >= 0)
		return rc;
	rc = merge_all(m);
	return rc == 0 ? write_docs(m) : rc;
}

int verb_value(struct merge *m)
{
	m->value = true;
	return verb_merge(m);
}

/* --- fmt, check ------------------------------------------------------------------------------- */

static int format_one(struct merge *m, struct crdt_state *s, struct str text, void *arg)
{
	int rc = merge_write(m, arg, s);

	(void)text;
	crdt_state_fini(s);
	return rc;
}

int verb_fmt(struct merge *m)
{
	struct merge_out o;
	struct crdt_out to = { .flush = merge_out_flush, .arg = &o };
	int rc = merge_out_open(m, &o, m->output, true);

	to.b = &o.buf;
	m->compacts = true; /* no state outlives its turn */
	for (int i = 0; i < m->n_files && rc == 0; i++)
		rc = merge_each(m, m->files[i], format_one, &to);
	return finish(m, &o, rc);
}

static int check_one(struct merge *m, struct crdt_state *s, struct str text, void *arg)
{
	(void)arg;
	while (text.n > 0 && (text.p[text.n - 1] == '\n' || text.p[text.n - 1] == '\r'))
		text.n--;
	while (text.n > 0 && (*text.p == '\n' || *text.p == ' '))
		text = str_skip(text, 1);
	if (!m->options.at && !crdt_is_canonical(s, text))
		crdt_find(&m->report, W_NONCANON, s->line, "", "the document is not canonical");
	return merge_add(m, &m->docs, s, NULL);
}

int verb_check(struct merge *m)
{
	int rc = 0;

	m->findings_on_stdout = true;
	m->format = 1;
	m->compacts = true;
	for (int i = 0; i < m->n_files && rc == 0; i++)
		rc = merge_each(m, m->files[i], check_one, NULL);
	/* About the join of all, which stands where the first of it stood. */
	for (size_t i = 0; i < m->docs.n && m->int64; i++) {
		m->report.file = m->docs.v[i].file;
		audit_sums(&m->report, &m->docs.v[i]);
	}
	if (m->lost_findings)
		return EXIT_SYSTEM;
	return rc ? rc : m->report.errors + m->report.warnings > 0 ? EXIT_NEGATIVE : EXIT_DONE;
}

/* --- two files -------------------------------------------------------------------------------- */

static int print(struct merge *m, struct buf *text, int status)
{
	struct merge_out o;
	int rc = merge_out_open(m, &o, m->output, false);

	if (rc == 0) {
		buf_add_str(&o.buf, buf_str(text));
		rc = merge_out_commit(&o);
	}
	buf_fini(text);
	return rc ? rc : status;
}

static int load_two(struct merge *m, struct crdt_state *a, struct crdt_state *b)
{
	int rc = merge_one(m, m->files[0], a);

	*b = (struct crdt_state){ 0 };
	if (rc == 0)
		rc = merge_one(m, m->files[1], b);
	return rc ? rc : m->report.errors > 0 ? EXIT_DATA : 0;
}

int verb_diff(struct merge *m)
{
	struct crdt_state a, b;
	struct buf text = { 0 };
	int rc = load_two(m, &a, &b), order;

	if (rc == 0) {
		order = crdt_order(&m->report, &a, &b);
		rc = order < 0 ? EXIT_DATA : order == ORDER_EQUAL ? EXIT_DONE : EXIT_NEGATIVE;
		if (order >= 0) {
			buf_addf(&text, "{\"order\":\"%s\"}\n", crdt_order_names[order]);
			crdt_diff(&text, &a, &b);
			rc = print(m, &text, rc);
		}
	}
	crdt_state_fini(&a);
	crdt_state_fini(&b);
	return merge_status(m, rc);
}

/* Between two files, or of one for whoever has seen a context. */
static int make_delta(
	struct merge *m, struct crdt_state *d, struct crdt_state *a, struct crdt_state *b)
{
	int rc;

	*b = (struct crdt_state){ 0 };
	if (m->since) {
		rc = merge_ctx(m, m->since, a);
		if (rc == 0)
			rc = merge_one(m, m->files[0], b);
		if (rc == 0 && m->report.errors == 0)
			crdt_delta_since(&m->report, d, &a->ctx, b);
	} else {
		rc = load_two(m, a, b);
		/* Joining copies first: what cannot be joined has no delta. */
		if (rc == 0 && crdt_order(&m->report, a, b) >= 0)
			crdt_delta(d, a, b);
	}
	return rc ? rc : m->report.errors > 0 ? EXIT_DATA : 0;
}

int verb_delta(struct merge *m)
{
	struct crdt_state a, b, d = { 0 };
	struct buf text = { 0 };
	int rc = make_delta(m, &d, &a, &b);

	if (rc == 0 && merge_clean(m)) {
		crdt_emit(&(struct crdt_out){ .b = &text }, &d, SHAPE_V1);
		buf_add_char(&text, '\n');
		rc = print(m, &text, 0);
	}
	crdt_state_fini(&d);
	crdt_state_fini(&a);
	crdt_state_fini(&b);
	return merge_status(m, rc);
}

/* --- many ------------------------------------------------------------------------------------- */

struct kept {
	struct crdt_state *v;
	size_t n, cap;
};

static int keep(struct merge *m, struct crdt_state *s, struct str text, void *arg)
{
	struct kept *k = arg;

	(void)m;
	(void)text;
	if (k->n == k->cap) {
		k->cap = k->cap ? 2 * k->cap : 16;
		k->v = mem_resize(k->v, k->cap, sizeof(*k->v));
	}
	k->v[k->n++] = *s;
	return 0;
}

static int keep_all(struct merge *m, struct kept *k)
{
	int rc = 0;

	for (int i = 0; i < m->n_files && rc == 0; i++)
		rc = merge_each(m, m->files[i], keep, k);
	for (size_t i = 0; i < k->n && rc == 0; i++) {
		struct crdt_state copy;

		crdt_clone(&copy, &k->v[i]);
		merge_add(m, &m->docs, &copy, NULL);
	}
	return rc ? rc : m->report.errors > 0 ? EXIT_DATA : 0;
}

static void kept_fini(struct kept *k)
{
	for (size_t i = 0; i < k->n; i++)
		crdt_state_fini(&k->v[i]);
	mem_free(k->v);
}

static bool same_id(const struct crdt_state *a, const struct crdt_state *b)
{
	return a->has_id == b->has_id && str_eq(a->id, b->id);
}

int verb_explain(struct merge *m)
{
	struct kept k = { 0 };
	struct buf text = { 0 };
	int rc = keep_all(m, &k);

	for (size_t d = 0; d < m->docs.n && rc == 0; d++) {
		struct crdt_state *of = mem_array(k.n, sizeof(*of));
		size_t n = 0;

		for (size_t i = 0; i < k.n; i++)
			if (same_id(&k.v[i], &m->docs.v[d]))
				of[n++] = k.v[i];
		crdt_explain(&text, of, n);
		mem_free(of);
	}
	if (rc == 0)
		rc = print(m, &text, 0);
	buf_fini(&text);
	kept_fini(&k);
	return merge_status(m, rc);
}

#define LAWS_ORDERS 64

/* Joins in a random order and grouping, some states twice: the result must be the same. */
static bool shuffle_joins(const struct kept *k, const struct crdt_state *doc)
{
	struct crdt_report quiet = { 0 };
	struct crdt_state *v = mem_array(2 * k->n, sizeof(*v));
	size_t n = 0;
	bool held;

	for (size_t i = 0; i < k->n; i++) {
		for (uint64_t times = 1 + rand_below(2); same_id(&k->v[i], doc) && times > 0;
			times--)
			crdt_clone(&v[n++], &k->v[i]);
	}
	while (n > 1) {
		size_t a = rand_below(n), b = rand_below(n - 1);

		b += b >= a;
		crdt_join(&quiet, &v[a], &v[b], NULL);
		crdt_state_fini(&v[b]);
		v[b] = v[--n];
	}
	held = n == 0 || crdt_equal(&v[0], doc);
	if (n > 0)
		crdt_state_fini(&v[0]);
	mem_free(v);
	return held;
}

int verb_laws(struct merge *m)
{
	struct kept k = { 0 };
	struct buf text = { 0 };
	int rc = keep_all(m, &k), violated = 0;

	for (size_t d = 0; d < m->docs.n && rc == 0; d++)
		for (int i = 0; i < LAWS_ORDERS; i++)
			violated += !shuffle_joins(&k, &m->docs.v[d]);
	if (rc == 0) {
		buf_addf(&text,
			"{\"documents\":%zu,\"orders\":%d,\"states\":%zu,\"violated\":%d}\n",
			m->docs.n, LAWS_ORDERS, k.n, violated);
		rc = print(m, &text, violated ? EXIT_NEGATIVE : EXIT_DONE);
	}
	kept_fini(&k);
	return merge_status(m, rc);
}
