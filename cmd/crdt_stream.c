/* crdt_stream.c - merging large sorted inputs without holding them
 *
 * Tried where an input is large or a pipe. If it turns out not to be for a stream, the general way
 * begins anew: files are opened again, and what was read of a pipe was held for that, up to a
 * limit.
 *
 * More inputs than can be open at once, or than one stream takes, are merged in passes. A pass
 * merges group after group and appends the results to a nameless file; the next one reads them
 * there as parts of one file and writes to a second; the last writes the output. So two descriptors
 * do for any number of results. */
#include "crdt_merge.h"

#include "base/log.h"
#include "base/mem.h"
#include "crdt/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define LARGE_BYTES (1 << 20)
#define HUGE_BYTES  (8 << 20) /* of one, or ... */
#define MANY_BYTES  (256 << 20) /* ... of all: passes are worth it */
#define HOLD_BYTES  (4u << 20)
#define OTHER_FILES 8 /* descriptors that are not inputs: standard ones, output, passes, some air */

/* An input, or a part of one. */
struct tap {
	struct merge *m;
	const char *path;
	struct merge_held *held; /* of a pipe; NULL: a file */
	int fd;
	off_t at, end; /* the part still to be read; end < 0: what there is, in its order */
};

static long tap_read(void *arg, char *p, size_t n)
{
	struct tap *t = arg;
	ssize_t got;

	if (t->end >= 0 && n > (size_t)(t->end - t->at))
		n = (size_t)(t->end - t->at);
	do {
		got = t->end < 0 ? read(t->fd, p, n) : pread(t->fd, p, n, t->at);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		merge_cannot("read", t->path);
	t->at += got > 0 ? got : 0;
	t->m->stats.bytes_in += got > 0 && t->end < 0 ? (size_t)got : 0;
	if (got > 0 && t->held && !t->held->lost) {
		if (t->held->text.n + (size_t)got > HOLD_BYTES) {
			t->held->lost = true;
			buf_fini(&t->held->text);
		} else {
			buf_add(&t->held->text, p, (size_t)got);
		}
	}
	return got;
}

static int stream(struct merge *m, struct tap *taps, size_t n, int shape, struct crdt_out *to)
{
	struct crdt_source sources[STREAM_INPUTS_MAX];

	for (size_t i = 0; i < n; i++)
		sources[i] = (struct crdt_source){ tap_read, &taps[i] };
	return crdt_stream(sources, n, &m->options, shape, n == (size_t)m->n_files, to);
}

/* The last step: what taps give becomes the output. 1 when it is written, 0 when this is not for a
 * stream, or a negative status. */
static int stream_out(struct merge *m, struct tap *taps, size_t n)
{
	struct merge_out o;
	struct crdt_out to = { .flush = merge_out_flush, .arg = &o };
	int rc = merge_out_open(m, &o, m->output, true);

	if (rc != 0)
		return -rc;
	to.b = &o.buf;
	rc = stream(m, taps, n, merge_shape(m), &to);
	if (rc == 1)
		return (rc = merge_out_commit(&o)) ? -rc : 1;
	merge_out_abandon(&o);
	return rc < 0 ? -EXIT_SYSTEM : 0;
}

/* --- one pass --------------------------------------------------------------------------------- */

/* Opens all; returns whether one is large or a pipe, and none is missing. */
static bool open_all(struct merge *m, struct tap *taps)
{
	bool worth = false, all = true;

	for (int i = 0; i < m->n_files; i++) {
		struct stat st;
		struct tap *t = &taps[i];

		*t = (struct tap){ .m = m, .path = m->files[i], .end = -1 };
		t->fd = STDIN_FILENO;
		if (strcmp(t->path, "-") != 0)
			t->fd = open(t->path, O_RDONLY | O_CLOEXEC);
		if (t->fd < 0 || fstat(t->fd, &st) != 0) {
			all = false;
			continue;
		}
		worth |= !S_ISREG(st.st_mode) || st.st_size >= LARGE_BYTES;
		if (!S_ISREG(st.st_mode) || t->fd == STDIN_FILENO) {
			m->held[i] = (struct merge_held){ .fd = t->fd, .used = true };
			t->held = &m->held[i];
		}
	}
	return worth && all;
}

static int stream_at_once(struct merge *m)
{
	struct tap taps[STREAM_INPUTS_MAX] = { { 0 } };
	int rc = open_all(m, taps) ? stream_out(m, taps, (size_t)m->n_files) : 0;
	bool lost = false;

	m->stats.bytes_in = rc == 1 ? m->stats.bytes_in : 0;
	for (int i = 0; i < m->n_files && rc == 0; i++) {
		lost |= m->held[i].lost;
		m->stats.bytes_in += m->held[i].text.n;
	}
	if (lost) {
		log_error(
			"a pipe of more than %u MiB is not sorted, or something in it is to be "
			"reported: use a file",
			HOLD_BYTES >> 20);
		rc = -EXIT_DATA;
	}
	for (int i = 0; i < m->n_files; i++) {
		if (taps[i].fd > 0 && (!taps[i].held || rc != 0))
			close(taps[i].fd);
		if (rc != 0)
			buf_fini(&m->held[i].text);
	}
	return rc;
}

/* --- passes ----------------------------------------------------------------------------------- */

/* Results of a pass: one behind the other in a nameless file. */
struct parts {
	int fd;
	off_t *end; /* of each */
	size_t n;
	bool failed;
	struct buf buf;
};

static void add_to_parts(void *arg, struct buf *b)
{
	struct parts *p = arg;

	if (!p->failed && merge_write_all(p->fd, b->p, b->n) != 0) {
		log_error("cannot write to a temporary file: %s", strerror(errno));
		p->failed = true;
	}
	b->n = 0;
}

/* Merges taps into one more part; as stream_out. */
static int stream_part(struct merge *m, struct tap *taps, size_t n, struct parts *to)
{
	int rc = stream(m, taps, n, -1, &(struct crdt_out){ &to->buf, add_to_parts, to });

	add_to_parts(to, &to->buf);
	if (rc < 0 || to->failed)
		return -EXIT_SYSTEM;
	to->end[to->n++] = lseek(to->fd, 0, SEEK_CUR);
	return rc;
}

static int first_pass(struct merge *m, size_t width, struct parts *to)
{
	struct tap taps[STREAM_INPUTS_MAX];
	int rc = 1;

	for (int i = 0; i < m->n_files && rc == 1;) {
		size_t n = 0;

		for (; n < width && i < m->n_files; i++) {
			int fd = open(m->files[i], O_RDONLY | O_CLOEXEC);

			if (fd < 0) {
				rc = 0; /* the general way says why */
				break;
			}
			taps[n++] =
				(struct tap){ .m = m, .path = m->files[i], .fd = fd, .end = -1 };
		}
		if (rc == 1)
			rc = stream_part(m, taps, n, to);
		while (n > 0)
			close(taps[--n].fd);
	}
	return rc;
}

static size_t tap_parts(
	struct merge *m, const struct parts *from, size_t i, size_t width, struct tap *taps)
{
	size_t n = 0;

	for (; n < width && i < from->n; i++)
		taps[n++] = (struct tap){ .m = m, .path = "temporary file", .fd = from->fd,
			.at = i ? from->end[i - 1] : 0, .end = from->end[i] };
	return n;
}

static int next_pass(struct merge *m, const struct parts *from, struct parts *to)
{
	struct tap taps[STREAM_INPUTS_MAX];
	int rc = lseek(to->fd, 0, SEEK_SET) == 0 && ftruncate(to->fd, 0) == 0 ? 1 : -EXIT_SYSTEM;

	to->n = 0;
	for (size_t i = 0, n; i < from->n && rc == 1; i += n) {
		n = tap_parts(m, from, i, STREAM_INPUTS_MAX, taps);
		rc = stream_part(m, taps, n, to);
	}
	return rc;
}

static int stream_in_passes(struct merge *m, size_t width)
{
	size_t most = (size_t)m->n_files;
	struct parts a = { .fd = merge_spool_open(), .end = mem_array(most, sizeof(*a.end)) };
	struct parts b = { .fd = merge_spool_open(), .end = mem_array(most, sizeof(*b.end)) };
	struct parts *from = &a, *to = &b, *swap;
	struct tap taps[STREAM_INPUTS_MAX];
	int rc = a.fd < 0 || b.fd < 0 ? 0 : first_pass(m, width, from);

	while (rc == 1 && from->n > STREAM_INPUTS_MAX) {
		rc = next_pass(m, from, to);
		swap = from;
		from = to;
		to = swap;
	}
	if (rc == 1)
		rc = stream_out(m, taps, tap_parts(m, from, 0, STREAM_INPUTS_MAX, taps));
	m->stats.bytes_in = rc == 1 ? m->stats.bytes_in : 0;
	for (int i = 0; i < 2; i++) {
		struct parts *p = i ? &a : &b;

		if (p->fd >= 0)
			close(p->fd);
		mem_free(p->end);
		buf_fini(&p->buf);
	}
	return rc;
}

/* --- which way -------------------------------------------------------------------------------- */

/* How many inputs may be open together. */
static size_t width_of(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 ||
		limit.rlim_cur >= STREAM_INPUTS_MAX + OTHER_FILES)
		return STREAM_INPUTS_MAX;
	return limit.rlim_cur > OTHER_FILES ? (size_t)limit.rlim_cur - OTHER_FILES : 0;
}

/* All are regular files, and not small? Small ones are read faster one after the other. */
static bool worth_passes(const struct merge *m)
{
	off_t total = 0, largest = 0;

	for (int i = 0; i < m->n_files; i++) {
		struct stat st;

		if (stat(m->files[i], &st) != 0 || !S_ISREG(st.st_mode))
			return false;
		total += st.st_size;
		largest = st.st_size > largest ? st.st_size : largest;
	}
	return largest >= HUGE_BYTES || total >= MANY_BYTES;
}

int merge_stream(struct merge *m)
{
	size_t width = width_of();
	int rc = 0;

	if (m->value)
		return -1;
	if ((size_t)m->n_files <= width)
		rc = stream_at_once(m);
	else if (width >= 2 && worth_passes(m))
		rc = stream_in_passes(m, width);
	if (rc == 0)
		return -1;
	if (rc < 0)
		return -rc;
	m->stats.files = m->stats.documents_in = (uint64_t)m->n_files;
	m->stats.documents_out = 1;
	m->stats.streamed = true;
	return EXIT_DONE;
}
