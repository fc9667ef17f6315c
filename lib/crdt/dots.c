/* dots.c - which dot was seen where, over all documents of a run
 *
 * A hash table of runs: the dots of one node whose numbers agree but for the lowest bits lie side
 * by side, as most writers count up. 128 bits of keyed hash stand for id and node, 32 for the
 * place, so that it does not matter what they are called. */
#include "crdt/dots.h"
#include "base/mem.h"

#define RUN 8

struct run {
	uint64_t node[2]; /* node[0] == 0: free */
	uint64_t number;  /* seq / RUN */
	uint32_t place[RUN];
	uint32_t document[RUN]; /* from 1; 0: this dot was not seen */
};

struct document {
	const char *file;
	uint64_t line;
};

struct crdt_dots {
	struct run *runs;
	struct run *last; /* noted in, or NULL */
	struct document *documents; /* those that brought a dot */
	size_t n, n_runs, n_documents, cap_documents;
	size_t cap_runs; /* 0 or a power of two */
	uint64_t keys[4][2];
};

struct crdt_dots *dots_new(void)
{
	struct crdt_dots *d = mem_new(struct crdt_dots);

	rand_bytes(d->keys, sizeof(d->keys));
	return d;
}

void dots_free(struct crdt_dots *d)
{
	if (!d)
		return;
	mem_free(d->runs);
	mem_free(d->documents);
	mem_free(d);
}

size_t dots_count(const struct crdt_dots *d)
{
	return d->n;
}

/* Where a run is, or where it would be. */
static struct run *place_of(struct crdt_dots *d, const uint64_t node[2], uint64_t number)
{
	const uint64_t words[] = { node[0], node[1], number };
	uint64_t i = str_siphash(d->keys[3], str_make((const char *)words, sizeof(words)));
	struct run *run;

	do {
		run = &d->runs[i++ & (d->cap_runs - 1)];
	} while (run->node[0] &&
		(run->node[0] != node[0] || run->node[1] != node[1] || run->number != number));
	return run;
}

static void grow(struct crdt_dots *d)
{
	struct run *old = d->runs;
	size_t n = d->cap_runs;

	d->last = NULL;
	d->cap_runs = n ? 2 * n : 64;
	d->runs = mem_zalloc(d->cap_runs * sizeof(*d->runs));
	for (size_t i = 0; i < n; i++)
		if (old[i].node[0])
			*place_of(d, old[i].node, old[i].number) = old[i];
	mem_free(old);
}

static struct run *run_of(struct crdt_dots *d, const uint64_t node[2], uint64_t number)
{
	struct run *run;

	if (4 * d->n_runs >= 3 * d->cap_runs)
		grow(d);
	run = place_of(d, node, number);
	if (run->node[0] == 0) {
		*run = (struct run){ .node = { node[0], node[1] }, .number = number };
		d->n_runs++;
	}
	d->last = run;
	return run;
}

void dots_hash(const struct crdt_dots *d, struct str name, uint64_t hash[2])
{
	hash[0] = str_siphash(d->keys[0], name) | 1;
	hash[1] = str_siphash(d->keys[1], name);
}

uint32_t dots_note(struct crdt_dots *d, const uint64_t node[2], uint64_t seq, uint32_t place,
	uint32_t document)
{
	struct run *run = d->last;
	size_t at = seq % RUN;

	if (!run || run->number != seq / RUN || run->node[0] != node[0] || run->node[1] != node[1])
		run = run_of(d, node, seq / RUN);
	if (run->document[at] == 0) {
		run->document[at] = document;
		run->place[at] = place;
		d->n++;
		return 0;
	}
	return run->place[at] == place ? 0 : run->document[at];
}

static void add_document(struct crdt_dots *d, const struct crdt_state *s)
{
	if (d->n_documents == d->cap_documents) {
		d->cap_documents = d->cap_documents ? 2 * d->cap_documents : 8;
		d->documents = mem_resize(d->documents, d->cap_documents, sizeof(*d->documents));
	}
	d->documents[d->n_documents++] = (struct document){ s->file, s->line };
}

static int report(struct crdt_report *r, const struct crdt_state *s, const struct crdt_leaf *l,
	const struct document *at)
{
	struct crdt_dot dot;
	struct buf node = { 0 }, path = { 0 };
	char brief[STR_BRIEF];
	int rc;

	key_dot(leaf_key(l), &dot);
	key_decode(&node, dot.node);
	crdt_path(&path, s->type, leaf_key(l));
	rc = crdt_find(r, E_DOT_REUSE, s->line, buf_cstr(&path),
		"the dot [%s,%llu] also stands elsewhere (%s:%llu)",
		str_brief(buf_str(&node), brief, sizeof(brief)), (unsigned long long)dot.seq, at->file ? at->file : "-",
		(unsigned long long)at->line);
	buf_fini(&node);
	buf_fini(&path);
	return rc;
}

int dots_add(struct crdt_dots *d, struct crdt_report *r, const struct crdt_state *s)
{
	struct buf name = { 0 };
	struct str node = { 0 };
	uint64_t hash[2];
	size_t i = 0, id_n, before = d->n;
	uint32_t other = 0;
	int rc = 0;

	if (!s->type || !s->type->causal)
		return 0;
	key_add(&name, s->id);
	buf_add_char(&name, (char)('0' + s->has_id));
	id_n = name.n;
	for (; i < s->leaves.n && other == 0; i++) {
		const struct crdt_leaf *l = &s->leaves.v[i];
		struct crdt_dot dot;
		struct str place = str_make(l->key, key_dot(leaf_key(l), &dot));

		if (!str_eq(node, dot.node)) {
			node = dot.node;
			name.n = id_n;
			buf_add_str(&name, node);
			dots_hash(d, buf_str(&name), hash);
		}
		other = dots_note(d, hash, dot.seq, (uint32_t)str_siphash(d->keys[2], place),
			(uint32_t)d->n_documents + 1);
	}
	if (d->n > before)
		add_document(d, s);
	if (other)
		rc = report(r, s, &s->leaves.v[i - 1], &d->documents[other - 1]);
	buf_fini(&name);
	return rc;
}
