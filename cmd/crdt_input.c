/* crdt_input.c - reading the inputs of rt-crdt-merge
 *
 * A file is one document or NDJSON. NDJSON is read in blocks, so that memory follows the result and not the input; states
 * point into the blocks, and when those outgrow what is alive the rest is copied together. */
#include "crdt_merge.h"

#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK_BYTES (8u << 20)
#define SLACK_BYTES (64u << 20)

struct input {
	int fd;
	const char *path;
	char *p;
	size_t n, cap;
	bool eof;
};

/* Reads until n reaches `want` or the end. */
static int fill(struct input *in, size_t want)
{
	while (!in->eof && in->n < want) {
		ssize_t got;

		if (in->cap < want + 1 || !in->p) {
			in->cap = want + 1;
			in->p = mem_resize(in->p, in->cap, 1);
		}
		got = read(in->fd, in->p + in->n, want - in->n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			log_error("cannot read '%s': %s", in->path, strerror(errno));
			return EXIT_SYSTEM;
		}
		in->eof = got == 0;
		in->n += (size_t)got;
	}
	return 0;
}

/* Is the first line a document of its own? Then the file is NDJSON. */
static bool is_ndjson(struct merge *m, const struct input *in)
{
	const char *nl = memchr(in->p, '\n', in->n);
	struct crdt_report quiet = { 0 };
	struct arena tree = { 0 };
	struct json_reader r = { .arena = &tree, .report = &quiet, .max_depth = m->options.max_depth };
	bool whole;

	if (!nl)
		return false;
	r.begin = r.p = in->p;
	r.end = nl;
	whole = json_read(&r) != NULL;
	arena_fini(&tree);
	return whole;
}

static size_t live_bytes(const struct merge *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n_docs; i++) {
		const struct crdt_leaves *l = &m->docs[i].leaves;

		for (size_t k = 0; k < l->n; k++)
			n += l->v[k].key_n + (l->v[k].val_n == LEAF_COUNT ? 0 : l->v[k].val_n);
	}
	return n;
}

/* Gives texts back that hardly anything points into any more. */
static void compact(struct merge *m)
{
	size_t held = m->texts.bytes;

	for (size_t i = 0; i < m->n_docs; i++)
		held += m->docs[i].arena.bytes;
	if (held < SLACK_BYTES || held < 2 * live_bytes(m) + SLACK_BYTES)
		return;
	for (size_t i = 0; i < m->n_docs; i++)
		crdt_compact(&m->docs[i]);
	arena_fini(&m->texts);
}



/* Reads the documents of the first n bytes, and hands the block to m->texts. */
static void parse(struct merge *m, struct input *in, size_t n, void (*fn)(struct merge *m, struct crdt_state *s, struct str text, void *arg), void *arg)
{
	struct str text = str_make(in->p, n);
	char *rest = NULL;
	size_t rest_n = in->n - n;
	struct crdt_state s;
	int rc;

	if (rest_n > 0) {
		rest = mem_alloc(rest_n + BLOCK_BYTES);
		memcpy(rest, in->p + n, rest_n);
	}
	in->p = mem_resize(in->p, n + 1, 1);
	text.p = in->p;
	arena_adopt(&m->texts, in->p, n);
	m->reader.report = &m->report;
	m->reader.options = &m->options;
	for (;;) {
		const char *begin = text.p;

		rc = crdt_read(&m->reader, &text, &s);
		if (rc == 0)
			break;
		if (rc > 0)
			fn(m, &s, str_make(begin, (size_t)(text.p - begin)), arg);
	}
	in->p = rest;
	in->n = rest_n;
	in->cap = rest ? rest_n + BLOCK_BYTES : 0;
}

/* The end of the last whole line, or 0. */
static size_t last_line(const struct input *in)
{
	const char *nl = memrchr(in->p, '\n', in->n);

	return nl ? (size_t)(nl + 1 - in->p) : 0;
}

static struct merge_held *held_of(struct merge *m, const char *path)
{
	for (int i = 0; i < m->n_files && i < (int)(sizeof(m->held) / sizeof(*m->held)); i++)
		if (m->files[i] == path && m->held[i].used)
			return &m->held[i];
	return NULL;
}

int merge_each(struct merge *m, const char *path, void (*fn)(struct merge *m, struct crdt_state *s, struct str text, void *arg), void *arg)
{
	struct input in = { .path = path };
	bool stdin_ = strcmp(path, "-") == 0, lines;
	struct merge_held *held;
	struct stat st;
	int rc;

	held = held_of(m, path);
	if (held) {
		in.p = held->text.p;
		in.n = held->text.n;
		in.cap = held->text.cap;
		held->text = (struct buf){ 0 };
		held->used = false;
		in.fd = held->fd;
	} else {
		in.fd = stdin_ ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	}
	m->report.file = path;
	m->report.line = 1;
	if (in.fd < 0 || fstat(in.fd, &st) != 0) {
		log_error("cannot open '%s': %s", path, strerror(errno));
		rc = EXIT_SYSTEM;
		goto out;
	}
	rc = fill(&in, in.n > 65536 ? in.n + 1 : S_ISREG(st.st_mode) && st.st_size < BLOCK_BYTES ? (size_t)st.st_size + 1 : 65536);
	lines = rc == 0 && !in.eof && is_ndjson(m, &in);
	while (rc == 0 && lines && !in.eof) {
		size_t end;

		rc = fill(&in, in.n + BLOCK_BYTES);
		end = rc == 0 && !in.eof ? last_line(&in) : 0;
		if (end > 0) {
			parse(m, &in, end, fn, arg);
			compact(m);
		}
	}
	while (rc == 0 && !in.eof)
		rc = fill(&in, S_ISREG(st.st_mode) && (size_t)st.st_size > in.n ? (size_t)st.st_size + 1 : 2 * in.n + 65536);
	if (rc == 0 && in.n > 0) {
		parse(m, &in, in.n, fn, arg);
		compact(m);
	}
out:
	mem_free(in.p);
	if (in.fd >= 0 && !stdin_)
		close(in.fd);
	return rc;
}

/* --- documents by id -------------------------------------------------------------------------- */

static int by_id(const struct crdt_state *a, const struct crdt_state *b)
{
	return a->has_id != b->has_id ? a->has_id - b->has_id : canon_cmp(a->id, b->id);
}

static struct crdt_state *doc_of(struct merge *m, const struct crdt_state *s)
{
	size_t lo = 0, hi = m->n_docs;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (by_id(&m->docs[mid], s) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < m->n_docs && by_id(&m->docs[lo], s) == 0)
		return &m->docs[lo];
	if (m->n_docs == m->cap_docs) {
		m->cap_docs = m->cap_docs ? 2 * m->cap_docs : 8;
		m->docs = mem_resize(m->docs, m->cap_docs, sizeof(*m->docs));
	}
	memmove(m->docs + lo + 1, m->docs + lo, (m->n_docs - lo) * sizeof(*m->docs));
	m->n_docs++;
	m->docs[lo] = (struct crdt_state){ .has_id = s->has_id };
	if (s->has_id)
		m->docs[lo].id = arena_copy(&m->docs[lo].arena, s->id);
	return &m->docs[lo];
}

int merge_add(struct merge *m, struct crdt_state *s, bool *changed)
{
	int rc = crdt_join(&m->report, doc_of(m, s), s, changed);

	crdt_state_fini(s);
	return rc;
}

static void add_to_docs(struct merge *m, struct crdt_state *s, struct str text, void *arg)
{
	(void)text;
	(void)arg;
	merge_add(m, s, NULL);
}

int merge_all(struct merge *m)
{
	int rc = 0;

	for (int i = 0; i < m->n_files && rc == 0; i++)
		rc = merge_each(m, m->files[i], add_to_docs, NULL);
	return rc;
}

static void add_to_one(struct merge *m, struct crdt_state *s, struct str text, void *arg)
{
	struct crdt_state *one = arg;
	uint64_t line = s->line;
	const char *file = s->file;

	(void)text;
	if (one->line > 0 && (one->has_id != s->has_id || !str_eq(one->id, s->id)))
		crdt_find(&m->report, E_KEY, s->line, "/id", "a second document with another id");
	else
		crdt_join(&m->report, one, s, NULL);
	if (one->line == 0) {
		one->has_id = s->has_id || one->has_id;
		one->line = line;
		one->file = file;
	}
	crdt_state_fini(s);
}

int merge_one(struct merge *m, const char *path, struct crdt_state *out)
{
	*out = (struct crdt_state){ 0 };
	return merge_each(m, path, add_to_one, out);
}

void merge_fini(struct merge *m)
{
	for (size_t i = 0; i < m->n_docs; i++)
		crdt_state_fini(&m->docs[i]);
	mem_free(m->docs);
	m->docs = NULL;
	m->n_docs = m->cap_docs = 0;
	crdt_reader_fini(&m->reader);
	arena_fini(&m->texts);
}
