/* crdt_input.c - reading the inputs of rt-crdt-merge
 *
 * A file is one document or NDJSON. NDJSON is read in blocks, so that memory follows the result and
 * not the input. States point into the blocks; when little of one is still needed it is copied out
 * and the block used again, and when the blocks kept outgrow what is alive all of it is copied
 * together. A document over --max-line is refused as soon as it is that long, and no more of it is
 * held. */
#include "crdt_merge.h"

#include "base/log.h"
#include "base/mem.h"
#include "codec/split.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK_BYTES (1u << 20) /* the cache holds it */
#define SLACK_BYTES (64u << 20)

struct input {
	int fd;
	const char *path;
	char *p;
	size_t n, cap;
	bool eof;
};

/* Reads until n reaches `want` or the end. */
static int fill(struct merge *m, struct input *in, size_t want)
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
		if (got < 0)
			return merge_cannot("read", in->path);
		in->eof = got == 0;
		in->n += (size_t)got;
		m->stats.bytes_in += (size_t)got;
	}
	return 0;
}

static int open_input(struct input *in, struct stat *st)
{
	bool std = strcmp(in->path, "-") == 0;

	in->fd = std ? STDIN_FILENO : open(in->path, O_RDONLY | O_CLOEXEC);
	if (in->fd >= 0 && fstat(in->fd, st) == 0)
		return 0;
	return merge_cannot("open", in->path);
}

static void close_input(struct input *in)
{
	mem_free(in->p);
	if (in->fd > STDIN_FILENO)
		close(in->fd);
}

static size_t live_bytes(const struct merge *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->docs.n; i++) {
		const struct crdt_leaves *l = &m->docs.v[i].leaves;

		for (size_t k = 0; k < l->n; k++)
			n += l->v[k].key_n + (l->v[k].val_n == LEAF_COUNT ? 0 : l->v[k].val_n);
	}
	return n;
}

/* Gives texts back that hardly anything points into any more. */
static void compact(struct merge *m)
{
	size_t held = m->texts.bytes;

	for (size_t i = 0; i < m->docs.n; i++)
		held += m->docs.v[i].arena.bytes;
	if (!m->compacts || held < m->compact_at)
		return;
	m->compact_at = 2 * live_bytes(m) + SLACK_BYTES;
	if (held < m->compact_at)
		return;
	for (size_t i = 0; i < m->docs.n; i++)
		crdt_compact(&m->docs.v[i]);
	arena_fini(&m->texts);
}

static bool points_into(struct str s, struct str block)
{
	return (uintptr_t)s.p - (uintptr_t)block.p < block.n;
}

/* Counts what of a block is still needed, or copies it out. */
static size_t needed_of(struct crdt_state *s, struct str block, bool copy)
{
	size_t needed = 0;

	for (size_t i = 0; i < s->leaves.n; i++) {
		struct crdt_leaf *l = &s->leaves.v[i];

		if (points_into(leaf_key(l), block)) {
			needed += l->key_n;
			if (copy)
				l->key = arena_copy(&s->arena, leaf_key(l)).p;
		}
		if (l->val_n != LEAF_COUNT && points_into(leaf_val(l), block)) {
			needed += l->val_n;
			if (copy)
				l->val = arena_copy(&s->arena, leaf_val(l)).p;
		}
	}
	return needed;
}

/* Moves what is still needed of a block to where its state lives. false: that is much, or looking
 * for it would take long. */
static bool vacate(struct merge *m, struct str block)
{
	size_t leaves = 0, needed = 0;

	for (size_t i = 0; i < m->docs.n; i++)
		leaves += m->docs.v[i].leaves.n;
	if (!m->compacts || leaves > block.n / sizeof(struct crdt_leaf))
		return false;
	for (size_t i = 0; i < m->docs.n; i++)
		needed += needed_of(&m->docs.v[i], block, false);
	if (needed > block.n / 4)
		return false;
	for (size_t i = 0; i < m->docs.n && needed > 0; i++)
		needed_of(&m->docs.v[i], block, true);
	return true;
}

/* --- what cannot be used ---------------------------------------------------------------------- */

static int quarantine(struct merge *m, struct str text)
{
	while (text.n > 0 && memchr(" \t\r\n", text.p[text.n - 1], 4))
		text.n--;
	while (text.n > 0 && memchr(" \t\r\n", *text.p, 4))
		text = str_skip(text, 1);
	if (m->quarantine_fd <= 0)
		m->quarantine_fd =
			open(m->quarantine, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
	if (m->quarantine_fd > 0 && merge_write_all(m->quarantine_fd, text.p, text.n) == 0 &&
			merge_write_all(m->quarantine_fd, "\n", 1) == 0)
		return 0;
	return merge_cannot("write", m->quarantine);
}

int merge_refused(struct merge *m, const struct str *text, uint64_t errors)
{
	bool drift = m->report.error == E_DRIFT && m->on_drift == DRIFT_QUARANTINE;

	if (!drift && m->on_bad == BAD_STOP)
		return 0;
	m->report.errors = errors;
	m->skipped++;
	return text && (drift || m->on_bad == BAD_QUARANTINE) ? quarantine(m, *text) : 0;
}

/* --- documents -------------------------------------------------------------------------------- */

/* Reads the documents of the first n bytes. The block is used again for what follows them, or
 * handed to m->texts. */
static int parse(struct merge *m, struct input *in, size_t n, merge_fn *fn, void *arg)
{
	struct str text;
	char *rest = NULL;
	size_t rest_n = in->n - n;
	int rc = 0;

	if (rest_n == 0) {
		in->cap = n + 1;
		in->p = mem_resize(in->p, in->cap, 1);
	}
	text = str_make(in->p, n);
	m->reader.report = &m->report;
	m->reader.options = &m->options;
	while (rc == 0) {
		const char *begin = text.p;
		uint64_t errors = m->report.errors;
		struct crdt_state s;
		struct str whole;
		int got = crdt_read(&m->reader, &text, &s);

		if (got == 0)
			break;
		m->stats.documents_in++;
		whole = str_make(begin, (size_t)(text.p - begin));
		if (got < 0 || fn(m, &s, whole, arg) != 0)
			rc = merge_refused(m, &whole, errors);
	}
	if (vacate(m, str_make(in->p, n))) {
		memmove(in->p, in->p + n, rest_n);
	} else {
		if (rest_n > 0) {
			rest = mem_alloc(rest_n + BLOCK_BYTES);
			memcpy(rest, in->p + n, rest_n);
		}
		arena_adopt(&m->texts, in->p, n);
		in->p = rest;
		in->cap = rest ? rest_n + BLOCK_BYTES : 0;
	}
	in->n = rest_n;
	compact(m);
	return rc;
}

/* The end of the last whole line, or 0. */
static size_t last_line(const struct input *in)
{
	const char *nl = memrchr(in->p, '\n', in->n);

	return nl ? (size_t)(nl + 1 - in->p) : 0;
}

/* The end of the last whole value, or 0. */
static size_t last_value(const struct input *in)
{
	struct split split = { 0 };
	size_t at = 0, end = 0;
	long n;

	while (at < in->n && (n = split_feed(&split, str_make(in->p + at, in->n - at))) > 0)
		end = at += (size_t)n;
	return end;
}

/* Does the first line hold a whole value? Then the file is NDJSON. */
static bool is_ndjson(const struct input *in)
{
	struct split split = { 0 };
	const char *p = in->p, *end = in->p + in->n, *nl;

	while (p < end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n'))
		p++;
	nl = memchr(p, '\n', (size_t)(end - p));
	return nl && split_feed(&split, str_make(p, (size_t)(nl + 1 - p))) >= 0;
}

/* Reads on until a line is whole or the limit is passed. Most files are read at once by this. */
static int fill_line(struct merge *m, struct input *in, const struct stat *st)
{
	size_t max = m->options.max_line, seen = 0;
	size_t want =
		S_ISREG(st->st_mode) && st->st_size < BLOCK_BYTES ? (size_t)st->st_size + 1 : 65536;
	int rc = 0;

	want = want > in->n ? want : in->n + 1;
	while (rc == 0 && !in->eof && in->n <= max) {
		rc = fill(m, in, want);
		if (in->n > seen && memchr(in->p + seen, '\n', in->n - seen))
			break;
		seen = in->n;
		want = in->n < max / 2 ? 2 * in->n : max + 1;
	}
	return rc;
}

/* The rest of a line that is too long, without keeping it. */
static int skip_line(struct merge *m, struct input *in)
{
	int rc = 0;

	for (;;) {
		const char *nl = memchr(in->p, '\n', in->n);

		if (nl) {
			in->n -= (size_t)(nl + 1 - in->p);
			memmove(in->p, nl + 1, in->n);
			m->report.line++;
			return 0;
		}
		in->n = 0;
		if (in->eof)
			return 0;
		rc = fill(m, in, 65536);
		if (rc != 0)
			return rc;
	}
}

/* Where nothing will be written anyway, nothing more is read. */
static int refuse_long(struct merge *m, struct input *in, bool line)
{
	uint64_t errors = m->report.errors;

	crdt_find(&m->report, E_SIZE, m->report.line, "", "the %s is longer than %zu bytes%s",
		line ? "line" : "document", m->options.max_line,
		line ? "" : "; the rest of the file is not read");
	m->stats.documents_in++;
	merge_refused(m, NULL, errors);
	if (line && m->on_bad != BAD_STOP)
		return skip_line(m, in);
	in->n = 0;
	in->eof = true;
	return 0;
}

/* Block by block, up to the last whole line of each. */
static int read_lines(struct merge *m, struct input *in, merge_fn *fn, void *arg)
{
	int rc = 0;

	while (rc == 0 && !in->eof) {
		size_t end;

		rc = fill(m, in, in->n + BLOCK_BYTES);
		end = rc == 0 && !in->eof ? last_line(in) : 0;
		if (end > 0) {
			rc = parse(m, in, end, fn, arg);
		} else if (rc == 0 && !in->eof && in->n > m->options.max_line) {
			rc = refuse_long(m, in, true);
		}
	}
	return rc;
}

/* All of it, but no more at once than a document may be long. */
static int read_values(
	struct merge *m, struct input *in, const struct stat *st, merge_fn *fn, void *arg)
{
	size_t max = m->options.max_line;
	int rc = 0;

	while (rc == 0 && !in->eof) {
		size_t want = S_ISREG(st->st_mode) && (size_t)st->st_size > in->n ?
			(size_t)st->st_size + 1 : 2 * in->n + 65536, end;

		rc = fill(m, in, want < max + 1 ? want : max + 1);
		if (rc != 0 || in->eof || in->n <= max)
			continue;
		end = last_value(in);
		if (end > 0)
			rc = parse(m, in, end, fn, arg);
		else
			rc = refuse_long(m, in, !memchr(in->p, '\n', in->n));
	}
	return rc;
}

static struct merge_held *held_of(struct merge *m, const char *path)
{
	for (int i = 0; i < m->n_files && i < (int)(sizeof(m->held) / sizeof(*m->held)); i++)
		if (m->files[i] == path && m->held[i].used)
			return &m->held[i];
	return NULL;
}

int merge_each(struct merge *m, const char *path, merge_fn *fn, void *arg)
{
	struct input in = { .path = path, .fd = -1 };
	struct merge_held *held = held_of(m, path);
	struct stat st = { 0 };
	int rc = 0;

	if (held) {
		in.p = held->text.p;
		in.n = held->text.n;
		in.cap = held->text.cap;
		held->text = (struct buf){ 0 };
		held->used = false;
		in.fd = held->fd;
	} else {
		rc = open_input(&in, &st);
	}
	m->report.file = m->shown ? m->shown : path;
	m->report.line = 1;
	m->stats.files++;
	if (rc == 0)
		rc = fill_line(m, &in, &st);
	if (rc == 0 && !in.eof && is_ndjson(&in))
		rc = read_lines(m, &in, fn, arg);
	else if (rc == 0 && !in.eof)
		rc = read_values(m, &in, &st, fn, arg);
	if (rc == 0 && in.n > 0)
		rc = parse(m, &in, in.n, fn, arg);
	close_input(&in);
	return rc;
}

int merge_ctx(struct merge *m, const char *path, struct crdt_state *out)
{
	struct input in = { .path = path, .fd = -1 };
	struct stat st;
	int rc;

	*out = (struct crdt_state){ 0 };
	m->report.file = path;
	m->report.line = 1;
	m->reader.report = &m->report;
	m->reader.options = &m->options;
	rc = open_input(&in, &st);
	if (rc == 0)
		rc = fill(m, &in,
			m->options.max_line < BLOCK_BYTES ? m->options.max_line + 1 : BLOCK_BYTES);
	while (rc == 0 && !in.eof && in.n <= m->options.max_line)
		rc = fill(m, &in,
			in.n < m->options.max_line / 2 ? 2 * in.n : m->options.max_line + 1);
	if (rc == 0 && in.n > m->options.max_line)
		rc = crdt_find(&m->report, E_SIZE, 1, "", "the context is longer than %zu bytes",
			m->options.max_line) ? EXIT_DATA : 0;
	if (rc == 0 && crdt_read_ctx(&m->reader, str_make(in.p, in.n), out) != 0)
		rc = EXIT_DATA;
	close_input(&in);
	return rc;
}

/* --- documents by id -------------------------------------------------------------------------- */

static int by_id(const struct crdt_state *a, const struct crdt_state *b)
{
	return a->has_id != b->has_id ? a->has_id - b->has_id : canon_cmp(a->id, b->id);
}

static struct crdt_state *doc_of(struct merge_docs *d, const struct crdt_state *s)
{
	size_t lo = 0, hi = d->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (by_id(&d->v[mid], s) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < d->n && by_id(&d->v[lo], s) == 0)
		return &d->v[lo];
	if (d->n == d->cap) {
		d->cap = d->cap ? 2 * d->cap : 8;
		d->v = mem_resize(d->v, d->cap, sizeof(*d->v));
	}
	memmove(d->v + lo + 1, d->v + lo, (d->n - lo) * sizeof(*d->v));
	d->n++;
	d->v[lo] = (struct crdt_state){ .has_id = s->has_id, .file = s->file, .line = s->line };
	if (s->has_id)
		d->v[lo].id = arena_copy(&d->v[lo].arena, s->id);
	return &d->v[lo];
}

struct crdt_state *merge_find(const struct merge_docs *d, const struct crdt_state *s)
{
	for (size_t lo = 0, hi = d->n; lo < hi;) {
		size_t mid = (lo + hi) / 2;
		int c = by_id(&d->v[mid], s);

		if (c == 0)
			return &d->v[mid];
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

int merge_add(struct merge *m, struct merge_docs *d, struct crdt_state *s, bool *changed)
{
	struct crdt_state *doc = doc_of(d, s);
	/* Where a bad document is passed over, nothing of it may stay. */
	int rc = m->on_bad == BAD_STOP ? 0 : crdt_can_join(&m->report, doc, s);

	if (changed)
		*changed = false;
	if (rc == 0)
		rc = crdt_join(&m->report, doc, s, changed);
	crdt_state_fini(s);
	return rc;
}

void merge_docs_fini(struct merge_docs *d)
{
	for (size_t i = 0; i < d->n; i++)
		crdt_state_fini(&d->v[i]);
	mem_free(d->v);
	*d = (struct merge_docs){ 0 };
}

static int add_to_docs(struct merge *m, struct crdt_state *s, struct str text, void *arg)
{
	(void)text;
	return merge_add(m, arg, s, NULL);
}

int merge_load(struct merge *m, const char *path, struct merge_docs *d)
{
	return merge_each(m, path, add_to_docs, d);
}

int merge_all(struct merge *m)
{
	int rc = 0;

	m->compacts = true;
	for (int i = 0; i < m->n_files && rc == 0; i++)
		rc = merge_load(m, m->files[i], &m->docs);
	m->compacts = false;
	return rc;
}

static int add_to_one(struct merge *m, struct crdt_state *s, struct str text, void *arg)
{
	struct crdt_state *one = arg;
	uint64_t line = s->line;
	const char *file = s->file;
	int rc;

	(void)text;
	if (one->line > 0 && (one->has_id != s->has_id || !str_eq(one->id, s->id)))
		rc = crdt_find(
			&m->report, E_KEY, s->line, "/id", "a second document with another id");
	else
		rc = crdt_join(&m->report, one, s, NULL);
	if (one->line == 0) {
		one->has_id = s->has_id || one->has_id;
		one->line = line;
		one->file = file;
	}
	crdt_state_fini(s);
	return rc;
}

int merge_one(struct merge *m, const char *path, struct crdt_state *out)
{
	*out = (struct crdt_state){ 0 };
	return merge_each(m, path, add_to_one, out);
}

void merge_fini(struct merge *m)
{
	merge_docs_fini(&m->docs);
	crdt_reader_fini(&m->reader);
	arena_fini(&m->texts);
	if (m->quarantine_fd > 0)
		close(m->quarantine_fd);
	m->quarantine_fd = 0;
}
